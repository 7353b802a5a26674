//! Warnings of what a scenario asks for and its load cannot tell.
//!
//! None of it is wrong: it would be measured, and stay undetermined or be left to chance.

use crate::diagnostic::{Diagnostic, scenario as codes};
use crate::model::{Change, Metric, Scope, Stat, Threshold};
use crate::units::{Nanos, Unit};

use super::problems::Problems;
use super::reach::{Known, asked, visits};
use super::section::{Placed, Section};
use super::shape::short;

/// Requests that must lie beyond a percentile for an estimate of it.
const BEYOND: f64 = 10.0;

/// Of n requests without a failure the share is below 3/n, with a confidence of 95 %.
const RULE_OF_THREE: f64 = 3.0;

/// Rounds of a check, where nobody says another number.
const ROUNDS: f64 = 10.0;

/// Visits are dealt out in whole blocks of the weights, in an order that differs: of so many, one surely
/// falls into a round.
const SURELY: f64 = 2.0;

/// Warns of a percentile that the asked requests cannot tell.
pub(super) fn enough(
    problems: &mut Problems<'_>,
    known: &Known<'_>,
    (metric, span): Placed<'_, Metric>,
    scope: &Scope,
    over: Option<Nanos>,
) {
    let Some(q) = stat(metric).and_then(Stat::quantile) else {
        return;
    };
    let Some(n) = asked(known, scope, over) else {
        return;
    };
    let Some(needed) = lacking(n, q) else { return };
    let part = match (&scope.step, &scope.journey) {
        (Some(name), _) => Some(format!("step `{name}`")),
        (None, Some(name)) => Some(format!("journey `{name}`")),
        (None, None) => None,
    };
    let whose = match (&scope.phase, part) {
        (None, None) => "the measured phases send".to_owned(),
        (Some(phase), None) => format!("phase `{phase}` sends"),
        (None, Some(part)) => format!("{part} sends"),
        (Some(phase), Some(part)) => format!("{part} in phase `{phase}` sends"),
    };
    let within = over.map_or_else(String::new, |over| format!(" in {over}"));
    let message = format!(
        "{metric} needs {needed} requests; {whose} {}{within}",
        grouped(n.round())
    );
    let diagnostic = Diagnostic::warning(&codes::TOO_FEW_SAMPLES, message)
        .because(
            "a percentile with fewer than ten requests beyond it is chance, and stays undetermined",
        )
        .help("raise the rate or the duration, or limit a lower percentile");
    let label = match over {
        None => "too few requests in a round",
        Some(_) => "too few requests in a stretch",
    };
    problems.add(diagnostic, span, label);
}

/// Warns of a change of a share of requests that a check without a single failure could not rule out.
pub(super) fn coarse(
    problems: &mut Problems<'_>,
    known: &Known<'_>,
    section: &Section<'_>,
    threshold: &Threshold,
) {
    let metric = threshold.metric;
    let (Some(Change::Points(points)), Some(node)) =
        (threshold.max_change, section.node("max-change"))
    else {
        return;
    };
    let Some(n) = asked(known, &threshold.scope, None) else {
        return;
    };
    let (needed, sent) = (RULE_OF_THREE / points, ROUNDS * n);
    if !needed.is_finite() || sent >= needed - 1e-6 {
        return;
    }
    let message = format!(
        "to rule out {} pp of {metric} takes {} requests; ten rounds send {}",
        Unit::Count.format(points * 100.0),
        grouped(needed.round()),
        grouped(sent.round())
    );
    let diagnostic = Diagnostic::warning(&codes::COARSE_SHARE, message)
        .because("even without a single failure the check would stay inconclusive")
        .help("allow more percentage points, or raise the rate or the duration");
    problems.add(diagnostic, &node.span, "too few requests to tell");
}

/// Warns of a change of what is next to nothing where all is well.
pub(super) fn floorless(problems: &mut Problems<'_>, section: &Section<'_>, threshold: &Threshold) {
    let (what, floor) = match threshold.metric {
        Metric::Wait(_) => ("where connections are free it is some microseconds", "1ms"),
        Metric::Lateness(_) => (
            "a generator that keeps up is late by some microseconds",
            "1ms",
        ),
        Metric::RssSlope => (
            "a target that does not leak grows by next to nothing",
            "64KiB/s",
        ),
        _ => return,
    };
    let relative = matches!(threshold.max_change, Some(Change::Relative(_)));
    let Some(node) = section.node("max-change") else {
        return;
    };
    if !relative || threshold.min_change.is_some() {
        return;
    }
    let message = format!("`max-change` of {} has no floor", threshold.metric);
    let diagnostic = Diagnostic::warning(&codes::NO_FLOOR, message)
        .because(format!("{what}, and twice of that still means nothing"))
        .help(format!(
            "add min-change = \"{floor}\": smaller changes never count"
        ));
    problems.add(diagnostic, &node.span, "a share of next to nothing");
}

/// Warns of what is so rare by its weight that a round may go by without it.
pub(super) fn rare(problems: &mut Problems<'_>, known: &Known<'_>) {
    let tables = known.root.sections("step").into_iter();
    let tables = tables.chain(known.root.sections("journey"));
    for (table, visit) in tables.zip(visits(known.root)) {
        let (Some((name, span)), Some(first)) = (table.text("name"), visit.steps.first()) else {
            continue;
        };
        let scope = Scope {
            step: Some((*first).to_owned()),
            ..Scope::default()
        };
        let Some(n) = asked(known, &scope, None).filter(|n| *n > 0.0 && *n < SURELY) else {
            continue;
        };
        let message = format!(
            "`{}` is sent about {} times in a round",
            short(name),
            Unit::Count.format((n * 10.0).round() / 10.0)
        );
        let diagnostic = Diagnostic::warning(&codes::RARE_STEP, message)
            .because("a round may go by without it, and a run that never sent it is invalid")
            .help("raise its weight, the rate or the duration");
        problems.add(diagnostic, span, "rare by its weight");
    }
}

/// Requests that a percentile needs, in words, when `n` are too few.
pub(super) fn lacking(n: f64, quantile: f64) -> Option<String> {
    let enough = n * (1.0 - quantile) >= BEYOND - 1e-6;
    (!enough).then(|| grouped((BEYOND / (1.0 - quantile)).round()))
}

/// The statistic of a metric of time.
pub(super) const fn stat(metric: Metric) -> Option<Stat> {
    match metric {
        Metric::Latency(stat)
        | Metric::ServiceTime(stat)
        | Metric::Lateness(stat)
        | Metric::Wait(stat) => Some(stat),
        _ => None,
    }
}

/// `12345` as `12,345`.
pub(super) fn grouped(n: f64) -> String {
    let digits = format!("{n:.0}");
    let mut out = String::new();
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}
