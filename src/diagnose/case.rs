//! What is known of one round, prepared for the rules.
//!
//! A second is *bad* when requests took markedly longer than usual, failed, or were not answered as
//! fast as they came. What is usual comes from the reference where there is one, and else from the
//! better seconds of the round itself; of a round that was bad from its first second to its last, and
//! without a reference, nothing unusual can be told, and only rules that need no comparison speak.

use crate::model::{ErrorClass, Round, Run};
use crate::series::{self, Series, Table};
use crate::stats::theil_sen;

use super::found::Span;
use super::names::Told;
use super::second::Second;

/// A median above this multiple of the usual one, and by this many nanoseconds, is bad.
const SLOWER: f64 = 1.5;
const SLOWER_BY: f64 = 3e6;

/// A share of failures above this is bad.
const FAILING: f64 = 0.02;

/// Answering less than this share of what was due is bad.
const BEHIND: f64 = 0.8;

/// Seconds at the beginning that are unlike all others: connections open, caches fill.
const SETTLING: f64 = 1.0;

/// Turning away less than this share is no ceiling yet.
const TURNED_AWAY: f64 = 0.1;

/// Served at a time, as a share of scatter around its mean.
const STEADY: f64 = 0.2;

/// Load that is this much more is more.
const MORE: f64 = 1.3;

/// Served in proportion to what is asked would be one.
const FLAT: f64 = 0.3;

/// Shorter intervals have too few requests to tell.
const SHORTEST: f64 = 0.4;

pub(super) struct Case<'a> {
    pub(super) round: &'a Round,
    pub(super) table: Table,
    /// Of the load, in order, without the first.
    pub(super) seconds: Vec<Second>,
    phases: Vec<Span>,
    /// When the traffic was disturbed on purpose.
    faults: Vec<Span>,
    bad: Vec<bool>,
    /// The usual median latency in nanoseconds.
    pub(super) usual: Option<f64>,
    reference: Vec<Reference>,
}

/// A mean before the trouble, where that is known, and during it.
pub(super) type Moved = (Option<f64>, f64);

/// What rules compare with.
#[derive(Clone)]
struct Reference {
    table: Table,
    seconds: Vec<Second>,
}

impl<'a> Case<'a> {
    /// Reads a round; `None` when nothing was sent in it.
    pub(super) fn of(run: &Run, round: &'a Round) -> Option<Self> {
        let outline = &run.manifest.outline;
        let seconds: Vec<Second> = run
            .intervals
            .iter()
            .filter(|i| i.round == round.index)
            .map(Second::of)
            .filter(|s| s.length() >= SHORTEST && s.from < outline.duration().as_secs_f64())
            .collect();
        let table = series::of_round(round.index, outline, &run.intervals, &run.samples);
        let sent: u64 = seconds.iter().map(|s| s.tally.due).sum();
        if sent == 0 {
            return None;
        }
        let settled: Vec<Second> = seconds
            .iter()
            .filter(|s| s.from >= SETTLING)
            .cloned()
            .collect();
        let seconds = if settled.is_empty() { seconds } else { settled };
        let usual = usual(&seconds);
        let phases = outline.phases.iter().map(|p| Span {
            from: p.start.as_secs_f64(),
            to: (p.start + p.duration).as_secs_f64(),
        });
        let faults = outline.faults.iter().map(|f| Span {
            from: f.at.as_secs_f64(),
            to: f.end().as_secs_f64(),
        });
        let mut case = Self {
            round,
            phases: phases.collect(),
            faults: faults.collect(),
            table,
            bad: Vec::new(),
            seconds,
            usual,
            reference: Vec::new(),
        };
        case.judge_seconds();
        Some(case)
    }

    /// Takes what is usual from rounds of the reference.
    pub(super) fn compare_with(&mut self, before: &[Case<'_>]) {
        self.reference = before
            .iter()
            .map(|case| Reference {
                table: case.table.clone(),
                seconds: case.seconds.clone(),
            })
            .collect();
        let medians = self.reference.iter().filter_map(|r| usual(&r.seconds));
        if let Some(usual) = middle(medians.collect()) {
            self.usual = Some(usual);
            self.judge_seconds();
        }
    }

    fn judge_seconds(&mut self) {
        let usual = self.usual;
        let slow = |s: &Second| {
            let limit = usual.map(|u| (u * SLOWER).max(u + SLOWER_BY));
            limit.is_some_and(|limit| s.median.is_some_and(|m| m > limit))
        };
        let behind = |s: &Second| (s.tally.answered as f64) < BEHIND * s.tally.due as f64;
        self.bad = self
            .seconds
            .iter()
            .map(|s| slow(s) || s.failed_share() > FAILING || behind(s))
            .collect();
        self.leave_out_faults();
    }

    /// What was disturbed on purpose, and what it took to get over it, is no symptom of anything.
    fn leave_out_faults(&mut self) {
        let mut within = false;
        let judged = self.seconds.drain(..).zip(self.bad.drain(..));
        let kept = judged.filter(|(second, bad)| {
            let meets = |f: &Span| second.to > f.from && second.from < f.to;
            within = self.faults.iter().any(meets) || (within && *bad);
            !within
        });
        let (seconds, bad): (Vec<_>, Vec<_>) = kept.collect::<Vec<_>>().into_iter().unzip();
        (self.seconds, self.bad) = (seconds, bad);
    }

    pub(super) fn bad_seconds(&self) -> impl Iterator<Item = &Second> {
        self.seconds
            .iter()
            .zip(&self.bad)
            .filter(|(_, bad)| **bad)
            .map(|(s, _)| s)
    }

    pub(super) fn good_seconds(&self) -> impl Iterator<Item = &Second> {
        self.seconds
            .iter()
            .zip(&self.bad)
            .filter(|(_, bad)| !**bad)
            .map(|(s, _)| s)
    }

    /// True when enough went wrong to look for a reason.
    pub(super) fn is_unwell(&self) -> bool {
        self.bad_seconds().count() >= 2
    }

    /// From the first to the last bad second; of a round without any, the whole of it.
    pub(super) fn trouble(&self) -> Span {
        let whole = self.whole();
        let from = self.bad_seconds().next().map_or(whole.from, |s| s.from);
        let to = self.bad_seconds().last().map_or(whole.to, |s| s.to);
        Span { from, to }
    }

    /// The longest phase, the last of equals: there the load is what it is for longest.
    pub(super) fn longest_phase(&self) -> Span {
        let whole = self.whole();
        let phases = self.phases.iter().map(|p| Span {
            from: p.from.max(whole.from),
            to: p.to.min(whole.to),
        });
        let longer = |a: &Span, b: &Span| (a.to - a.from).total_cmp(&(b.to - b.from));
        phases
            .max_by(longer)
            .filter(|p| p.to > p.from)
            .unwrap_or(whole)
    }

    pub(super) fn whole(&self) -> Span {
        Span {
            from: self.seconds.first().map_or(0.0, |s| s.from),
            to: self.seconds.last().map_or(0.0, |s| s.to),
        }
    }

    /// The mean of a gauge before and during the trouble: in the reference or, without one, in the
    /// good seconds; `None` when it was not seen during the trouble.
    pub(super) fn gauge(
        &self,
        of: impl Fn(&Table) -> Option<Series>,
    ) -> Option<(Option<f64>, f64)> {
        let series = of(&self.table)?;
        let now = if self.is_unwell() {
            mean_in(&series, self.bad_seconds())?
        } else {
            mean_in(&series, self.seconds.iter())?
        };
        Some((self.before(&of, &series), now))
    }

    /// The same of a counter, per second.
    pub(super) fn growth(
        &self,
        of: impl Fn(&Table) -> Option<Series>,
    ) -> Option<(Option<f64>, f64)> {
        self.gauge(|table| of(table).map(|s| s.rate()).filter(|s| !s.0.is_empty()))
    }

    /// What the target tells, before and during the trouble, with where it is read from.
    pub(super) fn told(&self, of: impl Fn(&Table) -> Option<Told>) -> Option<(String, Moved)> {
        let from = of(&self.table)?.from;
        let moved = self.gauge(|table| of(table).map(|told| told.series))?;
        Some((from, moved))
    }

    /// The same of a counter, per second.
    pub(super) fn told_growth(
        &self,
        of: impl Fn(&Table) -> Option<Told>,
    ) -> Option<(String, Moved)> {
        let from = of(&self.table)?.from;
        let moved = self.growth(|table| of(table).map(|told| told.series))?;
        Some((from, moved))
    }

    /// Seconds of which this is true.
    pub(super) fn troubled_seconds(&self, is: impl Fn(&Second) -> bool) -> Vec<&Second> {
        self.seconds.iter().filter(|s| is(s)).collect()
    }

    /// How many seconds there are in a stretch.
    pub(super) fn seconds_between(&self, from: f64, to: f64) -> usize {
        let within = |s: &&Second| s.from >= from && s.to <= to;
        self.seconds.iter().filter(within).count()
    }

    fn before(&self, of: &impl Fn(&Table) -> Option<Series>, own: &Series) -> Option<f64> {
        let known = self.reference.iter().filter_map(|r| {
            let series = of(&r.table)?;
            mean_in(&series, r.seconds.iter())
        });
        middle(known.collect()).or_else(|| {
            let good: Vec<&Second> = self.good_seconds().collect();
            (self.is_unwell() && good.len() >= 2).then(|| mean_in(own, good.into_iter()))?
        })
    }

    /// Cores that the target uses.
    pub(super) fn cpu(&self) -> Option<(Option<f64>, f64)> {
        self.growth(|t| t.get("target_cpu_seconds_total", &[]).cloned())
    }

    /// Cores that the target may use.
    pub(super) fn cores(&self) -> f64 {
        let of = |metric: &str| self.table.get(metric, &[]).and_then(Series::max);
        let host = of("host_cores").unwrap_or(1.0).max(1.0);
        of("target_cgroup_cores").map_or(host, |quota| quota.min(host))
    }

    /// Median latency before and in the trouble, nanoseconds.
    pub(super) fn latency(&self) -> (Option<f64>, f64) {
        let medians: Vec<f64> = self.bad_seconds().filter_map(|s| s.median).collect();
        let now = middle(medians).or(self.usual).unwrap_or(0.0);
        (self.usual, now)
    }

    /// True when the median rose by at least this factor.
    pub(super) fn is_slower_by(&self, factor: f64) -> bool {
        let (before, now) = self.latency();
        before.is_some_and(|before| before > 0.0 && now >= factor * before)
    }

    /// Failures during the round by class, and their share of all whose fate is known.
    pub(super) fn failures(&self, classes: &[ErrorClass]) -> (u64, f64) {
        let count = |s: &Second| {
            classes
                .iter()
                .map(|c| s.tally.failures.count(*c))
                .sum::<u64>()
        };
        let n: u64 = self.seconds.iter().map(count).sum();
        let ended: u64 = self.seconds.iter().map(Second::ended).sum();
        (n, n as f64 / ended.max(1) as f64)
    }
}

/// What is served at a time where everything beyond it is turned away at once.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Ceiling {
    /// Requests answered as expected that are under way at a time.
    pub(super) at_once: f64,
    /// Of those whose fate is known, the share that was turned away.
    pub(super) refused: f64,
}

impl Case<'_> {
    /// Requests of these classes are turned away, and the others are served as fast as ever: not a
    /// bug that fails every so many-th, for however much more is asked, no more is served.
    pub(super) fn ceiling(&self, classes: &[ErrorClass]) -> Option<Ceiling> {
        let refused = |s: &Second| -> f64 {
            let counts = classes.iter().map(|c| s.tally.failures.count(*c));
            counts.sum::<u64>() as f64
        };
        let is_over = |s: &&Second| refused(s) >= TURNED_AWAY * s.ended() as f64;
        let answers = |s: &&Second| s.ended() > 0;
        let (over, under): (Vec<&Second>, Vec<&Second>) =
            self.seconds.iter().filter(answers).partition(is_over);
        let served: Vec<f64> = over.iter().map(|s| s.served_at_once()).collect();
        let at_once = mean(&served);
        let scatter: Vec<f64> = served.iter().map(|n| (n - at_once).abs()).collect();
        let is_steady = at_once >= 1.0 && mean(&scatter) <= STEADY * at_once;
        let slower = answer_time(&under)
            .zip(answer_time(&over))
            .is_some_and(|(under, over)| over > SLOWER * under);
        let found = over.len() >= 4 && is_steady && !slower && is_capped(&under, &over);
        let (ended, turned_away) = over.iter().fold((0.0, 0.0), |(all, n), s| {
            (all + s.ended() as f64, n + refused(s))
        });
        found.then(|| Ceiling {
            at_once,
            refused: turned_away / ended,
        })
    }
}

/// True when more was asked and not more served: than in the seconds under the ceiling, or from one
/// second over it to the next.
fn is_capped(under: &[&Second], over: &[&Second]) -> bool {
    let asked = |s: &&Second| s.tally.due as f64 / s.length();
    let mean_of = |seconds: &[&Second]| mean(&seconds.iter().map(asked).collect::<Vec<_>>());
    if under.len() >= 2 && mean_of(over) > MORE * mean_of(under) {
        return true;
    }
    let points = over.iter().map(|s| (asked(s), s.served_at_once()));
    let points: Vec<(f64, f64)> = points.collect();
    let low = points.iter().map(|p| p.0).fold(f64::INFINITY, f64::min);
    let high = points.iter().map(|p| p.0).fold(0.0, f64::max);
    let (x, y): (Vec<f64>, Vec<f64>) = points.iter().copied().unzip();
    let in_proportion = mean(&y) / mean(&x).max(1e-9);
    high > MORE * low && theil_sen(&points).is_some_and(|s| s < FLAT * in_proportion)
}

/// Mean latency of those that were answered as expected.
fn answer_time(seconds: &[&Second]) -> Option<f64> {
    // Nanoseconds of many requests together can be more than a whole number holds.
    let (sum, n) = seconds.iter().fold((0.0, 0), |(sum, n), s| {
        let ok = &s.latency.ok;
        (sum + ok.sum() as f64, n + ok.count())
    });
    (n > 0).then(|| sum / n as f64)
}

/// The median of the better half of the seconds.
fn usual(seconds: &[Second]) -> Option<f64> {
    let mut medians: Vec<f64> = seconds.iter().filter_map(|s| s.median).collect();
    medians.sort_by(f64::total_cmp);
    let quarter = medians.len().saturating_sub(1) / 4;
    medians.get(quarter).copied()
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

fn middle(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len().saturating_sub(1) / 2;
    values.get(middle).copied()
}

fn mean_in<'s>(series: &Series, seconds: impl Iterator<Item = &'s Second>) -> Option<f64> {
    let (mut sum, mut n) = (0.0, 0.0);
    for second in seconds {
        // A sample at the end of a second tells of that second.
        for point in series.between(second.from + 0.05, second.to + 0.05) {
            sum += point.value;
            n += 1.0;
        }
    }
    (n > 0.0).then(|| sum / n)
}
