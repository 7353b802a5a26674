//! k6: the summary of `--summary-export`, and what `handleSummary` is given. Figures only.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::measured::{Measured, Part, Reason, figure, whole};
use crate::model::{ErrorClass, Metric, Stat};
use crate::units::Nanos;

#[derive(Deserialize)]
struct Summary {
    metrics: BTreeMap<String, BTreeMap<String, Field>>,
    state: Option<State>,
}

#[derive(Deserialize)]
struct State {
    #[serde(rename = "testRunDurationMs")]
    duration_ms: Option<f64>,
}

/// `--summary-export` has the numbers in the metric itself, `handleSummary` below `values`.
#[derive(Deserialize)]
#[serde(untagged)]
enum Field {
    Number(f64),
    Values(BTreeMap<String, Number>),
    Other(IgnoredAny),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Number {
    Number(f64),
    Other(IgnoredAny),
}

impl Summary {
    fn number(&self, metric: &str, field: &str) -> Option<f64> {
        let metric = self.metrics.get(metric)?;
        if let Some(Field::Number(number)) = metric.get(field) {
            return Some(*number);
        }
        let Some(Field::Values(values)) = metric.get("values") else {
            return None;
        };
        match values.get(field) {
            Some(Number::Number(number)) => Some(*number),
            Some(Number::Other(IgnoredAny)) | None => None,
        }
    }

    fn needed(&self, metric: &str, field: &str) -> Result<f64, Reason> {
        self.number(metric, field)
            .ok_or_else(|| format!("it has no {metric}.{field}").into())
    }
}

/// What k6 calls the statistics of a trend.
const STATS: [(&str, Stat); 7] = [
    ("avg", Stat::Mean),
    ("med", Stat::P50),
    ("p(90)", Stat::P90),
    ("p(95)", Stat::P95),
    ("p(99)", Stat::P99),
    ("p(99.9)", Stat::P999),
    ("max", Stat::Max),
];

/// Reads a summary of either form.
pub(super) fn parse(bytes: &[u8]) -> Result<Measured, Reason> {
    let summary: Summary = serde_json::from_slice(bytes).map_err(|e| e.to_string())?;
    let requests = whole(summary.needed("http_reqs", "count")?, "http_reqs.count")?;
    let rate = figure(summary.needed("http_reqs", "rate")?, "http_reqs.rate")?;
    // Of this rate a "pass" is a request that failed.
    let failed = summary.number("http_req_failed", "passes").unwrap_or(0.0);
    let failed = whole(failed, "http_req_failed.passes")?;
    let answered = requests
        .checked_sub(failed)
        .ok_or("more requests failed than were made")?;
    let mut given = Vec::new();
    for (name, stat) in STATS {
        if let Some(ms) = summary.number("http_req_duration", name) {
            let time = figure(ms, "http_req_duration")? * 1e6;
            given.push((Metric::ServiceTime(stat), time));
        }
    }
    if given.is_empty() {
        return Err("it has no http_req_duration".into());
    }
    let ok = rate * answered as f64 / requests.max(1) as f64;
    given.push((Metric::ThroughputOk, ok));
    let failures = [(ErrorClass::StatusOther, failed)];
    let mut part = Part::counted("requests", answered, &failures)?;
    let bytes = |name: &str| {
        summary
            .number(name, "count")
            .map_or(Ok(0), |n| whole(n, name))
    };
    part.cell.tally.bytes_in.0 = bytes("data_received")?;
    part.cell.tally.bytes_out.0 = bytes("data_sent")?;
    let seconds = match summary.state.and_then(|s| s.duration_ms) {
        Some(ms) => figure(ms, "testRunDurationMs")? / 1e3,
        None if rate > 0.0 => requests as f64 / rate,
        None => 0.0,
    };
    let wanted = [Stat::P50, Stat::P95].map(Metric::ServiceTime);
    let has = |m: &Metric| given.iter().any(|(g, _)| g == m);
    let gates = wanted.into_iter().filter(has).chain([Metric::ThroughputOk]);
    Ok(Measured {
        tool: "k6",
        duration: Nanos::from_secs_f64(seconds),
        gates: gates.collect(),
        given,
        parts: vec![part],
        ..Measured::default()
    })
}
