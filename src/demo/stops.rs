//! Faults that stop the whole process: its event loop sleeps.

use std::thread;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// From one pause to the next.
const EVERY: Duration = Duration::from_secs(2);
/// The longest pause.
const PAUSE: Duration = Duration::from_millis(400);
/// As long as the kernel's default for bandwidth control.
const PERIOD: Duration = Duration::from_millis(100);
/// Most of a period that is stopped, so that something is always done.
const STOPPED: Duration = Duration::from_millis(95);

/// Pauses now and every two seconds; never ends.
pub(super) async fn pause(strength: f64) {
    let mut next = Instant::now();
    loop {
        sleep_until(next).await;
        thread::sleep(PAUSE.mul_f64(strength));
        next += EVERY;
    }
}

/// One period of a quota: its share of work, then a stop until it ends if there was any work.
///
/// Gives the time it was stopped for.
pub(super) async fn period(from: Instant, strength: f64, busy: impl FnOnce() -> bool) -> Duration {
    sleep_until(from + PERIOD.saturating_sub(STOPPED.mul_f64(strength))).await;
    if !busy() {
        sleep_until(from + PERIOD).await;
        return Duration::ZERO;
    }
    let rest = (from + PERIOD).saturating_duration_since(Instant::now());
    thread::sleep(rest);
    rest
}

/// The beginning of the period after this one; what a late process missed is not made up for.
pub(super) fn next(from: Instant) -> Instant {
    (from + PERIOD).max(Instant::now())
}
