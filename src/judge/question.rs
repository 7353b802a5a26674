//! What is to be judged.

use std::collections::BTreeSet;

use super::looks::Looks;
use crate::model::{Design, Judge, Outline, Round};

/// Sessions a stored baseline needs before the spread between sessions is known.
pub const SESSIONS: usize = 3;

/// A verdict needs this probability to be stated without reserve.
pub(super) const STATED: f64 = 0.95;

/// By which rule a change is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rule {
    pub judge: Judge,
    /// A regression must exceed what is allowed beyond doubt: the whole interval, not the estimate.
    pub strict: bool,
}

/// How the reference's environment and plan differ from those of now.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Environment {
    /// Differences that forbid a comparison, as `what: theirs → ours`.
    pub hard: Vec<String>,
    /// Differences worth a warning.
    pub soft: Vec<String>,
    /// The plan hashes differ: another load was asked for.
    pub plan_differs: bool,
    /// Compare all the same; the verdict is then advice.
    pub allow_mismatch: bool,
}

/// Everything the judge is told.
#[derive(Debug)]
pub struct Question<'a> {
    /// The plan of the rounds under test, with its thresholds.
    pub outline: &'a Outline,
    /// The plan of the reference; the same where both sides were measured now.
    pub before_outline: &'a Outline,
    pub design: Design,
    /// How to name the reference; None without one.
    pub reference: Option<String>,
    /// Rounds of the reference. In the paired design matched with `now` by [`Round::pair`].
    pub before: &'a [&'a Round],
    pub now: &'a [&'a Round],
    pub looks: Looks,
    /// No further rounds will be measured.
    pub final_look: bool,
    pub environment: Environment,
    /// Session of each round of `before`, in a stored baseline. Empty where both sides belong to the
    /// same session, so that there is no spread between sessions to allow for.
    pub sessions: &'a [usize],
    pub rule: Rule,
    /// Rows whose gain was suspicious on fewer rounds: these rounds may confirm it.
    pub suspected: &'a [String],
}

/// How many different sessions there are.
pub(super) fn distinct(sessions: &[usize]) -> usize {
    sessions.iter().collect::<BTreeSet<_>>().len()
}

/// Set when there are sessions, and too few to know how they differ.
pub(super) fn too_few_sessions(sessions: &[usize]) -> Option<usize> {
    let there = distinct(sessions);
    (1..SESSIONS).contains(&there).then_some(there)
}
