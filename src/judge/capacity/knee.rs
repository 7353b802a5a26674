//! The knee: the rate at which half of the rounds hold, estimated from all rounds of all levels.
//!
//! A round at rate λ holds with probability ε + (1 − 2ε) / (1 + (λ/K)^(1/s)): a logistic curve in
//! ln λ with the knee K and the spread s, which allows for a share ε of rounds that say the opposite
//! whatever the rate (Wichmann & Hill 2001, on psychometric functions). With a uniform prior on ln K
//! and on ln s the posterior of K is summed up on a grid; its median is the estimate.
//!
//! The interval is the central 95 % of the posterior, and at least the bracket of the two levels
//! beside the estimate where their rounds agree. A level counts as held when the target falls behind
//! by up to 1 %, so that much is taken off the lower end.

use super::see::KEEPS_UP;
use crate::model::KneeInterval;

/// Share of rounds that show the opposite of what their level is.
const LAPSES: f64 = 0.01;
/// Probability of the interval.
const LEVEL: f64 = 0.95;
/// Spreads of ln K over which is summed: from rounds that agree to ones that vary by a fifth.
const SPREADS: (f64, f64, u32) = (0.003, 0.2, 8);
/// Points of the grid of ln K.
const POINTS: u32 = 240;
/// How far beyond the levels that decide the grid reaches.
const BEYOND: f64 = 1.3;

/// What the rounds of a level showed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Tally {
    pub(super) rate: f64,
    pub(super) held: usize,
    pub(super) failed: usize,
}

/// Estimates the knee; levels ascend by rate, and at least one round held and one failed.
pub(super) fn estimate(levels: &[Tally]) -> KneeInterval {
    let told: Vec<&Tally> = levels.iter().filter(|l| l.held + l.failed > 0).collect();
    let any_held = |l: &&&Tally| l.held > 0;
    let any_failed = |l: &&&Tally| l.failed > 0;
    let rate = |l: Option<&&Tally>, or: f64| l.map_or(or, |l| l.rate);
    let least = rate(told.first(), 1.0);
    let most = rate(told.last(), 1.0);
    // The levels that disagree, and one more on either side.
    let lowest_failed = rate(told.iter().find(any_failed), most);
    let highest_held = rate(told.iter().rev().find(any_held), least);
    let (from, to) = (
        lowest_failed.min(highest_held),
        lowest_failed.max(highest_held),
    );
    let below = told.iter().rev().find(|l| l.rate < from);
    let above = told.iter().find(|l| l.rate > to);
    let from = rate(below, from).ln() - BEYOND.ln();
    let to = rate(above, to).ln() + BEYOND.ln();
    let step = (to - from) / f64::from(POINTS - 1);
    let grid: Vec<f64> = (0..POINTS).map(|i| from + step * f64::from(i)).collect();
    let posterior = posterior(&told, &grid);
    let at = |p: f64| quantile(&grid, &posterior, p).exp();
    let median = at(0.5);
    let tail = (1.0 - LEVEL) / 2.0;
    let (low, high) = (at(tail), at(1.0 - tail));
    let all_held = told
        .iter()
        .rev()
        .find(|l| l.rate <= median)
        .filter(|l| l.failed == 0);
    let all_failed = told
        .iter()
        .find(|l| l.rate >= median)
        .filter(|l| l.held == 0);
    KneeInterval {
        rate: median,
        low: low.min(all_held.map_or(low, |l| l.rate)) * KEEPS_UP,
        high: high.max(all_failed.map_or(high, |l| l.rate)),
        probability: LEVEL,
    }
}

/// The probability of each point of the grid, summed over the spreads.
fn posterior(levels: &[&Tally], grid: &[f64]) -> Vec<f64> {
    let (least, most, count) = SPREADS;
    let ratio = (most / least).powf(1.0 / f64::from(count - 1));
    let log_likelihood = |knee: f64, spread: f64| -> f64 {
        levels
            .iter()
            .map(|l| {
                let holds = 1.0 / (1.0 + ((l.rate.ln() - knee) / spread).exp());
                let p = LAPSES + (1.0 - 2.0 * LAPSES) * holds;
                l.held as f64 * p.ln() + l.failed as f64 * (1.0 - p).ln()
            })
            .sum()
    };
    let spreads = (0..count).map(|i| least * ratio.powf(f64::from(i)));
    let tables: Vec<Vec<f64>> = spreads
        .map(|s| grid.iter().map(|&k| log_likelihood(k, s)).collect())
        .collect();
    let greatest = tables
        .iter()
        .flatten()
        .copied()
        .fold(f64::NEG_INFINITY, f64::max);
    let mut weights = vec![0.0; grid.len()];
    for table in &tables {
        for (weight, log) in weights.iter_mut().zip(table) {
            *weight += (log - greatest).exp();
        }
    }
    let total: f64 = weights.iter().sum();
    for weight in &mut weights {
        *weight /= total;
    }
    weights
}

/// The p-quantile of a distribution on a grid, between points.
fn quantile(grid: &[f64], weights: &[f64], p: f64) -> f64 {
    let step = grid[1] - grid[0];
    let mut below = 0.0;
    for (at, weight) in grid.iter().zip(weights) {
        if below + weight >= p && *weight > 0.0 {
            return at + step * ((p - below) / weight - 0.5);
        }
        below += weight;
    }
    grid[grid.len() - 1]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn level(rate: f64, held: usize, failed: usize) -> Tally {
        Tally { rate, held, failed }
    }

    #[test]
    fn rounds_that_agree_leave_the_bracket() {
        let knee = estimate(&[
            level(100.0, 3, 0),
            level(196.0, 6, 0),
            level(204.0, 0, 6),
            level(400.0, 0, 3),
        ]);
        assert!((knee.rate / 200.0 - 1.0).abs() < 0.01, "{knee:?}");
        assert!(knee.low <= 0.99 * 196.0 && knee.low > 185.0, "{knee:?}");
        assert!(knee.high >= 204.0 && knee.high < 212.0, "{knee:?}");
    }

    #[test]
    fn rounds_that_disagree_widen_the_interval() {
        let sharp = estimate(&[level(180.0, 6, 0), level(200.0, 6, 0), level(220.0, 0, 6)]);
        let vague = estimate(&[level(180.0, 4, 2), level(200.0, 3, 3), level(220.0, 2, 4)]);
        assert!(vague.high - vague.low > 2.0 * (sharp.high - sharp.low));
        assert!((vague.rate / 200.0 - 1.0).abs() < 0.05, "{vague:?}");
    }

    #[test]
    fn one_round_against_all_others_moves_little() {
        let clean = [level(100.0, 3, 0), level(196.0, 6, 0), level(204.0, 0, 6)];
        let mut odd = clean;
        odd[0] = level(100.0, 2, 1);
        let (clean, odd) = (estimate(&clean), estimate(&odd));
        assert!((odd.rate / clean.rate - 1.0).abs() < 0.03, "{odd:?}");
    }
}
