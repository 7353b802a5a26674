//! Answers stop and go.

use super::super::case::Case;
use super::super::found::Found;
use super::super::names;
use super::super::second::Second;
use crate::model::Contaminant;
use crate::series::Series;
use crate::units::{Share, Unit};

/// A request that waited so much longer than usual was held up, in nanoseconds.
const HELD: f64 = 8e6;

/// A pause is longer than that.
const PAUSE: f64 = 80e6;

/// The longest wait of a quota whose period is 100 ms, with some time to catch up.
const PERIOD: f64 = 140e6;

/// Throttling that the control group counts, or the rhythm of it.
pub(in crate::diagnose) fn throttled(case: &Case<'_>) -> Option<Found> {
    let span = case.trouble();
    let (all, (_, periods)) = case.told_growth(names::quota_periods).unwrap_or_default();
    if let Some((from, (before, throttled))) = case.told_growth(names::throttled_periods) {
        let share = throttled / periods.max(1e-9);
        if periods > 0.0 && share > 0.05 {
            let before = before.map(|b| b / periods);
            let evidence = span.moved(
                &format!("{from} / {all}"),
                "share of periods throttled",
                Unit::Share,
                (before, share.min(1.0)),
            );
            let slower = case.is_unwell().then(|| {
                span.moved(
                    "plimsoll_latency_seconds",
                    "p50",
                    Unit::Time,
                    case.latency(),
                )
            });
            return Some(Found::with(0.85, evidence).and(0.6, slower));
        }
    }
    rhythm_of_quota(case)
}

/// Without the group's word: in every second some requests wait for a part of the period, spread over
/// it, and others are as fast as ever.
fn rhythm_of_quota(case: &Case<'_>) -> Option<Found> {
    let usual = case.usual?;
    let troubled = case.troubled_seconds(|s| s.slower_than(usual + HELD) > 0.05);
    if troubled.len() < 4 {
        return None;
    }
    let between = case.seconds_between(troubled.first()?.from, troubled.last()?.to);
    let steady = troubled.len() as f64 / between.max(1) as f64;
    let held: f64 = mean(troubled.iter().map(|s| s.slower_than(usual + HELD)));
    let worst = mean(troubled.iter().filter_map(|s| s.worst)) - usual;
    let quick = mean(troubled.iter().filter_map(|s| s.quantile(0.1)));
    let spread = mean(troubled.iter().filter_map(|s| spread(s, held)));
    let fits = steady >= 0.85
        && (0.1..=0.95).contains(&held)
        && (2.0 * HELD..=PERIOD).contains(&worst)
        && quick < usual + HELD
        && spread >= 0.5;
    if !fits {
        return None;
    }
    let span = super::super::found::Span {
        from: troubled.first()?.from,
        to: troubled.last()?.to,
    };
    let text = format!(
        "in every second {} of the requests wait, for up to {}, evenly spread; others are as fast as ever",
        Share(held),
        Unit::Time.format(worst)
    );
    let evidence = span.says("plimsoll_latency_seconds", text);
    let low = case
        .cpu()
        .filter(|(_, used)| *used < 0.8 * case.cores())
        .map(|pair| span.moved("target_cpu_seconds_total", "cores used", Unit::Count, pair));
    Some(Found::with(0.65, evidence).and(0.4, low))
}

/// How widely the waits of those that waited differ, as a share of the longest: near 1 when they are
/// spread evenly from nothing on, near 0 when all waited alike.
fn spread(second: &Second, held: f64) -> Option<f64> {
    let low = second.quantile(1.0 - 0.9 * held)?;
    let high = second.quantile(1.0 - 0.1 * held)?;
    (high > 0.0).then(|| (high - low) / high)
}

/// Again and again some seconds hold up a part of their requests for long, and those between none.
pub(in crate::diagnose) fn pauses(case: &Case<'_>) -> Option<Found> {
    let usual = case.usual?;
    let paused = |s: &Second| {
        s.worst.is_some_and(|w| w > usual + PAUSE)
            && (0.04..0.9).contains(&s.slower_than(usual + PAUSE / 4.0))
            && s.quantile(0.05).is_some_and(|q| q < usual + HELD)
    };
    let marks: Vec<(f64, bool)> = case.seconds.iter().map(|s| (s.from, paused(s))).collect();
    // A pause over the edge of two seconds is one.
    let begins: Vec<f64> = marks
        .iter()
        .enumerate()
        .filter(|(i, (_, p))| *p && (*i == 0 || !marks[i - 1].1))
        .map(|(_, (at, _))| *at)
        .collect();
    let (first, last) = (*begins.first()?, *begins.last()?);
    let within: Vec<&(f64, bool)> = marks
        .iter()
        .filter(|m| m.0 >= first && m.0 <= last)
        .collect();
    let share = within.iter().filter(|m| m.1).count() as f64 / within.len().max(1) as f64;
    if begins.len() < 3 || share > 0.8 {
        return None;
    }
    let gaps: Vec<f64> = begins.windows(2).map(|w| w[1] - w[0]).collect();
    let every = mean(gaps.iter().copied());
    let uneven = mean(gaps.iter().map(|g| (g - every).abs())) / every.max(1e-9);
    let longest = case
        .seconds
        .iter()
        .filter(|s| paused(s))
        .filter_map(|s| s.worst)
        .fold(0.0, f64::max);
    let span = super::super::found::Span {
        from: first,
        to: last + 1.0,
    };
    let text = format!(
        "{} times nothing was answered for up to {}; in between p50 is {}",
        begins.len(),
        Unit::Time.format(longest - usual),
        Unit::Time.format(usual)
    );
    let evidence = span.says("plimsoll_latency_seconds", text);
    let regular = (uneven < 0.4 && begins.len() >= 4).then(|| {
        let text = format!("about every {every:.1} s");
        span.says("plimsoll_latency_seconds", text)
    });
    // A machine that is taken away stops everything too, but not at regular times.
    let taken = case
        .round
        .contamination
        .iter()
        .any(|c| c.by == Contaminant::Steal);
    let disturbed = taken && regular.is_none();
    Some(
        Found::with(0.65, evidence)
            .and(0.6, regular)
            .unless(disturbed, 0.6),
    )
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let points = values.map(|value| crate::series::Point { at: 0.0, value });
    Series(points.collect()).mean().unwrap_or(0.0)
}
