//! Time as seen by the program: a monotonic reading, and a manual one for tests.
//!
//! Nothing in the pure layers reads a clock; the outside layers take a [`Clock`], so that a test can
//! move time by hand instead of sleeping.

use std::cell::Cell;
use std::fmt;
use std::str::FromStr;

use rustix::thread::clock_nanosleep_absolute;
use rustix::time::{ClockId, Timespec, clock_gettime};

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

/// How far the wall clock is ahead of `CLOCK_MONOTONIC`, to tell stamps of the one in times of the
/// other. It changes only when somebody sets the wall clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct WallOffset {
    ahead: Nanos,
    looked: Nanos,
}

impl WallOffset {
    /// So long it is taken to be the same.
    const TRUSTED: Nanos = Nanos::from_millis(1);

    /// Two readings that lie further apart were interrupted, and say nothing of the third between.
    const INTERRUPTED: Nanos = Nanos(2_000);

    /// Looks again, if it was a while ago.
    pub fn look(&mut self, now: Nanos) {
        if now - self.looked < Self::TRUSTED && self.ahead > Nanos::ZERO {
            return;
        }
        let (before, wall, after) = (Monotonic.now(), wall(), Monotonic.now());
        if after - before <= Self::INTERRUPTED || self.ahead == Nanos::ZERO {
            *self = Self {
                ahead: wall - Nanos(u64::midpoint(before.0, after.0)),
                looked: after,
            };
        }
    }

    /// That time of the wall clock, by the monotonic one.
    pub fn monotonic(&self, wall: Nanos) -> Nanos {
        wall - self.ahead
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

/// Nanoseconds of the wall clock since 1970: for what is stamped by it, never for measuring.
pub fn wall() -> Nanos {
    read(ClockId::Realtime)
}

/// The wall clock as all programs of this machine are told it: to see whether somebody sets it.
pub fn system_time() -> Nanos {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let nanos = since.map_or(0, |since| since.as_nanos());
    Nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

/// `CLOCK_BOOTTIME`, which goes on while the machine sleeps.
pub fn boot_time() -> Nanos {
    read(ClockId::Boottime)
}

/// Sleeps until `CLOCK_MONOTONIC` shows that time, or a signal comes.
pub fn sleep_until(Nanos(until): Nanos) {
    let at = Timespec {
        tv_sec: i64::try_from(until / Nanos::SECOND.0).unwrap_or(i64::MAX),
        tv_nsec: i64::try_from(until % Nanos::SECOND.0).unwrap_or(0),
    };
    let _ = clock_nanosleep_absolute(ClockId::Monotonic, &at);
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

/// A moment by the wall clock, on which several machines agree as well as their clocks do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(jiff::Timestamp);

/// The text is no moment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a moment is written with its date and zone, as in 2026-11-22T12:00:00Z")]
pub struct NoMoment;

impl Moment {
    pub fn now() -> Self {
        Self(jiff::Timestamp::now())
    }

    /// Time from now until then; None when it is past.
    pub fn until(self) -> Option<Nanos> {
        let left = self.0.duration_since(jiff::Timestamp::now());
        u64::try_from(left.as_nanos()).ok().map(Nanos)
    }

    /// The moment so long after this one; as late as can be told where that is beyond all dates.
    #[must_use]
    pub fn after(self, time: Nanos) -> Self {
        let later = self.0.checked_add(std::time::Duration::from(time));
        Self(later.unwrap_or(jiff::Timestamp::MAX))
    }
}

impl fmt::Display for Moment {
    /// RFC 3339, UTC.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl FromStr for Moment {
    type Err = NoMoment;

    fn from_str(text: &str) -> Result<Self, NoMoment> {
        text.parse().map(Self).map_err(|_| NoMoment)
    }
}

#[expect(
    clippy::cast_sign_loss,
    reason = "these clocks start at zero, and the wall clock is past 1970"
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
    fn a_stamp_of_the_wall_clock_is_told_in_monotonic_time() {
        let mut offset = WallOffset::default();
        let before = Monotonic.now();
        offset.look(before);
        let told = offset.monotonic(wall());
        let after = Monotonic.now();
        // Whatever interrupts this makes the readings less exact by less than it takes.
        let slack = after - before;
        assert!(before - slack <= told && told <= after + slack);
    }

    #[test]
    fn a_moment_has_a_date_and_a_zone() {
        let noon: Moment = "2026-11-22T13:00:00+01:00".parse().expect("a moment");
        assert_eq!(noon.to_string(), "2026-11-22T12:00:00Z");
        assert_eq!(
            noon.after(Nanos::from_secs(90)).to_string(),
            "2026-11-22T12:01:30Z"
        );
        for wrong in ["12:00", "+10s", "2026-11-22T12:00:00", "noon"] {
            assert_eq!(wrong.parse::<Moment>(), Err(NoMoment), "{wrong}");
        }
        let past: Moment = "2001-01-01T00:00:00Z".parse().expect("a moment");
        assert_eq!(past.until(), None);
    }

    #[test]
    fn monotonic_time_does_not_go_back() {
        let first = Monotonic.now();
        assert!(Monotonic.now() >= first);
    }
}
