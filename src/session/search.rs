//! A search for capacity: drives levels, each measured as a plan of its own, in one run.

use std::sync::Arc;

use crate::clock::{Clock, Monotonic};
use crate::judge::{self, Asked, Range, Searcher};
use crate::model::{Arm, Capacity, Event};
use crate::scenario::plan::{Load, Plan, Profile, Search};
use crate::units::Rate;

use super::round::{Measurer, Slot};
use super::{ArmTarget, SessionError};

/// The search of a plan, and where in it.
pub(super) struct Searched {
    search: Search,
    /// Index of its phase.
    phase: usize,
}

/// The search that a plan asks for; None of any other plan.
pub(super) fn searched(plan: &Plan) -> Option<Searched> {
    plan.phases
        .iter()
        .enumerate()
        .find_map(|(phase, p)| match p.load {
            Load::Search(search) => Some(Searched { search, phase }),
            _ => None,
        })
}

impl Searched {
    /// The most rounds it can take.
    pub(super) const fn most_rounds(&self) -> usize {
        judge::most_rounds(&self.range())
    }

    /// Measures level after level until the knee is known; what was found, also when it was stopped.
    pub(super) fn measure(
        &self,
        measurer: &mut Measurer<'_, '_>,
        target: &ArmTarget,
    ) -> Result<Capacity, SessionError> {
        let plan = Arc::clone(&measurer.plan);
        let Search { metric, under, .. } = self.search;
        let mut searcher = Searcher::new(self.range());
        let mut outline = self.level(&plan, self.search.from.0).outline();
        let began = Monotonic.now();
        while let Some(rate) = searcher.next_rate() {
            if !measurer.rounds.is_empty() && !measurer.goes_on() {
                break;
            }
            let level = self.level(&plan, rate);
            outline = level.outline();
            measurer.plan = Arc::new(level);
            let index = measurer.rounds.len();
            let slot = Slot {
                index,
                arm: Arm::Now,
                pair: index,
                level: Some(rate),
                of: self.most_rounds(),
            };
            measurer.round(slot, target)?;
            if measurer.stopping() {
                break;
            }
            let Some(round) = measurer.rounds.get(index) else {
                break;
            };
            let asked = Asked {
                metric,
                under,
                rate,
            };
            let seen = judge::see(&asked, round, &measurer.intervals, &outline);
            if searcher.record(rate, index, seen) {
                if let Some(verdict) = searcher.verdict(rate) {
                    (measurer.watcher)(&Event::LevelJudged { rate, verdict });
                }
                let most = self.search.max_duration;
                if most.is_some_and(|most| Monotonic.now() - began >= most) {
                    break;
                }
            }
        }
        let rounds = &measurer.rounds;
        Ok(judge::capacity(metric, under, &searcher, rounds, &outline))
    }

    const fn range(&self) -> Range {
        Range {
            from: self.search.from.0,
            to: self.search.to.0,
            rounds: self.search.rounds,
            precision: self.search.precision,
        }
    }

    /// The plan with one level in the place of the search.
    fn level(&self, plan: &Plan, rate: f64) -> Plan {
        let mut level = plan.clone();
        level.phases[self.phase].load = Load::Rate {
            profile: Profile::Constant(Rate(rate)),
            arrivals: self.search.arrivals,
        };
        level
    }
}
