//! The arrivals of all `rate` phases, in order.
//!
//! Poisson arrivals have an exact number n: given their number, the points of a Poisson process are
//! n independent uniform ones, so their order statistics are drawn one after another. With j drawn
//! and r of the (transformed) time left, the next takes the share 1 − V^(1/(n−j)) of r, V uniform
//! (Devroye 1986, V.2). Evenly spaced ones stand in the middle of n equal parts.

use super::inverse::Inverse;
use super::lanes::Lanes;
use super::random::Uniform;
use super::steps::Steps;
use crate::scenario::plan::{Arrivals, Load, Plan, Profile};
use crate::units::Nanos;

/// One request that is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrival {
    /// From the beginning of the round's first phase.
    pub at: Nanos,
    /// From 0 over all `rate` phases of the plan.
    pub number: u64,
    pub phase: usize,
    pub step: usize,
}

/// An iterator over the arrivals of some lanes.
#[derive(Debug, Clone)]
pub struct Schedule {
    seed: u64,
    steps: Steps,
    lanes: Lanes,
    /// Phases yet to come, last first.
    ahead: Vec<RatePhase>,
    current: Option<Spacing>,
    number: u64,
}

#[derive(Debug, Clone)]
struct RatePhase {
    index: usize,
    start: Nanos,
    duration: Nanos,
    profile: Profile,
    arrivals: Arrivals,
    asked: u64,
}

impl Schedule {
    pub fn new(plan: &Plan, lanes: Lanes) -> Self {
        let mut start = Nanos::ZERO;
        let mut ahead = Vec::new();
        for (index, phase) in plan.phases.iter().enumerate() {
            if let (Load::Rate { profile, arrivals }, Some(asked)) = (&phase.load, phase.asked()) {
                ahead.push(RatePhase {
                    index,
                    start,
                    duration: phase.duration,
                    profile: *profile,
                    arrivals: *arrivals,
                    asked,
                });
            }
            start += phase.duration;
        }
        ahead.reverse();
        Self {
            seed: plan.seed,
            steps: Steps::new(plan),
            lanes,
            ahead,
            current: None,
            number: 0,
        }
    }
}

impl Iterator for Schedule {
    type Item = Arrival;

    fn next(&mut self) -> Option<Arrival> {
        loop {
            let Some((phase, at)) = self.current.as_mut().and_then(Spacing::next) else {
                self.current = Some(Spacing::new(self.ahead.pop()?, self.seed));
                continue;
            };
            let number = self.number;
            self.number += 1;
            if self.lanes.contains(number) {
                return Some(Arrival {
                    at,
                    number,
                    phase,
                    step: self.steps.step_of(number),
                });
            }
        }
    }
}

/// The arrivals of one phase.
#[derive(Debug, Clone)]
struct Spacing {
    phase: RatePhase,
    inverse: Inverse,
    uniform: Uniform,
    /// Requests due over the phase, before rounding: the length of transformed time.
    total: f64,
    /// Transformed time after the latest arrival.
    left: f64,
    drawn: u64,
    latest: Nanos,
}

impl Spacing {
    fn new(phase: RatePhase, seed: u64) -> Self {
        let total = phase.profile.due(phase.duration, phase.duration);
        Self {
            inverse: Inverse::new(phase.profile, phase.duration),
            uniform: Uniform::new(seed, phase.index as u64),
            total,
            left: total,
            drawn: 0,
            latest: Nanos::ZERO,
            phase,
        }
    }

    /// Index of the phase and the time of its next arrival.
    fn next(&mut self) -> Option<(usize, Nanos)> {
        let to_come = self.phase.asked - self.drawn;
        if to_come == 0 {
            return None;
        }
        let u = match self.phase.arrivals {
            Arrivals::Poisson => {
                self.left *= (self.uniform.next().ln() / to_come as f64).exp();
                self.total - self.left
            }
            Arrivals::Constant => {
                self.total * ((self.drawn as f64 + 0.5) / self.phase.asked as f64)
            }
        };
        self.drawn += 1;
        // Rounding must neither turn the order nor leave the phase.
        let last = self.phase.duration - Nanos(1);
        let at = Nanos::from_secs_f64(self.inverse.at(u))
            .min(last)
            .max(self.latest);
        self.latest = at;
        Some((self.phase.index, self.phase.start + at))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::schedule::sample;
    use crate::units::Rate;

    fn of(phases: &[(Profile, Arrivals, u64)], weights: &[u32], seed: u64) -> Plan {
        let mut plan = sample::plan();
        plan.seed = seed;
        let (phase, step) = (plan.phases[0].clone(), plan.steps[0].clone());
        plan.steps = weights
            .iter()
            .map(|&weight| {
                let mut step = step.clone();
                step.weight = weight;
                step
            })
            .collect();
        plan.phases = phases
            .iter()
            .map(|&(profile, arrivals, ms)| {
                let mut phase = phase.clone();
                phase.load = Load::Rate { profile, arrivals };
                phase.duration = Nanos::from_millis(ms);
                phase
            })
            .collect();
        plan
    }

    fn profile() -> impl Strategy<Value = Profile> {
        let rate = || (1.0..3000.0).prop_map(Rate);
        prop_oneof![
            rate().prop_map(Profile::Constant),
            (rate(), rate()).prop_map(|(from, to)| Profile::Ramp { from, to }),
            (rate(), rate(), 1.0..500.0, 50..900_u64).prop_map(|(from, to, step, every)| {
                Profile::Stairs {
                    from,
                    to,
                    step: Rate(step),
                    every: Nanos::from_millis(every),
                }
            }),
        ]
    }

    fn plan() -> impl Strategy<Value = Plan> {
        let arrivals = prop_oneof![Just(Arrivals::Poisson), Just(Arrivals::Constant)];
        let phases = prop::collection::vec((profile(), arrivals, 1..1500_u64), 1..4);
        (phases, prop::collection::vec(1..9_u32, 1..5), any::<u64>())
            .prop_map(|(phases, weights, seed)| of(&phases, &weights, seed))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn the_number_is_exact_the_order_holds_and_phases_keep_their_arrivals(plan in plan()) {
            let all: Vec<_> = Schedule::new(&plan, Lanes::all()).collect();
            prop_assert!(all.is_sorted_by_key(|a| a.at));
            let mut start = Nanos::ZERO;
            for (i, phase) in plan.phases.iter().enumerate() {
                let end = start + phase.duration;
                let mine: Vec<_> = all.iter().filter(|a| a.phase == i).collect();
                prop_assert_eq!(Some(mine.len() as u64), phase.asked());
                prop_assert!(mine.iter().all(|a| start <= a.at && a.at < end));
                start = end;
            }
        }

        #[test]
        fn the_union_of_all_shares_is_the_whole_plan(plan in plan(), n in 1..9_usize) {
            let all: Vec<_> = Schedule::new(&plan, Lanes::all()).collect();
            let mut dealt: Vec<_> =
                (0..n).flat_map(|i| Schedule::new(&plan, Lanes::share(i, n))).collect();
            dealt.sort_by_key(|a| a.number);
            prop_assert_eq!(all, dealt);
        }

        #[test]
        fn steps_have_their_exact_share_of_every_block(plan in plan(), block in 0..1_000_000_u64) {
            let steps = Steps::new(&plan);
            let length: u64 = plan.steps.iter().map(|s| u64::from(s.weight)).sum();
            let mut counts = vec![0; plan.steps.len()];
            for k in block * length..(block + 1) * length {
                counts[steps.step_of(k)] += 1;
            }
            let weights: Vec<_> = plan.steps.iter().map(|s| s.weight).collect();
            prop_assert_eq!(counts, weights);
        }
    }

    #[test]
    fn another_seed_is_another_schedule_and_the_same_is_the_same() {
        let phases = [(Profile::Constant(Rate(500.0)), Arrivals::Poisson, 1000)];
        let at = |seed| -> Vec<_> {
            Schedule::new(&of(&phases, &[1], seed), Lanes::all())
                .map(|a| a.at)
                .collect()
        };
        assert_eq!(at(7), at(7));
        assert_ne!(at(7), at(8));
    }

    #[test]
    fn the_first_arrivals_of_a_seed_never_change() {
        let phases = [(Profile::Constant(Rate(1000.0)), Arrivals::Poisson, 1000)];
        let first: Vec<_> = Schedule::new(&of(&phases, &[2, 1], 42), Lanes::all())
            .take(4)
            .map(|a| format!("{} step {}", a.at.0, a.step))
            .collect();
        insta::assert_snapshot!(first.join("\n"), @"
        401692 step 0
        2819564 step 1
        2957462 step 0
        3563875 step 0
        ");
    }

    #[test]
    fn even_arrivals_stand_in_the_middle_of_equal_parts() {
        let phases = [(Profile::Constant(Rate(4.0)), Arrivals::Constant, 1000)];
        let at: Vec<_> = Schedule::new(&of(&phases, &[1], 1), Lanes::all())
            .map(|a| a.at.0 / 1_000_000)
            .collect();
        assert_eq!(at, [125, 375, 625, 875]);
    }

    /// Gaps of a Poisson process of rate λ are exponential: of 20,000, the share longer than 1/λ
    /// is e⁻¹ within 4 standard deviations, and the squared gaps have mean 2/λ².
    #[test]
    fn poisson_gaps_are_exponential() {
        let phases = [(Profile::Constant(Rate(1000.0)), Arrivals::Poisson, 20_000)];
        let at: Vec<_> = Schedule::new(&of(&phases, &[1], 3), Lanes::all())
            .map(|a| a.at.0)
            .collect();
        let gaps: Vec<_> = at.windows(2).map(|w| (w[1] - w[0]) as f64 / 1e6).collect();
        let n = gaps.len() as f64;
        let longer = gaps.iter().filter(|g| **g > 1.0).count() as f64 / n;
        assert!((longer - (-1_f64).exp()).abs() < 0.014, "{longer}");
        let square = gaps.iter().map(|g| g * g).sum::<f64>() / n;
        assert!((square - 2.0).abs() < 0.13, "{square}");
    }
}
