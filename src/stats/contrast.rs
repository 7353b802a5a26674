//! Differences of means with their uncertainty: pooled t, Welch, paired t, two one-sided tests.
//!
//! Student (1908); Welch (1947), degrees of freedom by Satterthwaite (1946); Schuirmann (1987) for
//! equivalence by two one-sided tests. Under the reference prior (Jeffreys) the posterior of the
//! difference is the same t distribution, so a p-value read from the other side is a probability.
//!
//! `resolution` is the step of the instrument in the unit of the values. A value read to a step r
//! has a rounding variance of r²/12, which keeps equal readings from looking infinitely certain.

use super::distributions::{f_quantile, t_cdf, t_quantile};

/// The ratio of variances is called a changed spread outside this two-sided probability.
const SPREAD_TAIL: f64 = 0.005;

/// An estimated difference, its standard error and its degrees of freedom.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Contrast {
    pub estimate: f64,
    pub se: f64,
    pub df: f64,
}

impl Contrast {
    /// Two-sided interval at `level`, such as 0.95.
    pub fn interval(&self, level: f64) -> (f64, f64) {
        let half = t_quantile(0.5 + level / 2.0, self.df) * self.se;
        (self.estimate - half, self.estimate + half)
    }

    /// One-sided p of the hypothesis that the truth is at most `bound`.
    pub fn p_greater(&self, bound: f64) -> f64 {
        t_cdf(-self.t(bound), self.df)
    }

    /// One-sided p of the hypothesis that the truth is at least `bound`.
    pub fn p_less(&self, bound: f64) -> f64 {
        t_cdf(self.t(bound), self.df)
    }

    /// Posterior probability, under the reference prior, that the truth lies between the bounds.
    pub fn probability_between(&self, low: f64, high: f64) -> f64 {
        (1.0 - self.p_less(high) - self.p_greater(low)).max(0.0)
    }

    /// True when both one-sided tests against ±`margin` reject at `alpha`.
    pub fn is_equivalent(&self, margin: f64, alpha: f64) -> bool {
        self.p_greater(-margin) <= alpha && self.p_less(margin) <= alpha
    }

    /// The same difference with the sides exchanged.
    pub fn reversed(self) -> Self {
        Self {
            estimate: -self.estimate,
            ..self
        }
    }

    fn t(&self, bound: f64) -> f64 {
        let distance = self.estimate - bound;
        if distance == 0.0 {
            0.0
        } else {
            distance / self.se
        }
    }
}

/// A difference of two means, and whether the two spreads differ.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TwoSample {
    pub contrast: Contrast,
    /// Pooled standard deviation of one value.
    pub sd: f64,
    /// The variances differ beyond F(.005, .995), so that `contrast` is Welch's.
    pub spread_changed: bool,
}

/// Arithmetic mean; NaN of nothing.
pub fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

pub(super) fn sum_of_squares(values: &[f64]) -> f64 {
    let m = mean(values);
    values.iter().map(|v| (v - m).powi(2)).sum()
}

pub(super) fn finite(values: &[f64]) -> bool {
    values.iter().all(|v| v.is_finite())
}

/// mean(now) − mean(before) with the pooled variance (Student 1908).
///
/// One value on one side is allowed: then the interval is a prediction interval. `None` with fewer
/// than three values in all, an empty side, or a value that is not finite.
pub fn pooled(before: &[f64], now: &[f64], resolution: f64) -> Option<Contrast> {
    let (a, b) = (before.len() as f64, now.len() as f64);
    let df = a + b - 2.0;
    if before.is_empty() || now.is_empty() || df < 1.0 || !finite(before) || !finite(now) {
        return None;
    }
    let variance =
        (sum_of_squares(before) + sum_of_squares(now)) / df + resolution * resolution / 12.0;
    Some(Contrast {
        estimate: mean(now) - mean(before),
        se: (variance * (1.0 / a + 1.0 / b)).sqrt(),
        df,
    })
}

/// mean(now) − mean(before) without assuming equal variances (Welch 1947).
///
/// `None` with fewer than two values on a side or a value that is not finite.
pub fn welch(before: &[f64], now: &[f64], resolution: f64) -> Option<Contrast> {
    if before.len() < 2 || now.len() < 2 || !finite(before) || !finite(now) {
        return None;
    }
    let part = |values: &[f64]| {
        let n = values.len() as f64;
        (sum_of_squares(values) / (n - 1.0) + resolution * resolution / 12.0) / n
    };
    let (va, vb) = (part(before), part(now));
    let (da, db) = (before.len() as f64 - 1.0, now.len() as f64 - 1.0);
    let df = if va + vb > 0.0 {
        (va + vb).powi(2) / (va * va / da + vb * vb / db)
    } else {
        da + db
    };
    Some(Contrast {
        estimate: mean(now) - mean(before),
        se: (va + vb).sqrt(),
        df,
    })
}

/// The pooled t, or Welch's where an F test at .005 on either side says the spreads differ.
pub fn two_sample(before: &[f64], now: &[f64], resolution: f64) -> Option<TwoSample> {
    let contrast = pooled(before, now, resolution)?;
    let (a, b) = (before.len() as f64, now.len() as f64);
    let sd = contrast.se / (1.0 / a + 1.0 / b).sqrt();
    let same = TwoSample {
        contrast,
        sd,
        spread_changed: false,
    };
    if before.len() < 2 || now.len() < 2 {
        return Some(same);
    }
    let floor = resolution * resolution / 12.0;
    let ratio =
        (sum_of_squares(now) / (b - 1.0) + floor) / (sum_of_squares(before) / (a - 1.0) + floor);
    let low = f_quantile(SPREAD_TAIL, b - 1.0, a - 1.0);
    let high = f_quantile(1.0 - SPREAD_TAIL, b - 1.0, a - 1.0);
    if ratio < low || ratio > high {
        return Some(TwoSample {
            contrast: welch(before, now, resolution)?,
            sd,
            spread_changed: true,
        });
    }
    Some(same)
}

/// The mean of a sample against zero. `None` with fewer than two values or one not finite.
pub fn one_sample(values: &[f64], resolution: f64) -> Option<Contrast> {
    if values.len() < 2 || !finite(values) {
        return None;
    }
    let n = values.len() as f64;
    let variance = sum_of_squares(values) / (n - 1.0) + resolution * resolution / 12.0;
    Some(Contrast {
        estimate: mean(values),
        se: (variance / n).sqrt(),
        df: n - 1.0,
    })
}

/// mean(now − before) over pairs; each difference carries the resolution of both readings.
///
/// `None` when the sides differ in length, with fewer than two pairs, or a value not finite.
pub fn paired(before: &[f64], now: &[f64], resolution: f64) -> Option<Contrast> {
    if before.len() != now.len() {
        return None;
    }
    let differences: Vec<f64> = now.iter().zip(before).map(|(b, a)| b - a).collect();
    one_sample(&differences, resolution * std::f64::consts::SQRT_2)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Student (1908), additional hours of sleep under two drugs; results as R prints them.
    const FIRST: [f64; 10] = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0];
    const SECOND: [f64; 10] = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4];

    #[test]
    fn students_sleep_data_give_the_published_results() {
        let p2 = |c: Contrast| 2.0 * c.p_greater(0.0);
        let t = pooled(&FIRST, &SECOND, 0.0).expect("pooled");
        assert!((t.estimate / t.se - 1.8608).abs() < 1e-4);
        assert!((p2(t) - 0.07919).abs() < 1e-5);
        let w = welch(&FIRST, &SECOND, 0.0).expect("welch");
        assert!((w.df - 17.776).abs() < 1e-3);
        assert!((p2(w) - 0.07939).abs() < 1e-5);
        let (low, high) = w.interval(0.95);
        assert!((low + 0.205_483).abs() < 1e-5 && (high - 3.365_483).abs() < 1e-5);
        let d = paired(&FIRST, &SECOND, 0.0).expect("paired");
        assert!((d.estimate / d.se - 4.0621).abs() < 1e-4);
        assert!((p2(d) - 0.002_833).abs() < 1e-6);
    }

    #[test]
    fn one_value_gives_a_prediction_interval_and_two_values_nothing() {
        let c = pooled(&[1.0, 2.0, 3.0], &[2.5], 0.0).expect("df 2");
        assert!((c.df - 2.0).abs() < 1e-12);
        assert!((c.se - (4.0_f64 / 3.0).sqrt()).abs() < 1e-12);
        assert_eq!(pooled(&[1.0], &[2.0], 0.0), None);
        assert_eq!(pooled(&[1.0, f64::NAN], &[2.0, 3.0], 0.0), None);
    }

    #[test]
    fn equal_readings_are_only_as_certain_as_the_instrument() {
        let c = pooled(&[1.0; 5], &[1.0; 5], 0.001).expect("pooled");
        assert!((c.se - 0.001 / 12_f64.sqrt() * 0.4_f64.sqrt()).abs() < 1e-12);
        let sharp = pooled(&[1.0; 5], &[2.0; 5], 0.0).expect("pooled");
        assert!(sharp.p_greater(0.0) < 1e-300 && sharp.p_less(0.0) > 0.999);
    }

    #[test]
    fn a_changed_spread_switches_to_welch() {
        let narrow = [1.0, 1.001, 0.999, 1.0, 1.002];
        let wide = [1.0, 1.2, 0.8, 1.1, 0.9];
        assert!(two_sample(&narrow, &wide, 0.0).expect("t").spread_changed);
        assert!(!two_sample(&wide, &wide, 0.0).expect("t").spread_changed);
    }

    #[test]
    fn equivalence_is_the_ninety_percent_interval_within_the_margin() {
        let c = Contrast {
            estimate: 0.01,
            se: 0.01,
            df: 8.0,
        };
        let (_, high) = c.interval(0.90);
        assert!(c.is_equivalent(high + 1e-6, 0.05));
        assert!(!c.is_equivalent(high - 1e-6, 0.05));
        let all = c.probability_between(f64::NEG_INFINITY, f64::INFINITY);
        assert!((all - 1.0).abs() < 1e-12);
        let inside = c.probability_between(-high, high);
        assert!(inside > 0.90 && inside < 0.95, "{inside}");
    }
}
