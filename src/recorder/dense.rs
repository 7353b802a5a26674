//! A histogram to record into on the hot path, and its conversion to the sparse stored form.
//!
//! Three significant digits over 1 ns … 1 h, as [`Distribution`] has, so nothing is lost on the way.
//! All memory is taken when it is made; recording neither allocates nor fails.

use hdrhistogram::Histogram;

use crate::model::{CEILING, Distribution, bucket_low};
use crate::units::Nanos;

/// Significant decimal digits that are told apart.
const DIGITS: u8 = 3;

/// Counts of nanosecond values, about 140 KB, with exact sum, least and greatest value.
#[derive(Debug, Clone)]
pub struct Dense {
    counts: Histogram<u32>,
    sum: u64,
    min: u64,
    max: u64,
}

impl Dense {
    #[expect(
        clippy::missing_panics_doc,
        reason = "the bounds are constants that hdrhistogram accepts"
    )]
    pub fn new() -> Self {
        Self {
            counts: Histogram::new_with_bounds(1, CEILING.0, DIGITS).expect("valid bounds"),
            sum: 0,
            min: u64::MAX,
            max: 0,
        }
    }

    /// Adds one value; values beyond one hour count as one hour.
    pub fn record(&mut self, value: Nanos) {
        let value = value.0.min(CEILING.0);
        self.counts.saturating_record(value);
        self.sum = self.sum.saturating_add(value);
        self.min = self.min.min(value);
        self.max = self.max.max(value);
    }

    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    /// Takes out everything recorded so far and begins anew.
    #[expect(
        clippy::missing_panics_doc,
        reason = "buckets come in order and hold what `record` put into them"
    )]
    pub fn drain(&mut self) -> Distribution {
        if self.is_empty() {
            return Distribution::default();
        }
        let buckets = self
            .counts
            .iter_recorded()
            .map(|v| {
                (
                    bucket_low(v.value_iterated_to()),
                    u64::from(v.count_at_value()),
                )
            })
            .collect();
        let drained = Distribution::from_buckets(buckets, self.sum, self.min, self.max)
            .expect("recorded values make a distribution");
        self.counts.reset();
        self.sum = 0;
        self.min = u64::MAX;
        self.max = 0;
        drained
    }
}

impl Default for Dense {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Values of all magnitudes, the ends of the range and beyond included.
    fn value() -> impl Strategy<Value = u64> {
        prop_oneof![
            (0_u32..64).prop_flat_map(|bits| 0..=(u64::MAX >> bits)),
            Just(0),
            Just(2047),
            Just(2048),
            Just(CEILING.0),
            Just(u64::MAX),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn draining_gives_what_recording_one_by_one_gives(
            first in prop::collection::vec(value(), 0..200),
            second in prop::collection::vec(value(), 0..20),
        ) {
            let mut dense = Dense::new();
            for values in [first, second] {
                let mut direct = Distribution::default();
                for v in values {
                    dense.record(Nanos(v));
                    direct.record(Nanos(v));
                }
                prop_assert_eq!(dense.drain(), direct);
                prop_assert!(dense.is_empty());
            }
        }
    }

    #[test]
    fn a_value_beyond_the_range_counts_as_the_greatest() {
        let mut dense = Dense::new();
        dense.record(Nanos::MAX);
        let d = dense.drain();
        assert_eq!((d.count(), d.max()), (1, CEILING));
    }
}
