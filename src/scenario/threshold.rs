//! Checks `[[threshold]]`: that each limit can be broken, and can be judged.

use crate::diagnostic::{Diagnostic, scenario as codes};
use crate::model::{Better, Change, Metric, Scope, Threshold};
use crate::units::{Nanos, Unit, UnitError};

use super::change::{example_change, read_change};
use super::plan::Load;
use super::problems::Problems;
use super::reach::{Known, measured, steps, visits};
use super::section::{self, Placed, Section};
use super::shape::{self, short};
use super::tree::{Span, Value};
use super::{doubts, fault, limits, suggest};

/// All thresholds; None when one is wrong.
pub(super) fn check(problems: &mut Problems<'_>, known: &Known<'_>) -> Option<Vec<Threshold>> {
    let mut all = Some(Vec::<Threshold>::new());
    let sections = known.root.sections("threshold");
    section::count(problems, &sections, "threshold");
    for section in sections.into_iter().take(limits::TABLES) {
        match (one(problems, known, &section), &mut all) {
            (Some(threshold), Some(all)) => {
                let what = |t: &Threshold| (t.metric, t.scope.clone(), t.over);
                if all.iter().any(|t| what(t) == what(&threshold)) {
                    let over = threshold
                        .over
                        .map_or_else(String::new, |over| format!(" over {over}"));
                    let message = format!(
                        "two thresholds limit {}{}{over}",
                        threshold.metric, threshold.scope
                    );
                    let diagnostic = Diagnostic::error(&codes::DUPLICATE, message)
                        .help("one threshold may have both `max` and `max-change`");
                    problems.add(diagnostic, &section.span, "the second one");
                }
                all.push(threshold);
            }
            (None, _) => all = None,
            (Some(_), None) => {}
        }
    }
    all
}

fn one(problems: &mut Problems<'_>, known: &Known<'_>, section: &Section<'_>) -> Option<Threshold> {
    let scope = scope(problems, known, section);
    let (metric, metric_span) = metric(problems, section)?;
    let allowed = allowed(problems, section, metric);
    let scope = scope?;
    let over = section.time("over").map(|placed| {
        window(problems, known, &scope, placed);
        placed.0
    });
    if metric == Metric::RecoveryTime {
        fault::recovery(problems, known.root, known.phases, section);
    } else if metric.needs_process() {
        process(problems, known, section, metric);
    } else if metric == Metric::HealthScore {
        health(problems, known, section, metric);
    } else {
        doubts::enough(problems, known, (metric, metric_span), &scope, over);
    }
    open_only(problems, known, metric, metric_span, &scope);
    let threshold = Threshold {
        scope,
        over,
        ..allowed
    };
    doubts::coarse(problems, known, section, &threshold);
    doubts::floorless(problems, section, &threshold);
    Some(threshold)
}

/// A threshold without a scenario around it: its parts are taken as they are named.
pub(super) fn alone(problems: &mut Problems<'_>, section: &Section<'_>) -> Option<Threshold> {
    let (metric, _) = metric(problems, section)?;
    let allowed = allowed(problems, section, metric);
    let name = |key: &str| section.text(key).map(|(name, _)| name.to_owned());
    let over = section.time("over");
    if let Some(placed) = over {
        whole_seconds(problems, placed);
    }
    Some(Threshold {
        scope: Scope {
            phase: name("phase"),
            step: name("step"),
            journey: name("journey"),
        },
        over: over.map(|(over, _)| over),
        ..allowed
    })
}

/// What is allowed, of whatever part of a round it is asked.
fn allowed(problems: &mut Problems<'_>, section: &Section<'_>, metric: Metric) -> Threshold {
    Threshold {
        max: absolute(problems, section, metric),
        max_change: section
            .text("max-change")
            .and_then(|placed| change(problems, metric, placed)),
        min_change: floor(problems, section, metric),
        abort: section.flag("abort"),
        line: Some(problems.line(&section.span)),
        ..Threshold::on(metric)
    }
}

/// Refuses a stretch that is no number of seconds.
fn whole_seconds(problems: &mut Problems<'_>, (over, span): Placed<'_, Nanos>) -> bool {
    let whole = over >= Nanos::SECOND && over.0 % Nanos::SECOND.0 == 0;
    if !whole {
        let message = format!("`over` is whole seconds, and this is {over}");
        let diagnostic = Diagnostic::error(&codes::BAD_VALUE, message)
            .because("what happens is recorded second by second")
            .help("write at least \"1s\", such as over = \"10s\"");
        problems.add(diagnostic, span, "not whole seconds");
    }
    whole
}

/// Refuses stretches that no phase is made of.
fn window(
    problems: &mut Problems<'_>,
    known: &Known<'_>,
    scope: &Scope,
    (over, span): Placed<'_, Nanos>,
) {
    if !whole_seconds(problems, (over, span)) {
        return;
    }
    let shortest = measured(known, scope).min_by_key(|phase| phase.duration);
    if let Some(phase) = shortest.filter(|phase| phase.duration < over) {
        let message = format!(
            "the phase `{}` lasts {}, shorter than {over}",
            phase.name, phase.duration
        );
        let diagnostic = Diagnostic::error(&codes::CONFLICT, message)
            .because("it has no stretch of this length that could be judged")
            .help("write a shorter `over`, or name a longer phase");
        problems.add(diagnostic, span, "longer than the phase");
    }
}

/// The metric that a table names, with its place.
pub(super) fn metric<'a>(
    problems: &mut Problems<'_>,
    section: &Section<'a>,
) -> Option<(Metric, &'a Span)> {
    let (name, span) = section.text("metric")?;
    if let Ok(metric) = name.parse() {
        return Some((metric, span));
    }
    let names: Vec<_> = Metric::all().map(Metric::name).collect();
    let family = name.split('.').next().unwrap_or_default();
    let in_family: Vec<_> = names
        .iter()
        .filter(|known| known.split('.').next() == Some(family))
        .map(String::as_str)
        .collect();
    let as_stat = format!("latency.{name}");
    let near = names
        .iter()
        .find(|known| **known == as_stat)
        .map(String::as_str)
        .or_else(|| suggest::nearest(name, names.iter().map(String::as_str)));
    let help = match near {
        Some(near) if in_family.is_empty() => format!("did you mean \"{near}\"?"),
        None if in_family.is_empty() => {
            "there are latency, service-time, lateness, wait, throughput, errors, bytes, cpu, memory, fds and threads: \
             plimsoll explain metrics"
                .to_owned()
        }
        near => {
            let first = near.map_or_else(String::new, |n| format!("did you mean \"{n}\"? "));
            format!("{first}of `{family}` there is {}", suggest::list(in_family))
        }
    };
    let message = format!("unknown metric `{}`", short(name));
    let diagnostic = Diagnostic::error(&codes::UNKNOWN_METRIC, message).help(help);
    problems.add(diagnostic, span, "not a metric");
    None
}

/// What a threshold is limited to; each name must be one that is measured.
fn scope(problems: &mut Problems<'_>, known: &Known<'_>, section: &Section<'_>) -> Option<Scope> {
    let visits = visits(known.root);
    let steps = steps(&visits, known);
    let journeys: Vec<_> = visits.iter().filter_map(|v| v.name).collect();
    let mut name_among = |key: &str, names: &[&str]| {
        let Some((name, span)) = section.text(key) else {
            return Ok(None);
        };
        if names.contains(&name) {
            return Ok(Some(name.to_owned()));
        }
        let message = format!("there is no {key} `{}`", short(name));
        let diagnostic = Diagnostic::error(&codes::UNKNOWN_NAME, message)
            .help(suggest::did_you_mean(name, names.iter().copied()));
        problems.add(diagnostic, span, format!("not a measured {key}"));
        Err(())
    };
    let step = name_among("step", &steps);
    let journey = name_among("journey", &journeys);
    let phase = phase(problems, known, section);
    Some(Scope {
        phase: phase.ok()?,
        step: step.ok()?,
        journey: journey.ok()?,
    })
}

/// The phase that a threshold is limited to.
fn phase(
    problems: &mut Problems<'_>,
    known: &Known<'_>,
    section: &Section<'_>,
) -> Result<Option<String>, ()> {
    let Some((name, span)) = section.text("phase") else {
        return Ok(None);
    };
    let sections = known.root.sections("phase");
    let name_of = |s: &Section<'_>| s.text("name").map(|(name, _)| name.to_owned());
    let found = sections
        .iter()
        .find(|s| name_of(s).as_deref() == Some(name));
    let diagnostic = match found {
        None => {
            let measured = sections.iter().filter(|s| !s.flag("warm-up"));
            let names: Vec<_> = measured.filter_map(name_of).collect();
            Diagnostic::error(
                &codes::UNKNOWN_NAME,
                format!("there is no phase `{}`", short(name)),
            )
            .help(suggest::did_you_mean(
                name,
                names.iter().map(String::as_str),
            ))
        }
        Some(found) if found.flag("warm-up") => Diagnostic::error(
            &codes::UNKNOWN_NAME,
            format!("the phase `{name}` is a warm-up"),
        )
        .because("a warm-up is excluded from every number, so the limit could not be broken")
        .help("name a measured phase, or leave `phase` out"),
        Some(_) => return Ok(Some(name.to_owned())),
    };
    problems.add(diagnostic, span, "not a measured phase");
    Err(())
}

/// The quantity of a limit, written as a text with a unit or, for counts, as a bare number.
pub(super) fn quantity(
    problems: &mut Problems<'_>,
    section: &Section<'_>,
    key: &str,
    metric: Metric,
) -> Option<f64> {
    let node = section.node(key)?;
    let text = match &node.value {
        Value::Text(text) => text.clone(),
        Value::Whole(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        _ => return None,
    };
    let unit = metric.unit();
    let parsed = match text.trim().strip_suffix("pp") {
        Some(points) if unit == Unit::Share && key == "min-change" => {
            unit.parse(&format!("{}%", points.trim()))
        }
        _ => unit.parse(&text),
    };
    match parsed {
        Ok(value) if value.is_finite() => Some(value),
        Ok(_) => None,
        Err(UnitError { reason, help }) => {
            let diagnostic = Diagnostic::error(&codes::BAD_QUANTITY, reason)
                .because(format!("{metric} is {}", shape::noun(unit)))
                .help(match &node.value {
                    Value::Float(share) if unit == Unit::Share => {
                        format!("did you mean \"{}%\" or \"{share}%\"?", share * 100.0)
                    }
                    _ => help,
                });
            problems.add(diagnostic, &node.span, format!("not a limit of {metric}"));
            None
        }
    }
}

/// The absolute limit, under the key that suits the direction of the metric.
fn absolute(problems: &mut Problems<'_>, section: &Section<'_>, metric: Metric) -> Option<f64> {
    let (right, wrong, word) = match metric.better() {
        Better::Lower => ("max", "min", "less"),
        Better::Higher => ("min", "max", "more"),
    };
    if let Some(node) = section.node(wrong) {
        let help = match metric.better() {
            Better::Lower => format!("write max = \"{}\"", metric.unit().example()),
            Better::Higher => {
                "write min = \"190/s\" for the least allowed, or max-change = \"-3%\"".to_owned()
            }
        };
        let message = format!("`{wrong}` is no limit of {metric}");
        let diagnostic = Diagnostic::error(&codes::WRONG_DIRECTION, message)
            .because(format!("of {metric}, {word} is better"))
            .help(help);
        problems.add(diagnostic, &node.span, format!("`{right}` is meant here"));
    }
    quantity(problems, section, right, metric)
}

fn floor(problems: &mut Problems<'_>, section: &Section<'_>, metric: Metric) -> Option<f64> {
    quantity(problems, section, "min-change", metric)
}

/// An allowed change: signed in the direction that is worse, or without a sign.
fn change(
    problems: &mut Problems<'_>,
    metric: Metric,
    (text, span): Placed<'_, &str>,
) -> Option<Change> {
    match read_change(metric, text) {
        Ok(change) => Some(change),
        Err(diagnostic) => {
            let help = format!("write max-change = \"{}\"", example_change(metric));
            problems.add(
                diagnostic.help(help),
                span,
                "not a change this metric can have",
            );
            None
        }
    }
}

/// Metrics of the process belong to no single step, and need a process.
fn process(problems: &mut Problems<'_>, known: &Known<'_>, section: &Section<'_>, metric: Metric) {
    of_all(problems, section, metric, "the process");
    if !known.observed {
        let message = format!("{metric} is only measured of a target whose process is known");
        let diagnostic = Diagnostic::warning(&codes::UNOBSERVED, message)
            .because("without it this threshold makes the run invalid")
            .help("add command = [\"./server\", \"--port\", \"{port}\"] to [target], or process = { port = 8080 }");
        problems.add(diagnostic, &section.span, "no process to observe");
    }
}

/// So does what components say of themselves, and it needs somebody who asks.
fn health(problems: &mut Problems<'_>, known: &Known<'_>, section: &Section<'_>, metric: Metric) {
    of_all(problems, section, metric, "the target");
    if known.root.sections("health").is_empty() {
        let message = format!("{metric} is only measured of a target that is asked");
        let diagnostic = Diagnostic::warning(&codes::UNOBSERVED, message)
            .because("without it this threshold makes the run invalid")
            .help("add [[health]] with name = \"database\" and get = \"/health/database\"");
        problems.add(diagnostic, &section.span, "no component is asked");
    }
}

/// Refuses parts of a round that something cannot be told for.
fn of_all(problems: &mut Problems<'_>, section: &Section<'_>, metric: Metric, whose: &str) {
    for key in ["step", "journey"] {
        let Some((name, span)) = section.text(key) else {
            continue;
        };
        let message = format!("{metric} cannot be told for the {key} `{}`", short(name));
        let diagnostic = Diagnostic::error(&codes::CONFLICT, message)
            .because(format!("{whose} works on all {key}s at once"))
            .help(format!(
                "leave `{key}` out; put the {key} into a phase or scenario of its own"
            ));
        problems.add(diagnostic, span, format!("not by {key}"));
    }
    for key in ["over", "abort"] {
        let Some(node) = section.node(key) else {
            continue;
        };
        if matches!(node.value, Value::Flag(false)) {
            continue;
        }
        let message = format!("{metric} cannot be limited with `{key}`");
        let diagnostic = Diagnostic::error(&codes::CONFLICT, message)
            .because(format!("{whose} is summed up at the end of a round"))
            .help(format!("leave `{key}` out"));
        problems.add(diagnostic, &node.span, "not during a round");
    }
}

/// Refuses limits on what only a plan of arrivals has.
fn open_only(
    problems: &mut Problems<'_>,
    known: &Known<'_>,
    metric: Metric,
    span: &Span,
    scope: &Scope,
) {
    if !matches!(
        metric,
        Metric::ThroughputAsked | Metric::Lateness(_) | Metric::Wait(_)
    ) {
        return;
    }
    let mut phases = measured(known, scope).peekable();
    let closed = phases.peek().is_some()
        && phases.all(|phase| matches!(phase.load, Load::Connections(_) | Load::Users(_)))
        && known.phases.iter().all(Option::is_some);
    if closed {
        let message = format!("{metric} exists only in a phase with a rate");
        let diagnostic = Diagnostic::error(&codes::UNKNOWN_METRIC, message)
            .because(
                "in a closed model nothing is due at a time: each answer starts the next request",
            )
            .help("limit latency.p99 or throughput.ok, or use `rate`");
        problems.add(diagnostic, span, "not in a closed model");
    }
}
