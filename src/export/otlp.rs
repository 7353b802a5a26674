//! OTLP/HTTP metrics in JSON: `ExportMetricsServiceRequest` of OpenTelemetry's protocol 1.x, as
//! <https://opentelemetry.io/docs/specs/otlp/> has it. 64-bit integers are texts there.
//!
//! What counts from the beginning of a round is a cumulative sum, the latency histogram one of fixed
//! bounds, everything else a gauge.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::exposed::{Exposed, exposed};
use crate::model::Run;

/// Data points in one request.
const AT_ONCE: usize = 10_000;
/// Of our latency histogram.
const HISTOGRAM: &str = "plimsoll_latency_seconds";
/// `AGGREGATION_TEMPORALITY_CUMULATIVE`.
const CUMULATIVE: u8 = 2;

pub(super) fn documents(run: &Run) -> Vec<Vec<u8>> {
    let (parts, plain): (Vec<_>, Vec<_>) = exposed(run).into_iter().partition(is_of_histogram);
    let mut metrics: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for series in &plain {
        let points = metrics.entry(series.name.metric.clone()).or_default();
        points.extend(numbers(series));
    }
    let mut all: Vec<(String, Vec<Value>)> = metrics.into_iter().collect();
    all.push((HISTOGRAM.to_owned() + "_distribution", histograms(&parts)));
    let mut bodies = Vec::new();
    for (name, points) in all {
        for points in points.chunks(AT_ONCE) {
            bodies.push(document(run, &metric(&name, points)));
        }
    }
    bodies
}

fn document(run: &Run, metric: &Value) -> Vec<u8> {
    let version = &run.manifest.version;
    let resource = [
        ("service.name", run.manifest.outline.name.as_str()),
        ("plimsoll.run", &run.manifest.id),
    ];
    json!({ "resourceMetrics": [{
        "resource": { "attributes": resource.map(|(k, v)| attribute(k, v)) },
        "scopeMetrics": [{
            "scope": { "name": "plimsoll", "version": version },
            "metrics": [metric],
        }],
    }] })
    .to_string()
    .into_bytes()
}

fn metric(name: &str, points: &[Value]) -> Value {
    let unit = match name {
        _ if name.contains("_seconds") => "s",
        _ if name.contains("_bytes") => "By",
        _ => "1",
    };
    let data = if name.ends_with("_distribution") {
        (
            "histogram",
            json!({ "aggregationTemporality": CUMULATIVE, "dataPoints": points }),
        )
    } else if name.ends_with("_total") {
        let sum = json!({
            "aggregationTemporality": CUMULATIVE, "isMonotonic": true, "dataPoints": points,
        });
        ("sum", sum)
    } else {
        ("gauge", json!({ "dataPoints": points }))
    };
    json!({ "name": name, "unit": unit, data.0: data.1 })
}

fn numbers(series: &Exposed) -> Vec<Value> {
    let began = series.points.first().map_or(0, |(at, _)| *at);
    let labels = &series.name.labels;
    let attributes: Vec<Value> = labels.iter().map(|(k, v)| attribute(k, v)).collect();
    let point = |&(at, value): &(i64, f64)| {
        json!({
            "attributes": attributes, "startTimeUnixNano": nanos(began),
            "timeUnixNano": nanos(at), "asDouble": value,
        })
    };
    series.points.iter().map(point).collect()
}

/// Buckets of a moment, by what tells them from those of another round.
#[derive(Default)]
struct Moment {
    /// Counts up to each bound.
    below: Vec<(f64, f64)>,
    sum: f64,
}

/// Puts the parts of a histogram together again: its buckets, its sum and its count.
fn histograms(parts: &[Exposed]) -> Vec<Value> {
    let mut moments: BTreeMap<(Vec<(String, String)>, i64), Moment> = BTreeMap::new();
    for series in parts {
        let labels = series.name.labels.iter().filter(|(k, _)| *k != "le");
        let labels: Vec<_> = labels.map(|(k, v)| (k.clone(), v.clone())).collect();
        let bound = series.name.labels.get("le").map(|le| match le.as_str() {
            "+Inf" => f64::INFINITY,
            number => number.parse().unwrap_or(f64::INFINITY),
        });
        for &(at, value) in &series.points {
            let moment = moments.entry((labels.clone(), at)).or_default();
            match bound {
                Some(bound) => moment.below.push((bound, value)),
                None if series.name.metric.ends_with("_sum") => moment.sum = value,
                None => {}
            }
        }
    }
    moments
        .into_iter()
        .map(|((labels, at), moment)| histogram(&labels, at, moment))
        .collect()
}

fn histogram(labels: &[(String, String)], at: i64, mut moment: Moment) -> Value {
    moment.below.sort_by(|a, b| a.0.total_cmp(&b.0));
    let bounds: Vec<f64> = moment
        .below
        .iter()
        .map(|b| b.0)
        .filter(|b| b.is_finite())
        .collect();
    let mut before = 0.0;
    let mut counts = Vec::new();
    for (_, below) in &moment.below {
        counts.push(format!("{:.0}", below - before));
        before = *below;
    }
    let attributes: Vec<Value> = labels.iter().map(|(k, v)| attribute(k, v)).collect();
    json!({
        "attributes": attributes, "timeUnixNano": nanos(at), "count": format!("{before:.0}"),
        "sum": moment.sum, "bucketCounts": counts, "explicitBounds": bounds,
    })
}

fn is_of_histogram(series: &Exposed) -> bool {
    let rest = series.name.metric.strip_prefix(HISTOGRAM);
    matches!(rest, Some("_bucket" | "_sum" | "_count"))
}

fn attribute(key: &str, value: &str) -> Value {
    json!({ "key": key, "value": { "stringValue": value } })
}

fn nanos(milliseconds: i64) -> String {
    format!("{milliseconds}000000")
}
