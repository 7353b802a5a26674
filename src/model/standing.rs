//! The one conclusion about a whole run, with which every report and every list of runs leads.

use serde::{Deserialize, Serialize};

use super::{Comparison, Design, RunState, Verdict};

/// What became of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// The judge's conclusion.
    Judged(Verdict),
    /// Measured without a reference and without a limit: there was nothing to judge.
    Measured,
    /// The same, but some requests failed: nobody forbade it, and nobody should miss it.
    MeasuredWithErrors,
    /// Ended early: shown as far as it got, passes nothing.
    Partial,
    /// Complete, but nobody has judged it: passes nothing.
    Unjudged,
    /// A part of the plan, soundly measured: passes nothing before it is merged with the others.
    Part,
}

impl Standing {
    /// Of a run that ended so and was concluded so; `failed` requests of the side under test were not
    /// answered as expected.
    pub fn of(
        state: RunState,
        comparison: Option<&Comparison>,
        is_part: bool,
        failed: u64,
    ) -> Self {
        if state != RunState::Complete {
            return Self::Partial;
        }
        match comparison {
            None => Self::Unjudged,
            Some(c) if is_part && c.decision.verdict == Verdict::Kept => Self::Part,
            Some(c) if has_nothing_to_judge(c) => match failed {
                0 => Self::Measured,
                _ => Self::MeasuredWithErrors,
            },
            Some(c) => Self::Judged(c.decision.verdict),
        }
    }

    /// One lower-case word or two.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Judged(verdict) => verdict.name(),
            Self::Measured | Self::MeasuredWithErrors => "measured",
            Self::Partial => "partial",
            Self::Unjudged => "not judged",
            Self::Part => "part",
        }
    }

    pub const fn sign(self) -> &'static str {
        match self {
            Self::Judged(verdict) => verdict.sign(),
            Self::Measured => "✔",
            Self::MeasuredWithErrors | Self::Partial => "!",
            Self::Unjudged | Self::Part => "?",
        }
    }

    /// True when nothing speaks against the run. An inconclusive run does not pass, it is let by.
    pub const fn passes(self) -> bool {
        matches!(
            self,
            Self::Measured
                | Self::MeasuredWithErrors
                | Self::Judged(Verdict::Improved | Verdict::Unchanged | Verdict::Kept)
        )
    }
}

fn has_nothing_to_judge(c: &Comparison) -> bool {
    c.design == Design::Absolute
        && c.decision.verdict == Verdict::Kept
        && c.results.iter().all(|r| r.limit.is_none())
}
