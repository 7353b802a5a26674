//! What became of a scenario's numbers over its runs: their levels, and where these changed.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Better, Change, Fingerprint, Metric, Standing, Verdict};
use crate::units::Unit;

/// Version of an accepted level on disk.
pub const LEVEL_SCHEMA: u32 = 1;

/// What one run adds to a history, and to a list of runs.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Contribution {
    /// None: its record cannot be read.
    pub standing: Option<Standing>,
    /// Complete rounds, of the side under test.
    pub rounds: u32,
    /// Why nothing of it enters a history, in words; None: it does.
    pub left_out: Option<String>,
    pub metrics: Vec<MetricRounds>,
}

/// The values of one metric in the rounds of a run that count.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricRounds {
    /// Its name, and its scope where that is not the whole scenario: `latency.p99 [step pay]`.
    pub name: String,
    /// In the unit of the metric; never empty. Where a value is a lower bound, that bound.
    pub rounds: Vec<f64>,
}

/// A number that is followed: a metric of runs, or any column of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Measure {
    pub name: String,
    pub unit: Unit,
    pub better: Better,
    /// The change that is tolerated against the accepted level.
    pub allowed: Change,
}

impl Measure {
    /// By a metric's name, with or without a scope; any other name is a plain number, less is better.
    pub fn named(name: &str) -> Self {
        let bare = name.split(" [").next().unwrap_or(name);
        let metric = bare.parse::<Metric>().ok();
        Self {
            name: name.to_owned(),
            unit: metric.map_or(Unit::Count, Metric::unit),
            better: metric.map_or(Better::Lower, Metric::better),
            allowed: metric.map_or(Change::Relative(0.05), Metric::default_change),
        }
    }
}

/// A run as a place on the axis of a history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Point {
    /// Id of the run; of a file, the number of its line.
    pub run: String,
    /// When, as it was written: RFC 3339, UTC, of a run. Empty when a file does not say.
    pub at: String,
    /// Of Plimsoll for a run, whatever is written in a file; empty when unknown.
    pub version: Arc<str>,
    /// The commit; empty when unknown.
    pub revision: Arc<str>,
}

/// Values of one measure, a place for every point.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    pub measure: Measure,
    /// NaN where there is none.
    pub values: Vec<f64>,
    /// What was accepted last; None: nothing.
    pub accepted: Option<AcceptedLevel>,
}

/// The level that somebody said is right.
#[derive(Debug, Clone, PartialEq)]
pub struct AcceptedLevel {
    /// Of the runs, or of the rounds of a baseline, that it was taken from.
    pub values: Vec<f64>,
    /// RFC 3339, UTC.
    pub at: String,
    pub by: String,
    pub reason: String,
    /// The last run that was seen when it was accepted.
    pub run: String,
    /// Accepted with `baseline save`, not with `history accept`.
    pub is_baseline: bool,
}

/// A change of level.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shift {
    /// Index of the first point of the new level.
    pub at: usize,
    pub before: f64,
    pub after: f64,
    pub is_worse: bool,
    /// Two-sided, over all places where it could have been.
    pub p: f64,
    /// Too few runs yet to be sure that it stays.
    pub candidate: bool,
    /// It came before the last acceptance.
    pub accepted: bool,
}

impl Shift {
    /// The change as a share of the level before.
    pub fn change(&self) -> f64 {
        self.after / self.before - 1.0
    }
}

/// The present level, and how it stands against the accepted one.
#[derive(Debug, Clone, PartialEq)]
pub struct PresentLevel {
    /// The latest values, of one level.
    pub values: Vec<f64>,
    /// Their mean: geometric, arithmetic where some are not above zero.
    pub level: f64,
    pub against: Option<AgainstAccepted>,
}

/// A level against the accepted one.
#[derive(Debug, Clone, PartialEq)]
pub struct AgainstAccepted {
    pub level: f64,
    /// A share of the accepted level; a difference where the measure allows points.
    pub change: f64,
    /// 95 % interval of the change; None when one value cannot give one.
    pub interval: Option<(f64, f64)>,
    pub is_points: bool,
    pub verdict: Verdict,
}

/// One measure over all points.
#[derive(Debug, Clone, PartialEq)]
pub struct Trend {
    pub series: Series,
    pub shifts: Vec<Shift>,
    pub present: Option<PresentLevel>,
    /// Why no change points were looked for.
    pub note: Option<String>,
}

impl Trend {
    /// True when a level that nobody accepted is worse: a confirmed change, or a drift.
    pub fn is_worse(&self) -> bool {
        let against = self.present.as_ref().and_then(|p| p.against.as_ref());
        let shifted = |s: &Shift| s.is_worse && !s.candidate && !s.accepted;
        against.is_some_and(|a| a.verdict == Verdict::Regressed) || self.shifts.iter().any(shifted)
    }
}

/// Runs of another plan or another kind of machine, which are a series of their own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtherSeries {
    pub runs: usize,
    /// When its last run began.
    pub until: String,
    /// What differs from the series shown.
    pub differs: Vec<String>,
}

/// A whole history, oldest first.
#[derive(Debug, Clone, PartialEq)]
pub struct History {
    /// Name of the scenario or of the file.
    pub name: String,
    pub points: Vec<Point>,
    pub trends: Vec<Trend>,
    pub others: Vec<OtherSeries>,
    /// Runs that do not enter: reason and number.
    pub left_out: Vec<(String, usize)>,
}

/// Accepts the level that some metrics have now. Never changed once written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LevelAcceptance {
    pub schema: u32,
    pub scenario: String,
    pub reason: String,
    pub accepted_by: String,
    /// RFC 3339, UTC.
    pub accepted_at: String,
    /// The last run that was seen.
    pub run: String,
    pub revision: Option<String>,
    pub plan_hash: String,
    pub fingerprint: Fingerprint,
    pub levels: Vec<StoredLevel>,
}

/// The level of one metric as it was accepted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StoredLevel {
    /// As [`MetricRounds::name`].
    pub metric: String,
    /// Of the runs it was taken from, oldest first.
    pub values: Vec<f64>,
}
