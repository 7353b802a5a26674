//! What happened when: all rounds of one side laid over each other on the time axis of one round.
//!
//! Histograms of the same seconds are merged, counts are summed and divided by the rounds. At most
//! [`MAX_POINTS`] points, so that a report of a long run stays small.

use std::collections::BTreeMap;

use crate::model::{
    Estimate, GuardState, Interval, Latencies, Outline, Round, Sample, Stat, Tally,
};

/// Most points of a series.
const MAX_POINTS: f64 = 240.0;

/// A tail percentile is shown at this many points at least, else a lower one is.
const MIN_POINTS: f64 = 12.0;

/// Series over one round.
#[derive(Debug, Clone, Default)]
pub(in crate::report) struct Timeline {
    /// Counts and resources, as fine as they were recorded.
    pub(in crate::report) points: Vec<Point>,
    /// Seconds a point of latency stands for: long enough to hold a percentile.
    pub(in crate::report) latency_bucket: f64,
    /// The highest percentile that the samples of such a point can tell.
    pub(in crate::report) tail: Option<Stat>,
    pub(in crate::report) latency: Vec<Point>,
    /// Rounds laid over each other.
    pub(in crate::report) rounds: usize,
    /// When the guard let less than everything through, in any of them.
    pub(in crate::report) held: Vec<Held>,
}

/// A stretch in which load was held back.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::report) struct Held {
    /// Seconds from the beginning of the round.
    pub(in crate::report) from: f64,
    pub(in crate::report) to: f64,
    /// `guard open`
    pub(in crate::report) what: String,
}

/// What the guard did in some rounds, on their common time axis.
pub(in crate::report) fn held<'a>(
    rounds: impl Iterator<Item = &'a Round>,
    outline: &Outline,
) -> Vec<Held> {
    let mut held = Vec::new();
    for round in rounds {
        let end = round.halt.as_ref().map_or(outline.duration(), |h| h.at);
        let ends = round.guard.iter().skip(1).map(|c| c.at).chain([end]);
        for (change, end) in round.guard.iter().zip(ends) {
            let stretch = Held {
                from: change.at.as_secs_f64(),
                to: end.max(change.at).as_secs_f64(),
                what: change.state.to_string(),
            };
            if change.state != GuardState::Closed && !held.contains(&stretch) {
                held.push(stretch);
            }
        }
    }
    held
}

/// The mean of all rounds over one stretch of time. Rates are per second.
#[derive(Debug, Clone, Default)]
pub(in crate::report) struct Point {
    /// Middle of the stretch, seconds from the beginning of the round.
    pub(in crate::report) at: f64,
    /// Nanoseconds.
    pub(in crate::report) p50: Option<f64>,
    pub(in crate::report) tail: Option<f64>,
    /// The tail is only a lower bound: requests got no answer.
    pub(in crate::report) bounded: bool,
    pub(in crate::report) asked: f64,
    pub(in crate::report) sent: f64,
    pub(in crate::report) answered: f64,
    pub(in crate::report) failed: f64,
    /// Cores.
    pub(in crate::report) cpu: Option<f64>,
    /// Bytes.
    pub(in crate::report) rss: Option<f64>,
    /// Open descriptors and threads.
    pub(in crate::report) fds: Option<f64>,
    pub(in crate::report) threads: Option<f64>,
}

#[derive(Default)]
struct Bucket {
    tally: Tally,
    latency: Latencies,
    /// Seconds of intervals that fell in, over all rounds.
    covered: f64,
    cpu: Vec<f64>,
    rss: Vec<f64>,
    fds: Vec<f64>,
    threads: Vec<f64>,
}

impl Timeline {
    /// Lays the given rounds over each other.
    pub(super) fn new(
        rounds: &[usize],
        intervals: &[Interval],
        samples: &[Sample],
        outline: &Outline,
    ) -> Self {
        let intervals: Vec<_> = intervals
            .iter()
            .filter(|i| rounds.contains(&i.round) && i.length.0 > 0)
            .collect();
        let end = intervals
            .iter()
            .map(|i| (i.start + i.length).as_secs_f64())
            .fold(outline.duration().as_secs_f64(), f64::max);
        let longest = intervals
            .iter()
            .map(|i| i.length.as_secs_f64())
            .fold(1.0, f64::max);
        let finest = longest.max(end / MAX_POINTS);
        let (latency_bucket, tail) = choose(&intervals, finest, end);
        let points = |bucket: f64, tail: Option<Stat>| -> Vec<Point> {
            let mut buckets = merged(&intervals, bucket);
            add_resources(&mut buckets, rounds, samples, bucket);
            let point = |(&i, b): (&u64, &Bucket)| b.point(i, bucket, tail);
            buckets.iter().map(point).collect()
        };
        Self {
            points: points(finest, None),
            latency_bucket,
            tail,
            latency: points(latency_bucket, tail),
            rounds: rounds.len(),
            held: Vec::new(),
        }
    }

    pub(in crate::report) fn is_empty(&self) -> bool {
        self.points.len() < 2
    }
}

impl Bucket {
    fn point(&self, index: u64, bucket: f64, tail: Option<Stat>) -> Point {
        let tail = tail
            .and_then(Stat::quantile)
            .map(|q| self.latency.quantile(q));
        let rate = |n: u64| {
            if self.covered > 0.0 {
                n as f64 / self.covered
            } else {
                0.0
            }
        };
        Point {
            at: (index as f64 + 0.5) * bucket,
            p50: self.latency.quantile(0.5).lower_bound(),
            tail: tail.and_then(Estimate::lower_bound),
            bounded: matches!(tail, Some(Estimate::AtLeast(_))),
            asked: rate(self.tally.due),
            sent: rate(self.tally.sent),
            answered: rate(self.tally.answered),
            failed: rate(self.tally.failures.total()),
            cpu: mean(&self.cpu),
            rss: mean(&self.rss),
            fds: mean(&self.fds),
            threads: mean(&self.threads),
        }
    }
}

/// The finest bucket that can tell a tail percentile, p99 before p95 before p90.
fn choose(intervals: &[&Interval], finest: f64, end: f64) -> (f64, Option<Stat>) {
    for stat in [Stat::P99, Stat::P95, Stat::P90] {
        let Some(q) = stat.quantile() else { continue };
        for factor in [1.0, 2.0, 5.0] {
            let bucket = finest * factor;
            if factor > 1.0 && end / bucket < MIN_POINTS {
                break;
            }
            let buckets = merged(intervals, bucket);
            let telling = buckets
                .values()
                .filter(|b| b.latency.quantile(q).lower_bound().is_some())
                .count();
            if !buckets.is_empty() && telling * 4 >= buckets.len() * 3 {
                return (bucket, Some(stat));
            }
        }
    }
    (finest, None)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "seconds of a run over a bucket of it are a small positive number"
)]
fn index(at: f64, bucket: f64) -> u64 {
    (at / bucket) as u64
}

fn merged(intervals: &[&Interval], bucket: f64) -> BTreeMap<u64, Bucket> {
    let mut buckets = BTreeMap::<u64, Bucket>::new();
    for interval in intervals {
        let length = interval.length.as_secs_f64();
        let middle = interval.start.as_secs_f64() + length / 2.0;
        let b = buckets.entry(index(middle, bucket)).or_default();
        b.covered += length;
        for cell in &interval.cells {
            b.tally.merge(&cell.tally);
            b.latency.merge(&cell.latency);
        }
    }
    // The stub after the last whole bucket holds too little time for a rate.
    let short = |b: &Bucket, most: f64| b.covered < most / 4.0;
    let most = buckets.values().map(|b| b.covered).fold(0.0, f64::max);
    if buckets.len() > 2 {
        while buckets.last_entry().is_some_and(|e| short(e.get(), most)) {
            buckets.pop_last();
        }
    }
    buckets
}

fn add_resources(
    buckets: &mut BTreeMap<u64, Bucket>,
    rounds: &[usize],
    samples: &[Sample],
    bucket: f64,
) {
    for &round in rounds {
        let mut readings: Vec<_> = samples
            .iter()
            .filter(|s| s.round == round)
            .filter_map(|s| s.target.map(|t| (s.at.as_secs_f64(), t)))
            .collect();
        readings.sort_by(|a, b| a.0.total_cmp(&b.0));
        for (at, target) in &readings {
            if let Some(b) = buckets.get_mut(&index(*at, bucket)) {
                b.rss.push(target.rss.0 as f64);
                b.fds.push(target.fds as f64);
                b.threads.push(target.threads as f64);
            }
        }
        for pair in readings.windows(2) {
            let (from, to) = (&pair[0], &pair[1]);
            let elapsed = to.0 - from.0;
            // Readings at a phase boundary may be a moment apart: a rate of that is noise.
            if elapsed < 0.2 {
                continue;
            }
            let cores = to.1.cpu.saturating_sub(from.1.cpu).as_secs_f64() / elapsed;
            if let Some(b) = buckets.get_mut(&index(f64::midpoint(from.0, to.0), bucket)) {
                b.cpu.push(cores);
            }
        }
    }
}

fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    #[test]
    fn rates_are_those_of_one_round_however_many_are_overlaid() {
        let run = fixture::run();
        let outline = &run.manifest.outline;
        let one = Timeline::new(&[0], &run.intervals, &run.samples, outline);
        let all = Timeline::new(&[0, 2, 4], &run.intervals, &run.samples, outline);
        for timeline in [&one, &all] {
            for p in &timeline.points {
                assert!((p.asked - 200.0).abs() < 20.0, "{} at {}", p.asked, p.at);
            }
        }
    }

    #[test]
    fn a_long_run_has_few_points_and_the_tail_it_can_tell() {
        let run = fixture::long_run();
        let rounds: Vec<_> = run.rounds.iter().map(|r| r.index).collect();
        let t = Timeline::new(&rounds, &run.intervals, &run.samples, &run.manifest.outline);
        assert!(t.points.len() <= 241, "{}", t.points.len());
        assert!(t.tail.is_some());
    }
}
