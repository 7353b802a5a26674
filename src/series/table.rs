//! Series by name.

use std::collections::BTreeMap;

use super::looks::{Looks, Source};
use crate::model::SeriesName;

/// Seconds within which two points were seen at the same time.
const SAME_TIME: f64 = 1e-3;

/// A value and when it was seen, in seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    pub at: f64,
    pub value: f64,
}

/// Points that ascend in time.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Series(pub Vec<Point>);

/// Series by name, all on one time axis.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Table(BTreeMap<SeriesName, Series>, Looks);

impl Table {
    /// Adds a point; those of a series are expected, not required, to come in the order of time.
    pub fn add(&mut self, name: SeriesName, at: f64, value: f64) {
        if value.is_finite() {
            self.0.entry(name).or_default().0.push(Point { at, value });
        }
    }

    /// The same for a metric of ours.
    pub(super) fn put(&mut self, metric: &str, labels: &[(&str, &str)], at: f64, value: f64) {
        self.add(SeriesName::new(metric, labels), at, value);
    }

    /// The same for what the target said of itself.
    pub(super) fn add_scraped(&mut self, name: &SeriesName, at: f64, value: f64) {
        self.1.came_from_scrape(&name.metric);
        self.add(name.clone(), at, value);
    }

    /// Notes that a source was looked at: what it does not show now, it has no longer.
    pub(super) fn look(&mut self, source: Source, at: f64) {
        self.1.look(source, at);
    }

    /// When the source of a series was first looked at after a moment.
    pub fn looked_after(&self, name: &SeriesName, at: f64) -> Option<f64> {
        self.1.after(&name.metric, at)
    }

    /// Lets go of everything before a moment, and of series that have nothing else.
    pub fn forget_before(&mut self, at: f64) {
        self.0.retain(|_, Series(points)| {
            points.drain(..points.partition_point(|p| p.at < at));
            !points.is_empty()
        });
        self.1.forget_before(at);
    }

    pub(super) fn sort(&mut self) {
        for Series(points) in self.0.values_mut() {
            points.sort_by(|a, b| a.at.total_cmp(&b.at));
        }
    }

    /// All series, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&SeriesName, &Series)> {
        self.0.iter()
    }

    /// The series of a metric, whatever their labels.
    pub fn of<'a>(&'a self, metric: &'a str) -> impl Iterator<Item = (&'a SeriesName, &'a Series)> {
        let from = SeriesName {
            metric: metric.to_owned(),
            labels: BTreeMap::new(),
        };
        self.0
            .range(from..)
            .take_while(move |(name, _)| name.metric == metric)
    }

    /// The one series of that name.
    pub fn get(&self, metric: &str, labels: &[(&str, &str)]) -> Option<&Series> {
        self.0.get(&SeriesName::new(metric, labels))
    }

    /// The sum of all series of a metric at each time at which any of them has a point.
    pub fn sum(&self, metric: &str) -> Series {
        let mut sums: Vec<Point> = Vec::new();
        let mut all: Vec<Point> = self.of(metric).flat_map(|(_, s)| s.0.clone()).collect();
        all.sort_by(|a, b| a.at.total_cmp(&b.at));
        for point in all {
            match sums.last_mut() {
                Some(last) if last.at.total_cmp(&point.at).is_eq() => last.value += point.value,
                _ => sums.push(point),
            }
        }
        Series(sums)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Series {
    pub fn values(&self) -> impl Iterator<Item = f64> {
        self.0.iter().map(|p| p.value)
    }

    /// Points with `from <= at < to`.
    pub fn between(&self, from: f64, to: f64) -> &[Point] {
        let first = self.0.partition_point(|p| p.at < from);
        let last = self.0.partition_point(|p| p.at < to);
        &self.0[first..last.max(first)]
    }

    /// Of a counter, its growth a second between each two points, at the later one. Where it fell it
    /// began anew from zero.
    pub fn rate(&self) -> Self {
        let pairs = self.0.windows(2).filter(|w| w[1].at > w[0].at);
        let rates = pairs.map(|w| {
            let grown = if w[1].value < w[0].value {
                w[1].value
            } else {
                w[1].value - w[0].value
            };
            Point {
                at: w[1].at,
                value: grown / (w[1].at - w[0].at),
            }
        });
        Self(rates.collect())
    }

    #[must_use]
    pub fn map(&self, f: impl Fn(f64) -> f64) -> Self {
        let points = self.0.iter().map(|p| Point {
            value: f(p.value),
            ..*p
        });
        Self(points.collect())
    }

    /// Combines values of the times that both have, give or take a millisecond.
    #[must_use]
    pub fn with(&self, other: &Self, f: impl Fn(f64, f64) -> Option<f64>) -> Self {
        let combined = self.0.iter().filter_map(|p| {
            let at = other.0.partition_point(|o| o.at < p.at - SAME_TIME);
            let o = other.0.get(at).filter(|o| o.at <= p.at + SAME_TIME)?;
            let value = f(p.value, o.value)?;
            Some(Point { at: p.at, value })
        });
        Self(combined.collect())
    }

    /// The sum at the times of either; what has no value there counts as it last did.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        let mut times: Vec<f64> = self.0.iter().chain(&other.0).map(|p| p.at).collect();
        times.sort_by(f64::total_cmp);
        times.dedup_by(|b, a| *b - *a <= SAME_TIME);
        let sums = times.into_iter().map(|at| Point {
            at,
            value: self.at(at) + other.at(at),
        });
        Self(sums.collect())
    }

    /// This series with a zero at each time of the other at which it has no point: counts of what is
    /// only listed while there is any.
    #[must_use]
    pub fn or_zero_at(&self, other: &Self) -> Self {
        let points = other.0.iter().map(|o| {
            let at = self.0.partition_point(|p| p.at < o.at - SAME_TIME);
            let own = self.0.get(at).filter(|p| p.at <= o.at + SAME_TIME);
            own.copied().unwrap_or(Point {
                at: o.at,
                value: 0.0,
            })
        });
        Self(points.collect())
    }

    /// The latest value up to a time; zero before the first.
    fn at(&self, time: f64) -> f64 {
        let after = self.0.partition_point(|p| p.at <= time + SAME_TIME);
        after.checked_sub(1).map_or(0.0, |i| self.0[i].value)
    }

    /// The mean of the values; `None` of none.
    pub fn mean(&self) -> Option<f64> {
        (!self.0.is_empty()).then(|| self.values().sum::<f64>() / self.0.len() as f64)
    }

    pub fn max(&self) -> Option<f64> {
        self.values().max_by(f64::total_cmp)
    }

    pub fn last(&self) -> Option<f64> {
        self.0.last().map(|p| p.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(points: &[(f64, f64)]) -> Series {
        Series(
            points
                .iter()
                .map(|&(at, value)| Point { at, value })
                .collect(),
        )
    }

    #[test]
    fn a_counter_that_falls_began_anew() {
        let rate = series(&[(0.0, 10.0), (1.0, 14.0), (3.0, 2.0)]).rate();
        assert_eq!(rate, series(&[(1.0, 4.0), (3.0, 1.0)]));
    }

    #[test]
    fn a_sum_has_a_point_wherever_a_part_has_one() {
        let mut table = Table::default();
        for (label, at, value) in [("a", 1.0, 1.0), ("b", 1.0, 2.0), ("a", 2.0, 5.0)] {
            table.put("m", &[("x", label)], at, value);
        }
        table.put("mm", &[], 1.0, 100.0);
        table.put("m", &[("x", "c")], 3.0, f64::NAN);
        assert_eq!(table.sum("m"), series(&[(1.0, 3.0), (2.0, 5.0)]));
        assert_eq!(table.of("m").count(), 2);
    }

    #[test]
    fn a_stretch_holds_its_beginning_and_not_its_end() {
        let all = series(&[(0.0, 1.0), (1.0, 2.0), (2.0, 3.0)]);
        assert_eq!(all.between(1.0, 2.0), series(&[(1.0, 2.0)]).0);
        assert!(all.between(5.0, 2.0).is_empty());
    }
}
