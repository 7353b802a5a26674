//! The round being measured, as far as its events tell.

use std::collections::VecDeque;

use crate::model::{
    Arm, Estimate, Failures, GuardState, Interval, Latencies, Outline, Tally, TargetSample,
};
use crate::units::{Nanos, Unit};

/// Seconds that are remembered one by one: more than fit into a line.
const REMEMBERED: usize = 120;

/// Two readings nearer to each other say little of the CPU between them.
const APART: Nanos = Nanos::from_millis(500);

/// What is known of a round.
#[derive(Debug, Clone)]
pub(super) struct RoundSoFar {
    pub(super) index: usize,
    pub(super) of: usize,
    pub(super) arm: Arm,
    /// Rate, in a search for capacity.
    pub(super) level: Option<f64>,
    pub(super) ready: bool,
    pub(super) ended: bool,
    /// Of the phases that count, as all that follows up to the guard.
    pub(super) latency: Latencies,
    /// Of all requests that were taken up.
    pub(super) lateness: Latencies,
    pub(super) due: u64,
    pub(super) failures: Failures,
    /// In the order of the outline.
    pub(super) steps: Vec<StepSoFar>,
    pub(super) guard: Option<GuardState>,
    pub(super) latest: Option<Latest>,
    /// The latest at the back, warm-up included.
    pub(super) seconds: VecDeque<Second>,
    pub(super) usage: Option<Usage>,
}

/// One step in the phases that count.
#[derive(Debug, Clone, Default)]
pub(super) struct StepSoFar {
    pub(super) latency: Latencies,
    pub(super) failed: u64,
    /// Answers a second, in the latest.
    pub(super) answered: f64,
}

/// The latest second, in requests a second.
#[derive(Debug, Clone, Copy)]
pub(super) struct Latest {
    /// Its end, from the beginning of the round.
    pub(super) at: Nanos,
    /// When it was heard of.
    pub(super) heard: Nanos,
    pub(super) asked: f64,
    pub(super) sent: f64,
    pub(super) answered: f64,
    pub(super) in_flight: u64,
}

/// How long requests took in one second, for its place in a row of them; whatever their number.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Second {
    pub(super) p50: Option<Nanos>,
    pub(super) p99: Option<Nanos>,
    /// Some failed, and nothing was answered.
    pub(super) is_dead: bool,
}

/// The target's processes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Usage {
    at: Nanos,
    sample: TargetSample,
    /// Between the two latest readings.
    pub(super) cores: Option<f64>,
}

impl Usage {
    pub(super) fn rss(self) -> f64 {
        self.sample.rss.0 as f64
    }
}

impl RoundSoFar {
    pub(super) fn new(index: usize, arm: Arm, of: usize, level: Option<f64>) -> Self {
        Self {
            index,
            of,
            arm,
            level,
            ready: false,
            ended: false,
            latency: Latencies::default(),
            lateness: Latencies::default(),
            due: 0,
            failures: Failures::default(),
            steps: Vec::new(),
            guard: None,
            latest: None,
            seconds: VecDeque::new(),
            usage: None,
        }
    }

    /// `round 3 of 10`; beyond the plan a spoiled one is repeated. `level 200/s, round 7` in a search,
    /// which does not know how many there will be.
    pub(super) fn place(&self) -> String {
        let number = self.index + 1;
        if let Some(rate) = self.level {
            format!("level {}, round {number}", Unit::PerSecond.format(rate))
        } else if number > self.of {
            format!("round {number} (a repeat)")
        } else {
            format!("round {number} of {}", self.of)
        }
    }

    /// Takes in a second that was heard of at `now`.
    pub(super) fn add(&mut self, interval: &Interval, outline: &Outline, now: Nanos) {
        let seconds = interval.length.as_secs_f64().max(1e-3);
        let a_second = |f: fn(&Tally) -> u64| {
            let sum: u64 = interval.cells.iter().map(|c| f(&c.tally)).sum();
            sum as f64 / seconds
        };
        self.latest = Some(Latest {
            at: interval.start + interval.length,
            heard: now,
            asked: a_second(|t| t.due),
            sent: a_second(|t| t.sent),
            answered: a_second(|t| t.answered),
            in_flight: interval.in_flight,
        });
        self.steps
            .resize_with(outline.steps.len(), StepSoFar::default);
        for step in &mut self.steps {
            step.answered = 0.0;
        }
        for cell in &interval.cells {
            if let Some(step) = self.steps.get_mut(cell.step) {
                step.answered += cell.tally.answered as f64 / seconds;
            }
            if outline.phases.get(cell.phase).is_some_and(|p| p.warm_up) {
                continue;
            }
            let failed = cell.tally.failures.total();
            if let Some(step) = self.steps.get_mut(cell.step) {
                step.latency.merge(&cell.latency);
                step.failed += failed;
            }
            self.latency.merge(&cell.latency);
            self.lateness.ok.merge(&cell.lateness);
            self.due += cell.tally.due;
            for (&class, &n) in &cell.tally.failures.0 {
                self.failures.add(class, n);
            }
        }
        self.remember(interval);
    }

    fn remember(&mut self, interval: &Interval) {
        let mut latency = Latencies::default();
        for cell in &interval.cells {
            latency.merge(&cell.latency);
        }
        if self.seconds.len() == REMEMBERED {
            self.seconds.pop_front();
        }
        self.seconds.push_back(Second {
            p50: latency.ok.quantile(0.5),
            p99: latency.ok.quantile(0.99),
            is_dead: latency.ok.is_empty() && latency.population() > 0,
        });
    }

    /// Takes in a reading of the target's processes.
    pub(super) fn sampled(&mut self, at: Nanos, sample: TargetSample) {
        let Some(before) = self.usage else {
            self.usage = Some(Usage {
                at,
                sample,
                cores: None,
            });
            return;
        };
        if at < before.at + APART {
            return;
        }
        let used = sample.cpu.saturating_sub(before.sample.cpu);
        let cores = used.as_secs_f64() / (at - before.at).as_secs_f64();
        self.usage = Some(Usage {
            at,
            sample,
            cores: Some(cores),
        });
    }

    /// Those that the requests so far can tell.
    pub(super) fn percentiles(&self) -> Vec<String> {
        [("p50", 0.5), ("p99", 0.99)]
            .into_iter()
            .filter_map(|(name, q)| {
                let value = told(self.latency.quantile(q))?;
                Some(format!("{name} {value}"))
            })
            .collect()
    }
}

/// A time, where enough requests tell it.
pub(super) fn told(time: Estimate) -> Option<String> {
    match time {
        Estimate::Exact(v) => Some(Unit::Time.format(v)),
        Estimate::AtLeast(v) => Some(format!("≥ {}", Unit::Time.format(v))),
        Estimate::Undetermined => Some("undetermined".to_owned()),
        Estimate::TooFew { .. } | Estimate::Missing => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Bytes;

    #[test]
    fn cpu_is_told_between_readings_that_are_far_enough_apart() {
        let mut round = RoundSoFar::new(0, Arm::Now, 1, None);
        let reading = |cpu| TargetSample {
            cpu: Nanos::from_millis(cpu),
            rss: Bytes(1 << 20),
            ..TargetSample::default()
        };
        let mut cores = |at, cpu| {
            round.sampled(Nanos::from_millis(at), reading(cpu));
            round.usage.and_then(|usage| usage.cores)
        };
        assert_eq!(cores(0, 100), None);
        assert_eq!(cores(100, 190), None, "too near");
        assert_eq!(cores(1_000, 350), Some(0.25));
        // A target that was started again does not use less than nothing.
        assert_eq!(cores(2_000, 10), Some(0.0));
    }

    #[test]
    fn what_is_remembered_does_not_grow_with_the_round() {
        let mut round = RoundSoFar::new(0, Arm::Now, 1, None);
        for second in 0..10 * REMEMBERED as u64 {
            let interval = Interval {
                start: Nanos::from_secs(second),
                length: Nanos::SECOND,
                ..Interval::default()
            };
            round.add(&interval, &Outline::default(), Nanos::ZERO);
        }
        assert_eq!(round.seconds.len(), REMEMBERED);
    }
}
