//! How far the latency percentiles of one side could have come out otherwise, going by how its own
//! seconds differ: for reading, never for comparing. Rounds and runs differ by more.

use crate::model::{Interval, Latencies, Outline, rank};
use crate::stats::block_bootstrap;
use crate::units::Unit;

/// Stretches of time that an interval needs, and at most so many: neighbours are merged.
const FEWEST: usize = 10;
const MOST: usize = 120;

const LEVEL: f64 = 0.95;

/// The same run is told the same intervals.
const SEED: u64 = 1;

/// Latencies of stretches of time, in order.
#[derive(Debug, Clone, Default)]
pub(in crate::report) struct Bands {
    stretches: Vec<Latencies>,
}

impl Bands {
    /// Of the measured phases of the given rounds; empty where nothing was recorded in intervals.
    pub(super) fn new(rounds: &[usize], intervals: &[Interval], outline: &Outline) -> Self {
        let mut own: Vec<_> = intervals
            .iter()
            .filter(|i| rounds.contains(&i.round))
            .filter_map(|i| Some(((i.round, i.start), measured(i, outline)?)))
            .collect();
        own.sort_by_key(|(at, _)| *at);
        let together = own.len().div_ceil(MOST).max(1);
        let merged = |stretch: &[(_, Latencies)]| {
            let mut sum = Latencies::default();
            for (_, latencies) in stretch {
                sum.merge(latencies);
            }
            sum
        };
        Self {
            stretches: own.chunks(together).map(merged).collect(),
        }
    }

    /// The 95 % interval of a quantile in nanoseconds, by the moving-block bootstrap.
    ///
    /// None where the quantile itself is not known, where the stretches are too few, and where it
    /// could as well have fallen among requests that got no answer.
    fn of(&self, q: f64) -> Option<(f64, f64)> {
        if self.stretches.len() < FEWEST {
            return None;
        }
        let mut whole = Latencies::default();
        for stretch in &self.stretches {
            whole.merge(stretch);
        }
        whole.quantile(q).exact()?;
        let known = Known::new(&self.stretches, &whole);
        block_bootstrap(self.stretches.len(), LEVEL, SEED, |drawn| {
            known.quantile(q, drawn).unwrap_or(f64::NAN)
        })
    }

    /// `8 ms … 8.3 ms` for each quantile, empty where it has none; None where all are.
    pub(in crate::report) fn in_words(
        &self,
        quantiles: impl Iterator<Item = Option<f64>>,
    ) -> Option<Vec<String>> {
        let time = |value| Unit::Time.format(value);
        let cell = |(low, high)| format!("{} … {}", time(low), time(high));
        let cells: Vec<_> = quantiles
            .map(|q| self.of(q?).map(cell))
            .map(Option::unwrap_or_default)
            .collect();
        cells.iter().any(|c| !c.is_empty()).then_some(cells)
    }
}

/// The latencies of an interval's measured phases; None without any.
fn measured(interval: &Interval, outline: &Outline) -> Option<Latencies> {
    let mut sum = Latencies::default();
    for cell in &interval.cells {
        if outline.phases.get(cell.phase).is_some_and(|p| !p.warm_up) {
            sum.merge(&cell.latency);
        }
    }
    (sum.population() > 0).then_some(sum)
}

/// Ranks of any resample of stretches without merging them.
struct Known {
    /// Every latency of an answer below which nothing was given up, ascending, in nanoseconds; with
    /// how many answers of each stretch took at most that.
    up_to: Vec<(f64, Vec<u64>)>,
    /// All requests of each stretch.
    population: Vec<u64>,
}

impl Known {
    fn new(stretches: &[Latencies], whole: &Latencies) -> Self {
        let unknown_from = if whole.censored.is_empty() {
            u64::MAX
        } else {
            whole.censored.min().0
        };
        let mut rest: Vec<_> = stretches
            .iter()
            .map(|s| (s.ok.buckets().peekable(), 0))
            .collect();
        let known = whole.ok.buckets().take_while(|b| b.0 + b.1 <= unknown_from);
        let up_to = known.map(|(low, width, _)| {
            let counts = rest.iter_mut().map(|(buckets, seen)| {
                if let Some((.., n)) = buckets.next_if(|b| b.0 == low) {
                    *seen += n;
                }
                *seen
            });
            let middle = (low + width / 2).clamp(whole.ok.min().0, whole.ok.max().0);
            (middle as f64, counts.collect())
        });
        Self {
            up_to: up_to.collect(),
            population: stretches.iter().map(Latencies::population).collect(),
        }
    }

    /// Of the stretches drawn together.
    fn quantile(&self, q: f64, drawn: &[usize]) -> Option<f64> {
        let sum = |of: &[u64]| drawn.iter().map(|&i| of[i]).sum::<u64>();
        let wanted = rank(q, sum(&self.population));
        let at = self.up_to.partition_point(|(_, n)| sum(n) < wanted);
        self.up_to.get(at).map(|(value, _)| *value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Cell, PhaseOutline};
    use crate::units::Nanos;

    const MS: f64 = 1e6;

    fn phase(warm_up: bool) -> PhaseOutline {
        PhaseOutline {
            name: "steady".to_owned(),
            start: Nanos::ZERO,
            duration: Nanos::from_secs(1000),
            warm_up,
            load: "100/s".to_owned(),
            asked: None,
        }
    }

    fn outline() -> Outline {
        Outline {
            phases: [true, false].map(phase).to_vec(),
            ..Outline::default()
        }
    }

    /// A second of 100 answers after about so many milliseconds each.
    fn second(number: u64, phase: usize, ms: u64) -> Interval {
        let mut latency = Latencies::default();
        for i in 0..100 {
            latency.ok.record(Nanos::from_millis(ms) + Nanos(i * 1000));
        }
        Interval {
            start: Nanos::from_secs(number),
            cells: vec![Cell {
                phase,
                latency,
                ..Cell::default()
            }],
            ..Interval::default()
        }
    }

    fn of(intervals: &[Interval]) -> Option<(f64, f64)> {
        Bands::new(&[0], intervals, &outline()).of(0.5)
    }

    #[test]
    fn seconds_alike_leave_no_doubt_and_slow_stretches_do() {
        let alike: Vec<_> = (0..30).map(|s| second(s, 1, 8)).collect();
        let (low, high) = of(&alike).expect("an interval");
        assert!(low >= 8.0 * MS && high <= 8.1 * MS, "{low} {high}");
        let slow_for_a_while: Vec<_> = (0..30)
            .map(|s| second(s, 1, if (8..20).contains(&s) { 12 } else { 8 }))
            .collect();
        let (low, high) = of(&slow_for_a_while).expect("an interval");
        assert!(low < 8.2 * MS && high > 12.0 * MS, "{low} {high}");
    }

    #[test]
    fn it_is_that_of_the_merged_distribution() {
        let all: Vec<_> = (0..40).map(|s| second(s, 1, 8 + s % 7)).collect();
        let bands = Bands::new(&[0], &all, &outline());
        let mut whole = Latencies::default();
        for stretch in &bands.stretches {
            whole.merge(stretch);
        }
        let known = Known::new(&bands.stretches, &whole);
        let every: Vec<usize> = (0..bands.stretches.len()).collect();
        for q in [0.1, 0.5, 0.9, 0.99] {
            let merged = whole.quantile(q).exact();
            assert_eq!(known.quantile(q, &every), merged, "{q}");
            let (low, high) = bands.of(q).expect("an interval");
            assert!((low..=high).contains(&merged.expect("known")), "{q}");
        }
    }

    #[test]
    fn warm_up_other_rounds_and_a_handful_of_seconds_have_none() {
        let warm: Vec<_> = (0..30).map(|s| second(s, 0, 8)).collect();
        assert_eq!(of(&warm), None);
        let few: Vec<_> = (0..9).map(|s| second(s, 1, 8)).collect();
        assert_eq!(of(&few), None);
        let others = (0..30).map(|s| Interval {
            round: 1,
            ..second(s, 1, 8)
        });
        assert_eq!(of(&others.collect::<Vec<_>>()), None);
    }

    #[test]
    fn where_answers_may_be_missing_nothing_is_claimed() {
        let mut all: Vec<_> = (0..30).map(|s| second(s, 1, 8)).collect();
        for interval in &mut all[..12] {
            interval.cells[0].latency.failed = 90;
        }
        // The median of all is known; of a resample with many bad seconds it is not.
        let bands = Bands::new(&[0], &all, &outline());
        assert!(bands.of(0.1).is_some());
        assert_eq!(bands.of(0.7), None);
    }

    #[test]
    fn a_long_run_is_held_in_few_stretches() {
        let all: Vec<_> = (0..1000).map(|s| second(s, 1, 8)).collect();
        let bands = Bands::new(&[0], &all, &outline());
        assert!(bands.stretches.len() <= MOST && bands.stretches.len() > MOST / 2);
        let requests: u64 = bands.stretches.iter().map(Latencies::population).sum();
        assert_eq!(requests, 100_000);
    }
}
