//! Two proportions from counts: Miettinen and Nurminen's interval, over-dispersion, Fisher's test.
//!
//! Miettinen & Nurminen (1985), Statistics in Medicine 4, 213: the score test of a difference, with
//! the variance at the most likely shares that have this difference, and the interval of all
//! differences it does not reject. Sound at zero counts. Where counts scatter by more than chance
//! explains, variances grow by φ (quasi-binomial model, `McCullagh` & Nelder 1989, section 4.5).
//! Fisher (1935) for the exact test.

use super::distributions::{normal_cdf, normal_quantile, t_cdf, t_quantile};

/// Halvings of an interval of shares, down to the last bit.
const HALVINGS: usize = 64;

/// `hits` of `trials`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    pub hits: u64,
    pub trials: u64,
}

impl Counts {
    /// hits / trials; NaN of nothing.
    pub fn share(self) -> f64 {
        self.hits as f64 / self.trials as f64
    }

    /// All counts of a side together.
    pub fn sum(side: &[Self]) -> Self {
        side.iter().fold(Self::default(), |sum, c| Self {
            hits: sum.hits + c.hits,
            trials: sum.trials + c.trials,
        })
    }
}

/// How much more counts of rounds scatter than independent requests would.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Dispersion {
    /// Factor of the variance, at least 1.
    pub phi: f64,
    /// Degrees of freedom behind φ; infinite where chance explains the scatter and nothing is
    /// estimated.
    pub df: f64,
}

impl Dispersion {
    /// From a sum of squares that chance alone lets be about `df`.
    pub fn new(chi_square: f64, df: f64) -> Self {
        let phi = chi_square / df;
        if phi > 1.0 {
            Self { phi, df }
        } else {
            Self {
                phi: 1.0,
                df: f64::INFINITY,
            }
        }
    }

    /// φ = X²/(rounds − 2), Pearson's X² of the rounds around the share of their side. `None` with
    /// fewer than three rounds, or a round without trials.
    pub fn between_rounds(before: &[Counts], now: &[Counts]) -> Option<Self> {
        let rounds = before.len() + now.len();
        if rounds < 3 || before.iter().chain(now).any(|c| c.trials == 0) {
            return None;
        }
        let chi_square = pearson(before) + pearson(now);
        Some(Self::new(chi_square, rounds as f64 - 2.0))
    }

    /// The |score| that a two-sided test at 1 − `level` rejects.
    pub fn critical(self, level: f64) -> f64 {
        let p = 0.5 + level / 2.0;
        let quantile = if self.df.is_finite() {
            t_quantile(p, self.df)
        } else {
            normal_quantile(p)
        };
        quantile * self.phi.sqrt()
    }

    /// Chance of a score of at least this much.
    pub fn p_above(self, score: f64) -> f64 {
        let scaled = -score / self.phi.sqrt();
        if self.df.is_finite() {
            t_cdf(scaled, self.df)
        } else {
            normal_cdf(scaled)
        }
    }
}

/// Squares of a side's rounds around their common share, over what chance lets them be.
fn pearson(side: &[Counts]) -> f64 {
    let share = Counts::sum(side).share();
    let variance = share * (1.0 - share);
    if variance.is_nan() || variance <= 0.0 {
        return 0.0;
    }
    side.iter()
        .map(|c| (c.share() - share).powi(2) * c.trials as f64 / variance)
        .sum()
}

/// The score of share(now) − share(before) against the hypothesis that it is `delta`: standard
/// normal if that is true and requests are independent. Infinite where no shares differ by that
/// much, NaN without trials.
pub fn score(before: Counts, now: Counts, delta: f64) -> f64 {
    let distance = now.share() - before.share() - delta;
    if delta.abs() > 1.0 {
        return distance * f64::INFINITY;
    }
    if distance == 0.0 {
        return 0.0;
    }
    distance / standard_error(before, now, delta)
}

/// Standard error of the difference of shares if it is `delta`.
pub fn standard_error(before: Counts, now: Counts, delta: f64) -> f64 {
    let (na, nb) = (before.trials as f64, now.trials as f64);
    let a = most_likely(before, now, delta);
    let b = a + delta;
    let all = na + nb;
    ((a * (1.0 - a) / na + b * (1.0 - b) / nb).max(0.0) * all / (all - 1.0)).sqrt()
}

/// The most likely share before, if that of now is `delta` greater.
///
/// The slope of the log-likelihood falls, so its zero is found by halving; the closed form, a root
/// of a cubic, loses half of its digits where errors are rare.
fn most_likely(before: Counts, now: Counts, delta: f64) -> f64 {
    let (xa, xb) = (before.hits as f64, now.hits as f64);
    let (ya, yb) = (before.trials as f64 - xa, now.trials as f64 - xb);
    // 0/0 is a term that is not there.
    let part = |count: f64, share: f64| if count > 0.0 { count / share } else { 0.0 };
    let (mut low, mut high) = ((-delta).max(0.0), (1.0 - delta).min(1.0));
    for _ in 0..HALVINGS {
        let a = f64::midpoint(low, high);
        let b = a + delta;
        let slope = part(xa, a) + part(xb, b) - part(ya, 1.0 - a) - part(yb, 1.0 - b);
        if slope > 0.0 {
            low = a;
        } else {
            high = a;
        }
    }
    f64::midpoint(low, high)
}

/// All differences share(now) − share(before) whose |score| is at most `critical`.
///
/// `critical` is a normal quantile, or [`Dispersion::critical`]. NaN without trials.
pub fn miettinen_nurminen(before: Counts, now: Counts, critical: f64) -> (f64, f64) {
    let d = now.share() - before.share();
    if d.is_nan() || critical.is_nan() {
        return (f64::NAN, f64::NAN);
    }
    let end = |mut outside: f64| {
        let mut inside = d;
        if score(before, now, outside).abs() <= critical {
            return outside;
        }
        for _ in 0..HALVINGS {
            let middle = f64::midpoint(inside, outside);
            if score(before, now, middle).abs() <= critical {
                inside = middle;
            } else {
                outside = middle;
            }
        }
        f64::midpoint(inside, outside)
    };
    (end(-1.0), end(1.0))
}

/// Fisher's exact one-sided p that `now` has no greater share than `before`.
///
/// Takes time in proportion to the hits.
pub fn fisher_greater(before: Counts, now: Counts) -> f64 {
    let hits = before.hits + now.hits;
    let trials = before.trials + now.trials;
    // The chance of exactly as many hits now: the hits are drawn one by one, first those of now.
    let drawn = |from: u64, i: u64, of: u64| ((from - i) as f64 / of as f64).ln();
    let mut log = 0.0;
    for i in 0..now.hits {
        // C(hits, now.hits) is taken along factor by factor, which keeps the sum small.
        log += drawn(now.trials, i, trials - i) + ((hits - i) as f64 / (now.hits - i) as f64).ln();
    }
    for i in 0..before.hits {
        log += drawn(before.trials, i, trials - now.hits - i);
    }
    let most = hits.min(now.trials);
    let mut p = log.exp();
    for k in now.hits..most {
        let left = hits - k;
        log += (left as f64 * (now.trials - k) as f64).ln()
            - ((k + 1) as f64 * (before.trials + 1 - left) as f64).ln();
        p += log.exp();
    }
    p.min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(hits: u64, trials: u64) -> Counts {
        Counts { hits, trials }
    }

    /// Newcombe (1998), Statistics in Medicine 17, 873, table II, method 6.
    #[test]
    fn miettinen_and_nurminens_interval_is_the_published_one() {
        let z = normal_quantile(0.975);
        for (now, before, low, high) in [
            (of(56, 70), of(48, 80), 0.0528, 0.3382),
            (of(9, 10), of(3, 10), 0.1700, 0.8406),
            (of(5, 56), of(0, 29), -0.0326, 0.1933),
            (of(0, 10), of(0, 20), -0.1658, 0.2844),
            (of(10, 10), of(0, 10), 0.6636, 1.0000),
        ] {
            let (l, h) = miettinen_nurminen(before, now, z);
            assert!((l - low).abs() < 1e-4 && (h - high).abs() < 1e-4, "{l} {h}");
            let (l, h) = miettinen_nurminen(now, before, z);
            assert!((l + high).abs() < 1e-4 && (h + low).abs() < 1e-4, "{l} {h}");
        }
    }

    #[test]
    fn scatter_widens_the_interval_and_none_is_no_estimate() {
        let even = Dispersion::between_rounds(&[of(5, 100); 4], &[of(5, 100); 4]).expect("rounds");
        assert!(even.df.is_infinite() && (even.phi - 1.0).abs() < 1e-12);
        let stalled = [of(0, 1000), of(0, 1000), of(90, 1000)];
        let d = Dispersion::between_rounds(&[of(0, 1000); 3], &stalled).expect("rounds");
        // 2 · 30²/(1000 · .03 · .97) + 60²/(1000 · .03 · .97), over four.
        assert!((d.phi - 5400.0 / 29.1 / 4.0).abs() < 1e-9, "{d:?}");
        assert!(d.critical(0.95) > 6.0 * even.critical(0.95));
        assert_eq!(Dispersion::between_rounds(&[of(0, 1)], &[of(0, 1)]), None);
        assert_eq!(
            Dispersion::between_rounds(&[of(0, 0)], &[of(0, 1); 2]),
            None
        );
        assert!(score(of(1, 9), of(2, 9), 1.5) < f64::MIN);
        let (low, _) = miettinen_nurminen(of(0, 0), of(1, 2), 1.96);
        assert!(low.is_nan());
    }

    /// Fisher (1935), the lady tasting tea: three of four right has p = 17/70.
    #[test]
    fn the_lady_tasting_tea() {
        assert!((fisher_greater(of(1, 4), of(3, 4)) - 17.0 / 70.0).abs() < 1e-9);
        assert!((fisher_greater(of(0, 9), of(0, 9)) - 1.0).abs() < 1e-9);
    }
}
