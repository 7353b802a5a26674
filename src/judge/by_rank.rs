//! Ranks in the place of the t test: the judge `mann-whitney`.
//!
//! The exact test decides whether rounds of now lie above or below those of the reference, the
//! Hodges–Lehmann estimate how far. Sameness is two one-sided tests of the sides moved by the margin.
//! Pairs are not used as such: what drifts over the rounds widens both sides alike.

use crate::stats::{hodges_lehmann, mann_whitney};

/// Rounds a side below which no ranks are extreme enough for any verdict.
pub(super) const LEAST_ROUNDS: usize = 4;

/// What the ranks say; + is worse.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct ByRank {
    pub(super) estimate: f64,
    pub(super) p_worse: f64,
    pub(super) p_better: f64,
    /// Of "now is worse by no more than the margin".
    pub(super) p_over_margin: f64,
    /// The greater p of the two tests for a difference beyond the margin.
    pub(super) p_differs: f64,
}

impl ByRank {
    /// None with too few rounds on a side, or a value that is not finite.
    pub(super) fn of(before: &[f64], now: &[f64], margin: f64) -> Option<Self> {
        if before.len().min(now.len()) < LEAST_ROUNDS || !margin.is_finite() {
            return None;
        }
        let moved = |by: f64| -> Vec<f64> { now.iter().map(|v| v + by).collect() };
        let above = |now: &[f64]| one_sided(before, now);
        let p_worse = above(now)?;
        let reversed = |side: &[f64]| -> Vec<f64> { side.iter().map(|v| -v).collect() };
        let p_better = one_sided(&reversed(before), &reversed(now))?;
        let over_lower = above(&moved(margin))?;
        let under_upper = one_sided(&reversed(before), &reversed(&moved(-margin)))?;
        Some(Self {
            estimate: hodges_lehmann(before, now),
            p_worse,
            p_better,
            p_over_margin: above(&moved(-margin))?,
            p_differs: over_lower.max(under_upper),
        })
    }
}

/// p of "now is not above before". Of the exact test's two tails, each is half of its p at most.
fn one_sided(before: &[f64], now: &[f64]) -> Option<f64> {
    let test = mann_whitney(before, now)?;
    let middle = before.len() as f64 * now.len() as f64 / 2.0;
    Some(if test.u > middle {
        test.p / 2.0
    } else {
        1.0 - test.p / 2.0
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn separated_sides_are_worse_and_one_of_them_twice_is_the_same() {
        let a = [1.0, 1.01, 1.02, 1.03, 1.04];
        let b = a.map(|v| v + 0.5);
        let r = ByRank::of(&a, &b, 0.05).expect("five a side");
        assert!((r.p_worse - 1.0 / 252.0).abs() < 1e-12 && r.p_better > 0.99);
        assert!((r.estimate - 0.5).abs() < 1e-12 && r.p_differs > 0.99);
        let same = ByRank::of(&a, &a, 0.05).expect("five a side");
        assert!((same.p_differs - 1.0 / 252.0).abs() < 1e-12, "{same:?}");
        assert!(same.p_worse > 0.4);
        assert_eq!(ByRank::of(&a[..3], &b, 0.05), None);
    }
}
