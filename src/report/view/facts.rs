//! What was run, of which target, under which load, and by whom.

use crate::model::{Arm, Manifest, Origin, Run, RunState};
use crate::report::words;
use crate::untrusted::Untrusted;

/// What was run: the facts of the manifest.
#[derive(Debug, Clone)]
pub(in crate::report) struct Facts {
    pub(in crate::report) manifest: Manifest,
    pub(in crate::report) state: RunState,
    pub(in crate::report) scenario: Untrusted,
    pub(in crate::report) description: Untrusted,
    /// The command that starts it, or its address.
    pub(in crate::report) target: Untrusted,
    /// `200/s poisson, 5 rounds × 60 s`
    pub(in crate::report) load: Untrusted,
}

impl Facts {
    pub(super) fn new(run: &Run) -> Self {
        let outline = &run.manifest.outline;
        let loads: Vec<_> = outline
            .phases
            .iter()
            .filter(|p| !p.warm_up)
            .map(|p| p.load.as_str())
            .collect();
        let load = match loads.as_slice() {
            [] => "no load".to_owned(),
            [one] => (*one).to_owned(),
            many => words::plural(many.len(), "phase"),
        };
        let rounds = run.arm(Arm::Now).count();
        Self {
            manifest: run.manifest.clone(),
            state: run.state,
            scenario: Untrusted::new(outline.name.as_str()),
            description: Untrusted::new(outline.description.as_str()),
            target: Untrusted::new(target(run)),
            load: Untrusted::new(match &run.manifest.origin {
                Some(_) if loads.iter().all(|l| l.is_empty()) => words::plural(rounds, "round"),
                Some(_) => format!("{load}, {}", words::plural(rounds, "round")),
                None if rounds == 0 => {
                    format!("{load}, no round of {} finished", outline.measured())
                }
                None => format!(
                    "{load}, {} × {}",
                    words::plural(rounds, "round"),
                    outline.measured()
                ),
            }),
        }
    }
}

/// The target by its name, with what must be known of it beside.
fn target(run: &Run) -> String {
    let target = &run.manifest.outline.target;
    let name = target.name();
    match &run.manifest.origin {
        Some(origin @ Origin::Tool { .. }) if name.is_empty() => format!("by {origin}"),
        Some(origin @ Origin::Tool { .. }) => format!("{name} (by {origin})"),
        _ if target.unverified => format!("{name} (certificate NOT verified)"),
        _ if !target.limits.is_none() => format!("{name} (each process: {})", target.limits),
        _ => name,
    }
}
