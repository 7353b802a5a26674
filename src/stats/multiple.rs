//! Many tests at once: Holm (1979) for the gate, Benjamini & Hochberg (1995) for information.
//!
//! Both give adjusted p-values in the order of the input. A NaN sorts last and stays NaN, and it
//! counts as a test, so a missing result never makes the others easier.

/// Adjusted p-values that control the chance of any false rejection (Holm 1979).
pub fn holm(p: &[f64]) -> Vec<f64> {
    let m = p.len();
    let mut adjusted = vec![f64::NAN; m];
    let mut running = 0.0_f64;
    for (rank, i) in ascending(p).into_iter().enumerate() {
        running = running.max((m - rank) as f64 * p[i]).min(1.0);
        adjusted[i] = running;
    }
    adjusted
}

/// Adjusted p-values that control the share of false ones among the rejections (1995).
pub fn benjamini_hochberg(p: &[f64]) -> Vec<f64> {
    let m = p.len();
    let mut adjusted = vec![f64::NAN; m];
    let mut running = 1.0_f64;
    for (rank, i) in ascending(p).into_iter().enumerate().rev() {
        running = running.min(m as f64 / (rank + 1) as f64 * p[i]);
        adjusted[i] = running;
    }
    adjusted
}

/// Indices of the numbers in ascending order, NaN left out.
fn ascending(p: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..p.len()).filter(|&i| !p[i].is_nan()).collect();
    order.sort_by(|&a, &b| p[a].total_cmp(&p[b]));
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(a: &[f64], b: &[f64]) {
        assert_eq!(a.len(), b.len());
        for (x, y) in a.iter().zip(b) {
            assert!((x - y).abs() < 1e-9, "{a:?} {b:?}");
        }
    }

    #[test]
    fn holm_gives_what_r_gives() {
        close(&holm(&[0.01, 0.04, 0.03, 0.005]), &[0.03, 0.06, 0.06, 0.02]);
    }

    /// The fifteen p-values of Benjamini & Hochberg (1995), section 3.
    #[test]
    fn benjamini_hochberg_rejects_the_four_of_the_paper() {
        let p = [
            0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262,
            0.5719, 0.6528, 0.7590, 1.0000,
        ];
        let rejected = |q: Vec<f64>| q.into_iter().filter(|q| *q <= 0.05).count();
        assert_eq!(rejected(benjamini_hochberg(&p)), 4);
        assert_eq!(rejected(holm(&p)), 3);
    }

    #[test]
    fn a_missing_result_counts_as_a_test_and_stays_missing() {
        let h = holm(&[0.02, f64::NAN]);
        assert!((h[0] - 0.04).abs() < 1e-12 && h[1].is_nan());
        let b = benjamini_hochberg(&[f64::NAN, 0.02]);
        assert!(b[0].is_nan() && (b[1] - 0.04).abs() < 1e-12);
        assert!(holm(&[]).is_empty());
    }
}
