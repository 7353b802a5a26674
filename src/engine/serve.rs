//! What happens between a request that is due and its fate.

use super::account::{Exchange, Marks, Request, What};
use super::pool::Stage;
use super::visits::After;
use super::worker::{TURNS, Worker};
use crate::clock::{Clock, Monotonic};
use crate::journey::{Redirection, plain_body};
use crate::model::ErrorClass;
use crate::protocol::{Answer, Carrier, Happening, Moved, Readiness, check, is_connected};
use crate::units::Nanos;

/// What an answer means.
enum Meaning {
    AsExpected,
    Wrong(ErrorClass),
    Redirect(Redirection),
}

impl<C: Carrier> Worker<C> {
    /// Gives a request a place, on an open connection or else a new one. False when none may be
    /// had.
    pub(super) fn assign(&mut self, request: Request, now: Nanos) -> bool {
        if self.is_full() {
            return false;
        }
        while let Some(place) = self.pool.take_idle() {
            let exchange = Exchange::of(request, now);
            match self.begin(place, &request) {
                Ok(true) => {
                    self.account.sent(&request, now);
                    self.exchanges[place] = Some(exchange);
                    self.first_byte.set(place, now);
                    self.total.set(place, now);
                    return true;
                }
                Ok(false) => self.pool.put_back(place, false, now),
                // Of a connection that was closed meanwhile, nothing has left: take another one.
                Err(class) => self.fail_slot(self.pool.slot_of(place), class, now),
            }
        }
        if !self.pool.may_open() {
            return false;
        }
        let exchange = Exchange::of(request, now);
        self.account.sent(&request, now);
        match self.pool.open(&self.poller, now) {
            Ok(place) => {
                self.exchanges[place] = Some(exchange);
                self.total.set(place, now);
                self.connect.set(self.pool.slot_of(place), now);
            }
            Err(class) => {
                let now = Monotonic.now();
                self.conclude(&exchange, Moved::default(), Err(class), None, now);
            }
        }
        true
    }

    /// Writes what a request has to say; false when its connection takes no more.
    fn begin(&mut self, place: usize, request: &Request) -> Result<bool, ErrorClass> {
        let look = self.wires.look(request.step);
        let wire = match request.what {
            What::Fixed(index) => self.wires.get(index),
            What::Visit(index) => match &self.visits.get(index).wire {
                Some(wire) => Some(wire),
                None => self.wires.get(request.step),
            },
        };
        match (self.pool.carrier(place), wire) {
            (Some((carrier, stream)), Some(wire)) => carrier.begin(stream, wire, look),
            _ => Err(ErrorClass::Closed),
        }
    }

    /// Goes on with connections that were sent more than they read in their last turn.
    pub(super) fn read_on(&mut self) {
        let ready = Readiness {
            readable: true,
            ..Readiness::default()
        };
        let since = Monotonic.now();
        // Those that are still behind are noted anew, at the end.
        for _ in 0..self.behind.len() {
            if Monotonic.now() - since > TURNS {
                return;
            }
            let Some(token) = self.behind.pop_front() else {
                return;
            };
            if let Some(index) = self.pool.find(token) {
                self.pool.slot(index).is_noted = false;
                self.on_event(token, ready);
            }
        }
    }

    pub(super) fn on_event(&mut self, token: u64, ready: Readiness) {
        let Some(index) = self.pool.find(token) else {
            return;
        };
        self.react(index, ready);
        if self.pool.find(token).is_some() && self.pool.is_behind(index) {
            let slot = self.pool.slot(index);
            if !std::mem::replace(&mut slot.is_noted, true) {
                self.behind.push_back(token);
            }
        }
    }

    fn react(&mut self, index: usize, ready: Readiness) {
        match &mut self.pool.slot(index).stage {
            Stage::Vacant => {}
            Stage::Open(_) => self.advance(index, ready),
            Stage::Connecting(carrier) => match is_connected(&*carrier) {
                Ok(true) => self.connected(index, ready),
                Ok(false) => {}
                Err(class) => self.fail_slot(index, class, Monotonic.now()),
            },
            Stage::Handshaking(_) => self.establish(index, ready),
        }
    }

    fn connected(&mut self, index: usize, ready: Readiness) {
        let now = Monotonic.now();
        self.connect.lift(index);
        self.tls.set(index, now);
        self.mark(index * self.pool.streams, |marks| marks.connected = now);
        let slot = self.pool.slot(index);
        slot.stage = match std::mem::replace(&mut slot.stage, Stage::Vacant) {
            Stage::Connecting(carrier) => Stage::Handshaking(carrier),
            other => other,
        };
        self.establish(index, ready);
    }

    fn establish(&mut self, index: usize, ready: Readiness) {
        let Stage::Handshaking(carrier) = &mut self.pool.slot(index).stage else {
            return;
        };
        match carrier.establish() {
            Ok(false) => {}
            Err(class) => self.fail_slot(index, class, Monotonic.now()),
            Ok(true) => {
                let now = Monotonic.now();
                self.tls.lift(index);
                self.pool.opened(index);
                let place = index * self.pool.streams;
                if let Some(exchange) = self.exchanges[place] {
                    let begun = self.begin(place, &exchange.request);
                    if begun != Ok(true) {
                        let class = begun.err().unwrap_or(ErrorClass::Closed);
                        self.fail_slot(index, class, now);
                        return;
                    }
                    self.first_byte.set(place, now);
                    self.mark(place, |marks| marks.ready = now);
                }
                // A target that speaks first has used up this edge already.
                if ready.readable || ready.closing {
                    self.advance(index, ready);
                }
                self.serve_queue();
            }
        }
    }

    /// Moves the bytes of an open connection and draws the consequences.
    fn advance(&mut self, index: usize, ready: Readiness) {
        let slot = self.pool.slot(index);
        let Stage::Open(carrier) = &mut slot.stage else {
            return;
        };
        if slot.busy == 0 {
            if (ready.readable || ready.closing) && !carrier.is_usable() {
                self.pool.destroy(index);
            }
            return;
        }
        let mut told = std::mem::take(&mut self.told);
        let outcome = carrier.advance(ready, &mut self.buffer, &mut told);
        let now = Monotonic.now();
        let token = self.pool.token(index);
        if outcome.is_err() {
            self.pool.retire(index);
        }
        let first = index * self.pool.streams;
        for &(stream, happening) in &told {
            // What follows from one exchange may end the connection and open another in its slot.
            if self.pool.find(token).is_none() {
                break;
            }
            let place = first + stream;
            match happening {
                Happening::Written => self.mark(place, |marks| marks.written = now),
                Happening::Begun(first) => {
                    let first = first.map_or(now, |at| self.wall.monotonic(at));
                    self.first_byte.lift(place);
                    self.mark(place, |marks| marks.first = first);
                }
                Happening::Answered(answer) => self.answered(place, answer, now),
                Happening::Failed(class) => self.fail_place(place, class, now),
                Happening::Untouched(class) => self.untouched(place, class, now),
            }
        }
        told.clear();
        self.told = told;
        if let Err(class) = outcome
            && self.pool.find(token).is_some()
        {
            self.fail_slot(index, class, now);
        }
    }

    fn answered(&mut self, place: usize, answer: Answer, now: Nanos) {
        let Some(exchange) = self.release(place) else {
            return;
        };
        let Some((carrier, stream)) = self.pool.carrier(place) else {
            return;
        };
        let moved = carrier.moved(stream);
        let request = &exchange.request;
        let meaning = match request.what {
            What::Fixed(_) => {
                let expect = &self.plan.steps[request.step].expect;
                let outcome = if expect.needs_body() {
                    check(expect, answer.status, carrier.reply(stream).body)
                } else {
                    check(expect, answer.status, b"")
                };
                outcome.map_or_else(Meaning::Wrong, |()| Meaning::AsExpected)
            }
            What::Visit(index) => self.meaning(place, index, request.step),
        };
        self.pool.put_back(place, answer.reusable(), now);
        match meaning {
            Meaning::AsExpected => self.conclude(&exchange, moved, Ok(()), None, now),
            Meaning::Wrong(class) => {
                self.conclude(&exchange, moved, Err(class), Some(answer.status), now);
            }
            Meaning::Redirect(to) => self.redirect(&exchange, moved, &to, now),
        }
        // Whoever waits for a place has it now.
        if self.queue.is_empty() {
            self.ask(now);
        } else {
            self.serve_queue();
        }
    }

    /// What an answer means to a visit.
    fn meaning(&mut self, place: usize, index: usize, step: usize) -> Meaning {
        let ongoing = self.visits.get(index);
        let Some((carrier, stream)) = self.pool.carrier(place) else {
            return Meaning::Wrong(ErrorClass::Closed);
        };
        let reply = carrier.reply(stream);
        let followed = ongoing.followed;
        let redirection =
            ongoing
                .visit
                .redirect(&self.plan, step, followed, &reply, self.wires.url());
        match redirection {
            Ok(Some(to)) => return Meaning::Redirect(to),
            Err(class) => return Meaning::Wrong(class),
            Ok(None) => {}
        }
        let asked = &self.plan.steps[step];
        let outcome = plain_body(&reply, asked.gzip)
            .and_then(|body| check(&asked.expect, reply.status, &body))
            .and_then(|()| ongoing.visit.learn(&self.plan, step, &reply));
        outcome.map_or_else(Meaning::Wrong, |()| Meaning::AsExpected)
    }

    fn redirect(&mut self, exchange: &Exchange, moved: Moved, to: &Redirection, now: Nanos) {
        let request = exchange.request;
        self.account.over(&request, moved);
        if let What::Visit(index) = request.what {
            let ongoing = self.visits.get(index);
            ongoing.followed += 1;
            let wire = self
                .wires
                .redirected(&self.plan, request.step, &ongoing.visit, to);
            ongoing.wire = Some(wire);
        }
        self.send_again(request, now);
    }

    /// Sends a request once more about which the target did nothing, as browsers do: that a server ends
    /// a connection after so many answers is no failure of it.
    fn untouched(&mut self, place: usize, class: ErrorClass, now: Nanos) {
        let may_go = !self.is_draining() && !self.is_shut();
        let again = |exchange: &Exchange| exchange.request.again;
        if self.exchanges[place].as_ref().is_none_or(again) || !may_go || !self.is_in_pace(now) {
            self.fail_place(place, class, now);
            return;
        }
        let moved = self.moved(place);
        if let Some(exchange) = self.release(place) {
            self.pool.put_back(place, true, now);
            self.account.over(&exchange.request, moved);
            self.account.retried(&exchange.request, class);
            self.send_again(exchange.request, now);
        }
    }

    /// Sends a request that was sent before, as soon as there is a place for it.
    pub(super) fn send_again(&mut self, request: Request, now: Nanos) {
        let request = Request {
            again: true,
            ..request
        };
        if !self.assign(request, now) {
            self.queue.push_back(request);
        }
    }

    /// Settles the exchange of a place as failed. Its connection goes, unless it can give up one
    /// exchange without the others.
    pub(super) fn fail_place(&mut self, place: usize, class: ErrorClass, now: Nanos) {
        let index = self.pool.slot_of(place);
        let kept = match self.pool.carrier(place) {
            Some((carrier, stream)) => carrier.cancel(stream),
            None => false,
        };
        if !kept {
            self.fail_slot(index, class, now);
            return;
        }
        let moved = self.moved(place);
        if let Some(exchange) = self.release(place) {
            self.pool.put_back(place, true, now);
            self.conclude(&exchange, moved, Err(class), None, now);
        }
    }

    /// Closes a connection, and settles all its exchanges as failed.
    pub(super) fn fail_slot(&mut self, index: usize, class: ErrorClass, now: Nanos) {
        self.connect.lift(index);
        self.tls.lift(index);
        let first = index * self.pool.streams;
        // The connection goes first, so that what follows from a failure meets none that is broken.
        let places = first..first + self.pool.streams;
        let moved: Vec<_> = places.clone().map(|place| self.moved(place)).collect();
        self.pool.destroy(index);
        for (place, moved) in places.zip(moved) {
            if let Some(exchange) = self.release(place) {
                self.conclude(&exchange, moved, Err(class), None, now);
            }
        }
    }

    fn mark(&mut self, place: usize, set: impl FnOnce(&mut Marks)) {
        if let Some(exchange) = &mut self.exchanges[place] {
            set(&mut exchange.marks);
        }
    }

    fn moved(&mut self, place: usize) -> Moved {
        match (self.exchanges[place], self.pool.carrier(place)) {
            (Some(_), Some((carrier, stream))) => carrier.moved(stream),
            _ => Moved::default(),
        }
    }

    /// Lifts the deadlines of a place and takes its exchange out.
    fn release(&mut self, place: usize) -> Option<Exchange> {
        self.first_byte.lift(place);
        self.total.lift(place);
        self.exchanges[place].take()
    }

    /// Enters the fate of an exchange, and lets its visit go on.
    fn conclude(
        &mut self,
        exchange: &Exchange,
        moved: Moved,
        outcome: Result<(), ErrorClass>,
        status: Option<u16>,
        now: Nanos,
    ) {
        let request = &exchange.request;
        self.account.over(request, moved);
        match outcome {
            Ok(()) => {
                let arrived = moved.arrived.map_or(now, |at| self.wall.monotonic(at));
                // Whoever sets the wall clock meanwhile moves no answer before its request.
                let arrived = arrived.max(exchange.given).min(now);
                self.account.answered(exchange, arrived);
            }
            Err(class) => {
                if self.retry(request, class, status, now) {
                    return;
                }
                self.account.failed(request, class, now);
            }
        }
        match request.what {
            What::Visit(index) if outcome.is_ok() => self.step_done(index, request, now),
            _ => self.end_visit(request, outcome.is_ok() || moved.in_ > 0, now),
        }
    }

    /// Lets a failed request pause before another attempt, if its step wants one.
    fn retry(
        &mut self,
        request: &Request,
        class: ErrorClass,
        status: Option<u16>,
        now: Nanos,
    ) -> bool {
        let What::Visit(index) = request.what else {
            return false;
        };
        if self.is_over(now) || self.is_shut() {
            return false;
        }
        let ongoing = self.visits.get(index);
        let attempt = ongoing.attempts + 1;
        let pause = ongoing
            .visit
            .retry(&self.plan, request.step, attempt, class, status);
        let Some(pause) = pause else {
            return false;
        };
        ongoing.attempts = attempt;
        self.account.retried(request, class);
        // A redirect begins from the step's own request again.
        self.prepare(index);
        let after = After::Retry {
            request: *request,
            class,
        };
        self.visits.rest(index, now + pause, after);
        true
    }

    /// A step of a visit is done: pause, then the next.
    fn step_done(&mut self, index: usize, request: &Request, now: Nanos) {
        let ongoing = self.visits.get(index);
        let journey = &self.plan.journeys[ongoing.visit.journey];
        let pause = ongoing.visit.think(&self.plan, request.step);
        ongoing.step = request.step + 1;
        ongoing.attempts = 0;
        if ongoing.step == journey.steps.end {
            self.end_visit(request, true, now);
        } else if pause > Nanos::ZERO {
            let phase = request.phase;
            self.visits.rest(index, now + pause, After::Step { phase });
        } else {
            self.next_step(index, request.phase, now, now);
        }
    }

    /// Makes the next step of a visit due, unless its time is over.
    pub(super) fn next_step(&mut self, index: usize, phase: usize, due: Nanos, now: Nanos) {
        let span = &self.spans[phase];
        let closed = span.clients.is_some() && now >= span.end;
        let request = Request {
            phase,
            step: self.visits.get(index).step,
            intended: due,
            taken: now,
            what: What::Visit(index),
            again: false,
        };
        if closed || self.is_over(now) {
            self.end_visit(&request, true, now);
            return;
        }
        if !self.is_shut() && self.waits_for_turn(index, After::Step { phase }, now) {
            return;
        }
        self.account.due(&request);
        if self.is_shut() {
            self.withhold(&request, now);
        } else {
            self.prepare(index);
            self.admit(request, now);
        }
    }

    /// Renders what a visit sends next.
    pub(super) fn prepare(&mut self, index: usize) {
        let ongoing = self.visits.get(index);
        ongoing.followed = 0;
        ongoing.wire = self.wires.render(&self.plan, ongoing.step, &ongoing.visit);
    }

    /// A visit is over: its client is free. `answered`: it need not rest before it asks again.
    pub(super) fn end_visit(&mut self, request: &Request, answered: bool, now: Nanos) {
        if let What::Visit(index) = request.what {
            self.visits.end(index);
        }
        self.saturation.settled(request.phase, answered, now);
    }
}
