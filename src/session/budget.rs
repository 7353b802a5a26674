//! A budget of time: how many rounds fit into it, and whether another one may begin.
//!
//! A round lasts as long as its phases, and a little more to start the target, to listen to the idle
//! machine and to wait for the last answers. What that was in the longest round so far is taken for
//! the next one, so a round that could not end in time never begins.

use super::round::{IDLE_LISTENING, LEAD};
use crate::clock::{Clock, Monotonic};
use crate::scenario::plan::Plan;
use crate::units::Nanos;

/// For a target that is started, until it answers.
const START: Nanos = Nanos::SECOND;

/// For answers that are under way when the load ends, and for the record.
const DRAIN: Nanos = Nanos::SECOND;

/// What is left of a budget.
#[derive(Debug, Clone, Copy)]
pub(super) struct Budget {
    /// On the monotonic clock; None: without end.
    ends: Option<Nanos>,
    /// The longest that a round, or a pair of them, is known to take.
    step: Nanos,
}

/// Estimated length of a round of a plan.
pub(super) fn round_length(plan: &Plan, started: bool) -> Nanos {
    let start = if started { START } else { Nanos::ZERO };
    let drain = DRAIN.min(plan.target.timeouts.total);
    plan.outline().duration() + IDLE_LISTENING + LEAD + start + drain
}

/// How many steps fit into a budget.
pub(super) fn fitting(budget: Nanos, step: Nanos) -> usize {
    usize::try_from(budget.0 / step.0.max(1)).unwrap_or(usize::MAX)
}

impl Budget {
    /// Begins now.
    pub(super) fn begin(budget: Option<Nanos>, step: Nanos) -> Self {
        Self {
            ends: budget.map(|budget| Monotonic.now() + budget),
            step,
        }
    }

    /// True when another step can end in time.
    pub(super) fn allows(&self, now: Nanos) -> bool {
        self.ends.is_none_or(|ends| now + self.step <= ends)
    }

    /// Takes note of how long a step took.
    pub(super) fn took(&mut self, time: Nanos) {
        self.step = self.step.max(time);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_that_cannot_end_in_time_never_begins() {
        let second = Nanos::from_secs;
        let mut budget = Budget {
            ends: Some(second(300)),
            step: second(60),
        };
        assert!(budget.allows(second(240)));
        assert!(!budget.allows(second(240) + Nanos(1)));
        budget.took(second(65));
        assert!(!budget.allows(second(240)), "the longest so far counts");
        budget.took(second(50));
        assert!(budget.allows(second(235)));
        let endless = Budget {
            ends: None,
            step: second(60),
        };
        assert!(endless.allows(Nanos(u64::MAX - second(60).0)));
        assert_eq!(fitting(second(300), second(61)), 4);
    }

    #[test]
    fn a_round_is_its_phases_and_what_surrounds_them() {
        let mut plan = crate::schedule::sample::plan();
        plan.target.timeouts.total = Nanos::from_millis(400);
        let bare = plan.outline().duration() + IDLE_LISTENING + LEAD;
        assert_eq!(round_length(&plan, false), bare + Nanos::from_millis(400));
        assert_eq!(round_length(&plan, true), bare + Nanos::from_millis(1_400));
    }
}
