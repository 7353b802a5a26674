//! `baseline fold`: what branches accepted side by side becomes one baseline again.
//!
//! Git merges two branches that both changed a baseline without a conflict, and everything that
//! neither replaced is current afterwards. Whether that is one baseline nobody has said. A fold says
//! it: one acceptance that follows the last of each branch, with who and why.

use std::collections::BTreeSet;

use crate::clock::wall_rfc3339;
use crate::diagnostic::Diagnostic;
use crate::model::{Acceptance, Baseline};
use crate::store::{Expect, Ledger};

use super::accept::unfinished;
use super::{Session, SessionError};

/// How branches are folded.
#[derive(Debug, Clone)]
pub struct FoldOptions {
    pub reason: String,
    pub folded_by: String,
    /// The last acceptance of the branch that alone stays: the beginning of its hash, or its label.
    pub only: Option<String>,
    /// Only if the ledger still stands at this revision.
    pub expected: Option<u64>,
}

/// What was folded, and what the baseline is now.
#[derive(Debug)]
pub struct Folded {
    pub revision: u64,
    pub hash: String,
    /// Branches that there were.
    pub ends: usize,
    /// Of the baseline as it is now.
    pub rounds: usize,
    pub sessions: usize,
    /// Runs that were accepted on several branches.
    pub doubled: Vec<String>,
    /// What could not be written, though the fold is there.
    pub unfinished: Option<Diagnostic>,
}

/// Makes the current acceptances one baseline; None when they follow one another already.
///
/// The newest of those that stay is accepted anew, after all that are current and beside the others
/// that stay, so that a fold is an acceptance like any other.
pub fn fold(
    session: &Session,
    scenario: &str,
    options: FoldOptions,
) -> Result<Option<Folded>, SessionError> {
    let ledger = Ledger::new(&session.root, scenario)?;
    let baseline = ledger.load()?.ok_or_else(|| SessionError::NoBaseline {
        scenario: scenario.to_owned(),
    })?;
    let ends = ledger.ends()?;
    if ends.len() < 2 {
        return Ok(None);
    }
    let refuse = |reason: String| SessionError::NotFoldable {
        scenario: scenario.to_owned(),
        reason,
        ends: named(&baseline, &ends),
    };
    let (mut stay, doubled) = match &options.only {
        Some(name) => (branch(&baseline, &ends, name).map_err(refuse)?, Vec::new()),
        None => once_each(&baseline),
    };
    repeat_each_other(&stay).map_err(refuse)?;
    let after = Baseline {
        members: stay.clone(),
        ..baseline.clone()
    };
    let Some((_, newest)) = stay.pop() else {
        return Ok(None);
    };
    let acceptance = Acceptance {
        reason: options.reason,
        accepted_by: options.folded_by,
        accepted_at: wall_rfc3339(),
        ..newest
    };
    let keeps: Vec<String> = stay.into_iter().map(|(hash, _)| hash).collect();
    let seen = options.expected.unwrap_or(baseline.revision);
    let saved = ledger.fold(acceptance, &keeps, Expect::Revision(seen))?;
    Ok(Some(Folded {
        revision: saved.revision,
        hash: saved.hash,
        ends: ends.len(),
        rounds: after.rounds().count(),
        sessions: after.sessions(),
        doubled,
        unfinished: saved.unfinished.as_ref().map(unfinished),
    }))
}

type Members = Vec<(String, Acceptance)>;

/// All members but those whose run is there already, and those runs.
fn once_each(baseline: &Baseline) -> (Members, Vec<String>) {
    let mut runs = BTreeSet::new();
    let members = baseline.members.iter().cloned();
    let (stay, doubled): (Members, Members) =
        members.partition(|(_, a)| runs.insert(a.run.clone()));
    (stay, doubled.into_iter().map(|(_, a)| a.run).collect())
}

/// What is current of the branch that ends with an acceptance.
fn branch(baseline: &Baseline, ends: &[String], name: &str) -> Result<Members, String> {
    let is_named = |(hash, a): &&(String, Acceptance)| {
        hash.starts_with(name) || a.label.as_deref() == Some(name)
    };
    let members = baseline.members.iter();
    let mut named = members
        .filter(|(hash, _)| ends.contains(hash))
        .filter(is_named);
    let (Some((end, last)), None) = (named.next(), named.next()) else {
        return Err(format!("`{name}` names no end of a branch, or several"));
    };
    let members = baseline.members.iter();
    let of_it = members.filter(|(hash, _)| hash == end || last.keeps.contains(hash));
    Ok(of_it.cloned().collect())
}

/// Refuses what is no repetition of one measurement.
fn repeat_each_other(members: &Members) -> Result<(), String> {
    let Some(((_, first), others)) = members.split_first() else {
        return Ok(());
    };
    for (_, other) in others {
        if other.plan_hash != first.plan_hash {
            return Err(format!(
                "runs {} and {} have two plans",
                first.run, other.run
            ));
        }
        let hard = first.fingerprint.hard_differences(&other.fingerprint);
        if !hard.is_empty() {
            return Err(format!(
                "runs {} and {} were measured on two kinds of machine: {}",
                first.run,
                other.run,
                hard.join(", ")
            ));
        }
    }
    Ok(())
}

/// The ends as a user can name them.
fn named(baseline: &Baseline, ends: &[String]) -> Vec<String> {
    let members = baseline.members.iter();
    let last = members.filter(|(hash, _)| ends.contains(hash));
    last.map(|(hash, a)| match &a.label {
        Some(label) => format!("{} ({label})", &hash[..12]),
        None => hash[..12].to_owned(),
    })
    .collect()
}
