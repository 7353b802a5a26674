//! Tests and estimates on ranks, shown beside the t test and never gating.
//!
//! Mann & Whitney (1947), exact with ties by counting over doubled midranks (Streitberg & Röhmel
//! 1986); Hodges & Lehmann (1963); the common-language
//! effect size of `McGraw` & Wong (1992).

/// Result of the exact rank test.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MannWhitney {
    /// Pairs in which `now` exceeds `before`, ties counting half.
    pub u: f64,
    /// Exact two-sided p: twice the smaller tail, at most 1.
    pub p: f64,
}

/// The exact test of `now` against `before`; `None` with an empty side or a value not finite.
///
/// Takes time in proportion to (n₁ + n₂)³ times the smaller side, meant for rounds and not for
/// requests.
pub fn mann_whitney(before: &[f64], now: &[f64]) -> Option<MannWhitney> {
    if before.is_empty() || now.is_empty() || before.iter().chain(now).any(|v| !v.is_finite()) {
        return None;
    }
    // Counted on the smaller side; the other has the pairs that are left.
    if now.len() > before.len() {
        let swapped = mann_whitney(now, before)?;
        let pairs = (before.len() * now.len()) as f64;
        return Some(MannWhitney {
            u: pairs - swapped.u,
            ..swapped
        });
    }
    let n = now.len();
    let ranks = doubled_midranks(before, now);
    let observed: usize = ranks[before.len()..].iter().sum();
    let total: usize = ranks.iter().sum();
    // ways[k][s]: how many choices of k values have the doubled rank sum s.
    let mut ways = vec![vec![0.0_f64; total + 1]; n + 1];
    ways[0][0] = 1.0;
    for &rank in &ranks {
        for k in (1..=n).rev() {
            let (fewer, same) = ways.split_at_mut(k);
            for (to, from) in same[0][rank..].iter_mut().zip(&fewer[k - 1]) {
                *to += from;
            }
        }
    }
    let all: f64 = ways[n].iter().sum();
    let low: f64 = ways[n][..=observed].iter().sum();
    let high: f64 = ways[n][observed..].iter().sum();
    Some(MannWhitney {
        u: observed as f64 / 2.0 - (n * (n + 1)) as f64 / 2.0,
        p: (2.0 * low.min(high) / all).min(1.0),
    })
}

fn doubled_midranks(before: &[f64], now: &[f64]) -> Vec<usize> {
    // Adding zero makes −0 and 0 the same value.
    let values: Vec<f64> = before.iter().chain(now).map(|v| v + 0.0).collect();
    values
        .iter()
        .map(|v| {
            let below = values.iter().filter(|w| *w < v).count();
            let equal = values.iter().filter(|w| w.total_cmp(v).is_eq()).count();
            2 * below + equal + 1
        })
        .collect()
}

/// Median of all differences now − before; NaN with an empty side.
pub fn hodges_lehmann(before: &[f64], now: &[f64]) -> f64 {
    let mut differences: Vec<f64> = now
        .iter()
        .flat_map(|b| before.iter().map(move |a| b - a))
        .collect();
    median(&mut differences)
}

/// Chance that a value of `now` exceeds one of `before`, ties counting half; NaN when empty.
pub fn common_language(before: &[f64], now: &[f64]) -> f64 {
    let wins: f64 = now
        .iter()
        .flat_map(|b| before.iter().map(move |a| (a, b)))
        .map(|(a, b)| match b.partial_cmp(a) {
            Some(std::cmp::Ordering::Greater) => 1.0,
            Some(std::cmp::Ordering::Equal) => 0.5,
            _ => 0.0,
        })
        .sum();
    wins / (before.len() * now.len()) as f64
}

/// Median, NaN of nothing; sorts its argument.
pub(super) fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    median_of_sorted(values)
}

/// Median of values in order, NaN of nothing.
pub(super) fn median_of_sorted(values: &[f64]) -> f64 {
    let half = values.len() / 2;
    match values.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => values[half],
        _ => f64::midpoint(values[half - 1], values[half]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn separated_samples_have_the_least_possible_p() {
        let p = |n: usize| {
            let a: Vec<f64> = (0..n).map(|i| i as f64).collect();
            let b: Vec<f64> = (0..n).map(|i| 100.0 + i as f64).collect();
            mann_whitney(&a, &b).expect("values").p
        };
        assert!((p(3) - 0.1).abs() < 1e-12);
        assert!((p(4) - 2.0 / 70.0).abs() < 1e-12);
        assert!((p(5) - 2.0 / 252.0).abs() < 1e-12);
    }

    /// Hollander & Wolfe (1973), page 69: permeability of membranes; R's `wilcox.test`.
    #[test]
    fn hollander_and_wolfe_give_the_published_results() {
        let x = [0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46];
        let y = [1.15, 0.88, 0.90, 0.74, 1.21];
        let r = mann_whitney(&y, &x).expect("values");
        assert!((r.u - 35.0).abs() < 1e-12);
        assert!((r.p - 0.2544).abs() < 5e-5, "{}", r.p);
        assert!((hodges_lehmann(&y, &x) - 0.305).abs() < 1e-9);
        assert!((common_language(&y, &x) - 0.7).abs() < 1e-12);
        let swapped = mann_whitney(&x, &y).expect("values");
        assert!((swapped.u - 15.0).abs() < 1e-12 && (swapped.p - r.p).abs() < 1e-12);
    }

    #[test]
    fn ties_are_exact_and_nothing_gives_nothing() {
        let r = mann_whitney(&[1.0, 1.0], &[1.0, 1.0]).expect("values");
        assert!((r.p - 1.0).abs() < 1e-12 && (r.u - 2.0).abs() < 1e-12);
        assert_eq!(mann_whitney(&[], &[1.0]), None);
        assert_eq!(mann_whitney(&[f64::NAN], &[1.0]), None);
        assert!(hodges_lehmann(&[], &[1.0]).is_nan());
    }
}
