//! Resource use between the boundaries of phases, from cumulative readings.
//!
//! A counter between two readings is taken to grow evenly (linear interpolation); beyond the first
//! and the last reading nothing is assumed, so a phase seen in part has a shorter `wall`.

use crate::model::{PhaseOutline, PhaseUsage, Sample, TargetSample};
use crate::stats::theil_sen;
use crate::units::Nanos;

/// A slope is taken from at most so many readings: it compares each with each.
const SLOPE_READINGS: usize = 600;

/// The samples of a round, ordered by time.
pub(super) struct Readings<'a> {
    samples: &'a [Sample],
    /// Those that saw the target.
    target: Vec<(Nanos, TargetSample)>,
}

/// Shares of the machine over a stretch of time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct HostShare {
    pub(super) steal: f64,
    pub(super) cpu_pressure: Option<f64>,
    /// In cores.
    pub(super) own_cpu: f64,
}

impl<'a> Readings<'a> {
    pub(super) fn new(samples: &'a [Sample]) -> Self {
        let target = samples
            .iter()
            .filter_map(|s| s.target.map(|t| (s.at, t)))
            .collect();
        Self { samples, target }
    }

    /// Resources of the target over one phase; None when it was not seen for any part of it.
    pub(super) fn usage(&self, index: usize, phase: &PhaseOutline) -> Option<PhaseUsage> {
        let cpu: Vec<_> = self.target.iter().map(|(at, t)| (*at, t.cpu)).collect();
        let (cpu, wall) = growth(&cpu, phase)?;
        let first = nearest(&self.target, phase.start)?;
        let last = nearest(&self.target, phase.start + phase.duration)?;
        let within = &self.target[first..=last.max(first)];
        Some(PhaseUsage {
            phase: index,
            wall,
            cpu,
            rss_peak: within.iter().map(|(_, t)| t.rss).max()?,
            rss_end: within.last()?.1.rss,
            rss_slope: rss_slope(within),
            fds_peak: within.iter().map(|(_, t)| t.fds).max()?,
            threads_peak: within.iter().map(|(_, t)| t.threads).max()?,
        })
    }

    /// Shares of the machine over all the given phases together.
    pub(super) fn host<'p>(&self, phases: impl Iterator<Item = &'p PhaseOutline>) -> HostShare {
        let counter = |read: &dyn Fn(&Sample) -> Option<Nanos>| -> Vec<(Nanos, Nanos)> {
            self.samples
                .iter()
                .filter_map(|s| read(s).map(|v| (s.at, v)))
                .collect()
        };
        let steal = counter(&|s| Some(s.host.steal));
        let pressure = counter(&|s| s.host.cpu_pressure);
        let own = counter(&|s| Some(s.own_cpu));
        let cores = self.samples.iter().map(|s| s.host.cores).max();
        let (mut steals, mut pressures, mut owns) =
            (Share::default(), Share::default(), Share::default());
        for phase in phases {
            steals.add(&steal, phase);
            pressures.add(&pressure, phase);
            owns.add(&own, phase);
        }
        HostShare {
            steal: steals.value().unwrap_or(0.0) / cores.unwrap_or(1).max(1) as f64,
            cpu_pressure: pressures.value(),
            own_cpu: owns.value().unwrap_or(0.0),
        }
    }
}

/// Growth of a counter over the time it grew in.
#[derive(Default)]
struct Share {
    grown: Nanos,
    wall: Nanos,
}

impl Share {
    fn add(&mut self, counter: &[(Nanos, Nanos)], phase: &PhaseOutline) {
        if let Some((grown, wall)) = growth(counter, phase) {
            self.grown += grown;
            self.wall += wall;
        }
    }

    fn value(&self) -> Option<f64> {
        (self.wall > Nanos::ZERO).then(|| self.grown.0 as f64 / self.wall.0 as f64)
    }
}

/// What a counter grew by during the part of a phase it was read in, and how long that part is.
fn growth(counter: &[(Nanos, Nanos)], phase: &PhaseOutline) -> Option<(Nanos, Nanos)> {
    let (first, last) = (counter.first()?.0, counter.last()?.0);
    let from = phase.start.max(first).min(last);
    let to = (phase.start + phase.duration).max(first).min(last);
    let wall = to - from;
    (wall > Nanos::ZERO).then(|| (at(counter, to) - at(counter, from), wall))
}

/// The counter at a time between its first and last reading.
fn at(counter: &[(Nanos, Nanos)], time: Nanos) -> Nanos {
    let after = counter.partition_point(|(at, _)| *at < time);
    let Some(&(t1, v1)) = counter.get(after) else {
        return counter.last().map_or(Nanos::ZERO, |c| c.1);
    };
    let Some(&(t0, v0)) = after.checked_sub(1).and_then(|i| counter.get(i)) else {
        return v1;
    };
    let share = (time - t0).0 as f64 / (t1 - t0).0.max(1) as f64;
    v0 + Nanos::from_secs_f64((v1 - v0).as_secs_f64() * share)
}

/// Position of the reading nearest to a time.
fn nearest(readings: &[(Nanos, TargetSample)], time: Nanos) -> Option<usize> {
    let distance = |i: usize| readings[i].0.0.abs_diff(time.0);
    (0..readings.len()).min_by_key(|&i| distance(i))
}

fn rss_slope(readings: &[(Nanos, TargetSample)]) -> Option<f64> {
    let every = readings.len().div_ceil(SLOPE_READINGS).max(1);
    let points: Vec<_> = readings
        .iter()
        .step_by(every)
        .map(|(at, t)| (at.as_secs_f64(), t.rss.0 as f64))
        .collect();
    (readings.len() >= 3).then(|| theil_sen(&points)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]

        /// A damaged or hostile record is summed up too: wrong order, counters that go back, extremes.
        #[test]
        fn any_readings_give_finite_shares(
            readings in proptest::collection::vec(proptest::prelude::any::<(u64, u64, u64)>(), 0..12),
            start in proptest::prelude::any::<u64>(),
            duration in proptest::prelude::any::<u64>(),
        ) {
            let samples: Vec<_> = readings
                .into_iter()
                .map(|(at, counter, rss)| Sample {
                    at: Nanos(at),
                    own_cpu: Nanos(counter),
                    target: Some(TargetSample {
                        cpu: Nanos(counter),
                        rss: crate::units::Bytes(rss),
                        ..TargetSample::default()
                    }),
                    ..Sample::default()
                })
                .collect();
            let phase = PhaseOutline {
                name: String::new(),
                start: Nanos(start),
                duration: Nanos(duration),
                warm_up: false,
                load: String::new(),
                asked: None,
            };
            let readings = Readings::new(&samples);
            let slope = readings.usage(0, &phase).and_then(|u| u.rss_slope);
            proptest::prop_assert!(slope.is_none_or(f64::is_finite));
            let host = readings.host(std::iter::once(&phase));
            proptest::prop_assert!(host.own_cpu.is_finite() && host.steal.is_finite());
        }
    }

    #[test]
    fn a_counter_is_interpolated_and_never_extrapolated() {
        let counter =
            [(10, 100), (20, 200), (20, 220), (30, 300)].map(|(t, v)| (Nanos(t), Nanos(v)));
        assert_eq!(at(&counter, Nanos(15)), Nanos(150));
        assert_eq!(at(&counter, Nanos(5)), Nanos(100));
        assert_eq!(at(&counter, Nanos(40)), Nanos(300));
        let phase = PhaseOutline {
            name: String::new(),
            start: Nanos(0),
            duration: Nanos(25),
            warm_up: false,
            load: String::new(),
            asked: None,
        };
        assert_eq!(growth(&counter, &phase), Some((Nanos(160), Nanos(15))));
        assert_eq!(growth(&counter[..1], &phase), None);
    }
}
