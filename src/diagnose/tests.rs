//! Rules on stories told second by second: what each needs, and what it must not take for it.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "small positive numbers of a story"
)]

use super::*;
use crate::model::{
    Cell, Contaminant, Contamination, Distribution, ErrorClass, FaultOutline, HostSample, Interval,
    Latencies, Sample, Scraped, SeriesName, Tally, TargetDetail, TargetSample,
};
use crate::report::fixture;
use crate::units::{Bytes, Nanos};

/// Length of a story in seconds, and when its trouble begins.
const LASTS: u64 = 30;
const TURN: u64 = 12;

/// Requests a second.
const RATE: u64 = 50;

/// What one second showed.
#[derive(Clone)]
struct Scene {
    /// Latency in milliseconds of each share of the requests.
    latencies: Vec<(f64, u64)>,
    due: u64,
    answered: u64,
    failed: Vec<(ErrorClass, u64)>,
    in_flight: u64,
    /// Cores.
    cpu: f64,
    rss_mib: f64,
    fds: u64,
    futex: u64,
    /// Each answer.
    switches: u64,
    scraped: Vec<(&'static str, f64)>,
}

impl Default for Scene {
    fn default() -> Self {
        Self {
            latencies: vec![(1.0, 5)],
            due: RATE,
            answered: RATE,
            failed: Vec::new(),
            in_flight: 1,
            cpu: 0.1,
            rss_mib: 40.0,
            fds: 20,
            futex: 0,
            switches: 4,
            scraped: Vec::new(),
        }
    }
}

/// A run of one round, from what each second showed; `_total` and the like are given as rates.
fn tell(scene: impl Fn(u64) -> Scene) -> Run {
    let mut run = fixture::run();
    run.rounds.truncate(1);
    let round = &mut run.rounds[0];
    round.arm = Arm::Now;
    round.contamination.clear();
    let index = round.index;
    run.manifest.outline.phases.truncate(1);
    run.manifest.outline.phases[0].start = Nanos::ZERO;
    run.manifest.outline.phases[0].duration = Nanos::from_secs(LASTS);
    (run.intervals, run.samples) = (Vec::new(), Vec::new());
    let mut cpu = 0.0;
    let mut switches = 0;
    let mut counters = std::collections::BTreeMap::<&str, f64>::new();
    for second in 0..LASTS {
        let scene = scene(second);
        run.intervals.push(interval(index, second, &scene));
        cpu += scene.cpu;
        switches += scene.switches * scene.answered;
        let scraped = scene.scraped.iter().map(|(name, value)| {
            let counts = ["_total", "_sum", "_count"]
                .iter()
                .any(|end| name.ends_with(end));
            let value = if counts {
                let sum = counters.entry(name).or_default();
                *sum += value;
                *sum
            } else {
                *value
            };
            Scraped {
                series: SeriesName::new(name, &[]),
                value,
            }
        });
        run.samples.push(Sample {
            round: index,
            at: Nanos::from_secs(second + 1),
            target: Some(TargetSample {
                cpu: Nanos::from_secs_f64(cpu),
                rss: Bytes((scene.rss_mib * 1024.0 * 1024.0) as u64),
                fds: scene.fds,
                threads: 8,
                processes: 1,
            }),
            detail: Some(Box::new(TargetDetail {
                descriptor_limit: Some(256),
                thread_states: [("S".to_owned(), 8)].into(),
                waiting: [("futex_wait_queue".to_owned(), scene.futex)].into(),
                voluntary_switches: switches,
                ..TargetDetail::default()
            })),
            scraped: scraped.collect(),
            host: HostSample {
                cores: 2,
                ..HostSample::default()
            },
            ..Sample::default()
        });
    }
    run
}

fn interval(round: usize, second: u64, scene: &Scene) -> Interval {
    let mut ok = Distribution::default();
    for (share, ms) in &scene.latencies {
        let n = (share * scene.answered as f64).round() as u64;
        for _ in 0..n {
            ok.record(Nanos::from_millis(*ms));
        }
    }
    let mut tally = Tally {
        due: scene.due,
        sent: scene.due,
        answered: scene.answered,
        ..Tally::default()
    };
    let mut latency = Latencies {
        ok,
        ..Latencies::default()
    };
    for (class, n) in &scene.failed {
        tally.failures.add(*class, *n);
        latency.failed += n;
    }
    Interval {
        round,
        start: Nanos::from_secs(second),
        length: Nanos::SECOND,
        in_flight: scene.in_flight,
        standstill: Nanos::ZERO,
        cells: vec![Cell {
            tally,
            latency,
            ..Cell::default()
        }],
    }
}

/// A healthy beginning, then this.
fn then(trouble: impl Fn(u64) -> Scene, healthy: &Scene) -> Run {
    tell(|second| {
        if second < TURN {
            healthy.clone()
        } else {
            trouble(second)
        }
    })
}

/// Name and strength of what was found, the best first.
fn found(run: &Run) -> Vec<(&'static str, Strength)> {
    diagnose(run)
        .iter()
        .map(|d| (d.symptom, d.strength))
        .collect()
}

/// The named symptom is first, and at least likely.
fn leads(run: &Run, symptom: &str) {
    let all = diagnose(run);
    let first = all
        .first()
        .unwrap_or_else(|| panic!("{symptom}: nothing was found"));
    assert_eq!(first.symptom, symptom, "{all:#?}");
    assert!(first.strength >= Strength::Likely, "{all:#?}");
    assert!(
        first
            .evidence
            .iter()
            .all(|e| e.to >= e.from && !e.series.is_empty())
    );
}

#[test]
fn a_healthy_run_has_no_symptom() {
    assert_eq!(found(&tell(|_| Scene::default())), []);
    let busy = |second: u64| Scene {
        // The load doubles and halves, and the target follows.
        cpu: if second % 10 < 5 { 0.2 } else { 0.4 },
        latencies: vec![
            (0.9, 5),
            (0.1, if second.is_multiple_of(3) { 9 } else { 6 }),
        ],
        rss_mib: 40.0 + (second.min(5) as f64),
        futex: 3,
        scraped: vec![
            ("db_pool_in_use", 6.0),
            ("db_pool_size", 32.0),
            ("cache_hits_total", 50.0),
            ("cache_misses_total", 1.0),
            ("consumer_lag", (second % 4) as f64),
        ],
        ..Scene::default()
    };
    assert_eq!(found(&tell(busy)), []);
}

#[test]
fn a_full_pool_is_told_from_a_slow_dependency() {
    let pool = |used: f64| ("db_pool_in_use", used);
    let size = ("db_pool_size", 32.0);
    let healthy = Scene {
        scraped: vec![
            pool(4.0),
            size,
            ("db_query_duration_seconds_sum", 0.1),
            ("db_query_duration_seconds_count", 50.0),
        ],
        ..Scene::default()
    };
    let exhausted = |_| Scene {
        latencies: vec![(0.3, 5), (0.7, 700)],
        answered: 30,
        failed: vec![(ErrorClass::Status5xx, 20)],
        in_flight: 40,
        scraped: vec![
            pool(32.0),
            size,
            ("db_pool_acquire_timeouts_total", 20.0),
            ("db_query_duration_seconds_sum", 0.1),
            ("db_query_duration_seconds_count", 50.0),
        ],
        ..Scene::default()
    };
    leads(&then(exhausted, &healthy), "pool-exhausted");
    let slow = |_| Scene {
        latencies: vec![(1.0, 150)],
        in_flight: 8,
        scraped: vec![
            pool(9.0),
            size,
            ("db_query_duration_seconds_sum", 7.0),
            ("db_query_duration_seconds_count", 50.0),
        ],
        ..Scene::default()
    };
    leads(&then(slow, &healthy), "slow-dependency");
}

#[test]
fn what_is_disturbed_on_purpose_is_no_symptom() {
    let slow = |second: u64| {
        let disturbed = (TURN..TURN + 8).contains(&second);
        Scene {
            latencies: vec![(1.0, if disturbed { 400 } else { 5 })],
            in_flight: if disturbed { 30 } else { 1 },
            ..Scene::default()
        }
    };
    let mut run = tell(slow);
    assert_ne!(found(&run), []);
    // It lasts 5 s; the others are what it took to recover.
    run.manifest.outline.faults = vec![FaultOutline {
        at: Nanos::from_secs(TURN),
        duration: Nanos::from_secs(5),
        what: "400 ms latency".to_owned(),
    }];
    assert_eq!(found(&run), []);
}

#[test]
fn silence_to_the_end_is_a_deadlock_and_silence_now_and_then_are_pauses() {
    let silent = |_| Scene {
        answered: 0,
        cpu: 0.0,
        in_flight: 50,
        futex: 7,
        failed: vec![(ErrorClass::TimeoutTotal, 40)],
        ..Scene::default()
    };
    leads(&then(silent, &Scene::default()), "deadlock");
    let paused = |second: u64| Scene {
        latencies: if second.is_multiple_of(2) {
            vec![(0.8, 5), (0.1, 100), (0.1, 190)]
        } else {
            vec![(1.0, 5)]
        },
        ..Scene::default()
    };
    leads(&tell(paused), "pauses");
    // Once is an incident.
    let once = |second: u64| paused(u64::from(second != 15));
    assert_eq!(found(&tell(once)), []);
}

#[test]
fn memory_that_goes_on_growing_is_a_leak_and_a_cache_that_fills_is_none() {
    let leaking = |second: u64| Scene {
        rss_mib: 40.0 + 3.0 * second as f64,
        ..Scene::default()
    };
    leads(&tell(leaking), "memory-leak");
    let filling = |second: u64| Scene {
        rss_mib: 40.0 + 3.0 * second.min(14) as f64,
        ..Scene::default()
    };
    assert_eq!(found(&tell(filling)), []);
}

#[test]
fn refusals_in_bursts_are_a_crash_loop() {
    let crashing = |second: u64| {
        let gone = second.is_multiple_of(4);
        Scene {
            answered: if gone { 10 } else { RATE },
            failed: if gone {
                vec![(ErrorClass::Refused, 40)]
            } else {
                Vec::new()
            },
            rss_mib: if gone { 5.0 } else { 40.0 },
            ..Scene::default()
        }
    };
    leads(&then(crashing, &Scene::default()), "crash-loop");
}

#[test]
fn cpu_without_room_is_saturation() {
    let saturated = |second: u64| Scene {
        latencies: vec![(1.0, 100 + 50 * (second - TURN))],
        answered: 30,
        cpu: 1.95,
        in_flight: 20 * (second - TURN),
        ..Scene::default()
    };
    leads(&then(saturated, &Scene::default()), "cpu-saturation");
}

#[test]
fn waits_of_a_part_of_the_period_in_every_second_are_throttling() {
    let even: Vec<(f64, u64)> = (0..7).map(|i| (0.1, 10 + 10 * i)).collect();
    let throttled = move |_| Scene {
        latencies: [vec![(0.3, 5)], even.clone()].concat(),
        ..Scene::default()
    };
    leads(&then(throttled, &Scene::default()), "throttled");
}

#[test]
fn what_is_counted_is_made_out_by_its_count() {
    let limited = |_| Scene {
        answered: 30,
        failed: vec![(ErrorClass::Status429, 20)],
        ..Scene::default()
    };
    leads(&then(limited, &Scene::default()), "rate-limited");

    let calm = Scene {
        scraped: vec![("retries_total", 0.0)],
        ..Scene::default()
    };
    let storm = |_| Scene {
        latencies: vec![(1.0, 12)],
        answered: 45,
        failed: vec![(ErrorClass::Status5xx, 5)],
        scraped: vec![("retries_total", 60.0)],
        ..Scene::default()
    };
    leads(&then(storm, &calm), "retry-storm");

    let lagging = |second: u64| Scene {
        scraped: vec![("consumer_lag", 5.0 * second as f64)],
        ..Scene::default()
    };
    leads(&tell(lagging), "consumer-lag");

    let cache = |hits: f64| {
        vec![
            ("cache_hits_total", hits),
            ("cache_misses_total", 50.0 - hits),
        ]
    };
    let warm = Scene {
        scraped: cache(50.0),
        ..Scene::default()
    };
    let cold = |_| Scene {
        latencies: vec![(1.0, 20)],
        scraped: cache(5.0),
        ..Scene::default()
    };
    leads(&then(cold, &warm), "cold-cache");
}

#[test]
fn threads_that_wait_for_locks_while_cpu_is_idle_are_contention() {
    let contended = |_| Scene {
        latencies: vec![(0.2, 5), (0.4, 40), (0.4, 90)],
        futex: 6,
        switches: 12,
        in_flight: 6,
        ..Scene::default()
    };
    leads(&then(contended, &Scene::default()), "lock-contention");
}

#[test]
fn descriptors_near_their_limit_are_named() {
    let full = |_| Scene {
        fds: 250,
        answered: 40,
        failed: vec![(ErrorClass::TimeoutFirstByte, 10)],
        ..Scene::default()
    };
    leads(&then(full, &Scene::default()), "descriptor-exhaustion");
}

#[test]
fn what_turns_away_all_beyond_a_number_is_told_from_what_fails_every_so_many_th() {
    let under = Scene {
        latencies: vec![(1.0, 50)],
        ..Scene::default()
    };
    let turned_away = |class, due: u64, answered| Scene {
        due,
        answered,
        failed: vec![(class, due - answered)],
        ..under.clone()
    };
    for (class, symptom) in [
        (ErrorClass::Status5xx, "pool-exhausted"),
        (ErrorClass::Closed, "descriptor-exhaustion"),
        (ErrorClass::Reset, "descriptor-exhaustion"),
    ] {
        // More is asked than before, or the load goes up and down: no more than 60 are served.
        leads(&then(|_| turned_away(class, 150, 60), &under), symptom);
        leads(
            &tell(|s| turned_away(class, 100 + 20 * (s % 5), 60)),
            symptom,
        );
        // A third fails whatever is asked: a bug, and no ceiling.
        let third = tell(|s| {
            let due = 90 + 30 * (s % 5);
            turned_away(class, due, due / 3 * 2)
        });
        assert_eq!(found(&third), [], "{class}");
        // The same load as before, of which suddenly some fails.
        let sudden = then(|_| turned_away(class, RATE, RATE / 2), &under);
        assert_eq!(found(&sudden), [], "{class}");
    }
}

#[test]
fn a_noisy_machine_is_not_the_target() {
    let mut run = tell(|_| Scene::default());
    run.rounds[0].contamination = vec![Contamination {
        by: Contaminant::Steal,
        value: 0.3,
        limit: 0.02,
    }];
    leads(&run, "noisy-machine");
}

#[test]
fn a_generator_that_was_held_up_is_not_the_target() {
    let named = |by: Contaminant| {
        let mut run = tell(|_| Scene::default());
        run.rounds[0].contamination = vec![Contamination {
            by,
            value: by.limit() * 3.0,
            limit: by.limit(),
        }];
        let found = diagnose(&run);
        found
            .first()
            .map(|d| (d.symptom, d.evidence[0].text.clone()))
    };
    for by in Contaminant::ALL {
        let expected = match by {
            Contaminant::Steal => "noisy-machine",
            Contaminant::Lateness | Contaminant::OwnCpu => "generator-overloaded",
            // Target and generator make it themselves, unless others are seen to be busy.
            Contaminant::CpuPressure => {
                assert_eq!(named(by), None);
                continue;
            }
            _ => "generator-disturbed",
        };
        let (symptom, text) = named(by).unwrap_or_else(|| panic!("nothing is made of {by}"));
        assert_eq!(symptom, expected, "{by}");
        if symptom == "generator-disturbed" {
            assert!(text.starts_with(by.name()), "{text}");
        }
    }
}

#[test]
fn an_echo_weighs_half_beside_its_source() {
    let names = CATALOGUE.map(|s| s.name);
    for (source, echo) in ECHOES {
        assert!(
            names.contains(&source) && names.contains(&echo),
            "{source} {echo}"
        );
    }
    let contended = |_| Scene {
        latencies: vec![(1.0, 60)],
        futex: 6,
        switches: 12,
        in_flight: 6,
        ..Scene::default()
    };
    let found = diagnose(&then(contended, &Scene::default()));
    assert_eq!(found[0].symptom, "lock-contention");
    let echo = found.iter().find(|d| d.symptom == "slow-dependency");
    assert!(
        echo.is_none_or(|d| d.strength == Strength::Weak),
        "{found:#?}"
    );
}

#[test]
fn every_rule_has_its_entry_and_every_entry_its_rule() {
    let rules = RULES.map(|(name, _)| name);
    assert_eq!(CATALOGUE.map(|s| s.name), rules);
    for symptom in &CATALOGUE {
        let texts = [symptom.causes, symptom.actions, symptom.rules_out];
        assert!(texts.iter().all(|t| !t.is_empty()), "{}", symptom.name);
    }
}

#[test]
fn a_run_without_requests_has_nothing_to_tell() {
    let mut run = tell(|_| Scene::default());
    run.intervals.clear();
    run.samples.clear();
    assert_eq!(found(&run), []);
    run.rounds.clear();
    assert_eq!(found(&run), []);
}
