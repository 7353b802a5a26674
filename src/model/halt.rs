//! What held the load back or ended it early: the guard, or a limit that was watched live.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Better, Estimate, Metric, Scope};
use crate::units::{Nanos, Unit};

/// What the guard lets through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GuardState {
    /// Everything.
    Closed,
    /// Nothing.
    Open,
    /// One arrival in so many, to see whether the target has recovered.
    Probing(u32),
    /// One arrival in so many, for the rest of the round.
    Slowed(u32),
    /// Nothing, and the run ends.
    Ended,
}

impl GuardState {
    /// Every how many-th arrival is let through; 0: none.
    pub const fn admit_every(self) -> u32 {
        match self {
            Self::Closed => 1,
            Self::Open | Self::Ended => 0,
            Self::Probing(every) | Self::Slowed(every) => every,
        }
    }

    /// True when the change to this state was brought about by failures.
    pub const fn is_opening(self) -> bool {
        matches!(self, Self::Open | Self::Slowed(_) | Self::Ended)
    }
}

impl fmt::Display for GuardState {
    /// `guard open`, `guard probing`, `slowed to 1 in 2`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => f.pad("guard closed"),
            Self::Open => f.pad("guard open"),
            Self::Probing(_) => f.pad("guard probing"),
            Self::Slowed(every) => f.pad(&format!("slowed to 1 in {every}")),
            Self::Ended => f.pad("ended by the guard"),
        }
    }
}

/// The guard changed what it lets through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuardChange {
    /// From the beginning of the round's first phase.
    pub at: Nanos,
    pub state: GuardState,
    /// The failures that led to it, of so many requests, within so long; zero where time alone did.
    #[serde(default)]
    pub failed: u64,
    #[serde(default)]
    pub settled: u64,
    #[serde(default)]
    pub within: Nanos,
}

impl fmt::Display for GuardChange {
    /// `the guard opened after 12 s: 63 % of 1204 requests failed within 10 s`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.state {
            GuardState::Closed => "the guard closed",
            GuardState::Open => "the guard opened",
            GuardState::Probing(_) => "the guard probes",
            GuardState::Slowed(_) => "the guard slowed the load down",
            GuardState::Ended => "the guard ended the run",
        };
        write!(f, "{what} after {}", self.at)?;
        if let GuardState::Slowed(every) = self.state {
            write!(f, " to 1 in {every} requests")?;
        }
        if self.settled > 0 {
            let share = self.failed as f64 / self.settled as f64;
            let (share, of) = (Unit::Share.format(share), self.settled);
            write!(
                f,
                ": {share} of {of} requests failed within {}",
                self.within
            )?;
        }
        Ok(())
    }
}

/// A round was ended before its plan was done, by a rule of the scenario and not by a signal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Halt {
    /// From the beginning of the round's first phase.
    pub at: Nanos,
    pub by: HaltCause,
}

impl fmt::Display for Halt {
    /// `latency.p99 [step pay] was 480 ms after 12 s, over its limit of 250 ms`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.by {
            HaltCause::Guard => write!(f, "the guard ended the run after {}", self.at),
            HaltCause::Threshold(breach) => {
                let unit = breach.metric.unit();
                let value = match breach.value {
                    Estimate::Exact(v) => unit.format(v),
                    Estimate::AtLeast(v) => format!("at least {}", unit.format(v)),
                    _ => "undetermined, because requests failed,".to_owned(),
                };
                let side = match breach.metric.better() {
                    Better::Lower => "over",
                    Better::Higher => "below",
                };
                let (metric, scope) = (breach.metric, &breach.scope);
                write!(f, "{metric}{scope} was {value} after {}", self.at)?;
                if let Some(over) = breach.over {
                    write!(f, " (over the last {over})")?;
                }
                write!(f, ", {side} its limit of {}", unit.format(breach.max))
            }
        }
    }
}

/// Which rule ended a round.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HaltCause {
    /// The guard opened once too often.
    Guard,
    /// A threshold with `abort = true` was broken.
    Threshold(Breach),
}

/// A limit that was seen broken while the load was running.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Breach {
    pub metric: Metric,
    pub scope: Scope,
    pub over: Option<Nanos>,
    /// What it was at that moment, and what it may be, in the unit of the metric.
    pub value: Estimate,
    pub max: f64,
}

/// The worst stretch of a round by one metric.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Window {
    pub metric: Metric,
    #[serde(default)]
    pub scope: Scope,
    /// Length that was asked for.
    pub over: Nanos,
    /// Where the worst one begins; zero when none could be estimated.
    pub at: Nanos,
    pub worst: Estimate,
}
