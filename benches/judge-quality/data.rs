//! The data to judge by: rounds of identical code, histories without a change, rounds under load.
//!
//! - `*.csv`: a line for each fork of each benchmark, all forks of a benchmark being the same code;
//!   columns `benchmark`, `mean_s`, `p50_s`, `p90_s`, `p95_s`, `p99_s`, `max_s`;
//! - `*.json`: a list of `{"value": […], "inject_at": i}`, flat as they are, to be changed from i on;
//! - `*.jsonl`: a load-test round a line, with its condition, pressure, steal and arms.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

/// What a fork measured, in seconds.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(crate) struct Fork {
    #[serde(rename = "mean_s")]
    pub(crate) mean: f64,
    #[serde(rename = "p50_s")]
    pub(crate) p50: f64,
    #[serde(rename = "p90_s")]
    pub(crate) p90: f64,
    #[serde(rename = "p95_s")]
    pub(crate) p95: f64,
    #[serde(rename = "p99_s")]
    pub(crate) p99: f64,
    #[serde(rename = "max_s")]
    pub(crate) max: f64,
}

impl Fork {
    /// The metrics that can be judged, in the order of [`METRICS`](crate::ours::METRICS).
    pub(crate) fn values(self) -> [f64; 5] {
        [self.mean, self.p50, self.p90, self.p95, self.p99]
    }

    pub(crate) fn times(self, factor: f64) -> Self {
        Self {
            mean: self.mean * factor,
            p50: self.p50 * factor,
            p90: self.p90 * factor,
            p95: self.p95 * factor,
            p99: self.p99 * factor,
            max: self.max * factor,
        }
    }
}

/// A history without a change, and where one may be put.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Series {
    pub(crate) value: Vec<f64>,
    pub(crate) inject_at: usize,
}

/// A round of a load test under a known condition.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct LoadRound {
    #[serde(rename = "cond")]
    pub(crate) condition: String,
    #[serde(rename = "psi_some")]
    pub(crate) pressure: f64,
    #[serde(rename = "steal_frac")]
    pub(crate) steal: f64,
    pub(crate) arms: Vec<LoadArm>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
pub(crate) struct LoadArm {
    #[serde(rename = "latency_us")]
    pub(crate) latency: Microseconds,
    #[serde(rename = "cpu_us_per_req")]
    pub(crate) cpu_us: f64,
}

#[derive(Debug, Clone, Copy, Deserialize)]
pub(crate) struct Microseconds {
    pub(crate) mean: f64,
    pub(crate) p50: f64,
    pub(crate) p90: f64,
    pub(crate) p95: f64,
    pub(crate) p99: f64,
    pub(crate) max: f64,
}

/// Everything that was found.
#[derive(Debug, Default)]
pub(crate) struct Data {
    /// Forks by benchmark.
    pub(crate) benchmarks: Vec<Vec<Fork>>,
    pub(crate) series: Vec<Series>,
    pub(crate) load: Vec<LoadRound>,
    /// Where each came from, or what is missing.
    pub(crate) sources: Vec<String>,
}

impl Data {
    pub(crate) fn is_empty(&self) -> bool {
        self.benchmarks.is_empty() && self.series.is_empty() && self.load.is_empty()
    }
}

/// Files named by the user; for a kind without one the development data stand in.
#[derive(Debug, Default)]
pub(crate) struct Files {
    pub(crate) rounds: Vec<PathBuf>,
    pub(crate) series: Vec<PathBuf>,
}

/// Reads all files; those of the development data may be absent.
pub(crate) fn read(mut files: Files) -> Result<Data, String> {
    let mut data = Data::default();
    let here = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/data"));
    let stand_in = |name: &str, among: &mut Vec<PathBuf>, sources: &mut Vec<String>| {
        let path = here.join(name);
        if path.exists() {
            among.push(path);
        } else {
            sources.push(format!("not here: {}", path.display()));
        }
    };
    let is_load = |p: &PathBuf| p.extension().is_some_and(|e| e == "jsonl");
    let (no_load, no_forks) = (
        !files.rounds.iter().any(is_load),
        files.rounds.iter().all(is_load),
    );
    if no_forks {
        stand_in("aa_forks.csv", &mut files.rounds, &mut data.sources);
    }
    if no_load {
        stand_in(
            "loopback_rounds.jsonl",
            &mut files.rounds,
            &mut data.sources,
        );
    }
    if files.series.is_empty() {
        stand_in("flat_series.json", &mut files.series, &mut data.sources);
    }
    for path in &files.rounds {
        let text = text(path)?;
        if is_load(path) {
            data.load
                .extend(load_rounds(&text).map_err(|e| blame(path, &e))?);
        } else {
            data.benchmarks
                .extend(forks(&text).map_err(|e| blame(path, &e))?);
        }
        data.sources.push(path.display().to_string());
    }
    for path in &files.series {
        let series: Vec<Series> =
            serde_json::from_str(&text(path)?).map_err(|e| blame(path, &e.to_string()))?;
        data.series.extend(series);
        data.sources.push(path.display().to_string());
    }
    Ok(data)
}

fn text(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|e| blame(path, &e.to_string()))
}

fn blame(path: &Path, why: &str) -> String {
    format!("{}: {why}", path.display())
}

fn forks(text: &str) -> Result<Vec<Vec<Fork>>, String> {
    #[derive(Deserialize)]
    struct Name {
        benchmark: String,
    }
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let head = reader.headers().map_err(|e| e.to_string())?.clone();
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut benchmarks: Vec<Vec<Fork>> = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|e| e.to_string())?;
        // `csv` cannot flatten numbers, so a line is read twice.
        let name: Name = record.deserialize(Some(&head)).map_err(|e| e.to_string())?;
        let fork: Fork = record.deserialize(Some(&head)).map_err(|e| e.to_string())?;
        let place = *places.entry(name.benchmark).or_insert(benchmarks.len());
        if place == benchmarks.len() {
            benchmarks.push(Vec::new());
        }
        benchmarks[place].push(fork);
    }
    Ok(benchmarks)
}

fn load_rounds(text: &str) -> Result<Vec<LoadRound>, String> {
    text.lines()
        .filter(|l| !l.trim().is_empty())
        .enumerate()
        .map(|(i, line)| {
            let round: LoadRound =
                serde_json::from_str(line).map_err(|e| format!("line {}: {e}", i + 1))?;
            if round.arms.is_empty() {
                return Err(format!("line {}: a round without arms", i + 1));
            }
            Ok(round)
        })
        .collect()
}
