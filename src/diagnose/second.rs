//! One second of the load, as rules look at it.

use crate::model::{Interval, Latencies, Tally};

/// All steps and phases of an interval together.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Second {
    /// Seconds from the beginning of the round.
    pub(super) from: f64,
    pub(super) to: f64,
    pub(super) tally: Tally,
    pub(super) latency: Latencies,
    pub(super) in_flight: u64,
    /// Nanoseconds.
    pub(super) median: Option<f64>,
    pub(super) worst: Option<f64>,
}

impl Second {
    pub(super) fn of(interval: &Interval) -> Self {
        let mut second = Self {
            from: interval.start.as_secs_f64(),
            to: (interval.start + interval.length).as_secs_f64(),
            in_flight: interval.in_flight,
            ..Self::default()
        };
        for cell in &interval.cells {
            second.tally.merge(&cell.tally);
            second.latency.merge(&cell.latency);
        }
        second.median = second.quantile(0.5);
        second.worst = second.quantile(1.0);
        second
    }

    /// Of the answered and the given up, however few: for looking, not for stating.
    pub(super) fn quantile(&self, q: f64) -> Option<f64> {
        let mut all = self.latency.ok.clone();
        all.merge(&self.latency.censored);
        all.quantile(q).map(|n| n.0 as f64)
    }

    pub(super) fn length(&self) -> f64 {
        (self.to - self.from).max(1e-9)
    }

    pub(super) fn ended(&self) -> u64 {
        self.tally.answered + self.tally.failures.total()
    }

    /// Requests under way at a time that were answered as expected, by Little's law.
    pub(super) fn served_at_once(&self) -> f64 {
        self.latency.ok.sum() as f64 / 1e9 / self.length()
    }

    /// Share of those whose fate was known in it that failed.
    pub(super) fn failed_share(&self) -> f64 {
        self.tally.failures.total() as f64 / self.ended().max(1) as f64
    }

    /// Share of answers that took longer than this, in nanoseconds.
    pub(super) fn slower_than(&self, limit: f64) -> f64 {
        let (ok, censored) = (&self.latency.ok, &self.latency.censored);
        let n = ok.count() + censored.count();
        if n == 0 {
            return 0.0;
        }
        let middle = |&(low, width, _): &(u64, u64, u64)| (low + width / 2) as f64;
        let slow = ok.buckets().filter(|b| middle(b) > limit).map(|b| b.2);
        let late = censored
            .buckets()
            .filter(|b| middle(b) > limit)
            .map(|b| b.2);
        (slow.sum::<u64>() + late.sum::<u64>()) as f64 / n as f64
    }
}
