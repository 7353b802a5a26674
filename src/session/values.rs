//! `compare --values`: round values from files, judged like any other rounds.

use std::path::{Path, PathBuf};

use crate::clock::wall_rfc3339;
use crate::diagnostic::{Diagnostic, foreign as codes};
use crate::import;
use crate::import::values::{Sheet, comparable};
use crate::judge::Looks;
use crate::model::{
    Arm, Change, Fingerprint, Manifest, Metric, Mode, Origin, Outline, Profiles, RUN_SCHEMA, Round,
    Run, RunState, TargetOutline,
};
use crate::scenario::{example_change, read_change};
use crate::untrusted::Untrusted;

use super::Outcome;
use super::compare::as_baseline;
use super::weigh::{Weighing, weigh};

/// Two files of round values, and how to compare them.
#[derive(Debug)]
pub struct ValuesQuestion<'a> {
    pub before: &'a Path,
    pub now: &'a Path,
    /// Row i of both was measured next to each other.
    pub paired: bool,
    /// `NAME=CHANGE`, where another change is allowed than usual.
    pub allowed: &'a [String],
}

/// Judges the values of one file against those of another. Nothing is stored.
///
/// # Errors
/// All that is wrong with the files or the allowed changes.
pub fn compare_values(q: &ValuesQuestion<'_>) -> Result<Outcome, Vec<Diagnostic>> {
    let (before, now) = both(read(q.before), read(q.now))?;
    let matched = comparable(&before, &now, q.paired);
    let ((), allowed) = both(matched, allowed(q.allowed, &now))?;
    let outline = Outline {
        target: TargetOutline {
            url: now.name(),
            ..TargetOutline::default()
        },
        ..now.values().outline("values", &allowed)
    };
    let (reference, before, now) = (before.name(), before.values(), now.values());
    Ok(if q.paired {
        let mut rounds = before.rounds(Arm::Before);
        rounds.extend(now.rounds(Arm::Now));
        for (index, round) in rounds.iter_mut().enumerate() {
            round.index = index;
        }
        let weighing = Weighing {
            looks: Looks::Fixed,
            ..Weighing::paired(&outline, reference)
        };
        let comparison = weigh(&weighing, &rounds);
        Outcome {
            run: Run {
                comparison: Some(comparison),
                ..run(outline, Mode::Interleaved, rounds)
            },
            dir: PathBuf::new(),
            baseline: None,
            profiles: Profiles::default(),
        }
    } else {
        let baseline = as_baseline(run(
            outline.clone(),
            Mode::Imported,
            before.rounds(Arm::Now),
        ));
        let mut run = run(outline.clone(), Mode::Imported, now.rounds(Arm::Now));
        let weighing = Weighing {
            reference: Some(reference),
            looks: Looks::Fixed,
            ..Weighing::stored(&outline, &baseline, &run.manifest, false)
        };
        run.comparison = Some(weigh(&weighing, &run.rounds));
        Outcome {
            run,
            dir: PathBuf::new(),
            baseline: Some(baseline),
            profiles: Profiles::default(),
        }
    })
}

fn read(path: &Path) -> Result<Sheet, Vec<Diagnostic>> {
    Sheet::read(import::text(path).map_err(|d| vec![d])?)
}

/// Both results, or what is wrong with either.
fn both<A, B>(
    a: Result<A, Vec<Diagnostic>>,
    b: Result<B, Vec<Diagnostic>>,
) -> Result<(A, B), Vec<Diagnostic>> {
    match (a, b) {
        (Ok(a), Ok(b)) => Ok((a, b)),
        (Err(a), Err(b)) => Err([a, b].concat()),
        (Err(found), _) | (_, Err(found)) => Err(found),
    }
}

/// Reads `latency.p99=+10%`, each of a column there is.
fn allowed(texts: &[String], sheet: &Sheet) -> Result<Vec<(Metric, Change)>, Vec<Diagnostic>> {
    let mut allowed = Vec::new();
    let mut found = Vec::new();
    for text in texts {
        let (name, change) = text.split_once('=').unwrap_or((text, ""));
        let Some(metric) = sheet.metric(name.trim()) else {
            let name = Untrusted::from(name.trim()).terminal();
            let d = Diagnostic::error(
                &codes::BAD_COLUMN,
                format!("no column is named `{name}`, so no change of it is allowed"),
            );
            found.push(d.help(format!("the columns are {}", sheet.names().join(", "))));
            continue;
        };
        match read_change(metric, change) {
            Ok(change) => allowed.push((metric, change)),
            Err(d) => {
                let example = example_change(metric);
                found.push(d.help(format!("write --allowed '{metric}={example}'")));
            }
        }
    }
    if found.is_empty() {
        Ok(allowed)
    } else {
        Err(found)
    }
}

/// Rounds of values in the place of a run, which never was one.
fn run(outline: Outline, mode: Mode, rounds: Vec<Round>) -> Run {
    Run {
        manifest: Manifest {
            schema: RUN_SCHEMA,
            id: "values".to_owned(),
            mode,
            started_at: wall_rfc3339(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            seed: 0,
            plan_hash: String::new(),
            outline,
            scenario: String::new(),
            scenario_file: None,
            fingerprint: Fingerprint::default(),
            instrument: None,
            revision: None,
            reference: None,
            baseline: None,
            shard: None,
            start_at: None,
            parts: Vec::new(),
            origin: Some(Origin::Values),
        },
        state: RunState::Complete,
        rounds,
        intervals: Vec::new(),
        samples: Vec::new(),
        comparison: None,
    }
}
