//! The books of all users: every request is entered once, in the current second.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::caller::Times;
use crate::model::{Cell, ErrorClass, Parts};
use crate::recorder::{Counts, Slice};
use crate::units::Nanos;

/// One lock serves: a user holds it for the few numbers of a request that took a round trip.
#[derive(Debug)]
pub(super) struct Books {
    steps: usize,
    slice: Mutex<Slice>,
    in_flight: AtomicU64,
}

impl Books {
    pub(super) fn new(steps: usize) -> Self {
        Self {
            steps,
            slice: Mutex::default(),
            in_flight: AtomicU64::new(0),
        }
    }

    /// Begins a request; it is settled by [`Entry::answered`] or [`Entry::failed`].
    pub(super) fn enter(&self, phase: usize, step: usize, started: Nanos) -> Entry<'_> {
        let entry = Entry {
            books: self,
            phase,
            step,
            started,
        };
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        entry.with(|counts| {
            counts.due(Nanos::ZERO);
            counts.sent(Nanos::ZERO);
        });
        entry
    }

    /// A request that cannot be made for want of data.
    pub(super) fn refuse(&self, phase: usize, step: usize, class: ErrorClass) {
        let mut slice = self.lock();
        let counts = slice.counts(self.steps, phase, step);
        counts.due(Nanos::ZERO);
        counts.unsent(class, Nanos::ZERO);
    }

    /// Takes out what was counted so far, and how many requests are not settled.
    pub(super) fn turn(&self) -> (Vec<Cell>, u64) {
        let cells = self.lock().drain(self.steps);
        (cells, self.in_flight.load(Ordering::Relaxed))
    }

    fn lock(&self) -> MutexGuard<'_, Slice> {
        // Counts are whole between two calls, whoever panicked.
        self.slice.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request on its way.
#[derive(Debug)]
pub(super) struct Entry<'a> {
    books: &'a Books,
    phase: usize,
    step: usize,
    started: Nanos,
}

impl Entry<'_> {
    pub(super) fn moved(&self, bytes_in: u64, bytes_out: u64) {
        self.with(|counts| counts.moved(bytes_in, bytes_out));
    }

    pub(super) fn retried(&self, class: ErrorClass) {
        self.with(|counts| counts.retried(class));
    }

    /// Answered as expected by the last of its exchanges. What the client does to open a connection
    /// is not told apart from the wait for the first byte.
    pub(super) fn answered(self, last: Times, is_first: bool) {
        let before = last.sent - self.started;
        let (lateness, earlier) = if is_first {
            (before, Nanos::ZERO)
        } else {
            (Nanos::ZERO, before)
        };
        let parts = Parts {
            lateness,
            earlier,
            first_byte: last.begun - last.sent,
            body: last.done - last.begun,
            ..Parts::default()
        };
        let (latency, service) = (last.done - self.started, last.done - last.sent);
        self.with(|counts| counts.answered(latency, service, &parts));
        self.books.in_flight.fetch_sub(1, Ordering::Relaxed);
    }

    pub(super) fn failed(self, class: ErrorClass, now: Nanos) {
        self.with(|counts| counts.failed(class, now - self.started));
        self.books.in_flight.fetch_sub(1, Ordering::Relaxed);
    }

    fn with(&self, write: impl FnOnce(&mut Counts)) {
        let mut slice = self.books.lock();
        write(slice.counts(self.books.steps, self.phase, self.step));
    }
}
