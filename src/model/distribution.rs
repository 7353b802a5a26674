//! A latency distribution: counts in logarithmic buckets, with exact count, sum, least and greatest.
//!
//! The buckets are those of HdrHistogram at three significant digits over 1 ns … 1 h, so a dense
//! recording histogram converts without loss. Only occupied buckets are kept, in order.
//! Distributions of the same kind are merged; percentiles never are.

use std::fmt;

use serde::de::{self, Deserializer, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};

use crate::units::Nanos;

/// The greatest value that is told apart from greater ones: one hour.
pub const CEILING: Nanos = Nanos(3_600_000_000_000);

/// Values below this are counted exactly; above, 1024 buckets per doubling.
const EXACT_BELOW: u64 = 2048;

/// A quantile needs this many samples beyond it before it is stated: n·(1 − q) ≥ 10.
const SAMPLES_BEYOND: f64 = 10.0;

/// Width in nanoseconds of the bucket that holds `value`.
pub const fn bucket_width(value: u64) -> u64 {
    if value < EXACT_BELOW {
        1
    } else {
        1 << (value.ilog2() - EXACT_BELOW.ilog2() + 1)
    }
}

/// Least value of the bucket that holds `value`.
pub const fn bucket_low(value: u64) -> u64 {
    value & !(bucket_width(value) - 1)
}

/// Counts of nanosecond values in logarithmic buckets.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "Packed", into = "Packed")]
pub struct Distribution {
    /// (least value of the bucket, count), ascending, no zero counts.
    buckets: Vec<(u64, u64)>,
    count: u64,
    sum: u64,
    min: u64,
    max: u64,
}

/// Why stored counts are not a distribution.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DistributionError {
    #[error("bucket {0} of a histogram is empty, out of order or out of range")]
    Bucket(usize),
    #[error("a histogram claims {claimed} values and holds {held}")]
    Count { claimed: u64, held: u64 },
    #[error("the least or greatest value of a histogram lies outside its buckets")]
    Range,
}

impl Distribution {
    /// Builds from buckets in ascending order with their exact sum, least and greatest value.
    ///
    /// # Errors
    /// When the buckets are not ascending, hold zero counts, or do not contain `min` and `max`.
    pub fn from_buckets(
        buckets: Vec<(u64, u64)>,
        sum: u64,
        min: u64,
        max: u64,
    ) -> Result<Self, DistributionError> {
        let mut count = 0_u64;
        let mut previous = None;
        for (i, &(low, n)) in buckets.iter().enumerate() {
            let ascending = previous.is_none_or(|p| p < low);
            if n == 0 || !ascending || low != bucket_low(low) || low > CEILING.0 {
                return Err(DistributionError::Bucket(i));
            }
            previous = Some(low);
            count = count.checked_add(n).ok_or(DistributionError::Bucket(i))?;
        }
        let in_range = match (buckets.first(), buckets.last()) {
            (Some(first), Some(last)) => {
                bucket_low(min) == first.0 && bucket_low(max) == last.0 && min <= max
            }
            _ => sum == 0 && min == 0 && max == 0,
        };
        if !in_range {
            return Err(DistributionError::Range);
        }
        Ok(Self {
            buckets,
            count,
            sum,
            min,
            max,
        })
    }

    /// Adds one value; values beyond one hour count as one hour.
    pub fn record(&mut self, value: Nanos) {
        let value = value.0.min(CEILING.0);
        let low = bucket_low(value);
        match self.buckets.binary_search_by_key(&low, |b| b.0) {
            Ok(i) => self.buckets[i].1 += 1,
            Err(i) => self.buckets.insert(i, (low, 1)),
        }
        self.min = if self.count == 0 {
            value
        } else {
            self.min.min(value)
        };
        self.max = self.max.max(value);
        self.sum = self.sum.saturating_add(value);
        self.count += 1;
    }

    /// Adds all values of `other`.
    pub fn merge(&mut self, other: &Self) {
        if other.count == 0 {
            return;
        }
        if self.count == 0 {
            *self = other.clone();
            return;
        }
        let mut merged = Vec::with_capacity(self.buckets.len().max(other.buckets.len()));
        let (mut a, mut b) = (
            self.buckets.iter().peekable(),
            other.buckets.iter().peekable(),
        );
        loop {
            let next = match (a.peek().copied().copied(), b.peek().copied().copied()) {
                (Some(x), Some(y)) if x.0 == y.0 => {
                    let sum = (x.0, x.1 + y.1);
                    a.next();
                    b.next();
                    sum
                }
                (Some(x), Some(y)) if x.0 > y.0 => {
                    b.next();
                    y
                }
                (Some(x), _) => {
                    a.next();
                    x
                }
                (None, Some(y)) => {
                    b.next();
                    y
                }
                (None, None) => break,
            };
            merged.push(next);
        }
        self.buckets = merged;
        self.count += other.count;
        self.sum = self.sum.saturating_add(other.sum);
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
    }

    pub const fn count(&self) -> u64 {
        self.count
    }

    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Exact sum in nanoseconds (saturating).
    pub const fn sum(&self) -> u64 {
        self.sum
    }

    /// Exact least value; zero when empty.
    pub const fn min(&self) -> Nanos {
        Nanos(self.min)
    }

    /// Exact greatest value; zero when empty.
    pub const fn max(&self) -> Nanos {
        Nanos(self.max)
    }

    /// Exact mean in nanoseconds; `None` when empty.
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum as f64 / self.count as f64)
    }

    /// Occupied buckets as (least value, width, count), ascending.
    pub fn buckets(&self) -> impl ExactSizeIterator<Item = (u64, u64, u64)> + '_ {
        self.buckets
            .iter()
            .map(|&(low, n)| (low, bucket_width(low), n))
    }

    /// Share of values that are at most `value`, by bucket middle.
    pub fn share_up_to(&self, value: Nanos) -> f64 {
        if self.count == 0 {
            return 0.0;
        }
        let below: u64 = self
            .buckets
            .iter()
            .take_while(|(low, _)| low + bucket_width(*low) / 2 <= value.0)
            .map(|b| b.1)
            .sum();
        below as f64 / self.count as f64
    }

    /// The value of the given rank (1 = least), as the middle of its bucket within [min, max].
    pub fn at_rank(&self, rank: u64) -> Option<Nanos> {
        if rank == 0 || rank > self.count {
            return None;
        }
        if rank == self.count {
            return Some(self.max());
        }
        let mut seen = 0;
        for &(low, n) in &self.buckets {
            seen += n;
            if seen >= rank {
                let middle = low + bucket_width(low) / 2;
                return Some(Nanos(middle.clamp(self.min, self.max)));
            }
        }
        None
    }

    /// The q-quantile of the values themselves, without regard to how many there are.
    pub fn quantile(&self, q: f64) -> Option<Nanos> {
        self.at_rank(rank(q, self.count))
    }
}

/// ⌈q·n⌉, at least 1, robust to the rounding of q·n.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "q lies in 0…1 and n is not negative, so the product fits"
)]
pub fn rank(q: f64, n: u64) -> u64 {
    ((q * n as f64 - 1e-9).ceil() as u64).clamp(1, n.max(1))
}

/// What a set of requests says about a quantile when some of them never got an answer.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Estimate {
    /// Known, in the unit of the metric.
    Exact(f64),
    /// Right-censored: the truth is at least this.
    AtLeast(f64),
    /// The quantile falls on requests that failed, which have no latency at all.
    Undetermined,
    /// Fewer than ten samples lie beyond the quantile.
    TooFew { have: u64, need: u64 },
    /// Nothing was measured.
    Missing,
}

impl Estimate {
    /// The exact value or the lower bound.
    pub const fn lower_bound(self) -> Option<f64> {
        match self {
            Self::Exact(v) | Self::AtLeast(v) => Some(v),
            _ => None,
        }
    }

    pub const fn exact(self) -> Option<f64> {
        match self {
            Self::Exact(v) => Some(v),
            _ => None,
        }
    }
}

/// The latencies of a whole population of requests: nothing leaves it.
///
/// Successes have a latency. Requests that timed out, were never sent or were still in flight at the
/// end are right-censored: their latency is at least what was seen. Other failures have none and
/// rank above everything, so a fast failure can never improve a percentile.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Latencies {
    pub ok: Distribution,
    /// Lower bounds of the requests that were given up or cut off.
    #[serde(default, skip_serializing_if = "Distribution::is_empty")]
    pub censored: Distribution,
    /// Requests that failed with a definite answer or a broken connection.
    #[serde(default)]
    pub failed: u64,
}

impl Latencies {
    pub const fn population(&self) -> u64 {
        self.ok.count() + self.censored.count() + self.failed
    }

    pub fn merge(&mut self, other: &Self) {
        self.ok.merge(&other.ok);
        self.censored.merge(&other.censored);
        self.failed += other.failed;
    }

    /// The q-quantile of the population.
    pub fn quantile(&self, q: f64) -> Estimate {
        let n = self.population();
        if n == 0 {
            return Estimate::Missing;
        }
        if n as f64 * (1.0 - q) < SAMPLES_BEYOND - 1e-9 {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "q < 1 here, so the quotient is a small positive number"
            )]
            let need = (SAMPLES_BEYOND / (1.0 - q) - 1e-6).ceil() as u64;
            return Estimate::TooFew { have: n, need };
        }
        self.at_rank(rank(q, n))
    }

    /// The greatest latency; a lower bound when any request has no latency.
    pub fn max(&self) -> Estimate {
        match self.population() {
            0 => Estimate::Missing,
            n => self.at_rank(n),
        }
    }

    /// The mean; a lower bound when any request has no latency.
    pub fn mean(&self) -> Estimate {
        let known = self.ok.count() + self.censored.count();
        if known == 0 {
            return if self.failed == 0 {
                Estimate::Missing
            } else {
                Estimate::Undetermined
            };
        }
        let mean = (self.ok.sum() as f64 + self.censored.sum() as f64) / known as f64;
        if self.censored.is_empty() && self.failed == 0 {
            Estimate::Exact(mean)
        } else {
            Estimate::AtLeast(mean)
        }
    }

    /// Ranks censored requests above every success unless their bound already settles the order.
    fn at_rank(&self, rank: u64) -> Estimate {
        if rank <= self.ok.count() {
            let upper = self.ok.at_rank(rank).unwrap_or_default();
            // Requests cut off below this value may belong before or after it. The answer is exact
            // as long as putting all of them before it would not move it by more than a bucket.
            let before = (self.censored.share_up_to(upper) * self.censored.count() as f64).round();
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a share of a count is a count"
            )]
            let lower = match rank.saturating_sub(before as u64) {
                0 => Nanos::ZERO,
                r => self.ok.at_rank(r).unwrap_or_default(),
            };
            let lower = lower.max(self.censored_floor(upper, lower));
            return if upper.0 - lower.0 <= 2 * bucket_width(upper.0) {
                Estimate::Exact(upper.0 as f64)
            } else {
                Estimate::AtLeast(lower.0 as f64)
            };
        }
        match self.censored.at_rank(rank - self.ok.count()) {
            Some(bound) => Estimate::AtLeast(bound.0 as f64),
            None => Estimate::Undetermined,
        }
    }

    /// With every success below it used up, the least censored bound is a floor for the rank.
    fn censored_floor(&self, upper: Nanos, lower: Nanos) -> Nanos {
        if lower == Nanos::ZERO && !self.censored.is_empty() {
            self.censored.min().min(upper)
        } else {
            Nanos::ZERO
        }
    }
}

/// The stored form: bucket values as differences, so that they pack well.
#[derive(Serialize, Deserialize)]
struct Packed {
    n: u64,
    sum: u64,
    min: u64,
    max: u64,
    /// difference to the previous bucket, count, difference, count, …
    #[serde(deserialize_with = "few")]
    b: Vec<u64>,
}

/// Buckets there are up to the ceiling.
const BUCKETS: usize =
    (1 << EXACT_BELOW.ilog2()) + 1024 * (CEILING.0.ilog2() - EXACT_BELOW.ilog2() + 1) as usize;

/// Reads no more numbers than a distribution can have, however long the list is.
fn few<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u64>, D::Error> {
    struct Few;
    impl<'de> Visitor<'de> for Few {
        type Value = Vec<u64>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "at most {BUCKETS} buckets")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<u64>, A::Error> {
            let mut numbers = Vec::new();
            while let Some(number) = seq.next_element()? {
                if numbers.len() == 2 * BUCKETS {
                    return Err(de::Error::invalid_length(numbers.len() + 1, &self));
                }
                numbers.push(number);
            }
            Ok(numbers)
        }
    }
    deserializer.deserialize_seq(Few)
}

impl From<Distribution> for Packed {
    fn from(d: Distribution) -> Self {
        let mut previous = 0;
        let mut b = Vec::with_capacity(d.buckets.len() * 2);
        for (low, n) in d.buckets {
            b.extend([low - previous, n]);
            previous = low;
        }
        Self {
            n: d.count,
            sum: d.sum,
            min: d.min,
            max: d.max,
            b,
        }
    }
}

impl TryFrom<Packed> for Distribution {
    type Error = DistributionError;

    fn try_from(p: Packed) -> Result<Self, DistributionError> {
        let mut low = 0_u64;
        let mut buckets = Vec::with_capacity(p.b.len() / 2);
        for (i, pair) in p.b.chunks(2).enumerate() {
            let &[step, n] = pair else {
                return Err(DistributionError::Bucket(i));
            };
            low = low.checked_add(step).ok_or(DistributionError::Bucket(i))?;
            buckets.push((low, n));
        }
        let d = Self::from_buckets(buckets, p.sum, p.min, p.max)?;
        if d.count == p.n {
            Ok(d)
        } else {
            Err(DistributionError::Count {
                claimed: p.n,
                held: d.count,
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: impl IntoIterator<Item = u64>) -> Distribution {
        let mut d = Distribution::default();
        values
            .into_iter()
            .for_each(|ms| d.record(Nanos::from_millis(ms)));
        d
    }

    #[test]
    fn buckets_are_those_of_hdrhistogram() {
        let h = hdrhistogram::Histogram::<u64>::new_with_bounds(1, CEILING.0, 3).expect("bounds");
        for value in [0, 1, 2047, 2048, 2049, 4095, 4096, 123_456_789, CEILING.0] {
            assert_eq!(bucket_low(value), h.lowest_equivalent(value), "{value}");
            assert_eq!(bucket_width(value), h.equivalent_range(value), "{value}");
        }
    }

    #[test]
    fn merging_is_the_same_as_recording_together() {
        let mut a = of([1, 5, 9, 9]);
        a.merge(&of([3, 5, 700]));
        assert_eq!(a, of([1, 5, 9, 9, 3, 5, 700]));
    }

    #[test]
    fn quantiles_lie_within_a_bucket_of_the_truth() {
        let d = of(1..=1000);
        let p99 = d.quantile(0.99).expect("not empty").as_millis_f64();
        assert!((p99 / 990.0 - 1.0).abs() < 0.001, "{p99}");
        assert_eq!(d.quantile(1.0), Some(Nanos::from_millis(1000)));
    }

    #[test]
    fn a_quantile_that_timeouts_reach_reads_as_a_lower_bound() {
        let l = Latencies {
            ok: of((0..980).map(|_| 5)),
            censored: of((0..20).map(|_| 3000)),
            failed: 0,
        };
        assert!(matches!(l.quantile(0.5), Estimate::Exact(v) if (v / 5e6 - 1.0).abs() < 0.001));
        assert_eq!(l.quantile(0.99), Estimate::AtLeast(3e9));
    }

    #[test]
    fn fast_failures_never_improve_a_latency() {
        let l = Latencies {
            ok: of((0..980).map(|_| 5)),
            censored: Distribution::default(),
            failed: 20,
        };
        assert!(matches!(l.quantile(0.95), Estimate::Exact(_)));
        assert_eq!(l.quantile(0.99), Estimate::Undetermined);
    }

    #[test]
    fn a_request_cut_off_early_leaves_quantiles_it_cannot_move_exact() {
        let l = Latencies {
            ok: of((0..2000).map(|_| 5)),
            censored: of([3]),
            failed: 0,
        };
        assert!(matches!(l.quantile(0.5), Estimate::Exact(_)));
    }

    #[test]
    fn few_samples_say_so() {
        let l = Latencies {
            ok: of(0..500),
            ..Latencies::default()
        };
        assert_eq!(
            l.quantile(0.99),
            Estimate::TooFew {
                have: 500,
                need: 1000
            }
        );
    }

    #[test]
    fn a_list_longer_than_any_distribution_is_not_read_to_its_end() {
        let list = |n: usize| vec!["1"; n].join(",");
        let packed = |n| {
            format!(
                "{{\"n\":1,\"sum\":1,\"min\":1,\"max\":1,\"b\":[{}]}}",
                list(n)
            )
        };
        let error = |n| serde_json::from_str::<Distribution>(&packed(n)).expect_err("wrong");
        assert!(
            error(2 * BUCKETS)
                .to_string()
                .contains("empty, out of order")
        );
        assert!(error(2 * BUCKETS + 1).to_string().contains("at most"));
        // As many as there are fit.
        let full = of([CEILING.0 / 1_000_000]);
        let text = serde_json::to_string(&full).expect("serialises");
        assert_eq!(
            serde_json::from_str::<Distribution>(&text).expect("valid"),
            full
        );
        assert!(bucket_low(CEILING.0) == CEILING.0 - CEILING.0 % bucket_width(CEILING.0));
    }

    #[test]
    fn stored_counts_that_do_not_add_up_are_refused() {
        let text = serde_json::to_string(&of([1, 2, 3])).expect("serialises");
        assert_eq!(
            serde_json::from_str::<Distribution>(&text).expect("valid"),
            of([1, 2, 3])
        );
        let wrong = text.replace("\"n\":3", "\"n\":4");
        assert!(serde_json::from_str::<Distribution>(&wrong).is_err());
    }
}
