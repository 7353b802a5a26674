//! Student's t, Fisher's F and the normal distribution: the only place that names `statrs`.
//!
//! `statrs` 0.19 is used for distribution functions only; its rank test is wrong for equal sizes.
//! The tests hold these to the printed tables (Fisher & Yates 1963).

use statrs::distribution::{
    ChiSquared, Continuous, ContinuousCDF, FisherSnedecor, Normal, StudentsT,
};

/// Degrees of freedom from which t is the normal distribution to all printed digits.
const NORMAL_FROM: f64 = 1e6;

/// P(T ≤ x) for Student's t; NaN for NaN or df ≤ 0.
pub fn t_cdf(x: f64, df: f64) -> f64 {
    if x.is_nan() || df.is_nan() || df <= 0.0 {
        return f64::NAN;
    }
    if x.is_infinite() {
        return if x > 0.0 { 1.0 } else { 0.0 };
    }
    if df >= NORMAL_FROM {
        return normal_cdf(x);
    }
    StudentsT::new(0.0, 1.0, df).map_or(f64::NAN, |t| t.cdf(x))
}

/// The p-quantile of Student's t; NaN unless 0 < p < 1 and df > 0.
pub fn t_quantile(p: f64, df: f64) -> f64 {
    if !(p > 0.0 && p < 1.0 && df > 0.0) {
        return f64::NAN;
    }
    if df >= NORMAL_FROM {
        return normal_quantile(p);
    }
    StudentsT::new(0.0, 1.0, df).map_or(f64::NAN, |t| quantile(&t, p))
}

/// P(X ≤ x) for Fisher's F with (df1, df2); NaN for NaN or df ≤ 0.
pub fn f_cdf(x: f64, df1: f64, df2: f64) -> f64 {
    if x.is_nan() {
        return f64::NAN;
    }
    if x == f64::INFINITY {
        return 1.0;
    }
    FisherSnedecor::new(df1, df2).map_or(f64::NAN, |f| f.cdf(x.max(0.0)))
}

/// The p-quantile of Fisher's F; NaN unless 0 < p < 1 and both df > 0.
pub fn f_quantile(p: f64, df1: f64, df2: f64) -> f64 {
    if !(p > 0.0 && p < 1.0) {
        return f64::NAN;
    }
    FisherSnedecor::new(df1, df2).map_or(f64::NAN, |f| quantile(&f, p))
}

/// The p-quantile of χ² with `df` degrees of freedom; NaN unless 0 < p < 1 and df > 0.
pub fn chi_square_quantile(p: f64, df: f64) -> f64 {
    if !(p > 0.0 && p < 1.0) {
        return f64::NAN;
    }
    ChiSquared::new(df).map_or(f64::NAN, |c| quantile(&c, p))
}

/// The p-quantile, by Newton's method from where `statrs` leaves off, which is at eight digits.
fn quantile(law: &(impl ContinuousCDF<f64, f64> + Continuous<f64, f64>), p: f64) -> f64 {
    let mut x = law.inverse_cdf(p);
    for _ in 0..2 {
        let step = (law.cdf(x) - p) / law.pdf(x);
        if step.is_finite() {
            x -= step;
        }
    }
    x
}

/// P(Z ≤ z) for the standard normal.
pub fn normal_cdf(z: f64) -> f64 {
    if z.is_nan() {
        return f64::NAN;
    }
    Normal::standard().cdf(z)
}

/// The p-quantile of the standard normal; NaN unless 0 < p < 1.
pub fn normal_quantile(p: f64) -> f64 {
    if p > 0.0 && p < 1.0 {
        Normal::standard().inverse_cdf(p)
    } else {
        f64::NAN
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t_quantiles_are_those_of_the_tables() {
        for (p, df, printed) in [
            (0.975, 1.0, 12.706),
            (0.975, 4.0, 2.776),
            (0.975, 8.0, 2.306),
            (0.95, 10.0, 1.812),
            (0.995, 5.0, 4.032),
            (0.80, 8.0, 0.889),
            (0.975, 1e9, 1.960),
        ] {
            let q = t_quantile(p, df);
            assert!((q - printed).abs() < 5e-4, "t({p}, {df}) = {q}");
            assert!((t_cdf(q, df) - p).abs() < 1e-9);
        }
    }

    #[test]
    fn f_quantiles_are_those_of_the_tables() {
        for (p, df1, df2, printed) in [
            (0.95, 5.0, 10.0, 3.326),
            (0.995, 4.0, 4.0, 23.15),
            (0.975, 9.0, 9.0, 4.026),
        ] {
            let q = f_quantile(p, df1, df2);
            assert!((q - printed).abs() < 5e-3, "F({p}, {df1}, {df2}) = {q}");
            assert!((f_cdf(q, df1, df2) - p).abs() < 1e-6);
        }
    }

    #[test]
    fn chi_square_quantiles_are_those_of_the_tables() {
        for (p, df, printed) in [
            (0.95, 1.0, 3.841),
            (0.025, 9.0, 2.700),
            (0.975, 9.0, 19.023),
        ] {
            let q = chi_square_quantile(p, df);
            assert!((q - printed).abs() < 5e-4, "χ²({p}, {df}) = {q}");
        }
        assert!(chi_square_quantile(0.5, 0.0).is_nan());
    }

    #[test]
    fn nonsense_gives_nan_and_no_panic() {
        assert!(t_cdf(f64::NAN, 3.0).is_nan());
        assert!(t_quantile(1.0, 3.0).is_nan());
        assert!(t_quantile(0.5, 0.0).is_nan());
        assert!(f_quantile(0.5, 0.0, 1.0).is_nan());
    }
}
