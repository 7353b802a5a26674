//! One virtual user: visit after visit, step after step.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use reqwest::Client;

use super::books::Entry;
use super::caller::{Answered, Caller, Times, bytes_of};
use super::curfew::Curfew;
use super::round::Round;
use crate::clock::{Clock, Monotonic};
use crate::journey::{Redirection, Reply, Visit, plain_body};
use crate::model::ErrorClass;
use crate::protocol::{Keep, check};
use crate::units::Nanos;

/// How long a user rests after it got no answer, so that a target that refuses does not make the
/// generator spin.
const REST: Nanos = Nanos::from_millis(10);

/// How long a user that the guard holds back rests before it asks again.
const HELD: Nanos = Nanos::from_millis(25);

/// A user on its way.
pub(super) struct User<'r> {
    round: &'r Round,
    phase: usize,
    caller: Caller,
    curfew: Curfew,
    visit: Visit,
}

/// What came of one attempt at a step.
struct Attempt {
    /// Of its last exchange; one that failed has no answer that could begin.
    times: Times,
    /// That exchange was the first: nothing was redirected.
    is_first: bool,
    status: Option<u16>,
    outcome: Result<(), ErrorClass>,
}

/// What an answer means.
enum Meaning {
    AsExpected,
    Redirect(Redirection),
}

impl<'r> User<'r> {
    pub(super) fn new(round: &'r Round, phase: usize, client: Client, curfew: Curfew) -> Self {
        Self {
            round,
            phase,
            caller: Caller::new(Arc::clone(&round.setup), client),
            curfew,
            visit: Visit::new(),
        }
    }

    /// Begins at `start`, and visits until the hour strikes. `number`: which user it is.
    pub(super) async fn live(mut self, number: usize, start: Nanos) {
        self.curfew.rest(start - Monotonic.now()).await;
        while self.curfew.is_open() {
            if !self.is_let_through(number) {
                self.curfew.rest(HELD).await;
                continue;
            }
            let turn = self.round.visits.fetch_add(1, Ordering::Relaxed);
            let number = self.round.first + turn * self.round.stride;
            let journey = self.round.mix.journey_of(number);
            if !self.walk(journey, number).await {
                self.curfew.rest(REST).await;
            }
        }
    }

    /// True when the guard lets this user visit: one of so many, or none.
    fn is_let_through(&self, number: usize) -> bool {
        match usize::try_from(self.round.governor.admit_every()) {
            Ok(0) | Err(_) => false,
            Ok(every) => number.is_multiple_of(every),
        }
    }

    /// Walks a journey as far as it goes; false when the target gave no answer at its end.
    async fn walk(&mut self, journey: usize, number: u64) -> bool {
        let plan = &*self.round.plan;
        let steps = plan.journeys[journey].steps.clone();
        if let Err(class) = self.visit.begin(plan, journey, number) {
            self.round.books.refuse(self.phase, steps.start, class);
            return false;
        }
        for step in steps {
            if !self.has_turn().await {
                return true;
            }
            let attempt = self.step(step).await;
            if attempt.outcome.is_err() {
                return attempt.status.is_some();
            }
            if self.round.governor.admit_every() == 0 {
                return true;
            }
            // After the last step as well: a person pauses before beginning anew.
            let pause = self.visit.think(plan, step);
            if !self.curfew.rest(pause).await {
                return true;
            }
        }
        true
    }

    /// Waits for its turn under `max-rate`; false when the hour struck before.
    async fn has_turn(&mut self) -> bool {
        loop {
            let now = Monotonic.now();
            let Some(turn) = self.round.turn(now) else {
                return true;
            };
            if !self.curfew.rest(turn - now).await {
                return false;
            }
        }
    }

    /// One step with all its attempts, entered into the books once.
    async fn step(&mut self, step: usize) -> Attempt {
        let plan = &*self.round.plan;
        let entry = self.round.books.enter(self.phase, step, Monotonic.now());
        let mut attempts = 0;
        loop {
            let attempt = self.attempt(step, &entry).await;
            let class = match attempt.outcome {
                Ok(()) => {
                    entry.answered(attempt.times, attempts == 0 && attempt.is_first);
                    return attempt;
                }
                Err(class) => class,
            };
            attempts += 1;
            let pause = self
                .visit
                .retry(plan, step, attempts, class, attempt.status);
            // Nothing is sent again once the hour has struck.
            if let Some(pause) = pause.filter(|_| self.curfew.is_open())
                && self.curfew.rest(pause).await
                && self.has_turn().await
            {
                entry.retried(class);
                continue;
            }
            entry.failed(class, Monotonic.now().max(attempt.times.done));
            return attempt;
        }
    }

    /// One attempt, with the redirects it leads to.
    async fn attempt(&mut self, step: usize, entry: &Entry<'_>) -> Attempt {
        let mut redirection: Option<Redirection> = None;
        let mut followed = 0;
        loop {
            let sent = Monotonic.now();
            let exchanged = self.exchange(step, redirection.as_ref(), entry).await;
            let (status, times, meaning) = match exchanged {
                Ok(answered) => {
                    let meaning = self.meaning(step, followed, &answered);
                    (Some(answered.status), answered.times, meaning)
                }
                Err(class) => {
                    let done = Monotonic.now();
                    let times = Times {
                        sent,
                        begun: done,
                        done,
                    };
                    (None, times, Err(class))
                }
            };
            let outcome = match meaning {
                Ok(Meaning::Redirect(to)) => {
                    followed += 1;
                    redirection = Some(to);
                    continue;
                }
                Ok(Meaning::AsExpected) => Ok(()),
                Err(class) => Err(class),
            };
            return Attempt {
                times,
                is_first: followed == 0,
                status,
                outcome,
            };
        }
    }

    /// Sends one request and reads its answer.
    async fn exchange(
        &mut self,
        step: usize,
        redirection: Option<&Redirection>,
        entry: &Entry<'_>,
    ) -> Result<Answered, ErrorClass> {
        let request = self.caller.render(step, &self.visit, redirection)?;
        let keep = if self.round.plan.steps[step].needs_body() {
            Keep::Some
        } else {
            Keep::Nothing
        };
        let bytes_out = bytes_of(&request);
        let call = self.caller.call(request, keep);
        let outcome = self
            .curfew
            .unless_cut(call)
            .await
            .unwrap_or(Err(ErrorClass::InFlight));
        let bytes_in = outcome.as_ref().map_or(0, |answered| answered.bytes_in);
        entry.moved(bytes_in, bytes_out);
        outcome
    }

    fn meaning(
        &mut self,
        step: usize,
        followed: u8,
        answered: &Answered,
    ) -> Result<Meaning, ErrorClass> {
        let plan = &*self.round.plan;
        let fields = answered.head.iter();
        let reply = Reply {
            status: answered.status,
            fields: fields
                .map(|(name, value)| (name.as_str().as_bytes(), value.as_bytes()))
                .collect(),
            body: &answered.body,
        };
        let to = self
            .visit
            .redirect(plan, step, followed, &reply, &self.round.url)?;
        if let Some(to) = to {
            return Ok(Meaning::Redirect(to));
        }
        let body = plain_body(&reply, plan.steps[step].gzip)?;
        check(&plan.steps[step].expect, reply.status, &body)?;
        self.visit.learn(plan, step, &reply)?;
        Ok(Meaning::AsExpected)
    }
}
