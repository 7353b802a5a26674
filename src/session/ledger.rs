//! `baseline list`, `show`, `diff`, `verify`, `prune`: the ledger read, compared and kept in order.

use crate::clock::wall_rfc3339;
use crate::diagnostic::{Diagnostic, store as codes};
use crate::judge::{Environment, Looks};
use crate::model::{
    Acceptance, BASELINE_SCHEMA, Baseline, Comparison, Design, Outline, Pruning, Round,
};
use crate::store::{Expect, Ledger, runs};

pub use crate::store::ledger::{Prunable, Verified};

use super::accept::unfinished;
use super::compare::{as_baseline, complete};
use super::weigh::{Weighing, weigh};
use super::{Session, SessionError};

/// What differs between two sets of accepted rounds.
#[derive(Debug)]
pub struct Difference {
    pub before: Described,
    pub after: Described,
    /// Differences of machine, kernel, boot and version, as `what: theirs → ours`.
    pub environment: Vec<String>,
    /// The values of both, judged as if the second were measured against the first.
    pub comparison: Comparison,
}

/// One side of a difference.
#[derive(Debug)]
pub struct Described {
    pub name: String,
    pub rounds: usize,
    pub sessions: usize,
    /// When its first round was measured.
    pub measured_at: String,
    /// Of the target.
    pub revision: Option<String>,
    pub plan_hash: String,
}

/// Every scenario's current baseline.
pub fn baselines(session: &Session) -> Result<Vec<Baseline>, SessionError> {
    Ok(Ledger::list(&session.root)?)
}

/// The current baseline of a scenario and every acceptance there ever was, with content hashes.
pub fn ledger_history(
    session: &Session,
    scenario: &str,
) -> Result<(Baseline, Vec<(String, Acceptance)>), SessionError> {
    let ledger = Ledger::new(&session.root, scenario)?;
    let baseline = ledger.load()?.ok_or_else(|| SessionError::NoBaseline {
        scenario: scenario.to_owned(),
    })?;
    Ok((baseline, ledger.history()?))
}

/// How many acceptances of a scenario none other follows: more than one where branches were merged.
pub fn ends(session: &Session, scenario: &str) -> Result<usize, SessionError> {
    Ok(Ledger::new(&session.root, scenario)?.ends()?.len())
}

/// Compares two acceptances, or one with a run; without names, the latest with the one before it.
pub fn difference(
    session: &Session,
    scenario: &str,
    before: Option<&str>,
    after: Option<&str>,
) -> Result<Difference, SessionError> {
    let (current, history) = ledger_history(session, scenario)?;
    let side = |name: &str| side(session, &current, &history, name);
    let (before, after) = match (before, after) {
        (Some(before), after) => (side(before)?, side(after.unwrap_or(CURRENT))?),
        (None, _) => match history.as_slice() {
            [.., before, after] => (alone(scenario, before), alone(scenario, after)),
            _ => {
                return Err(SessionError::NoAcceptance {
                    name: "the one before".to_owned(),
                    known: known(&history),
                });
            }
        },
    };
    Ok(differ(&before, &after))
}

/// Names the baseline as it is.
const CURRENT: &str = "current";

/// Letters of a content hash that are taken for one.
const HASH_PREFIX: usize = 4;

fn side(
    session: &Session,
    current: &Baseline,
    history: &[(String, Acceptance)],
    name: &str,
) -> Result<Baseline, SessionError> {
    if name == CURRENT {
        return Ok(current.clone());
    }
    let labelled = history
        .iter()
        .rev()
        .find(|(_, a)| a.label.as_deref() == Some(name));
    let hashed = || {
        let mut matches = history
            .iter()
            .filter(|(hash, _)| name.len() >= HASH_PREFIX && hash.starts_with(name));
        let only = matches.next();
        only.filter(|_| matches.next().is_none())
    };
    if let Some(entry) = labelled.or_else(hashed) {
        return Ok(alone(&current.scenario, entry));
    }
    let Ok(dir) = runs::find(&session.root, name) else {
        return Err(SessionError::NoAcceptance {
            name: name.to_owned(),
            known: known(history),
        });
    };
    Ok(as_baseline(complete(&dir, "compared")?))
}

fn known(history: &[(String, Acceptance)]) -> Vec<String> {
    let latest = history.iter().rev().take(5);
    latest.map(|(hash, _)| hash[..12].to_owned()).collect()
}

fn alone(scenario: &str, entry: &(String, Acceptance)) -> Baseline {
    Baseline {
        scenario: scenario.to_owned(),
        revision: 0,
        members: vec![entry.clone()],
    }
}

fn differ(before: &Baseline, after: &Baseline) -> Difference {
    let none = Outline::default();
    let outline = |b: &'_ Baseline| b.latest().map(|a| a.outline.clone());
    let (theirs, ours) = (outline(before), outline(after));
    let weighing = Weighing {
        before_outline: theirs.as_ref().unwrap_or(&none),
        design: Design::Unpaired,
        reference: Some(described(before).name),
        stored: before.rounds().collect(),
        looks: Looks::Fixed,
        environment: Environment {
            allow_mismatch: true,
            ..Environment::default()
        },
        sessions: before.session_of_rounds(),
        ..Weighing::absolute(ours.as_ref().unwrap_or(&none))
    };
    let rounds: Vec<Round> = after.rounds().cloned().collect();
    let environment = match (before.latest(), after.latest()) {
        (Some(theirs), Some(ours)) => {
            let (theirs, ours) = (&theirs.fingerprint, &ours.fingerprint);
            let mut all = theirs.hard_differences(ours);
            all.extend(theirs.soft_differences(ours));
            all
        }
        _ => Vec::new(),
    };
    Difference {
        before: described(before),
        after: described(after),
        environment,
        comparison: weigh(&weighing, &rounds),
    }
}

fn described(side: &Baseline) -> Described {
    let latest = side.latest();
    let name = match (side.members.as_slice(), latest) {
        ([(hash, _)], Some(a)) => {
            let short = hash.get(..12).unwrap_or(hash);
            match &a.label {
                // A run is labelled by its whole name.
                Some(label) if label.starts_with("run ") => label.clone(),
                Some(label) => format!("{short} ({label})"),
                None => short.to_owned(),
            }
        }
        _ => format!("@{} revision {}", side.scenario, side.revision),
    };
    let rounds = side.rounds();
    Described {
        name,
        rounds: side.rounds().count(),
        sessions: side.sessions(),
        measured_at: rounds
            .map(|r| r.started_at.clone())
            .min()
            .unwrap_or_default(),
        revision: latest.and_then(|a| a.revision.clone()),
        plan_hash: latest.map(|a| a.plan_hash.clone()).unwrap_or_default(),
    }
}

/// Reads every file of a ledger, or of all ledgers, and says all that is wrong; with `repair`, what
/// can be derived is mended first. By scenario, with the messages of what was mended.
pub fn verify(
    session: &Session,
    scenario: Option<&str>,
    repair: bool,
) -> Result<Vec<(String, Verified, Vec<String>)>, SessionError> {
    let is_named = scenario.is_some();
    let scenarios = match scenario {
        Some(one) => vec![one.to_owned()],
        None => Ledger::scenarios(&session.root)?.into_iter().collect(),
    };
    let mut all = Vec::with_capacity(scenarios.len());
    for scenario in scenarios {
        let ledger = Ledger::new(&session.root, &scenario)?;
        let mut verified = ledger.verify()?;
        if verified.is_empty() {
            if is_named {
                return Err(SessionError::NoBaseline { scenario });
            }
            continue;
        }
        let mut mended = Vec::new();
        if repair {
            let faults = ledger.repair()?.into_iter();
            mended.extend(faults.map(|fault| fault.error.to_string()));
            verified = ledger.verify()?;
        }
        all.push((scenario, verified, mended));
    }
    Ok(all)
}

/// Why the lock of a scenario's ledger cannot be relied on, where it cannot.
pub fn doubtful_lock(
    session: &Session,
    scenario: &str,
) -> Result<Option<Diagnostic>, SessionError> {
    let kind = Ledger::new(&session.root, scenario)?.doubtful_lock();
    Ok(kind.map(|kind| {
        Diagnostic::warning(&codes::DOUBTFUL_LOCK, format!("baselines/{scenario} is on {kind}"))
            .because("whoever promotes at this moment from another machine may not be seen; nothing is lost, but neither is judged against the other's rounds")
            .help("promote from one machine only, or in a folder on a local disk that git brings together")
    }))
}

/// Who prunes, and why.
#[derive(Debug, Clone)]
pub struct PruneOptions {
    /// Sessions that stay.
    pub keep: usize,
    pub reason: String,
    pub pruned_by: String,
    pub expected: Option<u64>,
}

/// What a pruning would remove, without removing anything.
pub fn prunable(session: &Session, scenario: &str, keep: usize) -> Result<Prunable, SessionError> {
    let found = Ledger::new(&session.root, scenario)?.prunable(keep)?;
    if found.kept.is_empty() {
        return Err(SessionError::NoBaseline {
            scenario: scenario.to_owned(),
        });
    }
    Ok(found)
}

/// What a pruning has made of a ledger.
#[derive(Debug)]
pub struct Pruned {
    pub revision: u64,
    /// What could not be written or removed, though the pruning is recorded.
    pub unfinished: Option<Diagnostic>,
}

/// Removes it; None when there is nothing to remove.
pub fn prune(
    session: &Session,
    scenario: &str,
    options: PruneOptions,
) -> Result<Option<Pruned>, SessionError> {
    let ledger = Ledger::new(&session.root, scenario)?;
    let pruning = Pruning {
        schema: BASELINE_SCHEMA,
        scenario: scenario.to_owned(),
        reason: options.reason,
        pruned_by: options.pruned_by,
        pruned_at: wall_rfc3339(),
        pruned: Vec::new(),
    };
    let expect = options.expected.map_or(Expect::Any, Expect::Revision);
    let saved = ledger.prune(options.keep, pruning, expect)?;
    Ok(saved.map(|saved| Pruned {
        revision: saved.revision,
        unfinished: saved.unfinished.as_ref().map(unfinished),
    }))
}
