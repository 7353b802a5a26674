//! `baseline save`: the rounds of a run become the reference, and nothing else is.

use std::path::PathBuf;

use crate::clock::wall_rfc3339;
use crate::diagnostic::{Diagnostic, Severity};
use crate::model::{
    Arm, BASELINE_SCHEMA, Capacity, Comparison, Decision, Manifest, Mode, Round, Run, RunState,
    Verdict,
};
use crate::store::{Expect, Ledger, Saved, StoreError, runs};

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
    /// What could not be written, though the acceptance is there.
    pub unfinished: Option<Diagnostic>,
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
    let candidate = Candidate::read(session, scenario, run)?;
    let ledger = Ledger::new(&session.root, scenario)?;
    let (acceptance, mut accepted) = candidate.accepted(scenario, provenance);
    let saved = ledger.save(acceptance, expected.map_or(Expect::Any, Expect::Revision))?;
    accepted.is_at(saved);
    Ok(accepted)
}

/// Why what follows from an entry could not be written, as a warning: the entry itself is there.
pub(super) fn unfinished(error: &StoreError) -> Diagnostic {
    Diagnostic {
        severity: Severity::Warning,
        ..error.diagnostic()
    }
    .because("the baseline is changed all the same: HEAD.json is worked out from its entries")
    .help("plimsoll baseline verify --repair writes it once the cause is mended")
}

impl Accepted {
    pub(super) fn is_at(&mut self, saved: Saved) {
        self.revision = saved.revision;
        self.hash = saved.hash;
        self.unfinished = saved.unfinished.as_ref().map(unfinished);
    }
}

/// A run that says enough by itself to be a reference.
pub(super) struct Candidate {
    pub manifest: Manifest,
    /// Complete ones of the target under test.
    pub rounds: Vec<Round>,
    pub capacity: Option<Capacity>,
    /// What was concluded when it was measured, if anything was.
    pub comparison: Option<Comparison>,
    by_itself: Decision,
}

impl Candidate {
    /// Reads a run of the scenario, the latest unless it is named.
    pub(super) fn read(
        session: &Session,
        scenario: &str,
        run: Option<&str>,
    ) -> Result<Self, SessionError> {
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
        let rounds = rounds_of(&run);
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
        Ok(Self {
            manifest: run.manifest,
            rounds,
            capacity: capacity.map(|found| *found),
            comparison: run.comparison,
            by_itself: by_itself.decision,
        })
    }

    /// The record of its acceptance, and what is told of it; where it stands is yet to be known.
    pub(super) fn accepted(self, scenario: &str, provenance: Provenance) -> (Acceptance, Accepted) {
        let decision = self.comparison.map_or(self.by_itself, |c| c.decision);
        let accepted = Accepted {
            scenario: scenario.to_owned(),
            revision: 0,
            hash: String::new(),
            rounds: self.rounds.len(),
            run: self.manifest.id.clone(),
            verdict: decision.verdict,
            headline: decision.headline,
            unfinished: None,
        };
        let acceptance = Acceptance {
            schema: BASELINE_SCHEMA,
            scenario: scenario.to_owned(),
            label: provenance.label,
            reason: provenance.reason,
            accepted_by: provenance.accepted_by,
            accepted_at: wall_rfc3339(),
            run: self.manifest.id,
            plan_hash: self.manifest.plan_hash,
            revision: self.manifest.revision,
            fingerprint: self.manifest.fingerprint,
            outline: self.manifest.outline,
            rounds: self.rounds,
            capacity: self.capacity,
            parents: Vec::new(),
            keeps: Vec::new(),
            confirmed_by: None,
        };
        (acceptance, accepted)
    }
}

/// The complete rounds of the target under test; a calibration has the same target on both sides.
fn rounds_of(run: &Run) -> Vec<Round> {
    if run.manifest.mode != Mode::Calibrate {
        return run.arm(Arm::Now).cloned().collect();
    }
    let complete = run.rounds.iter().filter(|r| r.complete);
    let alone = complete.map(|r| Round {
        arm: Arm::Now,
        pair: r.index,
        ..r.clone()
    });
    alone.collect()
}

/// The folder of the latest run of a scenario.
fn latest(session: &Session, scenario: &str) -> Result<PathBuf, SessionError> {
    let runs = runs::list(&session.root, Some(scenario))?;
    runs.into_iter()
        .next()
        .map(|entry| entry.dir)
        .ok_or_else(|| SessionError::NeverRun {
            scenario: scenario.to_owned(),
        })
}
