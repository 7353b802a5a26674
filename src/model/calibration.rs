//! What `calibrate` found out about a machine: how much a scenario's numbers scatter on it when
//! nothing changed, and what follows for a gate.

use serde::{Deserialize, Serialize};

use super::{Change, Metric, Scope, label};
use crate::units::Nanos;

/// The noise of one scenario on one machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    pub scenario: String,
    /// RFC 3339, UTC.
    pub measured_at: String,
    /// Rounds of the same target, and those of them that the machine spoiled for times.
    pub rounds: usize,
    pub spoiled: usize,
    /// CPU pressure of the idle machine before the rounds, their median; None where the kernel
    /// does not say.
    pub idle_pressure: Option<f64>,
    /// Median share of CPU time taken by the hypervisor, and the greatest of any round.
    pub steal: (f64, f64),
    /// Gating metrics first.
    pub floors: Vec<NoiseFloor>,
    /// Metrics without a floor, and why.
    pub without: Vec<(String, String)>,
    /// Rounds per side that a check should have.
    pub rounds_proposed: usize,
    pub reliability: Reliability,
}

/// How much one metric scatters from round to round. All numbers are of its logarithm.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NoiseFloor {
    pub metric: Metric,
    pub scope: Scope,
    pub over: Option<Nanos>,
    pub gating: bool,
    /// Rounds it was taken from.
    pub rounds: usize,
    /// The machine spoiled so many rounds that they had to be used.
    pub noisy: bool,
    /// Geometric mean, in the unit of the metric.
    pub typical: f64,
    pub sd: f64,
    /// 95 % interval of `sd`.
    pub sd_interval: (f64, f64),
    /// Of the differences within pairs.
    pub pair_sd: Option<f64>,
    pub detectable: Vec<Detectable>,
    /// What is allowed now: by the threshold, or by default.
    pub allowed: Change,
    /// The allowance proposed; None when the metric is too noisy here to gate.
    pub proposed: Option<f64>,
}

impl NoiseFloor {
    /// `latency.p99 [step pay]`
    pub fn name(&self) -> String {
        label(self.metric, &self.scope, self.over)
    }
}

/// The smallest change that shows with a power of 80 %, as a share.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Detectable {
    /// A side.
    pub rounds: usize,
    /// Against a stored baseline.
    pub stored: f64,
    /// Against another build, measured in turn.
    pub interleaved: Option<f64>,
}

/// How often verdicts that state a confidence are right.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Reliability {
    /// Rounds that count, of all calibrations of this scenario here, and how many it takes.
    pub rounds: usize,
    pub needed: usize,
    /// Empty while there are too few rounds.
    pub points: Vec<ReliabilityPoint>,
    /// Mean squared distance of the stated confidence from what turned out.
    pub brier: Option<f64>,
}

/// Verdicts of about the same stated confidence.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ReliabilityPoint {
    /// Mean of what was stated.
    pub stated: f64,
    /// Share of them that were right, made monotone.
    pub observed: f64,
    pub verdicts: usize,
}
