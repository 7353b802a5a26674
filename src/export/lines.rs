//! JSON lines: what was recorded, an object for each fact, in the order of time.

use serde_json::{Value, json};

use super::exposed::milliseconds;
use crate::model::{Cell, Estimate, Interval, Round, Run, Sample};
use crate::units::Nanos;

/// Version of the lines; it grows when a field changes its meaning or goes.
const SCHEMA: u32 = 1;

/// Quantiles of each second.
const QUANTILES: [(&str, f64); 4] = [("p50", 0.5), ("p90", 0.9), ("p95", 0.95), ("p99", 0.99)];

pub(super) fn lines(run: &Run) -> String {
    let mut out = String::new();
    let mut line = |value: Value| {
        out += &value.to_string();
        out.push('\n');
    };
    let manifest = &run.manifest;
    line(json!({
        "type": "run", "schema": SCHEMA, "id": manifest.id, "scenario": manifest.outline.name,
        "started_at": manifest.started_at, "version": manifest.version, "seed": manifest.seed,
        "plan_hash": manifest.plan_hash, "revision": manifest.revision, "state": run.state,
    }));
    for round in &run.rounds {
        line(json!({
            "type": "round", "round": round.index, "arm": round.arm, "pair": round.pair,
            "started_at": round.started_at, "complete": round.complete,
            "contamination": round.contamination, "trust": round.trust,
        }));
        let began = milliseconds(&round.started_at);
        for interval in run.intervals.iter().filter(|i| i.round == round.index) {
            for cell in &interval.cells {
                line(second(run, round, began, interval, cell));
            }
        }
        for sample in run.samples.iter().filter(|s| s.round == round.index) {
            line(look(began, sample));
        }
    }
    out
}

/// One step in one phase, in one second. Times are in seconds, `at` at the end of the second.
fn second(run: &Run, round: &Round, began: i64, interval: &Interval, cell: &Cell) -> Value {
    let outline = &run.manifest.outline;
    let end = interval.start + interval.length;
    let phase = outline.phases.get(cell.phase);
    let latency: serde_json::Map<_, _> = QUANTILES
        .iter()
        .map(|&(name, q)| (name, cell.latency.quantile(q)))
        .chain([("max", cell.latency.max()), ("mean", cell.latency.mean())])
        .map(|(name, value)| (name.to_owned(), estimate(value)))
        .collect();
    json!({
        "type": "second", "round": round.index, "arm": round.arm,
        "at": end.as_secs_f64(), "time_ms": absolute(began, end), "seconds": interval.length.as_secs_f64(),
        "phase": phase.map(|p| &p.name), "warm_up": phase.is_some_and(|p| p.warm_up),
        "step": outline.steps.get(cell.step),
        "due": cell.tally.due, "sent": cell.tally.sent, "answered": cell.tally.answered,
        "unsent": cell.tally.unsent, "failures": cell.tally.failures, "retried": cell.tally.retried,
        "bytes_in": cell.tally.bytes_in, "bytes_out": cell.tally.bytes_out,
        "in_flight": interval.in_flight, "latency": latency,
    })
}

/// A number of seconds; of a lower bound an object that says so; null where nothing can be said.
fn estimate(value: Estimate) -> Value {
    match value {
        Estimate::Exact(ns) => json!(ns / 1e9),
        Estimate::AtLeast(ns) => json!({ "at_least": ns / 1e9 }),
        _ => Value::Null,
    }
}

fn look(began: i64, sample: &Sample) -> Value {
    let mut value = json!(sample);
    if let Value::Object(fields) = &mut value {
        fields.insert("type".to_owned(), json!("sample"));
        fields.insert("time_ms".to_owned(), json!(absolute(began, sample.at)));
    }
    value
}

fn absolute(began: i64, at: Nanos) -> i64 {
    began.saturating_add(i64::try_from(at.0 / 1_000_000).unwrap_or(i64::MAX))
}
