//! What a search for capacity found: the levels it measured, and the knee between those that hold
//! and those that fail.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Estimate, Metric};
use crate::units::Unit;

/// The result of a search.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Capacity {
    /// Must stay below `under` for a level to hold.
    pub metric: Metric,
    /// In the unit of the metric.
    pub under: f64,
    /// Relative width the search aimed at.
    pub precision: f64,
    /// Ascending by rate; each rate once.
    pub levels: Vec<Level>,
    pub knee: Knee,
    /// The level above the knee failed on a busy machine only: elsewhere the knee may lie higher.
    #[serde(default)]
    pub noisy: bool,
    /// Throughput against concurrency over all levels; None when the levels do not determine it.
    #[serde(default)]
    pub law: Option<ScalabilityLaw>,
}

impl Capacity {
    /// The highest level that held below the lowest that did not: the load to look at.
    pub fn highest_held(&self) -> Option<&Level> {
        let below = self
            .levels
            .iter()
            .take_while(|l| l.verdict == LevelVerdict::Holds);
        below.last()
    }
}

/// One rate that was offered, with all its rounds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Level {
    /// Requests per second.
    pub rate: f64,
    pub verdict: LevelVerdict,
    pub rounds: Vec<LevelRound>,
    /// The metric over the rounds that count, taken together.
    pub value: Estimate,
    /// Share of what was asked that the target kept up with, over the rounds that count.
    pub answered: Option<f64>,
    /// Requests answered per second while the load lasted.
    pub throughput: f64,
    /// Requests at the target at once: throughput times mean service time (Little 1961).
    pub concurrency: Option<f64>,
}

/// One round of a level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LevelRound {
    /// Index of the round in the run.
    pub round: usize,
    pub outcome: Outcome,
}

/// What one round says about its level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    Held,
    Failed,
    /// It did not hold, and the machine may be to blame: says nothing.
    Spoiled,
    /// The generator did not offer the rate: says nothing about the target.
    OutOfReach,
}

/// What all rounds of a level say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LevelVerdict {
    /// Most of its rounds held.
    Holds,
    /// At least half of its rounds failed.
    Fails,
    /// Too many rounds were spoiled by the machine.
    Unjudged,
    /// The generator could not offer the rate.
    GeneratorBound,
}

impl LevelVerdict {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::Fails => "fails",
            Self::Unjudged => "not judged",
            Self::GeneratorBound => "generator-bound",
        }
    }

    /// A sign beside the word, so that nothing depends on colour.
    pub const fn sign(self) -> &'static str {
        match self {
            Self::Holds => "✔",
            Self::Fails => "✘",
            Self::Unjudged => "?",
            Self::GeneratorBound => "!",
        }
    }
}

impl fmt::Display for LevelVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The rate at which half of the rounds hold, as far as it is known.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Knee {
    Found(KneeInterval),
    /// Everything that could be asked held: the truth is at least this rate.
    AtLeast {
        rate: f64,
        because: Censored,
    },
    /// Even the first level failed: the truth lies below this rate.
    Below {
        rate: f64,
    },
    /// Not one level could be judged.
    Unknown,
}

/// A knee with its interval, in requests per second.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct KneeInterval {
    pub rate: f64,
    pub low: f64,
    pub high: f64,
    /// Probability that the truth lies in the interval, at least.
    pub probability: f64,
}

/// Why a search ended before anything failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Censored {
    /// The highest rate asked for held.
    EndOfRange,
    /// The generator could not offer more.
    Generator,
    /// The machine was too noisy to judge more.
    Machine,
    /// A stop was asked for, or the rounds a search may take were used up.
    Stopped,
}

impl Censored {
    /// Completes `nothing failed: …`.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::EndOfRange => "the range of the search ends there",
            Self::Generator => "the load generator could not offer more",
            Self::Machine => "the machine was too noisy to judge more",
            Self::Stopped => "the search ended before it was done",
        }
    }
}

impl Knee {
    /// The knee as the value of a metric.
    pub const fn estimate(&self) -> Estimate {
        match self {
            Self::Found(knee) => Estimate::Exact(knee.rate),
            Self::AtLeast { rate, .. } => Estimate::AtLeast(*rate),
            Self::Below { .. } | Self::Unknown => Estimate::Missing,
        }
    }
}

impl fmt::Display for Knee {
    /// `200/s (95 % interval 196/s to 204/s)`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rate = |r: f64| Unit::PerSecond.format(r);
        match self {
            Self::Found(k) => write!(
                f,
                "{} ({} interval {} to {})",
                rate(k.rate),
                Unit::Share.format(k.probability),
                rate(k.low),
                rate(k.high)
            ),
            Self::AtLeast { rate: r, because } => {
                write!(f, "at least {}: {}", rate(*r), because.reason())
            }
            Self::Below { rate: r } => write!(f, "below {}: the first level failed", rate(*r)),
            Self::Unknown => f.write_str("unknown: no level could be judged"),
        }
    }
}

/// X(N) = λN / (1 + σ(N − 1) + κN(N − 1)), fitted to the levels (Gunther 2007).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ScalabilityLaw {
    /// Throughput of a single request at a time, per second.
    pub lambda: f64,
    /// Contention: the share of the work that cannot be done in parallel.
    pub sigma: f64,
    /// Coherency: what each pair of requests costs.
    pub kappa: f64,
    /// Concurrency and throughput at the peak; None when throughput only levels off.
    pub peak: Option<(f64, f64)>,
    /// Share of the variance of throughput that the curve explains.
    pub r_squared: f64,
}
