//! The rules that are in use elsewhere, in their simplest form, for comparison.
//!
//! Two of them test the samples within rounds, which is what a benchmark harness has at hand. The
//! data hold quantiles and no samples, so a sample is drawn up from them: 500 values a fork, evenly
//! spaced in rank, linear between the median, p90, p95, p99 and the maximum, and mirrored below the
//! median.

use plimsoll::stats::{normal_cdf, t_quantile, welch};

use crate::data::Fork;

/// Values in the sample of one fork, as many as its iterations.
const SAMPLE: usize = 500;

/// Worse by more than 10 %, by the geometric means over all rounds.
pub(crate) fn fixed(before: &[f64], now: &[f64]) -> bool {
    mean_log(now) - mean_log(before) > 0.10_f64.ln_1p()
}

/// The newest value lies above the mean of the baseline by more than t(.99) standard deviations.
pub(crate) fn bencher(before: &[f64], now: f64) -> bool {
    let n = before.len() as f64;
    let mean = before.iter().sum::<f64>() / n;
    let variance = before.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0);
    now > mean + t_quantile(0.99, n - 1.0) * variance.sqrt()
}

/// Mann–Whitney on all values within the rounds at .05, by the normal approximation, worse only.
pub(crate) fn mann_whitney(before: &[&[f64]], now: &[&[f64]]) -> bool {
    let mut all: Vec<(f64, bool)> = before
        .iter()
        .flat_map(|s| s.iter().map(|v| (*v, false)))
        .chain(now.iter().flat_map(|s| s.iter().map(|v| (*v, true))))
        .collect();
    all.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let mut ranks = 0.0;
    let mut from = 0;
    while from < all.len() {
        let mut to = from + 1;
        while to < all.len() && all[to].0.total_cmp(&all[from].0).is_eq() {
            to += 1;
        }
        // Ranks from + 1 to `to`, shared among equal values.
        let middle = (from + 1 + to) as f64 / 2.0;
        ranks += middle * all[from..to].iter().filter(|v| v.1).count() as f64;
        from = to;
    }
    let n = now.iter().map(|s| s.len()).sum::<usize>() as f64;
    let m = all.len() as f64 - n;
    let u = ranks - n * (n + 1.0) / 2.0;
    let z = (u - m * n / 2.0) / (m * n * (m + n + 1.0) / 12.0).sqrt();
    normal_cdf(z) > 0.975
}

/// Welch's t on all values within the rounds at .05, worse only.
pub(crate) fn welch_within(before: &[&[f64]], now: &[&[f64]]) -> bool {
    welch(&before.concat(), &now.concat(), 0.0).is_some_and(|c| c.p_greater(0.0) <= 0.025)
}

/// A sample with the quantiles of the fork.
pub(crate) fn sample(fork: &Fork) -> Vec<f64> {
    let knots = [
        (0.5, fork.p50),
        (0.9, fork.p90),
        (0.95, fork.p95),
        (0.99, fork.p99),
        (1.0, fork.max),
    ];
    let upper = |u: f64| {
        let to = knots.iter().position(|k| u <= k.0).unwrap_or(4).max(1);
        let ((a, low), (b, high)) = (knots[to - 1], knots[to]);
        low + (high - low) * (u - a) / (b - a)
    };
    (0..SAMPLE)
        .map(|i| {
            let u = (i as f64 + 0.5) / SAMPLE as f64;
            if u >= 0.5 {
                upper(u)
            } else {
                (2.0 * fork.p50 - upper(1.0 - u)).max(0.0)
            }
        })
        .collect()
}

fn mean_log(values: &[f64]) -> f64 {
    values.iter().map(|v| v.ln()).sum::<f64>() / values.len() as f64
}
