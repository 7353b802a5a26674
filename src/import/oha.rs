//! oha: what it prints, as text or with `--output-format json`. Figures only; its histogram of eleven
//! buckets is too coarse to be one of ours. Its sizes leave the heads out, so they are not ours either.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::measured::{Measured, Part, Reason, class_of, figure, whole};
use crate::model::{ErrorClass, Metric, Stat};
use crate::units::Nanos;

/// What both forms say; times in seconds.
#[derive(Default)]
struct Figures {
    total: f64,
    per_second: f64,
    times: Vec<(Stat, f64)>,
    statuses: Vec<(u64, u64)>,
    /// Requests that got no answer, by message.
    errors: Vec<(String, u64)>,
}

/// Reads either form.
pub(super) fn parse(bytes: &[u8]) -> Result<Measured, Reason> {
    let figures = if bytes.trim_ascii_start().starts_with(b"{") {
        of_json(bytes)?
    } else {
        let text = std::str::from_utf8(bytes).map_err(|_| "it is not text")?;
        of_text(text)?
    };
    let mut answered = 0_u64;
    let mut failed = Vec::new();
    for &(status, n) in &figures.statuses {
        if (200..400).contains(&status) {
            answered = answered.saturating_add(n);
        } else {
            failed.push((class_of(status), n));
        }
    }
    failed.extend(
        figures
            .errors
            .iter()
            .map(|(what, n)| (class_of_error(what), *n)),
    );
    let part = Part::counted("requests", answered, &failed)?;
    let due = part.cell.tally.due;
    if due == 0 {
        return Err("it made no request".into());
    }
    let mut given = Vec::new();
    for &(stat, seconds) in &figures.times {
        given.push((Metric::ServiceTime(stat), figure(seconds, "a time")? * 1e9));
    }
    let ok = figure(figures.per_second, "requests per second")? * answered as f64 / due as f64;
    given.push((Metric::ThroughputOk, ok));
    let wanted = [Stat::P50, Stat::P99].map(Metric::ServiceTime);
    let has = |m: &Metric| given.iter().any(|(g, _)| g == m);
    let gates = wanted.into_iter().filter(has).chain([Metric::ThroughputOk]);
    Ok(Measured {
        tool: "oha",
        duration: Nanos::from_secs_f64(figure(figures.total, "the total time")?),
        gates: gates.collect(),
        given,
        parts: vec![part],
        ..Measured::default()
    })
}

/// Requests that were cut off by the end are no failures of the target, but they are not answered.
fn class_of_error(message: &str) -> ErrorClass {
    if message.contains("deadline") {
        ErrorClass::InFlight
    } else if message.contains("timeout") || message.contains("timed out") {
        ErrorClass::TimeoutTotal
    } else if message.contains("refused") {
        ErrorClass::Refused
    } else {
        ErrorClass::Closed
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Output {
    summary: Summary,
    latency_percentiles: BTreeMap<String, Option<f64>>,
    status_code_distribution: BTreeMap<String, u64>,
    error_distribution: BTreeMap<String, u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Summary {
    total: f64,
    slowest: Option<f64>,
    average: Option<f64>,
    requests_per_sec: f64,
}

/// Our percentiles by oha's names.
fn stat(name: &str) -> Option<Stat> {
    Stat::ALL
        .into_iter()
        .find(|s| s.quantile().is_some() && s.name() == name)
}

fn of_json(bytes: &[u8]) -> Result<Figures, Reason> {
    let output: Output = serde_json::from_slice(bytes).map_err(|e| e.to_string())?;
    let mut figures = Figures {
        total: output.summary.total,
        per_second: output.summary.requests_per_sec,
        errors: output.error_distribution.into_iter().collect(),
        ..Figures::default()
    };
    figures
        .times
        .extend(output.summary.average.map(|v| (Stat::Mean, v)));
    for (name, seconds) in &output.latency_percentiles {
        figures.times.extend(stat(name).zip(*seconds));
    }
    figures
        .times
        .extend(output.summary.slowest.map(|v| (Stat::Max, v)));
    for (status, n) in output.status_code_distribution {
        let code = status.parse().map_err(|_| "a status is no number")?;
        figures.statuses.push((code, n));
    }
    Ok(figures)
}

fn of_text(text: &str) -> Result<Figures, Reason> {
    let value = |name: &str| {
        let lines = text.lines().map(str::trim);
        lines
            .into_iter()
            .find_map(|l| l.strip_prefix(name))
            .map(str::trim)
    };
    let needed = |name: &str| value(name).ok_or_else(|| format!("it has no line `{name}`"));
    let mut figures = Figures {
        total: seconds(needed("Total:")?)?,
        per_second: number(needed("Requests/sec:")?)?,
        ..Figures::default()
    };
    let mut time = |stat, text: Option<&str>| {
        // Without an answer there is none, and oha says so in words.
        let seconds = text.and_then(|t| seconds(t).ok());
        figures.times.extend(seconds.map(|s| (stat, s)));
    };
    time(Stat::Mean, value("Average:"));
    for line in text.lines().map(str::trim) {
        let Some((share, took)) = line.split_once("% in ") else {
            continue;
        };
        // `50.00` is written shortest as `50`, and `99.90` as `99.9`.
        let percentile = number(share)?;
        if let Some(stat) = stat(&format!("p{percentile}")) {
            time(stat, Some(took));
        }
    }
    time(Stat::Max, value("Slowest:"));
    // `[200] 400 responses`, and below it `[3] connection refused`.
    for line in text.lines().map(str::trim) {
        let Some((bracketed, rest)) = line.strip_prefix('[').and_then(|l| l.split_once(']')) else {
            continue;
        };
        let first: u64 = bracketed.parse().map_err(|_| "a count is no number")?;
        match rest.trim().strip_suffix(" responses") {
            Some(n) => figures
                .statuses
                .push((first, whole(number(n)?, "responses")?)),
            None => figures.errors.push((rest.trim().to_owned(), first)),
        }
    }
    Ok(figures)
}

fn number(text: &str) -> Result<f64, Reason> {
    let parsed = text.trim().parse();
    parsed.map_err(|_| format!("`{}` is no number", text.escape_debug()).into())
}

/// `0.2324 ms`
fn seconds(text: &str) -> Result<f64, Reason> {
    let (value, unit) = text.trim().split_once(' ').ok_or("a time has no unit")?;
    let scale = match unit {
        "ns" => 1e-9,
        "us" | "µs" => 1e-6,
        "ms" => 1e-3,
        "s" | "sec" | "secs" => 1.0,
        "m" | "min" => 60.0,
        "h" | "hr" => 3600.0,
        _ => return Err(format!("`{}` is no unit of time", unit.escape_debug()).into()),
    };
    Ok(number(value)? * scale)
}
