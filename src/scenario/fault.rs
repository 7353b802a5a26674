//! Checks `[[fault]]`: that each fault does something, meets the load, and can be told from others.

use crate::diagnostic::{Diagnostic, scenario as codes};
use crate::model::{FaultOutline, Metric};
use crate::units::{Nanos, Share, Unit};

use super::plan::{Effect, Fault, Impairment, Load, Phase, Slice};
use super::problems::Problems;
use super::section::{self, Section};
use super::{limits, section::Placed};

/// All faults in the order of their time; None when one is wrong.
pub(super) fn check(
    problems: &mut Problems<'_>,
    root: &Section<'_>,
    phases: &[Option<Phase>],
) -> Option<Vec<Fault>> {
    let sections = root.sections("fault");
    section::count(problems, &sections, "fault");
    if let Some(first) = sections.first() {
        passable(problems, root, first, phases);
    }
    let load = length(phases);
    let mut faults = Vec::new();
    let mut whole = true;
    for section in sections.iter().take(limits::TABLES) {
        match one(problems, section, load) {
            Some(fault) => faults.push((fault, section)),
            None => whole = false,
        }
    }
    faults.sort_by_key(|(fault, _)| fault.at);
    for pair in faults.windows(2) {
        apart(problems, &pair[0].0, &pair[1]);
    }
    whole.then(|| faults.into_iter().map(|(fault, _)| fault).collect())
}

/// Length of the load; None when a phase is wrong.
fn length(phases: &[Option<Phase>]) -> Option<Nanos> {
    let mut end = Nanos::ZERO;
    let mut at = Nanos::ZERO;
    for phase in phases {
        let phase = phase.as_ref()?;
        end = at + phase.start_after + phase.duration;
        at = end + phase.cooldown;
    }
    Some(end)
}

/// Refuses faults where nothing of ours can stand between the load and the target.
fn passable(
    problems: &mut Problems<'_>,
    root: &Section<'_>,
    first: &Section<'_>,
    phases: &[Option<Phase>],
) {
    let unix = root.section("target").and_then(|t| t.node("unix"));
    if unix.is_some() {
        let diagnostic = Diagnostic::error(&codes::CONFLICT, "a fault needs a target behind TCP")
            .because("the proxy that makes it stands between two TCP connections, and this target is a socket file")
            .help("let the target listen on a port of 127.0.0.1, and give its url in place of `unix`");
        problems.add(diagnostic, &first.span, "no TCP to disturb");
    }
    let search = |phase: &Phase| matches!(phase.load, Load::Search(_));
    if phases.iter().flatten().any(search) {
        let diagnostic = Diagnostic::error(&codes::CONFLICT, "a search cannot have faults")
            .because(
                "it measures each rate for as long as it takes, so a time of the run means nothing",
            )
            .help("put the fault into a scenario with a constant rate");
        problems.add(diagnostic, &first.span, "beside a search");
    }
}

fn one(problems: &mut Problems<'_>, section: &Section<'_>, load: Option<Nanos>) -> Option<Fault> {
    let at = section.time("at");
    let length = section.time("for");
    if let (Some((at, span)), Some((length, long)), Some(load)) = (at, length, load)
        && at + length > load
    {
        let (message, place) = if at >= load {
            (
                format!("the load ends after {load}, before this fault"),
                span,
            )
        } else {
            (
                format!("the load ends after {load}, within this fault"),
                long,
            )
        };
        let diagnostic = Diagnostic::error(&codes::CONFLICT, message)
            .because("times of faults count from the beginning of the load, warm-ups and pauses included")
            .help("move it to an earlier time, or make a phase longer");
        problems.add(diagnostic, place, "too late");
    }
    let effect = if section.flag("black-hole") {
        Effect::BlackHole
    } else {
        Effect::Impaired(impairment(problems, section)?)
    };
    Some(Fault {
        at: at?.0,
        length: length?.0,
        effect,
    })
}

fn impairment(problems: &mut Problems<'_>, section: &Section<'_>) -> Option<Impairment> {
    let latency = section
        .time("latency")
        .map_or(Nanos::ZERO, |(time, _)| time);
    let jitter = section.time("jitter");
    if let Some((jitter, span)) = jitter
        && jitter > latency
        && latency > Nanos::ZERO
    {
        let message = format!("a jitter of {jitter} is more than the latency of {latency}");
        let diagnostic = Diagnostic::error(&codes::CONFLICT, message)
            .because("a piece would have to leave before it came")
            .help("write at most the latency");
        problems.add(diagnostic, span, "more than the latency");
    }
    let drop = portion(problems, section.share("drop"));
    let reset = portion(problems, section.share("reset"));
    if let (true, Some((_, span))) = (drop + reset > 1.0, section.share("reset"))
        && drop.max(reset) <= 1.0
    {
        let message = format!(
            "{} of the connections are more than all",
            Share(drop + reset)
        );
        let diagnostic = Diagnostic::error(&codes::CONFLICT, message)
            .because("a connection on which nothing passes is not reset as well")
            .help("let `drop` and `reset` be 100% together at most");
        problems.add(diagnostic, span, "more than `drop` has left");
    }
    let found = Impairment {
        latency,
        jitter: jitter.map_or(Nanos::ZERO, |(time, _)| time),
        bandwidth: size(section, "bandwidth", Unit::BytesPerSecond),
        drop,
        reset,
        slice: slice(section),
    };
    if found == Impairment::default() {
        // `black-hole = false` alone; what is wrong otherwise has been said.
        if let Some(node) = section.node("black-hole") {
            let diagnostic = Diagnostic::error(&codes::NO_EFFECT, "this fault does nothing")
                .help("write black-hole = true, or leave the fault out");
            problems.add(diagnostic, &node.span, "and nothing else is said");
        }
        return None;
    }
    Some(found)
}

/// A share of connections; 0 when nothing is said.
fn portion(problems: &mut Problems<'_>, share: Option<Placed<'_, f64>>) -> f64 {
    let Some((share, span)) = share else {
        return 0.0;
    };
    if share > 1.0 {
        let message = format!("{} is more than all connections", Share(share));
        let diagnostic =
            Diagnostic::error(&codes::BAD_VALUE, message).help("write at most \"100%\"");
        problems.add(diagnostic, span, "more than all");
    }
    share.min(1.0)
}

/// Refuses limits on a time to recover where there is none: without a fault, of a part of the requests,
/// or without a state to come back to.
pub(super) fn recovery(
    problems: &mut Problems<'_>,
    root: &Section<'_>,
    phases: &[Option<Phase>],
    threshold: &Section<'_>,
) {
    let metric = Metric::RecoveryTime;
    let faults = root.sections("fault");
    if faults.is_empty() {
        let message = format!("{metric} needs a fault to recover from");
        let diagnostic = Diagnostic::error(&codes::CONFLICT, message)
            .because("it is the time from the end of a fault until the traffic is as before")
            .help("add [[fault]] with at = \"20s\", for = \"5s\" and black-hole = true");
        problems.add(diagnostic, &threshold.span, "there is no [[fault]]");
    }
    for key in ["step", "journey", "phase", "over", "abort"] {
        let Some(node) = threshold.node(key) else {
            continue;
        };
        let message = format!("{metric} cannot be limited with `{key}`");
        let diagnostic = Diagnostic::error(&codes::CONFLICT, message)
            .because(
                "a fault meets all requests, and what came of it is known at the end of a round",
            )
            .help(format!("leave `{key}` out"));
        problems.add(diagnostic, &node.span, "not by a part");
    }
    let first = faults.iter().filter_map(|f| f.time("at"));
    if let Some((at, span)) = first.min_by_key(|(at, _)| *at)
        && let Some(steady) = measured_before(phases, at)
        && steady < FaultOutline::STEADY
    {
        let needed = FaultOutline::STEADY;
        let message = format!("{metric} needs {needed} of measured load before the first fault");
        let diagnostic = Diagnostic::error(&codes::CONFLICT, message)
            .because("the traffic recovers to the state before; warm-ups do not count")
            .help("let the fault begin later");
        problems.add(diagnostic, span, format!("{steady} of them lie before"));
    }
}

/// Load that counts before a time; None when a phase is wrong.
fn measured_before(phases: &[Option<Phase>], at: Nanos) -> Option<Nanos> {
    let mut sum = Nanos::ZERO;
    let mut start = Nanos::ZERO;
    for phase in phases {
        let phase = phase.as_ref()?;
        start += phase.start_after;
        if !phase.warm_up {
            sum += (at - start).min(phase.duration);
        }
        start += phase.duration + phase.cooldown;
    }
    Some(sum)
}

fn size(section: &Section<'_>, key: &str, unit: Unit) -> Option<f64> {
    let (text, _) = section.text(key)?;
    unit.parse(text).ok().filter(|size| *size > 0.0)
}

fn slice(section: &Section<'_>) -> Option<Slice> {
    let table = section.section("slice")?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a size is not negative, and a cast that saturates is as large a piece as any"
    )]
    let bytes = size(&table, "bytes", Unit::Bytes)? as u64;
    Some(Slice {
        bytes: bytes.max(1),
        pause: table.time("pause")?.0,
    })
}

/// Refuses two faults at once.
fn apart(problems: &mut Problems<'_>, earlier: &Fault, (later, section): &(Fault, &Section<'_>)) {
    if later.at >= earlier.end() {
        return;
    }
    let message = format!(
        "this fault begins at {}, while another lasts until {}",
        later.at,
        earlier.end()
    );
    let diagnostic = Diagnostic::error(&codes::CONFLICT, message)
        .because("what is seen could not be told to be the doing of either")
        .help("let it begin later, or write both effects into one [[fault]]");
    problems.add(diagnostic, &section.span, "two at once");
}
