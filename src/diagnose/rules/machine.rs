//! What is not the target's doing.

use super::super::case::Case;
use super::super::found::Found;
use crate::model::Contaminant;
use crate::units::{Share, Unit};

/// Steal or pressure over the limits that also take a round out of comparisons.
pub(in crate::diagnose) fn noisy_machine(case: &Case<'_>) -> Option<Found> {
    let of = |by: Contaminant| case.round.contamination.iter().find(|c| c.by == by);
    let span = case.whole();
    let steal = of(Contaminant::Steal).map(|c| {
        let text = format!("the hypervisor took {} of the CPU time", Share(c.value));
        span.says("host_steal_seconds_total", text)
    });
    let pressure = of(Contaminant::CpuPressure).map(|c| {
        let text = format!("some task waited for a CPU {} of the time", Share(c.value));
        span.says("host_cpu_pressure_seconds_total", text)
    });
    match (steal, pressure) {
        (Some(steal), pressure) => Some(Found::with(0.7, steal).and(0.5, pressure)),
        // The target and its clients make pressure too when they need all cores.
        (None, Some(pressure)) => Some(Found::with(0.5, pressure).unless(others_idle(case), 0.3)),
        (None, None) => None,
    }
}

/// True when hardly anybody but the target and this process used CPU.
fn others_idle(case: &Case<'_>) -> bool {
    let rate = |metric: &str| {
        let growth = case.growth(|t| t.get(metric, &[]).cloned());
        growth.map_or(0.0, |(_, now)| now)
    };
    let ours = rate("target_cpu_seconds_total") + rate("plimsoll_cpu_seconds_total");
    rate("host_busy_seconds_total") < ours + 0.2
}

/// Late beyond the limit, or a worker without CPU to spare.
pub(in crate::diagnose) fn generator_overloaded(case: &Case<'_>) -> Option<Found> {
    let span = case.whole();
    let trust = &case.round.trust;
    let of = |by: Contaminant| case.round.contamination.iter().any(|c| c.by == by);
    let late = of(Contaminant::Lateness).then(|| {
        let p99 = Unit::Time.format(trust.lateness_p99.0 as f64);
        span.says(
            "plimsoll_lateness_seconds",
            format!("requests left late: p99 {p99}"),
        )
    });
    let busy = of(Contaminant::OwnCpu).then(|| {
        let share = Share(trust.worker_cpu);
        let text = format!("a worker of the generator used {share} of a core");
        span.says("plimsoll_cpu_seconds_total", text)
    });
    let disturbed = of(Contaminant::Steal) || of(Contaminant::CpuPressure);
    let found = match (busy, late) {
        (Some(busy), late) => Found::with(0.7, busy).and(0.5, late),
        // Late without using its CPU: it was not given any.
        (None, Some(late)) => Found::with(0.4, late).unless(disturbed, 0.5),
        (None, None) => return None,
    };
    Some(found)
}

/// Something of this machine held the generator up: what it saw of the target then is not the target's.
pub(in crate::diagnose) fn generator_disturbed(case: &Case<'_>) -> Option<Found> {
    let span = case.whole();
    let mut evidence = case.round.contamination.iter().filter_map(|c| {
        let series = held_up(c.by)?;
        let limit = c.by.unit().format(c.limit);
        Some(span.says(series, format!("{c}, more than {limit}")))
    });
    let first = Found::with(0.7, evidence.next()?);
    Some(evidence.fold(first, |found, more| found.and(0.5, Some(more))))
}

/// Where it can be seen; `None` for what other symptoms are made of.
const fn held_up(by: Contaminant) -> Option<&'static str> {
    match by {
        Contaminant::Steal
        | Contaminant::CpuPressure
        | Contaminant::Lateness
        | Contaminant::OwnCpu => None,
        Contaminant::Starved => Some("plimsoll_starved_ratio"),
        Contaminant::Standstill => Some("plimsoll_standstill_seconds"),
        Contaminant::Throttled => Some("plimsoll_throttled_ratio"),
        Contaminant::ClockStep => Some("plimsoll_clock_step_seconds"),
        Contaminant::PageFaults => Some("plimsoll_major_faults_rate"),
        // Of the whole round, in its report.
        Contaminant::RecordDelay => Some("trust.record_delay"),
        Contaminant::Exhausted => Some("plimsoll_errors_total"),
    }
}
