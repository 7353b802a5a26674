//! One part of a plan, measured here in step with the other parts elsewhere.
//!
//! Nobody coordinates the parts while they run. They agree beforehand on the plan, on which lanes are
//! whose, and on the moment at which the first round begins; later rounds follow at a cadence that
//! everybody works out from the plan alone.

use super::error::SessionError;
use crate::clock::{Clock, Moment, Monotonic};
use crate::model::{Outline, Shard};
use crate::scenario::plan::{Load, Plan};
use crate::stop::{Stop, StopState};
use crate::units::Nanos;

/// Between two rounds, beyond the longest time that a request of the one may be outstanding.
const PAUSE: Nanos = Nanos::from_secs(3);

/// Preparations begin so long before a round does.
const PREPARE: Nanos = Nanos::from_secs(2);

/// A stop is noticed within this while nothing happens.
const NAP: Nanos = Nanos::from_millis(20);

/// Which part this is, and when the first round of every part begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    pub shard: Shard,
    pub start_at: Moment,
}

/// A part with the cadence of its plan.
#[derive(Debug, Clone, Copy)]
pub(super) struct InStep {
    pub(super) part: Part,
    every: Nanos,
}

impl InStep {
    /// # Errors
    /// When the plan cannot be divided so, or the moment is over.
    pub(super) fn new(part: Part, plan: &Plan) -> Result<Self, SessionError> {
        if plan.target.command.is_some() {
            return Err(SessionError::ShardOfCommand);
        }
        can_be_divided(plan, part.shard.of())?;
        if part.start_at.until().is_none_or(|left| left < PREPARE) {
            return Err(SessionError::StartIsPast {
                start_at: part.start_at,
                now: Moment::now(),
            });
        }
        let longest = plan.target.timeouts.total;
        let drain = Nanos::from_secs(longest.0.div_ceil(Nanos::SECOND.0));
        Ok(Self {
            part,
            every: plan.outline().duration() + drain + PAUSE,
        })
    }

    /// When a round begins, for everybody.
    pub(super) fn begins(&self, round: usize) -> Moment {
        let after = self.every.0.saturating_mul(round as u64);
        self.part.start_at.after(Nanos(after))
    }

    /// Waits until a round is to be prepared; false when a stop came first.
    pub(super) fn wait(&self, round: usize, stop: &Stop) -> bool {
        let until = |left: Nanos| Monotonic.now() + left.saturating_sub(PREPARE);
        sleep_until(self.begins(round).until().map_or(Nanos::ZERO, until), stop)
    }

    /// When a prepared round begins, on the monotonic clock; sleeps until `lead` before it.
    ///
    /// # Errors
    /// When that is over: the other parts have begun without this one.
    pub(super) fn epoch(
        &self,
        round: usize,
        lead: Nanos,
        stop: &Stop,
    ) -> Result<Nanos, SessionError> {
        let begins = self.begins(round);
        let left = begins.until().filter(|left| *left >= lead);
        let left = left.ok_or(SessionError::RoundIsLate { begins })?;
        let epoch = Monotonic.now() + left;
        sleep_until(epoch - lead, stop);
        Ok(epoch)
    }
}

/// Every part must have at least one of what is shared out.
///
/// # Errors
/// When there are fewer of anything than parts.
pub(super) fn can_be_divided(plan: &Plan, of: usize) -> Result<(), SessionError> {
    let shared = plan.phases.iter().filter_map(|phase| match &phase.load {
        Load::Connections(n) => Some((*n, "connections")),
        Load::Users(users) => Some((users.count, "users")),
        Load::Rate { .. } | Load::Replay(_) | Load::Search(_) => None,
    });
    let pool = (plan.target.http.connections, "connections");
    match shared.chain([pool]).find(|(n, _)| *n < of) {
        Some((have, what)) => Err(SessionError::TooManyShards { of, have, what }),
        None => Ok(()),
    }
}

/// False when a stop came first.
fn sleep_until(time: Nanos, stop: &Stop) -> bool {
    loop {
        if stop.state() != StopState::Running {
            return false;
        }
        let left = time.saturating_sub(Monotonic.now());
        if left == Nanos::ZERO {
            return true;
        }
        std::thread::sleep(left.min(NAP).into());
    }
}

/// What a part alone is judged by: whether it was measured soundly, and nothing of what it measured.
///
/// Limits are on the whole, and so are the requests asked for; a rare step may fall to other parts.
pub(super) fn judged_alone(outline: &Outline) -> Outline {
    let mut outline = outline.clone();
    outline.thresholds.clear();
    outline.steps.clear();
    for phase in &mut outline.phases {
        phase.asked = None;
    }
    outline
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::sample;

    fn part(text: &str, after: Nanos) -> Part {
        Part {
            shard: text.parse().expect("a part"),
            start_at: Moment::now().after(after),
        }
    }

    const SOON: Nanos = Nanos::from_secs(60);

    #[test]
    fn every_part_knows_when_a_round_begins() {
        let mut plan = sample::plan();
        plan.target.timeouts.total = Nanos::from_millis(1_200);
        let first = InStep::new(part("1/3", SOON), &plan).expect("a part");
        // One second of load, two for what is outstanding, three between the rounds.
        let begins = first.begins(2);
        assert_eq!(begins, first.part.start_at.after(Nanos::from_secs(12)));
    }

    #[test]
    fn what_cannot_be_divided_or_is_over_is_refused() {
        let mut plan = sample::plan();
        let refused = |plan: &Plan, text, after| {
            let error = InStep::new(part(text, after), plan).expect_err("refused");
            error.diagnostic().code.id
        };
        assert_eq!(refused(&plan, "1/11", SOON), "PL0150");
        assert_eq!(refused(&plan, "1/2", Nanos::ZERO), "PL0151");
        plan.target.command = Some(crate::scenario::plan::Command {
            argv: vec!["shop".into()],
            env: std::collections::BTreeMap::new(),
            limits: crate::model::ResourceLimits::default(),
            secrets: Vec::new(),
        });
        assert_eq!(refused(&plan, "1/2", SOON), "PL0150");
    }

    #[test]
    fn a_stop_ends_the_waiting() {
        let in_step = InStep::new(part("1/2", SOON), &sample::plan()).expect("a part");
        let stop = Stop::default();
        stop.drain();
        assert!(!in_step.wait(0, &stop));
    }
}
