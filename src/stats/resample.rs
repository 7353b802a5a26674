//! Uncertainty of a statistic of a series whose neighbours hang together: moving-block bootstrap.
//!
//! Künsch (1989), Annals of Statistics 17, 1217: blocks of neighbours are drawn with replacement,
//! so what lasts shorter than a block stays in the resample. The block is ⌈n^⅓⌉ long (Hall, Horowitz
//! & Jing 1995), the interval is that of the percentiles (Efron 1979). It describes one series, such
//! as the intervals of one round, and is no comparison: rounds differ by more than it can see.

use crate::random::Uniform;

/// Resamples drawn.
pub const RESAMPLES: usize = 1000;

/// Interval at `level` of a statistic of `n` items in order, from [`RESAMPLES`] resamples.
///
/// `statistic` is given the indices of a resample, `n` of them. The same seed gives the same
/// interval. `None` with fewer than two items, or when a resample has no finite statistic.
pub fn block_bootstrap(
    n: usize,
    level: f64,
    seed: u64,
    mut statistic: impl FnMut(&[usize]) -> f64,
) -> Option<(f64, f64)> {
    if n < 2 || !(level > 0.0 && level < 1.0) {
        return None;
    }
    let block = block_length(n);
    let starts = n - block + 1;
    let mut random = Uniform::new(seed, 0);
    let mut resample = Vec::with_capacity(n + block);
    let mut values = Vec::with_capacity(RESAMPLES);
    for _ in 0..RESAMPLES {
        resample.clear();
        while resample.len() < n {
            let start = below(starts, random.draw());
            resample.extend(start..start + block);
        }
        resample.truncate(n);
        values.push(statistic(&resample));
    }
    if values.iter().any(|v| !v.is_finite()) {
        return None;
    }
    values.sort_by(f64::total_cmp);
    let tail = (1.0 - level) / 2.0;
    Some((percentile(&values, tail), percentile(&values, 1.0 - tail)))
}

/// ⌈n^⅓⌉, in whole numbers so that 27 items have blocks of 3.
fn block_length(n: usize) -> usize {
    (1..n).find(|b| b * b * b >= n).unwrap_or(n)
}

/// One of the first `n` numbers, from a number in (0, 1].
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a share of a count"
)]
fn below(n: usize, uniform: f64) -> usize {
    ((uniform * n as f64) as usize).min(n - 1)
}

/// Percentile of sorted values, linear between neighbours (type 7 of Hyndman & Fan 1996).
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a position within the slice"
)]
fn percentile(sorted: &[f64], p: f64) -> f64 {
    let position = p * (sorted.len() - 1) as f64;
    let below = position.floor();
    let low = sorted[below as usize];
    let high = sorted[(below as usize + 1).min(sorted.len() - 1)];
    (position - below).mul_add(high - low, low)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::mean;

    fn interval_of_mean(values: &[f64], seed: u64) -> (f64, f64) {
        block_bootstrap(values.len(), 0.95, seed, |picked| {
            mean(&picked.iter().map(|&i| values[i]).collect::<Vec<_>>())
        })
        .expect("a series")
    }

    #[test]
    fn blocks_are_the_cube_root_rounded_up() {
        let lengths = [2, 8, 9, 27, 28, 60, 1000].map(block_length);
        assert_eq!(lengths, [2, 2, 3, 3, 4, 4, 10]);
    }

    #[test]
    fn what_lasts_widens_the_interval_of_a_mean() {
        // The same 64 values, alternating and in runs of eight.
        let quick: Vec<f64> = (0..64).map(|i| f64::from(i % 2)).collect();
        let slow: Vec<f64> = (0..64).map(|i| f64::from(i / 8 % 2)).collect();
        let width = |(low, high): (f64, f64)| high - low;
        let (quick, slow) = (interval_of_mean(&quick, 1), interval_of_mean(&slow, 1));
        // Blocks of four: half a block of ones or none at all, 16 times: 2 · 1.96 · 0.5 / √16 at most.
        assert!(width(quick) < 0.1, "{quick:?}");
        assert!(width(slow) > 0.3 && width(slow) < 0.5, "{slow:?}");
    }

    #[test]
    fn a_seed_means_one_interval_and_nonsense_none() {
        let values: Vec<f64> = (0..30).map(f64::from).collect();
        assert_eq!(interval_of_mean(&values, 7), interval_of_mean(&values, 7));
        assert_ne!(interval_of_mean(&values, 7), interval_of_mean(&values, 8));
        assert_eq!(block_bootstrap(1, 0.95, 1, |_| 1.0), None);
        assert_eq!(block_bootstrap(9, 0.95, 1, |_| f64::NAN), None);
        assert_eq!(block_bootstrap(9, 1.0, 1, |_| 1.0), None);
    }
}
