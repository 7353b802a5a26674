//! Functions of a stretch of one series.
//!
//! As Prometheus computes them (promql/functions.go, 2.42): `rate` and its like extrapolate to the
//! ends of the stretch unless the series seems to begin or end within it.

#![expect(
    clippy::unnecessary_wraps,
    reason = "all functions of the table have one form"
)]

/// A value and its time in milliseconds.
pub(super) type Point = (i64, f64);

/// Points of one series and the stretch they were looked for in, both ends included.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window<'a> {
    /// At least one.
    pub(super) points: &'a [Point],
    pub(super) start: i64,
    pub(super) end: i64,
}

impl Window<'_> {
    fn values(&self) -> impl Iterator<Item = f64> {
        self.points.iter().map(|p| p.1)
    }

    fn pairs(&self) -> impl Iterator<Item = (f64, f64)> {
        self.points.windows(2).map(|w| (w[0].1, w[1].1))
    }

    fn count(&self) -> f64 {
        self.points.len() as f64
    }

    fn last_two(&self) -> Option<(Point, Point)> {
        match self.points {
            [.., before, last] if last.0 > before.0 => Some((*before, *last)),
            _ => None,
        }
    }
}

pub(super) fn rate(w: &Window<'_>) -> Option<f64> {
    Some(increase(w)? / seconds(w.end - w.start))
}

pub(super) fn increase(w: &Window<'_>) -> Option<f64> {
    extrapolated(w, true)
}

pub(super) fn delta(w: &Window<'_>) -> Option<f64> {
    extrapolated(w, false)
}

fn extrapolated(w: &Window<'_>, counter: bool) -> Option<f64> {
    let [first, .., last] = w.points else {
        return None;
    };
    let mut grown = last.1 - first.1;
    if counter {
        let resets = w.pairs().filter(|(before, now)| now < before);
        grown += resets.map(|(before, _)| before).sum::<f64>();
    }
    let sampled = seconds(last.0 - first.0);
    let spacing = sampled / (w.count() - 1.0);
    let mut before = seconds(first.0 - w.start);
    let after = seconds(w.end - last.0);
    if counter && grown > 0.0 && first.1 >= 0.0 {
        // A counter cannot have been below zero: it is not drawn on beyond where it was zero.
        before = before.min(sampled * (first.1 / grown));
    }
    let edge = |gap: f64| {
        if gap < spacing * 1.1 {
            gap
        } else {
            spacing / 2.0
        }
    };
    let factor = (sampled + edge(before) + edge(after)) / sampled;
    Some(grown * factor)
}

pub(super) fn irate(w: &Window<'_>) -> Option<f64> {
    let (before, last) = w.last_two()?;
    let grown = if last.1 < before.1 {
        last.1
    } else {
        last.1 - before.1
    };
    Some(grown / seconds(last.0 - before.0))
}

pub(super) fn idelta(w: &Window<'_>) -> Option<f64> {
    let (before, last) = w.last_two()?;
    Some(last.1 - before.1)
}

pub(super) fn deriv(w: &Window<'_>) -> Option<f64> {
    let first = w.points.first()?.0;
    (w.points.len() > 1).then(|| line(w.points, first).0)
}

/// The value of the straight line through the points, so many seconds after `at`.
pub(super) fn predict(w: &Window<'_>, at: i64, ahead: f64) -> Option<f64> {
    (w.points.len() > 1).then(|| {
        let (slope, level) = line(w.points, at);
        level + slope * ahead
    })
}

/// Slope and level at a time, by least squares.
fn line(points: &[Point], at: i64) -> (f64, f64) {
    let first = points[0].1;
    if points.iter().all(|p| (p.1 - first).abs() <= 0.0) {
        return (0.0, first);
    }
    let n = points.len() as f64;
    let xs = points.iter().map(|p| seconds(p.0 - at));
    // Around the means, which loses fewer digits than sums of squares do.
    let x = xs.clone().sum::<f64>() / n;
    let y = points.iter().map(|p| p.1).sum::<f64>() / n;
    let covariance: f64 = xs
        .clone()
        .zip(points)
        .map(|(px, p)| (px - x) * (p.1 - y))
        .sum();
    let variance: f64 = xs.map(|px| (px - x) * (px - x)).sum();
    let slope = covariance / variance;
    (slope, y - slope * x)
}

pub(super) fn avg(w: &Window<'_>) -> Option<f64> {
    Some(w.values().sum::<f64>() / w.count())
}

pub(super) fn min(w: &Window<'_>) -> Option<f64> {
    w.values().min_by(f64::total_cmp)
}

pub(super) fn max(w: &Window<'_>) -> Option<f64> {
    w.values().max_by(f64::total_cmp)
}

pub(super) fn sum(w: &Window<'_>) -> Option<f64> {
    Some(w.values().sum())
}

pub(super) fn count(w: &Window<'_>) -> Option<f64> {
    Some(w.count())
}

pub(super) fn last(w: &Window<'_>) -> Option<f64> {
    w.points.last().map(|p| p.1)
}

pub(super) fn present(_: &Window<'_>) -> Option<f64> {
    Some(1.0)
}

pub(super) fn stdvar(w: &Window<'_>) -> Option<f64> {
    Some(variance(&w.values().collect::<Vec<_>>()))
}

pub(super) fn stddev(w: &Window<'_>) -> Option<f64> {
    stdvar(w).map(f64::sqrt)
}

#[expect(clippy::float_cmp, reason = "a change is any difference")]
pub(super) fn changes(w: &Window<'_>) -> Option<f64> {
    Some(w.pairs().filter(|(a, b)| a != b).count() as f64)
}

pub(super) fn resets(w: &Window<'_>) -> Option<f64> {
    Some(w.pairs().filter(|(a, b)| b < a).count() as f64)
}

/// The quantile of some values, interpolated between neighbours.
pub(super) fn quantile(q: f64, mut values: Vec<f64>) -> f64 {
    if values.is_empty() || q.is_nan() {
        return f64::NAN;
    }
    if q < 0.0 {
        return f64::NEG_INFINITY;
    }
    if q > 1.0 {
        return f64::INFINITY;
    }
    values.sort_by(f64::total_cmp);
    let rank = q * (values.len() - 1) as f64;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between zero and the number of values"
    )]
    let lower = rank.floor() as usize;
    let upper = (lower + 1).min(values.len() - 1);
    let weight = rank - rank.floor();
    values[lower] * (1.0 - weight) + values[upper] * weight
}

/// Of the values themselves, not of what they were drawn from.
pub(super) fn variance(values: &[f64]) -> f64 {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    values.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / n
}

fn seconds(ms: i64) -> f64 {
    ms as f64 / 1000.0
}
