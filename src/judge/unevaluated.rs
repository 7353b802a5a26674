//! Rules that were asked for and of which nothing was concluded, each with its reason.
//!
//! A gate that is silent about what it did not look at reads as if it had looked.

use super::evidence::Row;
use super::question::Question;
use super::wording;
use crate::model::{Better, Design, MetricResult, Unevaluated, label};

/// Why a duet leaves out what a process uses.
const DUET_PROCESS: &str = "not judged in a duet: two targets at once share caches and cores, and the one in the second place pays for it";

/// Why a duet leaves out absolute limits.
const DUET_LIMIT: &str = "not judged in a duet: each side has only half of the load";

/// The list, in the order of the rows. `unjudged` says of which rows the limit was not looked at.
pub(super) fn list(
    q: &Question,
    rows: &[Row],
    results: &[MetricResult],
    unjudged: &[bool],
    advice: Option<&str>,
) -> Vec<Unevaluated> {
    let mut found = Vec::new();
    for ((row, result), limit_unjudged) in rows.iter().zip(results).zip(unjudged) {
        let mut add = |part: String, reason: String| {
            found.push(Unevaluated {
                rule: format!("{}: {part}", result.name()),
                reason,
                line: result.line,
            });
        };
        let ask = &row.ask;
        if let (Some(allowed), true) = (ask.allowed, ask.gating && !ask.alarm) {
            let worse_is_less = ask.metric.better() == Better::Higher;
            let part = format!("change {}", wording::allowed(allowed, worse_is_less));
            if let Some((_, reason)) = &row.blocked {
                add(part, reason.clone());
            } else if let Some(advice) = advice.filter(|_| result.verdict.is_some()) {
                add(part, advice.to_owned());
            }
        }
        if let (Some(max), true) = (ask.max, *limit_unjudged) {
            let reason = result.note.clone().unwrap_or_default();
            add(format!("limit {}", ask.metric.unit().format(max)), reason);
        }
    }
    for threshold in &q.outline.thresholds {
        let mut add = |part: &str, reason: &str| {
            let name = label(threshold.metric, &threshold.scope, threshold.over);
            found.push(Unevaluated {
                rule: format!("{name}: {part}"),
                reason: reason.to_owned(),
                line: threshold.line,
            });
        };
        match q.design {
            Design::Absolute if threshold.max_change.is_some() => {
                add("change", "there is no reference to compare with");
            }
            Design::Duet => {
                if threshold.max_change.is_some() && threshold.metric.needs_process() {
                    add("change", DUET_PROCESS);
                }
                if threshold.max.is_some() {
                    add("limit", DUET_LIMIT);
                }
            }
            Design::Absolute | Design::Unpaired | Design::Paired => {}
        }
    }
    found
}
