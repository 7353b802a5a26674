//! Symptoms that somebody counts: the target by its metrics, or we by status.

use super::super::case::Case;
use super::super::found::Found;
use super::super::names::{self, Told};
use crate::model::ErrorClass;
use crate::series::Series;
use crate::stats::theil_sen;
use crate::units::{Share, Unit};

/// Fewer answers with 429 may be a request of the scenario that is meant to be refused.
const LIMITED: f64 = 0.01;

pub(in crate::diagnose) fn rate_limited(case: &Case<'_>) -> Option<Found> {
    let (n, share) = case.failures(&[ErrorClass::Status429]);
    (n >= 3 && share >= LIMITED).then(|| {
        let text = format!("{} of the requests were answered 429", Share(share));
        let evidence = case
            .trouble()
            .says("plimsoll_errors_total{class=\"status-429\"}", text);
        Found::with(0.95, evidence)
    })
}

/// Attempts again for each request above which retries are a storm.
const STORM: f64 = 0.2;

pub(in crate::diagnose) fn retry_storm(case: &Case<'_>) -> Option<Found> {
    let ended = case.growth(|t| {
        Some(
            t.sum("plimsoll_answered_total")
                .plus(&t.sum("plimsoll_failed_total")),
        )
    });
    let per_request = |retries: f64| ended.map_or(0.0, |(_, rate)| retries / rate.max(1e-9));
    let span = case.trouble();
    let told = case.told_growth(names::retries);
    let told = told.and_then(|(from, (before, now))| {
        let share = per_request(now);
        let grown = before.is_none_or(|before| now > 2.0 * before.max(1e-9));
        (share >= STORM && grown).then(|| {
            let text = format!("the target tries again {share:.2} times for each request");
            span.says(&from, text)
        })
    });
    let retried: u64 = case.seconds.iter().map(|s| s.tally.retried.total()).sum();
    let sent: u64 = case.seconds.iter().map(|s| s.tally.sent).sum();
    let share = retried as f64 / sent.max(1) as f64;
    let ours = (retried >= 5 && share >= STORM).then(|| {
        let text = format!("{} of our requests were tried again", Share(share));
        span.says("plimsoll_retries_total", text)
    });
    let failures = case.failures(&[
        ErrorClass::Status5xx,
        ErrorClass::Reset,
        ErrorClass::Closed,
        ErrorClass::TimeoutTotal,
        ErrorClass::TimeoutFirstByte,
    ]);
    let failing = (failures.0 >= 3).then(|| {
        let text = format!(
            "{} failed in the end, for passing reasons",
            Share(failures.1)
        );
        span.says("plimsoll_errors_total", text)
    });
    match (told, ours) {
        (Some(told), ours) => Some(Found::with(0.85, told).and(0.3, ours).and(0.4, failing)),
        (None, Some(ours)) => Some(Found::with(0.7, ours).and(0.4, failing)),
        (None, None) => None,
    }
}

/// A lag that grew by less is none.
const LAG: f64 = 20.0;

pub(in crate::diagnose) fn consumer_lag(case: &Case<'_>) -> Option<Found> {
    let Told {
        from: name,
        series: lag,
    } = names::lag(&case.table)?;
    let span = case.whole();
    let points: Vec<_> = lag
        .between(span.from, span.to + 1.0)
        .iter()
        .map(|p| (p.at, p.value))
        .collect();
    let (first, last) = (points.first()?.1, points.last()?.1);
    let half = &points[points.len() / 2..];
    let grows = theil_sen(&points)? > 0.0 && theil_sen(half).is_some_and(|s| s > 0.0);
    let rose = points.windows(2).filter(|w| w[1].1 > w[0].1).count();
    let steady = rose as f64 / (points.len() - 1).max(1) as f64;
    if !grows || last - first < LAG || points.len() < 4 {
        return None;
    }
    let text = format!("{name} grew from {first:.0} to {last:.0}");
    Some(Found::with(0.5 + 0.45 * steady, span.says(&name, text)))
}

/// A share of hits below this is low; a fall by this much is one.
const LOW_HITS: f64 = 0.5;
const FALL: f64 = 0.2;

pub(in crate::diagnose) fn cold_cache(case: &Case<'_>) -> Option<Found> {
    let span = case.trouble();
    let Some(Told { from, series: hits }) = names::cache_hits(&case.table) else {
        return falling(case);
    };
    let whole = case.whole();
    let within = Series(hits.between(whole.from, whole.to + 1.0).to_vec());
    let worst = within.values().min_by(f64::total_cmp)?;
    let best = within.max()?;
    let usual = case
        .told(names::cache_hits)
        .and_then(|(_, (usual, _))| usual);
    let usual = usual.unwrap_or(best).max(best);
    let few = within.values().filter(|v| *v < usual - FALL).count();
    let low = within.mean().is_some_and(|mean| mean < LOW_HITS);
    if !low && few < 2 {
        return None;
    }
    let evidence = span.moved(
        &from,
        "share of cache hits",
        Unit::Share,
        (Some(usual), worst),
    );
    let evictions = case
        .told_growth(names::cache_evictions)
        .filter(|(_, (before, now))| *now > 1.0 && before.is_none_or(|b| *now > 2.0 * b));
    let evictions = evictions
        .map(|(from, (_, now))| span.says(&from, format!("{now:.0} entries evicted a second")));
    let slower = case.is_unwell().then(|| {
        span.moved(
            "plimsoll_latency_seconds",
            "p50",
            Unit::Time,
            case.latency(),
        )
    });
    Some(
        Found::with(0.75, evidence)
            .and(0.4, evictions)
            .and(0.5, slower),
    )
}

/// Without metrics: slow at first, then faster and faster by itself.
fn falling(case: &Case<'_>) -> Option<Found> {
    let points: Vec<(f64, f64)> = case
        .seconds
        .iter()
        .filter_map(|s| Some((s.from, s.median?)))
        .collect();
    let (first, last) = (points.first()?.1, points.last()?.1);
    let falls = points.windows(2).filter(|w| w[1].1 < w[0].1).count();
    let steady = falls as f64 / (points.len() - 1).max(1) as f64;
    (points.len() >= 5 && first > 2.0 * last && steady >= 0.75).then(|| {
        let text = format!(
            "p50 fell from {} to {} by itself",
            Unit::Time.format(first),
            Unit::Time.format(last)
        );
        Found::with(0.4, case.whole().says("plimsoll_latency_seconds", text))
    })
}
