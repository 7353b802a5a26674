//! `calibrate`: measures the same target on both sides, to see how much a number moves by itself.

use crate::clock::{Clock, Monotonic};
use crate::judge::{self, Looks};
use crate::model::{Calibration, Mode, Round};
use crate::scenario::plan::Plan;
use crate::units::Nanos;

use super::floor::calibrations;
use super::measure::{begin, conclude, manifest};
use super::round::Slot;
use super::search::searched;
use super::weigh::{Weighing, weigh};
use super::{ArmTarget, Outcome, Session, SessionError, Watcher};

/// Pairs that a calibration has at least, and at most when time decides.
const PAIRS: (usize, usize) = (3, 20);

/// How long a calibration takes.
#[derive(Debug, Clone, Copy)]
pub struct CalibrateOptions {
    /// Exactly so many, an odd one rounded up; None: as many as the time allows.
    pub rounds: Option<usize>,
    pub time_budget: Nanos,
}

/// A calibration and the run it was taken from.
#[derive(Debug)]
pub struct Calibrated {
    pub calibration: Calibration,
    pub outcome: Outcome,
}

/// Measures pairs of rounds of the plan's own target and takes the noise floor from them.
pub fn calibrate(
    session: &Session,
    plan: Plan,
    options: CalibrateOptions,
    watcher: &mut Watcher<'_>,
) -> Result<Calibrated, SessionError> {
    if searched(&plan).is_some() {
        return Err(SessionError::NoCalibration);
    }
    let most = options
        .rounds
        .map_or(PAIRS.1, |n| n.div_ceil(2))
        .max(PAIRS.0);
    let reference = "the same target".to_owned();
    let manifest = manifest(session, &plan, Mode::Calibrate, Some(reference.clone()));
    let order = judge::order(plan.seed, most);
    let target = ArmTarget::of(&plan);
    let mut measurer = begin(session, plan, &manifest, 2 * most, watcher)?;
    let began = Monotonic.now();
    for (pair, arms) in order.into_iter().enumerate() {
        let spent = Monotonic.now() - began;
        let each = spent.0 / (pair.max(1) as u64);
        let is_spent = spent + Nanos(each) > options.time_budget;
        if options.rounds.is_none() && pair >= PAIRS.0 && is_spent {
            break;
        }
        if measurer.stopping() || (pair > 0 && !measurer.goes_on()) {
            break;
        }
        for (place, arm) in arms.into_iter().enumerate() {
            let slot = Slot {
                index: 2 * pair + place,
                arm,
                pair,
                level: None,
                of: 2 * most,
            };
            measurer.round(slot, &target)?;
            if measurer.stopping() {
                break;
            }
        }
    }
    let outline = manifest.outline.clone();
    let weighing = Weighing {
        looks: Looks::Fixed,
        ..Weighing::paired(&outline, reference)
    };
    let comparison = weigh(&weighing, &measurer.rounds);
    let earlier = calibrations(session, &manifest);
    let outcome = conclude(measurer, manifest, comparison)?;
    let run = &outcome.run;
    let pool: Vec<&Round> = run
        .rounds
        .iter()
        .chain(earlier.iter().flat_map(|run| &run.rounds))
        .filter(|r| r.complete)
        .collect();
    let at = &run.manifest.started_at;
    Ok(Calibrated {
        calibration: judge::calibrate(&outline, at, &run.rounds, &pool),
        outcome,
    })
}
