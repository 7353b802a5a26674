//! The closed model: so many connections, each asks again as soon as it is answered.

use std::collections::VecDeque;

use crate::units::Nanos;

/// How long a client rests after it got no answer, so that a target that refuses does not make the
/// generator spin.
const REST: Nanos = Nanos::from_millis(10);

/// The clients of the current phase; none outside a `connections` phase.
#[derive(Debug, Default)]
pub(super) struct Saturation {
    phase: usize,
    clients: usize,
    busy: usize,
    /// When each resting client goes on, ascending.
    resting: VecDeque<Nanos>,
}

impl Saturation {
    pub(super) fn enter(&mut self, phase: usize, clients: usize) {
        self.phase = phase;
        self.clients = clients;
        self.busy = 0;
        self.resting.clear();
    }

    pub(super) fn leave(&mut self) {
        self.clients = 0;
        self.resting.clear();
    }

    /// True during a `connections` phase.
    pub(super) fn is_on(&self) -> bool {
        self.clients > 0
    }

    /// The phase for which a client is free to ask, if any is. Of `admit_every` clients one may
    /// ask; none when it is 0.
    pub(super) fn wanting(&mut self, now: Nanos, admit_every: u32) -> Option<usize> {
        while self.resting.front().is_some_and(|until| *until <= now) {
            self.resting.pop_front();
        }
        let allowed = match usize::try_from(admit_every) {
            Ok(0) | Err(_) => 0,
            Ok(n) => self.clients.div_ceil(n),
        };
        (self.busy + self.resting.len() < allowed).then_some(self.phase)
    }

    pub(super) fn asked(&mut self) {
        self.busy += 1;
    }

    /// A request of `phase` has met its fate.
    pub(super) fn settled(&mut self, phase: usize, answered: bool, now: Nanos) {
        if self.clients == 0 || phase != self.phase {
            return;
        }
        self.busy -= 1;
        if !answered {
            self.resting.push_back(now + REST);
        }
    }

    /// When the next resting client goes on.
    pub(super) fn next(&self) -> Option<Nanos> {
        self.resting.front().copied()
    }
}
