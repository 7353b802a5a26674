//! What looking early costs: critical values of group sequential tests.
//!
//! Pocock (1977), Biometrika 64, 191, has one critical value for all looks; O'Brien & Fleming (1979),
//! Biometrics 35, 549, start strict and end close to the test of a single look. Both are found by a
//! seeded simulation of the statistic under no difference, at any number of looks and any spacing.
//!
//! The statistics are asymptotically normal: a Brownian motion seen at the information fractions.
//! With t statistics of a few rounds, compare the p-value of the t test with `2 (1 − Φ(z))`, as
//! [`super::POCOCK_FOUR_LOOKS`] does; a test of the judge holds that to its level.

use super::distributions::normal_quantile;
use crate::random::Uniform;

/// A simulation of looks at a two-sided test.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Boundary<'a> {
    /// Information at each look, ascending, in any unit: rounds, or shares of the last.
    pub information: &'a [f64],
    /// Level of all looks together, two-sided.
    pub alpha: f64,
    /// Simulated tests; 200,000 of them tell a critical value to about ±0.01.
    pub trials: usize,
    pub seed: u64,
}

impl Boundary<'_> {
    /// The critical |z| of every look (Pocock). `None` unless the information ascends from above
    /// zero, 0 < alpha < 1, and there are trials enough to see a share of alpha.
    pub fn pocock(&self) -> Option<f64> {
        self.exceeded(|_| 1.0)
    }

    /// The critical |z| of the last look; at a look with the fraction t of the information it is
    /// this over √t (O'Brien & Fleming). `None` as for [`Self::pocock`].
    pub fn obrien_fleming(&self) -> Option<f64> {
        self.exceeded(f64::sqrt)
    }

    /// The value that the greatest weighted |z| over the looks exceeds in a share alpha of trials.
    fn exceeded(&self, weight: impl Fn(f64) -> f64) -> Option<f64> {
        let last = *self.information.last()?;
        let ascending = self.information.windows(2).all(|w| w[0] < w[1]);
        let usable = ascending && self.information[0] > 0.0 && last.is_finite();
        if !(usable && self.alpha > 0.0 && self.alpha < 1.0) {
            return None;
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a share of a count"
        )]
        let over = (self.alpha * self.trials as f64) as usize;
        if over == 0 {
            return None;
        }
        // Step of the motion up to each look, and what its value there is multiplied with.
        let mut before = 0.0;
        let looks: Vec<(f64, f64)> = self
            .information
            .iter()
            .map(|information| {
                let fraction = information / last;
                let step = (fraction - before).sqrt();
                before = fraction;
                (step, weight(fraction) / fraction.sqrt())
            })
            .collect();
        let mut random = Uniform::new(self.seed, 0);
        let mut greatest: Vec<f64> = (0..self.trials)
            .map(|_| {
                let mut at = 0.0;
                looks.iter().fold(0.0_f64, |most, (step, scale)| {
                    at += step * normal_quantile(random.draw());
                    most.max((at * scale).abs())
                })
            })
            .collect();
        greatest.sort_by(|a, b| b.total_cmp(a));
        Some(greatest[over])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::{POCOCK_FOUR_LOOKS, normal_cdf};

    fn at(information: &[f64]) -> Boundary<'_> {
        Boundary {
            information,
            alpha: 0.05,
            trials: 200_000,
            seed: 1,
        }
    }

    /// Jennison & Turnbull (2000), tables 2.1 and 2.3: two-sided .05, equal steps.
    #[test]
    fn equal_steps_give_the_published_constants() {
        for (looks, pocock, obrien_fleming) in
            [(1, 1.960, 1.960), (2, 2.178, 1.977), (5, 2.413, 2.040)]
        {
            let steps: Vec<f64> = (1..=looks).map(f64::from).collect();
            let p = at(&steps).pocock().expect("looks");
            let o = at(&steps).obrien_fleming().expect("looks");
            assert!((p - pocock).abs() < 0.012, "{looks}: {p} for {pocock}");
            assert!(
                (o - obrien_fleming).abs() < 0.012,
                "{looks}: {o} for {obrien_fleming}"
            );
        }
    }

    #[test]
    fn the_looks_of_a_check_have_the_level_that_is_used() {
        let z = at(&[3.0, 5.0, 7.0, 10.0]).pocock().expect("looks");
        let level = 2.0 * normal_cdf(-z);
        assert!((level - POCOCK_FOUR_LOOKS).abs() < 0.0006, "{level}");
    }

    #[test]
    fn looks_that_are_none_have_no_constant() {
        assert_eq!(at(&[]).pocock(), None);
        assert_eq!(at(&[0.0, 1.0]).pocock(), None);
        assert_eq!(at(&[0.5, 0.5, 1.0]).obrien_fleming(), None);
        let blind = Boundary {
            trials: 10,
            ..at(&[1.0])
        };
        assert_eq!(blind.pocock(), None);
    }
}
