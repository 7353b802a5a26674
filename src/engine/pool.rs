//! The connections of one worker. The latest used is used first, so that few stay warm.

use std::net::SocketAddr;

use mio::net::TcpStream;
use mio::{Interest, Registry, Token};

use super::connection::{Slot, Stage, connect_class};
use crate::model::ErrorClass;

/// The lower bits of a token are the slot, the upper its generation.
const SLOT_BITS: u32 = 24;

/// A fixed number of slots.
#[derive(Debug)]
pub(super) struct Pool {
    address: SocketAddr,
    registry: Registry,
    slots: Vec<Slot>,
    vacant: Vec<usize>,
    idle: Vec<usize>,
    /// Most connections open at once, in the current phase.
    pub(super) limit: usize,
}

impl Pool {
    pub(super) fn new(address: SocketAddr, registry: Registry, capacity: usize) -> Self {
        Self {
            address,
            registry,
            slots: std::iter::repeat_with(Slot::vacant)
                .take(capacity)
                .collect(),
            vacant: (0..capacity).rev().collect(),
            idle: Vec::with_capacity(capacity),
            limit: capacity,
        }
    }

    pub(super) fn slot(&mut self, index: usize) -> &mut Slot {
        &mut self.slots[index]
    }

    /// The slot an event is about, unless its socket is gone.
    pub(super) fn find(&self, token: Token) -> Option<usize> {
        let index = token.0 & ((1 << SLOT_BITS) - 1);
        let slot = self.slots.get(index)?;
        (slot.generation == token.0 >> SLOT_BITS).then_some(index)
    }

    /// Takes the connection that was idle for the shortest time.
    pub(super) fn take_idle(&mut self) -> Option<usize> {
        let index = self.idle.pop()?;
        let slot = &mut self.slots[index];
        if let Stage::Idle(stream) = std::mem::replace(&mut slot.stage, Stage::Vacant) {
            slot.stage = Stage::Busy(stream);
        }
        Some(index)
    }

    /// True when a request would get a connection now.
    pub(super) fn has_room(&self) -> bool {
        !self.idle.is_empty() || self.may_open()
    }

    /// True when another connection may be opened.
    pub(super) fn may_open(&self) -> bool {
        self.slots.len() - self.vacant.len() < self.limit
    }

    /// Begins to open a connection.
    pub(super) fn open(&mut self) -> Result<usize, ErrorClass> {
        let Some(index) = self.vacant.pop() else {
            return Err(ErrorClass::GeneratorDescriptors);
        };
        let slot = &mut self.slots[index];
        let token = Token((slot.generation << SLOT_BITS) | index);
        let opened = TcpStream::connect(self.address).and_then(|mut stream| {
            stream.set_nodelay(true)?;
            let both = Interest::READABLE | Interest::WRITABLE;
            self.registry.register(&mut stream, token, both)?;
            Ok(stream)
        });
        match opened {
            Ok(stream) => {
                slot.stage = Stage::Connecting(stream);
                Ok(index)
            }
            Err(error) => {
                self.vacant.push(index);
                Err(connect_class(&error))
            }
        }
    }

    /// Keeps an answered connection for the next request, or closes it when there are too many.
    pub(super) fn put_back(&mut self, index: usize) {
        if self.slots.len() - self.vacant.len() > self.limit {
            self.destroy(index);
            return;
        }
        let slot = &mut self.slots[index];
        if let Stage::Busy(stream) = std::mem::replace(&mut slot.stage, Stage::Vacant) {
            slot.stage = Stage::Idle(stream);
            self.idle.push(index);
        }
    }

    /// Closes a connection in whatever stage it is.
    pub(super) fn destroy(&mut self, index: usize) {
        let slot = &mut self.slots[index];
        if matches!(slot.stage, Stage::Idle(_)) {
            self.idle.retain(|i| *i != index);
        }
        // Closing the descriptor takes it out of the readiness set.
        slot.stage = Stage::Vacant;
        slot.generation = slot.generation.wrapping_add(1) & (usize::MAX >> SLOT_BITS);
        self.vacant.push(index);
    }

    /// Changes the limit; idle connections beyond it are closed.
    pub(super) fn set_limit(&mut self, limit: usize) {
        self.limit = limit;
        while self.slots.len() - self.vacant.len() > limit {
            let Some(&oldest) = self.idle.first() else {
                break;
            };
            self.destroy(oldest);
        }
    }

    /// Slots that carry an exchange.
    pub(super) fn busy(&self) -> Vec<usize> {
        (0..self.slots.len())
            .filter(|i| self.slots[*i].exchange.is_some())
            .collect()
    }
}
