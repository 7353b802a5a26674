//! Evidence that may be looked at after every round: an e-process for t statistics.
//!
//! The ratio of two densities of t: with a normal prior of variance 1/φ on the standardised effect
//! over none at all (Robbins 1970; with unknown variance Lai 1976, Wang & Ramdas 2024). Under no
//! difference its expectation is one at every number of rounds, so by Ville's inequality the chance
//! that it ever reaches 1/α is at most α, however often one looks.

/// Precision of the prior: effects of twice the spread of a round are typical.
pub const PRIOR_PRECISION: f64 = 0.25;

/// The e-value of a t statistic; reject when it ever reaches 1/α.
///
/// `size` is that of the contrast: n for n pairs, n/2 for n rounds on each of two sides, in general
/// 1/(1/`n_a` + 1/`n_b`). NaN for NaN, or without degrees of freedom or size.
pub fn e_value(t: f64, df: f64, size: f64) -> f64 {
    if t.is_nan() || df.is_nan() || size.is_nan() || df <= 0.0 || size <= 0.0 {
        return f64::NAN;
    }
    let r = PRIOR_PRECISION / (PRIOR_PRECISION + size);
    // The limit for an infinite t; in logarithms, because both densities may vanish.
    let ratio = if t.is_infinite() {
        r.ln()
    } else {
        (r * t * t / df).ln_1p() - (t * t / df).ln_1p()
    };
    (0.5 * r.ln() - f64::midpoint(df, 1.0) * ratio).exp()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Uniform;
    use crate::stats::{normal_quantile, one_sample, t_cdf, t_quantile};

    #[test]
    fn the_expectation_under_no_difference_is_that_of_a_density() {
        // Over |t| ≤ c it is the chance of the prior's own t, which is wider by 1/√r, to stay there.
        for (df, size) in [(4.0, 2.5), (9.0, 10.0), (38.0, 10.0)] {
            let n = 20_000;
            let c = t_quantile(0.99, df);
            let within: f64 = (0..n)
                .map(|i| t_quantile((f64::from(i) + 0.5) / f64::from(n), df))
                .filter(|t| t.abs() <= c)
                .map(|t| e_value(t, df, size))
                .sum();
            let r = PRIOR_PRECISION / (PRIOR_PRECISION + size);
            let wanted = 2.0 * t_cdf(c * r.sqrt(), df) - 1.0;
            let found = within / f64::from(n);
            assert!((found - wanted).abs() < 0.005, "{df} {size}: {found}");
        }
    }

    #[test]
    fn looking_after_every_pair_keeps_the_level_and_finds_what_is_there() {
        let mut random = Uniform::new(9, 0);
        let mut crossed = |shift: f64, trials: usize| {
            (0..trials)
                .filter(|_| {
                    let mut differences = Vec::new();
                    (0..40).any(|_| {
                        differences.push(shift + normal_quantile(random.draw()));
                        one_sample(&differences, 0.0).is_some_and(|c| {
                            e_value(c.estimate / c.se, c.df, differences.len() as f64) >= 20.0
                        })
                    })
                })
                .count()
        };
        assert!(crossed(0.0, 1000) <= 50);
        assert!(crossed(1.5, 100) >= 95);
    }

    #[test]
    fn no_statistic_has_no_evidence() {
        assert!(e_value(f64::NAN, 3.0, 2.0).is_nan());
        assert!(e_value(1.0, 0.0, 2.0).is_nan());
        assert!(e_value(f64::INFINITY, 8.0, 2.5).is_finite());
    }
}
