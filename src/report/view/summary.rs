//! One side of a run summed up: merged distributions, sums of counts, peaks of resources.
//!
//! Percentiles come from merged distributions; they are never averaged. Times come from the clean
//! rounds where there are any, counts and resources from all rounds given.

use std::collections::BTreeMap;

use crate::model::{
    Arm, Cell, Distribution, ErrorClass, Estimate, GuardChange, Latencies, Metric, Outline, Parts,
    Round, Scope, Stat, Tally,
};
use crate::report::words;
use crate::untrusted::Untrusted;

/// A smaller share of a latency is not told.
const NEXT_TO_NOTHING: f64 = 0.0005;

/// The sum of rounds, over everything or one scope.
#[derive(Debug, Clone, Default)]
pub(in crate::report) struct Summary {
    /// Rounds given, and of these the ones that times are taken from.
    pub(in crate::report) rounds: usize,
    pub(in crate::report) timed_rounds: usize,
    /// Measured time of all rounds, in seconds.
    pub(in crate::report) seconds: f64,
    pub(in crate::report) tally: Tally,
    pub(in crate::report) latency: Latencies,
    pub(in crate::report) service: Distribution,
    pub(in crate::report) wait: Distribution,
    parts: Parts,
    pub(in crate::report) lateness: Distribution,
    pub(in crate::report) usage: Option<Usage>,
    /// Mean of the times to recover, a lower bound where one is.
    pub(in crate::report) recovery: Option<Estimate>,
    /// Share of the looks at components that found them well.
    pub(in crate::report) health: Option<f64>,
    /// What a single round was given: values of several do not add up.
    pub(in crate::report) given: BTreeMap<Metric, f64>,
}

/// The target's resources over all rounds.
#[derive(Debug, Clone, Copy)]
pub(in crate::report) struct Usage {
    /// Nanoseconds; None when nothing was answered.
    pub(in crate::report) cpu_per_request: Option<f64>,
    /// Cores.
    pub(in crate::report) utilisation: f64,
    pub(in crate::report) rss_peak: f64,
    pub(in crate::report) rss_end: f64,
    /// Median over the rounds, bytes per second.
    pub(in crate::report) rss_slope: Option<f64>,
    pub(in crate::report) fds_peak: u64,
    pub(in crate::report) threads_peak: u64,
}

impl Summary {
    pub(super) fn new(rounds: &[&Round], outline: &Outline, scope: &Scope) -> Self {
        let timed: Vec<_> = if rounds.iter().any(|r| r.is_clean()) {
            rounds.iter().filter(|r| r.is_clean()).collect()
        } else {
            rounds.iter().collect()
        };
        let mut summary = Self {
            rounds: rounds.len(),
            timed_rounds: timed.len(),
            seconds: seconds(outline, scope) * rounds.len() as f64,
            ..Self::default()
        };
        for cell in rounds.iter().flat_map(|r| &r.cells) {
            if counts(outline, scope, cell) {
                summary.tally.merge(&cell.tally);
            }
        }
        for cell in timed.iter().flat_map(|r| &r.cells) {
            if counts(outline, scope, cell) {
                summary.add_times(cell);
            }
        }
        summary.usage = Usage::new(rounds, outline, scope);
        if *scope == Scope::default() {
            summary.recovery = mean(timed.iter().map(|r| r.recovery()));
        }
        summary.health = health(rounds, outline, scope);
        if let [round] = rounds {
            let given = round.given.iter().filter(|g| g.scope == *scope);
            summary.given = given.map(|g| (g.metric, g.value)).collect();
        }
        summary
    }

    /// Of a run that was killed in its first round: what its intervals recorded.
    pub(super) fn of_cells<'a>(
        cells: impl Iterator<Item = &'a Cell>,
        seconds: f64,
        outline: &Outline,
        scope: &Scope,
    ) -> Self {
        let mut summary = Self {
            seconds,
            ..Self::default()
        };
        for cell in cells {
            if counts(outline, scope, cell) {
                summary.tally.merge(&cell.tally);
                summary.add_times(cell);
            }
        }
        summary
    }

    fn add_times(&mut self, cell: &Cell) {
        self.latency.merge(&cell.latency);
        self.service.merge(&cell.service);
        self.wait.merge(&cell.wait);
        self.lateness.merge(&cell.lateness);
        self.parts.merge(&cell.parts);
    }

    /// The parts of the mean latency of answered requests in nanoseconds, with their shares of it,
    /// in the order of time; those that are next to nothing are left out.
    pub(in crate::report) fn breakdown(&self) -> Vec<(&'static str, f64, f64)> {
        let requests = self.latency.ok.count().max(1) as f64;
        let parts = self.parts.named();
        let whole: f64 = parts.iter().map(|(_, part)| part.0 as f64).sum();
        parts
            .into_iter()
            .map(|(name, part)| (name, part.0 as f64 / requests, part.0 as f64 / whole))
            .filter(|(_, _, share)| *share >= NEXT_TO_NOTHING)
            .collect()
    }

    /// What most requests failed of, if any did.
    pub(super) fn most_frequent_failure(&self) -> Option<ErrorClass> {
        let classes = self.tally.failures.0.iter().filter(|(_, n)| **n > 0);
        classes.max_by_key(|(_, n)| **n).map(|(class, _)| *class)
    }

    /// Share of due requests that were not answered as expected.
    pub(in crate::report) fn error_rate(&self) -> Option<f64> {
        (self.tally.due > 0).then(|| self.tally.failures.total() as f64 / self.tally.due as f64)
    }

    fn per_second(&self, n: u64) -> Estimate {
        if self.seconds > 0.0 {
            Estimate::Exact(n as f64 / self.seconds)
        } else {
            Estimate::Missing
        }
    }

    /// `1,000 of 1,000 requests answered as expected, p50 8.1 ms, p95 12 ms`: where nothing was judged,
    /// what was seen.
    pub(super) fn in_short(&self) -> String {
        let mut text = format!(
            "{} of {} requests answered as expected",
            words::count(self.tally.answered),
            words::count(self.tally.due)
        );
        let told = |stat: Stat| {
            let metric = Metric::Latency(stat);
            match self.value(metric) {
                Estimate::TooFew { .. } | Estimate::Missing => None,
                value => Some((stat, words::estimate(value, metric.unit()))),
            }
        };
        let tail = [Stat::P99, Stat::P95, Stat::P90].into_iter().find_map(told);
        for (stat, value) in told(Stat::P50).into_iter().chain(tail) {
            text += &format!(", {} {value}", stat.name());
        }
        text
    }

    /// A quantile of latency, service time, wait and lateness.
    pub(in crate::report) fn quantiles(&self, q: f64) -> [Estimate; 4] {
        let of = |d: &Distribution| answered(d).quantile(q);
        [
            self.latency.quantile(q),
            of(&self.service),
            of(&self.wait),
            of(&self.lateness),
        ]
    }

    /// The value of any metric.
    pub(in crate::report) fn value(&self, metric: Metric) -> Estimate {
        if let Some(value) = self.given.get(&metric) {
            return Estimate::Exact(*value);
        }
        let known = |v: Option<f64>| v.map_or(Estimate::Missing, Estimate::Exact);
        let usage = |f: fn(Usage) -> f64| known(self.usage.map(f));
        let share = |n: u64, of: u64| known((of > 0).then(|| n as f64 / of as f64));
        let tally = &self.tally;
        match metric {
            Metric::Latency(stat) => statistic(&self.latency, stat),
            Metric::ServiceTime(stat) => of_distribution(&self.service, stat),
            Metric::Lateness(stat) => of_distribution(&self.lateness, stat),
            Metric::Wait(stat) => of_distribution(&self.wait, stat),
            Metric::ThroughputAsked => self.per_second(tally.due),
            Metric::ThroughputSent => self.per_second(tally.sent),
            Metric::ThroughputOk => self.per_second(tally.answered),
            Metric::ErrorsRate => known(self.error_rate()),
            Metric::Errors(class) => share(tally.failures.count(class), tally.due),
            Metric::RetriesRate => share(tally.retried.total(), tally.due),
            Metric::BytesIn if tally.bytes_in.0 == 0 => Estimate::Missing,
            Metric::BytesIn => share(tally.bytes_in.0, tally.answered),
            Metric::BytesOut if tally.bytes_out.0 == 0 => Estimate::Missing,
            Metric::BytesOut => share(tally.bytes_out.0, tally.sent),
            Metric::CpuPerRequest => known(self.usage.and_then(|u| u.cpu_per_request)),
            Metric::CpuUtilisation => usage(|u| u.utilisation),
            Metric::RssPeak => usage(|u| u.rss_peak),
            Metric::RssEnd => usage(|u| u.rss_end),
            Metric::RssSlope => known(self.usage.and_then(|u| u.rss_slope)),
            Metric::FdsPeak => usage(|u| u.fds_peak as f64),
            Metric::ThreadsPeak => usage(|u| u.threads_peak as f64),
            Metric::RecoveryTime => self.recovery.unwrap_or(Estimate::Missing),
            Metric::HealthScore => known(self.health),
            Metric::CapacityKnee | Metric::Custom(_) => Estimate::Missing,
        }
    }
}

/// None where one of them is not known.
fn mean(values: impl Iterator<Item = Estimate>) -> Option<Estimate> {
    let values: Vec<Estimate> = values.collect();
    let known: Option<Vec<f64>> = values.iter().map(|v| v.lower_bound()).collect();
    let known = known.filter(|known| !known.is_empty())?;
    let mean = known.iter().sum::<f64>() / known.len() as f64;
    Some(if values.iter().all(|v| v.exact().is_some()) {
        Estimate::Exact(mean)
    } else {
        Estimate::AtLeast(mean)
    })
}

impl Usage {
    fn new(rounds: &[&Round], outline: &Outline, scope: &Scope) -> Option<Self> {
        if scope.step.is_some() {
            return None;
        }
        let wanted = |phase: usize| in_phase(outline, scope, phase);
        let mut usages = rounds
            .iter()
            .flat_map(|r| &r.usage)
            .filter(|u| wanted(u.phase))
            .peekable();
        usages.peek()?;
        let (mut cpu, mut wall, mut peak, mut fds, mut threads) = (0.0, 0.0, 0, 0, 0);
        let mut slopes = Vec::new();
        for u in usages {
            cpu += u.cpu.0 as f64;
            wall += u.wall.0 as f64;
            peak = peak.max(u.rss_peak.0);
            fds = fds.max(u.fds_peak);
            threads = threads.max(u.threads_peak);
            slopes.extend(u.rss_slope.filter(|s| s.is_finite()));
        }
        let observed = |r: &&&Round| r.usage.iter().any(|u| wanted(u.phase));
        let answered: u64 = rounds
            .iter()
            .filter(observed)
            .flat_map(|r| &r.cells)
            .filter(|c| counts(outline, scope, c))
            .map(|c| c.tally.answered)
            .sum();
        let ends: Vec<f64> = rounds
            .iter()
            .filter_map(|r| r.usage.iter().rfind(|u| wanted(u.phase)))
            .map(|u| u.rss_end.0 as f64)
            .collect();
        Some(Self {
            cpu_per_request: (answered > 0).then(|| cpu / answered as f64),
            utilisation: if wall > 0.0 { cpu / wall } else { 0.0 },
            rss_peak: peak as f64,
            rss_end: ends.iter().sum::<f64>() / ends.len().max(1) as f64,
            rss_slope: median(&mut slopes),
            fds_peak: fds,
            threads_peak: threads,
        })
    }
}

/// None of a step, and where nobody was asked.
fn health(rounds: &[&Round], outline: &Outline, scope: &Scope) -> Option<f64> {
    if scope.step.is_some() {
        return None;
    }
    let looks = rounds.iter().flat_map(|r| &r.health);
    let (asked, well) = looks
        .filter(|h| in_phase(outline, scope, h.phase))
        .fold((0, 0), |(asked, well), h| (asked + h.asked, well + h.well));
    (asked > 0).then(|| well as f64 / asked as f64)
}

/// A step or a phase with its share of the run.
#[derive(Debug, Clone)]
pub(in crate::report) struct Part {
    pub(in crate::report) name: Untrusted,
    pub(in crate::report) load: Untrusted,
    pub(in crate::report) now: Summary,
    pub(in crate::report) before: Option<Summary>,
}

/// One round for the round table.
#[derive(Debug, Clone)]
pub(in crate::report) struct RoundView {
    /// From 1.
    pub(in crate::report) number: usize,
    /// Rate, in a search for capacity.
    pub(in crate::report) level: Option<f64>,
    pub(in crate::report) arm: Arm,
    pub(in crate::report) clean: bool,
    /// What the guard did, in order.
    pub(in crate::report) guard: Vec<GuardChange>,
    /// `clean`, `spoiled by steal 31 %`, `cut short`, `held back by the guard`, `not watched`.
    pub(in crate::report) state: String,
    pub(in crate::report) summary: Summary,
}

/// One metric over the rounds, in the order measured: for the dots.
#[derive(Debug, Clone)]
pub(in crate::report) struct Strip {
    pub(in crate::report) metric: Metric,
    pub(in crate::report) label: Untrusted,
    /// Reference rounds that were stored, then the rounds of this run.
    pub(in crate::report) dots: Vec<(Arm, bool, f64)>,
}

/// The latencies of one round in a scope.
pub(super) fn latencies(round: &Round, outline: &Outline, scope: &Scope) -> Latencies {
    let mut merged = Latencies::default();
    for cell in round.cells.iter().filter(|c| counts(outline, scope, c)) {
        merged.merge(&cell.latency);
    }
    merged
}

fn in_phase(outline: &Outline, scope: &Scope, phase: usize) -> bool {
    outline
        .phases
        .get(phase)
        .is_some_and(|p| match &scope.phase {
            Some(name) => p.name == *name,
            None => !p.warm_up,
        })
}

fn counts(outline: &Outline, scope: &Scope, cell: &Cell) -> bool {
    let step = match &scope.step {
        Some(name) => outline.steps.get(cell.step) == Some(name),
        None => true,
    };
    step && in_phase(outline, scope, cell.phase)
}

/// Seconds of one round that the scope covers.
fn seconds(outline: &Outline, scope: &Scope) -> f64 {
    seconds_until(outline, scope, f64::INFINITY)
}

/// Measured time of a round that ended `until` seconds after its beginning.
pub(super) fn seconds_until(outline: &Outline, scope: &Scope, until: f64) -> f64 {
    outline
        .phases
        .iter()
        .enumerate()
        .filter(|&(i, _)| in_phase(outline, scope, i))
        .map(|(_, p)| {
            let over = (until - p.start.as_secs_f64()).max(0.0);
            p.duration.as_secs_f64().min(over)
        })
        // The sum of nothing would be minus zero.
        .fold(0.0, |sum, seconds| sum + seconds)
}

fn statistic(latencies: &Latencies, stat: Stat) -> Estimate {
    match stat.quantile() {
        Some(q) => latencies.quantile(q),
        None if stat == Stat::Mean => latencies.mean(),
        None => latencies.max(),
    }
}

fn of_distribution(d: &Distribution, stat: Stat) -> Estimate {
    statistic(&answered(d), stat)
}

/// A population of which all were answered.
fn answered(d: &Distribution) -> Latencies {
    Latencies {
        ok: d.clone(),
        ..Latencies::default()
    }
}

pub(super) fn median(values: &mut [f64]) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}
