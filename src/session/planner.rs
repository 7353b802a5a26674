//! What a check within a budget of time will be able to see, said before it begins.
//!
//! The spread between rounds comes from the baseline, else from an earlier run of the same plan on
//! this machine; without either it is unknown, and that is said.

use crate::judge::{Looks, Noise};
use crate::model::{Arm, Baseline, Design, Foresight, Manifest, Mode, Round, Run, RunState};
use crate::store::{Ledger, runs};
use crate::units::Nanos;

use super::Session;
use super::weigh::{Weighing, foresee};

/// Rounds without which a run tells no spread.
const LEAST_ROUNDS: usize = 3;

/// Earlier runs that are looked at; further back the machine may have been another.
const LOOK_BACK: usize = 5;

/// Rounds whose spread is known.
enum Known {
    Side(Vec<Round>),
    Pairs(Vec<Round>, Vec<Round>),
}

/// A budget and what fits into it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fitting {
    pub budget: Nanos,
    pub round: Nanos,
    pub rounds: usize,
}

/// The foresight of a check that is about to begin.
pub(super) fn plan(
    session: &Session,
    weighing: &Weighing<'_>,
    looks: Looks,
    manifest: &Manifest,
    fitting: Fitting,
) -> Foresight {
    let known = known(session, weighing, manifest);
    let (noise, smallest) = match &known {
        None => (None, Vec::new()),
        Some((known, from)) => {
            let smallest = match known {
                Known::Side(side) => {
                    let side: Vec<&Round> = side.iter().collect();
                    foresee(weighing, looks, Noise::Side(&side), fitting.rounds)
                }
                Known::Pairs(before, now) => {
                    let (before, now): (Vec<&Round>, Vec<&Round>) =
                        (before.iter().collect(), now.iter().collect());
                    foresee(weighing, looks, Noise::Pairs(&before, &now), fitting.rounds)
                }
            };
            (Some(from.clone()), smallest)
        }
    };
    Foresight {
        budget: fitting.budget,
        round: fitting.round,
        rounds: fitting.rounds,
        sides: weighing.design.is_paired(),
        noise,
        smallest,
    }
}

/// Where the spread is known from, and how to call it.
fn known(
    session: &Session,
    weighing: &Weighing<'_>,
    manifest: &Manifest,
) -> Option<(Known, String)> {
    let complete = |rounds: &[&Round]| -> Vec<Round> {
        let complete = rounds.iter().filter(|r| r.complete && r.level.is_none());
        complete.map(|r| (*r).clone()).collect()
    };
    let stored = complete(&weighing.stored);
    if weighing.design == Design::Unpaired && stored.len() >= LEAST_ROUNDS {
        let from = format!("the baseline's {} rounds", stored.len());
        return Some((Known::Side(stored), from));
    }
    let earlier = earlier(session, weighing.design, manifest);
    if earlier.is_some() || !weighing.design.is_paired() {
        return earlier;
    }
    let ledger = Ledger::new(&session.root, &manifest.outline.name).ok()?;
    let baseline = ledger.load().ok()??;
    let rounds = of_same(&baseline, manifest);
    let from = format!("the baseline's {} rounds", rounds.len());
    (rounds.len() >= LEAST_ROUNDS).then_some((Known::Side(rounds), from))
}

/// The rounds of those members of a baseline that were measured as we measure.
fn of_same(baseline: &Baseline, manifest: &Manifest) -> Vec<Round> {
    let same = baseline.members.iter().filter(|(_, member)| {
        member.plan_hash == manifest.plan_hash
            && member
                .fingerprint
                .hard_differences(&manifest.fingerprint)
                .is_empty()
    });
    same.flat_map(|(_, member)| &member.rounds)
        .filter(|r| r.complete && r.level.is_none())
        .cloned()
        .collect()
}

/// The latest run of the same plan on the same machine with enough rounds; what cannot be read is passed
/// over, as it would only have told how long this will take.
fn earlier(session: &Session, design: Design, manifest: &Manifest) -> Option<(Known, String)> {
    runs::list(&session.root, Some(&manifest.outline.name))
        .unwrap_or_default()
        .into_iter()
        .filter(|entry| entry.id != manifest.id)
        .take(LOOK_BACK)
        .filter_map(|entry| runs::read(&entry.dir).ok())
        .find_map(|run| of_run(&run, design, manifest))
}

fn of_run(run: &Run, design: Design, manifest: &Manifest) -> Option<(Known, String)> {
    let theirs = &run.manifest;
    let same = run.state == RunState::Complete
        && theirs.shard.is_none()
        && theirs.plan_hash == manifest.plan_hash
        && theirs
            .fingerprint
            .hard_differences(&manifest.fingerprint)
            .is_empty();
    let was = run.comparison.as_ref().map(|c| c.design);
    // Half of the load is another load.
    if !same || (was == Some(Design::Duet) && design != Design::Duet) {
        return None;
    }
    let of = |arm: Arm| -> Vec<Round> {
        let rounds = run.rounds.iter();
        rounds
            .filter(|r| r.arm == arm && r.complete && r.level.is_none())
            .cloned()
            .collect()
    };
    let (before, now) = (of(Arm::Before), of(Arm::Now));
    let rounds = now.len();
    if rounds < LEAST_ROUNDS {
        return None;
    }
    let pairs = theirs.mode == Mode::Interleaved && was == Some(design);
    let (known, what) = if pairs && before.len() >= LEAST_ROUNDS {
        (Known::Pairs(before, now), "pairs")
    } else {
        (Known::Side(now), "rounds")
    };
    Some((known, format!("run {} of {rounds} {what}", theirs.id)))
}
