//! Checks `[[phase]]`: the load model, its length, and that it sends something but not too much.

use crate::diagnostic::{Diagnostic, scenario as codes};
use crate::units::Nanos;

use super::plan::{Arrivals, Load, Phase, Users};
use super::problems::Problems;
use super::replay::Recorded;
use super::section::{Placed, Section};
use super::{limits, profile, replay, search};

pub(super) fn check(
    problems: &mut Problems<'_>,
    section: &Section<'_>,
    recorded: &mut Recorded<'_>,
) -> Option<Phase> {
    let name = section.text("name").map(|(name, _)| name.to_owned());
    let duration = section.time("duration").and_then(|(time, span)| {
        let checked = limits::check_round(time, 0).map_err(|diagnostic| {
            problems.add(diagnostic, span, "this long");
        });
        checked.ok().map(|()| (time, span))
    });
    let (load, length) = if section.node("replay").is_some() {
        replay::check(problems, section, duration, recorded).unzip()
    } else {
        let load = load(problems, section, duration);
        (load, duration.map(|(duration, _)| duration))
    };
    let pause = |key: &str| section.time(key).map_or(Nanos::ZERO, |(time, _)| time);
    let phase = Phase {
        warm_up: section.flag("warm-up"),
        start_after: pause("start-after"),
        cooldown: pause("cooldown"),
        ..Phase::new(&name?, load?, length?)
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
    if section.node("users").is_some() {
        return users(problems, section, duration).map(Load::Users);
    }
    let arrivals = arrivals(section)?;
    if let Some(search) = section.section("search") {
        return search::check(problems, &search, duration, arrivals).map(Load::Search);
    }
    let profile = profile::check(problems, section, duration)?;
    Some(Load::Rate { profile, arrivals })
}

fn arrivals(section: &Section<'_>) -> Option<Arrivals> {
    if let Some(bursts) = section.section("arrivals") {
        let (size, _) = bursts.whole("burst")?;
        return Some(Arrivals::Burst(u32::try_from(size).ok()?));
    }
    Some(match section.text("arrivals") {
        Some(("constant", _)) => Arrivals::Constant,
        _ => Arrivals::Poisson,
    })
}

fn users(
    problems: &mut Problems<'_>,
    section: &Section<'_>,
    duration: Option<Placed<'_, Nanos>>,
) -> Option<Users> {
    if let (Err(diagnostic), Some(node)) = (users_built(), section.node("users")) {
        problems.add(diagnostic, &node.span, "not in this build");
        return None;
    }
    let table = section.section("users");
    let (count, _) = match &table {
        Some(table) => table.whole("count")?,
        None => section.whole("users")?,
    };
    let ramp = table.as_ref().and_then(|table| table.time("ramp"));
    if let (Some((ramp, span)), Some((duration, _))) = (ramp, duration)
        && ramp >= duration
    {
        let message = format!("the users need {ramp} to arrive, the phase ends after {duration}");
        let diagnostic = Diagnostic::error(&codes::CONFLICT, message)
            .because("they would never be there all together")
            .help("make the ramp shorter or the phase longer");
        problems.add(diagnostic, span, "too long for this phase");
    }
    Some(Users {
        count: usize::try_from(count).ok()?,
        ramp: ramp.map_or(Nanos::ZERO, |(ramp, _)| ramp),
    })
}

/// Refuses virtual users where the program was built without them.
pub(super) fn users_built() -> Result<(), Diagnostic> {
    if cfg!(feature = "users") {
        return Ok(());
    }
    Err(Diagnostic::error(
        &codes::NOT_IN_THIS_BUILD,
        "this plimsoll was built without virtual users",
    )
    .because("its cargo feature `users` was left out")
    .help("install it with the feature `users`, or write connections = 50 for a closed load without think time"))
}

/// Refuses phases that together last too long or send too much.
pub(super) fn check_sum(problems: &mut Problems<'_>, last: &Section<'_>, phases: &[Option<Phase>]) {
    let phases = phases.iter().flatten();
    let duration = phases.clone().fold(Nanos::ZERO, |sum, p| {
        sum + p.start_after + p.duration + p.cooldown
    });
    let asked = phases
        .filter_map(Phase::asked)
        .fold(0_u64, u64::saturating_add);
    if let Err(diagnostic) = limits::check_round(duration, asked) {
        problems.add(diagnostic, &last.span, "with this phase");
    }
}

/// Refuses a search that shares its scenario with another phase that counts.
pub(super) fn check_search(problems: &mut Problems<'_>, sections: &[Section<'_>]) {
    let Some(search) = sections.iter().find(|s| s.node("search").is_some()) else {
        return;
    };
    if let (true, Some(node)) = (search.flag("warm-up"), search.node("warm-up")) {
        let diagnostic = Diagnostic::error(&codes::CONFLICT, "a search cannot be a warm-up")
            .because("a warm-up is in no number, and a search is about nothing else")
            .help("leave `warm-up` out");
        problems.add(diagnostic, &node.span, "and what would be found?");
        return;
    }
    let others = sections
        .iter()
        .filter(|s| s.span != search.span && !s.flag("warm-up"));
    for other in others {
        let diagnostic = Diagnostic::error(
            &codes::CONFLICT,
            "a search is the only phase that counts in its scenario",
        )
        .because("its answer is a rate; the numbers of other phases would be measured once for each rate that is tried")
        .help("put this phase into a scenario of its own, or make it a warm-up");
        problems.add(diagnostic, &other.span, "another phase that counts");
    }
}
