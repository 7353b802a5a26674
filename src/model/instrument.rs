//! How far this machine's own latencies are from the truth, as `doctor --instrument` found it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Metric, Stat};
use crate::units::Nanos;

/// Version of the kept error on disk.
pub const INSTRUMENT_SCHEMA: u32 = 2;

/// The error of the percentiles of a target that takes the same time for every request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstrumentError {
    pub schema: u32,
    /// RFC 3339, UTC.
    pub measured_at: String,
    /// The kind of machine it holds for.
    pub machine: String,
    /// By the name of the statistic, such as `p99`: the distance from the truth, above or below it.
    pub errors: BTreeMap<String, Nanos>,
}

impl InstrumentError {
    /// Of a metric that is a percentile of a latency.
    pub fn of(&self, metric: Metric) -> Option<Nanos> {
        match metric {
            Metric::Latency(stat) | Metric::ServiceTime(stat) => self.of_stat(stat),
            _ => None,
        }
    }

    /// Of a percentile.
    pub fn of_stat(&self, stat: Stat) -> Option<Nanos> {
        self.errors.get(stat.name()).copied()
    }
}
