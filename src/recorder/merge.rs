//! Puts the rounds of several shards together: one round as if one machine had measured it.
//!
//! Counts are summed and histograms merged, cell by cell. Resources are those of the shard that saw
//! the target. Trust is the worst of any: one late generator makes its requests late in the whole.
//! Windows and contamination are left empty, as in [`Recorder`](super::Recorder): they are the
//! judge's to fill.

use std::collections::BTreeMap;

use crate::model::{Cell, Interval, Round, Run, Sample, Trust};
use crate::units::Nanos;

/// What all parts together measured.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Merged {
    pub rounds: Vec<Round>,
    pub intervals: Vec<Interval>,
    pub samples: Vec<Sample>,
}

/// Merges complete parts of one plan, given in their order.
pub fn merge(parts: &[Run]) -> Merged {
    let mut rounds: BTreeMap<usize, Round> = BTreeMap::new();
    for round in parts.iter().flat_map(|p| &p.rounds) {
        rounds
            .entry(round.index)
            .and_modify(|sum| add(sum, round))
            .or_insert_with(|| Round {
                windows: Vec::new(),
                contamination: Vec::new(),
                ..round.clone()
            });
    }
    let mut intervals: BTreeMap<(usize, Nanos), Interval> = BTreeMap::new();
    for interval in parts.iter().flat_map(|p| &p.intervals) {
        intervals
            .entry((interval.round, interval.start))
            .and_modify(|sum| {
                sum.length = sum.length.max(interval.length);
                sum.in_flight += interval.in_flight;
                sum.standstill = sum.standstill.max(interval.standstill);
                add_cells(&mut sum.cells, &interval.cells);
            })
            .or_insert_with(|| interval.clone());
    }
    // Readings of several machines do not add up; those beside the target say most.
    let sees_target = |p: &&Run| p.samples.iter().any(|s| s.target.is_some());
    let observer = parts.iter().find(sees_target).or(parts.first());
    Merged {
        rounds: rounds.into_values().collect(),
        intervals: intervals.into_values().collect(),
        samples: observer.map(|p| p.samples.clone()).unwrap_or_default(),
    }
}

fn add(sum: &mut Round, round: &Round) {
    add_cells(&mut sum.cells, &round.cells);
    if sum.usage.is_empty() {
        sum.usage.clone_from(&round.usage);
    }
    if sum.health.is_empty() {
        sum.health.clone_from(&round.health);
    }
    sum.trust = worst(&sum.trust, &round.trust);
    sum.disturbed.extend_from_slice(&round.disturbed);
    sum.disturbed.sort_by_key(|d| (d.worst.by, d.first));
    sum.disturbed.dedup_by(|later, first| {
        let same = later.worst.by == first.worst.by;
        if same {
            first.seconds = first.seconds.max(later.seconds);
            if later.worst.value > first.worst.value {
                first.worst = later.worst;
            }
        }
        same
    });
    sum.guard.extend_from_slice(&round.guard);
    sum.guard.sort_by_key(|c| c.at);
    sum.halt = sum.halt.take().or_else(|| round.halt.clone());
    sum.complete &= round.complete;
    if round.started_at < sum.started_at {
        sum.started_at.clone_from(&round.started_at);
    }
}

fn add_cells(sum: &mut Vec<Cell>, cells: &[Cell]) {
    for cell in cells {
        let place = sum.binary_search_by_key(&(cell.phase, cell.step), |c| (c.phase, c.step));
        match place {
            Ok(i) => sum[i].merge(cell),
            Err(i) => sum.insert(i, cell.clone()),
        }
    }
}

/// The worse of two in every respect; what is counted is added.
pub(super) fn worst(a: &Trust, b: &Trust) -> Trust {
    let known = |a: Option<f64>, b: Option<f64>| match (a, b) {
        (Some(a), Some(b)) => Some(a.max(b)),
        (a, b) => a.or(b),
    };
    Trust {
        lateness_p99: a.lateness_p99.max(b.lateness_p99),
        lateness_max: a.lateness_max.max(b.lateness_max),
        late_share: a.late_share.max(b.late_share),
        steal: a.steal.max(b.steal),
        cpu_pressure: known(a.cpu_pressure, b.cpu_pressure),
        // The pressure of load is taken over the idle one, so the least idle hides the least.
        idle_cpu_pressure: match (a.idle_cpu_pressure, b.idle_cpu_pressure) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        },
        own_cpu: a.own_cpu.max(b.own_cpu),
        worker_cpu: a.worker_cpu.max(b.worker_cpu),
        conserved: a.conserved && b.conserved,
        generator_errors: a.generator_errors + b.generator_errors,
        exhausted: a.exhausted.max(b.exhausted),
        starved: a.starved.max(b.starved),
        standstill: a.standstill.max(b.standstill),
        throttled: a.throttled.max(b.throttled),
        clock_step: a.clock_step.max(b.clock_step),
        page_faults: a.page_faults.max(b.page_faults),
        record_delay: a.record_delay.max(b.record_delay),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::{
        Arm, ErrorClass, Fingerprint, Manifest, Mode, Outline, PhaseOutline, RunState,
    };
    use crate::recorder::{End, Recorder};

    /// One request: second, phase, step, latency in µs, and how it failed.
    type Fate = (u64, usize, usize, u64, Option<ErrorClass>);

    const PARTS: usize = 3;

    fn outline() -> Outline {
        let phase = |start| PhaseOutline {
            name: format!("from {start}"),
            start: Nanos::from_secs(start),
            duration: Nanos::from_secs(2),
            warm_up: false,
            load: String::new(),
            asked: Some(10),
        };
        Outline {
            name: "shop".into(),
            steps: vec!["browse".into(), "pay".into()],
            phases: vec![phase(0), phase(2)],
            ..Outline::default()
        }
    }

    fn fate() -> impl Strategy<Value = (Fate, usize)> {
        let class = prop_oneof![
            4 => Just(None),
            1 => prop::sample::select(ErrorClass::ALL.to_vec()).prop_map(Some),
        ];
        let fate = (0..4_u64, 0..2_usize, 0..2_usize, 1..9_000_000_u64, class);
        (fate, 0..PARTS)
    }

    fn enter(cell: &mut Cell, latency: Nanos, class: Option<ErrorClass>) {
        let t = &mut cell.tally;
        t.due += 1;
        cell.lateness.record(Nanos(latency.0 / 1000));
        let unsent = class.is_some_and(ErrorClass::is_unsent);
        if unsent {
            t.unsent += 1;
        } else {
            t.sent += 1;
            t.bytes_out.0 += 100;
            cell.wait.record(Nanos(latency.0 / 7));
        }
        match class {
            None => {
                t.answered += 1;
                t.bytes_in.0 += latency.0 % 977;
                cell.latency.ok.record(latency);
                cell.service.record(Nanos(latency.0 / 2));
                cell.parts.first_byte += latency;
            }
            Some(class) => {
                t.failures.add(class, 1);
                if class.is_censoring() {
                    cell.latency.censored.record(latency);
                } else {
                    cell.latency.failed += 1;
                }
            }
        }
    }

    /// The record of whoever had these requests; the machine looked the same to everybody.
    fn run(fates: &[Fate]) -> Run {
        let outline = outline();
        let mut recorder = Recorder::new(&outline, 0, Arm::Now, 0, "2026-01-01T00:00:00Z".into());
        let mut intervals = Vec::new();
        for second in 0..4 {
            let mut cells: BTreeMap<(usize, usize), Cell> = BTreeMap::new();
            for &(_, phase, step, us, class) in fates.iter().filter(|f| f.0 == second) {
                let cell = cells.entry((phase, step)).or_insert_with(|| Cell {
                    phase,
                    step,
                    ..Cell::default()
                });
                enter(cell, Nanos(us * 1000), class);
            }
            let interval = Interval {
                start: Nanos::from_secs(second),
                length: Nanos::SECOND,
                cells: cells.into_values().collect(),
                ..Interval::default()
            };
            recorder.interval(&interval);
            intervals.push(interval);
        }
        let mut round = recorder.finish(End {
            worker_cpu: 0.25,
            idle_cpu_pressure: None,
            record_delay: Nanos::ZERO,
            complete: true,
        });
        assert!(round.trust.conserved);
        round.trust = Trust {
            conserved: true,
            ..Trust::default()
        };
        Run {
            manifest: Manifest {
                schema: 1,
                id: "a".into(),
                mode: Mode::Measure,
                started_at: "2026-01-01T00:00:00Z".into(),
                version: String::new(),
                seed: 42,
                plan_hash: String::new(),
                outline,
                scenario: String::new(),
                scenario_file: None,
                fingerprint: Fingerprint::default(),
                instrument: None,
                revision: None,
                reference: None,
                baseline: None,
                shard: None,
                start_at: None,
                parts: Vec::new(),
                origin: None,
            },
            state: RunState::Complete,
            rounds: vec![round],
            intervals,
            samples: Vec::new(),
            comparison: None,
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn parts_of_split_cells_merge_to_the_whole_record_byte_for_byte(
            fates in prop::collection::vec(fate(), 0..120),
        ) {
            let part = |i| -> Vec<Fate> {
                fates.iter().filter(|(_, owner)| *owner == i).map(|(fate, _)| *fate).collect()
            };
            let parts: Vec<Run> = (0..PARTS).map(|i| run(&part(i))).collect();
            let all: Vec<Fate> = fates.iter().map(|(fate, _)| *fate).collect();
            let whole = run(&all);
            let merged = merge(&parts);
            let bytes = |rounds: &[Round], intervals: &[Interval]| {
                serde_json::to_string(&(rounds, intervals)).expect("plain data")
            };
            prop_assert_eq!(
                bytes(&merged.rounds, &merged.intervals),
                bytes(&whole.rounds, &whole.intervals)
            );
        }
    }

    #[test]
    fn the_worst_part_speaks_for_the_trust_in_all() {
        let late = Trust {
            lateness_p99: Nanos::from_millis(4),
            steal: 0.1,
            conserved: true,
            generator_errors: 2,
            ..Trust::default()
        };
        let lost = Trust {
            cpu_pressure: Some(0.3),
            generator_errors: 1,
            ..Trust::default()
        };
        let both = worst(&late, &lost);
        assert_eq!(both.lateness_p99, Nanos::from_millis(4));
        assert_eq!((both.conserved, both.generator_errors), (false, 3));
        assert_eq!(both.cpu_pressure, Some(0.3));
        assert_eq!(both, worst(&lost, &late));
    }
}
