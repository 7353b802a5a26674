//! The universal scalability law: throughput against concurrency.
//!
//! X(N) = λN / (1 + σ(N − 1) + κN(N − 1)) (Gunther, *Guerrilla Capacity Planning*, 2007, chapter 5).
//! σ is contention, κ coherency; κ > 0 makes throughput fall beyond N* = √((1 − σ)/κ). A start is
//! found by linearisation: with κN(N−1) and σ(N−1) on one side, N/X is a quadratic in N − 1. From
//! there Gauss–Newton steps minimise the squares of the throughputs themselves, halved while they
//! do not help. σ and κ are kept at zero or above, as the law means them.

/// Halvings of a step before it is given up.
const HALVINGS: u32 = 30;
/// Gauss–Newton steps at most.
const STEPS: u32 = 200;
/// Relative differences below this are none.
const LEVEL: f64 = 1e-12;
/// Greatest over least concurrency below which curvature cannot be told from noise.
const SPAN: f64 = 2.0;
/// κ below this share of λ's curvature is zero: the peak would lie beyond any measured range.
const FAR: f64 = 10.0;

/// The parameters of the law.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Usl {
    pub lambda: f64,
    pub sigma: f64,
    pub kappa: f64,
    /// Share of the variance of throughput that the curve explains.
    pub r_squared: f64,
    /// Greatest concurrency among the points.
    most: f64,
}

impl Usl {
    /// Throughput at concurrency `n`.
    pub fn throughput(&self, n: f64) -> f64 {
        law([self.lambda, self.sigma, self.kappa], n)
    }

    /// (N*, X*), where throughput is greatest; None when it levels off, or falls only at ten times
    /// the concurrency that was measured or beyond.
    pub fn peak(&self) -> Option<(f64, f64)> {
        if self.kappa <= 0.0 || self.sigma >= 1.0 {
            return None;
        }
        let n = ((1.0 - self.sigma) / self.kappa).sqrt();
        (n.is_finite() && n >= 1.0 && n <= FAR * self.most).then(|| (n, self.throughput(n)))
    }
}

/// Fits the law to (concurrency, throughput).
///
/// `None` when it is not identifiable: fewer than four usable points, fewer than three different
/// concurrencies, or concurrencies that span less than a factor of two.
pub fn usl(points: &[(f64, f64)]) -> Option<Usl> {
    let points: Vec<(f64, f64)> = points
        .iter()
        .copied()
        .filter(|(n, x)| n.is_finite() && x.is_finite() && *n > 0.0 && *x > 0.0)
        .collect();
    let mut different: Vec<f64> = points.iter().map(|p| p.0).collect();
    different.sort_by(f64::total_cmp);
    different.dedup_by(|a, b| *a / *b < 1.01);
    let (least, most) = (*different.first()?, *different.last()?);
    if points.len() < 4 || different.len() < 3 || most / least < SPAN {
        return None;
    }
    let mut at = start(&points)?;
    let mut error = squares(&points, at);
    for _ in 0..STEPS {
        let Some(step) = gauss_newton(&points, at) else {
            break;
        };
        let better = (0..HALVINGS).find_map(|halvings| {
            let share = 0.5_f64.powi(i32::try_from(halvings).unwrap_or(i32::MAX));
            let next = admissible([0, 1, 2].map(|i| at[i] + share * step[i]));
            let after = squares(&points, next);
            // The last digits of the parameters no longer show in the squares: a whole step goes on.
            let is_level = halvings == 0 && after <= error * (1.0 + LEVEL);
            (after < error || is_level).then_some((next, after))
        });
        let Some((next, after)) = better else { break };
        let moved = (0..3).any(|i| (next[i] - at[i]).abs() > LEVEL * next[i].abs());
        (at, error) = (next, after);
        if !moved {
            break;
        }
    }
    let mean = points.iter().map(|p| p.1).sum::<f64>() / points.len() as f64;
    let total: f64 = points.iter().map(|p| (p.1 - mean).powi(2)).sum();
    let [lambda, sigma, kappa] = at;
    let fitted = Usl {
        lambda,
        sigma,
        kappa,
        r_squared: if total > 0.0 {
            1.0 - error / total
        } else {
            0.0
        },
        most,
    };
    at.iter().all(|v| v.is_finite()).then_some(fitted)
}

fn law([lambda, sigma, kappa]: [f64; 3], n: f64) -> f64 {
    lambda * n / (1.0 + sigma * (n - 1.0) + kappa * n * (n - 1.0))
}

fn squares(points: &[(f64, f64)], at: [f64; 3]) -> f64 {
    points
        .iter()
        .map(|&(n, x)| {
            let fitted = law(at, n);
            // Below N = 1 contention may turn the denominator over: no such curve is meant.
            if fitted > 0.0 {
                (x - fitted).powi(2)
            } else {
                f64::INFINITY
            }
        })
        .sum()
}

fn admissible([lambda, sigma, kappa]: [f64; 3]) -> [f64; 3] {
    [
        lambda.max(f64::MIN_POSITIVE),
        sigma.max(0.0),
        kappa.max(0.0),
    ]
}

/// N/X = 1/λ · (1 + (σ + κ)(N − 1) + κ(N − 1)²): least squares of a quadratic in N − 1, weighted so
/// that errors of X count alike.
fn start(points: &[(f64, f64)]) -> Option<[f64; 3]> {
    let mut normal = [[0.0; 3]; 3];
    let mut right = [0.0; 3];
    for &(n, x) in points {
        let weight = (x * x / n).powi(2);
        let terms = [1.0, n - 1.0, (n - 1.0).powi(2)];
        for i in 0..3 {
            for j in 0..3 {
                normal[i][j] += weight * terms[i] * terms[j];
            }
            right[i] += weight * terms[i] * n / x;
        }
    }
    let quadratic = solve(normal, right).filter(|[a, ..]| *a > 0.0);
    let [a, b, c] = quadratic.unwrap_or_else(|| {
        // Noise may bend it the wrong way: then the steepest ray of all points is the start.
        let steepest = points.iter().map(|(n, x)| x / n).fold(0.0, f64::max);
        [1.0 / steepest, 0.0, 0.0]
    });
    let kappa = (c / a).max(0.0);
    let at = admissible([1.0 / a, b / a - kappa, kappa]);
    let flat = admissible([1.0 / a, 0.0, 0.0]);
    [at, flat]
        .into_iter()
        .find(|at| squares(points, *at).is_finite())
}

/// The Gauss–Newton step from `at`; parameters at their bound that want to cross it stay.
fn gauss_newton(points: &[(f64, f64)], at: [f64; 3]) -> Option<[f64; 3]> {
    let mut normal = [[0.0; 3]; 3];
    let mut right = [0.0; 3];
    for &(n, x) in points {
        let denominator = 1.0 + at[1] * (n - 1.0) + at[2] * n * (n - 1.0);
        let fitted = law(at, n);
        let slopes = [
            n / denominator,
            -fitted * (n - 1.0) / denominator,
            -fitted * n * (n - 1.0) / denominator,
        ];
        for i in 0..3 {
            for j in 0..3 {
                normal[i][j] += slopes[i] * slopes[j];
            }
            right[i] += slopes[i] * (x - fitted);
        }
    }
    let stays: [bool; 3] = [0, 1, 2].map(|i| i > 0 && at[i] <= 0.0 && right[i] < 0.0);
    for i in 0..3 {
        if stays[i] {
            normal[i] = [0.0; 3];
            for row in &mut normal {
                row[i] = 0.0;
            }
            normal[i][i] = 1.0;
            right[i] = 0.0;
        }
    }
    solve(normal, right)
}

/// Solves three linear equations by elimination with pivoting; None when they are dependent.
fn solve(mut a: [[f64; 3]; 3], mut b: [f64; 3]) -> Option<[f64; 3]> {
    // Columns are scaled first: λ is in the hundreds where κ is in the thousandths.
    let scale = [0, 1, 2].map(|j| a[j][j].abs().sqrt());
    if scale.iter().any(|s| !s.is_finite() || *s == 0.0) {
        return None;
    }
    for i in 0..3 {
        for j in 0..3 {
            a[i][j] /= scale[i] * scale[j];
        }
        b[i] /= scale[i];
    }
    for column in 0..3 {
        let pivot =
            (column..3).max_by(|&i, &j| a[i][column].abs().total_cmp(&a[j][column].abs()))?;
        if a[pivot][column].abs() < 1e-13 {
            return None;
        }
        a.swap(column, pivot);
        b.swap(column, pivot);
        for row in column + 1..3 {
            let factor = a[row][column] / a[column][column];
            let above = a[column];
            for (value, above) in a[row].iter_mut().zip(above).skip(column) {
                *value -= factor * above;
            }
            b[row] -= factor * b[column];
        }
    }
    let mut x = [0.0; 3];
    for row in (0..3).rev() {
        let known: f64 = (row + 1..3).map(|j| a[row][j] * x[j]).sum();
        x[row] = (b[row] - known) / a[row][row];
    }
    Some([0, 1, 2].map(|i| x[i] / scale[i]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exact(lambda: f64, sigma: f64, kappa: f64, at: &[f64]) -> Vec<(f64, f64)> {
        at.iter()
            .map(|&n| (n, law([lambda, sigma, kappa], n)))
            .collect()
    }

    const LOADS: [f64; 8] = [1.0, 2.0, 4.0, 8.0, 12.0, 18.0, 24.0, 32.0];

    #[test]
    fn exact_data_give_back_their_parameters_and_peak() {
        for (lambda, sigma, kappa) in [
            (995.6, 0.02671, 0.000_769_03),
            (50.0, 0.0, 0.002),
            (50.0, 0.2, 0.0),
            (1000.0, 0.0, 0.0),
        ] {
            let fit = usl(&exact(lambda, sigma, kappa, &LOADS)).expect("identifiable");
            assert!((fit.lambda / lambda - 1.0).abs() < 1e-5, "{fit:?}");
            assert!((fit.sigma - sigma).abs() < 1e-5, "{fit:?}");
            assert!((fit.kappa - kappa).abs() < 1e-7, "{fit:?}");
            assert!(fit.r_squared > 0.999_999, "{fit:?}");
        }
        // Gunther's formula for the peak: N* = √((1 − σ)/κ).
        let fit = usl(&exact(995.6, 0.02671, 0.000_769_03, &LOADS)).expect("identifiable");
        let (n, x) = fit.peak().expect("κ > 0");
        assert!(
            (n - 35.57).abs() < 0.05 && (x - 12_341.0).abs() < 100.0,
            "{n} {x}"
        );
    }

    #[test]
    fn noise_of_a_percent_moves_the_peak_little() {
        let noise = [0.01, -0.008, 0.004, -0.01, 0.007, 0.0, -0.006, 0.009];
        let points: Vec<_> = exact(100.0, 0.05, 0.002, &LOADS)
            .into_iter()
            .zip(noise)
            .map(|((n, x), e)| (n, x * (1.0 + e)))
            .collect();
        let fit = usl(&points).expect("identifiable");
        let (n, x) = fit.peak().expect("κ > 0");
        let truth = (0.95_f64 / 0.002).sqrt();
        assert!((n / truth - 1.0).abs() < 0.10, "{n} against {truth}");
        assert!((x / law([100.0, 0.05, 0.002], truth) - 1.0).abs() < 0.02);
    }

    #[test]
    fn throughput_that_levels_off_has_no_peak() {
        let fit = usl(&exact(50.0, 0.1, 0.0, &LOADS)).expect("identifiable");
        assert_eq!(fit.peak(), None);
    }

    #[test]
    fn too_little_is_not_identifiable() {
        assert_eq!(usl(&exact(50.0, 0.1, 0.001, &[1.0, 2.0, 4.0])), None);
        assert_eq!(usl(&exact(50.0, 0.1, 0.001, &[4.0, 4.01, 4.02, 4.0])), None);
        assert_eq!(usl(&exact(50.0, 0.1, 0.001, &[4.0, 5.0, 6.0, 7.0])), None);
        assert_eq!(usl(&[(f64::NAN, 1.0); 8]), None);
    }
}
