//! Did the machine disturb a round? Fixed limits that never look at the measured values.
//!
//! What is found here spoils the timing metrics of single rounds; `soundness` asks whether the
//! measurement as a whole may be believed.

use crate::model::{Contaminant, Contamination, Round, Trust};
use crate::mutant::{self, Mutant};

/// Which limits of hygiene a round, or a second of one, broke. The limits are those of
/// [`Contaminant`].
pub fn contamination(trust: &Trust) -> Vec<Contamination> {
    Contaminant::ALL
        .into_iter()
        .filter(|by| !without(*by).is_some_and(mutant::is_on))
        .map(|by| Contamination {
            by,
            value: value(by, trust),
            limit: limit(by, trust),
        })
        .filter(|c| c.value > c.limit)
        .collect()
}

/// The mutant that does not suspect it.
fn without(by: Contaminant) -> Option<Mutant> {
    Some(match by {
        Contaminant::CpuPressure => Mutant::CpuPressureUnsuspected,
        Contaminant::Starved => Mutant::StarvedUnsuspected,
        Contaminant::Standstill => Mutant::StandstillUnsuspected,
        Contaminant::Throttled => Mutant::ThrottledUnsuspected,
        Contaminant::ClockStep => Mutant::ClockStepUnsuspected,
        Contaminant::PageFaults => Mutant::PageFaultsUnsuspected,
        Contaminant::RecordDelay => Mutant::RecordDelayUnsuspected,
        Contaminant::Exhausted => Mutant::ExhaustedUnsuspected,
        Contaminant::Steal | Contaminant::Lateness | Contaminant::OwnCpu => return None,
    })
}

fn value(by: Contaminant, trust: &Trust) -> f64 {
    match by {
        Contaminant::Steal => trust.steal,
        Contaminant::CpuPressure => trust.cpu_pressure.unwrap_or(0.0),
        Contaminant::Lateness => trust.lateness_p99.0 as f64,
        Contaminant::OwnCpu => trust.worker_cpu,
        Contaminant::Starved => trust.starved,
        Contaminant::Standstill => trust.standstill.0 as f64,
        Contaminant::Throttled => trust.throttled,
        Contaminant::ClockStep => trust.clock_step.0 as f64,
        Contaminant::PageFaults => trust.page_faults,
        Contaminant::RecordDelay => trust.record_delay.0 as f64,
        Contaminant::Exhausted => trust.exhausted,
    }
}

/// The limit on a value: for CPU pressure it counts from that of the machine before the load.
fn limit(by: Contaminant, trust: &Trust) -> f64 {
    match by {
        Contaminant::CpuPressure => {
            let idle = trust.idle_cpu_pressure.unwrap_or(0.0);
            (idle + by.limit()).min(Contaminant::PRESSURE_AT_MOST)
        }
        _ => by.limit(),
    }
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
