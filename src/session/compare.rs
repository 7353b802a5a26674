//! `compare` and `report`: stored runs, judged against each other or shown as they were judged.

use std::path::{Path, PathBuf};

use crate::clock::wall_rfc3339;
use crate::model::{
    Acceptance, Arm, BASELINE_SCHEMA, Baseline, Comparison, Mode, Profiles, Run, RunState,
};
use crate::mutant::{self, Mutant};
use crate::store::{Ledger, runs};

use super::profile;
use super::shard::judged_alone;
use super::weigh::{Weighing, weigh, weigh_capacity};
use super::{Outcome, Session, SessionError};

/// Reads a stored run; a partial or interrupted one is judged by its complete rounds only.
pub fn reread(session: &Session, name: &str) -> Result<Outcome, SessionError> {
    read_back(session, runs::find(&session.root, name)?)
}

/// The same of a run by its scenario and its whole id, and by nothing else; None when there is none.
pub fn reread_exactly(
    session: &Session,
    scenario: &str,
    id: &str,
) -> Result<Option<Outcome>, SessionError> {
    let dir = runs::exact(&session.root, scenario, id);
    dir.map(|dir| read_back(session, dir)).transpose()
}

fn read_back(session: &Session, dir: PathBuf) -> Result<Outcome, SessionError> {
    let mut run = runs::read(&dir)?;
    // What it was compared with then, which may not be what is current now.
    let baseline = run.manifest.baseline.as_ref().and_then(|id| {
        let ledger = Ledger::new(&session.root, &id.scenario).ok()?;
        ledger.at(id).ok()
    });
    run.comparison = concluded(&run);
    let profiles = profile::stored(&dir);
    Ok(Outcome {
        run,
        dir,
        baseline,
        profiles,
    })
}

/// What was concluded of a run; of one that came to no end, what its complete rounds alone say.
pub(super) fn concluded(run: &Run) -> Option<Comparison> {
    // Levels of a search that came to no end are no rounds of one load.
    let is_search = run.rounds.iter().any(|r| r.level.is_some());
    if run.comparison.is_some() || run.manifest.mode != Mode::Measure || is_search {
        return run.comparison.clone();
    }
    let outline = match run.manifest.shard {
        None => run.manifest.outline.clone(),
        Some(_) => judged_alone(&run.manifest.outline),
    };
    Some(weigh(&Weighing::absolute(&outline), &run.rounds))
}

/// Judges one stored run against another, as if the first were the baseline of the second.
pub fn compare(
    session: &Session,
    before: &str,
    now: &str,
    allow_mismatch: bool,
) -> Result<Outcome, SessionError> {
    let before = complete(&runs::find(&session.root, before)?, "compared with")?;
    let dir = runs::find(&session.root, now)?;
    let mut run = complete(&dir, "compared")?;
    let reference = format!("run {}", before.manifest.id);
    let baseline = as_baseline(before);
    let outline = run.manifest.outline.clone();
    let weighing = Weighing {
        reference: Some(reference),
        ..Weighing::stored(&outline, &baseline, &run.manifest, allow_mismatch)
    };
    if mutant::is_on(Mutant::ComparedByTheClock) {
        run.manifest.started_at = wall_rfc3339();
    }
    run.rounds.retain(|r| r.arm == Arm::Now);
    let found = run.comparison.take().and_then(|c| c.capacity);
    run.comparison = Some(match &found {
        Some(now) => weigh_capacity(&weighing, &run.rounds, now, baseline.capacities()),
        None => weigh(&weighing, &run.rounds),
    });
    Ok(Outcome {
        run,
        dir,
        baseline: Some(baseline),
        profiles: Profiles::default(),
    })
}

/// A run in the place of a baseline: nobody accepted it, but it is what is compared with.
pub(super) fn as_baseline(run: Run) -> Baseline {
    let rounds = run.arm(Arm::Now).cloned().collect();
    let m = run.manifest;
    let scenario = m.outline.name.clone();
    let acceptance = Acceptance {
        schema: BASELINE_SCHEMA,
        scenario: scenario.clone(),
        label: Some(format!("run {}", m.id)),
        reason: String::new(),
        accepted_by: String::new(),
        accepted_at: m.started_at,
        run: m.id.clone(),
        plan_hash: m.plan_hash,
        revision: m.revision,
        fingerprint: m.fingerprint,
        outline: m.outline,
        rounds,
        capacity: run.comparison.and_then(|c| c.capacity).map(|c| *c),
        parents: Vec::new(),
        keeps: Vec::new(),
        confirmed_by: None,
    };
    Baseline {
        scenario,
        revision: 0,
        members: vec![(m.id, acceptance)],
    }
}

pub(super) fn complete(dir: &Path, purpose: &'static str) -> Result<Run, SessionError> {
    let run = runs::read(dir)?;
    if let Some(shard) = run.manifest.shard {
        return Err(SessionError::OnlyAPart {
            id: run.manifest.id,
            shard,
            purpose,
        });
    }
    match run.state {
        RunState::Complete => Ok(run),
        state => Err(SessionError::NotComplete {
            id: run.manifest.id,
            state: match state {
                RunState::Complete => "complete",
                RunState::Interrupted => "interrupted",
                RunState::Partial => "partial",
            },
            purpose,
            dir: dir.to_owned(),
        }),
    }
}
