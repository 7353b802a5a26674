//! `baseline promote`: the rounds of a run are added to those that are accepted.
//!
//! What is added must be a repetition of what is there: the same plan on the same kind of machine,
//! and neither better nor worse without somebody having looked.

use crate::judge::{self, Admission, Looks};
use crate::model::{Baseline, Comparison, Mode, Verdict};
use crate::store::{Expect, Ledger};

use super::accept::{Accepted, Candidate, Provenance};
use super::weigh::{Weighing, weigh, weigh_capacity};
use super::{Session, SessionError};

/// How a run is promoted.
#[derive(Debug, Clone, Default)]
pub struct PromoteOptions {
    /// Needed where the run is worse, or better and not confirmed.
    pub reason: Option<String>,
    pub label: Option<String>,
    pub accepted_by: String,
    /// Another run that shows the same improvement.
    pub confirmed_by: Option<String>,
    /// Take an improvement without another run.
    pub accept_improvement: bool,
    /// Only if the ledger still stands at this revision.
    pub expected: Option<u64>,
}

/// What was added, and what the baseline is now.
#[derive(Debug)]
pub struct Promoted {
    pub accepted: Accepted,
    /// Of the baseline as it is now.
    pub rounds: usize,
    pub sessions: usize,
    /// What stood apart from the baseline as it was.
    pub admission: Admission,
}

/// Adds the rounds of a run to the scenario's baseline.
///
/// The ledger must not change while the run is judged against it: whoever promotes at the same time
/// is told of the conflict.
pub fn promote(
    session: &Session,
    scenario: &str,
    run: Option<&str>,
    options: PromoteOptions,
) -> Result<Promoted, SessionError> {
    let ledger = Ledger::new(&session.root, scenario)?;
    let baseline = ledger.load()?.ok_or_else(|| SessionError::NoBaseline {
        scenario: scenario.to_owned(),
    })?;
    let candidate = Candidate::read(session, scenario, run)?;
    repeats(&candidate, &baseline)?;
    let comparison = judged(&candidate, &baseline)?;
    let mut admission = judge::admission(&comparison);
    // What a check concluded from several looks stands, whatever one look says now.
    if candidate.manifest.mode == Mode::Check
        && let Some(concluded) = &candidate.comparison
    {
        let then = judge::admission(concluded);
        admission.better.extend(then.better);
        admission.worse.extend(then.worse);
    }
    let confirmed_by = confirmed(session, &candidate, &baseline, &admission, &options)?;
    if !admission.worse.is_empty() && options.reason.is_none() {
        return Err(SessionError::ReasonNeeded {
            id: candidate.manifest.id,
            worse: admission.worse.into_iter().collect(),
        });
    }
    let verdict = comparison.decision.verdict;
    let provenance = Provenance {
        reason: options.reason.unwrap_or_else(|| {
            format!("promoted: {verdict} against revision {}", baseline.revision)
        }),
        label: options.label,
        accepted_by: options.accepted_by,
    };
    let (mut acceptance, mut accepted) = candidate.accepted(scenario, provenance);
    accepted.verdict = verdict;
    accepted.headline = comparison.decision.headline;
    acceptance.confirmed_by = confirmed_by;
    let mut after = baseline.clone();
    after.members.push((String::new(), acceptance.clone()));
    let seen = options.expected.unwrap_or(baseline.revision);
    accepted.is_at(ledger.promote(acceptance, Expect::Revision(seen))?);
    Ok(Promoted {
        accepted,
        rounds: after.rounds().count(),
        sessions: after.sessions(),
        admission,
    })
}

/// Refuses rounds that are no repetitions of those accepted.
fn repeats(candidate: &Candidate, baseline: &Baseline) -> Result<(), SessionError> {
    let manifest = &candidate.manifest;
    let refuse = |reason: String| {
        Err(SessionError::NotPromotable {
            id: manifest.id.clone(),
            reason,
        })
    };
    if manifest.mode == Mode::Interleaved {
        return refuse("it was measured in turn with another target".to_owned());
    }
    let mut members = baseline.members.iter().map(|(_, a)| a);
    if let Some(same) = members.clone().find(|a| a.run == manifest.id) {
        return refuse(format!(
            "its rounds are accepted already, since {}",
            same.accepted_at
        ));
    }
    if members.any(|a| a.plan_hash != manifest.plan_hash) {
        return refuse("it has another plan than the accepted rounds".to_owned());
    }
    let mut members = baseline.members.iter().map(|(_, a)| a);
    let differs = members.find_map(|a| {
        let hard = a.fingerprint.hard_differences(&manifest.fingerprint);
        (!hard.is_empty()).then_some(hard)
    });
    match differs {
        Some(hard) => refuse(format!("it was measured elsewhere: {}", hard.join(", "))),
        None => Ok(()),
    }
}

/// Judges a run against the baseline at one look; refuses one that cannot be compared.
fn judged(candidate: &Candidate, baseline: &Baseline) -> Result<Comparison, SessionError> {
    let outline = &candidate.manifest.outline;
    let weighing = Weighing {
        looks: Looks::Fixed,
        ..Weighing::stored(outline, baseline, &candidate.manifest, false)
    };
    let comparison = match &candidate.capacity {
        Some(now) => weigh_capacity(&weighing, &candidate.rounds, now, baseline.capacities()),
        None => weigh(&weighing, &candidate.rounds),
    };
    match comparison.decision.verdict {
        Verdict::Invalid | Verdict::Incomparable => Err(SessionError::NotPromotable {
            id: candidate.manifest.id.clone(),
            reason: comparison.decision.headline,
        }),
        _ => Ok(comparison),
    }
}

/// The run that confirms an improvement, where there is one to confirm.
fn confirmed(
    session: &Session,
    candidate: &Candidate,
    baseline: &Baseline,
    admission: &Admission,
    options: &PromoteOptions,
) -> Result<Option<String>, SessionError> {
    if admission.better.is_empty() || (options.accept_improvement && options.reason.is_some()) {
        return Ok(None);
    }
    let id = &candidate.manifest.id;
    let refuse = |better: Vec<String>, why: String| SessionError::Unconfirmed {
        id: id.clone(),
        scenario: baseline.scenario.clone(),
        better,
        why,
    };
    let all = || admission.better.iter().cloned().collect();
    let Some(name) = &options.confirmed_by else {
        return Err(refuse(
            all(),
            "no other run is named that shows it".to_owned(),
        ));
    };
    let second = Candidate::read(session, &baseline.scenario, Some(name))?;
    let other = second.manifest.id.clone();
    if other == *id {
        return Err(refuse(all(), "a run cannot confirm itself".to_owned()));
    }
    repeats(&second, baseline)?;
    let missing = judge::unconfirmed(&admission.better, &judged(&second, baseline)?);
    if missing.is_empty() {
        Ok(Some(other))
    } else {
        Err(refuse(missing, format!("run {other} does not show it")))
    }
}
