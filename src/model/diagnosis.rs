//! Why a run may show what it shows.

use serde::Serialize;

/// A symptom that was found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Diagnosis {
    /// Name for `explain`: `pool-exhausted`.
    pub symptom: &'static str,
    /// In words: `connection pool exhausted`.
    pub title: &'static str,
    /// How well the evidence fits, from 0 to 1: for ranking, no probability.
    pub score: f64,
    pub strength: Strength,
    /// The most telling first.
    pub evidence: Vec<Evidence>,
    pub causes: &'static [&'static str],
    pub actions: &'static [&'static str],
    /// What would speak against it.
    pub rules_out: &'static [&'static str],
}

/// How much a diagnosis weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Strength {
    /// Fits, as much else does.
    Weak,
    Likely,
    /// Hardly anything else looks like that.
    Strong,
}

/// One observation that speaks for a diagnosis.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Evidence {
    /// `pool utilisation 0.41 → 0.97 from second 10 on`
    pub text: String,
    /// The series it was seen in, as alerts name it; of what was worked out of several, what that is.
    pub series: String,
    /// When, in seconds from the beginning of the round.
    pub from: f64,
    pub to: f64,
}

impl Strength {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Weak => "weak",
            Self::Likely => "likely",
            Self::Strong => "strong",
        }
    }
}
