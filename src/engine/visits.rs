//! Visits on their way: those in the middle of a journey, and those that pause.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::account::Request;
use crate::journey::Visit;
use crate::model::ErrorClass;
use crate::scenario::plan::Plan;
use crate::units::Nanos;

/// A visit on its way.
#[derive(Debug)]
pub(super) struct Ongoing<W> {
    pub(super) visit: Visit,
    pub(super) step: usize,
    /// Attempts of the step so far, without the current one.
    pub(super) attempts: u32,
    /// Redirects followed in this attempt.
    pub(super) followed: u8,
    /// The request to send, where it is not the same for all visits.
    pub(super) wire: Option<W>,
    /// What it does when its pause is over.
    after: Option<After>,
}

/// What a pausing visit does next.
#[derive(Debug, Clone, Copy)]
pub(super) enum After {
    /// The next step of its journey, in this phase.
    Step { phase: usize },
    /// Another attempt at a request that has failed like this.
    Retry { request: Request, class: ErrorClass },
}

/// All visits of a worker. Their memory is used again.
#[derive(Debug)]
pub(super) struct Visits<W> {
    all: Vec<Ongoing<W>>,
    free: Vec<usize>,
    resting: BinaryHeap<Reverse<(Nanos, usize)>>,
}

impl<W> Default for Visits<W> {
    fn default() -> Self {
        Self {
            all: Vec::new(),
            free: Vec::new(),
            resting: BinaryHeap::new(),
        }
    }
}

impl<W> Visits<W> {
    /// Begins a visit.
    ///
    /// # Errors
    /// When there are no data for it.
    pub(super) fn begin(
        &mut self,
        plan: &Plan,
        journey: usize,
        number: u64,
    ) -> Result<usize, ErrorClass> {
        let index = self.free.pop().unwrap_or_else(|| {
            self.all.push(Ongoing {
                visit: Visit::new(),
                step: 0,
                attempts: 0,
                followed: 0,
                wire: None,
                after: None,
            });
            self.all.len() - 1
        });
        let ongoing = &mut self.all[index];
        ongoing.step = plan.journeys[journey].steps.start;
        ongoing.attempts = 0;
        ongoing.followed = 0;
        ongoing.wire = None;
        ongoing
            .visit
            .begin(plan, journey, number)
            .inspect_err(|_| self.free.push(index))?;
        Ok(index)
    }

    /// True while no visit is under way.
    pub(super) fn is_empty(&self) -> bool {
        self.all.len() == self.free.len()
    }

    pub(super) fn get(&mut self, index: usize) -> &mut Ongoing<W> {
        &mut self.all[index]
    }

    pub(super) fn end(&mut self, index: usize) {
        self.free.push(index);
    }

    /// Lets a visit pause.
    pub(super) fn rest(&mut self, index: usize, until: Nanos, after: After) {
        self.all[index].after = Some(after);
        self.resting.push(Reverse((until, index)));
    }

    /// When the next pause is over.
    pub(super) fn next(&self) -> Option<Nanos> {
        self.resting.peek().map(|Reverse((until, _))| *until)
    }

    /// A visit whose pause is over by `now`, with the time that it was over.
    pub(super) fn rested(&mut self, now: Nanos) -> Option<(usize, Nanos, After)> {
        let Reverse((until, index)) = *self.resting.peek()?;
        if until > now {
            return None;
        }
        self.resting.pop();
        let after = self.all[index].after.take()?;
        Some((index, until, after))
    }
}
