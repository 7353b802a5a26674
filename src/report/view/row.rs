//! One metric of the verdict table, in words.

use crate::model::{Estimate, InstrumentError, Metric, MetricResult, Side, Verdict};
use crate::report::words;
use crate::units::{Nanos, Unit};
use crate::untrusted::Untrusted;

use super::Tone;

/// One judged metric.
#[derive(Debug, Clone)]
pub(in crate::report) struct Row {
    pub(in crate::report) result: MetricResult,
    /// `latency.p99 [step pay]`
    pub(in crate::report) label: Untrusted,
    pub(in crate::report) before: String,
    pub(in crate::report) now: String,
    pub(in crate::report) change: String,
    pub(in crate::report) interval: String,
    pub(in crate::report) allowed: String,
    /// The worse of the verdicts on the change and on the absolute limit.
    pub(in crate::report) verdict: Option<Verdict>,
    pub(in crate::report) note: Untrusted,
}

impl Row {
    pub(super) fn new(result: &MetricResult, instrument: Option<&InstrumentError>) -> Self {
        let metric = result.metric;
        let unit = metric.unit();
        let points = words::is_points(metric, result.allowed);
        let side = |side: &Side| words::estimate(side.value, unit);
        Self {
            label: Untrusted::new(result.name()),
            before: result.before.as_ref().map(side).unwrap_or_default(),
            now: side(&result.now),
            change: result
                .change
                .map(|c| words::change(c, points))
                .unwrap_or_default(),
            interval: result
                .interval
                .map(|i| words::interval(i, points))
                .unwrap_or_default(),
            allowed: words::allowed(result),
            verdict: together(result),
            note: Untrusted::new(note(result, instrument)),
            result: result.clone(),
        }
    }

    /// Sign and word: `✘ regressed`; a dash when there was nothing to judge by.
    pub(in crate::report) fn verdict_words(&self) -> String {
        self.verdict
            .map_or_else(|| "–".to_owned(), |v| format!("{} {}", v.sign(), v.name()))
    }

    /// The value before, where too few samples are a word.
    pub(in crate::report) fn before_in_short(&self) -> String {
        let before = self.result.before.as_ref();
        before.map_or_else(String::new, |side| self.in_short(side))
    }

    /// The value now, likewise.
    pub(in crate::report) fn now_in_short(&self) -> String {
        self.in_short(&self.result.now)
    }

    fn in_short(&self, side: &Side) -> String {
        words::short_estimate(side.value, self.result.metric.unit())
    }

    pub(in crate::report) fn tone(&self) -> Tone {
        self.verdict.map_or(Tone::Plain, Tone::of)
    }

    /// Rounds of both sides that noise made unusable for this metric.
    pub(in crate::report) fn spoiled(&self) -> usize {
        self.result.now.spoiled + self.result.before.as_ref().map_or(0, |b| b.spoiled)
    }

    /// True when the row counts or says something besides "nothing happened".
    pub(in crate::report) fn matters(&self) -> bool {
        self.result.gating
            || matches!(
                self.verdict,
                Some(Verdict::Improved | Verdict::Regressed | Verdict::Broken)
            )
    }

    /// What ranks say beside the verdict: `Hodges–Lehmann +13.2 %, worse in 96 % of pairings, exact
    /// rank p 0.008`; empty where they say nothing.
    pub(in crate::report) fn ranks(&self) -> String {
        let Some(ranks) = self.result.ranks else {
            return String::new();
        };
        let points = words::is_points(self.result.metric, self.result.allowed);
        let change = ranks
            .change
            .map(|c| format!("Hodges–Lehmann {}", words::change(c, points)));
        let worse = format!("worse in {} of pairings", Unit::Share.format(ranks.worse));
        let p = ranks.p.map(|p| format!("exact rank p {p:.3}"));
        let parts: Vec<String> = change.into_iter().chain([worse]).chain(p).collect();
        parts.join(", ")
    }

    /// The row as a sentence without its verdict.
    pub(in crate::report) fn sentence(&self) -> String {
        let mut text = match (self.before.is_empty(), self.change.is_empty()) {
            (false, false) => format!("{} → {} ({})", self.before, self.now, self.change),
            (false, true) => format!("{} → {}", self.before, self.now),
            _ => self.now.clone(),
        };
        if !self.interval.is_empty() {
            text += &format!(", {} interval {}", level(self.result.level), self.interval);
        }
        if !self.allowed.is_empty() {
            text += &format!(", allowed {}", self.allowed);
        }
        if let Some(p) = self.result.confidence {
            text += &format!(", confidence {}", words::probability(p));
        }
        text
    }
}

/// `95 %`, `98.1 %`.
pub(in crate::report) fn level(level: f64) -> String {
    crate::units::Unit::Share.format(level)
}

/// A change was found, and it is smaller than what the instrument may be off by.
fn is_below(result: &MetricResult, error: Nanos) -> bool {
    let before = result.before.as_ref().and_then(|b| b.value.exact());
    match (result.verdict, before, result.now.value.exact()) {
        (Some(Verdict::Improved | Verdict::Regressed), Some(before), Some(now)) => {
            (now - before).abs() < error.0 as f64
        }
        _ => false,
    }
}

/// A kept limit adds nothing to a verdict on the change; a broken one outweighs most.
fn together(result: &MetricResult) -> Option<Verdict> {
    match (result.verdict, result.limit) {
        (Some(change), Some(Verdict::Kept)) => Some(change),
        (change, limit) => change.max(limit),
    }
}

fn note(result: &MetricResult, instrument: Option<&InstrumentError>) -> String {
    let mut parts = Vec::new();
    if let Some(note) = &result.note {
        // The label stands beside the note.
        let name = result.metric.name();
        let said = note.strip_prefix(&*name).and_then(|n| n.strip_prefix(' '));
        parts.push(said.unwrap_or(note).to_owned());
    } else if let (Some(Verdict::Inconclusive), Some(n)) = (result.verdict, result.rounds_needed) {
        parts.push(format!("{} would tell", words::plural(n, "more round")));
    }
    if let Some(error) = instrument.and_then(|i| i.of(result.metric))
        && is_below(result, error)
    {
        parts.push(format!(
            "a change below the instrument's own error of {error}"
        ));
    }
    let sides = [
        ("before", result.before.as_ref()),
        ("now", Some(&result.now)),
    ];
    let left_out: Vec<_> = sides
        .into_iter()
        .filter_map(|(name, side)| side.filter(|s| s.spoiled > 0).map(|s| (name, s.spoiled)))
        .map(|(name, n)| format!("{} {name}", words::plural(n, "round")))
        .collect();
    if !left_out.is_empty() {
        parts.push(format!("noise cost {}", left_out.join(" and ")));
    }
    match (result.now.value, result.metric) {
        // Of a search the note says why it is a bound.
        (_, Metric::CapacityKnee) => {}
        (Estimate::AtLeast(_), Metric::RecoveryTime) => {
            parts.push("not recovered within the round".to_owned());
        }
        (Estimate::AtLeast(_), _) => parts.push("some requests never got an answer".to_owned()),
        _ => {}
    }
    parts.join("; ")
}
