//! When a sequential check looks at the evidence, and what each look costs.

use crate::stats::POCOCK_FOUR_LOOKS;

/// Rounds per arm after which a check looks unless it has more of them; the last is the cap.
pub const LOOKS: [usize; 4] = [3, 5, 7, 10];

/// Where more rounds are allowed the steps widen by two fifths.
const ALL: [usize; 9] = [3, 5, 7, 10, 14, 20, 28, 39, 50];

/// The same for pairs of which as many must begin with one side as with the other.
const EVEN: [usize; 9] = [4, 6, 8, 10, 14, 20, 28, 38, 50];

/// The cap follows the look before it by at least this factor.
const LEAST_STEP: f64 = 1.2;

/// Nominal two-sided level of each of so many looks: Pocock's (1977), as tabulated by Jennison and
/// Turnbull (2000, table 2.1), for up to three looks; [`POCOCK_FOUR_LOOKS`]; from five looks on lowered
/// so that t tests of pairs, the first with 2 degrees of freedom, keep together what four looks keep.
const LEVELS: [f64; 9] = [
    0.05,
    0.0294,
    0.0221,
    POCOCK_FOUR_LOOKS,
    0.0153,
    0.0131,
    0.0118,
    0.0107,
    0.0097,
];

/// The most rounds per arm for which levels are known.
pub const MOST_ROUNDS: usize = ALL[ALL.len() - 1];

/// How often the evidence is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Looks {
    /// Once, at a number of rounds fixed beforehand.
    Fixed,
    /// At most so often, stopping as soon as everything is decided.
    Sequential(usize),
}

impl Looks {
    /// Looks at these numbers of rounds.
    pub const fn at(planned: &[usize]) -> Self {
        match planned.len() {
            0 | 1 => Self::Fixed,
            n => Self::Sequential(n),
        }
    }

    /// Two-sided level of one look, so that all looks together have level .05.
    pub fn alpha(self) -> f64 {
        match self {
            Self::Fixed => LEVELS[0],
            Self::Sequential(n) => LEVELS[n.clamp(1, LEVELS.len()) - 1],
        }
    }
}

/// The looks up to a cap, which is the last; `balanced`: at even numbers only.
pub fn looks(cap: usize, balanced: bool) -> Vec<usize> {
    let (grid, cap) = if balanced {
        (EVEN, cap - cap % 2)
    } else {
        (ALL, cap)
    };
    let mut looks: Vec<usize> = grid
        .into_iter()
        .filter(|&look| look < cap && look as f64 * LEAST_STEP <= cap as f64)
        .collect();
    looks.push(cap);
    looks
}

#[cfg(test)]
mod tests {
    use super::super::calibration::Random;
    use super::*;
    use crate::stats::{Contrast, paired, pooled, positioned};

    #[test]
    fn the_cap_is_the_last_look() {
        assert_eq!(looks(10, false), LOOKS);
        assert_eq!(looks(4, false), [3, 4]);
        assert_eq!(looks(2, false), [2]);
        assert_eq!(looks(8, false), [3, 5, 8], "7 is too near to tell more");
        assert_eq!(looks(20, false), [3, 5, 7, 10, 14, 20]);
        assert_eq!(looks(7, true), [4, 6]);
        assert!((1..=MOST_ROUNDS).all(|cap| looks(cap, false).len() <= LEVELS.len()));
    }

    /// False alarms of both sides together when nothing changed.
    fn alarms(
        cap: usize,
        balanced: bool,
        test: impl Fn(&[f64], &[f64]) -> Option<Contrast>,
    ) -> f64 {
        let mut random = Random::new(cap as u64);
        let looks = looks(cap, balanced);
        let alpha = Looks::at(&looks).alpha();
        let trials = 6000;
        let crossed = (0..trials)
            .filter(|_| {
                let mut side = || -> Vec<f64> { (0..cap).map(|_| random.normal()).collect() };
                let (a, b) = (side(), side());
                looks.iter().any(|&n| {
                    test(&a[..n], &b[..n])
                        .is_some_and(|c| c.p_greater(0.0).min(c.p_less(0.0)) <= alpha / 2.0)
                })
            })
            .count();
        crossed as f64 / f64::from(trials)
    }

    #[test]
    fn any_number_of_looks_keeps_the_level() {
        // Four standard errors of 6000 trials are 1.2 points.
        let most = 0.056 + 0.012;
        for cap in [4, 6, 10, 14, 20, 50] {
            let two = alarms(cap, false, |a, b| pooled(a, b, 0.0));
            let one = alarms(cap, false, |a, b| paired(a, b, 0.0));
            let placed = alarms(cap, true, |a, b| {
                let second: Vec<bool> = (0..a.len()).map(|i| i % 2 == 0).collect();
                positioned(a, b, &second, 0.0).map(|p| p.contrast)
            });
            eprintln!("{cap} rounds: {two:.4} unpaired, {one:.4} paired, {placed:.4} with places");
            for level in [two, one, placed] {
                assert!((0.03..=most).contains(&level), "{cap}: {level}");
            }
        }
    }
}
