//! Time as seen by the program: a monotonic reading, and a manual one for tests.
//!
//! Nothing in the pure layers reads a clock; the outside layers take a [`Clock`], so that a test can
//! move time by hand instead of sleeping.

use std::cell::Cell;

use rustix::time::{ClockId, clock_gettime};

use crate::units::Nanos;

/// A source of monotonic time.
pub trait Clock {
    /// Nanoseconds since an arbitrary fixed point; never goes back.
    fn now(&self) -> Nanos;
}

/// `CLOCK_MONOTONIC`, the clock that timerfd and every pacing decision share.
#[derive(Debug, Clone, Copy, Default)]
pub struct Monotonic;

impl Clock for Monotonic {
    fn now(&self) -> Nanos {
        read(ClockId::Monotonic)
    }
}

/// A clock that moves only when told to.
#[derive(Debug, Default)]
pub struct Manual(Cell<u64>);

impl Manual {
    pub fn advance(&self, by: Nanos) {
        self.0.set(self.0.get() + by.0);
    }
}

impl Clock for Manual {
    fn now(&self) -> Nanos {
        Nanos(self.0.get())
    }
}

/// CPU time this process has used on all its threads.
pub fn process_cpu() -> Nanos {
    read(ClockId::ProcessCPUTime)
}

/// CPU time the calling thread has used.
pub fn thread_cpu() -> Nanos {
    read(ClockId::ThreadCPUTime)
}

/// Wall-clock time in RFC 3339, UTC, whole seconds: for records, never for measuring.
pub fn wall_rfc3339() -> String {
    jiff::Timestamp::now()
        .round(jiff::Unit::Second)
        .unwrap_or_else(|_| jiff::Timestamp::now())
        .to_string()
}

#[expect(
    clippy::cast_sign_loss,
    reason = "these clocks start at zero and only grow"
)]
fn read(id: ClockId) -> Nanos {
    let t = clock_gettime(id);
    Nanos(t.tv_sec as u64 * 1_000_000_000 + t.tv_nsec as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manual_clock_moves_only_by_hand() {
        let clock = Manual::default();
        assert_eq!(clock.now(), Nanos::ZERO);
        clock.advance(Nanos::SECOND);
        assert_eq!(clock.now(), Nanos::SECOND);
    }

    #[test]
    fn monotonic_time_does_not_go_back() {
        let first = Monotonic.now();
        assert!(Monotonic.now() >= first);
    }
}
