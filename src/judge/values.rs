//! The value of a metric in one round.
//!
//! Warm-up phases never count. Distributions of all phases and steps in the scope are merged and
//! the quantile is read once; percentiles are never averaged. Nothing leaves the population, so a
//! value may be only a lower bound. A value that a round was given goes before all of that.

use std::ops::Range;

use crate::model::{
    Cell, Distribution, Estimate, Failures, Latencies, Metric, Outline, PhaseUsage, Round, Scope,
    Stat,
};
use crate::stats::Counts;
use crate::units::Nanos;

/// The value of `metric` in `scope` over one round, in the metric's unit.
pub fn value(metric: Metric, scope: &Scope, round: &Round, outline: &Outline) -> Estimate {
    Reading::of(scope, round, outline).value(metric)
}

/// All that one round says about one scope, merged once for every metric asked of it.
#[derive(Debug)]
pub(super) struct Reading {
    cell: Cell,
    usage: Vec<PhaseUsage>,
    /// Looks at the health of components, and those that found them well.
    health: [u64; 2],
    wall: Nanos,
    /// What the plan asked for; None when the target decides, or of a single step.
    asked: Option<u64>,
    /// Processes have no steps.
    of_step: bool,
    /// The worst windows of the scope.
    windows: Vec<(Quantity, Estimate)>,
    recovery: Estimate,
    /// Values of the scope that were taken over, and not measured.
    given: Vec<(Metric, f64)>,
}

/// The measured phases and the steps that a scope names.
#[derive(Debug)]
pub(super) struct Extent {
    pub(super) phases: Vec<usize>,
    /// None: all of them.
    steps: Option<Range<usize>>,
}

impl Extent {
    pub(super) fn of(scope: &Scope, outline: &Outline) -> Self {
        let measured = |i: &usize| {
            let phase = &outline.phases[*i];
            !phase.warm_up && scope.phase.as_ref().is_none_or(|name| *name == phase.name)
        };
        let steps = match (&scope.step, &scope.journey) {
            // A name that there is not names no step, and never all of them.
            (Some(step), _) => Some(outline.step_index(step).map_or(0..0, |i| i..i + 1)),
            (None, Some(journey)) => Some(outline.journey(journey).unwrap_or(0..0)),
            (None, None) => None,
        };
        Self {
            phases: (0..outline.phases.len()).filter(measured).collect(),
            steps,
        }
    }

    pub(super) fn holds(&self, cell: &Cell) -> bool {
        self.phases.contains(&cell.phase)
            && self.steps.as_ref().is_none_or(|s| s.contains(&cell.step))
    }
}

/// What is asked of a round: a metric, over all of it or in its worst window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Quantity {
    pub(super) metric: Metric,
    pub(super) over: Option<Nanos>,
}

impl From<Metric> for Quantity {
    fn from(metric: Metric) -> Self {
        Self { metric, over: None }
    }
}

impl Reading {
    pub(super) fn of(scope: &Scope, round: &Round, outline: &Outline) -> Self {
        let extent = Extent::of(scope, outline);
        let mut cell = Cell::default();
        for part in round.cells.iter().filter(|c| extent.holds(c)) {
            cell.merge(part);
        }
        let phases = || extent.phases.iter().map(|&i| &outline.phases[i]);
        let of_step = extent.steps.is_some();
        Self {
            cell,
            usage: round
                .usage
                .iter()
                .filter(|u| extent.phases.contains(&u.phase))
                .copied()
                .collect(),
            health: round
                .health
                .iter()
                .filter(|h| extent.phases.contains(&h.phase))
                .fold([0, 0], |[asked, well], h| [asked + h.asked, well + h.well]),
            wall: phases().fold(Nanos::ZERO, |sum, p| sum + p.duration),
            asked: if of_step {
                None
            } else {
                phases().map(|p| p.asked).sum()
            },
            of_step,
            windows: round
                .windows
                .iter()
                .filter(|w| w.scope == *scope)
                .map(|w| {
                    let (metric, over) = (w.metric, Some(w.over));
                    (Quantity { metric, over }, w.worst)
                })
                .collect(),
            // A fault meets all requests alike.
            recovery: if *scope == Scope::default() {
                round.recovery()
            } else {
                Estimate::Missing
            },
            given: round
                .given
                .iter()
                .filter(|g| g.scope == *scope)
                .map(|g| (g.metric, g.value))
                .collect(),
        }
    }

    /// Requests of a stretch of time, without what processes used.
    pub(super) fn of_stretch(cell: Cell, wall: Nanos) -> Self {
        Self {
            cell,
            usage: Vec::new(),
            health: [0, 0],
            wall,
            asked: None,
            of_step: false,
            windows: Vec::new(),
            recovery: Estimate::Missing,
            given: Vec::new(),
        }
    }

    pub(super) fn value(&self, quantity: impl Into<Quantity>) -> Estimate {
        let quantity = quantity.into();
        if quantity.over.is_none() {
            return self.over_all(quantity.metric);
        }
        let worst = self.windows.iter().find(|(asked, _)| *asked == quantity);
        worst.map_or(Estimate::Missing, |(_, worst)| *worst)
    }

    fn over_all(&self, metric: Metric) -> Estimate {
        if let Some(value) = self.given(metric) {
            return finite(value);
        }
        let tally = &self.cell.tally;
        match metric {
            Metric::Latency(stat) => of_latencies(&self.cell.latency, stat),
            Metric::ServiceTime(stat) => of_distribution(&self.cell.service, stat),
            Metric::Lateness(stat) => of_distribution(&self.cell.lateness, stat),
            Metric::Wait(stat) => of_distribution(&self.cell.wait, stat),
            Metric::ThroughputAsked => self.per_second(self.asked.unwrap_or(tally.due)),
            Metric::ThroughputSent => self.per_second(tally.sent),
            Metric::ThroughputOk => self.per_second(tally.answered),
            Metric::ErrorsRate | Metric::Errors(_) => self
                .counts(metric)
                .map_or(Estimate::Missing, |c| finite(c.share())),
            Metric::RetriesRate => ratio(tally.retried.total() as f64, tally.due),
            // No answer is without bytes: nobody counted them.
            Metric::BytesIn if tally.bytes_in.0 == 0 => Estimate::Missing,
            Metric::BytesIn => ratio(tally.bytes_in.0 as f64, tally.answered),
            Metric::BytesOut if tally.bytes_out.0 == 0 => Estimate::Missing,
            Metric::BytesOut => ratio(tally.bytes_out.0 as f64, tally.sent),
            Metric::RecoveryTime => self.recovery,
            Metric::HealthScore if self.of_step => Estimate::Missing,
            Metric::HealthScore => ratio(self.health[1] as f64, self.health[0]),
            _ if self.of_step || self.usage.is_empty() => Estimate::Missing,
            Metric::CpuPerRequest => {
                let cpu = self.cpu().0 as f64;
                match (tally.answered, tally.due) {
                    (0, 0) => Estimate::Missing,
                    // Nothing was answered: each answer would have cost at least this.
                    (0, due) => Estimate::AtLeast(cpu / due as f64),
                    (answered, _) => finite(cpu / answered as f64),
                }
            }
            Metric::CpuUtilisation => {
                let wall = self.usage.iter().fold(Nanos::ZERO, |sum, u| sum + u.wall);
                ratio(self.cpu().0 as f64, wall.0)
            }
            Metric::RssPeak => self.greatest(|u| u.rss_peak.0),
            Metric::RssEnd => self
                .usage
                .iter()
                .max_by_key(|u| u.phase)
                .map_or(Estimate::Missing, |u| finite(u.rss_end.0 as f64)),
            Metric::RssSlope => self.slope(),
            Metric::FdsPeak => self.greatest(|u| u.fds_peak),
            Metric::ThreadsPeak => self.greatest(|u| u.threads_peak),
            // Found by many rounds together: no round has it.
            Metric::CapacityKnee | Metric::Custom(_) => Estimate::Missing,
        }
    }

    fn given(&self, metric: Metric) -> Option<f64> {
        let found = self.given.iter().find(|(given, _)| *given == metric);
        found.map(|(_, value)| *value)
    }

    /// The exact value or the best lower bound there is; None when nothing is known.
    ///
    /// A quantile that falls on failed requests lies above every latency seen in the round, so the
    /// greatest of these bounds it; but not what was seen outside of a window.
    pub(super) fn bound(&self, quantity: impl Into<Quantity>) -> Option<f64> {
        let quantity = quantity.into();
        match self.value(quantity) {
            Estimate::Undetermined if quantity.over.is_none() => {
                let latency = &self.cell.latency;
                let seen = latency.ok.max().max(latency.censored.max());
                (seen > Nanos::ZERO).then_some(seen.0 as f64)
            }
            estimate => estimate.lower_bound(),
        }
    }

    /// Failures and due requests, for the error metrics.
    pub(super) fn counts(&self, quantity: impl Into<Quantity>) -> Option<Counts> {
        let Quantity { metric, over: None } = quantity.into() else {
            return None;
        };
        let tally = &self.cell.tally;
        let hits = match metric {
            Metric::ErrorsRate => tally.failures.total(),
            Metric::Errors(class) => tally.failures.count(class),
            _ => return None,
        };
        (tally.due > 0 && self.given(metric).is_none()).then_some(Counts {
            hits,
            trials: tally.due,
        })
    }

    /// Of a percentile of times: requests over the limit, of how many, and the share that may be.
    ///
    /// Failures are over every limit, and so is what was given up before it could be told.
    pub(super) fn over(&self, metric: Metric, limit: f64) -> Option<(u64, u64, f64)> {
        let (stat, over, of) = match metric {
            Metric::Latency(stat) => {
                let latency = &self.cell.latency;
                let over = above(&latency.ok, limit) + latency.censored.count() + latency.failed;
                (stat, over, latency.population())
            }
            Metric::ServiceTime(stat) => {
                let service = &self.cell.service;
                (stat, above(service, limit), service.count())
            }
            Metric::Lateness(stat) => {
                let lateness = &self.cell.lateness;
                (stat, above(lateness, limit), lateness.count())
            }
            Metric::Wait(stat) => {
                let wait = &self.cell.wait;
                (stat, above(wait, limit), wait.count())
            }
            _ => return None,
        };
        Some((over, of, 1.0 - stat.quantile()?))
    }

    /// Service times of the answered.
    pub(super) fn service(&self) -> &Distribution {
        &self.cell.service
    }

    /// Requests due.
    pub(super) fn due(&self) -> u64 {
        self.cell.tally.due
    }

    /// Requests answered as expected.
    pub(super) fn answered(&self) -> u64 {
        self.cell.tally.answered
    }

    /// How many failed of what.
    pub(super) fn failures(&self) -> &Failures {
        &self.cell.tally.failures
    }

    /// Requests the plan asked for, where it says.
    pub(super) fn asked(&self) -> Option<u64> {
        self.asked
    }

    fn cpu(&self) -> Nanos {
        self.usage.iter().fold(Nanos::ZERO, |sum, u| sum + u.cpu)
    }

    fn per_second(&self, n: u64) -> Estimate {
        if self.cell.tally.due == 0 || self.wall == Nanos::ZERO {
            return Estimate::Missing;
        }
        finite(n as f64 / self.wall.as_secs_f64())
    }

    fn greatest(&self, of: impl Fn(&PhaseUsage) -> u64) -> Estimate {
        self.usage
            .iter()
            .map(of)
            .max()
            .map_or(Estimate::Missing, |v| finite(v as f64))
    }

    /// Mean of the phases' slopes, weighted by their length.
    fn slope(&self) -> Estimate {
        let known = || {
            self.usage
                .iter()
                .filter_map(|u| u.rss_slope.map(|s| (s, u.wall.as_secs_f64())))
        };
        let length: f64 = known().map(|(_, w)| w).sum();
        let grown: f64 = known().map(|(s, w)| s * w).sum();
        finite(grown / length)
    }
}

fn of_latencies(latencies: &Latencies, stat: Stat) -> Estimate {
    match (stat, stat.quantile()) {
        (_, Some(q)) => latencies.quantile(q),
        (Stat::Max, None) => latencies.max(),
        (_, None) => latencies.mean(),
    }
}

fn of_distribution(values: &Distribution, stat: Stat) -> Estimate {
    let all = Latencies {
        ok: values.clone(),
        ..Latencies::default()
    };
    of_latencies(&all, stat)
}

/// Values in buckets whose middle lies above the limit.
fn above(values: &Distribution, limit: f64) -> u64 {
    let buckets = values.buckets();
    let above = buckets.filter(|&(low, width, _)| (low + width / 2) as f64 > limit);
    above.map(|(_, _, n)| n).sum()
}

fn ratio(sum: f64, n: u64) -> Estimate {
    finite(sum / n as f64)
}

/// A number that is none was not measured.
fn finite(v: f64) -> Estimate {
    if v.is_finite() {
        Estimate::Exact(v)
    } else {
        Estimate::Missing
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ErrorClass, PhaseHealth, PhaseOutline};

    #[test]
    fn health_is_the_share_of_answers_of_measured_phases() {
        let phase = |warm_up| PhaseOutline {
            name: "p".to_owned(),
            start: Nanos::ZERO,
            duration: Nanos::SECOND,
            warm_up,
            load: String::new(),
            asked: None,
        };
        let outline = Outline {
            phases: vec![phase(true), phase(false)],
            steps: vec!["a".to_owned()],
            ..Outline::default()
        };
        let mut round = Round::new(0, crate::model::Arm::Now, 0, String::new());
        let score = |round: &Round, step: Option<&str>| {
            let scope = Scope {
                step: step.map(str::to_owned),
                ..Scope::default()
            };
            value(Metric::HealthScore, &scope, round, &outline)
        };
        assert_eq!(score(&round, None), Estimate::Missing);
        let health = |phase, asked, well| PhaseHealth { phase, asked, well };
        round.health = vec![health(0, 5, 0), health(1, 4, 3)];
        assert_eq!(score(&round, None), Estimate::Exact(0.75));
        assert_eq!(score(&round, Some("a")), Estimate::Missing, "of no step");
    }

    #[test]
    fn retries_are_counted_by_attempt_and_request() {
        let of = |due, retried| {
            let mut cell = Cell::default();
            cell.tally.due = due;
            cell.tally.retried.add(ErrorClass::Status5xx, retried);
            Reading::of_stretch(cell, Nanos::SECOND).value(Metric::RetriesRate)
        };
        assert_eq!(of(10, 4), Estimate::Exact(0.4));
        assert_eq!(
            of(10, 25),
            Estimate::Exact(2.5),
            "each request took several"
        );
        assert_eq!(of(10, 0), Estimate::Exact(0.0));
        assert_eq!(of(0, 0), Estimate::Missing);
    }
}
