//! What a generator counts in one second: every request is entered once, by phase and step.

use super::Dense;
use crate::model::{Cell, Distribution, ErrorClass, Failures, Latencies, Parts, Tally};
use crate::units::{Bytes, Nanos};

/// One phase and step in one second, in the form that records without allocating.
#[derive(Debug, Default)]
pub struct Counts {
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
    parts: Parts,
    /// Rare, so sparse.
    censored: Distribution,
}

impl Counts {
    /// A request became due, and was taken up so late.
    pub fn due(&mut self, lateness: Nanos) {
        self.due += 1;
        self.lateness.record(lateness);
    }

    /// A request was given a place on a connection after it had waited for one.
    pub fn sent(&mut self, wait: Nanos) {
        self.sent += 1;
        self.wait.record(wait);
    }

    /// A request of some age was given up before it was sent.
    pub fn unsent(&mut self, class: ErrorClass, age: Nanos) {
        self.unsent += 1;
        self.failed(class, age);
    }

    /// Bytes went to and fro.
    pub fn moved(&mut self, bytes_in: u64, bytes_out: u64) {
        self.bytes_in += bytes_in;
        self.bytes_out += bytes_out;
    }

    /// A request has failed and is tried again.
    pub fn retried(&mut self, class: ErrorClass) {
        self.retried[class.index()] += 1;
    }

    /// A request was answered as expected; its parts add up to its latency.
    pub fn answered(&mut self, latency: Nanos, service: Nanos, parts: &Parts) {
        self.answered += 1;
        self.latency.record(latency);
        self.service.record(service);
        self.parts.merge(parts);
    }

    /// A request of some age has failed for good.
    pub fn failed(&mut self, class: ErrorClass, age: Nanos) {
        self.failures[class.index()] += 1;
        if class.is_censoring() {
            self.censored.record(age);
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
            parts: std::mem::take(&mut self.parts),
        })
    }
}

/// What was counted in one second, by phase · steps + step of the plan.
#[derive(Debug, Default)]
pub struct Slice(Vec<Option<Box<Counts>>>);

impl Slice {
    /// Where requests of a phase and step are entered; `steps` is the number of the plan's.
    pub fn counts(&mut self, steps: usize, phase: usize, step: usize) -> &mut Counts {
        let index = phase * steps + step;
        if index >= self.0.len() {
            self.0.resize_with((phase + 1) * steps, || None);
        }
        self.0[index].get_or_insert_default()
    }

    /// Takes all cells out. A cell in which nothing happened gives its memory back: its phase is
    /// most likely over.
    pub fn drain(&mut self, steps: usize) -> Vec<Cell> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_entered_is_taken_out_once() {
        let mut slice = Slice::default();
        let ms = Nanos::from_millis;
        let counts = slice.counts(2, 1, 0);
        for _ in 0..3 {
            counts.due(ms(1));
            counts.sent(ms(2));
            counts.moved(10, 20);
        }
        let parts = Parts {
            wait: ms(4),
            body: ms(5),
            ..Parts::default()
        };
        counts.answered(ms(9), ms(5), &parts);
        counts.retried(ErrorClass::Reset);
        counts.failed(ErrorClass::Status5xx, ms(7));
        counts.failed(ErrorClass::TimeoutTotal, ms(8));
        let counts = slice.counts(2, 0, 1);
        counts.due(ms(0));
        counts.unsent(ErrorClass::TimeoutWait, ms(6));

        let cells = slice.drain(2);
        let places: Vec<_> = cells.iter().map(|c| (c.phase, c.step)).collect();
        assert_eq!(places, [(0, 1), (1, 0)]);
        for cell in &cells {
            assert!(cell.tally.conserves(), "{:?}", cell.tally);
            assert_eq!(cell.latency.population(), cell.tally.due);
        }
        let busy = &cells[1];
        assert_eq!(
            (busy.tally.due, busy.tally.sent, busy.tally.answered),
            (3, 3, 1)
        );
        assert_eq!(
            (busy.tally.bytes_in, busy.tally.bytes_out),
            (Bytes(30), Bytes(60))
        );
        assert_eq!(busy.tally.retried.count(ErrorClass::Reset), 1);
        assert_eq!((busy.latency.failed, busy.latency.censored.count()), (1, 1));
        assert_eq!((busy.latency.ok.max(), busy.service.max()), (ms(9), ms(5)));
        assert_eq!((busy.lateness.count(), busy.wait.count()), (3, 3));
        assert_eq!(busy.parts, parts);
        assert_eq!(slice.drain(2), []);
    }
}
