//! Did the machine disturb a round? Fixed limits that never look at the measured values.
//!
//! What is found here spoils the timing metrics of single rounds; `soundness` asks whether the
//! measurement as a whole may be believed.

use crate::model::{Contaminant, Contamination, Round, Trust};
use crate::units::Nanos;

/// Share of time tasks waited for a CPU, over that of the idle machine.
const PRESSURE_OVER_IDLE: f64 = 0.20;
/// Beyond this a machine is busy, however busy it was before the load: of 360 measured rounds those
/// below it scattered by 4 %, those above by 33 %.
const PRESSURE_AT_MOST: f64 = 0.90;
/// Share of CPU time taken by the hypervisor.
const STEAL: f64 = 0.02;
/// 99th percentile of lateness.
const LATENESS_P99: Nanos = Nanos::MILLISECOND;
/// Share of a core used by the busiest worker.
pub(super) const WORKER_CPU: f64 = 0.80;

/// Which limits of hygiene a round broke.
pub fn contamination(trust: &Trust) -> Vec<Contamination> {
    let pressure = trust.cpu_pressure.unwrap_or(0.0);
    let idle = trust.idle_cpu_pressure.unwrap_or(0.0);
    [
        (Contaminant::Steal, trust.steal, STEAL),
        (
            Contaminant::CpuPressure,
            pressure,
            (idle + PRESSURE_OVER_IDLE).min(PRESSURE_AT_MOST),
        ),
        (
            Contaminant::Lateness,
            trust.lateness_p99.0 as f64,
            LATENESS_P99.0 as f64,
        ),
        (Contaminant::OwnCpu, trust.worker_cpu, WORKER_CPU),
    ]
    .into_iter()
    .filter(|(_, value, limit)| value > limit)
    .map(|(by, value, limit)| Contamination { by, value, limit })
    .collect()
}

/// The contamination that exceeds its limit most, over all rounds: `steal 31 %`.
pub(super) fn worst<'a>(rounds: impl Iterator<Item = &'a Round>) -> Option<String> {
    rounds
        .flat_map(|r| &r.contamination)
        .max_by(|a, b| {
            // Lateness mostly follows from the others, so it is named only when alone.
            let cause = |c: &Contamination| c.by != Contaminant::Lateness;
            cause(a)
                .cmp(&cause(b))
                .then((a.value / a.limit).total_cmp(&(b.value / b.limit)))
        })
        .map(ToString::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn under_pressure(idle: f64, now: f64) -> bool {
        let trust = Trust {
            cpu_pressure: Some(now),
            idle_cpu_pressure: Some(idle),
            ..Trust::default()
        };
        !contamination(&trust).is_empty()
    }

    #[test]
    fn a_machine_that_is_always_busy_is_not_taken_for_an_idle_one() {
        assert!(!under_pressure(0.0, 0.15));
        assert!(under_pressure(0.0, 0.25));
        assert!(!under_pressure(0.5, 0.65));
        assert!(under_pressure(0.95, 0.95));
    }
}
