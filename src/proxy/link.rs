//! One connection of a client, and the one to the target that stands behind it.

use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use rustix::net::sockopt::set_socket_linger;

use super::lane::{Broken, End, Lane};
use super::weather::{Fate, Weather};
use crate::model::ErrorClass;
use crate::protocol::{Dial, Poller, Readiness, is_connected};
use crate::units::Nanos;

/// Which of the two sockets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Which {
    Client,
    Target,
}

#[derive(Debug)]
pub(super) struct Link {
    /// How many connections were opened before it.
    ordinal: u64,
    client: End,
    /// None until it may be opened.
    target: Option<End>,
    connected: bool,
    up: Lane,
    down: Lane,
    /// The latest time it has asked to be looked at again.
    alarm: Nanos,
}

/// What a connection came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Open,
    /// Both sides have ended it, or it was reset.
    Over,
    /// This machine has no descriptor or port for it.
    Exhausted,
}

/// What all connections of a turn share.
#[derive(Debug)]
pub(super) struct Turn<'a> {
    pub(super) now: Nanos,
    pub(super) dial: &'a Dial,
    pub(super) poller: &'a Poller,
    pub(super) weather: &'a mut Weather,
    pub(super) buffer: &'a mut [u8],
    /// Token of the socket to the target.
    pub(super) token: u64,
}

impl Link {
    pub(super) fn new(client: OwnedFd, ordinal: u64) -> Self {
        Self {
            ordinal,
            client: End::new(client),
            target: None,
            connected: false,
            up: Lane::default(),
            down: Lane::default(),
            alarm: Nanos::ZERO,
        }
    }

    pub(super) fn tell(&mut self, which: Which, readiness: Readiness) {
        match (which, &mut self.target) {
            (Which::Client, _) => self.client.tell(readiness),
            (Which::Target, Some(target)) => target.tell(readiness),
            (Which::Target, None) => {}
        }
    }

    /// Moves what may be moved now.
    pub(super) fn pump(&mut self, turn: Turn<'_>) -> State {
        let fate = turn.weather.fate(self.ordinal);
        if fate == Fate::Stalls {
            return State::Open;
        }
        match self.connect(&turn) {
            Ok(true) => {}
            Ok(false) => return State::Open,
            Err(class) => {
                self.reset();
                return if class.is_generators() {
                    State::Exhausted
                } else {
                    State::Over
                };
            }
        }
        match self.carry(turn, fate == Fate::Resets) {
            Ok(()) if self.up.is_over() && self.down.is_over() => State::Over,
            Ok(()) => State::Open,
            Err(Broken) => {
                self.reset();
                State::Over
            }
        }
    }

    /// When the next piece leaves that has to wait for its time, told once.
    pub(super) fn alarm(&mut self, now: Nanos) -> Option<Nanos> {
        let next = self.down.next(now).filter(|at| *at != self.alarm)?;
        self.alarm = next;
        Some(next)
    }

    /// True once the target can be spoken to.
    fn connect(&mut self, turn: &Turn<'_>) -> Result<bool, ErrorClass> {
        if self.connected {
            return Ok(true);
        }
        let Some(target) = &self.target else {
            let socket = turn.dial.open()?;
            let watched = turn.poller.add(&socket, turn.token);
            watched.map_err(|_| ErrorClass::GeneratorDescriptors)?;
            self.target = Some(End::new(socket));
            return Ok(false);
        };
        self.connected = target.writable() && is_connected(target)?;
        Ok(self.connected)
    }

    fn carry(&mut self, turn: Turn<'_>, resets: bool) -> Result<(), Broken> {
        let Turn {
            now,
            weather,
            buffer,
            ..
        } = turn;
        let (client, Some(target)) = (&mut self.client, &mut self.target) else {
            return Ok(());
        };
        self.up
            .carry((client, target), None, (now, buffer, resets))?;
        self.down
            .carry((target, client), Some(weather), (now, buffer, resets))
    }

    /// Has both sides told by a reset when their sockets are closed.
    fn reset(&self) {
        let at_once = Some(Duration::ZERO);
        // A socket that cannot be told so is closed all the same.
        let _ = set_socket_linger(self.client.as_fd(), at_once);
        if let Some(target) = &self.target {
            let _ = set_socket_linger(target.as_fd(), at_once);
        }
    }
}
