//! Waiting for sockets, and for a time, to the nanosecond.
//!
//! `epoll_pwait2` takes its timeout in nanoseconds, and with a timer slack of one nanosecond the
//! kernel wakes when told: one system call waits for answers and for the next arrival. It came with
//! Linux 5.11.

use std::io;
use std::num::NonZeroU64;
use std::os::fd::{AsFd, OwnedFd};

use rustix::buffer::spare_capacity;
use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::io::Errno;
use rustix::thread::set_current_timer_slack;

use super::carrier::Readiness;
use crate::units::Nanos;

/// Most events taken at once.
const EVENTS: usize = 512;

/// A readiness set; edge-triggered.
pub struct Poller {
    epoll: OwnedFd,
    events: Vec<Event>,
}

impl std::fmt::Debug for Poller {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Poller")
            .field("epoll", &self.epoll)
            .finish_non_exhaustive()
    }
}

impl Poller {
    /// Belongs to the thread that makes it.
    ///
    /// # Errors
    /// When the kernel gives no readiness set.
    pub fn new() -> io::Result<Self> {
        // Without it a sleep may be stretched by 50 µs, which the lateness would show.
        let _ = set_current_timer_slack(NonZeroU64::new(1));
        Ok(Self {
            epoll: epoll::create(CreateFlags::CLOEXEC)?,
            events: Vec::with_capacity(EVENTS),
        })
    }

    /// Reports what happens to a socket under `token`, until it is closed.
    ///
    /// # Errors
    /// When the kernel will not watch it.
    pub fn add(&self, socket: impl AsFd, token: u64) -> rustix::io::Result<()> {
        let all = EventFlags::IN | EventFlags::OUT | EventFlags::RDHUP | EventFlags::ET;
        epoll::add(&self.epoll, socket, EventData::new_u64(token), all)
    }

    /// Waits at most `patience` for something to happen.
    ///
    /// # Errors
    /// When the kernel refuses to wait.
    #[expect(
        clippy::cast_possible_wrap,
        reason = "a patience of seconds and a remainder below 10^9 are far from 2^63"
    )]
    pub fn wait(&mut self, Nanos(patience): Nanos) -> io::Result<()> {
        let timeout = Timespec {
            tv_sec: (patience / Nanos::SECOND.0) as i64,
            tv_nsec: (patience % Nanos::SECOND.0) as i64,
        };
        self.events.clear();
        match epoll::wait(
            &self.epoll,
            spare_capacity(&mut self.events),
            Some(&timeout),
        ) {
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// How many events the latest wait has brought.
    pub fn count(&self) -> usize {
        self.events.len()
    }

    /// One of them: the token of its socket, and what it says.
    pub fn event(&self, index: usize) -> (u64, Readiness) {
        let event = self.events[index];
        let flags = event.flags;
        let broken = EventFlags::HUP | EventFlags::RDHUP | EventFlags::ERR;
        let readiness = Readiness {
            readable: flags.contains(EventFlags::IN),
            writable: flags.contains(EventFlags::OUT),
            closing: flags.intersects(broken),
        };
        (event.data.u64(), readiness)
    }
}
