//! What happens between a request that has a connection and its fate.

use mio::event::Event;

use super::account::{Exchange, Request};
use super::connection::{Reading, Stage};
use super::worker::Worker;
use crate::clock::{Clock, Monotonic};
use crate::model::ErrorClass;
use crate::protocol::{Answer, check};
use crate::units::Nanos;

impl Worker {
    /// Gives a request a connection, an open one or else a new one. False when none may be had.
    pub(super) fn assign(&mut self, request: Request, now: Nanos) -> bool {
        let idle = self.pool.take_idle();
        if idle.is_none() && !self.pool.may_open() {
            return false;
        }
        let exchange = Exchange {
            request,
            given: now,
            written: 0,
            received: 0,
        };
        self.account.sent(&request, now);
        if let Some(index) = idle {
            self.begin(index, exchange, now);
            self.send(index, now);
        } else {
            match self.pool.open() {
                Ok(index) => {
                    self.begin(index, exchange, now);
                    self.connect.set(index, now);
                }
                Err(class) => self.settle(&exchange, Err(class), Monotonic.now()),
            }
        }
        true
    }

    pub(super) fn on_event(&mut self, event: &Event) {
        let Some(index) = self.pool.find(event.token()) else {
            return;
        };
        let closing = event.is_read_closed() || event.is_error();
        let slot = self.pool.slot(index);
        match slot.stage {
            Stage::Vacant => {}
            Stage::Idle(_) => {
                if (event.is_readable() || closing) && !slot.is_usable() {
                    self.pool.destroy(index);
                }
            }
            Stage::Connecting(_) => match slot.connected() {
                Ok(true) => {
                    let now = Monotonic.now();
                    self.connect.lift(index);
                    self.send(index, now);
                    // A target that speaks first has used up this edge already.
                    if event.is_readable() || closing {
                        self.receive(index, closing);
                    }
                }
                Ok(false) => {}
                Err(class) => self.fail(index, class, Monotonic.now()),
            },
            Stage::Busy(_) => {
                if event.is_readable() || closing {
                    self.receive(index, closing);
                } else if event.is_writable() {
                    self.write(index);
                }
            }
        }
    }

    /// Settles the exchange of a slot as failed and closes its connection.
    pub(super) fn fail(&mut self, index: usize, class: ErrorClass, now: Nanos) {
        let exchange = self.release(index);
        self.pool.destroy(index);
        if let Some(exchange) = exchange {
            self.settle(&exchange, Err(class), now);
        }
    }

    fn begin(&mut self, index: usize, exchange: Exchange, now: Nanos) {
        let wire = &self.wires[exchange.request.step];
        let slot = self.pool.slot(index);
        slot.parser.begin(wire.bodiless, wire.keep);
        slot.exchange = Some(exchange);
        self.total.set(index, now);
    }

    /// Lifts the deadlines of a slot and takes its exchange out.
    fn release(&mut self, index: usize) -> Option<Exchange> {
        self.connect.lift(index);
        self.first_byte.lift(index);
        self.total.lift(index);
        self.pool.slot(index).exchange.take()
    }

    /// Starts to write over an open connection.
    fn send(&mut self, index: usize, now: Nanos) {
        self.first_byte.set(index, now);
        self.write(index);
    }

    fn write(&mut self, index: usize) {
        let slot = self.pool.slot(index);
        let Some(exchange) = &slot.exchange else {
            return;
        };
        let wire = &self.wires[exchange.request.step];
        if let Err(class) = slot.write(&wire.bytes) {
            self.fail(index, class, Monotonic.now());
        }
    }

    fn receive(&mut self, index: usize, closing: bool) {
        let slot = self.pool.slot(index);
        match slot.read(&mut self.buffer, closing) {
            Reading::Waiting => {
                if slot.exchange.as_ref().is_some_and(|e| e.received > 0) {
                    self.first_byte.lift(index);
                }
                self.write(index);
            }
            Reading::Answered(answer) => self.answered(index, answer),
            Reading::Failed(class) => self.fail(index, class, Monotonic.now()),
        }
    }

    fn answered(&mut self, index: usize, answer: Answer) {
        let now = Monotonic.now();
        let Some(exchange) = self.release(index) else {
            return;
        };
        let step = exchange.request.step;
        let body = self.pool.slot(index).parser.body();
        let outcome = check(&self.plan.steps[step].expect, answer.status, body);
        // An answer that came before the whole request was written leaves the rest of it behind.
        if answer.reusable() && exchange.written == self.wires[step].bytes.len() {
            self.pool.put_back(index);
        } else {
            self.pool.destroy(index);
        }
        self.settle(&exchange, outcome, now);
    }

    fn settle(&mut self, exchange: &Exchange, outcome: Result<(), ErrorClass>, now: Nanos) {
        let answered = outcome.is_ok() || exchange.received > 0;
        self.account.settled(exchange, outcome, now);
        self.saturation
            .settled(exchange.request.phase, answered, now);
    }
}
