//! Rounds that came in sessions: a boot, a day, a machine.
//!
//! One-way random effects for sessions of any sizes by the analysis of variance (Searle, Casella &
//! `McCulloch` 1992, section 3.6), degrees of freedom by Satterthwaite (1946). What is measured now
//! is one more session, so the spread between sessions counts once for it and once for the mean of
//! the earlier ones:
//!
//! ```text
//! Var θ = σs² (1/J + 1) + σr² (1/N + 1/n)      J sessions of N rounds before, n rounds now
//! ```
//!
//! With unequal sessions J is the effective number N² / Σ nⱼ². Where the sessions differ by less
//! than their rounds explain, σs² counts as zero, but the degrees of freedom stay those that few
//! sessions give: three sessions that happen to agree do not show that sessions agree.

use super::contrast::{Contrast, finite, mean, sum_of_squares};

/// The difference of now from earlier sessions, and the two spreads behind its uncertainty.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sessions {
    pub contrast: Contrast,
    /// Variance between sessions, σs²; zero where rounds explain all of it.
    pub between: f64,
    /// Variance of one round within its session, σr².
    pub within: f64,
}

/// mean(now) − mean(before), where `before` has the rounds of each session and `now` is one more.
///
/// Empty sessions do not count. `resolution` is that of [`super::pooled`]. `None` with fewer than
/// two sessions before, no round now, no session of two rounds at all, or a value not finite.
pub fn sessions<S: AsRef<[f64]>>(before: &[S], now: &[f64], resolution: f64) -> Option<Sessions> {
    let before: Vec<&[f64]> = before
        .iter()
        .map(AsRef::as_ref)
        .filter(|s| !s.is_empty())
        .collect();
    let all: Vec<f64> = before.concat();
    let (count, total, fresh) = (before.len() as f64, all.len() as f64, now.len() as f64);
    let (df_between, df_within) = (count - 1.0, total - count + fresh - 1.0);
    if before.len() < 2 || now.is_empty() || df_within < 1.0 || !finite(&all) || !finite(now) {
        return None;
    }
    let grand = mean(&all);
    let inside: f64 = before.iter().map(|s| sum_of_squares(s)).sum();
    let among: f64 = before
        .iter()
        .map(|s| s.len() as f64 * (mean(s) - grand).powi(2))
        .sum();
    let within = (inside + sum_of_squares(now)) / df_within + resolution * resolution / 12.0;
    let among = (among / df_between).max(within);

    let squares: f64 = before.iter().map(|s| (s.len() as f64).powi(2)).sum();
    let size = (total - squares / total) / df_between;
    // Var θ as a sum of the two mean squares, for Satterthwaite.
    let weight = (squares / (total * total) + 1.0) / size;
    let (first, second) = (
        weight * among,
        (1.0 / total + 1.0 / fresh - weight) * within,
    );
    let variance = first + second;
    let satterthwaite =
        variance.powi(2) / (first.powi(2) / df_between + second.powi(2) / df_within);
    let df = if variance > 0.0 {
        satterthwaite.clamp(df_between, total + fresh - 2.0)
    } else {
        df_between
    };
    Some(Sessions {
        contrast: Contrast {
            estimate: mean(now) - grand,
            se: variance.max(0.0).sqrt(),
            df,
        },
        between: (among - within) / size,
        within,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Davies & Goldsmith (1972), table 6.1: the yield of dyestuff in six batches of five. R's
    /// `lme4` prints 1764.05 between the batches and 2451.25 within.
    const DYESTUFF: [[f64; 5]; 6] = [
        [1545.0, 1440.0, 1440.0, 1520.0, 1580.0],
        [1540.0, 1555.0, 1490.0, 1560.0, 1495.0],
        [1595.0, 1550.0, 1605.0, 1510.0, 1560.0],
        [1445.0, 1440.0, 1595.0, 1465.0, 1545.0],
        [1595.0, 1630.0, 1515.0, 1635.0, 1625.0],
        [1520.0, 1455.0, 1450.0, 1480.0, 1445.0],
    ];

    #[test]
    fn dyestuff_gives_the_published_components() {
        // A single round now adds nothing to the squares within.
        let s = sessions(&DYESTUFF, &[1527.5], 0.0).expect("six sessions");
        assert!((s.within - 2451.25).abs() < 1e-9, "{s:?}");
        assert!((s.between - 1764.05).abs() < 1e-9, "{s:?}");
        let by_formula = 1764.05 * (1.0 / 6.0 + 1.0) + 2451.25 * (1.0 / 30.0 + 1.0);
        assert!((s.contrast.se.powi(2) - by_formula).abs() < 1e-6);
        assert!(s.contrast.estimate.abs() < 1e-9);
        assert!(s.contrast.df > 5.0 && s.contrast.df < 29.0);
    }

    #[test]
    fn sessions_that_agree_keep_the_degrees_of_freedom_of_sessions() {
        let session = [1.0, 2.0, 3.0];
        let s = sessions(&[session; 3], &session, 0.0).expect("three sessions");
        assert!(s.between.abs() < 1e-12);
        assert!((s.contrast.df - 2.0).abs() < 1e-9, "{s:?}");
        assert!((s.contrast.se.powi(2) - s.within * (1.0 / 9.0 + 1.0 / 3.0)).abs() < 1e-12);
    }

    #[test]
    fn sessions_of_one_boot_or_single_rounds_only_give_nothing() {
        assert_eq!(sessions(&[[1.0, 2.0]], &[1.0], 0.0), None);
        assert_eq!(sessions(&[[1.0], [2.0]], &[1.0], 0.0), None);
        assert_eq!(sessions(&[vec![1.0, 2.0], vec![]], &[1.0], 0.0), None);
        assert_eq!(sessions(&[[1.0, 2.0], [2.0, f64::NAN]], &[1.0], 0.0), None);
        assert_eq!(sessions(&[[1.0, 2.0], [2.0, 3.0]], &[], 0.0), None);
        assert!(sessions(&[[1.0], [2.0]], &[1.0, 1.5], 0.0).is_some());
    }
}
