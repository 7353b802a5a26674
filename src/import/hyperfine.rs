//! hyperfine: `--export-json`. Every command is a step, every execution a sample of its time.

use serde::Deserialize;

use super::counted::Counted;
use super::measured::{Measured, Part, Reason, figure};
use crate::model::{ErrorClass, Metric, Stat};
use crate::units::Nanos;

#[derive(Deserialize)]
struct Export {
    results: Vec<Benchmark>,
}

#[derive(Deserialize)]
struct Benchmark {
    command: String,
    /// Seconds of CPU time a run, mean.
    user: Option<f64>,
    system: Option<f64>,
    /// Seconds.
    times: Vec<f64>,
    #[serde(default)]
    exit_codes: Vec<Option<i64>>,
}

/// Reads an export.
pub(super) fn parse(bytes: &[u8]) -> Result<Measured, Reason> {
    let export: Export = serde_json::from_slice(bytes).map_err(|e| e.to_string())?;
    if export.results.is_empty() {
        return Err("it has no result".into());
    }
    let parts = export.results.iter().map(part).collect::<Result<_, _>>()?;
    let lasted: f64 = export.results.iter().flat_map(|c| &c.times).sum();
    Ok(Measured {
        tool: "hyperfine",
        duration: Nanos::from_secs_f64(lasted),
        parts,
        ..Measured::default()
    })
}

fn part(benchmark: &Benchmark) -> Result<Part, Reason> {
    if benchmark.times.is_empty() {
        return Err(format!("`{}` has no times", benchmark.command).into());
    }
    let mut times = Counted::default();
    for seconds in &benchmark.times {
        times.add(Nanos::from_secs_f64(figure(*seconds, "a time")?), 1);
    }
    let failed = benchmark
        .exit_codes
        .iter()
        .filter(|c| **c != Some(0))
        .count() as u64;
    let runs = benchmark.times.len() as u64;
    let answered = runs.saturating_sub(failed);
    let failed = [(ErrorClass::ExpectFailed, runs - answered)];
    let mut part = Part::counted(&benchmark.command, answered, &failed)?;
    part.cell.service = times.finish()?;
    part.gates = vec![Metric::ServiceTime(Stat::Mean)];
    if let (Some(user), Some(system)) = (benchmark.user, benchmark.system) {
        let cpu = figure(user + system, "CPU time")? * 1e9;
        part.given = vec![(Metric::CpuPerRequest, cpu)];
    }
    Ok(part)
}
