//! How long before an arrival a sleep must end.

use crate::units::Nanos;

/// How much too early a sleep before an arrival must end so that the arrival is met: learned from how
/// long this machine takes to wake, since that is 5 µs on one and 100 µs on another.
///
/// Follows a high quantile of what sleeps were too long by, up and down in fixed steps whose ratio
/// is the odds (Robbins and Monro 1951).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct HeadStart(Nanos);

impl Default for HeadStart {
    fn default() -> Self {
        Self(Nanos(40_000))
    }
}

impl HeadStart {
    /// One sleep of so many may be too long.
    const ONE_IN: u64 = 50;

    const STEP: Nanos = Nanos(100);

    const LONGEST: Nanos = Nanos(100_000);

    /// What to begin with where arrivals are `gap` apart: at most a quarter of it is spent awake.
    pub(super) fn at(self, gap: Nanos) -> Nanos {
        self.0.min(Nanos(gap.0 / 4))
    }

    /// A sleep took so much longer than it should have.
    pub(super) fn learn(&mut self, too_long: Nanos) {
        let Nanos(at) = self.0;
        self.0 = if too_long > self.0 {
            Nanos(at + Self::STEP.0 * (Self::ONE_IN - 1)).min(Self::LONGEST)
        } else {
            Nanos(at.saturating_sub(Self::STEP.0))
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_head_start_settles_where_one_sleep_in_fifty_is_longer() {
        let mut head_start = HeadStart::default();
        // Evenly between 0 and 50 µs: 49 of 50 sleeps are at most 49 µs too long, and one step up is 5 µs.
        for i in 0..20_000_u64 {
            head_start.learn(Nanos(i * 7_919 % 50_000));
        }
        let settled = head_start.at(Nanos::SECOND);
        assert!((48_000..55_000).contains(&settled.0), "{settled:?}");
        // A machine that wakes at once needs none, and a bad one is not waited for without end.
        for _ in 0..2_000 {
            head_start.learn(Nanos::ZERO);
        }
        assert_eq!(head_start.at(Nanos::SECOND), Nanos::ZERO);
        for _ in 0..2_000 {
            head_start.learn(Nanos::SECOND);
        }
        assert_eq!(head_start.at(Nanos::SECOND), HeadStart::LONGEST);
        assert_eq!(head_start.at(Nanos(80_000)), Nanos(20_000));
    }
}
