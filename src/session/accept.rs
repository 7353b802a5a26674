//! `baseline`: accept the rounds of a run, and show what was accepted.

use std::path::PathBuf;

use crate::clock::wall_rfc3339;
use crate::model::{Arm, BASELINE_SCHEMA, Baseline, Round, RunState, Verdict};
use crate::store::{Expect, Ledger, runs};

pub use crate::model::Acceptance;

use super::weigh::{Weighing, weigh, weigh_capacity};
use super::{Session, SessionError};

/// What was accepted, and where the ledger stands now.
#[derive(Debug)]
pub struct Accepted {
    pub scenario: String,
    pub revision: u64,
    pub hash: String,
    pub rounds: usize,
    pub run: String,
    /// What was concluded when it was measured.
    pub verdict: Verdict,
    pub headline: String,
}

/// Who accepts, and why.
#[derive(Debug, Clone)]
pub struct Provenance {
    pub reason: String,
    pub label: Option<String>,
    pub accepted_by: String,
}

/// Accepts the complete rounds of the "now" arm of a run as the scenario's baseline.
///
/// A partial or interrupted run is refused, and so is one whose rounds say nothing by themselves. One
/// that differs from the old baseline, by machine, plan or result, may well be the new one. With
/// `expected`, the ledger must still stand at that revision.
pub fn accept(
    session: &Session,
    scenario: &str,
    run: Option<&str>,
    provenance: Provenance,
    expected: Option<u64>,
) -> Result<Accepted, SessionError> {
    let dir = match run {
        Some(name) => runs::find(&session.root, name)?,
        None => latest(session, scenario)?,
    };
    let run = runs::read(&dir)?;
    let id = run.manifest.id.clone();
    let refuse = |reason: &str| {
        Err(SessionError::NotAcceptable {
            id: id.clone(),
            reason: reason.to_owned(),
        })
    };
    match run.state {
        RunState::Complete => {}
        RunState::Interrupted => return refuse("it was interrupted"),
        RunState::Partial => return refuse("it is partial: it never came to its end"),
    }
    if run.manifest.outline.name != scenario {
        return refuse(&format!(
            "it measured `{}`, not `{scenario}`",
            run.manifest.outline.name
        ));
    }
    if let Some(c) = &run.comparison
        && c.decision.verdict == Verdict::Invalid
    {
        return refuse(&c.decision.headline);
    }
    if let Some(origin) = &run.manifest.origin {
        return refuse(&format!(
            "it was measured by {origin}, and a gate compares only with what was measured as it measures"
        ));
    }
    if let Some(shard) = run.manifest.shard {
        return Err(SessionError::OnlyAPart {
            id,
            shard,
            purpose: "accepted",
        });
    }
    if run.rounds.iter().any(Round::is_stopped) {
        return refuse("the load was held back or ended by a rule of the scenario");
    }
    let rounds: Vec<Round> = run.arm(Arm::Now).cloned().collect();
    if rounds.is_empty() {
        return refuse("it has no complete round");
    }
    let capacity = run.comparison.as_ref().and_then(|c| c.capacity.clone());
    let weighing = Weighing::absolute(&run.manifest.outline);
    let by_itself = match &capacity {
        Some(found) => weigh_capacity(&weighing, &rounds, found, Vec::new()),
        None => weigh(&weighing, &rounds),
    };
    if by_itself.decision.verdict == Verdict::Invalid {
        return refuse(&by_itself.decision.headline);
    }
    if let Some(found) = &capacity
        && found.knee.estimate().exact().is_none()
    {
        return refuse(&format!("its search found no knee: {}", found.knee));
    }
    let decision = run.comparison.map_or(by_itself.decision, |c| c.decision);
    let ledger = Ledger::new(&session.root, scenario)?;
    let count = rounds.len();
    let saved = ledger.save(
        Acceptance {
            schema: BASELINE_SCHEMA,
            scenario: scenario.to_owned(),
            label: provenance.label,
            reason: provenance.reason,
            accepted_by: provenance.accepted_by,
            accepted_at: wall_rfc3339(),
            run: id.clone(),
            plan_hash: run.manifest.plan_hash,
            revision: run.manifest.revision,
            fingerprint: run.manifest.fingerprint,
            outline: run.manifest.outline,
            rounds,
            capacity: capacity.map(|found| *found),
            parents: Vec::new(),
        },
        expected.map_or(Expect::Any, Expect::Revision),
    )?;
    Ok(Accepted {
        scenario: scenario.to_owned(),
        revision: saved.revision,
        hash: saved.hash,
        rounds: count,
        run: id,
        verdict: decision.verdict,
        headline: decision.headline,
    })
}

/// The folder of the latest run of a scenario.
fn latest(session: &Session, scenario: &str) -> Result<PathBuf, SessionError> {
    let runs = runs::list(&session.root, Some(scenario));
    runs.into_iter()
        .next()
        .map(|entry| entry.dir)
        .ok_or_else(|| SessionError::NeverRun {
            scenario: scenario.to_owned(),
        })
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
