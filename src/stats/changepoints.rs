//! Where the level of a series changed: for a history of runs, oldest first.
//!
//! On logarithms, so that an effect is a ratio. Single wild values are drawn in by Hampel's rule
//! (1974: the median of 11 neighbours ± 3 scaled median deviations). Binary segmentation (Scott &
//! Knott 1974; Vostrikova 1981) then splits where |t| of the means of both sides is greatest, as
//! long as it exceeds the t quantile for all places a split could be (Bonferroni; neighbouring
//! places are so alike that .35 of their number count, by simulation). From the weakest on,
//! change points are taken back that do not hold between their neighbours once t is reduced for
//! autocorrelation, by √((1 − ρ)/(1 + ρ)) with ρ of lag one (Bartlett 1935): the values of runs
//! that followed each other are alike without anything having changed.
//!
//! A split is tried at the level 10⁻³ and kept at 10⁻⁵. For white noise 10⁻³ would do, but histories
//! wander more slowly than lag one tells: on public histories without a change it gives several
//! times the false alarms of 10⁻⁵ and finds little more (`benches/judge-quality`). Trying is more
//! generous because a level that rises and falls again splits well only once both splits are made.

use std::collections::HashMap;

use super::distributions::{t_cdf, t_quantile};
use super::rank::{median, median_of_sorted};

/// Values on each side that a change point needs.
const LEAST_SIDE: usize = 5;
/// Values at the end that make a candidate.
const LEAST_TAIL: usize = 2;
/// Level at which a segment is split for a try.
const TRIED: f64 = 1e-3;
/// Level at which a split is kept.
const KEPT: f64 = 1e-5;
/// Independent places for a split, per value of a segment.
const PLACES: f64 = 0.35;
/// Smaller changes of level, as a share, are none.
const LEAST_EFFECT: f64 = 0.01;
/// Neighbours on each side in Hampel's window.
const REACH: usize = 5;
/// Hampel's bound, in scaled median deviations.
const BOUND: f64 = 3.0;
/// Standard deviation of the normal distribution in median absolute deviations.
const NORMAL_MAD: f64 = 1.4826;
/// Beyond this autocorrelation the reduction of t is not known well enough to be more.
const MOST_RHO: f64 = 0.9;

/// A change of level, between the change points beside it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ChangePoint {
    /// Index of the first value of the new level.
    pub index: usize,
    /// Geometric mean from the last change point up to here.
    pub before: f64,
    /// Geometric mean from here to the next change point.
    pub after: f64,
    /// Difference of both on logarithms in standard errors, reduced for autocorrelation; + is up.
    pub t: f64,
    /// Two-sided p of t, over all places where the change could have been.
    pub p: f64,
    /// The new level has fewer than five values yet: it may turn out to be a few wild ones.
    pub candidate: bool,
}

impl ChangePoint {
    /// The new level as a multiple of the old.
    pub fn effect(&self) -> f64 {
        self.after / self.before
    }
}

/// The change points of a series, in order; the last may be a candidate.
///
/// `resolution` is the relative step of the instrument. Values that are not finite or not above
/// zero are passed over; indices count them. Fewer than ten usable values have no change point,
/// fewer than seven no candidate.
pub fn change_points(values: &[f64], resolution: f64) -> Vec<ChangePoint> {
    let (places, logs): (Vec<usize>, Vec<f64>) = values
        .iter()
        .enumerate()
        .filter(|(_, v)| v.is_finite() && **v > 0.0)
        .map(|(i, v)| (i, v.ln()))
        .unzip();
    let mut search = Search::of(&logs, resolution);
    let splits = search.splits();
    let mut found = search.pruned(splits);
    // Four values of a new level and one of the old look like five of a new level.
    let shortest = found.pop_if(|p| p.index + LEAST_SIDE == logs.len());
    let candidate = search.candidate(&logs, &found);
    let is_clearer = |c: &ChangePoint| shortest.is_none_or(|s| c.t.abs() > s.t.abs());
    found.extend(candidate.filter(is_clearer).or(shortest));
    for point in &mut found {
        point.index = places[point.index];
    }
    found
}

/// A series under search: winsorised logarithms around their median.
struct Search {
    z: Vec<f64>,
    /// Sums of the first i values, and of their squares.
    sums: Vec<(f64, f64)>,
    /// What was subtracted from the logarithms.
    centre: f64,
    /// Variance of rounding.
    floor: f64,
    /// Least |t| of a split that is kept, by length of the segment.
    thresholds: HashMap<usize, f64>,
}

/// Two neighbouring segments: `from..at` and `at..to`.
#[derive(Clone, Copy)]
struct Split {
    from: usize,
    at: usize,
    to: usize,
}

impl Split {
    const fn len(self) -> usize {
        self.to - self.from
    }
}

impl Search {
    fn of(logs: &[f64], resolution: f64) -> Self {
        // Around zero the sums of squares keep their digits.
        let centre = if logs.is_empty() {
            0.0
        } else {
            median(&mut logs.to_vec())
        };
        let z: Vec<f64> = winsorised(logs).iter().map(|v| v - centre).collect();
        let mut sums = vec![(0.0, 0.0)];
        let (mut sum, mut squares) = (0.0, 0.0);
        for v in &z {
            sum += v;
            squares += v * v;
            sums.push((sum, squares));
        }
        Self {
            z,
            sums,
            centre,
            floor: resolution * resolution / 12.0,
            thresholds: HashMap::new(),
        }
    }

    fn mean(&self, from: usize, to: usize) -> f64 {
        (self.sums[to].0 - self.sums[from].0) / (to - from) as f64
    }

    /// Squares around the mean.
    fn scatter(&self, from: usize, to: usize) -> f64 {
        let (sum, squares) = (
            self.sums[to].0 - self.sums[from].0,
            self.sums[to].1 - self.sums[from].1,
        );
        (squares - sum * sum / (to - from) as f64).max(0.0)
    }

    /// Student's t of the means of both sides.
    fn t(&self, s: Split) -> f64 {
        let (a, b) = ((s.at - s.from) as f64, (s.to - s.at) as f64);
        let within = self.scatter(s.from, s.at) + self.scatter(s.at, s.to);
        let variance = within / (a + b - 2.0) + self.floor;
        student(
            self.mean(s.at, s.to) - self.mean(s.from, s.at),
            variance,
            a,
            b,
        )
    }

    fn threshold(&mut self, len: usize) -> f64 {
        let entry = self.thresholds.entry(len);
        *entry.or_insert_with(|| -t_quantile(KEPT / (2.0 * PLACES * len as f64), len as f64 - 2.0))
    }

    /// Places at which the series falls apart, by binary segmentation, in order.
    fn splits(&self) -> Vec<usize> {
        let mut splits = Vec::new();
        let mut open = vec![(0, self.z.len())];
        while let Some((from, to)) = open.pop() {
            let Some((at, t)) = self.best(from, to) else {
                continue;
            };
            if p_of(t, to - from) <= TRIED {
                splits.push(at);
                open.extend([(from, at), (at, to)]);
            }
        }
        splits.sort_unstable();
        splits
    }

    /// The split with the greatest |t|; None where a side would be too short.
    fn best(&self, from: usize, to: usize) -> Option<(usize, f64)> {
        if to - from < 2 * LEAST_SIDE {
            return None;
        }
        (from + LEAST_SIDE..=to - LEAST_SIDE)
            .map(|at| (at, self.t(Split { from, at, to }).abs()))
            .max_by(|a, b| a.1.total_cmp(&b.1))
    }

    /// Takes back the weakest split while it does not hold, and describes those that remain.
    fn pruned(&mut self, mut splits: Vec<usize>) -> Vec<ChangePoint> {
        loop {
            let reduction = self.reduction(&splits);
            let neighbours = self.neighbours(&splits);
            let strengths: Vec<f64> = neighbours
                .iter()
                .map(|&s| {
                    let change = self.mean(s.at, s.to) - self.mean(s.from, s.at);
                    if change.abs() < LEAST_EFFECT.ln_1p() {
                        return 0.0;
                    }
                    self.t(s).abs() * reduction / self.threshold(s.len())
                })
                .collect();
            let weakest = (0..splits.len()).min_by(|&i, &j| strengths[i].total_cmp(&strengths[j]));
            match weakest {
                Some(i) if strengths[i] <= 1.0 => {
                    splits.remove(i);
                }
                _ => {
                    return neighbours
                        .into_iter()
                        .map(|s| {
                            let after = self.mean(s.at, s.to);
                            self.point(s, after, self.t(s) * reduction)
                        })
                        .collect();
                }
            }
        }
    }

    fn neighbours(&self, splits: &[usize]) -> Vec<Split> {
        (0..splits.len())
            .map(|i| Split {
                from: if i == 0 { 0 } else { splits[i - 1] },
                at: splits[i],
                to: splits.get(i + 1).copied().unwrap_or(self.z.len()),
            })
            .collect()
    }

    /// √((1 − ρ)/(1 + ρ)) of what the levels between the splits leave unexplained.
    fn reduction(&self, splits: &[usize]) -> f64 {
        let mut residuals = Vec::with_capacity(self.z.len());
        let mut from = 0;
        for &to in splits.iter().chain([&self.z.len()]) {
            let level = self.mean(from, to);
            residuals.extend(self.z[from..to].iter().map(|v| v - level));
            from = to;
        }
        let squares: f64 = residuals.iter().map(|r| r * r).sum();
        if squares <= 0.0 {
            return 1.0;
        }
        let lagged: f64 = residuals.windows(2).map(|r| r[0] * r[1]).sum();
        let rho = (lagged / squares).clamp(0.0, MOST_RHO);
        ((1.0 - rho) / (1.0 + rho)).sqrt()
    }

    fn point(&self, s: Split, after: f64, t: f64) -> ChangePoint {
        ChangePoint {
            index: s.at,
            before: (self.mean(s.from, s.at) + self.centre).exp(),
            after: (after + self.centre).exp(),
            t,
            p: p_of(t, s.len()),
            candidate: s.to - s.at < LEAST_SIDE,
        }
    }

    /// Two to four values at the end that lie off the last level, all on the same side.
    ///
    /// They are taken as they are: so few values Hampel's rule takes for wild ones.
    fn candidate(&mut self, logs: &[f64], found: &[ChangePoint]) -> Option<ChangePoint> {
        let splits: Vec<usize> = found.iter().map(|p| p.index).collect();
        let (from, to) = (splits.last().copied().unwrap_or(0), logs.len());
        let reduction = self.reduction(&splits);
        let tails = (LEAST_TAIL..LEAST_SIDE).filter(|tail| to >= from + LEAST_SIDE + tail);
        let best = tails
            .map(|tail| {
                let at = to - tail;
                let new: Vec<f64> = logs[at..].iter().map(|v| v - self.centre).collect();
                let (a, b) = ((at - from) as f64, tail as f64);
                let level = self.mean(from, at);
                let after = new.iter().sum::<f64>() / b;
                let within: f64 = new.iter().map(|v| (v - after).powi(2)).sum();
                let variance = (self.scatter(from, at) + within) / (a + b - 2.0) + self.floor;
                let t = student(after - level, variance, a, b) * reduction;
                let least = new
                    .iter()
                    .map(|v| (v - level) * (after - level).signum())
                    .fold(f64::INFINITY, f64::min);
                (Split { from, at, to }, after, t, least)
            })
            .filter(|&(_, _, _, least)| least >= LEAST_EFFECT.ln_1p())
            .max_by(|a, b| a.2.abs().total_cmp(&b.2.abs()))?;
        let (s, after, t, _) = best;
        (t.abs() > self.threshold(s.len())).then(|| self.point(s, after, t))
    }
}

/// Two-sided p of the greatest t over all places where a segment could be split.
fn p_of(t: f64, len: usize) -> f64 {
    let n = len as f64;
    (2.0 * PLACES * n * t_cdf(-t.abs(), n - 2.0)).min(1.0)
}

fn student(difference: f64, variance: f64, a: f64, b: f64) -> f64 {
    if difference == 0.0 {
        0.0
    } else {
        difference / (variance * (1.0 / a + 1.0 / b)).sqrt()
    }
}

/// Values beyond Hampel's bound, brought to it.
fn winsorised(values: &[f64]) -> Vec<f64> {
    // The window stays sorted as it moves on: one value comes, one goes.
    let mut window: Vec<f64> = Vec::with_capacity(2 * REACH + 2);
    let place = |window: &[f64], v: f64| window.partition_point(|w| w.total_cmp(&v).is_lt());
    let mut enter = values.iter().copied();
    let mut leave = values.iter().copied();
    let mut come = |window: &mut Vec<f64>| {
        if let Some(v) = enter.next() {
            window.insert(place(window, v), v);
        }
    };
    for _ in 0..REACH {
        come(&mut window);
    }
    let mut drawn_in = Vec::with_capacity(values.len());
    for (i, &value) in values.iter().enumerate() {
        come(&mut window);
        if i > REACH
            && let Some(v) = leave.next()
        {
            window.remove(place(&window, v));
        }
        let middle = median_of_sorted(&window);
        let reach = BOUND * NORMAL_MAD * median_deviation(&window, middle);
        // Where most neighbours are equal nothing is known about their spread.
        drawn_in.push(if reach > 0.0 {
            value.clamp(middle - reach, middle + reach)
        } else {
            value
        });
    }
    drawn_in
}

/// Median of the distances of sorted values from their middle, which grow to either side of it.
fn median_deviation(sorted: &[f64], middle: f64) -> f64 {
    let (below, above) = sorted.split_at(sorted.partition_point(|v| *v < middle));
    let mut below = below.iter().rev().map(|v| middle - v).peekable();
    let mut above = above.iter().map(|v| v - middle).peekable();
    let mut nearest = || match (below.peek(), above.peek()) {
        (Some(b), Some(a)) if b < a => below.next(),
        (_, Some(_)) => above.next(),
        _ => below.next(),
    };
    let half = sorted.len() / 2;
    let before = (0..half).fold(None, |_, _| nearest());
    match (sorted.len() % 2, before, nearest()) {
        (0, Some(before), Some(deviation)) => f64::midpoint(before, deviation),
        (_, _, deviation) => deviation.unwrap_or(0.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seven readings that repeat: sd 1.08 % and no trend.
    const NOISE: [f64; 7] = [0.012, -0.004, 0.009, -0.013, 0.002, -0.011, 0.005];

    /// Levels with their lengths, under the repeating noise.
    fn series(levels: &[(f64, usize)]) -> Vec<f64> {
        levels
            .iter()
            .flat_map(|&(level, n)| std::iter::repeat_n(level, n))
            .zip(NOISE.into_iter().cycle())
            .map(|(level, e)| level * f64::exp(e))
            .collect()
    }

    fn found(values: &[f64]) -> Vec<(usize, bool)> {
        change_points(values, 0.001)
            .iter()
            .map(|p| (p.index, p.candidate))
            .collect()
    }

    #[test]
    fn levels_are_found_where_they_begin() {
        for (levels, expected) in [
            (vec![(5.0, 150)], vec![]),
            (vec![(5.0, 80), (5.25, 70)], vec![(80, false)]),
            (vec![(5.0, 80), (4.75, 70)], vec![(80, false)]),
            (
                vec![(5.0, 40), (5.5, 30), (5.0, 40)],
                vec![(40, false), (70, false)],
            ),
            (vec![(5.0, 60), (5.5, 5)], vec![(60, false)]),
            // Half a percent is no change, however sure it is.
            (vec![(5.0, 2000), (5.025, 2000)], vec![]),
            (vec![(5.0, 10), (7.5, 10)], vec![(10, false)]),
        ] {
            assert_eq!(found(&series(&levels)), expected, "{levels:?}");
        }
    }

    #[test]
    fn a_change_point_states_levels_effect_and_certainty() {
        let points = change_points(&series(&[(5.0, 77), (5.5, 70)]), 0.0);
        assert_eq!(points.len(), 1);
        let p = points[0];
        assert!((p.before - 5.0).abs() < 1e-3 && (p.after - 5.5).abs() < 1e-3);
        assert!((p.effect() - 1.1).abs() < 1e-3 && p.p < 1e-30 && !p.candidate);
        // By hand: ln 1.1 over a pooled sd of √(SS/145), SS = 21 · 560e-6; the noise swings, so ρ = 0.
        let by_hand = 1.1_f64.ln() / f64::sqrt(21.0 * 560e-6 / 145.0 * (1.0 / 77.0 + 1.0 / 70.0));
        assert!((p.t / by_hand - 1.0).abs() < 1e-3, "{} {by_hand}", p.t);
        let down = change_points(&series(&[(5.5, 77), (5.0, 70)]), 0.0);
        assert!((down[0].t / p.t + 1.0).abs() < 1e-6);
    }

    #[test]
    fn a_new_level_is_a_candidate_until_it_has_five_values() {
        for (n, expected) in [
            (1, vec![]),
            (2, vec![(60, true)]),
            (4, vec![(60, true)]),
            (5, vec![(60, false)]),
        ] {
            assert_eq!(found(&series(&[(5.0, 60), (6.0, n)])), expected, "{n}");
        }
        // One of the last two is back: a wild value, and no new level.
        let mut back = series(&[(5.0, 60), (6.0, 2)]);
        back[61] = 5.0;
        assert_eq!(found(&back), []);
    }

    #[test]
    fn wild_values_are_no_change() {
        let mut values = series(&[(5.0, 100)]);
        for i in [10, 33, 34, 71, 95] {
            values[i] *= 4.0;
        }
        assert_eq!(found(&values), []);
    }

    #[test]
    fn what_cannot_be_used_is_passed_over_and_counted() {
        let mut values = series(&[(5.0, 30), (6.0, 30)]);
        values.insert(3, f64::NAN);
        values.insert(8, 0.0);
        values.insert(40, f64::INFINITY);
        assert_eq!(found(&values), [(32, false)]);
        assert_eq!(found(&[]), []);
        assert_eq!(found(&[f64::NAN; 40]), []);
        assert_eq!(found(&[-1.0; 40]), []);
        assert_eq!(found(&[5.0, 6.0, 7.0]), []);
    }

    #[test]
    fn equal_values_change_only_when_they_do() {
        assert_eq!(found(&[5.0; 100]), []);
        let step = [vec![5.0; 20], vec![5.2; 20]].concat();
        assert_eq!(found(&step), [(20, false)]);
        assert!(change_points(&step, 0.0)[0].p < 1e-100);
    }

    #[test]
    fn slow_waves_are_autocorrelation_and_no_change() {
        // A random walk back to its mean (ρ = .9), from a fixed linear congruence.
        let (mut state, mut level) = (1_u64, 0.0);
        let values: Vec<f64> = (0..400)
            .map(|_| {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                let uniform = (state >> 40) as f64 / f64::from(1 << 24) - 0.5;
                level = 0.9 * level + 0.01 * uniform;
                5.0 * f64::exp(level)
            })
            .collect();
        let search = Search::of(&values.iter().map(|v| v.ln()).collect::<Vec<_>>(), 0.0);
        let t = search.best(0, 400).expect("long enough").1;
        assert!(t > 6.0, "as if independent this were a change: {t}");
        assert_eq!(found(&values), []);
    }

    #[test]
    fn the_moving_window_is_the_window_of_each_value() {
        let plainly = |values: &[f64], i: usize| {
            let from = i.saturating_sub(REACH);
            let mut window = values[from..(i + REACH + 1).min(values.len())].to_vec();
            let middle = median(&mut window);
            let mut distances: Vec<f64> = window.iter().map(|v| (v - middle).abs()).collect();
            let reach = BOUND * NORMAL_MAD * median(&mut distances);
            let bounds = (middle - reach, middle + reach);
            if reach > 0.0 {
                values[i].clamp(bounds.0, bounds.1)
            } else {
                values[i]
            }
        };
        let mut state = 7_u64;
        for n in 0..60 {
            // Coarse steps, so that many are equal, and some wild ones.
            let values: Vec<f64> = (0..n)
                .map(|_| {
                    state = state
                        .wrapping_mul(6_364_136_223_846_793_005)
                        .wrapping_add(1);
                    let step = (state >> 61) as f64 - 3.0;
                    if (state >> 40).is_multiple_of(16) {
                        step * 100.0
                    } else {
                        step / 4.0
                    }
                })
                .collect();
            let expected: Vec<f64> = (0..n).map(|i| plainly(&values, i)).collect();
            assert_eq!(winsorised(&values), expected, "{values:?}");
        }
    }

    #[test]
    fn hampels_rule_brings_a_wild_value_to_the_bound() {
        let values = [1.0, 2.0, 3.0, 4.0, 5.0, 100.0, 7.0, 8.0, 9.0, 10.0, 11.0];
        // Median 7, deviations 0 1 1 2 2 3 3 4 4… : their median is 3.
        let w = winsorised(&values);
        assert!((w[5] - (7.0 + 3.0 * 1.4826 * 3.0)).abs() < 1e-9, "{}", w[5]);
        assert_eq!(w[6..], values[6..]);
    }
}
