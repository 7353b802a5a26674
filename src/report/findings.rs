//! What a reviewer should be told of a run, each at its line of the scenario file.
//!
//! GitHub and GitLab show the same findings in their own ways.

use crate::model::Verdict;
use crate::untrusted::Untrusted;

use super::view::{Row, Standing, View};

/// How much a finding matters, ascending.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Weight {
    /// Nothing is wrong with it.
    Notice,
    /// It is not known whether something is wrong.
    Warning,
    /// It fails the gate.
    Error,
}

/// One thing to say.
#[derive(Debug)]
pub(super) struct Finding {
    pub(super) weight: Weight,
    /// Greater is worse, also among those of equal weight.
    rank: u8,
    /// Of the threshold in the scenario file.
    pub(super) line: Option<usize>,
    /// What it is about, the same in every run: `latency.p99 of step pay`.
    pub(super) about: Untrusted,
    pub(super) title: Untrusted,
    pub(super) message: Untrusted,
}

/// What is wrong or undecided, the worst first.
pub(super) fn findings(view: &View) -> Vec<Finding> {
    let gating = view.rows.iter().filter(|r| r.result.gating);
    let mut findings: Vec<_> = run_level(view)
        .into_iter()
        .chain(gating.filter_map(row))
        .collect();
    findings.extend(view.warnings().map(|remark| Finding {
        weight: Weight::Warning,
        rank: 4,
        line: None,
        about: remark.text.clone(),
        title: title(view),
        message: remark.text.clone(),
    }));
    findings.sort_by_key(|f| std::cmp::Reverse(f.rank));
    findings
}

/// Rules of which nothing can be said.
pub(super) fn unevaluated(view: &View) -> impl Iterator<Item = Finding> + '_ {
    view.beside.unevaluated.iter().map(|u| Finding {
        weight: Weight::Notice,
        rank: 0,
        line: u.line,
        about: Untrusted::new(u.rule.as_str()),
        title: Untrusted::new(format!("not evaluated: {}", u.rule)),
        message: Untrusted::new(u.reason.as_str()),
    })
}

/// The run in a title: its scenario and how it stands.
pub(super) fn title(view: &View) -> Untrusted {
    let name = view.facts.scenario.raw();
    Untrusted::new(format!("{name}: {}", view.standing.word()))
}

/// What is wrong with the run as a whole.
fn run_level(view: &View) -> Option<Finding> {
    let (rank, weight) = match view.standing {
        Standing::Judged(Verdict::Invalid | Verdict::Incomparable) | Standing::Partial => {
            (9, Weight::Error)
        }
        Standing::Unjudged | Standing::Part => (9, Weight::Warning),
        Standing::MeasuredWithErrors => (5, Weight::Warning),
        Standing::Judged(_) if view.stops().next().is_some() => (9, Weight::Error),
        Standing::Judged(_) | Standing::Measured => return None,
    };
    let mut message = view.headline.raw().to_owned();
    if let Some(remark) = view.remarks.first() {
        message += &format!(": {}", remark.text.raw());
        if let Some(hint) = &remark.hint {
            message += &format!("; hint: {}", hint.raw());
        }
    }
    Some(Finding {
        weight,
        rank,
        line: None,
        about: Untrusted::new("the run as a whole"),
        title: title(view),
        message: Untrusted::new(message),
    })
}

fn row(row: &Row) -> Option<Finding> {
    let verdict = row.verdict?;
    let (rank, weight) = match verdict {
        Verdict::Invalid | Verdict::Incomparable => (8, Weight::Error),
        Verdict::Regressed => (7, Weight::Error),
        Verdict::Broken => (6, Weight::Error),
        Verdict::Inconclusive => (3, Weight::Warning),
        Verdict::Improved => (1, Weight::Notice),
        Verdict::Unchanged | Verdict::Kept => return None,
    };
    let mut message = row.sentence();
    if !row.note.raw().is_empty() {
        message += &format!("; {}", row.note.raw());
    }
    Some(Finding {
        weight,
        rank,
        line: row.result.line,
        about: row.label.clone(),
        title: Untrusted::new(format!("{} {verdict}", row.label.raw())),
        message: Untrusted::new(message),
    })
}
