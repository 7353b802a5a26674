//! How latencies were spread at every moment of a round: the rounds of one side laid over each other,
//! in columns of whole seconds and rows of equal ratio.
//!
//! Made of the histograms of the intervals, which are merged; requests that were given up lie where
//! they were given up.

use std::collections::BTreeMap;

use crate::model::{Distribution, Interval, Outline};

use super::bins::Bins;

/// Most columns, and the fewest that are more than a histogram.
const MOST_COLUMNS: f64 = 200.0;
const LEAST_COLUMNS: usize = 5;
/// Most rows.
const MOST_ROWS: usize = 28;

/// Requests per second by moment and latency.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::report) struct Heat {
    /// The rows, from fast to slow.
    pub(in crate::report) bins: Bins,
    /// Seconds that a column covers.
    pub(in crate::report) column: f64,
    /// Number of the column, from the beginning of the round, and the rate in each row.
    pub(in crate::report) columns: Vec<(u64, Vec<f64>)>,
    /// Rounds laid over each other.
    pub(in crate::report) rounds: usize,
    /// When the longest round ended, in seconds.
    pub(in crate::report) end: f64,
}

impl Heat {
    /// Of the rounds of one side and of the other, with the same rows and columns.
    pub(super) fn both(
        now: &[usize],
        before: Option<&[usize]>,
        intervals: &[Interval],
        outline: &Outline,
    ) -> (Option<Self>, Option<Self>) {
        let counted = |i: &&Interval| {
            let is_of = |rounds: &[usize]| rounds.contains(&i.round);
            i.length.0 > 0 && (is_of(now) || before.is_some_and(is_of))
        };
        let counted: Vec<_> = intervals.iter().filter(counted).collect();
        let all = counted.iter().flat_map(|i| times(i));
        let Some(bins) = Bins::over(all, MOST_ROWS) else {
            return (None, None);
        };
        let end = counted
            .iter()
            .map(|i| (i.start + i.length).as_secs_f64())
            .fold(outline.duration().as_secs_f64(), f64::max);
        let longest = counted.iter().map(|i| i.length.as_secs_f64());
        let column = longest.fold(1.0, f64::max).max((end / MOST_COLUMNS).ceil());
        let of = |rounds: &[usize]| {
            let of_side = counted.iter().filter(|i| rounds.contains(&i.round));
            let columns = columns(of_side.copied(), bins, column);
            (columns.len() >= LEAST_COLUMNS).then_some(Self {
                bins,
                column,
                columns,
                rounds: rounds.len(),
                end,
            })
        };
        (of(now), before.and_then(of))
    }

    /// The greatest rate of any cell.
    pub(in crate::report) fn greatest(&self) -> f64 {
        let rates = self.columns.iter().flat_map(|(_, rates)| rates);
        rates.copied().fold(0.0, f64::max)
    }

    /// When a column begins and ends, in seconds.
    pub(in crate::report) fn stretch(&self, number: u64) -> (f64, f64) {
        let from = number as f64 * self.column;
        (from, (from + self.column).min(self.end))
    }

    /// With so many columns put together into one.
    pub(in crate::report) fn coarser(&self, factor: u64) -> Self {
        let mut together: BTreeMap<u64, (Vec<f64>, f64)> = BTreeMap::new();
        for (number, rates) in &self.columns {
            let (sums, parts) = together
                .entry(number / factor)
                .or_insert_with(|| (vec![0.0; rates.len()], 0.0));
            add(sums, rates);
            *parts += 1.0;
        }
        let columns = together.into_iter().map(|(number, (sums, parts))| {
            let rates = sums.into_iter().map(|sum| sum / parts).collect();
            (number, rates)
        });
        Self {
            column: self.column * factor as f64,
            columns: columns.collect(),
            ..self.clone()
        }
    }
}

fn add(sums: &mut [f64], values: &[f64]) {
    for (sum, value) in sums.iter_mut().zip(values) {
        *sum += value;
    }
}

/// What is known of the latencies of an interval.
fn times(interval: &Interval) -> impl Iterator<Item = &Distribution> {
    let cells = interval.cells.iter();
    cells.flat_map(|cell| [&cell.latency.ok, &cell.latency.censored])
}

fn columns<'a>(
    intervals: impl Iterator<Item = &'a Interval>,
    bins: Bins,
    column: f64,
) -> Vec<(u64, Vec<f64>)> {
    let mut counted: BTreeMap<u64, (Vec<f64>, f64)> = BTreeMap::new();
    for interval in intervals {
        let length = interval.length.as_secs_f64();
        let middle = interval.start.as_secs_f64() + length / 2.0;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "seconds of a round over those of a column are a small positive number"
        )]
        let number = (middle / column) as u64;
        let (counts, covered) = counted
            .entry(number)
            .or_insert_with(|| (vec![0.0; bins.count()], 0.0));
        for distribution in times(interval) {
            bins.add(distribution, counts);
        }
        *covered += length;
    }
    // The stub after the last whole column holds too little time for a rate.
    let most = counted.values().map(|c| c.1).fold(0.0, f64::max);
    if counted.len() > 2 {
        while counted.last_entry().is_some_and(|e| e.get().1 < most / 4.0) {
            counted.pop_last();
        }
    }
    let rates = |(counts, covered): (Vec<f64>, f64)| -> Vec<f64> {
        counts.into_iter().map(|n| n / covered).collect()
    };
    counted
        .into_iter()
        .map(|(number, c)| (number, rates(c)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    #[test]
    fn rates_are_those_of_one_round_and_nothing_is_lost() {
        let run = fixture::run();
        let outline = &run.manifest.outline;
        let (one, _) = Heat::both(&[0], None, &run.intervals, outline);
        let (all, before) = Heat::both(&[0, 2, 4], Some(&[1, 3]), &run.intervals, outline);
        let before = before.expect("the other side");
        for heat in [one.expect("a round"), all.expect("rounds"), before] {
            assert_eq!(heat.columns.len(), 70, "a column for every second");
            for (number, rates) in &heat.columns {
                let rate: f64 = rates.iter().sum();
                assert!((rate - 200.0).abs() < 1e-6, "{rate} in column {number}");
            }
            let half = heat.coarser(2);
            assert_eq!(half.columns.len(), 35);
            let rate: f64 = half.columns[7].1.iter().sum();
            assert!((rate - 200.0).abs() < 1e-6, "{rate}");
        }
    }

    #[test]
    fn both_sides_have_the_same_rows_and_a_long_round_few_columns() {
        let run = fixture::long_run();
        let (now, before) = Heat::both(&[0], Some(&[1]), &run.intervals, &run.manifest.outline);
        let (now, before) = (now.expect("now"), before.expect("before"));
        assert_eq!(now.bins, before.bins);
        assert!(now.columns.len() <= 200 && now.columns.len() > 100);
        assert_eq!(now.stretch(2), (8.0, 12.0), "whole seconds");
    }

    #[test]
    fn requests_that_were_given_up_are_in_it() {
        let run = fixture::plain_run();
        let (heat, _) = Heat::both(&[0], None, &run.intervals, &run.manifest.outline);
        let heat = heat.expect("a round");
        let last = heat.bins.count() - 1;
        assert!(heat.bins.edge(last) <= 3e9 && heat.bins.edge(last + 1) >= 3e9);
        assert!(heat.columns.iter().all(|(_, rates)| rates[last] > 0.0));
    }
}
