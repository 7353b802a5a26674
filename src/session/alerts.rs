//! Rule files, alerts of a stored run, and what an alert that fired means for the verdict.

use std::fmt::Write as _;
use std::path::Path;

use crate::alert::{Alert, Watch, parse_rules};
use crate::diagnostic::{Diagnostic, SourceFile, foreign, validity};
use crate::model::{
    AlertEvent, AlertGate, AlertState, Arm, Comparison, Finding, Round, Run, Verdict,
};

use super::Outcome;

/// Bytes of a file of rules.
const LARGEST: u64 = 1 << 20;

/// Reads the alerts of a file in the form of Prometheus.
///
/// # Errors
/// Why it cannot be read, or everything that is wrong with it.
pub fn alert_rules(path: &Path) -> Result<Vec<Alert>, Vec<Diagnostic>> {
    let unreadable = |reason: String| {
        let message = format!("{} cannot be read", path.display());
        let help = "--rules names a file of alert rules, such as scenarios/rules/service.yml";
        vec![
            Diagnostic::error(&foreign::RULES_UNREADABLE, message)
                .because(reason)
                .help(help),
        ]
    };
    let about = path.metadata().map_err(|e| unreadable(e.to_string()))?;
    if !about.is_file() {
        return Err(unreadable("it is not a regular file".to_owned()));
    }
    if about.len() > LARGEST {
        return Err(unreadable("it is larger than 1 MiB".to_owned()));
    }
    let bytes = std::fs::read(path).map_err(|e| unreadable(e.to_string()))?;
    let text = String::from_utf8(bytes).map_err(|_| unreadable("it is not UTF-8".to_owned()))?;
    parse_rules(&SourceFile {
        name: path.display().to_string(),
        text: text.into(),
    })
}

/// Evaluates alerts over the rounds of a stored run, in place of what was recorded then. Its verdict
/// stays what it was.
pub fn evaluate_alerts(outcome: &mut Outcome, alerts: &[Alert]) {
    let Run {
        manifest,
        rounds,
        intervals,
        samples,
        ..
    } = &mut outcome.run;
    for round in rounds {
        let watch = Watch::new(alerts, &manifest.outline.steps);
        round.alerts = watch.over(
            intervals.iter().filter(|i| i.round == round.index),
            samples.iter().filter(|s| s.round == round.index),
        );
    }
}

/// Refuses a gate that nothing could ever close.
///
/// # Errors
/// When there is no alert.
pub fn gate_on_alerts(alerts: &[Alert]) -> Result<(), Diagnostic> {
    if !alerts.is_empty() {
        return Ok(());
    }
    let message = "--fail-on-alert has no alert to go by";
    Err(
        Diagnostic::error(&crate::diagnostic::scenario::CONFLICT, message)
            .because("neither the scenario nor --rules has one, so the run could never fail by it")
            .help("add an [[alert]] to the scenario, or --rules FILE"),
    )
}

/// Enters into the comparison what alerts did, and lets the gate decide.
pub(super) fn conclude(comparison: &mut Comparison, rounds: &[Round], gate: Option<AlertGate>) {
    let of_now = || {
        let rounds = rounds.iter().filter(|r| r.arm == Arm::Now);
        rounds.flat_map(|r| r.alerts.iter().map(move |event| (r, event)))
    };
    if let Some((round, event)) = of_now().find(|(_, e)| e.state == AlertState::Unevaluated) {
        let reason = event.annotations.get("error").map_or("", |e| e.raw());
        comparison.findings.push(Finding {
            code: Some(validity::ALERT_UNEVALUATED.id.to_owned()),
            text: format!(
                "alert `{}` was not evaluated at {} of round {}: {reason}",
                event.alert,
                event.at,
                round.index + 1
            ),
            hint: None,
        });
    }
    let mut fired = of_now().filter(|(_, e)| e.state == AlertState::Firing);
    let gating = gate.and_then(|gate| of_now().find(|(_, e)| gate.covers(e)));
    let Some((round, event)) = gating.or_else(|| fired.next()) else {
        return;
    };
    let more = of_now()
        .filter(|(_, e)| e.state == AlertState::Firing)
        .count()
        - 1;
    let mut text = told(round, event);
    if more > 0 {
        let _ = write!(text, "; {more} more fired");
    }
    let closes = gating.is_some();
    let hint = if closes { None } else { not_gating(gate) };
    if closes && comparison.decision.verdict < Verdict::Broken {
        comparison.decision.verdict = Verdict::Broken;
        comparison.decision.headline.clone_from(&text);
    }
    comparison.findings.push(Finding {
        code: Some(validity::ALERT_FIRED.id.to_owned()),
        text,
        hint,
    });
}

fn not_gating(gate: Option<AlertGate>) -> Option<String> {
    gate.is_none()
        .then(|| "--fail-on-alert makes a run fail by an alert".to_owned())
}

/// `alert PoolNearlyFull (warning) fired at 42 s of round 1: 97 % of the pool is in use`
fn told(round: &Round, event: &AlertEvent) -> String {
    let mut text = format!(
        "alert {} fired at {} of round {}",
        event.name(),
        event.at,
        round.index + 1
    );
    if let Some(summary) = event.summary() {
        let _ = write!(text, ": {}", summary.raw());
    }
    text
}
