//! Error rates: differences of shares, in percentage points.
//!
//! Counts within a round may hang together (one stall fails many requests), so variances grow by the
//! over-dispersion φ = max(1, X²/df) of the rounds, and of pairs by that of their differences. The
//! pooled counts speak by Miettinen and Nurminen's interval and its score test, with the quantile
//! of t while φ is estimated, and by Fisher's exact test below 20 errors.

use crate::stats::{
    Contrast, Counts, Dispersion, fisher_greater, miettinen_nurminen, one_sample, score,
    standard_error as score_error,
};

/// Below so many errors on both sides together the exact test is asked.
const FEW_ERRORS: u64 = 20;

/// A difference of shares.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct ShareContrast {
    pub(super) contrast: Contrast,
    pub(super) interval: (f64, f64),
    pub(super) p_greater: f64,
    pub(super) p_less: f64,
    before: Counts,
    now: Counts,
    dispersion: Dispersion,
}

impl ShareContrast {
    /// p of two one-sided score tests: small when the difference lies within ±`margin`.
    pub(super) fn p_equivalent(&self, margin: f64) -> f64 {
        let at = |delta: f64| score(self.before, self.now, delta);
        let below = self.dispersion.p_above(at(-margin));
        let above = self.dispersion.p_above(-at(margin));
        below.max(above)
    }
}

/// share(now) − share(before) with its interval at `level`, from the counts of each round.
///
/// `None` with fewer than two rounds on a side, a round without requests, or pairs that do not
/// match.
pub(super) fn compare(
    before: &[Counts],
    now: &[Counts],
    paired: bool,
    level: f64,
) -> Option<ShareContrast> {
    if before.len() < 2 || now.len() < 2 {
        return None;
    }
    let dispersion = if paired {
        between_pairs(before, now)
    } else {
        Dispersion::between_rounds(before, now)
    }?;
    let (a, b) = (Counts::sum(before), Counts::sum(now));
    let p_above = |score: f64| dispersion.p_above(score);
    let (mut p_greater, mut p_less) = (p_above(score(a, b, 0.0)), p_above(-score(a, b, 0.0)));
    if a.hits + b.hits < FEW_ERRORS {
        p_greater = p_greater.max(fisher_greater(a, b));
        p_less = p_less.max(fisher_greater(b, a));
    }
    Some(ShareContrast {
        contrast: Contrast {
            estimate: b.share() - a.share(),
            se: score_error(a, b, 0.0) * dispersion.phi.sqrt(),
            df: dispersion.df,
        },
        interval: miettinen_nurminen(a, b, dispersion.critical(level)),
        p_greater,
        p_less,
        before: a,
        now: b,
        dispersion,
    })
}

/// Over-dispersion of the differences of pairs: what hits both sides of a pair cancels.
fn between_pairs(before: &[Counts], now: &[Counts]) -> Option<Dispersion> {
    if before.len() != now.len() || before.iter().chain(now).any(|c| c.trials == 0) {
        return None;
    }
    let differences: Vec<f64> = now
        .iter()
        .zip(before)
        .map(|(b, a)| b.share() - a.share())
        .collect();
    let seen = one_sample(&differences, 0.0)?;
    let by_chance = score_error(Counts::sum(before), Counts::sum(now), 0.0);
    Some(if by_chance > 0.0 {
        Dispersion::new((seen.se / by_chance).powi(2) * seen.df, seen.df)
    } else {
        Dispersion::new(0.0, seen.df)
    })
}

/// Standard error of the mean share of a side, no less than counting alone gives.
pub(super) fn standard_error(side: &[Counts]) -> f64 {
    let shares: Vec<f64> = side.iter().map(|c| c.share()).collect();
    let total = Counts::sum(side);
    let p = total.share();
    let by_counting = (p * (1.0 - p) / total.trials as f64).sqrt();
    one_sample(&shares, 0.0).map_or(by_counting, |c| c.se.max(by_counting))
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
    fn even_counts_speak_together_and_bound_the_change() {
        let even = rounds(&[20; 4]);
        let c = compare(&even, &even, false, 0.95).expect("rounds");
        // Score tests against a tenth and a whole percentage point of 8,000 requests a side.
        assert!(
            c.p_equivalent(0.001) > 0.05 && c.p_equivalent(0.01) < 0.001,
            "{c:?}"
        );
        assert!((c.interval.0 + c.interval.1).abs() < 1e-9, "{c:?}");
    }

    #[test]
    fn a_stall_of_the_machine_in_both_rounds_of_a_pair_cancels() {
        let (before, now) = (rounds(&[20, 200, 22, 60]), rounds(&[61, 239, 62, 99]));
        let apart = compare(&before, &now, false, 0.95).expect("rounds");
        let paired = compare(&before, &now, true, 0.95).expect("pairs");
        assert!(apart.interval.0 < 0.0, "{apart:?}");
        assert!(
            paired.interval.0 > 0.0 && paired.p_greater < 0.001,
            "{paired:?}"
        );
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
