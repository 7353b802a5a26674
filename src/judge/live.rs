//! Thresholds that look at parts of a round: at the worst window of time, or while the load runs.
//!
//! Fed interval by interval, so that the same code serves the round being measured, a merged one and
//! the tests. Histograms of a window are merged and read once. A window in which too few requests
//! settled for the statistic is skipped. What settles after its phase belongs to the last window of
//! the phase: alone it would be a window of stragglers.

use std::collections::{BTreeMap, VecDeque};

use super::limits::{Alone, by_itself};
use super::values::{Extent, Reading};
use crate::model::{
    Better, Breach, Cell, Estimate, Interval, Metric, Outline, Stat, Threshold, Window,
};
use crate::units::Nanos;

/// Requests without which a share of errors is not held to a limit here.
const LEAST_FOR_SHARE: u64 = 100;

/// Requests without which a mean is not held to a limit here.
const LEAST_FOR_MEAN: u64 = 10;

/// Time without which a throughput so far is not held to a limit: answers still under way count
/// for little then.
const LEAST_FOR_RATE: Nanos = Nanos::from_secs(10);

/// Follows one round.
#[derive(Debug)]
pub struct Live {
    gauges: Vec<Gauge>,
}

/// One threshold.
#[derive(Debug)]
struct Gauge {
    threshold: Threshold,
    extent: Extent,
    /// Where the phases of the scope lie; those that adjoin are one.
    spans: Vec<(Nanos, Nanos)>,
    sight: Sight,
}

/// What a threshold looks at.
#[derive(Debug)]
enum Sight {
    /// Everything so far, by phase.
    SoFar(BTreeMap<usize, Part>),
    /// The latest window and the worst one.
    Windows {
        over: Nanos,
        recent: VecDeque<Part>,
        /// A window of full length has been seen.
        full: bool,
        worst: Option<(Nanos, Estimate)>,
    },
}

/// The requests of a scope in a stretch of time.
#[derive(Debug, Default)]
struct Part {
    start: Nanos,
    end: Nanos,
    cell: Cell,
}

impl Live {
    /// Begins a round; thresholds that look at whole phases after the end are left out.
    pub fn new(outline: &Outline) -> Self {
        let looked_at = outline
            .thresholds
            .iter()
            .filter(|t| t.over.is_some() || t.abort);
        Self {
            gauges: looked_at.map(|t| Gauge::new(t, outline)).collect(),
        }
    }

    /// Takes the next interval in; says so when a limit that ends the run is broken.
    pub fn feed(&mut self, interval: &Interval) -> Option<Breach> {
        let mut breach = None;
        for gauge in &mut self.gauges {
            let seen = gauge.feed(interval);
            breach = breach.or(seen.filter(|_| gauge.threshold.abort));
        }
        breach
    }

    /// The worst window by each threshold that has them.
    pub fn finish(self) -> Vec<Window> {
        self.gauges.into_iter().filter_map(Gauge::finish).collect()
    }
}

impl Gauge {
    fn new(threshold: &Threshold, outline: &Outline) -> Self {
        let extent = Extent::of(&threshold.scope, outline);
        let mut spans: Vec<(Nanos, Nanos)> = Vec::new();
        for &phase in &extent.phases {
            let phase = &outline.phases[phase];
            let end = phase.start + phase.duration;
            match spans.last_mut() {
                Some(last) if last.1 == phase.start => last.1 = end,
                _ => spans.push((phase.start, end)),
            }
        }
        Self {
            threshold: threshold.clone(),
            extent,
            spans,
            sight: match threshold.over {
                None => Sight::SoFar(BTreeMap::new()),
                Some(over) => Sight::Windows {
                    over,
                    recent: VecDeque::new(),
                    full: false,
                    worst: None,
                },
            },
        }
    }

    /// What is broken by what was seen up to the end of this interval.
    fn feed(&mut self, interval: &Interval) -> Option<Breach> {
        let metric = self.threshold.metric;
        let (start, end) = (interval.start, interval.start + interval.length);
        let begun = |span: &(Nanos, Nanos)| start < span.1 && end > span.0;
        let running = self.spans.iter().any(begun);
        let inside = self.spans.iter().any(|s| s.0 <= start && end <= s.1);
        // A rate over time in which nothing was asked for would be too low.
        if is_rate(metric) && !inside {
            if let Sight::Windows { recent, .. } = &mut self.sight {
                recent.clear();
            }
            return None;
        }
        let mine = |cell: &&Cell| self.extent.holds(cell);
        match &mut self.sight {
            Sight::SoFar(phases) => {
                for cell in interval.cells.iter().filter(mine) {
                    let part = phases.entry(cell.phase).or_insert_with(|| Part {
                        start,
                        ..Part::default()
                    });
                    part.cell.merge(cell);
                    part.end = end;
                }
                let latest = phases.values().next_back()?;
                if is_rate(metric) && latest.end - latest.start < LEAST_FOR_RATE {
                    return None;
                }
                let value = read(metric, std::iter::once(latest));
                self.breach(value)
            }
            Sight::Windows {
                over,
                recent,
                full,
                worst,
            } => {
                let mut part = Part {
                    start,
                    end,
                    cell: Cell::default(),
                };
                let mut any = false;
                for cell in interval.cells.iter().filter(mine) {
                    part.cell.merge(cell);
                    any = true;
                }
                if recent.is_empty() && !any && !is_rate(metric) {
                    return None;
                }
                recent.push_back(part);
                if running {
                    while recent.front().is_some_and(|f| end - f.start > *over) {
                        recent.pop_front();
                    }
                }
                let first = recent.front()?.start;
                *full |= end - first >= *over;
                if !*full {
                    return None;
                }
                let value = read(metric, recent.iter());
                keep_worse(worst, (first, value), metric.better());
                self.breach(value)
            }
        }
    }

    fn breach(&self, value: Estimate) -> Option<Breach> {
        let Threshold { metric, max, .. } = self.threshold;
        let max = max?;
        (by_itself(value, max, metric.better()) == Alone::Broken).then(|| Breach {
            metric,
            scope: self.threshold.scope.clone(),
            over: self.threshold.over,
            value,
            max,
        })
    }

    fn finish(self) -> Option<Window> {
        let metric = self.threshold.metric;
        let Sight::Windows {
            over,
            recent,
            full,
            mut worst,
        } = self.sight
        else {
            return None;
        };
        if let Some(first) = recent.front().filter(|_| !full) {
            // The phase is shorter than a window: it is all that there is.
            let value = read(metric, recent.iter());
            keep_worse(&mut worst, (first.start, value), metric.better());
        }
        let (at, worst) = worst.unwrap_or((Nanos::ZERO, Estimate::Missing));
        Some(Window {
            metric,
            scope: self.threshold.scope,
            over,
            at,
            worst,
        })
    }
}

/// True when the value is a number of requests over a time.
const fn is_rate(metric: Metric) -> bool {
    matches!(
        metric,
        Metric::ThroughputAsked | Metric::ThroughputSent | Metric::ThroughputOk
    )
}

/// The value over some parts together, if enough settled in them.
fn read<'a>(metric: Metric, parts: impl Iterator<Item = &'a Part>) -> Estimate {
    let mut cell = Cell::default();
    let mut wall = Nanos::ZERO;
    for part in parts {
        cell.merge(&part.cell);
        wall += part.end - part.start;
    }
    let have = cell.tally.due;
    let need = match metric {
        metric if metric.is_share_of_requests() => LEAST_FOR_SHARE,
        Metric::Latency(Stat::Mean)
        | Metric::ServiceTime(Stat::Mean)
        | Metric::Lateness(Stat::Mean)
        | Metric::Wait(Stat::Mean) => LEAST_FOR_MEAN,
        _ => 0,
    };
    if have > 0 && have < need {
        return Estimate::TooFew { have, need };
    }
    Reading::of_stretch(cell, wall).value(metric)
}

/// Any estimate is worse than none; among those that are none, the one nearest to one is kept.
fn keep_worse(worst: &mut Option<(Nanos, Estimate)>, new: (Nanos, Estimate), better: Better) {
    /// How far an estimate tells, and how bad it is.
    fn rank(estimate: Estimate, better: Better) -> (u8, f64) {
        let bad = |v: f64| match better {
            Better::Lower => v,
            Better::Higher => -v,
        };
        match estimate {
            Estimate::Missing => (0, 0.0),
            Estimate::TooFew { have, .. } => (1, have as f64),
            Estimate::Exact(v) | Estimate::AtLeast(v) => (2, bad(v)),
            Estimate::Undetermined => (2, f64::INFINITY),
        }
    }
    let (a, b) = (rank(new.1, better), worst.map(|w| rank(w.1, better)));
    if b.is_none_or(|b| a.0 > b.0 || (a.0 == b.0 && a.1 > b.1)) {
        *worst = Some(new);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ErrorClass, PhaseOutline, Scope};

    /// One second of warm-up, then ten that count.
    fn outline(threshold: Threshold) -> Outline {
        let phase = |name: &str, start, seconds, warm_up| PhaseOutline {
            name: name.into(),
            start: Nanos::from_secs(start),
            duration: Nanos::from_secs(seconds),
            warm_up,
            load: String::new(),
            asked: None,
        };
        Outline {
            steps: vec!["browse".into(), "pay".into()],
            phases: vec![phase("warm-up", 0, 1, true), phase("steady", 1, 10, false)],
            thresholds: vec![threshold],
            ..Outline::default()
        }
    }

    /// `n` requests answered after `ms`, and some that failed, all of the second step.
    fn cell(n: u64, ms: u64, failed: u64) -> Cell {
        let mut cell = Cell {
            phase: 1,
            step: 1,
            ..Cell::default()
        };
        (0..n).for_each(|_| cell.latency.ok.record(Nanos::from_millis(ms)));
        cell.latency.failed = failed;
        cell.tally.due = n + failed;
        cell.tally.sent = n + failed;
        cell.tally.answered = n;
        cell.tally.failures.add(ErrorClass::Status5xx, failed);
        cell
    }

    fn second(start: u64, cells: Vec<Cell>) -> Interval {
        Interval {
            start: Nanos::from_secs(start),
            length: Nanos::SECOND,
            cells,
            ..Interval::default()
        }
    }

    fn over(metric: Metric, seconds: u64, max: f64) -> Threshold {
        Threshold {
            max: Some(max),
            over: Some(Nanos::from_secs(seconds)),
            scope: Scope {
                step: Some("pay".into()),
                ..Scope::default()
            },
            ..Threshold::on(metric)
        }
    }

    /// The worst window of a warm-up and the given seconds, and the breaches on the way.
    fn windows(threshold: Threshold, seconds: &[(u64, u64, u64)]) -> (Window, Vec<Nanos>) {
        let mut live = Live::new(&outline(threshold));
        let mut breaches = Vec::new();
        let mut warm = cell(1000, 900, 100);
        warm.phase = 0;
        live.feed(&second(0, vec![warm]));
        for (start, &(n, ms, failed)) in (1..).zip(seconds) {
            let mut other = cell(500, 700, 50);
            other.step = 0;
            let interval = second(start, vec![other, cell(n, ms, failed)]);
            breaches.extend(
                live.feed(&interval)
                    .map(|_| interval.start + interval.length),
            );
        }
        (live.finish().pop().expect("one window"), breaches)
    }

    const P90: Metric = Metric::Latency(Stat::P90);

    #[test]
    fn the_worst_window_is_of_merged_requests_and_only_of_its_scope() {
        let mut seconds = vec![(200, 5, 0); 10];
        seconds[4] = (200, 80, 0);
        // A fifth of any two seconds that hold the slow one, and of five seconds more than a tenth.
        let (window, _) = windows(over(P90, 5, 50e6), &seconds);
        let Estimate::Exact(worst) = window.worst else {
            panic!("{window:?}")
        };
        assert!((worst - 80e6).abs() < 1e5, "{worst}");
        assert_eq!(window.at, Nanos::from_secs(1));
        // Of ten seconds it is exactly a tenth, which the 90th percentile does not reach.
        let (window, _) = windows(over(P90, 10, 50e6), &seconds);
        assert!(window.worst.exact().expect("known") < 6e6);
    }

    #[test]
    fn windows_with_too_few_requests_are_skipped_and_none_is_said() {
        let mut seconds = vec![(20, 5, 0); 10];
        seconds[3] = (200, 30, 0);
        let (window, _) = windows(over(P90, 2, 50e6), &seconds);
        assert!(window.worst.exact().is_some(), "{window:?}");
        let (window, _) = windows(over(P90, 2, 50e6), &[(20, 5, 0); 10]);
        let few = Estimate::TooFew {
            have: 40,
            need: 100,
        };
        assert_eq!(window.worst, few);
        let (window, _) = windows(over(Metric::ErrorsRate, 2, 0.1), &[(20, 5, 9); 10]);
        let few = Estimate::TooFew {
            have: 58,
            need: 100,
        };
        assert_eq!(window.worst, few);
    }

    #[test]
    fn stragglers_after_the_phase_belong_to_its_last_window() {
        let mut seconds = vec![(100, 5, 0); 10];
        // After the end only time-outs settle.
        seconds.extend([(0, 0, 60), (0, 0, 60)]);
        let (window, _) = windows(over(Metric::ErrorsRate, 4, 0.1), &seconds);
        assert_eq!(window.worst, Estimate::Exact(120.0 / 520.0));
    }

    #[test]
    fn throughput_is_taken_inside_the_phase_only() {
        let mut seconds = vec![(100, 5, 0); 10];
        seconds[6] = (40, 5, 0);
        seconds.push((3, 5, 0));
        let (window, _) = windows(over(Metric::ThroughputOk, 2, 90.0), &seconds);
        assert_eq!(window.worst, Estimate::Exact(70.0));
    }

    #[test]
    fn a_window_longer_than_the_phase_is_the_phase() {
        let (window, _) = windows(over(P90, 60, 50e6), &[(100, 5, 0); 10]);
        assert!(window.worst.exact().is_some());
    }

    #[test]
    fn a_limit_that_ends_the_run_is_broken_by_the_latest_window_or_by_all_so_far() {
        let mut seconds = vec![(200, 5, 0); 10];
        seconds[4] = (200, 80, 0);
        let abort = |threshold| Threshold {
            abort: true,
            ..threshold
        };
        let (_, breaches) = windows(abort(over(P90, 2, 50e6)), &seconds);
        assert_eq!(breaches, [Nanos::from_secs(6), Nanos::from_secs(7)]);
        // So far: a fifth of five seconds, a tenth of ten.
        let so_far = Threshold {
            over: None,
            ..abort(over(P90, 2, 50e6))
        };
        let mut live = Live::new(&outline(so_far));
        let broken: Vec<u64> = (1..)
            .zip(&seconds)
            .filter(|(start, (n, ms, failed))| {
                live.feed(&second(*start, vec![cell(*n, *ms, *failed)]))
                    .is_some()
            })
            .map(|(start, _)| start)
            .collect();
        assert_eq!(broken, [5, 6, 7, 8, 9]);
        assert!(live.finish().is_empty());
    }

    #[test]
    fn a_limit_without_abort_ends_nothing() {
        let (_, breaches) = windows(over(P90, 2, 50e6), &[(200, 80, 0); 10]);
        assert_eq!(breaches, []);
    }
}
