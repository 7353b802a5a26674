//! Which part of the load a limit is about, and how many requests lie in it.

use crate::model::Scope;
use crate::units::Nanos;

use super::plan::{Entry, Load, Phase, Step};
use super::section::Section;

/// The rest of the scenario, as far as it could be read.
pub(super) struct Known<'a> {
    pub root: &'a Section<'a>,
    pub phases: &'a [Option<Phase>],
    /// Steps of recordings, beyond those written in the file.
    pub recorded: &'a [Step],
    /// The process of the target is observed.
    pub observed: bool,
}

/// The phases in a scope that count, as far as they could be read.
pub(super) fn measured<'a>(known: &Known<'a>, scope: &Scope) -> impl Iterator<Item = &'a Phase> {
    let phases = known.phases.iter().flatten();
    phases.filter(|phase| {
        !phase.warm_up && scope.phase.as_ref().is_none_or(|name| *name == phase.name)
    })
}

/// What one journey sends, by name.
pub(super) struct Visit<'a> {
    pub name: Option<&'a str>,
    pub weight: u64,
    pub steps: Vec<&'a str>,
}

/// The journeys of a scenario, each step outside of them being one alone.
pub(super) fn visits<'a>(root: &Section<'a>) -> Vec<Visit<'a>> {
    let name = |section: &Section<'a>| section.text("name").map(|(name, _)| name);
    let weight = |section: &Section<'a>| section.whole("weight").map_or(1, |(weight, _)| weight);
    let alone = root.sections("step");
    let alone = alone.iter().map(|step| Visit {
        name: name(step),
        weight: weight(step),
        steps: name(step).into_iter().collect(),
    });
    let journeys = root.sections("journey");
    let journeys = journeys.iter().map(|journey| Visit {
        name: name(journey),
        weight: weight(journey),
        steps: journey.sections("step").iter().filter_map(name).collect(),
    });
    alone.chain(journeys).collect()
}

/// All steps in the order of the plan.
pub(super) fn steps<'a>(visits: &[Visit<'a>], known: &Known<'a>) -> Vec<&'a str> {
    let declared = visits.iter().flat_map(|v| &v.steps).copied();
    let recorded = known.recorded.iter().map(|step| step.name.as_str());
    declared.chain(recorded).collect()
}

/// Requests in the scope, of a round or of its thinnest stretch of a length; None where the target
/// decides their number.
pub(super) fn asked(known: &Known<'_>, scope: &Scope, over: Option<Nanos>) -> Option<f64> {
    if known.phases.iter().any(Option::is_none) {
        return None;
    }
    let visits = visits(known.root);
    let share = share(&visits, scope);
    let steps = steps(&visits, known);
    let of_phase = |phase: &Phase| {
        let asked = match &phase.load {
            Load::Replay(recording) => {
                let counts = |e: &&Entry| {
                    let step = scope.step.as_deref();
                    scope.journey.is_none()
                        && step.is_none_or(|name| steps.get(e.step) == Some(&name))
                };
                recording.entries.iter().filter(counts).count() as f64
            }
            _ => phase.asked()? as f64 * share?,
        };
        Some(match over {
            None => asked,
            Some(over) => asked * over.as_secs_f64() / phase.duration.as_secs_f64(),
        })
    };
    let each: Option<Vec<f64>> = measured(known, scope).map(of_phase).collect();
    let n = match over {
        None => each?.iter().sum(),
        Some(_) => each?.into_iter().fold(f64::INFINITY, f64::min),
    };
    n.is_finite().then_some(n)
}

/// Requests in the scope for each visit; None when nothing can be said.
fn share(visits: &[Visit<'_>], scope: &Scope) -> Option<f64> {
    let all: f64 = visits.iter().map(|v| v.weight as f64).sum();
    let own: f64 = visits
        .iter()
        .filter(|v| scope.journey.is_none() || v.name == scope.journey.as_deref())
        .map(|v| {
            let counts = |step: &&&str| scope.step.as_ref().is_none_or(|name| name == *step);
            v.weight as f64 * v.steps.iter().filter(counts).count() as f64
        })
        .sum();
    (all > 0.0).then(|| own / all)
}
