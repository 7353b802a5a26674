//! What ranks say beside the t test: no assumption on how rounds scatter, and no part in a verdict.
//!
//! Rounds are taken as independent, those of pairs too, so on a machine that drifts ranks see less
//! than the paired test does.

use crate::stats::{common_language, hodges_lehmann, mann_whitney};

/// Rounds a side below which the exact test cannot reject at any usual level.
const LEAST: usize = 4;

/// Rounds a side above which the exact test costs more than it tells.
const MOST: usize = 50;

/// Ranks of oriented values: + is worse.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct RankEvidence {
    /// Exact, two-sided; None with too few rounds on a side, or very many.
    pub(super) p: Option<f64>,
    /// Hodges–Lehmann estimate on the scale of the contrast.
    pub(super) shift: f64,
    /// Chance that a round of now is worse than one of before.
    pub(super) worse: f64,
}

pub(super) fn ranks(before: &[f64], now: &[f64]) -> RankEvidence {
    let sizes = [before.len(), now.len()];
    let p = sizes
        .iter()
        .all(|n| (LEAST..=MOST).contains(n))
        .then(|| mann_whitney(before, now))
        .flatten()
        .map(|test| test.p);
    RankEvidence {
        p,
        shift: hodges_lehmann(before, now),
        worse: common_language(before, now),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_rounds_a_side_are_tested_and_three_are_described() {
        let (a, b) = ([1.0, 2.0, 3.0, 4.0], [3.5, 5.0, 6.0, 7.0]);
        let r = ranks(&a, &b);
        assert!(
            (r.p.expect("four a side") - 4.0 / 70.0).abs() < 1e-12,
            "{r:?}"
        );
        assert!((r.worse - 15.0 / 16.0).abs() < 1e-12);
        let few = ranks(&a[..3], &b);
        assert!(
            few.p.is_none() && few.worse > 0.99 && few.shift > 0.0,
            "{few:?}"
        );
    }

    #[test]
    fn many_rounds_go_without_the_exact_test() {
        let many: Vec<f64> = (0..51).map(f64::from).collect();
        assert_eq!(ranks(&many, &many).p, None);
    }
}
