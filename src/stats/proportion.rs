//! Two proportions from counts: Newcombe's interval, Fisher's exact test.
//!
//! Newcombe (1998), Statistics in Medicine 17, 873, method 10: Wilson's (1927) score intervals of
//! both sides combined; close to Miettinen & Nurminen's (1985) without iteration, and sound at zero.

use super::distributions::{ln_choose, normal_quantile};

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

    /// Wilson's score interval.
    fn wilson(self, z: f64) -> (f64, f64) {
        let (n, p) = (self.trials as f64, self.share());
        let middle = 2.0f64.mul_add(n * p, z * z);
        let half = z * (4.0 * n * p).mul_add(1.0 - p, z * z).sqrt();
        let scale = 2.0 * (n + z * z);
        ((middle - half) / scale, (middle + half) / scale)
    }
}

/// Interval of share(now) − share(before) at `level`.
pub fn newcombe(before: Counts, now: Counts, level: f64) -> (f64, f64) {
    let z = normal_quantile(0.5 + level / 2.0);
    let ((la, ua), (lb, ub)) = (before.wilson(z), now.wilson(z));
    let (a, b) = (before.share(), now.share());
    let d = b - a;
    (d - (b - lb).hypot(ua - a), d + (ub - b).hypot(a - la))
}

/// Fisher's exact one-sided p that `now` has no greater share than `before`.
pub fn fisher_greater(before: Counts, now: Counts) -> f64 {
    let hits = before.hits + now.hits;
    let trials = before.trials + now.trials;
    let all = ln_choose(trials, hits);
    let most = hits.min(now.trials);
    (now.hits..=most)
        .map(|k| (ln_choose(now.trials, k) + ln_choose(before.trials, hits - k) - all).exp())
        .sum::<f64>()
        .min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(hits: u64, trials: u64) -> Counts {
        Counts { hits, trials }
    }

    /// Newcombe (1998), table II, method 10.
    #[test]
    fn newcombes_examples() {
        for (now, before, low, high) in [
            (of(56, 70), of(48, 80), 0.0524, 0.3339),
            (of(5, 56), of(0, 29), -0.0381, 0.1926),
        ] {
            let (l, h) = newcombe(before, now, 0.95);
            assert!((l - low).abs() < 1e-4 && (h - high).abs() < 1e-4, "{l} {h}");
        }
    }

    /// Fisher (1935), the lady tasting tea: three of four right has p = 17/70.
    #[test]
    fn the_lady_tasting_tea() {
        assert!((fisher_greater(of(1, 4), of(3, 4)) - 17.0 / 70.0).abs() < 1e-9);
        assert!((fisher_greater(of(0, 9), of(0, 9)) - 1.0).abs() < 1e-9);
    }
}
