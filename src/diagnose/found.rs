//! What a rule makes of a round: evidence, weighed.

use crate::model::Evidence;
use crate::units::Unit;

/// A match of a rule.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Found {
    /// From 0 to 1.
    pub(super) score: f64,
    pub(super) evidence: Vec<Evidence>,
}

impl Found {
    /// Begins with what the rule cannot do without.
    pub(super) fn with(score: f64, evidence: Evidence) -> Self {
        Self {
            score,
            evidence: vec![evidence],
        }
    }

    /// What else speaks for it takes away this share of the doubt that is left.
    pub(super) fn and(mut self, share: f64, evidence: Option<Evidence>) -> Self {
        if let Some(evidence) = evidence {
            self.score += (1.0 - self.score) * share;
            self.evidence.push(evidence);
        }
        self
    }

    /// What speaks against it leaves this share of the score.
    pub(super) fn unless(mut self, contradicts: bool, left: f64) -> Self {
        if contradicts {
            self.score *= left;
        }
        self
    }
}

/// A stretch of time, in seconds from the beginning of the round.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Span {
    pub(super) from: f64,
    pub(super) to: f64,
}

impl Span {
    pub(super) fn says(self, series: &str, text: String) -> Evidence {
        Evidence {
            text,
            series: series.to_owned(),
            from: self.from,
            to: self.to,
        }
    }

    /// `what before → now`, or what it is now when nothing is known of before.
    pub(super) fn moved(
        self,
        series: &str,
        what: &str,
        unit: Unit,
        (before, now): (Option<f64>, f64),
    ) -> Evidence {
        let now = unit.format(now);
        let text = match before {
            Some(before) => format!("{what} {} → {now}", unit.format(before)),
            None => format!("{what} {now}"),
        };
        self.says(series, text)
    }
}
