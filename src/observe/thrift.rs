//! What a reading costs decides how often it is made.

use crate::units::Nanos;

/// A reading that takes a millisecond of CPU time rests 200 ms: half a percent of a core.
const REST: u64 = 200;

/// Keeps a reading from taking more than its share.
#[derive(Debug, Default)]
pub(super) struct Thrift {
    next: Nanos,
}

impl Thrift {
    /// True when it may be made again.
    pub(super) fn may(&self, now: Nanos) -> bool {
        now >= self.next
    }

    /// It was made, and took so much CPU time.
    pub(super) fn took(&mut self, now: Nanos, cost: Nanos) {
        self.next = now + Nanos(cost.0.saturating_mul(REST));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_dear_is_read_seldom() {
        let mut thrift = Thrift::default();
        let mut made = 0;
        for second in 0..60 {
            let now = Nanos::from_secs(second);
            if thrift.may(now) {
                made += 1;
                thrift.took(now, Nanos::from_millis(50));
            }
        }
        assert_eq!(made, 6, "50 ms, so every 10 s");
        thrift.took(Nanos::from_secs(60), Nanos::from_millis(1));
        assert!(thrift.may(Nanos::from_secs(61)));
    }
}
