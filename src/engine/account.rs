//! A worker's books: every request is entered once, by phase and step, in the current second.

use std::sync::mpsc::{Receiver, Sender};

use crate::model::{Cell, Distribution, ErrorClass, Failures, Latencies, Tally};
use crate::protocol::Moved;
use crate::recorder::Dense;
use crate::units::{Bytes, Nanos};

/// A request that is due, with its times on `CLOCK_MONOTONIC`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Request {
    pub(super) phase: usize,
    pub(super) step: usize,
    pub(super) intended: Nanos,
    /// When the worker took it up.
    pub(super) taken: Nanos,
    pub(super) what: What,
    /// True when it was sent before: it is tried again, or redirected.
    pub(super) again: bool,
}

/// What is sent.
#[derive(Debug, Clone, Copy)]
pub(super) enum What {
    /// The wire with this index, and nothing depends on the answer.
    Fixed(usize),
    /// The current step of the visit with this index.
    Visit(usize),
}

/// A request that was given a place on a connection.
#[derive(Debug, Clone, Copy)]
pub(super) struct Exchange {
    pub(super) request: Request,
    /// When it was given one.
    pub(super) given: Nanos,
}

/// One phase and step in one second, in the form that records without allocating.
#[derive(Debug, Default)]
struct Counts {
    due: u64,
    sent: u64,
    unsent: u64,
    answered: u64,
    /// Failures that have no latency.
    failed: u64,
    failures: [u64; ErrorClass::ALL.len()],
    retried: [u64; ErrorClass::ALL.len()],
    bytes_in: u64,
    bytes_out: u64,
    latency: Dense,
    service: Dense,
    lateness: Dense,
    wait: Dense,
    /// Rare, so sparse.
    censored: Distribution,
}

impl Counts {
    fn fail(&mut self, class: ErrorClass, since: Nanos, now: Nanos) {
        self.failures[class.index()] += 1;
        if class.is_censoring() {
            self.censored.record(now - since);
        } else {
            self.failed += 1;
        }
    }

    /// Takes everything out; None when nothing happened.
    fn drain(&mut self, phase: usize, step: usize) -> Option<Cell> {
        let mut failures = Failures::default();
        let mut retried = Failures::default();
        for class in ErrorClass::ALL {
            failures.add(class, std::mem::take(&mut self.failures[class.index()]));
            retried.add(class, std::mem::take(&mut self.retried[class.index()]));
        }
        let tally = Tally {
            due: std::mem::take(&mut self.due),
            sent: std::mem::take(&mut self.sent),
            unsent: std::mem::take(&mut self.unsent),
            answered: std::mem::take(&mut self.answered),
            failures,
            retried,
            bytes_in: Bytes(std::mem::take(&mut self.bytes_in)),
            bytes_out: Bytes(std::mem::take(&mut self.bytes_out)),
        };
        (tally != Tally::default()).then(|| Cell {
            phase,
            step,
            tally,
            latency: Latencies {
                ok: self.latency.drain(),
                censored: std::mem::take(&mut self.censored),
                failed: std::mem::take(&mut self.failed),
            },
            service: self.service.drain(),
            lateness: self.lateness.drain(),
            wait: self.wait.drain(),
        })
    }
}

/// What one worker counted in one second, by phase · steps + step.
#[derive(Debug, Default)]
pub(super) struct Slice(Vec<Option<Box<Counts>>>);

impl Slice {
    /// Takes all cells out. A cell in which nothing happened gives its memory back: its phase is
    /// most likely over.
    pub(super) fn drain(&mut self, steps: usize) -> Vec<Cell> {
        let mut cells = Vec::new();
        for (i, counts) in self.0.iter_mut().enumerate() {
            let cell = counts.as_mut().and_then(|c| c.drain(i / steps, i % steps));
            if cell.is_none() {
                *counts = None;
            }
            cells.extend(cell);
        }
        cells
    }
}

/// A slice on its way to the collector.
#[derive(Debug)]
pub(super) struct Filled {
    pub(super) worker: usize,
    /// Whole seconds from the epoch to the slice's start, and to the next slice's.
    pub(super) second: u64,
    pub(super) next: u64,
    /// End of the slice, from the epoch.
    pub(super) end: Nanos,
    /// Requests with a connection and without an answer at the end.
    pub(super) in_flight: u64,
    pub(super) slice: Slice,
}

/// The books of one worker.
#[derive(Debug)]
pub(super) struct Account {
    pub(super) worker: usize,
    pub(super) epoch: Nanos,
    pub(super) phases: usize,
    pub(super) steps: usize,
    pub(super) second: u64,
    pub(super) in_flight: u64,
    pub(super) slice: Slice,
    pub(super) filled: Sender<Filled>,
    pub(super) empty: Receiver<Slice>,
}

impl Account {
    /// Makes room for a phase, so that its first requests need not wait for memory.
    pub(super) fn prepare(&mut self, phase: usize) {
        for step in 0..self.steps {
            self.counts(phase, step);
        }
    }

    pub(super) fn due(&mut self, request: &Request) {
        let counts = self.counts(request.phase, request.step);
        counts.due += 1;
        counts.lateness.record(request.taken - request.intended);
    }

    /// A request was given a place.
    pub(super) fn sent(&mut self, request: &Request, given: Nanos) {
        self.in_flight += 1;
        if !request.again {
            let counts = self.counts(request.phase, request.step);
            counts.sent += 1;
            counts.wait.record(given - request.taken);
        }
    }

    /// A request was given up before it was sent.
    pub(super) fn unsent(&mut self, request: &Request, class: ErrorClass, now: Nanos) {
        let counts = self.counts(request.phase, request.step);
        counts.unsent += 1;
        counts.fail(class, request.intended, now);
    }

    /// An exchange is over, whether or not its request is.
    pub(super) fn over(&mut self, request: &Request, moved: Moved) {
        self.in_flight -= 1;
        let counts = self.counts(request.phase, request.step);
        counts.bytes_in += moved.in_;
        counts.bytes_out += moved.out;
    }

    /// A request has failed and is tried again.
    pub(super) fn retried(&mut self, request: &Request, class: ErrorClass) {
        self.counts(request.phase, request.step).retried[class.index()] += 1;
    }

    /// A request was answered as expected.
    pub(super) fn answered(&mut self, exchange: &Exchange, now: Nanos) {
        let request = &exchange.request;
        let counts = self.counts(request.phase, request.step);
        counts.answered += 1;
        counts.latency.record(now - request.intended);
        counts.service.record(now - exchange.given);
    }

    /// A request that was sent has failed.
    pub(super) fn failed(&mut self, request: &Request, class: ErrorClass, now: Nanos) {
        self.counts(request.phase, request.step)
            .fail(class, request.intended, now);
    }

    /// When the current second is over.
    pub(super) fn next_hand_over(&self) -> Nanos {
        self.epoch + Nanos::from_secs(self.second + 1)
    }

    /// Hands the slice over when its second is over.
    pub(super) fn turn(&mut self, now: Nanos) {
        if now >= self.next_hand_over() {
            let next = (now - self.epoch).0 / Nanos::SECOND.0;
            let fresh = self.empty.try_recv().unwrap_or_default();
            let end = Nanos::from_secs(self.second + 1);
            self.hand_over(fresh, next, end);
            self.second = next;
        }
    }

    /// Hands the last slice over.
    pub(super) fn close(&mut self, now: Nanos) {
        self.turn(now);
        self.hand_over(Slice::default(), u64::MAX, now - self.epoch);
    }

    fn hand_over(&mut self, fresh: Slice, next: u64, end: Nanos) {
        let filled = Filled {
            worker: self.worker,
            second: self.second,
            next,
            end,
            in_flight: self.in_flight,
            slice: std::mem::replace(&mut self.slice, fresh),
        };
        // The collector outlives the workers; if it is gone the whole round is, and nobody reads.
        let _ = self.filled.send(filled);
    }

    fn counts(&mut self, phase: usize, step: usize) -> &mut Counts {
        if self.slice.0.is_empty() {
            self.slice.0.resize_with(self.phases * self.steps, || None);
        }
        self.slice.0[phase * self.steps + step].get_or_insert_default()
    }
}
