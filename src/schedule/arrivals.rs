//! The arrivals of all `rate` and `replay` phases, in order.
//!
//! Poisson arrivals have an exact number n: given their number, the points of a Poisson process are
//! n independent uniform ones, so their order statistics are drawn one after another. With j drawn
//! and r of the (transformed) time left, the next takes the share 1 − V^(1/(n−j)) of r, V uniform
//! (Devroye 1986, V.2), which is 1 − e^(−E/(n−j)) with E exponential. Evenly spaced ones stand in the middle of n equal parts.

use std::sync::Arc;

use super::exponential::{Exponential, share_passed};
use super::inverse::Inverse;
use super::lanes::{LANES, Lanes};
use super::mix::{Mix, Walk};
use crate::random::Uniform;
use crate::scenario::plan::{Arrivals, Entry, Load, Plan, Profile};
use crate::units::Nanos;

/// One visit that is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrival {
    /// From the beginning of the round's first phase.
    pub at: Nanos,
    /// From 0 over all open phases of the plan.
    pub number: u64,
    pub phase: usize,
    pub task: Task,
}

/// What is done by a visit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Task {
    /// The journey with this index.
    Journey(usize),
    /// The entry with this index of the phase's recording.
    Recorded(usize),
}

/// An iterator over the arrivals of some lanes.
#[derive(Debug, Clone)]
pub struct Schedule {
    seed: u64,
    walk: Walk,
    lanes: Owned,
    exponential: Exponential,
    /// Phases yet to come, last first.
    ahead: Vec<OpenPhase>,
    current: Option<Spacing>,
    number: u64,
}

#[derive(Debug, Clone)]
struct OpenPhase {
    index: usize,
    start: Nanos,
    duration: Nanos,
    timing: Timing,
    asked: u64,
}

#[derive(Debug, Clone)]
enum Timing {
    Rate(Profile, Arrivals),
    Recorded(Arc<[Entry]>),
}

impl Schedule {
    pub fn new(plan: &Plan, lanes: Lanes) -> Self {
        let mut ahead = Vec::new();
        for (index, (phase, start)) in plan.phases.iter().zip(plan.starts()).enumerate() {
            let timing = match &phase.load {
                Load::Rate { profile, arrivals } => Timing::Rate(*profile, *arrivals),
                Load::Replay(recording) => Timing::Recorded(Arc::clone(&recording.entries)),
                Load::Connections(_) | Load::Users(_) | Load::Search(_) => continue,
            };
            ahead.push(OpenPhase {
                index,
                start,
                duration: phase.duration,
                timing,
                asked: phase.asked().unwrap_or(0),
            });
        }
        ahead.reverse();
        Self {
            seed: plan.seed,
            walk: Walk::new(Mix::new(plan)),
            lanes: Owned::new(lanes),
            exponential: Exponential::new(),
            ahead,
            current: None,
            number: 0,
        }
    }
}

impl Iterator for Schedule {
    type Item = Arrival;

    #[inline]
    fn next(&mut self) -> Option<Arrival> {
        loop {
            let Some(spacing) = &mut self.current else {
                self.current = Some(Spacing::new(self.ahead.pop()?, self.seed));
                continue;
            };
            let Some((at, entry)) = spacing.next(&self.exponential) else {
                self.current = None;
                continue;
            };
            let number = self.number;
            self.number += 1;
            let position = self.walk.step();
            if self.lanes.step() {
                return Some(Arrival {
                    at,
                    number,
                    phase: spacing.index,
                    task: match entry {
                        None => Task::Journey(self.walk.journey_at(position)),
                        Some(entry) => Task::Recorded(entry),
                    },
                });
            }
        }
    }
}

/// Which lanes are ours, asked for one arrival after another without a division.
#[derive(Debug, Clone)]
struct Owned {
    ours: Box<[bool]>,
    /// Lane of the next arrival.
    lane: usize,
}

impl Owned {
    fn new(lanes: Lanes) -> Self {
        Self {
            ours: (0..LANES).map(|lane| lanes.contains(lane)).collect(),
            lane: 0,
        }
    }

    /// Whether the next arrival is ours.
    fn step(&mut self) -> bool {
        let ours = self.ours[self.lane];
        self.lane += 1;
        if self.lane == self.ours.len() {
            self.lane = 0;
        }
        ours
    }
}

/// The arrivals of one phase.
#[derive(Debug, Clone)]
struct Spacing {
    index: usize,
    start: Nanos,
    /// The last nanosecond of the phase.
    last: Nanos,
    asked: u64,
    drawn: u64,
    latest: Nanos,
    pattern: Pattern,
}

#[derive(Debug, Clone)]
enum Pattern {
    /// At transformed times, given by the shape of the rate.
    Shaped {
        inverse: Inverse,
        arrivals: Arrivals,
        uniform: Uniform,
        /// Requests due over the phase, before rounding: the length of transformed time.
        total: f64,
        /// Transformed time after the latest arrival.
        left: f64,
    },
    Recorded(Arc<[Entry]>),
}

impl Spacing {
    fn new(phase: OpenPhase, seed: u64) -> Self {
        let pattern = match phase.timing {
            Timing::Recorded(entries) => Pattern::Recorded(entries),
            Timing::Rate(profile, arrivals) => {
                let total = profile.due(phase.duration, phase.duration);
                Pattern::Shaped {
                    inverse: Inverse::new(profile, phase.duration),
                    arrivals,
                    uniform: Uniform::new(seed, phase.index as u64),
                    total,
                    left: total,
                }
            }
        };
        Self {
            index: phase.index,
            start: phase.start,
            last: phase.duration - Nanos(1),
            asked: phase.asked,
            drawn: 0,
            latest: Nanos::ZERO,
            pattern,
        }
    }

    /// The time of the next arrival, and the entry of its recording.
    #[inline]
    fn next(&mut self, exponential: &Exponential) -> Option<(Nanos, Option<usize>)> {
        let to_come = self.asked - self.drawn;
        if to_come == 0 {
            return None;
        }
        let (at, entry) = match &mut self.pattern {
            Pattern::Shaped {
                inverse,
                arrivals,
                uniform,
                total,
                left,
            } => {
                let u = match *arrivals {
                    Arrivals::Poisson => {
                        let waited = exponential.next(uniform) / to_come as f64;
                        *left -= *left * share_passed(waited);
                        *total - *left
                    }
                    Arrivals::Constant => *total * ((self.drawn as f64 + 0.5) / self.asked as f64),
                    Arrivals::Burst(size) => {
                        // The middle of the burst's equal part, the last one being shorter.
                        let first = self.drawn - self.drawn % u64::from(size);
                        let after = (first + u64::from(size)).min(self.asked);
                        *total * ((first + after) as f64 / 2.0 / self.asked as f64)
                    }
                };
                (nearest(inverse.at(u)), None)
            }
            Pattern::Recorded(entries) => {
                let entry = usize::try_from(self.drawn).ok()?;
                (entries.get(entry)?.at, Some(entry))
            }
        };
        self.drawn += 1;
        // Rounding must neither turn the order nor leave the phase.
        let at = at.min(self.last).max(self.latest);
        self.latest = at;
        Some((self.start + at, entry))
    }
}

/// The nearest nanosecond, without the call that rounding in all its generality is.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a time within a phase is neither negative nor near 2^63 ns"
)]
fn nearest(seconds: f64) -> Nanos {
    Nanos((seconds * 1e9 + 0.5) as u64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::schedule::{Shard, sample};
    use crate::units::Rate;

    fn of(phases: &[(Profile, Arrivals, u64)], weights: &[u32], seed: u64) -> Plan {
        let mut plan = sample::plan();
        plan.seed = seed;
        let (phase, step) = (plan.phases[0].clone(), plan.steps[0].clone());
        let steps = weights.iter().map(|&weight| (step.clone(), weight));
        plan.set_steps(steps.collect());
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

    /// A plan of some hundred arrivals, so that a thousand of them are compared in a moment.
    fn short() -> impl Strategy<Value = Plan> {
        plan().prop_map(|mut plan| {
            for phase in &mut plan.phases {
                phase.duration = Nanos(phase.duration.0 / 20 + 1);
            }
            plan
        })
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
        fn the_union_of_all_shards_and_their_workers_is_the_whole_plan(
            plan in plan(), n in 1..9_usize, workers in 1..5_usize,
        ) {
            let dealt = |shard| {
                (0..workers).map(move |worker| Lanes::of_shard(shard, worker, workers))
            };
            let shards = (0..n).map(|i| Shard::new(i, n).expect("a part"));
            prop_assert_eq!(merged(&plan, shards.flat_map(dealt)), whole(&plan));
        }

        #[test]
        fn journeys_have_their_exact_share_of_every_block(plan in plan(), block in 0..1_000_000_u64) {
            let mix = Mix::new(&plan);
            let length: u64 = plan.journeys.iter().map(|j| u64::from(j.weight)).sum();
            let mut counts = vec![0; plan.steps.len()];
            for k in block * length..(block + 1) * length {
                counts[mix.journey_of(k)] += 1;
            }
            let weights: Vec<_> = plan.journeys.iter().map(|j| j.weight).collect();
            prop_assert_eq!(counts, weights);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]

        /// Compared as text, so that nothing an arrival says escapes the comparison.
        #[test]
        fn three_machines_make_the_plan_of_one(plan in short()) {
            let shards = ["1/3", "2/3", "3/3"].map(|s| s.parse().expect("a part"));
            let lanes = shards.map(|s| Lanes::of_shard(s, 0, 1));
            prop_assert_eq!(merged(&plan, lanes.into_iter()), whole(&plan));
        }
    }

    /// Number, time and task of every arrival, a line each.
    fn text(arrivals: &[Arrival]) -> String {
        let line = |a: &Arrival| format!("{} {} {} {:?}\n", a.number, a.at.0, a.phase, a.task);
        arrivals.iter().map(line).collect()
    }

    fn whole(plan: &Plan) -> String {
        text(&Schedule::new(plan, Lanes::all()).collect::<Vec<_>>())
    }

    fn merged(plan: &Plan, parts: impl Iterator<Item = Lanes>) -> String {
        let mut dealt: Vec<_> = parts.flat_map(|lanes| Schedule::new(plan, lanes)).collect();
        dealt.sort_by_key(|a| a.number);
        text(&dealt)
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
            .map(|a| format!("{} {:?}", a.at.0, a.task))
            .collect();
        insta::assert_snapshot!(first.join("\n"), @"
        2057725 Journey(0)
        2442918 Journey(1)
        3204376 Journey(0)
        5732899 Journey(0)
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
