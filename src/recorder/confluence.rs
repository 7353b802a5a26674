//! Joins the intervals of several sources of load into one stream, second by second.
//!
//! A second is given on once every source has told of it or has ended, so what is recorded does not
//! depend on which source was quicker.

use std::collections::BTreeMap;

use crate::model::{Cell, Interval};
use crate::units::Nanos;

/// Joins the intervals of so many sources.
#[derive(Debug)]
pub struct Confluence {
    /// Start of the next second that each source has yet to tell of; None: it has ended.
    reached: Vec<Option<Nanos>>,
    /// Not given on yet, by start.
    open: BTreeMap<Nanos, Interval>,
}

impl Confluence {
    pub fn new(sources: usize) -> Self {
        Self {
            reached: vec![Some(Nanos::ZERO); sources],
            open: BTreeMap::new(),
        }
    }

    /// Takes an interval of a source, which gives its own in order; returns what is complete by it.
    pub fn add(&mut self, source: usize, interval: Interval) -> Vec<Interval> {
        self.reached[source] = Some(interval.start + Nanos::SECOND);
        match self.open.get_mut(&interval.start) {
            Some(sum) => join(sum, interval),
            None => drop(self.open.insert(interval.start, interval)),
        }
        self.complete()
    }

    /// A source has ended; returns what is complete by it.
    pub fn end(&mut self, source: usize) -> Vec<Interval> {
        self.reached[source] = None;
        self.complete()
    }

    fn complete(&mut self) -> Vec<Interval> {
        let reached = self.reached.iter().flatten().min();
        let later = reached.map_or_else(BTreeMap::new, |start| self.open.split_off(start));
        std::mem::replace(&mut self.open, later)
            .into_values()
            .collect()
    }
}

fn join(sum: &mut Interval, other: Interval) {
    sum.length = sum.length.max(other.length);
    sum.in_flight += other.in_flight;
    sum.standstill = sum.standstill.max(other.standstill);
    let mut cells: BTreeMap<(usize, usize), Cell> = std::mem::take(&mut sum.cells)
        .into_iter()
        .map(|cell| ((cell.phase, cell.step), cell))
        .collect();
    for cell in other.cells {
        cells
            .entry((cell.phase, cell.step))
            .and_modify(|c| c.merge(&cell))
            .or_insert(cell);
    }
    sum.cells = cells.into_values().collect();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interval(second: u64, ms: u64, in_flight: u64, cells: &[(usize, usize, u64)]) -> Interval {
        let cell = |&(phase, step, due)| {
            let mut cell = Cell {
                phase,
                step,
                ..Cell::default()
            };
            cell.tally.due = due;
            cell
        };
        Interval {
            round: 2,
            start: Nanos::from_secs(second),
            length: Nanos::from_millis(ms),
            cells: cells.iter().map(cell).collect(),
            in_flight,
            standstill: Nanos::ZERO,
        }
    }

    #[test]
    fn a_second_is_given_on_when_all_have_told_of_it() {
        let mut both = Confluence::new(2);
        assert_eq!(both.add(0, interval(0, 1000, 1, &[(0, 1, 5)])), []);
        assert_eq!(both.add(0, interval(1, 1000, 0, &[])), []);
        let first = both.add(1, interval(0, 1000, 2, &[(0, 0, 7), (0, 1, 1)]));
        assert_eq!(first, [interval(0, 1000, 3, &[(0, 0, 7), (0, 1, 6)])]);
        let second = both.add(1, interval(1, 400, 0, &[(1, 0, 2)]));
        assert_eq!(second, [interval(1, 1000, 0, &[(1, 0, 2)])]);
    }

    #[test]
    fn a_source_that_has_ended_holds_nobody_up() {
        let mut both = Confluence::new(2);
        assert_eq!(both.add(1, interval(0, 1000, 0, &[])), []);
        assert_eq!(both.add(1, interval(1, 1000, 0, &[])), []);
        assert_eq!(both.end(0).len(), 2);
        let last = interval(2, 300, 0, &[(1, 0, 1)]);
        assert_eq!(both.add(1, last.clone()), [last]);
        assert_eq!(both.end(1), []);
    }

    #[test]
    fn one_source_alone_passes_through() {
        let mut alone = Confluence::new(1);
        let first = interval(0, 1000, 4, &[(0, 0, 1)]);
        assert_eq!(alone.add(0, first.clone()), [first]);
    }
}
