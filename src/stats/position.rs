//! Pairs whose two members have places, with the effect of the place taken out.
//!
//! A difference is the effect of interest, plus or minus that of the place, plus chance: least squares
//! with an intercept and a term of ±1 (a two-period cross-over design; Grizzle 1965, Biometrics 21,
//! 467). With as many pairs of either order the estimate is the mean of all differences.

use super::contrast::{Contrast, mean};

/// The difference, and what the second place costs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Positioned {
    pub contrast: Contrast,
    pub place: Contrast,
}

/// mean(now − before) over pairs; `second` says where now was in the second place. Each difference
/// carries the resolution of both readings.
///
/// `None` when lengths differ, with fewer than three pairs, without pairs of both orders, or with a
/// value that is not finite.
pub fn positioned(
    before: &[f64],
    now: &[f64],
    second: &[bool],
    resolution: f64,
) -> Option<Positioned> {
    let n = now.len();
    if before.len() != n || second.len() != n || n < 3 {
        return None;
    }
    let of = |order: bool| -> Vec<f64> {
        (0..n)
            .filter(|&i| second[i] == order)
            .map(|i| now[i] - before[i])
            .collect()
    };
    let (late, early) = (of(true), of(false));
    if late.is_empty() || early.is_empty() || late.iter().chain(&early).any(|d| !d.is_finite()) {
        return None;
    }
    let squares = |d: &[f64]| {
        let m = mean(d);
        d.iter().map(|v| (v - m).powi(2)).sum::<f64>()
    };
    let df = n as f64 - 2.0;
    let variance = (squares(&late) + squares(&early)) / df + resolution * resolution / 6.0;
    let se = (variance * (1.0 / late.len() as f64 + 1.0 / early.len() as f64)).sqrt() / 2.0;
    let of = |estimate| Contrast { estimate, se, df };
    Some(Positioned {
        contrast: of(f64::midpoint(mean(&late), mean(&early))),
        place: of((mean(&late) - mean(&early)) / 2.0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By hand: differences 1, 3 in the one order and −1, 1 in the other.
    #[test]
    fn the_place_is_taken_out_of_the_difference() {
        let before = [0.0; 4];
        let now = [1.0, -1.0, 3.0, 1.0];
        let second = [true, false, true, false];
        let p = positioned(&before, &now, &second, 0.0).expect("both orders");
        assert!((p.contrast.estimate - 1.0).abs() < 1e-12);
        assert!((p.place.estimate - 1.0).abs() < 1e-12);
        // s² = (2 + 2) / 2 over four pairs.
        assert!((p.contrast.se - (2.0_f64 / 4.0).sqrt()).abs() < 1e-12);
        assert!((p.contrast.df - 2.0).abs() < 1e-12);
    }

    #[test]
    fn without_both_orders_nothing_is_known() {
        assert_eq!(positioned(&[0.0; 4], &[1.0; 4], &[true; 4], 0.0), None);
        assert_eq!(positioned(&[0.0; 2], &[1.0; 2], &[true, false], 0.0), None);
    }
}
