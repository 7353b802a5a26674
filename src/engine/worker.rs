//! The loop of one worker: wait, read, take up what is due, send, give up what is too late.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use super::account::{Account, Exchange, Request, What};
use super::deadlines::Deadlines;
use super::head_start::HeadStart;
use super::order::Order;
use super::pool::{Pool, Span as Service};
use super::saturation::Saturation;
use super::timeline::{Span, spans};
use super::visits::{After, Visits};
use super::wires::Wires;
use crate::clock::{Clock, Monotonic, WallOffset, thread_cpu};
use crate::governor::Governor;
use crate::model::ErrorClass;
use crate::mutant::{self, Mutant};
use crate::protocol::{Carrier, Happening, Poller};
use crate::scenario::plan::{Overflow, Phase, Plan};
use crate::schedule::{Arrival, Lanes, Mix, Pace, Schedule, Task};
use crate::stop::{Stop, StopState};
use crate::units::Nanos;

/// How long a drain waits for what is outstanding.
const DRAIN: Nanos = Nanos::from_secs(5);

/// Longest time that connections have their turns without a look at what is due.
pub(super) const TURNS: Nanos = Nanos(500_000);

/// Turns after which the time is looked at.
const LOOK_UP: usize = 4;

/// Bytes read at once.
const READ_SIZE: usize = 64 * 1024;

/// What a worker can say of itself at its end.
#[derive(Debug, Clone, Copy)]
pub(super) struct Report {
    /// CPU time over the time it ran.
    pub(super) cpu: f64,
    pub(super) interrupted: bool,
    /// True when a request overflowed that may not.
    pub(super) overflowed: bool,
}

/// One share of an order.
#[derive(Debug)]
pub(super) struct Worker<C: Carrier> {
    pub(super) plan: Arc<Plan>,
    stop: Stop,
    governor: Governor,
    /// Of every so many arrivals one is sent, in this turn; 0 for none.
    admit_every: u32,
    /// Arrivals since the last that was sent, while some are withheld.
    withheld: u32,
    pub(super) wires: Wires<C>,
    schedule: Schedule,
    /// The next arrival, not yet due; None at the end and once nothing new shall be sent.
    pub(super) upcoming: Option<Arrival>,
    /// Time between arrivals, smoothed over some of them.
    pub(super) gap: Nanos,
    pub(super) head_start: HeadStart,
    pub(super) spans: Vec<Span>,
    /// Phases begun so far.
    pub(super) begun: usize,
    pub(super) epoch: Nanos,
    /// True where the kernel stamps when answers come.
    pub(super) stamped: bool,
    pub(super) wall: WallOffset,
    pub(super) poller: Poller,
    pub(super) pool: Pool<C>,
    /// The exchange of each place.
    pub(super) exchanges: Vec<Option<Exchange>>,
    pub(super) queue: VecDeque<Request>,
    pub(super) visits: Visits<C::Wire>,
    pub(super) saturation: Saturation,
    mix: Mix,
    /// Number of the next visit of a `connections` phase; shards and workers take turns.
    number: u64,
    stride: u64,
    /// Most requests outstanding at once.
    most: usize,
    overflow: Overflow,
    overflowed: bool,
    /// None: as fast as the plan wants it.
    pub(super) pace: Option<Pace>,
    pub(super) account: Account,
    /// By slot.
    pub(super) connect: Deadlines,
    pub(super) tls: Deadlines,
    /// By place.
    pub(super) first_byte: Deadlines,
    pub(super) total: Deadlines,
    /// When a drain ends.
    drained_by: Option<Nanos>,
    pub(super) buffer: Box<[u8]>,
    /// What became of exchanges in the latest step of a connection.
    pub(super) told: Vec<(usize, Happening)>,
    /// Connections that have something to read of which no event will tell.
    pub(super) behind: VecDeque<u64>,
}

impl<C: Carrier> Worker<C> {
    /// Prepares a worker; the account says which one of `workers` it is.
    pub(super) fn new(
        order: &Order,
        workers: usize,
        account: Account,
        setup: C::Setup,
    ) -> io::Result<Self> {
        let plan = Arc::clone(&order.plan);
        let http = &plan.target.http;
        let (shard, index) = (order.shard, account.worker);
        let share = |total: usize| {
            let total = shard.share(total);
            total / workers + usize::from(index < total % workers)
        };
        let spans = spans(&plan, order.epoch, share);
        let capacity = spans.iter().map(|s| s.limit).max().unwrap_or(1);
        let timeouts = plan.target.timeouts;
        let service = Service {
            requests: match (http.keep_alive, http.requests_per_connection) {
                (false, _) => 1,
                (true, most) => most.unwrap_or(u64::MAX),
            },
            age: http.lifetime.unwrap_or(Nanos(u64::MAX)),
        };
        let stamped = C::is_stamped(&setup);
        let pool = Pool::new(order.dial.clone(), setup, service, capacity);
        let places = pool.places();
        // Visits of closed phases are numbered behind those of open ones.
        let open: u64 = plan.phases.iter().filter_map(Phase::asked).sum();
        let mut worker = Self {
            stop: order.stop.clone(),
            governor: order.governor.clone(),
            admit_every: 1,
            withheld: 0,
            wires: Wires::new(&plan, &order.url),
            schedule: Schedule::new(&plan, Lanes::of_shard(shard, index, workers)),
            upcoming: None,
            gap: Nanos::ZERO,
            head_start: HeadStart::default(),
            spans,
            begun: 0,
            epoch: order.epoch,
            stamped,
            wall: WallOffset::default(),
            poller: Poller::new()?,
            pool,
            exchanges: vec![None; places],
            queue: VecDeque::with_capacity(1024),
            visits: Visits::default(),
            saturation: Saturation::default(),
            mix: Mix::new(&plan),
            number: open + (shard.index() + shard.of() * index) as u64,
            stride: (shard.of() * workers) as u64,
            most: http.max_in_flight.map_or(usize::MAX, |n| share(n).max(1)),
            overflow: http.overflow,
            overflowed: false,
            pace: http.max_rate.map(|m| Pace::share(m, shard.of() * workers)),
            account,
            connect: Deadlines::new(timeouts.connect, capacity),
            tls: Deadlines::new(timeouts.tls, capacity),
            first_byte: Deadlines::new(timeouts.first_byte, places),
            total: Deadlines::new(timeouts.total, places),
            drained_by: None,
            buffer: vec![0; READ_SIZE].into_boxed_slice(),
            told: Vec::with_capacity(places),
            behind: VecDeque::with_capacity(capacity),
            plan,
        };
        worker.upcoming = worker.schedule.next();
        Ok(worker)
    }

    /// Runs the share to its end.
    pub(super) fn run(mut self) -> io::Result<Report> {
        let (started, cpu) = (Monotonic.now(), thread_cpu());
        let mut now = started;
        loop {
            self.account.turn(now);
            self.enter_phases(now);
            self.heed_stop(now);
            self.heed_guard(now);
            self.take_up(now);
            self.go_on(now);
            self.serve_queue();
            self.saturate();
            now = Monotonic.now();
            self.give_up(now);
            if self.is_done(now) {
                break;
            }
            now = self.rest(now)?;
            if self.stamped {
                self.wall.look(now);
            }
            // What happened while it slept belongs to the second that it wakes in.
            self.account.turn(now);
            self.read_on();
            // An answer or a close that is already here is seen before anything new is sent.
            let mut had_turns = now;
            for index in 0..self.poller.count() {
                let (token, readiness) = self.poller.event(index);
                self.on_event(token, readiness);
                // However much all of them are sent, what is due leaves and what is too late is given
                // up.
                if index % LOOK_UP == LOOK_UP - 1 {
                    now = Monotonic.now();
                    if now - had_turns > TURNS {
                        had_turns = now;
                        self.take_up(now);
                        self.give_up(now);
                    }
                }
            }
            if self.poller.count() > 0 || !self.behind.is_empty() {
                now = Monotonic.now();
            }
        }
        self.account.close(now);
        let ran = (now - started).as_secs_f64().max(1e-9);
        Ok(Report {
            cpu: (thread_cpu() - cpu).as_secs_f64() / ran,
            interrupted: self.drained_by.is_some(),
            overflowed: self.overflowed,
        })
    }

    fn enter_phases(&mut self, now: Nanos) {
        while let Some(span) = self.spans.get(self.begun)
            && now >= span.start
        {
            match span.clients {
                Some(clients) => {
                    let clients = clients * self.pool.streams;
                    self.saturation.enter(self.begun, clients);
                }
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
    pub(super) fn end(&self) -> Nanos {
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

    /// What waits to be sent while the guard lets nothing through is held back as well.
    fn heed_guard(&mut self, now: Nanos) {
        self.admit_every = self.governor.admit_every();
        if self.is_shut() {
            while let Some(request) = self.queue.pop_front() {
                self.withhold(&request, now);
            }
        }
    }

    fn send_nothing_new(&mut self) {
        self.upcoming = None;
        self.saturation.leave();
    }

    /// Settles everything outstanding as cut off by the end.
    fn cut_off(&mut self, now: Nanos) {
        while let Some(request) = self.queue.pop_front() {
            self.give_up_queued(&request, now);
        }
        for place in 0..self.exchanges.len() {
            if self.exchanges[place].is_some() {
                self.fail_place(place, ErrorClass::InFlight, now);
            }
        }
    }

    /// True when nothing new is sent any more.
    pub(super) fn is_over(&self, now: Nanos) -> bool {
        self.is_draining() || now >= self.end()
    }

    /// True when nothing at all is sent any more.
    pub(super) const fn is_draining(&self) -> bool {
        self.drained_by.is_some()
    }

    fn is_done(&self, now: Nanos) -> bool {
        self.is_over(now)
            && self.account.in_flight == 0
            && self.queue.is_empty()
            && self.visits.next().is_none()
            && self.upcoming.is_none()
    }

    /// Takes up all that is due by `now`; what becomes due meanwhile waits for the next turn, so
    /// that a worker that is behind still reads its answers.
    fn take_up(&mut self, now: Nanos) {
        let mut taken = now;
        while let Some(arrival) = self.upcoming
            && self.epoch + arrival.at <= now
        {
            self.upcoming = self.schedule.next();
            if let Some(next) = self.upcoming {
                self.gap = Nanos((self.gap.0 * 7 + (next.at - arrival.at).0) / 8);
            }
            let intended = self.epoch + arrival.at;
            let request = match arrival.task {
                Task::Journey(journey) => {
                    self.visit(arrival.phase, journey, arrival.number, intended, taken)
                }
                Task::Recorded(entry) => {
                    let (step, wire) = self.wires.recorded(arrival.phase, entry);
                    Some(Request {
                        phase: arrival.phase,
                        step,
                        intended,
                        taken,
                        what: What::Fixed(wire),
                        again: false,
                    })
                }
            };
            if let Some(request) = request {
                self.account.due(&request);
                if self.lets_through() && self.is_in_pace(taken) {
                    self.admit(request, taken);
                } else {
                    self.withhold(&request, taken);
                }
            }
            taken = Monotonic.now();
        }
    }

    /// The first request of a visit; None when there are no data for it.
    fn visit(
        &mut self,
        phase: usize,
        journey: usize,
        number: u64,
        intended: Nanos,
        taken: Nanos,
    ) -> Option<Request> {
        let step = self.plan.journeys[journey].steps.start;
        let mut request = Request {
            phase,
            step,
            intended,
            taken,
            what: What::Fixed(step),
            again: false,
        };
        if !self.wires.is_alone(journey) {
            match self.visits.begin(&self.plan, journey, number) {
                Ok(index) => {
                    request.what = What::Visit(index);
                    self.prepare(index);
                }
                Err(class) => {
                    self.account.due(&request);
                    self.account.unsent(&request, class, taken);
                    self.saturation.settled(phase, false, taken);
                    return None;
                }
            }
        }
        Some(request)
    }

    /// Counts a request that leaves now; false when `max-rate` does not allow it yet.
    pub(super) fn is_in_pace(&mut self, now: Nanos) -> bool {
        self.pace.as_mut().is_none_or(|pace| pace.take(now))
    }

    /// Lets a visit wait for its turn under `max-rate`; false when it has it, which then counts.
    pub(super) fn waits_for_turn(&mut self, index: usize, after: After, now: Nanos) -> bool {
        if self.is_in_pace(now) {
            return false;
        }
        let turn = self.pace.as_ref().map_or(now, Pace::next);
        self.visits.rest(index, turn, after);
        true
    }

    /// True when the guard lets this arrival through.
    fn lets_through(&mut self) -> bool {
        self.withheld += 1;
        let through = self.admit_every != 0 && self.withheld >= self.admit_every;
        if through {
            self.withheld = 0;
        }
        through
    }

    /// True while the guard lets nothing through.
    pub(super) fn is_shut(&self) -> bool {
        self.admit_every == 0
    }

    /// A request that is held back is over before it was sent.
    pub(super) fn withhold(&mut self, request: &Request, now: Nanos) {
        if request.again {
            self.account.failed(request, ErrorClass::TimeoutTotal, now);
        } else {
            self.account.unsent(request, ErrorClass::Withheld, now);
        }
        self.end_visit(request, false, now);
    }

    /// Sends a request that is due, or lets it wait, or drops it when too many are outstanding.
    pub(super) fn admit(&mut self, request: Request, now: Nanos) {
        if self.overflow != Overflow::Queue && self.outstanding() >= self.most {
            self.account.unsent(&request, ErrorClass::Overflow, now);
            self.end_visit(&request, false, now);
            if self.overflow == Overflow::Fail {
                self.overflowed = true;
                self.stop.drain();
            }
        } else if !self.queue.is_empty() || !self.assign(request, now) {
            self.queue.push_back(request);
        }
    }

    fn outstanding(&self) -> usize {
        let in_flight = usize::try_from(self.account.in_flight).unwrap_or(usize::MAX);
        in_flight.saturating_add(self.queue.len())
    }

    /// True while no further request may be in flight.
    pub(super) fn is_full(&self) -> bool {
        usize::try_from(self.account.in_flight).unwrap_or(usize::MAX) >= self.most
    }

    /// Lets visits go on whose pause is over; ends them when nothing new is sent.
    fn go_on(&mut self, now: Nanos) {
        let over = self.is_over(now);
        // The pauses of a whole scenario are cut short at its end.
        let until = if over { Nanos(u64::MAX) } else { now };
        while let Some((index, due, after)) = self.visits.rested(until) {
            match after {
                After::Retry { request, class } if over || self.is_shut() => {
                    self.account.failed(&request, class, now);
                    self.end_visit(&request, false, now);
                }
                After::Retry { request, .. } => {
                    if self.waits_for_turn(index, after, now) {
                        continue;
                    }
                    self.send_again(request, now);
                }
                After::Step { phase } => self.next_step(index, phase, due, now),
            }
        }
    }

    /// Gives connections to those that wait for one, first come first served.
    pub(super) fn serve_queue(&mut self) {
        while let Some(&request) = self.queue.front()
            && self.pool.has_room()
            && !self.is_full()
        {
            self.queue.pop_front();
            self.assign(request, Monotonic.now());
        }
    }

    /// Lets the free clients of a `connections` phase ask again.
    fn saturate(&mut self) {
        // One failure to open must not become many in one turn, so each client asks once a turn.
        for _ in 0..self.pool.limit * self.pool.streams {
            if !self.ask(Monotonic.now()) {
                break;
            }
        }
    }

    /// Lets a free client of a `connections` phase ask; false when there is none.
    pub(super) fn ask(&mut self, now: Nanos) -> bool {
        let wanting = self.saturation.wanting(now, self.admit_every);
        // The phase may have ended since this turn began.
        let Some(phase) = wanting.filter(|phase| now < self.spans[*phase].end) else {
            return false;
        };
        if !self.pool.has_room() || !self.is_in_pace(now) {
            return false;
        }
        let number = self.number;
        self.number += self.stride;
        self.saturation.asked();
        let journey = self.mix.journey_of(number);
        if let Some(request) = self.visit(phase, journey, number, now, now) {
            self.account.due(&request);
            self.assign(request, now);
        }
        true
    }

    /// Gives up what is past a timeout.
    fn give_up(&mut self, now: Nanos) {
        while let Some(slot) = self.connect.expired(now)
            && !mutant::is_on(Mutant::ConnectWithoutEnd)
        {
            self.fail_slot(slot, ErrorClass::TimeoutConnect, now);
        }
        while let Some(slot) = self.tls.expired(now)
            && !mutant::is_on(Mutant::HandshakeWithoutEnd)
        {
            self.fail_slot(slot, ErrorClass::TimeoutTls, now);
        }
        // Before the first byte: where both limits are the same, the class must not depend on
        // whether the connection was a new one.
        while let Some(place) = self.total.expired(now)
            && !mutant::is_on(Mutant::AnswerWithoutEnd)
        {
            self.fail_place(place, ErrorClass::TimeoutTotal, now);
        }
        while let Some(place) = self.first_byte.expired(now)
            && !mutant::is_on(Mutant::SilenceWithoutEnd)
        {
            self.fail_place(place, ErrorClass::TimeoutFirstByte, now);
        }
        let longest = self.plan.target.timeouts.total;
        while let Some(&request) = self.queue.front()
            && request.intended + longest <= now
        {
            self.queue.pop_front();
            self.give_up_queued(&request, now);
        }
    }

    /// A request that waited for a connection in vain.
    fn give_up_queued(&mut self, request: &Request, now: Nanos) {
        if request.again {
            self.account.failed(request, ErrorClass::TimeoutTotal, now);
        } else {
            self.account.unsent(request, ErrorClass::TimeoutWait, now);
        }
        self.end_visit(request, false, now);
    }
}
