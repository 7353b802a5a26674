//! The series of a run with the labels that tell its rounds apart, in absolute time.

use std::collections::BTreeMap;

use crate::model::{Round, Run, SeriesName};
use crate::series::{self, Series};

/// A series of one round.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Exposed {
    pub(super) name: SeriesName,
    /// (milliseconds since 1970, value), ascending.
    pub(super) points: Vec<(i64, f64)>,
}

/// All series of all rounds, by round and name.
///
/// A round begins with its first phase a moment after it was started, so times are late by less than
/// the target takes to be ready; differences within a round are exact.
pub(super) fn exposed(run: &Run) -> Vec<Exposed> {
    let of_round = |round: &Round| {
        let table = series::of_round(
            round.index,
            &run.manifest.outline,
            &run.intervals,
            &run.samples,
        );
        let began = milliseconds(&round.started_at);
        let own = labels(run, round);
        let expose = |(name, points): (&SeriesName, &Series)| Exposed {
            name: labelled(name, &own),
            points: absolute(points, began),
        };
        table.iter().map(expose).collect::<Vec<_>>()
    };
    run.rounds.iter().flat_map(of_round).collect()
}

/// When an RFC 3339 time was, in milliseconds since 1970; 0 when it is none.
pub(super) fn milliseconds(time: &str) -> i64 {
    let parsed: Result<jiff::Timestamp, _> = time.parse();
    parsed.map_or(0, jiff::Timestamp::as_millisecond)
}

fn labels(run: &Run, round: &Round) -> [(&'static str, String); 4] {
    [
        ("scenario", run.manifest.outline.name.clone()),
        ("run", run.manifest.id.clone()),
        ("round", round.index.to_string()),
        ("arm", round.arm.name().to_owned()),
    ]
}

/// What the target labelled with a name of ours keeps its value, under the name that Prometheus gives
/// it: `exported_run`.
fn labelled(name: &SeriesName, own: &[(&'static str, String)]) -> SeriesName {
    let ours = |label: &str| own.iter().any(|(known, _)| *known == label);
    let mut labels: BTreeMap<String, String> = name
        .labels
        .iter()
        .map(|(label, value)| {
            let prefix = if ours(label) { "exported_" } else { "" };
            (format!("{prefix}{label}"), value.clone())
        })
        .collect();
    labels.extend(own.iter().map(|(k, v)| ((*k).to_owned(), v.clone())));
    SeriesName {
        metric: name.metric.clone(),
        labels,
    }
}

/// Later points of the same millisecond are left out: no receiver takes two.
fn absolute(series: &Series, began: i64) -> Vec<(i64, f64)> {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "milliseconds of a round are far below 2^53"
    )]
    let mut points: Vec<(i64, f64)> = series
        .0
        .iter()
        .map(|p| (began + (p.at * 1e3).round() as i64, p.value))
        .collect();
    points.dedup_by_key(|(at, _)| *at);
    points
}
