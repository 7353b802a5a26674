//! Requests wait for something else than CPU.

use super::super::case::Case;
use super::super::found::{Found, Span};
use super::super::names;
use super::super::second::Second;
use crate::model::ErrorClass;
use crate::series::{Series, Table};
use crate::units::{Share, Unit};

/// A pool used more than this is full to all practical purposes.
const POOL_FULL: f64 = 0.8;

pub(in crate::diagnose) fn pool_exhausted(case: &Case<'_>) -> Option<Found> {
    let span = case.trouble();
    let full = case
        .told(names::pool_utilisation)
        .filter(|(_, (_, now))| *now > POOL_FULL);
    let timeouts = case
        .told_growth(names::pool_timeouts)
        .filter(|(_, (_, now))| *now > 0.1);
    let given_up = timeouts.map(|(from, (_, now))| {
        let text = format!("{now:.1} waits for a connection given up each second");
        span.says(&from, text)
    });
    let slower = (case.is_slower_by(1.5) && !cpu_rose(case)).then(|| {
        let (before, now) = case.latency();
        let text = format!(
            "p50 {} → {} while CPU is not up",
            before.map_or("?".to_owned(), |b| Unit::Time.format(b)),
            Unit::Time.format(now)
        );
        span.says("plimsoll_latency_seconds", text)
    });
    let Some((from, full)) = full else {
        let waits = given_up.map(|e| Found::with(0.75, e).and(0.4, slower));
        return waits.or_else(|| pinned(case)).or_else(|| refusing(case));
    };
    let evidence = span.moved(&from, "pool utilisation", Unit::Share, full);
    // A full pool that nobody waits for is a pool of the right size.
    let harmless = !case.is_unwell() && given_up.is_none();
    Some(
        Found::with(0.7, evidence)
            .and(0.7, given_up)
            .and(0.5, slower)
            .unless(harmless, 0.5),
    )
}

/// Without metrics of a pool: in the trouble the requests in flight stay at one number below what the
/// generator could have outstanding, and less is answered than comes.
fn pinned(case: &Case<'_>) -> Option<Found> {
    let counts: Vec<f64> = case.bad_seconds().map(|s| s.in_flight as f64).collect();
    let mean = counts.iter().sum::<f64>() / counts.len().max(1) as f64;
    let spread = counts.iter().map(|c| (c - mean).abs()).fold(0.0, f64::max);
    let behind = case
        .bad_seconds()
        .filter(|s| s.tally.answered > 0 && (s.tally.answered as f64) < 0.8 * s.tally.due as f64)
        .count();
    let pinned = counts.len() >= 4 && mean >= 4.0 && spread <= 0.05 * mean;
    (pinned && behind * 2 > counts.len() && !cpu_rose(case)).then(|| {
        let text = format!("the requests in flight stay at {mean:.0}");
        Found::with(0.4, case.trouble().says("plimsoll_in_flight", text))
    })
}

/// Without metrics of a pool that nobody waits for: what finds no free place is answered with an error
/// at once, and the rest as fast as ever.
fn refusing(case: &Case<'_>) -> Option<Found> {
    let ceiling = case.ceiling(&[ErrorClass::Status5xx])?;
    let span = case.trouble();
    let text = format!(
        "{} are answered 5xx and the others as fast as ever, {} at a time however many come",
        Share(ceiling.refused),
        Unit::Count.format(ceiling.at_once)
    );
    let flat = (!cpu_rose(case)).then(|| case.cpu()).flatten();
    let flat =
        flat.map(|cpu| span.moved("target_cpu_seconds_total", "cores used", Unit::Count, cpu));
    Some(Found::with(0.6, span.says("plimsoll_answered_total", text)).and(0.3, flat))
}

/// So many seconds without any answer are no pause any more.
const SILENCE: usize = 3;

pub(in crate::diagnose) fn deadlock(case: &Case<'_>) -> Option<Found> {
    let silent = silence(case)?;
    let span = Span {
        from: silent.first()?.from,
        to: silent.last()?.to,
    };
    let due: u64 = silent.iter().map(|s| s.tally.due).sum();
    let text = format!(
        "nothing was answered from second {:.0} to the end, while {due} requests came",
        span.from
    );
    let evidence = span.says("plimsoll_answered_total", text);
    let idle = cpu_in(case, span)
        .filter(|cores| *cores < 0.05)
        .map(|cores| {
            let text = format!("the target uses {} of a core", Share(cores));
            span.says("target_cpu_seconds_total", text)
        });
    let waiting = futex(&case.table)
        .and_then(|s| s.last())
        .filter(|n| *n >= 2.0)
        .map(|n| {
            let text = format!("{n:.0} of its threads wait for a lock");
            span.says("target_threads_waiting{channel=\"futex\"}", text)
        });
    let gone = case.table.get("target_up", &[]).and_then(Series::last) == Some(0.0);
    Some(
        Found::with(0.6, evidence)
            .and(0.5, idle)
            .and(0.6, waiting)
            .unless(gone, 0.2),
    )
}

/// The last seconds, when in none of them anything was answered, well or badly; given up is no answer.
fn silence<'c>(case: &'c Case<'_>) -> Option<Vec<&'c Second>> {
    let quiet = |s: &&Second| {
        let t = &s.tally;
        let given_up = [
            ErrorClass::TimeoutTotal,
            ErrorClass::TimeoutFirstByte,
            ErrorClass::TimeoutWait,
            ErrorClass::InFlight,
            ErrorClass::Overflow,
            ErrorClass::Withheld,
        ];
        let given_up: u64 = given_up.iter().map(|c| t.failures.count(*c)).sum();
        t.answered == 0 && t.failures.total() == given_up
    };
    let mut last: Vec<&Second> = case.seconds.iter().rev().take_while(quiet).collect();
    last.reverse();
    let due: u64 = last.iter().map(|s| s.tally.due).sum();
    (last.len() >= SILENCE && due >= 5).then_some(last)
}

pub(in crate::diagnose) fn slow_dependency(case: &Case<'_>) -> Option<Found> {
    if !case.is_unwell() || !case.is_slower_by(1.5) || silence(case).is_some() {
        return None;
    }
    let span = case.trouble();
    let latency = span.moved(
        "plimsoll_latency_seconds",
        "p50",
        Unit::Time,
        case.latency(),
    );
    let calls = case
        .told(names::dependency_duration)
        .filter(|(_, (before, now))| {
            before.map_or(*now > 0.05, |before| {
                *now > 1.5 * before && *now > before + 0.002
            })
        });
    let calls = calls.map(|(from, (before, now))| {
        let nanos = |s: f64| s * 1e9;
        span.moved(
            &from,
            "mean duration of its calls",
            Unit::Time,
            (before.map(nanos), nanos(now)),
        )
    });
    let pool_is_full = case
        .told(names::pool_utilisation)
        .is_some_and(|(_, (_, now))| now > POOL_FULL);
    let flat = case.cpu().is_some() && !cpu_rose(case);
    let flat = flat.then(|| {
        let (before, now) = case.cpu().unwrap_or((None, 0.0));
        span.moved(
            "target_cpu_seconds_total",
            "cores used",
            Unit::Count,
            (before, now),
        )
    });
    Some(
        Found::with(0.4, latency)
            .and(0.7, calls)
            .and(0.3, flat)
            .and(0.4, slow_component(case))
            .unless(pool_is_full, 0.6)
            .unless(cpu_rose(case), 0.5),
    )
}

/// A component whose probe became slow or fails.
fn slow_component(case: &Case<'_>) -> Option<crate::model::Evidence> {
    let span = case.trouble();
    let names: Vec<String> = case
        .table
        .of("health_up")
        .filter_map(|(n, _)| n.labels.get("name").cloned())
        .collect();
    names.iter().find_map(|name| {
        let labels = [("name", name.as_str())];
        let up = case.gauge(|t| t.get("health_up", &labels).cloned());
        let took = case.gauge(|t| t.get("health_duration_seconds", &labels).cloned());
        let down = up.is_some_and(|(_, now)| now < 0.75);
        let slow = took.is_some_and(|(before, now)| before.is_some_and(|b| now > 2.0 * b + 0.01));
        (down || slow).then(|| {
            let what = if down { "is down" } else { "answers slowly" };
            span.says("health_up", format!("component `{name}` {what}"))
        })
    })
}

pub(in crate::diagnose) fn lock_contention(case: &Case<'_>) -> Option<Found> {
    let (before, used) = case.cpu()?;
    let starved = used >= 0.8 * case.cores();
    if !case.is_unwell() || !case.is_slower_by(1.5) || starved || silence(case).is_some() {
        return None;
    }
    let span = case.trouble();
    let waiting = case.gauge(futex).filter(|(before, now)| {
        *now >= 1.0 + before.unwrap_or(0.0) && *now > 1.3 * before.unwrap_or(0.0)
    })?;
    let evidence = span.moved(
        "target_threads_waiting{channel=\"futex\"}",
        "threads that wait for a lock",
        Unit::Count,
        waiting,
    );
    let switches = per_answer(case, |t| {
        t.get("target_context_switches_total", &[("kind", "voluntary")])
            .cloned()
    });
    let switches = switches.filter(|(before, now)| before.is_some_and(|b| *now > 1.3 * b));
    let switches = switches.map(|pair| {
        let what = "voluntary context switches for each answer";
        span.moved("target_context_switches_total", what, Unit::Count, pair)
    });
    let low = (!cpu_rose(case)).then(|| {
        span.moved(
            "target_cpu_seconds_total",
            "cores used",
            Unit::Count,
            (before, used),
        )
    });
    Some(Found::with(0.55, evidence).and(0.5, switches).and(0.3, low))
}

/// Threads that wait for a futex, whatever the kernel's version calls that.
fn futex(table: &Table) -> Option<Series> {
    let waits = table.of("target_threads_waiting").filter(|(name, _)| {
        let channel = name.labels.get("channel");
        channel.is_some_and(|c| c.contains("futex"))
    });
    // A second in which nobody waits has no such channel at all.
    let seen = table.get("target_thread_states", &[("state", "S")])?;
    let waits = waits.map(|(_, s)| s.or_zero_at(seen));
    waits.reduce(|a, b| a.plus(&b))
}

/// A counter's growth over that of answers.
fn per_answer(
    case: &Case<'_>,
    of: impl Fn(&Table) -> Option<Series> + Copy,
) -> Option<(Option<f64>, f64)> {
    let (before, now) = case.growth(of)?;
    let (answered_before, answered) = case.growth(|t| Some(t.sum("plimsoll_answered_total")))?;
    let before = before
        .zip(answered_before)
        .map(|(n, answers)| n / answers.max(1e-9));
    Some((before, now / answered.max(1e-9)))
}

/// True when the target uses much more CPU than before.
fn cpu_rose(case: &Case<'_>) -> bool {
    case.cpu().is_some_and(|(before, now)| match before {
        Some(before) => now > 1.4 * before + 0.05,
        None => now > 0.8 * case.cores(),
    })
}

fn cpu_in(case: &Case<'_>, span: Span) -> Option<f64> {
    let rate = case.table.get("target_cpu_seconds_total", &[])?.rate();
    // The second in which it happened is still busy.
    Series(rate.between(span.from + 1.0, span.to + 0.5).to_vec()).mean()
}
