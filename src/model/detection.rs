//! Who decides about a change, and what the guide's detector says of it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The rule by which a change is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Judge {
    /// Student's t over rounds, with equivalence by two one-sided tests.
    #[default]
    RoundT,
    /// The mean of now against the 95th percentile of the reference.
    BaselineP95,
    /// Ranks of the rounds, exactly.
    MannWhitney,
}

impl Judge {
    pub const ALL: [Self; 3] = [Self::RoundT, Self::BaselineP95, Self::MannWhitney];

    pub const fn name(self) -> &'static str {
        match self {
            Self::RoundT => "round-t",
            Self::BaselineP95 => "baseline-p95",
            Self::MannWhitney => "mann-whitney",
        }
    }

    /// How it decides, for `explain`.
    pub const fn describe(self) -> &'static str {
        match self {
            Self::RoundT => {
                "Student's t on the logarithms of round values, against a baseline, or on the differences of pairs. Sameness is shown by two one-sided tests. The default."
            }
            Self::BaselineP95 => {
                "The mean of now against the 95th percentile of the reference's rounds, of which it needs ten. Simple, blind to small changes, and without a probability. It is shown beside every comparison."
            }
            Self::MannWhitney => {
                "The exact rank test over rounds, with the Hodges-Lehmann estimate of the change. It needs four rounds a side and is hardly moved by single wild rounds."
            }
        }
    }

    /// True of the judge that is meant unless another is named.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl fmt::Display for Judge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// What the detector `baseline-p95` says of a metric.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Detection {
    /// Share by which the mean of now is worse than the 95th percentile of the reference; None when
    /// it was not evaluated.
    pub degradation: Option<f64>,
    /// A degradation beyond this is an alarm.
    pub threshold: f64,
    /// 1 / (1 + coefficient of variation) of now: how steady it is, and no probability.
    pub stability: f64,
    pub alarm: Alarm,
    /// What to do about an alarm, or why there was nothing to evaluate; empty without either.
    pub advice: String,
}

/// How loud the detector is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Alarm {
    NotEvaluated,
    Quiet,
    Degraded,
    /// More than half worse.
    Critical,
}

impl Alarm {
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotEvaluated => "not evaluated",
            Self::Quiet => "quiet",
            Self::Degraded => "degraded",
            Self::Critical => "critical",
        }
    }
}
