//! No more than so many requests a second: the generic cell rate algorithm (ITU-T I.371, 2004).
//!
//! It needs one number, the time at which a request would be in step with the rate. A request may be
//! ahead of it by as much as a burst is long.

use crate::scenario::plan::MostRate;
use crate::units::Nanos;

/// What may be sent, by one of those that share a rate.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    interval: Nanos,
    ahead: Nanos,
    in_step: Nanos,
}

impl Pace {
    /// The part of one of `shares` that send side by side and know nothing of each other. Each may
    /// send one request at least at a time.
    pub fn share(most: MostRate, shares: usize) -> Self {
        let interval = Nanos::from_secs_f64(shares as f64 / most.rate.0);
        let burst = most.burst.div_ceil(shares as u64).max(1);
        Self {
            interval,
            ahead: Nanos(interval.0.saturating_mul(burst - 1)),
            in_step: Nanos::ZERO,
        }
    }

    /// When the next request may leave.
    pub fn next(&self) -> Nanos {
        Nanos(self.in_step.0.saturating_sub(self.ahead.0))
    }

    pub fn is_open(&self, now: Nanos) -> bool {
        self.next() <= now
    }

    /// Counts a request that leaves; false when it may not.
    pub fn take(&mut self, now: Nanos) -> bool {
        let open = self.is_open(now);
        if open {
            self.in_step = Nanos(self.in_step.max(now).0.saturating_add(self.interval.0));
        }
        open
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Rate;

    const fn most(rate: f64, burst: u64) -> MostRate {
        MostRate {
            rate: Rate(rate),
            burst,
        }
    }

    /// Requests that leave within `ms` when one is tried every 10 µs.
    fn sent(pace: &mut Pace, from_ms: u64, ms: u64) -> usize {
        let tries = (0..ms * 100).map(|i| Nanos::from_millis(from_ms) + Nanos(i * 10_000));
        tries.filter(|now| pace.take(*now)).count()
    }

    #[test]
    fn the_rate_is_kept_to_over_any_time_beside_one_burst() {
        let mut pace = Pace::share(most(100.0, 1), 1);
        assert_eq!(sent(&mut pace, 1_000, 1_000), 100);
        let mut pace = Pace::share(most(100.0, 20), 1);
        assert_eq!(sent(&mut pace, 1_000, 1), 20, "at once");
        assert_eq!(sent(&mut pace, 1_001, 999), 99);
        // After a silence there is one burst, and not one for each second of it.
        assert_eq!(sent(&mut pace, 60_000, 1_000), 119);
    }

    #[test]
    fn shares_together_are_the_whole() {
        let mut shares = [Pace::share(most(90.0, 6), 3); 3];
        let sum: usize = shares.iter_mut().map(|p| sent(p, 1_000, 1_000)).sum();
        assert_eq!(sum, 90 + 6 - 3);
        // A burst smaller than the shares still lets each of them send.
        let mut shares = [Pace::share(most(90.0, 1), 3); 3];
        let sum: usize = shares.iter_mut().map(|p| sent(p, 1_000, 1_000)).sum();
        assert_eq!(sum, 90);
    }

    #[test]
    fn it_says_when_the_next_may_leave() {
        let mut pace = Pace::share(most(100.0, 2), 1);
        let now = Nanos::from_secs(5);
        assert!(pace.next() <= now);
        assert!(pace.take(now) && pace.take(now) && !pace.take(now));
        assert_eq!(pace.next(), now + Nanos::from_millis(10));
        assert!(pace.take(pace.next()));
    }
}
