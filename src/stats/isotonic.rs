//! The non-decreasing function closest to given values: pool adjacent violators.
//!
//! Ayer, Brunk, Ewing, Reid & Silverman (1955), Annals of Mathematical Statistics 26, 641. Used to
//! map a stated probability to the observed one, which must not fall where the stated one rises.

/// The non-decreasing values with the least weighted squares from `points` of (value, weight), in
/// the order given; empty when a weight is not positive or a number not finite.
pub fn isotonic(points: &[(f64, f64)]) -> Vec<f64> {
    if points
        .iter()
        .any(|(v, w)| !v.is_finite() || !w.is_finite() || *w <= 0.0)
    {
        return Vec::new();
    }
    // Blocks of (mean, weight, items) with ascending means.
    let mut blocks: Vec<(f64, f64, usize)> = Vec::new();
    for &(value, weight) in points {
        let mut block = (value, weight, 1);
        while let Some(&(mean, total, items)) = blocks.last().filter(|b| b.0 >= block.0) {
            let weight = total + block.1;
            block = (
                (mean * total + block.0 * block.1) / weight,
                weight,
                items + block.2,
            );
            blocks.pop();
        }
        blocks.push(block);
    }
    blocks
        .into_iter()
        .flat_map(|(mean, _, items)| std::iter::repeat_n(mean, items))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[f64]) -> Vec<f64> {
        isotonic(&values.iter().map(|v| (*v, 1.0)).collect::<Vec<_>>())
    }

    /// Barlow, Bartholomew, Bremner & Brunk (1972), section 1.2: pooling of a violation.
    #[test]
    fn violators_are_pooled() {
        assert_eq!(of(&[1.0, 3.0, 2.0, 4.0]), [1.0, 2.5, 2.5, 4.0]);
        assert_eq!(of(&[3.0, 2.0, 1.0]), [2.0; 3]);
        assert_eq!(of(&[1.0, 1.0, 2.0]), [1.0, 1.0, 2.0]);
        assert_eq!(isotonic(&[(4.0, 3.0), (0.0, 1.0)]), [3.0, 3.0]);
    }

    #[test]
    fn nothing_gives_nothing() {
        assert!(isotonic(&[]).is_empty());
        assert!(isotonic(&[(1.0, 0.0)]).is_empty());
        assert!(isotonic(&[(f64::NAN, 1.0)]).is_empty());
    }
}
