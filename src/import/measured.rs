//! One round, as another tool measured it.

use crate::model::{Cell, ErrorClass, Metric, Stat};
use crate::units::Nanos;

/// Why a file is not what its tool writes, in words that follow "`x.json` is no output of wrk:".
pub type Reason = std::borrow::Cow<'static, str>;

/// No tool counts more than this: a petabyte, as in the store.
pub(super) const MOST: u64 = 1 << 50;

/// What one invocation of a tool measured.
#[derive(Debug, Clone, Default)]
pub struct Measured {
    pub(super) tool: &'static str,
    /// What was measured, as far as the file says; may be empty.
    pub(super) target: String,
    /// Under which load, as far as the file says; may be empty.
    pub(super) load: String,
    /// RFC 3339, where the file says.
    pub(super) started_at: Option<String>,
    pub(super) duration: Nanos,
    /// Values of the whole, as the tool states them.
    pub(super) given: Vec<(Metric, f64)>,
    /// Metrics of the whole that are judged.
    pub(super) gates: Vec<Metric>,
    pub(super) parts: Vec<Part>,
}

impl Measured {
    /// True when sums over all parts stay far from overflowing.
    pub(super) fn is_countable(&self) -> bool {
        let sum = |of: fn(&Part) -> u64| self.parts.iter().map(of).fold(0, u64::saturating_add);
        [
            sum(|p| p.cell.tally.due),
            sum(|p| p.cell.tally.bytes_in.0),
            sum(|p| p.cell.tally.bytes_out.0),
        ]
        .into_iter()
        .all(|n| n <= MOST)
    }
}

/// A command, a benchmark, a label: what is told apart by name.
#[derive(Debug, Clone, Default)]
pub(super) struct Part {
    pub(super) name: String,
    /// Requests and times, where the tool keeps them; phase and step are filled in later.
    pub(super) cell: Cell,
    pub(super) given: Vec<(Metric, f64)>,
    /// Metrics of this part that are judged.
    pub(super) gates: Vec<Metric>,
}

impl Part {
    /// A part of this many answered requests, and failed ones by class.
    ///
    /// # Errors
    /// When there are more than anybody makes.
    pub(super) fn counted(
        name: &str,
        answered: u64,
        failed: &[(ErrorClass, u64)],
    ) -> Result<Self, Reason> {
        let all = failed.iter().try_fold(answered, |sum, (_, n)| {
            sum.checked_add(*n).filter(|sum| *sum <= MOST)
        });
        let mut part = Self {
            name: name.to_owned(),
            ..Self::default()
        };
        let tally = &mut part.cell.tally;
        tally.due = all
            .filter(|n| *n <= MOST)
            .ok_or("it counts too many requests")?;
        tally.sent = tally.due;
        tally.answered = answered;
        for &(class, n) in failed {
            tally.failures.add(class, n);
        }
        Ok(part)
    }
}

/// The median and the highest usual percentile that so many requests can tell; else the mean.
pub(super) fn times_to_judge(requests: u64) -> Vec<Metric> {
    let stats: &[Stat] = match requests {
        1000.. => &[Stat::P50, Stat::P99],
        200.. => &[Stat::P50, Stat::P95],
        100.. => &[Stat::P50, Stat::P90],
        20.. => &[Stat::P50],
        _ => &[Stat::Mean],
    };
    stats.iter().map(|s| Metric::ServiceTime(*s)).collect()
}

/// How a status failed.
pub(super) const fn class_of(status: u64) -> ErrorClass {
    match status {
        429 => ErrorClass::Status429,
        400..500 => ErrorClass::Status4xx,
        500..600 => ErrorClass::Status5xx,
        _ => ErrorClass::StatusOther,
    }
}

/// A finite number that is not negative, as every figure of every tool is.
pub(super) fn figure(value: f64, what: &str) -> Result<f64, Reason> {
    if value.is_finite() && value >= 0.0 {
        Ok(value)
    } else {
        Err(format!("{what} is no figure: {value}").into())
    }
}

/// A whole number below a petabyte, written as a float.
pub(super) fn whole(value: f64, what: &str) -> Result<u64, Reason> {
    let value = figure(value, what)?;
    if value.fract() != 0.0 || value > MOST as f64 {
        return Err(format!("{what} is no count: {value}").into());
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "whole, not negative and below 2^50"
    )]
    Ok(value as u64)
}
