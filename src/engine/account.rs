//! A worker's books: every request is entered once, by phase and step, in the current second.

use std::sync::mpsc::{Receiver, Sender};

use crate::model::{ErrorClass, Parts};
use crate::protocol::Moved;
use crate::recorder::Counts;
pub(super) use crate::recorder::Slice;
use crate::units::Nanos;

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
    pub(super) marks: Marks,
}

/// What else happened to an exchange, and when; zero: it did not.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Marks {
    /// The connection that was opened for it was there.
    pub(super) connected: Nanos,
    /// And had agreed on all that comes before a request.
    pub(super) ready: Nanos,
    /// The rest of a request that the socket did not take at once was written.
    pub(super) written: Nanos,
    /// First bytes of the answer.
    pub(super) first: Nanos,
}

impl Exchange {
    pub(super) const fn of(request: Request, given: Nanos) -> Self {
        Self {
            request,
            given,
            marks: Marks {
                connected: Nanos::ZERO,
                ready: Nanos::ZERO,
                written: Nanos::ZERO,
                first: Nanos::ZERO,
            },
        }
    }

    /// Where the time went of an exchange whose last bytes came at `arrived`. The parts add up to
    /// its latency, in whatever order its marks are.
    fn parts(&self, arrived: Nanos) -> Parts {
        let (request, marks) = (&self.request, &self.marks);
        let first = if marks.first == Nanos::ZERO {
            arrived
        } else {
            marks.first
        };
        let mut since = request.intended;
        let mut until = |mark: Nanos| {
            let mark = mark.min(arrived).max(since);
            mark - std::mem::replace(&mut since, mark)
        };
        let lateness = until(request.taken);
        let before = until(self.given);
        let (wait, earlier) = if request.again {
            (Nanos::ZERO, before)
        } else {
            (before, Nanos::ZERO)
        };
        Parts {
            lateness,
            wait,
            earlier,
            connect: until(marks.connected),
            tls: until(marks.ready),
            write: until(marks.written),
            first_byte: until(first),
            body: until(arrived),
        }
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
    /// The longest time between two turns.
    pub(super) standstill: Nanos,
    pub(super) slice: Slice,
}

/// The books of one worker.
#[derive(Debug)]
pub(super) struct Account {
    pub(super) worker: usize,
    pub(super) epoch: Nanos,
    pub(super) steps: usize,
    pub(super) second: u64,
    pub(super) in_flight: u64,
    /// The latest turn; zero before the first.
    pub(super) turned: Nanos,
    /// The longest time between two turns, of those that ended in this second.
    pub(super) standstill: Nanos,
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
        self.counts(request.phase, request.step)
            .due(request.taken - request.intended);
    }

    /// A request was given a place.
    pub(super) fn sent(&mut self, request: &Request, given: Nanos) {
        self.in_flight += 1;
        if !request.again {
            self.counts(request.phase, request.step)
                .sent(given - request.taken);
        }
    }

    /// A request was given up before it was sent.
    pub(super) fn unsent(&mut self, request: &Request, class: ErrorClass, now: Nanos) {
        self.counts(request.phase, request.step)
            .unsent(class, now - request.intended);
    }

    /// An exchange is over, whether or not its request is.
    pub(super) fn over(&mut self, request: &Request, moved: Moved) {
        self.in_flight -= 1;
        self.counts(request.phase, request.step)
            .moved(moved.in_, moved.out);
    }

    /// A request has failed and is tried again.
    pub(super) fn retried(&mut self, request: &Request, class: ErrorClass) {
        self.counts(request.phase, request.step).retried(class);
    }

    /// A request was answered as expected; the last of the answer came at `arrived`.
    pub(super) fn answered(&mut self, exchange: &Exchange, arrived: Nanos) {
        let request = &exchange.request;
        self.counts(request.phase, request.step).answered(
            arrived - request.intended,
            arrived - exchange.given,
            &exchange.parts(arrived),
        );
    }

    /// A request that was sent has failed.
    pub(super) fn failed(&mut self, request: &Request, class: ErrorClass, now: Nanos) {
        self.counts(request.phase, request.step)
            .failed(class, now - request.intended);
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
        if self.turned > Nanos::ZERO {
            self.standstill = self.standstill.max(now - self.turned);
        }
        self.turned = now;
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
            standstill: std::mem::take(&mut self.standstill),
            slice: std::mem::replace(&mut self.slice, fresh),
        };
        // The collector outlives the workers; if it is gone the whole round is, and nobody reads.
        let _ = self.filled.send(filled);
    }

    fn counts(&mut self, phase: usize, step: usize) -> &mut Counts {
        self.slice.counts(self.steps, phase, step)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const US: fn(u64) -> Nanos = |us| Nanos(us * 1000);

    fn exchange(again: bool, marks: Marks) -> Exchange {
        let request = Request {
            phase: 0,
            step: 0,
            intended: US(100),
            taken: US(101),
            what: What::Fixed(0),
            again,
        };
        Exchange {
            marks,
            ..Exchange::of(request, US(110))
        }
    }

    fn sum(parts: &Parts) -> Nanos {
        parts
            .named()
            .iter()
            .fold(Nanos::ZERO, |sum, (_, part)| sum + *part)
    }

    #[test]
    fn the_parts_of_a_latency_add_up_to_it() {
        let marks = Marks {
            connected: US(130),
            ready: US(170),
            written: US(171),
            first: US(200),
        };
        let parts = exchange(false, marks).parts(US(260));
        let expected = Parts {
            lateness: US(1),
            wait: US(9),
            earlier: US(0),
            connect: US(20),
            tls: US(40),
            write: US(1),
            first_byte: US(29),
            body: US(60),
        };
        assert_eq!((parts, sum(&parts)), (expected, US(160)));
        // On an open connection, in one piece, and after a first attempt.
        let parts = exchange(true, Marks::default()).parts(US(260));
        let expected = Parts {
            lateness: US(1),
            earlier: US(9),
            first_byte: US(150),
            ..Parts::default()
        };
        assert_eq!((parts, sum(&parts)), (expected, US(160)));
        // An answer that began before the request was written, by a clock that was set meanwhile.
        let marks = Marks {
            written: US(900),
            first: US(50),
            ..Marks::default()
        };
        let parts = exchange(false, marks).parts(US(260));
        assert_eq!((parts.write, sum(&parts)), (US(150), US(160)));
    }
}
