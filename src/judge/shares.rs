//! Error rates: differences of shares, in percentage points.
//!
//! Counts within a round may hang together (one stall fails many requests), so the spread between
//! rounds is used wherever it exceeds what counting alone explains: a quasi-binomial model with
//! over-dispersion φ = max(1, X²/df) (`McCullagh` & Nelder 1989, section 4.5). Without such a spread
//! the pooled counts speak: Newcombe's interval, and Fisher's exact test below 20 errors.

use crate::stats::{Contrast, Counts, fisher_greater, newcombe, one_sample, pooled};

/// Below so many errors on both sides together the exact test is asked.
const FEW_ERRORS: u64 = 20;

/// A difference of shares.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct ShareContrast {
    pub(super) contrast: Contrast,
    pub(super) interval: (f64, f64),
    pub(super) p_greater: f64,
    pub(super) p_less: f64,
}

/// share(now) − share(before) with its interval at `level`, from the counts of each round.
///
/// `None` with fewer than two rounds on a side, or pairs that do not match.
pub(super) fn compare(
    before: &[Counts],
    now: &[Counts],
    paired: bool,
    level: f64,
) -> Option<ShareContrast> {
    let shares = |side: &[Counts]| -> Vec<f64> { side.iter().map(|c| c.share()).collect() };
    let (a, b) = (shares(before), shares(now));
    if a.len() < 2 || b.len() < 2 || (paired && a.len() != b.len()) {
        return None;
    }
    let by_rounds = if paired {
        let differences: Vec<f64> = b.iter().zip(&a).map(|(b, a)| b - a).collect();
        one_sample(&differences, 0.0)
    } else {
        pooled(&a, &b, 0.0)
    }?;
    let (total_a, total_b) = (sum(before), sum(now));
    let p = sum(&[total_a, total_b]).share();
    let inverse = 1.0 / total_a.trials as f64 + 1.0 / total_b.trials as f64;
    let by_counting = (p * (1.0 - p) * inverse).sqrt();
    let contrast = Contrast {
        se: by_rounds.se.max(by_counting),
        ..by_rounds
    };
    let (mut interval, mut p_greater, mut p_less) = (
        contrast.interval(level),
        contrast.p_greater(0.0),
        contrast.p_less(0.0),
    );
    if by_rounds.se <= by_counting {
        interval = newcombe(total_a, total_b, level);
        if total_a.hits + total_b.hits < FEW_ERRORS {
            p_greater = p_greater.max(fisher_greater(total_a, total_b));
            p_less = p_less.max(fisher_greater(total_b, total_a));
        }
    }
    Some(ShareContrast {
        contrast,
        interval,
        p_greater,
        p_less,
    })
}

/// Standard error of the mean share of a side, no less than counting alone gives.
pub(super) fn standard_error(side: &[Counts]) -> f64 {
    let shares: Vec<f64> = side.iter().map(|c| c.share()).collect();
    let total = sum(side);
    let p = total.share();
    let by_counting = (p * (1.0 - p) / total.trials as f64).sqrt();
    one_sample(&shares, 0.0).map_or(by_counting, |c| c.se.max(by_counting))
}

/// All rounds together.
pub(super) fn sum(side: &[Counts]) -> Counts {
    side.iter().fold(Counts::default(), |sum, c| Counts {
        hits: sum.hits + c.hits,
        trials: sum.trials + c.trials,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rounds(hits: &[u64]) -> Vec<Counts> {
        hits.iter()
            .map(|&hits| Counts { hits, trials: 2000 })
            .collect()
    }

    #[test]
    fn two_percent_of_errors_after_none_is_beyond_doubt() {
        for paired in [false, true] {
            let c =
                compare(&rounds(&[0; 3]), &rounds(&[38, 40, 43]), paired, 0.95).expect("rounds");
            assert!(c.interval.0 > 0.01 && c.p_greater < 0.01, "{c:?}");
        }
    }

    #[test]
    fn three_errors_after_none_are_chance_by_fisher() {
        let c = compare(&rounds(&[0; 3]), &rounds(&[1; 3]), false, 0.95).expect("rounds");
        assert!((c.p_greater - 0.125).abs() < 0.001, "{c:?}");
        assert!(c.interval.0 < 0.0);
    }

    #[test]
    fn errors_of_one_bad_round_are_one_observation() {
        let c =
            compare(&rounds(&[0; 5]), &rounds(&[0, 0, 0, 0, 200]), false, 0.95).expect("rounds");
        assert!(c.interval.0 < 0.0 && c.p_greater > 0.05, "{c:?}");
    }
}
