//! How much could be seen, how much is still needed, and what looking early costs.
//!
//! Power of the t test after Cohen (1988), with t in place of the normal quantile; repeated looks
//! after Pocock (1977), Biometrika 64, 191.

use super::distributions::t_quantile;

/// Power that planning aims at.
const POWER: f64 = 0.80;

/// More rounds than this are not worth planning.
const MOST: usize = 1_000_000_000;

/// Nominal two-sided level of each of four looks at 30, 50, 70 and 100 % of the information, so
/// that all together have level .05.
///
/// [`super::Boundary::pocock`] of these looks; Pocock's own .0182 is for equal steps; these steps overlap more, so each may be a little wider.
pub const POCOCK_FOUR_LOOKS: f64 = 0.0187;

/// The smallest difference that a contrast with this standard error shows with 80 % power.
pub fn minimal_detectable(se: f64, df: f64, alpha: f64) -> f64 {
    (t_quantile(1.0 - alpha / 2.0, df) + t_quantile(POWER, df)) * se
}

/// Rounds per arm, in all, until a difference of `margin` shows with 80 % power; at least two.
///
/// `variance` is 2 s² for two `arms`, the variance of the differences for pairs (`arms` = 1). The
/// degrees of freedom are those of the answer. `None` when no number of rounds up to `MOST` would
/// do.
pub fn rounds_needed(variance: f64, arms: usize, alpha: f64, margin: f64) -> Option<usize> {
    let is_enough = |n: usize| {
        let df = (arms * (n - 1)) as f64;
        let t = t_quantile(1.0 - alpha / 2.0, df) + t_quantile(POWER, df);
        variance * t * t <= n as f64 * margin * margin
    };
    if !is_enough(MOST) {
        return None;
    }
    // The need falls with every round, so it can be halved in on.
    let (mut few, mut enough) = (1, MOST);
    while enough - few > 1 {
        let n = usize::midpoint(few, enough);
        if is_enough(n) {
            enough = n;
        } else {
            few = n;
        }
    }
    Some(enough)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn planning_agrees_with_its_formula_by_hand() {
        // t(.975, 8) + t(.8, 8) = 2.306 + 0.889, five against five with s = 2 %.
        let se = 0.02 * (0.4_f64).sqrt();
        assert!((minimal_detectable(se, 8.0, 0.05) - 3.195 * se).abs() < 1e-5);
        // At four rounds an arm: 2 · 0.02² · (2.447 + 0.906)² / 0.05² = 3.60.
        assert_eq!(rounds_needed(2.0 * 0.0004, 2, 0.05, 0.05), Some(4));
        // Between the two that a repetition of the formula swings between: 1.76 of 3 will do.
        assert_eq!(rounds_needed(1.0, 2, 0.05, 2.8), Some(3));
        assert_eq!(rounds_needed(0.0, 1, 0.05, 0.05), Some(2));
        assert_eq!(rounds_needed(0.1, 2, 0.05, 0.0), None);
        assert_eq!(rounds_needed(f64::NAN, 1, 0.05, 0.1), None);
    }
}
