//! What a check could see, said before it begins.

use serde::{Deserialize, Serialize};

use crate::units::Nanos;

/// What the rounds that fit into a budget of time would show.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Foresight {
    pub budget: Nanos,
    /// Estimated length of a round, with start-up and drain.
    pub round: Nanos,
    /// Rounds of each side that fit, within the greatest number asked for.
    pub rounds: usize,
    /// Both sides are measured, one after the other or at once.
    pub sides: bool,
    /// Where the spread between rounds is known from, in words; None: unknown until the first look.
    pub noise: Option<String>,
    /// By gating metric; empty when the spread is unknown.
    pub smallest: Vec<Smallest>,
}

/// The smallest change of a metric that shows with 80 % power.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Smallest {
    /// With its scope.
    pub metric: String,
    /// A share of the reference, or a difference of shares.
    pub change: f64,
    /// The change is a difference, in percentage points.
    pub points: bool,
}

impl Foresight {
    /// `5 min hold 8 rounds a side of about 17 s; they would show changes over 4.1 % of latency.p50 …`
    pub fn sentence(&self) -> String {
        let side = if self.sides { " a side" } else { "" };
        let s = if self.rounds == 1 { "" } else { "s" };
        let head = format!(
            "{} hold {} round{s}{side} of about {}",
            self.budget, self.rounds, self.round
        );
        match &self.noise {
            Some(noise) if !self.smallest.is_empty() => {
                let changes: Vec<String> = self.smallest.iter().map(Smallest::words).collect();
                format!(
                    "{head}; they would show changes over {} (from the spread of {noise})",
                    changes.join(", ")
                )
            }
            _ => format!(
                "{head}; how small a change they would show is unknown until the first look: no earlier rounds tell the spread"
            ),
        }
    }
}

impl Smallest {
    /// `4.1 % of latency.p50`
    pub fn words(&self) -> String {
        let unit = if self.points { "pp" } else { "%" };
        let digits = if self.change < 0.005 { 2 } else { 1 };
        format!("{:.digits$} {unit} of {}", self.change * 100.0, self.metric)
    }
}
