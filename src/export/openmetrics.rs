//! OpenMetrics text 1.0 with timestamps.
//!
//! A family is what has one name: series that the target exposed are written as `unknown`, since a
//! record does not keep what type it said they had, and so are the parts of a histogram.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::exposed::{Exposed, exposed};
use crate::model::{Run, SeriesName};
use crate::untrusted::Untrusted;

pub(super) fn text(run: &Run) -> String {
    let mut families: BTreeMap<String, Vec<Exposed>> = BTreeMap::new();
    for series in exposed(run) {
        families
            .entry(series.name.metric.clone())
            .or_default()
            .push(series);
    }
    let mut out = String::new();
    for (metric, all) in &families {
        match metric.strip_suffix("_total") {
            Some(family) if metric.starts_with("plimsoll_") => {
                let _ = writeln!(out, "# TYPE {family} counter");
            }
            _ if is_gauge(metric) => {
                let _ = writeln!(out, "# TYPE {metric} gauge");
            }
            _ => {
                let _ = writeln!(out, "# TYPE {metric} unknown");
            }
        }
        for series in all {
            let name = written(&series.name);
            for (at, value) in &series.points {
                let _ = writeln!(out, "{name} {value} {}.{:03}", at / 1000, at % 1000);
            }
        }
    }
    out + "# EOF\n"
}

/// Whether a series of ours is no counter and no part of a histogram.
fn is_gauge(metric: &str) -> bool {
    let part = ["_bucket", "_count", "_sum", "_total"];
    metric.starts_with("plimsoll_") && !part.iter().any(|suffix| metric.ends_with(suffix))
}

fn written(name: &SeriesName) -> String {
    let labels = name.labels.iter().map(|(label, value)| {
        let value = Untrusted::new(value.as_str()).label();
        format!("{label}=\"{value}\"")
    });
    format!(
        "{}{{{}}}",
        name.metric,
        labels.collect::<Vec<_>>().join(",")
    )
}
