//! Something runs out: memory, CPU, descriptors, or the process itself.

use super::super::case::Case;
use super::super::found::Found;
use crate::model::ErrorClass;
use crate::series::Series;
use crate::stats::theil_sen;
use crate::units::{Share, Unit};

/// Growth below this, or below this share of what there was, is no leak.
const GROWTH: f64 = 4.0 * 1024.0 * 1024.0;
const GROWTH_SHARE: f64 = 0.05;

/// Growth must go on: a program fills its caches and pools first.
pub(in crate::diagnose) fn memory_leak(case: &Case<'_>) -> Option<Found> {
    // More load takes more memory: only growth while the load is the same tells.
    let span = case.longest_phase();
    let rss = case.table.get("target_resident_memory_bytes", &[])?;
    let third = (span.to - span.from) / 3.0;
    let settled: Vec<_> = rss
        .between(span.from + third, span.to + 0.5)
        .iter()
        .map(|p| (p.at, p.value))
        .collect();
    let (first, last) = (settled.first()?, settled.last()?);
    let middle = settled.len() / 2;
    let slopes =
        [&settled[..=middle], &settled[middle..]].map(|half| theil_sen(half).unwrap_or(0.0));
    let slope = theil_sen(&settled)?;
    let grown = slope * (last.0 - first.0);
    let goes_on = slopes[1] > 0.4 * slopes[0] && slopes[1] > 0.0;
    if grown < GROWTH.max(GROWTH_SHARE * first.1) || !goes_on || settled.len() < 4 {
        return None;
    }
    let steps = settled.windows(2);
    let rising = steps.clone().filter(|w| w[1].1 >= w[0].1).count() as f64 / steps.len() as f64;
    let bytes = |value: f64| Unit::Bytes.format(value);
    let text = format!(
        "resident memory {} → {}, {} on average",
        bytes(first.1),
        bytes(last.1),
        Unit::BytesPerSecond.format(slope)
    );
    let evidence = span.says("target_resident_memory_bytes", text);
    let anonymous = case
        .table
        .get("target_memory_bytes", &[("kind", "anonymous")])
        .and_then(|s| Some(s.last()? - s.0.first()?.value))
        .filter(|grown| *grown > GROWTH)
        .map(|grown| {
            let text = format!("{} of it on the heap or stacks", bytes(grown));
            span.says("target_memory_bytes{kind=\"anonymous\"}", text)
        });
    Some(Found::with(0.4 + 0.5 * rising, evidence).and(0.5, anonymous))
}

/// Cores' worth of CPU at which nothing is left, as a share.
const FULL: f64 = 0.9;

pub(in crate::diagnose) fn cpu_saturation(case: &Case<'_>) -> Option<Found> {
    if !case.is_unwell() {
        return None;
    }
    let span = case.trouble();
    let (before, used) = case.cpu()?;
    let cores = case.cores();
    let whole = used >= FULL * cores;
    // A program that serves on one thread has one core, however many there are.
    let single = busiest_thread(case).is_some_and(|busy| busy >= FULL)
        || (case.table.get("target_threads", &[]).and_then(Series::max) <= Some(2.0)
            && used >= FULL);
    if !whole && !single {
        return None;
    }
    let of = if whole { cores } else { 1.0 };
    let (was, now) = (before.map(|b| b / of), used / of);
    let what = if whole {
        "CPU of the target"
    } else {
        "CPU of its busiest thread"
    };
    let evidence = span.moved(
        "target_cpu_seconds_total",
        what,
        Unit::Share,
        (was, now.min(1.0)),
    );
    let queueing = case.is_slower_by(2.0).then(|| {
        span.moved(
            "plimsoll_latency_seconds",
            "p50",
            Unit::Time,
            case.latency(),
        )
    });
    Some(Found::with(0.7, evidence).and(0.6, queueing))
}

/// The greatest CPU use of threads of one name, in cores.
fn busiest_thread(case: &Case<'_>) -> Option<f64> {
    let names: Vec<String> = case
        .table
        .of("target_thread_cpu_seconds_total")
        .filter_map(|(name, _)| name.labels.get("thread").cloned())
        .collect();
    let use_of = |thread: &String| {
        let labels = [("thread", thread.as_str())];
        case.growth(|t| t.get("target_thread_cpu_seconds_total", &labels).cloned())
    };
    names
        .iter()
        .filter_map(use_of)
        .map(|(_, now)| now)
        .max_by(f64::total_cmp)
}

/// Near its limit, as a share of it.
const NEAR: f64 = 0.85;

pub(in crate::diagnose) fn descriptor_exhaustion(case: &Case<'_>) -> Option<Found> {
    let span = case.whole();
    let full = case.table.get("target_max_fds", &[]).and_then(|limits| {
        let used = case.table.get("target_open_fds", &[])?;
        let share = used
            .with(limits, |used, limit| (limit > 0.0).then(|| used / limit))
            .max()?;
        (share >= NEAR).then(|| {
            let text = format!(
                "{} of the allowed descriptors are open",
                Share(share.min(1.0))
            );
            span.says("target_open_fds", text)
        })
    });
    let (n, share) = case.failures(&[ErrorClass::GeneratorDescriptors, ErrorClass::GeneratorPorts]);
    let ours = (n > 0).then(|| {
        let text = format!(
            "{} of the requests found no descriptor or port here",
            Share(share)
        );
        span.says("plimsoll_errors_total", text)
    });
    let (n, share) = case.failures(&[
        ErrorClass::TimeoutConnect,
        ErrorClass::TimeoutWait,
        ErrorClass::TimeoutFirstByte,
        ErrorClass::Refused,
        ErrorClass::Reset,
        ErrorClass::Closed,
    ]);
    let refused = (n > 0).then(|| {
        let text = format!("{} of the requests found no connection", Share(share));
        span.says("plimsoll_errors_total", text)
    });
    match (full, ours) {
        (Some(full), ours) => Some(Found::with(0.8, full).and(0.5, ours).and(0.6, refused)),
        (None, Some(ours)) => Some(Found::with(0.85, ours)),
        (None, None) => cut_off(case),
    }
}

/// A limit of its own, below that of the system: connections beyond it are accepted and closed.
fn cut_off(case: &Case<'_>) -> Option<Found> {
    let ceiling = case.ceiling(&[ErrorClass::Reset, ErrorClass::Closed])?;
    // Whoever is gone cuts off too.
    let (refused, _) = case.failures(&[ErrorClass::Refused]);
    if refused > 0 || gone(case).is_some() {
        return None;
    }
    let span = case.trouble();
    let text = format!(
        "{} are cut off and the others answered as fast as ever, {} at a time however many come",
        Share(ceiling.refused),
        Unit::Count.format(ceiling.at_once)
    );
    let open = case.gauge(|t| t.get("target_open_fds", &[]).cloned());
    let steady =
        open.map(|open| span.moved("target_open_fds", "open descriptors", Unit::Count, open));
    Some(Found::with(0.6, span.says("plimsoll_errors_total", text)).and(0.2, steady))
}

/// Bursts of refusals, a process that is gone, a kill by the kernel.
pub(in crate::diagnose) fn crash_loop(case: &Case<'_>) -> Option<Found> {
    let span = case.trouble();
    let (n, share) = case.failures(&[ErrorClass::Refused, ErrorClass::Reset, ErrorClass::Closed]);
    let (refusals, _) = case.failures(&[ErrorClass::Refused]);
    let refused = (n >= 3 && refusals >= 1 && share > 0.005).then(|| {
        let text = format!("{} of the requests were refused or cut off", Share(share));
        span.says("plimsoll_errors_total{class=\"refused\"}", text)
    });
    let killed = case
        .table
        .get("target_cgroup_oom_kills_total", &[])
        .and_then(|s| Some(s.last()? - s.0.first()?.value))
        .filter(|kills| *kills > 0.0)
        .map(|kills| {
            let text = format!("the kernel killed {kills:.0} of its processes for want of memory");
            span.says("target_cgroup_oom_kills_total", text)
        });
    let gone = gone(case).map(|at| {
        let text = format!("a process of the target was gone at {at:.0} s");
        span.says("target_processes", text)
    });
    let found = match (killed, refused) {
        (Some(killed), refused) => Found::with(0.9, killed).and(0.5, refused),
        (None, Some(refused)) => Found::with(0.75, refused).and(0.6, gone),
        (None, None) => return None,
    };
    Some(found)
}

/// When there were first fewer processes than a moment before, or memory fell to a fraction.
fn gone(case: &Case<'_>) -> Option<f64> {
    let whole = case.whole();
    let fell = |metric: &str, to: f64| {
        let series = case.table.get(metric, &[])?;
        let points = series.between(whole.from, whole.to + 0.5);
        let fall = points.windows(2).find(|w| w[1].value < to * w[0].value)?;
        Some(fall[1].at)
    };
    fell("target_processes", 1.0)
        .or_else(|| fell("target_up", 1.0))
        .or_else(|| fell("target_resident_memory_bytes", 0.6))
}
