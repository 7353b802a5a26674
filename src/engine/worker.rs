//! The loop of one worker: wait, read, take up what is due, send, give up what is too late.

use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::time::Duration;

use mio::{Events, Poll, Token};

use super::account::{Account, Request};
use super::deadlines::Deadlines;
use super::order::Order;
use super::pool::Pool;
use super::saturation::Saturation;
use super::timeline::{Span, spans};
use super::timer::Timer;
use crate::clock::{Clock, Monotonic, thread_cpu};
use crate::model::ErrorClass;
use crate::protocol::render;
use crate::scenario::plan::Plan;
use crate::schedule::{Lanes, Mix, Schedule, Task};
use crate::stop::{Stop, StopState};
use crate::units::Nanos;

/// The longest sleep: a stop is noticed within it.
const LONGEST_SLEEP: Nanos = Nanos::from_millis(25);

/// How long a drain waits for what is outstanding.
const DRAIN: Nanos = Nanos::from_secs(5);

/// Bytes read at once.
const READ_SIZE: usize = 64 * 1024;

const TIMER: Token = Token(usize::MAX);

/// A step, ready to be sent.
#[derive(Debug)]
pub(super) struct Wire {
    pub(super) bytes: Vec<u8>,
    pub(super) bodiless: bool,
    pub(super) keep: bool,
}

/// What a worker can say of itself at its end.
#[derive(Debug, Clone, Copy)]
pub(super) struct Report {
    /// CPU time over the time it ran.
    pub(super) cpu: f64,
    pub(super) interrupted: bool,
}

/// One share of an order.
#[derive(Debug)]
pub(super) struct Worker {
    pub(super) plan: Arc<Plan>,
    stop: Stop,
    pub(super) wires: Vec<Wire>,
    schedule: Schedule,
    /// The next arrival, not yet due; None at the end and once nothing new shall be sent.
    upcoming: Option<Request>,
    spans: Vec<Span>,
    /// Phases begun so far.
    begun: usize,
    epoch: Nanos,
    pub(super) pool: Pool,
    queue: VecDeque<Request>,
    pub(super) saturation: Saturation,
    mix: Mix,
    /// Number of the next request of a `connections` phase; workers take turns.
    number: u64,
    workers: u64,
    pub(super) account: Account,
    pub(super) connect: Deadlines,
    pub(super) first_byte: Deadlines,
    pub(super) total: Deadlines,
    /// When a drain ends.
    drained_by: Option<Nanos>,
    timer: Timer,
    pub(super) buffer: Box<[u8]>,
}

impl Worker {
    /// Prepares a worker; the account says which one of `workers` it is.
    pub(super) fn new(
        order: &Order,
        workers: usize,
        account: Account,
        poll: &Poll,
    ) -> io::Result<Self> {
        let plan = Arc::clone(&order.plan);
        let spans = spans(&plan, order.epoch, account.worker, workers);
        let capacity = spans.iter().map(|s| s.limit).max().unwrap_or(1);
        let timeouts = plan.target.timeouts;
        let wires = plan
            .steps
            .iter()
            .map(|step| Wire {
                bytes: render(&step.request, &order.url),
                bodiless: step.request.method == "HEAD",
                keep: step.expect.needs_body(),
            })
            .collect();
        let lanes = Lanes::share(account.worker, workers);
        let mut worker = Self {
            stop: order.stop.clone(),
            wires,
            schedule: Schedule::new(&plan, lanes),
            upcoming: None,
            spans,
            begun: 0,
            epoch: order.epoch,
            pool: Pool::new(order.address, poll.registry().try_clone()?, capacity),
            queue: VecDeque::with_capacity(1024),
            saturation: Saturation::default(),
            mix: Mix::new(&plan),
            number: account.worker as u64,
            workers: workers as u64,
            account,
            connect: Deadlines::new(timeouts.connect, capacity),
            first_byte: Deadlines::new(timeouts.first_byte, capacity),
            total: Deadlines::new(timeouts.total, capacity),
            drained_by: None,
            timer: Timer::new(poll.registry(), TIMER)?,
            buffer: vec![0; READ_SIZE].into_boxed_slice(),
            plan,
        };
        worker.draw();
        Ok(worker)
    }

    /// Runs the share to its end.
    pub(super) fn run(mut self, mut poll: Poll) -> io::Result<Report> {
        let (started, cpu) = (Monotonic.now(), thread_cpu());
        let mut events = Events::with_capacity(1024);
        loop {
            let now = Monotonic.now();
            self.account.turn(now);
            self.enter_phases(now);
            self.heed_stop(now);
            self.take_up(now);
            self.serve_queue();
            self.saturate();
            self.give_up(Monotonic.now());
            if self.is_done(now) {
                break;
            }
            let patience = self.arm_timer(Monotonic.now())?;
            match poll.poll(&mut events, Some(patience)) {
                Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error),
                _ => {}
            }
            // What happened while it slept belongs to the second that it wakes in.
            self.account.turn(Monotonic.now());
            // An answer or a close that is already here is seen before anything new is sent.
            for event in &events {
                self.on_event(event);
            }
        }
        let now = Monotonic.now();
        self.account.close(now);
        let ran = (now - started).as_secs_f64().max(1e-9);
        Ok(Report {
            cpu: (thread_cpu() - cpu).as_secs_f64() / ran,
            interrupted: self.drained_by.is_some(),
        })
    }

    fn enter_phases(&mut self, now: Nanos) {
        while let Some(span) = self.spans.get(self.begun)
            && now >= span.start
        {
            match span.clients {
                Some(clients) => self.saturation.enter(self.begun, clients),
                None => self.saturation.leave(),
            }
            self.pool.set_limit(span.limit);
            self.account.prepare(self.begun);
            self.begun += 1;
        }
        if now >= self.end() {
            self.saturation.leave();
        }
    }

    /// When the last phase is over.
    fn end(&self) -> Nanos {
        self.spans.last().map_or(self.epoch, |s| s.end)
    }

    fn heed_stop(&mut self, now: Nanos) {
        match self.stop.state() {
            StopState::Running => {}
            StopState::Draining => {
                let by = *self.drained_by.get_or_insert(now + DRAIN);
                self.send_nothing_new();
                if now >= by {
                    self.cut_off(now);
                }
            }
            StopState::Aborted => {
                self.drained_by = Some(now);
                self.send_nothing_new();
                self.cut_off(now);
            }
        }
    }

    fn send_nothing_new(&mut self) {
        self.upcoming = None;
        self.saturation.leave();
    }

    /// Settles everything outstanding as cut off by the end.
    fn cut_off(&mut self, now: Nanos) {
        for request in self.queue.drain(..) {
            self.account.unsent(&request, now);
        }
        for index in self.pool.busy() {
            self.fail(index, ErrorClass::InFlight, now);
        }
    }

    fn is_done(&self, now: Nanos) -> bool {
        let over = self.drained_by.is_some() || now >= self.end();
        let idle = self.account.in_flight == 0 && self.queue.is_empty();
        over && idle && self.upcoming.is_none()
    }

    /// Draws the next arrival from the schedule.
    fn draw(&mut self) {
        self.upcoming = self.schedule.next().map(|arrival| Request {
            phase: arrival.phase,
            step: match arrival.task {
                Task::Journey(journey) => self.plan.journeys[journey].steps.start,
                Task::Recorded(_) => 0,
            },
            intended: self.epoch + arrival.at,
            taken: Nanos::ZERO,
        });
    }

    /// Takes up all that is due by `now`; what becomes due meanwhile waits for the next turn, so
    /// that a worker that is behind still reads its answers.
    fn take_up(&mut self, now: Nanos) {
        while let Some(due) = self.upcoming
            && due.intended <= now
        {
            let taken = Monotonic.now();
            let request = Request { taken, ..due };
            self.draw();
            self.account.due(&request);
            if !self.queue.is_empty() || !self.assign(request, taken) {
                self.queue.push_back(request);
            }
        }
    }

    /// Gives connections to those that wait for one, first come first served.
    fn serve_queue(&mut self) {
        while let Some(&request) = self.queue.front()
            && self.assign(request, Monotonic.now())
        {
            self.queue.pop_front();
        }
    }

    /// Lets the free clients of a `connections` phase ask again.
    fn saturate(&mut self) {
        // One failure to open must not become many in one turn, so each client asks once a turn.
        for _ in 0..self.pool.limit {
            let now = Monotonic.now();
            let wanting = self.saturation.wanting(now);
            // The phase may have ended since this turn began.
            let Some(phase) = wanting.filter(|phase| now < self.spans[*phase].end) else {
                break;
            };
            let request = Request {
                phase,
                step: self.plan.journeys[self.mix.journey_of(self.number)]
                    .steps
                    .start,
                intended: now,
                taken: now,
            };
            if !self.pool.has_room() {
                break;
            }
            self.number += self.workers;
            self.account.due(&request);
            self.saturation.asked();
            self.assign(request, now);
        }
    }

    /// Gives up what is past a timeout.
    fn give_up(&mut self, now: Nanos) {
        while let Some(index) = self.connect.expired(now) {
            self.fail(index, ErrorClass::TimeoutConnect, now);
        }
        // Before the first byte: where both limits are the same, the class must not depend on
        // whether the connection was a new one.
        while let Some(index) = self.total.expired(now) {
            self.fail(index, ErrorClass::TimeoutTotal, now);
        }
        while let Some(index) = self.first_byte.expired(now) {
            self.fail(index, ErrorClass::TimeoutFirstByte, now);
        }
        let longest = self.plan.target.timeouts.total;
        while let Some(request) = self.queue.front()
            && request.intended + longest <= now
        {
            self.account.unsent(request, now);
            self.queue.pop_front();
        }
    }

    /// How long the loop may wait for its sockets. Arrivals have the exact timer; all other things
    /// bear the millisecond of `epoll_wait`.
    fn arm_timer(&mut self, now: Nanos) -> io::Result<Duration> {
        let longest = self.plan.target.timeouts.total;
        let coarse = [
            self.connect.next(),
            self.first_byte.next(),
            self.total.next(),
            self.saturation.next(),
            self.queue.front().map(|r| r.intended + longest),
            Some(self.account.next_hand_over()),
            self.spans.get(self.begun).map(|s| s.start),
            Some(self.end()).filter(|end| *end > now),
        ];
        let wake = coarse
            .into_iter()
            .flatten()
            .fold(now + LONGEST_SLEEP, Nanos::min);
        // Also when something coarse comes first: its millisecond may reach beyond the arrival.
        if let Some(due) = self.upcoming.map(|r| r.intended) {
            if due <= now {
                return Ok(Duration::ZERO);
            }
            self.timer.set(due)?;
        }
        Ok((wake - now).into())
    }
}
