//! Sums up the intervals and samples of one round.
//!
//! The round holds what its intervals hold, no more and no less: conservation is checked on the sum
//! and in every cell, so a request that was lost on the way makes the round say so.

use std::collections::BTreeMap;

use super::merge::worst;
use super::seconds;
use super::usage::Readings;
use crate::model::{
    Arm, Cell, Distribution, ErrorClass, Interval, Outline, PhaseHealth, PhaseOutline, Round,
    Sample, Tally, Trust,
};
use crate::units::Nanos;

/// A request taken up later than this after its intended start left late.
const LATE: Nanos = Nanos::MILLISECOND;

/// How long before a sample components are asked what stands in it.
const ASKED_BEFORE: Nanos = Nanos::from_millis(250);

/// Collects one round.
#[derive(Debug, Clone)]
pub struct Recorder {
    phases: Vec<PhaseOutline>,
    index: usize,
    arm: Arm,
    pair: usize,
    started_at: String,
    /// By phase and step.
    cells: BTreeMap<(usize, usize), Cell>,
    samples: Vec<Sample>,
    /// By phase.
    health: BTreeMap<usize, PhaseHealth>,
    /// The worst of single seconds.
    worst: Trust,
}

/// What is known only when the round has ended.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct End {
    /// The greatest share of one core that any one worker thread used.
    pub worker_cpu: f64,
    /// CPU pressure just before the load began; None when the kernel does not say.
    pub idle_cpu_pressure: Option<f64>,
    /// The longest time that an interval took to be stored.
    pub record_delay: Nanos,
    /// False when a signal or an error ended it early.
    pub complete: bool,
}

impl Recorder {
    /// Begins round `index`, counted over the whole run; `started_at` is RFC 3339, UTC.
    pub fn new(outline: &Outline, index: usize, arm: Arm, pair: usize, started_at: String) -> Self {
        Self {
            phases: outline.phases.clone(),
            index,
            arm,
            pair,
            started_at,
            cells: BTreeMap::new(),
            samples: Vec::new(),
            health: BTreeMap::new(),
            worst: seconds::CLEAN,
        }
    }

    /// Adds what the workers counted in one interval.
    pub fn interval(&mut self, interval: &Interval) {
        self.worst = worst(&self.worst, &seconds::of_interval(interval, &self.phases));
        for cell in &interval.cells {
            self.cells
                .entry((cell.phase, cell.step))
                .and_modify(|sum| sum.merge(cell))
                .or_insert_with(|| cell.clone());
        }
    }

    /// Adds one reading of the machine; readings come in the order of their time.
    pub fn sample(&mut self, sample: &Sample) {
        self.ask(sample);
        let second = seconds::of_sample(self.samples.last(), sample, &self.phases);
        self.worst = worst(&self.worst, &second);
        // What is summed up, and no more: a round may last for days, and the rest is in the log.
        self.samples.push(Sample {
            round: sample.round,
            at: sample.at,
            target: sample.target,
            host: sample.host,
            own_cpu: sample.own_cpu,
            ..Sample::default()
        });
    }

    /// Counts what components answered, in the phase they were asked in.
    fn ask(&mut self, sample: &Sample) {
        let at = sample.at.saturating_sub(ASKED_BEFORE);
        let within = |p: &PhaseOutline| p.start <= at && at < p.start + p.duration;
        let Some(phase) = self.phases.iter().position(within) else {
            return;
        };
        for health in &sample.health {
            let sum = self.health.entry(phase).or_insert(PhaseHealth {
                phase,
                ..PhaseHealth::default()
            });
            sum.asked += 1;
            sum.well += u64::from(health.up);
        }
    }

    /// Closes the round. Contamination is left empty: it is the judge's rule to fill it.
    pub fn finish(self, end: End) -> Round {
        let readings = Readings::new(&self.samples);
        let usage = self
            .phases
            .iter()
            .enumerate()
            .filter_map(|(i, phase)| readings.usage(i, phase))
            .collect();
        let trust = self.trust(&readings, end);
        Round {
            cells: self.cells.into_values().collect(),
            usage,
            health: self.health.into_values().collect(),
            trust,
            complete: end.complete,
            ..Round::new(self.index, self.arm, self.pair, self.started_at)
        }
    }

    fn trust(&self, readings: &Readings, end: End) -> Trust {
        let mut lateness = Distribution::default();
        let mut generator_errors = 0;
        for cell in self.cells.values().filter(|c| self.is_measured(c.phase)) {
            // Where the target decides, nothing can be late; such requests must not water it down.
            if self.phases[cell.phase].asked.is_some() {
                lateness.merge(&cell.lateness);
            }
            generator_errors += generators(&cell.tally);
        }
        let late_share = if lateness.is_empty() {
            0.0
        } else {
            1.0 - lateness.share_up_to(LATE)
        };
        let host = readings.host(self.phases.iter().filter(|p| !p.warm_up));
        Trust {
            lateness_p99: lateness.quantile(0.99).unwrap_or_default(),
            lateness_max: lateness.max(),
            late_share,
            steal: host.steal,
            cpu_pressure: host.cpu_pressure,
            idle_cpu_pressure: end.idle_cpu_pressure.filter(|p| p.is_finite()),
            own_cpu: host.own_cpu,
            worker_cpu: if end.worker_cpu.is_finite() {
                end.worker_cpu
            } else {
                0.0
            },
            conserved: self.conserves(),
            generator_errors,
            record_delay: end.record_delay,
            ..self.worst
        }
    }

    fn is_measured(&self, phase: usize) -> bool {
        self.phases.get(phase).is_some_and(|p| !p.warm_up)
    }

    fn conserves(&self) -> bool {
        let mut total = Tally::default();
        for cell in self.cells.values() {
            total.merge(&cell.tally);
        }
        total.conserves()
            && self.cells.values().all(|cell| {
                cell.tally.conserves()
                    && cell.latency.ok.count() == cell.tally.answered
                    && cell.latency.population() == cell.tally.due
            })
    }
}

fn generators(tally: &Tally) -> u64 {
    ErrorClass::ALL
        .into_iter()
        .filter(|class| class.is_generators())
        .map(|class| tally.failures.count(class))
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Health, HostSample, TargetSample};
    use crate::units::Bytes;

    const DONE: End = End {
        worker_cpu: 0.25,
        idle_cpu_pressure: Some(0.01),
        record_delay: Nanos::ZERO,
        complete: true,
    };

    /// One second of warm-up, then two seconds that count.
    fn outline() -> Outline {
        let phase = |name: &str, start, seconds, warm_up| PhaseOutline {
            name: name.into(),
            start: Nanos::from_secs(start),
            duration: Nanos::from_secs(seconds),
            warm_up,
            load: "10/s even".into(),
            asked: Some(10),
        };
        Outline {
            steps: vec!["a".into(), "b".into()],
            phases: vec![phase("warm", 0, 1, true), phase("steady", 1, 2, false)],
            ..Outline::default()
        }
    }

    #[test]
    fn health_counts_in_the_phase_it_was_asked_in() {
        let mut recorder = recorder();
        let looked = |seconds: f64, up: &[bool]| Sample {
            at: Nanos::from_secs_f64(seconds),
            health: up
                .iter()
                .map(|up| Health {
                    up: *up,
                    ..Health::default()
                })
                .collect(),
            ..Sample::default()
        };
        // Asked in the warm-up, and told a little after its end.
        recorder.sample(&looked(1.001, &[false]));
        recorder.sample(&looked(2.0, &[true, true]));
        recorder.sample(&looked(3.001, &[true, false]));
        let round = recorder.finish(DONE);
        let health = |phase, asked, well| PhaseHealth { phase, asked, well };
        assert_eq!(round.health, [health(0, 1, 0), health(1, 4, 3)]);
    }

    fn recorder() -> Recorder {
        Recorder::new(&outline(), 3, Arm::Now, 3, "2026-01-01T00:00:00Z".into())
    }

    /// `n` requests answered after 5 ms, each taken up `late` after its time.
    fn cell(phase: usize, step: usize, n: u64, late: Nanos) -> Cell {
        let mut cell = Cell {
            phase,
            step,
            ..Cell::default()
        };
        for _ in 0..n {
            cell.latency.ok.record(Nanos::from_millis(5));
            cell.lateness.record(late);
        }
        cell.tally.due = n;
        cell.tally.sent = n;
        cell.tally.answered = n;
        cell
    }

    fn interval(cells: Vec<Cell>) -> Interval {
        Interval {
            cells,
            ..Interval::default()
        }
    }

    /// A target that uses half a core and a machine that loses a tenth of its two cores.
    fn sample(ms: u64) -> Sample {
        let at = Nanos::from_millis(ms);
        Sample {
            at,
            target: Some(TargetSample {
                cpu: Nanos(at.0 / 2),
                rss: Bytes((10 << 20) + ms),
                fds: 5 + ms / 1000,
                threads: 2,
                processes: 1,
            }),
            host: HostSample {
                cores: 2,
                cpu_pressure: Some(Nanos(at.0 / 4)),
                steal: Nanos(at.0 / 5),
                busy: at,
            },
            own_cpu: Nanos(at.0 / 10),
            ..Sample::default()
        }
    }

    #[test]
    fn intervals_add_up_by_phase_and_step() {
        let mut r = recorder();
        r.interval(&interval(vec![
            cell(1, 1, 3, Nanos(10)),
            cell(1, 0, 2, Nanos(10)),
        ]));
        r.interval(&interval(vec![cell(1, 1, 4, Nanos(10))]));
        let round = r.finish(DONE);
        let sums: Vec<_> = round
            .cells
            .iter()
            .map(|c| (c.phase, c.step, c.tally.answered, c.latency.ok.count()))
            .collect();
        assert_eq!(sums, [(1, 0, 2, 2), (1, 1, 7, 7)]);
        assert_eq!((round.index, round.complete), (3, true));
        assert!(round.trust.conserved);
    }

    #[test]
    fn a_lost_request_is_seen_even_when_another_cell_hides_it_in_the_sum() {
        let mut less = cell(1, 0, 5, Nanos(10));
        less.tally.sent -= 1;
        let mut more = cell(1, 1, 5, Nanos(10));
        more.tally.sent += 1;
        let mut r = recorder();
        r.interval(&interval(vec![less, more]));
        assert!(!r.finish(DONE).trust.conserved);

        let mut forgotten = cell(1, 0, 5, Nanos(10));
        forgotten.latency = cell(1, 0, 4, Nanos(10)).latency;
        let mut r = recorder();
        r.interval(&interval(vec![forgotten]));
        assert!(!r.finish(DONE).trust.conserved);
    }

    #[test]
    fn lateness_and_generator_errors_of_the_warm_up_do_not_count() {
        let mut warm = cell(0, 0, 100, Nanos::from_millis(50));
        warm.tally.answered -= 1;
        warm.tally.failures.add(ErrorClass::GeneratorPorts, 1);
        let mut counted = cell(1, 0, 10, Nanos::from_millis(2));
        counted.tally.answered -= 1;
        counted
            .tally
            .failures
            .add(ErrorClass::GeneratorDescriptors, 1);
        let mut r = recorder();
        r.interval(&interval(vec![warm, counted, cell(1, 1, 30, Nanos(100))]));
        let trust = r.finish(DONE).trust;
        assert_eq!(trust.lateness_max, Nanos::from_millis(2));
        assert!((trust.late_share - 0.25).abs() < 1e-9);
        assert_eq!(trust.generator_errors, 1);
    }

    #[test]
    fn a_closed_phase_does_not_hide_the_lateness_of_an_open_one() {
        let mut outline = outline();
        outline.phases.push(PhaseOutline {
            name: "closed".into(),
            start: Nanos::from_secs(3),
            asked: None,
            ..outline.phases[1].clone()
        });
        let mut r = Recorder::new(&outline, 0, Arm::Now, 0, String::new());
        r.interval(&interval(vec![
            cell(1, 0, 10, Nanos::from_millis(2)),
            cell(2, 0, 10_000, Nanos::ZERO),
        ]));
        let trust = r.finish(DONE).trust;
        assert!((trust.late_share - 1.0).abs() < 1e-9);
        assert!(trust.lateness_p99 >= Nanos::from_millis(2));
    }

    #[test]
    fn usage_and_trust_follow_the_readings_at_the_ends_of_a_phase() {
        let mut r = recorder();
        // The boundary at 1 s lies between two readings, the end at 3 s after the last but one.
        for ms in [0, 600, 1_400, 2_000, 2_600, 3_000] {
            r.sample(&sample(ms));
        }
        let round = r.finish(DONE);
        assert_eq!(round.usage.len(), 2);
        let steady = round.usage[1];
        assert_eq!(steady.wall, Nanos::from_secs(2));
        assert_eq!(steady.cpu, Nanos::SECOND);
        assert_eq!(steady.rss_end, Bytes((10 << 20) + 3_000));
        assert_eq!((steady.fds_peak, steady.threads_peak), (8, 2));
        let slope = steady.rss_slope.expect("enough readings");
        assert!((slope - 1_000.0).abs() < 1e-6, "{slope}");
        let trust = round.trust;
        assert!((trust.steal - 0.1).abs() < 1e-9);
        assert!((trust.cpu_pressure.expect("known") - 0.25).abs() < 1e-9);
        assert!((trust.own_cpu - 0.1).abs() < 1e-9);
        assert!((trust.worker_cpu - 0.25).abs() < 1e-9);
    }

    #[test]
    fn an_unseen_target_has_no_usage_and_an_unseen_machine_no_pressure() {
        let mut r = recorder();
        for ms in [0, 1_000, 2_000, 3_000] {
            r.sample(&Sample {
                target: None,
                host: HostSample {
                    cpu_pressure: None,
                    ..sample(ms).host
                },
                ..sample(ms)
            });
        }
        let round = r.finish(End {
            worker_cpu: f64::NAN,
            ..DONE
        });
        assert!(round.usage.is_empty());
        assert_eq!(round.trust.cpu_pressure, None);
        assert!(round.trust.worker_cpu.abs() < f64::EPSILON);
        assert_eq!(recorder().finish(DONE).usage, []);
    }
}
