//! What the judge concludes, for every reporter to show in the same words.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Capacity, Change, Detection, Estimate, Foresight, Judge, Metric, Scope};
use crate::units::Nanos;

/// The conclusion about one metric, or about a whole check. Ordered from best to worst.
#[must_use]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    Improved,
    Unchanged,
    /// An absolute limit is kept; or, of a whole run, nothing was asked or all of it was kept.
    Kept,
    Inconclusive,
    /// An absolute limit is broken.
    Broken,
    Regressed,
    Incomparable,
    Invalid,
}

impl Verdict {
    pub const ALL: [Self; 8] = [
        Self::Improved,
        Self::Unchanged,
        Self::Kept,
        Self::Inconclusive,
        Self::Broken,
        Self::Regressed,
        Self::Incomparable,
        Self::Invalid,
    ];

    /// What it means and what to do, for `explain`.
    pub const fn describe(self) -> &'static str {
        match self {
            Self::Improved => {
                "The metric got better by at least the allowed change, and the interval excludes zero. Accept a new baseline, or the next run is judged against the old level. A gain of more than half counts only once further rounds have confirmed it."
            }
            Self::Unchanged => {
                "The interval of the change lies wholly within what is allowed, in both directions. This is evidence of sameness, not absence of evidence."
            }
            Self::Kept => {
                "The absolute limit of the threshold is kept, or, of a whole run, nothing was asked of it."
            }
            Self::Inconclusive => {
                "The measurement cannot tell: the interval reaches beyond what is allowed and does not exclude zero, or the machine was too noisy. The note says how many rounds would tell. It exits 0 with a warning, or 3 under --on-inconclusive fail, and never counts as unchanged."
            }
            Self::Broken => {
                "The absolute limit of the threshold is broken: the value, or the lower bound of its mean over the rounds, exceeds it."
            }
            Self::Regressed => {
                "The metric got worse by at least the allowed change, the interval excludes zero, and this holds with all gating metrics taken together (Holm)."
            }
            Self::Incomparable => {
                "The two sides were not measured under the same conditions: another machine, another plan, or the offered rate was not held. Measure both now with --against-command, or accept a new baseline here."
            }
            Self::Invalid => {
                "The measurement itself broke: requests were lost from the account, a declared step was never measured, or the load generator could not keep up. The numbers describe the generator, not the target."
            }
        }
    }

    pub const fn name(self) -> &'static str {
        match self {
            Self::Improved => "improved",
            Self::Unchanged => "unchanged",
            Self::Kept => "kept",
            Self::Broken => "broken",
            Self::Inconclusive => "inconclusive",
            Self::Regressed => "regressed",
            Self::Incomparable => "incomparable",
            Self::Invalid => "invalid",
        }
    }

    /// A sign beside the word, so that nothing depends on colour.
    pub const fn sign(self) -> &'static str {
        match self {
            Self::Improved => "▲",
            Self::Unchanged | Self::Kept => "✔",
            Self::Inconclusive => "?",
            Self::Regressed | Self::Broken => "✘",
            Self::Incomparable => "≠",
            Self::Invalid => "!",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// How the two sides were measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Design {
    /// Against a stored baseline: pooled t on the logarithms of round values.
    Unpaired,
    /// Interleaved pairs: one-sample t on the differences of logarithms.
    Paired,
    /// Pairs measured at once, each side at half the rate: the same with a term for the place.
    Duet,
    /// No reference: absolute limits only.
    Absolute,
}

impl Design {
    /// True when each round of now has its partner among those of before.
    pub const fn is_paired(self) -> bool {
        matches!(self, Self::Paired | Self::Duet)
    }
}

/// One side's value of a metric over its rounds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Side {
    /// Geometric mean over the rounds used (arithmetic for shares and slopes), in the metric's unit.
    pub value: Estimate,
    /// Value of each round used, in order.
    pub rounds: Vec<Estimate>,
    /// Rounds left out because the machine spoiled them.
    pub spoiled: usize,
}

/// A change by ranks alone, without any assumption on how rounds scatter. Pairs are not matched.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Ranks {
    /// Exact two-sided p of Mann and Whitney; None with fewer than four rounds on a side.
    pub p: Option<f64>,
    /// Hodges–Lehmann estimate: the median over all pairings of rounds, as `change` is shown.
    pub change: Option<f64>,
    /// Chance that a round of now is worse than one of before, ties counting half.
    pub worse: f64,
}

/// Everything concluded about one metric.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MetricResult {
    pub metric: Metric,
    pub scope: Scope,
    /// Counts towards the exit code; otherwise for information.
    pub gating: bool,
    pub before: Option<Side>,
    pub now: Side,
    /// Change as shown: exp(θ) − 1, or percentage points for shares. + means greater.
    pub change: Option<f64>,
    /// Interval of the change, in the same form, at `level`.
    pub interval: Option<(f64, f64)>,
    /// Two-sided level of the interval: .95, over all looks where there are several.
    pub level: f64,
    /// Allowed change.
    pub allowed: Option<Change>,
    /// Absolute limit, in the unit of the metric.
    pub max: Option<f64>,
    /// Of the change against the reference; None when there is no reference or nothing to compare.
    pub verdict: Option<Verdict>,
    /// Of the absolute limit: kept, broken or inconclusive; None without one.
    pub limit: Option<Verdict>,
    /// Probability of the verdict under the reference prior, capped by what the design can know.
    pub confidence: Option<f64>,
    /// One-sided p of "worse", before Holm.
    pub p_worse: Option<f64>,
    /// Why the verdict is what it is, in a few words: `6 more rounds would tell`.
    pub note: Option<String>,
    /// Rounds per arm still needed to decide, when inconclusive and known.
    pub rounds_needed: Option<usize>,
    /// Smallest change these rounds would have shown with 80 % power, as a share.
    pub detectable: Option<f64>,
    /// What ranks say about the same rounds; shown beside the verdict and no part of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ranks: Option<Ranks>,
    /// Length of the windows, the worst of which was judged; None: the whole of the scope.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub over: Option<Nanos>,
    /// Line of the threshold in the scenario file.
    pub line: Option<usize>,
    /// Better by so much that another round must confirm it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub suspicious: bool,
    /// What the detector `baseline-p95` says, beside the verdict.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detection: Option<Detection>,
}

impl MetricResult {
    /// `latency.p99 [step pay]`, `errors.rate (worst 10 s)`
    pub fn name(&self) -> String {
        label(self.metric, &self.scope, self.over)
    }
}

/// A metric with its scope and the length of its windows.
pub fn label(metric: Metric, scope: &Scope, over: Option<Nanos>) -> String {
    let window = over.map_or_else(String::new, |over| format!(" (worst {over})"));
    format!("{metric}{scope}{window}")
}

/// A part of the scenario whose numbers moved apart from the others'.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Moved {
    /// Name of the step, or of the journey.
    pub step: String,
    /// All of a journey moved, and no step of it more than the others.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub journey: bool,
    pub metric: Metric,
    /// exp(θ) − 1: of its time over that of the other steps when it stands out, else of its own time.
    pub change: f64,
    pub interval: (f64, f64),
    /// True when it stands out from the other steps, not only from zero.
    pub stands_out: bool,
}

/// A rule that was asked for and not evaluated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unevaluated {
    /// `latency.p99 [step pay]: change`
    pub rule: String,
    pub reason: String,
    /// Line of the threshold in the scenario file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
}

/// Something the reader must know besides the verdicts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// `PL0310`; None for a remark.
    pub code: Option<String>,
    pub text: String,
    pub hint: Option<String>,
}

/// The judged run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    pub design: Design,
    /// `@checkout revision 3 (v1.8.0)`, `./old/shop --port {port}`; None without a reference.
    pub reference: Option<String>,
    pub before_rounds: usize,
    pub now_rounds: usize,
    /// Gating metrics first, in the order of the scenario.
    pub results: Vec<MetricResult>,
    /// Steps that moved, the greatest change first.
    pub moved: Vec<Moved>,
    /// Why it is invalid or incomparable, warnings, spoiled rounds.
    pub findings: Vec<Finding>,
    pub decision: Decision,
    /// What a search for capacity found; None of any other plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity: Option<Box<Capacity>>,
    /// By which rule changes were judged.
    #[serde(default, skip_serializing_if = "Judge::is_default")]
    pub judge: Judge,
    /// Rules of which nothing was concluded, with the reason.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unevaluated: Vec<Unevaluated>,
    /// Of a check within a budget of time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub foresight: Option<Box<Foresight>>,
}

/// The overall conclusion, from which the exit code follows.
#[must_use]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    pub verdict: Verdict,
    /// The sentence a reader sees first.
    pub headline: String,
}
