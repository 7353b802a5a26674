//! A wake-up at an absolute time, to the nanosecond, for a readiness loop.
//!
//! `epoll_wait` counts in milliseconds and its sleep is stretched by timer slack (50 µs); a timerfd
//! is an exact kernel timer. Registered edge-triggered it needs no read: setting it again clears it.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};

use crate::units::Nanos;

/// A timer on `CLOCK_MONOTONIC`.
#[derive(Debug)]
pub(super) struct Timer {
    descriptor: OwnedFd,
    armed: Nanos,
}

impl Timer {
    pub(super) fn new(registry: &Registry, token: Token) -> io::Result<Self> {
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let descriptor = timerfd_create(TimerfdClockId::Monotonic, flags)?;
        registry.register(
            &mut SourceFd(&descriptor.as_raw_fd()),
            token,
            Interest::READABLE,
        )?;
        Ok(Self {
            descriptor,
            armed: Nanos::ZERO,
        })
    }

    /// Makes the loop wake at `at`; a time set before is forgotten.
    #[expect(
        clippy::cast_possible_wrap,
        reason = "monotonic seconds and a remainder below 10^9 are far from 2^63"
    )]
    pub(super) fn set(&mut self, at: Nanos) -> io::Result<()> {
        if at == self.armed {
            return Ok(());
        }
        let zero = Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        let value = Timespec {
            tv_sec: (at.0 / Nanos::SECOND.0) as i64,
            tv_nsec: (at.0 % Nanos::SECOND.0) as i64,
        };
        let once = Itimerspec {
            it_interval: zero,
            it_value: value,
        };
        timerfd_settime(&self.descriptor, TimerfdTimerFlags::ABSTIME, &once)?;
        self.armed = at;
        Ok(())
    }
}
