//! criterion: the folder `target/criterion`, or what `CRITERION_HOME` names. Every benchmark is a
//! step; its values are the estimates of the latest invocation.

use serde::Deserialize;

use super::measured::{Measured, Part, Reason, figure};
use crate::model::{Better, Custom, Metric, Stat};
use crate::units::{Nanos, Unit};

/// `benchmark.json` and `estimates.json` of one benchmark.
pub(super) struct Files {
    pub(super) benchmark: Vec<u8>,
    pub(super) estimates: Vec<u8>,
}

#[derive(Deserialize)]
struct Benchmark {
    full_id: String,
}

/// Nanoseconds an iteration.
#[derive(Deserialize)]
struct Estimates {
    mean: Estimate,
    median: Estimate,
    /// Not in flat sampling.
    slope: Option<Estimate>,
}

#[derive(Deserialize)]
struct Estimate {
    point_estimate: f64,
}

/// Reads the benchmarks of one invocation.
pub(super) fn parse(all: &[Files]) -> Result<Measured, Reason> {
    let mut parts = all.iter().map(part).collect::<Result<Vec<_>, _>>()?;
    if parts.is_empty() {
        return Err("it holds no new/estimates.json of any benchmark".into());
    }
    parts.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(Measured {
        tool: "criterion",
        duration: Nanos::ZERO,
        parts,
        ..Measured::default()
    })
}

/// The time of an iteration by linear regression, which criterion prints where it has it.
pub(super) fn slope() -> Option<Metric> {
    Custom::new("slope", Unit::Time, Better::Lower).map(Metric::Custom)
}

fn part(files: &Files) -> Result<Part, Reason> {
    let benchmark: Benchmark =
        serde_json::from_slice(&files.benchmark).map_err(|e| format!("benchmark.json: {e}"))?;
    let estimates: Estimates = serde_json::from_slice(&files.estimates)
        .map_err(|e| format!("estimates.json of {}: {e}", benchmark.full_id))?;
    let value = |e: &Estimate| figure(e.point_estimate, "an estimate");
    let mean = Metric::ServiceTime(Stat::Mean);
    let mut given = vec![
        (mean, value(&estimates.mean)?),
        (Metric::ServiceTime(Stat::P50), value(&estimates.median)?),
    ];
    let mut gate = mean;
    if let (Some(slope), Some(estimate)) = (slope(), &estimates.slope) {
        given.push((slope, value(estimate)?));
        gate = slope;
    }
    Ok(Part {
        name: benchmark.full_id,
        given,
        gates: vec![gate],
        ..Part::default()
    })
}
