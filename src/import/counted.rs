//! A distribution from values with their numbers.

use std::collections::BTreeMap;

use super::measured::Reason;
use crate::model::{CEILING, Distribution, bucket_low};
use crate::units::Nanos;

/// Counts in the buckets of our own distributions.
#[derive(Debug, Default)]
pub(super) struct Counted {
    buckets: BTreeMap<u64, u64>,
    sum: u64,
    least: Option<u64>,
    most: u64,
}

impl Counted {
    /// Adds `n` values; those beyond one hour count as one hour.
    pub(super) fn add(&mut self, value: Nanos, n: u64) {
        if n == 0 {
            return;
        }
        let value = value.0.min(CEILING.0);
        let count = self.buckets.entry(bucket_low(value)).or_default();
        *count = count.saturating_add(n);
        self.sum = self.sum.saturating_add(value.saturating_mul(n));
        self.least = Some(self.least.map_or(value, |least| least.min(value)));
        self.most = self.most.max(value);
    }

    /// The distribution of all values added.
    ///
    /// # Errors
    /// When there are more than can be counted.
    pub(super) fn finish(self) -> Result<Distribution, Reason> {
        let buckets = self.buckets.into_iter().collect();
        Distribution::from_buckets(buckets, self.sum, self.least.unwrap_or(0), self.most)
            .map_err(|e| e.to_string().into())
    }
}
