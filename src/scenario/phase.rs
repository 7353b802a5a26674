//! Checks `[[phase]]`: the load model, its length, and that it sends something but not too much.

use crate::diagnostic::{Diagnostic, scenario as codes};
use crate::units::{Nanos, Rate};

use super::limits;
use super::plan::{Arrivals, Load, Phase, Profile};
use super::problems::Problems;
use super::section::{Placed, Section};

pub(super) fn check(problems: &mut Problems<'_>, section: &Section<'_>) -> Option<Phase> {
    let name = section.text("name").map(|(name, _)| name.to_owned());
    let duration = section.time("duration").and_then(|(time, span)| {
        let checked = sum_limit(time, 0).map_err(|diagnostic| {
            problems.add(diagnostic, span, "this long");
        });
        checked.ok().map(|()| (time, span))
    });
    let load = load(problems, section, duration);
    let phase = Phase {
        warm_up: section.flag("warm-up"),
        ..Phase::new(&name?, load?, duration?.0)
    };
    // A rate beyond the limit has its own message.
    if phase.asked() == Some(0) && phase.duration > Nanos::ZERO {
        let message = format!("the phase `{}` sends no request", phase.name);
        let diagnostic = Diagnostic::error(&codes::NOTHING_MEASURED, message)
            .because("its rate times its duration is less than one request")
            .help("raise the rate or the duration");
        problems.add(diagnostic, duration?.1, "too short for its rate");
    }
    Some(phase)
}

fn load(
    problems: &mut Problems<'_>,
    section: &Section<'_>,
    duration: Option<Placed<'_, Nanos>>,
) -> Option<Load> {
    if let Some((n, _)) = section.whole("connections") {
        return Some(Load::Connections(usize::try_from(n).ok()?));
    }
    let arrivals = match section.text("arrivals") {
        Some(("constant", _)) => Arrivals::Constant,
        _ => Arrivals::Poisson,
    };
    let profile = match section.section("rate") {
        None => Profile::Constant(bounded(problems, section.rate("rate")?)),
        Some(rate) => changing(problems, &rate, duration)?,
    };
    Some(Load::Rate { profile, arrivals })
}

fn bounded(problems: &mut Problems<'_>, (rate, span): Placed<'_, Rate>) -> Rate {
    if let Err(diagnostic) = rate_limit(rate) {
        problems.add(diagnostic, span, "too fast");
    }
    rate
}

/// Refuses rates that no single machine sends.
pub(super) fn rate_limit(rate: Rate) -> Result<(), Diagnostic> {
    if rate.0 <= limits::RATE {
        return Ok(());
    }
    Err(Diagnostic::error(
        &codes::TOO_MUCH,
        "more than 1,000,000 requests a second".to_owned(),
    )
    .because("one machine does not send that many")
    .help("check the unit; \"600/m\" is 10/s"))
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

/// Refuses phases that together last too long or send too much.
pub(super) fn check_sum(problems: &mut Problems<'_>, last: &Section<'_>, phases: &[Option<Phase>]) {
    let phases = phases.iter().flatten();
    let duration = phases.clone().fold(Nanos::ZERO, |sum, p| sum + p.duration);
    let asked = phases
        .filter_map(Phase::asked)
        .fold(0_u64, u64::saturating_add);
    if let Err(diagnostic) = sum_limit(duration, asked) {
        problems.add(diagnostic, &last.span, "with this phase");
    }
}

/// Refuses a round that lasts too long or sends too much.
pub(super) fn sum_limit(duration: Nanos, asked: u64) -> Result<(), Diagnostic> {
    if duration > limits::DURATION {
        return Err(
            Diagnostic::error(&codes::TOO_MUCH, "one round lasts longer than seven days")
                .help("check the unit: \"m\" is minutes, \"ms\" milliseconds"),
        );
    }
    if asked > limits::REQUESTS {
        return Err(Diagnostic::error(
            &codes::TOO_MUCH,
            "one round sends more than 1,000,000,000 requests",
        )
        .help("lower the rate or the duration"));
    }
    Ok(())
}
