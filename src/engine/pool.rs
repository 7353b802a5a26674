//! The connections of one worker. The latest used is used first, so that few stay warm.
//!
//! A connection carries one exchange or, in HTTP/2, several. A *place* is room for one exchange:
//! the number of the connection's slot times the exchanges per connection, plus the stream.

use crate::model::ErrorClass;
use crate::protocol::{Carrier, Dial, Poller};
use crate::units::Nanos;

/// The lower bits of a token are the slot, the upper its generation.
const SLOT_BITS: u32 = 24;

/// Where a connection stands.
#[derive(Debug)]
pub(super) enum Stage<C> {
    Vacant,
    Connecting(C),
    Handshaking(C),
    Open(C),
}

/// A place for a connection.
#[derive(Debug)]
pub(super) struct Slot<C> {
    pub(super) stage: Stage<C>,
    /// Counts the sockets this slot has had, to tell late events of an earlier one.
    generation: u64,
    /// Exchanges it carries now.
    pub(super) busy: usize,
    /// Exchanges it has carried.
    served: u64,
    opened: Nanos,
    /// True when it takes no further exchange.
    retiring: bool,
    /// True when it is noted that there is more to read.
    pub(super) is_noted: bool,
}

/// When a connection has served its time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    pub(super) requests: u64,
    pub(super) age: Nanos,
}

/// A fixed number of slots.
#[derive(Debug)]
pub(super) struct Pool<C: Carrier> {
    dial: Dial,
    setup: C::Setup,
    pub(super) streams: usize,
    span: Span,
    slots: Vec<Slot<C>>,
    vacant: Vec<usize>,
    /// Free places on open connections.
    idle: Vec<usize>,
    /// Most connections open at once, in the current phase.
    pub(super) limit: usize,
}

impl<C: Carrier> Pool<C> {
    pub(super) fn new(dial: Dial, setup: C::Setup, span: Span, capacity: usize) -> Self {
        let vacant = || Slot {
            stage: Stage::Vacant,
            generation: 0,
            busy: 0,
            served: 0,
            opened: Nanos::ZERO,
            retiring: false,
            is_noted: false,
        };
        let streams = C::streams(&setup).max(1);
        Self {
            dial,
            setup,
            streams,
            span,
            slots: std::iter::repeat_with(vacant).take(capacity).collect(),
            vacant: (0..capacity).rev().collect(),
            idle: Vec::with_capacity(capacity * streams),
            limit: capacity,
        }
    }

    /// Number of places.
    pub(super) fn places(&self) -> usize {
        self.slots.len() * self.streams
    }

    pub(super) fn slot_of(&self, place: usize) -> usize {
        place / self.streams
    }

    pub(super) fn slot(&mut self, index: usize) -> &mut Slot<C> {
        &mut self.slots[index]
    }

    /// The open connection a place belongs to, and the stream.
    pub(super) fn carrier(&mut self, place: usize) -> Option<(&mut C, usize)> {
        let (index, stream) = (place / self.streams, place % self.streams);
        match &mut self.slots[index].stage {
            Stage::Open(carrier) => Some((carrier, stream)),
            _ => None,
        }
    }

    /// The slot an event is about, unless its socket is gone.
    pub(super) fn find(&self, token: u64) -> Option<usize> {
        let index = usize::try_from(token & ((1 << SLOT_BITS) - 1)).ok()?;
        let slot = self.slots.get(index)?;
        (slot.generation == token >> SLOT_BITS).then_some(index)
    }

    /// By what [`find`](Self::find) finds a slot again, as long as it has the same socket.
    pub(super) fn token(&self, index: usize) -> u64 {
        (self.slots[index].generation << SLOT_BITS) | index as u64
    }

    /// True when a connection has something to read of which no event will tell.
    pub(super) fn is_behind(&self, index: usize) -> bool {
        match &self.slots[index].stage {
            Stage::Handshaking(carrier) | Stage::Open(carrier) => carrier.is_behind(),
            Stage::Vacant | Stage::Connecting(_) => false,
        }
    }

    /// Takes the place that was idle for the shortest time.
    pub(super) fn take_idle(&mut self) -> Option<usize> {
        let place = self.idle.pop()?;
        let slot = &mut self.slots[place / self.streams];
        slot.busy += 1;
        slot.served += 1;
        Some(place)
    }

    /// True when a request would get a place now.
    pub(super) fn has_room(&self) -> bool {
        !self.idle.is_empty() || self.may_open()
    }

    /// True when another connection may be opened.
    pub(super) fn may_open(&self) -> bool {
        self.open_count() < self.limit
    }

    fn open_count(&self) -> usize {
        self.slots.len() - self.vacant.len()
    }

    /// Begins to open a connection; its first place is taken.
    pub(super) fn open(&mut self, poller: &Poller, now: Nanos) -> Result<usize, ErrorClass> {
        let Some(&index) = self.vacant.last() else {
            return Err(ErrorClass::GeneratorDescriptors);
        };
        let socket = self.dial.open()?;
        let carrier = C::new(socket, &self.setup)?;
        let token = self.token(index);
        let slot = &mut self.slots[index];
        poller
            .add(&carrier, token)
            .map_err(|_| ErrorClass::GeneratorDescriptors)?;
        self.vacant.pop();
        slot.stage = Stage::Connecting(carrier);
        slot.busy = 1;
        slot.served = 1;
        slot.opened = now;
        slot.retiring = false;
        slot.is_noted = false;
        Ok(index * self.streams)
    }

    /// Marks a connection as open; its other places become free.
    pub(super) fn opened(&mut self, index: usize) {
        let slot = &mut self.slots[index];
        slot.stage = match std::mem::replace(&mut slot.stage, Stage::Vacant) {
            Stage::Connecting(carrier) | Stage::Handshaking(carrier) => Stage::Open(carrier),
            other => other,
        };
        let first = index * self.streams;
        self.idle.extend((first + 1..first + self.streams).rev());
    }

    /// Frees a place whose exchange has ended. `usable`: its connection may carry another one.
    pub(super) fn put_back(&mut self, place: usize, usable: bool, now: Nanos) {
        let index = place / self.streams;
        let over = self.open_count() > self.limit;
        let slot = &mut self.slots[index];
        slot.busy -= 1;
        let spent = slot.served >= self.span.requests || now - slot.opened >= self.span.age;
        if usable && !over && !spent && !slot.retiring {
            self.idle.push(place);
        } else if slot.busy == 0 {
            self.destroy(index);
        } else {
            self.retire(index);
        }
    }

    /// Lets a connection end what it carries and take nothing new.
    pub(super) fn retire(&mut self, index: usize) {
        if !std::mem::replace(&mut self.slots[index].retiring, true) {
            self.forget_idle(index);
        }
    }

    /// Closes a connection in whatever stage it is.
    pub(super) fn destroy(&mut self, index: usize) {
        let slot = &mut self.slots[index];
        if slot.busy < self.streams && matches!(slot.stage, Stage::Open(_)) {
            self.forget_idle(index);
        }
        let slot = &mut self.slots[index];
        // Closing the descriptor takes it out of the readiness set.
        slot.stage = Stage::Vacant;
        slot.busy = 0;
        slot.generation = slot.generation.wrapping_add(1) & (u64::MAX >> SLOT_BITS);
        self.vacant.push(index);
    }

    fn forget_idle(&mut self, index: usize) {
        let streams = self.streams;
        self.idle.retain(|place| place / streams != index);
    }

    /// Changes the limit; idle connections beyond it are closed.
    pub(super) fn set_limit(&mut self, limit: usize) {
        self.limit = limit;
        let mut at = 0;
        while self.open_count() > limit && at < self.idle.len() {
            let index = self.idle[at] / self.streams;
            if self.slots[index].busy == 0 {
                self.destroy(index);
            } else {
                at += 1;
            }
        }
    }
}
