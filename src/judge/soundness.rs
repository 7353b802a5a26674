//! May the measurement be believed at all?
//!
//! Lost requests, a generator out of breath, a step that was never sent: such trouble makes the
//! whole run invalid. The machine's noise does not; it is counted round by round (`hygiene`).

use super::hygiene::contamination;
use super::question::Question;
use super::rounds::{Readings, Rounds};
use super::values::Reading;
use super::wording;
use crate::diagnostic::{Code, validity};
use crate::model::{Contaminant, Design, Failures, Finding, Round, Scope, Trust};
use crate::units::Unit;

/// Share of requests that may leave more than a millisecond late through the generator's fault.
const LATE_SHARE: f64 = 0.01;
/// Share of due requests that may fail for want of local resources.
const GENERATOR_ERRORS: f64 = 0.001;
/// Share of the asked rate that the generator must have offered.
const RATE_HELD: f64 = 0.95;

/// Reasons why nothing here may be believed; empty for a sound measurement.
pub(super) fn unsound(q: &Question, rounds: &Rounds, readings: &Readings) -> Vec<Finding> {
    let mut found = Vec::new();
    let (before, now) = readings.of(&Scope::default());
    let sides = [
        ("now", &rounds.now, now, q.now),
        ("before", &rounds.before, before, q.before),
    ];
    for (side, rounds_of_side, readings, given) in sides {
        let other_plan = q.environment.plan_differs && !q.environment.allow_mismatch;
        if side == "before" && (q.design == Design::Absolute || other_plan) {
            continue;
        }
        let due: u64 = readings.iter().map(Reading::due).sum();
        if due == 0 && given.iter().any(|r| r.halt.is_some()) {
            // Ended by a rule: nothing is missing, but what there is must add up.
            let cells = given.iter().flat_map(|r| &r.cells);
            let due = cells.map(|c| c.tally.due).sum();
            found.extend(unsound_account(side, given, due));
            continue;
        }
        if due == 0 && rounds_of_side.iter().any(|r| r.is_bare()) {
            // Somebody else counted the requests; a value that is missing is said in its row.
            continue;
        }
        if due == 0 {
            found.push(finding(
                &validity::NO_SAMPLES,
                format!("no request was measured ({side})"),
                "a gate without samples never passes; check the phases of the scenario and whether every round was cut short",
            ));
            continue;
        }
        found.extend(unsound_side(q, side, rounds_of_side, due));
    }
    found
}

/// Requests that were lost, or that failed through this machine's fault.
fn unsound_account(side: &str, rounds: &[&Round], due: u64) -> Vec<Finding> {
    let mut found = Vec::new();
    let lost = rounds.iter().filter(|r| !r.trust.conserved).count();
    if lost > 0 {
        found.push(finding(
            &validity::CONSERVATION,
            format!(
                "requests do not add up in {} ({side})",
                wording::count(lost as u64, "round")
            ),
            "this is a defect of Plimsoll: please report it with the run folder",
        ));
    }
    let errors: u64 = rounds.iter().map(|r| r.trust.generator_errors).sum();
    if errors as f64 > GENERATOR_ERRORS * due as f64 {
        found.push(finding(
            &validity::GENERATOR_ERRORS,
            format!(
                "{} failed for want of local descriptors or ports ({side})",
                wording::count(errors, "request")
            ),
            "raise `ulimit -n`, lower the rate, or use fewer connections",
        ));
    }
    found
}

fn unsound_side(q: &Question, side: &str, rounds: &[&Round], due: u64) -> Vec<Finding> {
    let mut found = unsound_account(side, rounds, due);
    let late: Vec<&Trust> = rounds
        .iter()
        .map(|r| &r.trust)
        .filter(|t| is_late_by_itself(t))
        .collect();
    if 2 * late.len() > rounds.len() {
        let share = late.iter().map(|t| t.late_share).fold(0.0, f64::max);
        let cpu = late.iter().map(|t| t.worker_cpu).fold(0.0, f64::max);
        found.push(finding(
            &validity::LATE_GENERATOR,
            format!(
                "{} of requests left late (allowed {}) while a generator thread was {} busy ({side})",
                Unit::Share.format(share),
                Unit::Share.format(LATE_SHARE),
                Unit::Share.format(cpu),
            ),
            "lower the rate, or give the generator cores of its own",
        ));
    }
    if side == "before" && q.environment.plan_differs {
        // Its steps are not those of this plan.
        return found;
    }
    for (i, step) in q.outline.steps.iter().enumerate() {
        let measured = rounds.iter().flat_map(|r| &r.cells).any(|c| {
            let counts = q.outline.phases.get(c.phase).is_some_and(|p| !p.warm_up);
            c.step == i && counts && c.tally.due > 0
        });
        if !measured {
            found.push(finding(
                &validity::STEP_NOT_MEASURED,
                format!("step `{step}` had no request in a measured phase ({side})"),
                "measure for longer or raise the weight of the step",
            ));
        }
    }
    found
}

/// Late through its own fault: its thread was busy and the machine was not.
fn is_late_by_itself(trust: &Trust) -> bool {
    const MACHINE: [Contaminant; 3] = [
        Contaminant::Steal,
        Contaminant::CpuPressure,
        Contaminant::Throttled,
    ];
    let machine = contamination(trust).iter().any(|c| MACHINE.contains(&c.by));
    trust.late_share > LATE_SHARE && trust.worker_cpu > Contaminant::OwnCpu.limit() && !machine
}

/// Says so when the generator made fewer requests due than the plan asked for.
///
/// A request that was due and not sent because the target kept all connections busy is an error of
/// the target and does not count here.
pub(super) fn rate_not_held(q: &Question, readings: &Readings) -> Option<Finding> {
    let (before, now) = readings.of(&Scope::default());
    let before = if q.environment.plan_differs {
        &[]
    } else {
        before
    };
    let (due, asked) = now
        .iter()
        .chain(before)
        .filter_map(|r| Some((r.due(), r.asked()?)))
        .filter(|&(due, asked)| {
            let (due, asked) = (due as f64, asked as f64);
            // Random arrivals scatter by √n; four of these are beyond chance.
            due < RATE_HELD * asked && asked - due > 4.0 * asked.sqrt()
        })
        .min_by(|a, b| (a.0 as f64 / a.1 as f64).total_cmp(&(b.0 as f64 / b.1 as f64)))?;
    Some(finding(
        &validity::RATE_NOT_HELD,
        format!(
            "the rate was not held: {} of {} requests were offered in one round",
            wording::grouped(due),
            wording::grouped(asked)
        ),
        "the load differs from what was asked for; lower the rate or quieten the machine",
    ))
}

/// Says so when not one request of the side under test was answered as expected.
pub(super) fn unanswered(readings: &Readings) -> Option<Finding> {
    let (_, now) = readings.of(&Scope::default());
    let answered: u64 = now.iter().map(Reading::answered).sum();
    let due: u64 = now.iter().map(Reading::due).sum();
    (due > 0 && answered == 0).then(|| {
        let mut failures = Failures::default();
        for (class, n) in now.iter().flat_map(|r| &r.failures().0) {
            failures.add(*class, *n);
        }
        let most = failures.0.iter().max_by_key(|(_, n)| **n);
        let how = most.map_or_else(String::new, |(class, n)| {
            let (n, due) = (wording::grouped(*n), wording::grouped(due));
            format!(": {n} of {due} failed with {class}")
        });
        finding(
            &validity::NO_SAMPLES,
            format!("no request was answered as expected{how}"),
            "is this the right address, path and expected status?",
        )
    })
}

/// A finding with a code.
pub(super) fn finding(code: &Code, text: String, hint: &str) -> Finding {
    Finding {
        code: Some(code.id.to_owned()),
        text,
        hint: Some(hint.to_owned()),
    }
}
