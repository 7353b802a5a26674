//! A slope that outliers cannot turn: Theil (1950), Sen (1968).

use super::rank::median;

/// Median of the slopes of all pairs of (x, y) points with different x; `None` without such pairs.
pub fn theil_sen(points: &[(f64, f64)]) -> Option<f64> {
    let mut slopes: Vec<f64> = points
        .iter()
        .enumerate()
        .flat_map(|(i, a)| {
            points[i + 1..]
                .iter()
                .map(move |b| (b.1 - a.1) / (b.0 - a.0))
        })
        .filter(|s| s.is_finite())
        .collect();
    (!slopes.is_empty()).then(|| median(&mut slopes))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The worked example of Sen (1968).
    #[test]
    fn sens_example() {
        let x = [1.0, 2.0, 3.0, 4.0, 10.0, 12.0, 18.0];
        let y = [9.0, 15.0, 19.0, 20.0, 45.0, 55.0, 78.0];
        let points: Vec<_> = x.into_iter().zip(y).collect();
        assert!((theil_sen(&points).expect("slopes") - 4.0).abs() < 1e-12);
    }

    #[test]
    fn a_single_outlier_does_not_turn_the_line() {
        let mut points: Vec<(f64, f64)> = (0..20)
            .map(|i| (f64::from(i), 2.0 * f64::from(i)))
            .collect();
        points[19].1 = 1e6;
        assert!((theil_sen(&points).expect("slopes") - 2.0).abs() < 1e-9);
        assert_eq!(theil_sen(&points[..1]), None);
    }
}
