//! Seeded chance: the same numbers each time.

use plimsoll::random::Uniform;
use plimsoll::stats::normal_quantile;

pub(crate) struct Chance(Uniform);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Uniform::new(seed, 0))
    }

    /// In (0, 1), ends excluded.
    pub(crate) fn uniform(&mut self) -> f64 {
        self.0.draw().min(1.0 - f64::EPSILON)
    }

    pub(crate) fn normal(&mut self) -> f64 {
        normal_quantile(self.uniform())
    }

    /// Student's t with three degrees of freedom, scaled to variance 1.
    pub(crate) fn t3(&mut self) -> f64 {
        let scatter: f64 = (0..3).map(|_| self.normal().powi(2)).sum();
        self.normal() / scatter.sqrt()
    }

    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            items.swap(i, self.below(i + 1));
        }
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between zero and n"
    )]
    fn below(&mut self, n: usize) -> usize {
        ((self.uniform() * n as f64) as usize).min(n - 1)
    }
}
