//! Stretches of time, each with one load model, and what guards them.

use std::sync::Arc;

use serde::Serialize;

use super::step::Request;
use crate::model::Metric;
use crate::units::{Nanos, Rate};

/// A stretch of time with one load model.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Phase {
    pub name: String,
    pub load: Load,
    pub duration: Nanos,
    /// Excluded from every number.
    pub warm_up: bool,
    /// Pause before it, without load.
    pub start_after: Nanos,
    /// Pause after it, without load; what is outstanding is waited for.
    pub cooldown: Nanos,
}

/// Who decides when the next request leaves.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub enum Load {
    /// Open model: the plan decides.
    Rate {
        profile: Profile,
        arrivals: Arrivals,
    },
    /// Closed model: so many connections, each sends as soon as it is answered.
    Connections(usize),
    /// Closed model: virtual users, each with its own journey, think time and cookies.
    Users(Users),
    /// Open model: a recording decides.
    Replay(Recording),
    /// Open model at one level after the other, to find the highest that holds. A session measures
    /// each level as a plan of its own; this one is never run.
    Search(Search),
}

/// Virtual users.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Users {
    pub count: usize,
    /// Time until all are there, evenly; zero: all at once.
    pub ramp: Nanos,
}

/// Requests with their times, as recorded somewhere.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Recording {
    pub file: String,
    /// Distinct requests.
    pub requests: Vec<Request>,
    /// Ascending by time; at least one.
    pub entries: Arc<[Entry]>,
}

/// One recorded request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// From the beginning of the phase, the speed factor applied.
    pub at: Nanos,
    /// Step it is counted under.
    pub step: usize,
    /// Index into [`Recording::requests`].
    pub request: usize,
}

/// A question: what is the highest rate that holds?
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Search {
    /// Must stay below `under` for a level to hold.
    pub metric: Metric,
    /// In the unit of the metric.
    pub under: f64,
    pub from: Rate,
    pub to: Rate,
    /// How the arrivals of each level are spaced.
    pub arrivals: Arrivals,
    /// Rounds of each level.
    pub rounds: usize,
    /// Relative width at which the search ends.
    pub precision: f64,
    /// No further level begins after this time; None: the search takes as long as it needs.
    pub max_duration: Option<Nanos>,
}

/// A circuit breaker on the load itself.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Guard {
    /// Share of failed requests at which it opens.
    pub errors_over: f64,
    /// Time over which the share is taken.
    pub within: Nanos,
    pub action: GuardAction,
    /// How long it stays open before it lets a few requests probe.
    pub rest: Nanos,
    /// Times it may open before the run ends.
    pub openings: u32,
}

/// What the guard does to the load.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum GuardAction {
    /// Nothing is sent while it is open.
    Stop,
    /// Every second request is withheld from then on.
    SlowDown,
}

/// The rate over a phase.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub enum Profile {
    Constant(Rate),
    /// Linear from the beginning to the end of the phase.
    Ramp {
        from: Rate,
        to: Rate,
    },
    /// Begins at `from`, changes by `step` every `every`, never beyond `to`.
    Stairs {
        from: Rate,
        to: Rate,
        step: Rate,
        every: Nanos,
    },
    /// `base`, but `peak` from `at` for `length`.
    Spike {
        base: Rate,
        peak: Rate,
        at: Nanos,
        length: Nanos,
    },
}

/// How arrivals are spaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Arrivals {
    /// Random and independent, as from many users; their number is exact.
    Poisson,
    /// Evenly spaced.
    Constant,
    /// So many at once, the bursts evenly spaced.
    Burst(u32),
}

impl Profile {
    /// Requests due from the beginning of the phase up to `t` of `duration`.
    pub fn due(&self, t: Nanos, duration: Nanos) -> f64 {
        let t = t.min(duration).as_secs_f64();
        match *self {
            Self::Constant(rate) => rate.0 * t,
            Self::Ramp { from, to } => {
                from.0 * t + (to.0 - from.0) * t * t / (2.0 * duration.as_secs_f64())
            }
            Self::Spike {
                base,
                peak,
                at,
                length,
            } => {
                let over = (t - at.as_secs_f64()).clamp(0.0, length.as_secs_f64());
                base.0 * t + (peak.0 - base.0) * over
            }
            Self::Stairs { every, .. } => {
                let every = every.as_secs_f64();
                let whole = (t / every).floor();
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "the number of stairs of a phase is small and not negative"
                )]
                let stairs = whole as u32;
                let climbed: f64 = (0..stairs).map(|i| self.stair(i) * every).sum();
                climbed + self.stair(stairs) * (t - whole * every)
            }
        }
    }

    /// Rate of the i-th stair, or the rate itself.
    pub fn stair(&self, i: u32) -> f64 {
        match *self {
            Self::Constant(rate) => rate.0,
            Self::Ramp { from, .. } => from.0,
            Self::Spike { base, .. } => base.0,
            Self::Stairs { from, to, step, .. } => {
                if to.0 >= from.0 {
                    (from.0 + step.0 * f64::from(i)).min(to.0)
                } else {
                    (from.0 - step.0 * f64::from(i)).max(to.0)
                }
            }
        }
    }
}

impl Phase {
    /// A measured phase without pauses.
    pub fn new(name: &str, load: Load, duration: Nanos) -> Self {
        Self {
            name: name.to_owned(),
            load,
            duration,
            warm_up: false,
            start_after: Nanos::ZERO,
            cooldown: Nanos::ZERO,
        }
    }

    /// Visits the phase asks for, rounded to a whole number; None when the target decides.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "rates and durations are not negative and checked against limits when parsed"
    )]
    pub fn asked(&self) -> Option<u64> {
        match &self.load {
            Load::Rate { profile, .. } => {
                Some(profile.due(self.duration, self.duration).round() as u64)
            }
            Load::Replay(recording) => Some(recording.entries.len() as u64),
            Load::Connections(_) | Load::Users(_) | Load::Search(_) => None,
        }
    }

    pub(super) fn describe_load(&self) -> String {
        match &self.load {
            Load::Rate { profile, arrivals } => {
                let shape = match profile {
                    Profile::Constant(rate) => rate.to_string(),
                    Profile::Ramp { from, to } => format!("{from} → {to}"),
                    Profile::Stairs {
                        from,
                        to,
                        step,
                        every,
                    } => {
                        format!("{from} → {to} by {step} every {every}")
                    }
                    Profile::Spike {
                        base,
                        peak,
                        at,
                        length,
                    } => format!("{base}, {peak} at {at} for {length},"),
                };
                let spacing = match arrivals {
                    Arrivals::Poisson => "poisson".to_owned(),
                    Arrivals::Constant => "even".to_owned(),
                    Arrivals::Burst(size) => format!("in bursts of {size}"),
                };
                format!("{shape} {spacing}")
            }
            Load::Connections(n) => format!("{n} connections, saturated"),
            Load::Users(users) if users.ramp > Nanos::ZERO => {
                format!("{} users within {}", users.count, users.ramp)
            }
            Load::Users(users) => format!("{} users", users.count),
            Load::Replay(recording) => format!("replay of {}", recording.file),
            Load::Search(search) => {
                format!("search for capacity from {} to {}", search.from, search.to)
            }
        }
    }
}
