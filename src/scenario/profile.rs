//! Checks `rate` of `[[phase]]`: a constant, a ramp, stairs or a spike.

use crate::diagnostic::{Diagnostic, scenario as codes};
use crate::units::{Nanos, Rate};

use super::limits;
use super::plan::Profile;
use super::problems::Problems;
use super::section::{Placed, Section};

/// The rate over a phase of this duration.
pub(super) fn check(
    problems: &mut Problems<'_>,
    phase: &Section<'_>,
    duration: Option<Placed<'_, Nanos>>,
) -> Option<Profile> {
    match phase.section("rate") {
        None => Some(Profile::Constant(bounded(problems, phase.rate("rate")?))),
        Some(rate) if rate.knows("peak") => spike(problems, &rate, duration),
        Some(rate) => changing(problems, &rate, duration),
    }
}

/// The rate, said to be too fast when it is.
pub(super) fn bounded(problems: &mut Problems<'_>, (rate, span): Placed<'_, Rate>) -> Rate {
    if let Err(diagnostic) = limits::check_rate(rate) {
        problems.add(diagnostic, span, "too fast");
    }
    rate
}

fn changing(
    problems: &mut Problems<'_>,
    section: &Section<'_>,
    duration: Option<Placed<'_, Nanos>>,
) -> Option<Profile> {
    let from = section.rate("from").map(|rate| bounded(problems, rate));
    let to = section.rate("to").map(|rate| bounded(problems, rate));
    let (from, to) = (from?, to?);
    if from == to {
        let message = format!("the rate goes from {from} to {to}: nowhere");
        let mut diagnostic = Diagnostic::error(&codes::BAD_VALUE, message);
        diagnostic = if from.0 > 0.0 {
            diagnostic.help(format!("a constant rate is written rate = \"{from}\""))
        } else {
            diagnostic.help("write the rate at the end: to = \"200/s\"")
        };
        problems.add(diagnostic, &section.span, "no change");
        return None;
    }
    if section.node("step").is_none() && section.node("every").is_none() {
        return Some(Profile::Ramp { from, to });
    }
    let step = section.rate("step").map(|rate| bounded(problems, rate));
    let (every, span) = section.time("every")?;
    let step = step?;
    if every < limits::STAIR {
        let message = format!("stairs of {every} are too short");
        let diagnostic = Diagnostic::error(&codes::BAD_VALUE, message)
            .because("a rate is a number over a time; nothing can be told from so short a stair")
            .help("write at least \"100ms\", or leave out `step` and `every` for an even ramp");
        problems.add(diagnostic, span, "too short");
        return None;
    }
    if let Some((duration, _)) = duration {
        let climbs = ((to.0 - from.0).abs() / step.0).ceil();
        let whole = (duration.as_secs_f64() / every.as_secs_f64()).ceil();
        if every >= duration {
            let message = format!("the first stair lasts {every}, the whole phase {duration}");
            let diagnostic = Diagnostic::error(&codes::BAD_VALUE, message)
                .because("the rate would never change")
                .help("make the stairs shorter or the phase longer");
            problems.add(diagnostic, span, "goes nowhere");
        } else if whole > limits::STAIRS {
            let message = format!("stairs of {every} are more than 10,000 in {duration}");
            let diagnostic = Diagnostic::error(&codes::TOO_MUCH, message)
                .help("make the stairs longer, or leave out `step` and `every` for an even ramp");
            problems.add(diagnostic, span, "too short for this phase");
            return None;
        } else if whole < climbs + 1.0 {
            let needed = Nanos::from_secs_f64((climbs + 1.0) * every.as_secs_f64());
            let message = format!("the stairs do not reach {to} within {duration}");
            let diagnostic = Diagnostic::warning(&codes::UNREACHED, message)
                .because(format!(
                    "{:.0} stairs of {every} need {needed}",
                    climbs + 1.0
                ))
                .help(format!(
                    "write duration = \"{}\"",
                    needed.to_string().replace(' ', "")
                ));
            problems.add(diagnostic, span, "too long for this phase");
        }
    }
    Some(Profile::Stairs {
        from,
        to,
        step,
        every,
    })
}

fn spike(
    problems: &mut Problems<'_>,
    section: &Section<'_>,
    duration: Option<Placed<'_, Nanos>>,
) -> Option<Profile> {
    let base = section.rate("base").map(|rate| bounded(problems, rate));
    let peak = section.rate("peak").map(|rate| bounded(problems, rate));
    let (base, peak) = (base?, peak?);
    let (at, _) = section.time("at")?;
    let (length, span) = section.time("for")?;
    if peak <= base {
        let message = format!("the peak of {peak} is not above the base of {base}");
        let diagnostic = Diagnostic::error(&codes::BAD_VALUE, message)
            .help("a spike rises: write a peak above the base, or rate = \"200/s\" for no spike");
        problems.add(diagnostic, &section.span, "no spike");
    }
    if let Some((duration, _)) = duration
        && at + length > duration
    {
        let end = at + length;
        let message = format!("the spike ends at {end}, the phase at {duration}");
        let diagnostic = Diagnostic::error(&codes::CONFLICT, message)
            .because("a part of the spike would never be sent")
            .help("begin earlier, make the spike shorter or the phase longer");
        problems.add(diagnostic, span, "beyond the phase");
    }
    Some(Profile::Spike {
        base,
        peak,
        at,
        length,
    })
}
