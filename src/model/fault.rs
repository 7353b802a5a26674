//! What was done to the traffic on purpose, and what came of it.

use serde::{Deserialize, Serialize};

use super::{Estimate, Interval, Latencies};
use crate::units::Nanos;

/// A fault of the plan as a record keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultOutline {
    /// From the beginning of the round.
    pub at: Nanos,
    pub duration: Nanos,
    /// In words: `200 ms latency`, `black hole`.
    pub what: String,
}

impl FaultOutline {
    /// Time before the first fault without which there is no state to come back to.
    pub const STEADY: Nanos = Nanos::from_secs(3);

    pub fn end(&self) -> Nanos {
        self.at + self.duration
    }
}

/// What one fault did in one round.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Impact {
    /// Index into [`Outline::faults`](super::Outline::faults).
    pub fault: usize,
    /// The steady state that the traffic is to come back to.
    pub before: Stretch,
    pub during: Stretch,
    /// From the recovery on, or from the end of the fault when there was none.
    pub after: Stretch,
    /// Nanoseconds from the end of the fault until the traffic was as before; a lower bound when it never
    /// was, and missing where there is nothing to compare with.
    pub recovery: Estimate,
}

/// The requests that were settled in some seconds of a round.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Stretch {
    /// Time covered.
    pub length: Nanos,
    pub due: u64,
    pub answered: u64,
    pub failed: u64,
    pub latency: Latencies,
}

impl Stretch {
    /// Adds what was settled in an interval.
    pub fn add(&mut self, interval: &Interval) {
        self.length += interval.length;
        for cell in &interval.cells {
            self.due += cell.tally.due;
            self.answered += cell.tally.answered;
            self.failed += cell.tally.failures.total();
            self.latency.merge(&cell.latency);
        }
    }

    pub fn merge(&mut self, other: &Self) {
        self.length += other.length;
        self.due += other.due;
        self.answered += other.answered;
        self.failed += other.failed;
        self.latency.merge(&other.latency);
    }

    /// Share of the requests that were not answered as expected; None without requests.
    pub fn error_rate(&self) -> Option<f64> {
        (self.due > 0).then(|| self.failed as f64 / self.due as f64)
    }

    /// Requests answered as expected, per second; None when it covers no time.
    pub fn throughput(&self) -> Option<f64> {
        (self.length > Nanos::ZERO).then(|| self.answered as f64 / self.length.as_secs_f64())
    }
}
