//! Change points as Apache Otava (Hunter) finds them: E-divisive (Matteson & James 2014) inside
//! windows, with a t test at .01 in place of permutations; then those over .001 between their
//! neighbours are merged away, the weakest first (Fleming et al., ICPE 2023).

use plimsoll::stats::pooled;

const WINDOW: usize = 50;
const P_FIRST: f64 = 0.01;
const P_LAST: f64 = 0.001;

pub(crate) fn change_points(values: &[f64]) -> Vec<usize> {
    merged(values, in_windows(values))
}

fn in_windows(values: &[f64]) -> Vec<usize> {
    let mut all = Vec::new();
    let mut start = 0;
    while start < values.len() {
        let end = (start + WINDOW).min(values.len());
        let found = divided(&values[start..end]);
        all.extend(found.iter().map(|i| i + start));
        let last = all.last().copied().unwrap_or(0);
        start = last.max(start + WINDOW / 2);
    }
    all.sort_unstable();
    all.dedup();
    all
}

/// Splits the segment with the best split of all, as long as its t test says so.
fn divided(values: &[f64]) -> Vec<usize> {
    let mut points: Vec<usize> = Vec::new();
    loop {
        let bounds = with_ends(&points, values.len());
        let best = bounds
            .windows(2)
            .filter_map(|b| {
                let (at, q) = energy_split(&values[b[0]..b[1]])?;
                Some((b[0], b[0] + at, b[1], q))
            })
            .max_by(|a, b| a.3.total_cmp(&b.3));
        match best {
            Some((from, at, to, _)) if p(values, from, at, to) <= P_FIRST => {
                points.push(at);
                points.sort_unstable();
            }
            _ => return points,
        }
    }
}

/// The split with the greatest energy distance between both sides, weighted by their sizes.
fn energy_split(x: &[f64]) -> Option<(usize, f64)> {
    let n = x.len();
    let apart = |i: usize, j: usize| (x[i] - x[j]).abs();
    // Sums of distances within the left, within the right and between, as the split moves.
    let mut right: f64 = (0..n)
        .map(|i| (0..i).map(|j| apart(i, j)).sum::<f64>())
        .sum();
    let (mut left, mut between) = (0.0, 0.0);
    let mut best = None;
    for at in 1..n {
        let moved = at - 1;
        let to_left: f64 = (0..moved).map(|j| apart(moved, j)).sum();
        let to_right: f64 = (at..n).map(|j| apart(moved, j)).sum();
        left += to_left;
        right -= to_right;
        between += to_right - to_left;
        let (a, b) = (at as f64, (n - at) as f64);
        if at < 2 || n - at < 2 {
            continue;
        }
        let distance =
            2.0 * between / (a * b) - 2.0 * left / (a * (a - 1.0)) - 2.0 * right / (b * (b - 1.0));
        let q = a * b / (a + b) * distance;
        if best.is_none_or(|(_, most)| q > most) {
            best = Some((at, q));
        }
    }
    best
}

fn merged(values: &[f64], mut points: Vec<usize>) -> Vec<usize> {
    loop {
        let bounds = with_ends(&points, values.len());
        let weakest = bounds
            .windows(3)
            .map(|b| p(values, b[0], b[1], b[2]))
            .enumerate()
            .max_by(|a, b| a.1.total_cmp(&b.1));
        match weakest {
            Some((i, p)) if p > P_LAST => {
                points.remove(i);
            }
            _ => return points,
        }
    }
}

/// Two-sided p of Student's t; 1 where a side is too short.
fn p(values: &[f64], from: usize, at: usize, to: usize) -> f64 {
    pooled(&values[from..at], &values[at..to], 0.0)
        .map_or(1.0, |c| 2.0 * c.p_greater(0.0).min(c.p_less(0.0)))
}

fn with_ends(points: &[usize], n: usize) -> Vec<usize> {
    let mut bounds = vec![0];
    bounds.extend(points);
    bounds.push(n);
    bounds
}
