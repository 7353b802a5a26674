//! What single seconds say of the generator: for the round, which takes the worst of them, and for
//! whoever watches it live.
//!
//! Every figure is zero where the second says nothing of it, and in seconds without any measured
//! phase. Nothing here looks at how long the target took.

use crate::model::{Distribution, ErrorClass, Interval, PhaseOutline, Sample, Trust};
use crate::units::Nanos;

/// Nothing speaks against anybody.
pub(super) const CLEAN: Trust = Trust {
    lateness_p99: Nanos::ZERO,
    lateness_max: Nanos::ZERO,
    late_share: 0.0,
    steal: 0.0,
    cpu_pressure: None,
    idle_cpu_pressure: None,
    own_cpu: 0.0,
    worker_cpu: 0.0,
    conserved: true,
    generator_errors: 0,
    exhausted: 0.0,
    starved: 0.0,
    standstill: Nanos::ZERO,
    throttled: 0.0,
    clock_step: Nanos::ZERO,
    page_faults: 0.0,
    record_delay: Nanos::ZERO,
};

/// What an interval says: requests that left late, a standstill, something that ran out.
pub fn of_interval(interval: &Interval, phases: &[PhaseOutline]) -> Trust {
    let mut lateness = Distribution::default();
    let (mut due, mut exhausted) = (0, 0);
    for cell in &interval.cells {
        let Some(phase) = phases.get(cell.phase).filter(|p| !p.warm_up) else {
            continue;
        };
        if phase.asked.is_some() {
            lateness.merge(&cell.lateness);
        }
        due += cell.tally.due;
        exhausted += cell.tally.failures.count(ErrorClass::GeneratorDescriptors)
            + cell.tally.failures.count(ErrorClass::GeneratorPorts);
    }
    let end = interval.start + interval.length;
    Trust {
        lateness_p99: lateness.quantile(0.99).unwrap_or_default(),
        // A request may be due in one second and fail in the next.
        exhausted: exhausted as f64 / due.max(exhausted).max(1) as f64,
        standstill: if is_measured(interval.start, end, phases) {
            interval.standstill
        } else {
            Nanos::ZERO
        },
        ..CLEAN
    }
}

/// What a reading says of the time since the one before: who took cores, memory and the clock away.
pub fn of_sample(before: Option<&Sample>, sample: &Sample, phases: &[PhaseOutline]) -> Trust {
    let Some(own) = sample.generator else {
        return CLEAN;
    };
    if !is_measured(sample.at.saturating_sub(own.wall), sample.at, phases) {
        return CLEAN;
    }
    // Of a moment between two readings that lie close together a share would say nothing.
    let share = |time: Nanos| time.0 as f64 / own.wall.max(Nanos::SECOND).0 as f64;
    let host = &sample.host;
    let earlier = before.map(|b| b.host).unwrap_or_default();
    Trust {
        steal: share(host.steal - earlier.steal) / host.cores.max(1) as f64,
        cpu_pressure: host
            .cpu_pressure
            .map(|now| share(now - earlier.cpu_pressure.unwrap_or_default())),
        starved: share(own.starved),
        throttled: share(own.throttled),
        clock_step: own.clock_step,
        page_faults: share(Nanos(own.major_faults.saturating_mul(Nanos::SECOND.0))),
        ..CLEAN
    }
}

/// True when some of that time belongs to a phase that counts.
fn is_measured(from: Nanos, to: Nanos, phases: &[PhaseOutline]) -> bool {
    phases
        .iter()
        .any(|p| !p.warm_up && from < p.start + p.duration && p.start < to)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Cell, GeneratorSample, HostSample};

    /// A second of warm-up, then two that count.
    fn phases() -> Vec<PhaseOutline> {
        let phase = |start, seconds, warm_up| PhaseOutline {
            name: String::new(),
            start: Nanos::from_secs(start),
            duration: Nanos::from_secs(seconds),
            warm_up,
            load: String::new(),
            asked: Some(10),
        };
        vec![phase(0, 1, true), phase(1, 2, false)]
    }

    fn second(start: u64, phase: usize) -> Interval {
        let mut cell = Cell {
            phase,
            ..Cell::default()
        };
        cell.tally.due = 99;
        cell.tally.failures.add(ErrorClass::GeneratorPorts, 33);
        cell.lateness.record(Nanos::from_millis(7));
        Interval {
            start: Nanos::from_secs(start),
            length: Nanos::SECOND,
            cells: vec![cell],
            standstill: Nanos::from_millis(300),
            ..Interval::default()
        }
    }

    #[test]
    fn seconds_of_a_warm_up_say_nothing() {
        assert_eq!(of_interval(&second(0, 0), &phases()), CLEAN);
        let measured = of_interval(&second(1, 1), &phases());
        assert_eq!(measured.standstill, Nanos::from_millis(300));
        assert!(measured.lateness_p99 >= Nanos::from_millis(7));
        assert!((measured.exhausted - 1.0 / 3.0).abs() < 1e-9);
        // After the load nobody is late any more.
        assert_eq!(
            of_interval(&second(3, 1), &phases()).standstill,
            Nanos::ZERO
        );
    }

    fn reading(at: u64, wall: u64) -> Sample {
        let ms = Nanos::from_millis;
        Sample {
            at: ms(at),
            host: HostSample {
                cores: 2,
                cpu_pressure: Some(ms(at / 2)),
                steal: ms(at / 5),
                busy: ms(at),
            },
            generator: Some(GeneratorSample {
                wall: ms(wall),
                starved: ms(wall / 4),
                throttled: ms(wall / 10),
                clock_step: ms(40),
                major_faults: wall / 5,
            }),
            ..Sample::default()
        }
    }

    #[test]
    fn a_reading_is_told_in_shares_of_the_time_since_the_one_before() {
        let trust = of_sample(
            Some(&reading(1_000, 1_000)),
            &reading(3_000, 2_000),
            &phases(),
        );
        let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-9, "{a} {b}");
        near(trust.steal, 0.1);
        near(trust.cpu_pressure.expect("known"), 0.5);
        near(trust.starved, 0.25);
        near(trust.throttled, 0.1);
        near(trust.page_faults, 200.0);
        assert_eq!(trust.clock_step, Nanos::from_millis(40));
        let warm = of_sample(Some(&reading(0, 0)), &reading(1_000, 1_000), &phases());
        assert_eq!(warm, CLEAN);
    }

    #[test]
    fn a_moment_between_two_readings_is_no_second() {
        let trust = of_sample(Some(&reading(2_980, 980)), &reading(3_000, 20), &phases());
        assert!((trust.starved - 0.005).abs() < 1e-9, "{trust:?}");
    }
}
