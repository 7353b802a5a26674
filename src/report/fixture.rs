//! Runs for tests: a regression caught, a plain measurement, a partial and an invalid run, and one
//! with hostile names. Seeded, so that every snapshot is stable.

use std::collections::BTreeMap;
use std::sync::Mutex;

use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{Rng, SeedableRng};

use crate::judge::trace;
use crate::model::{
    Acceptance, Arm, BASELINE_SCHEMA, Baseline, Capacity, Cell, Change, Comparison, Contaminant,
    Contamination, Decision, Design, Disturbance, ErrorClass, Estimate, Finding, Fingerprint,
    GeneratorSample, GuardChange, GuardState, History, HostSample, Interval, Judge, Knee,
    KneeInterval, Level, LevelRound, LevelVerdict, Manifest, Measure, Metric, MetricResult, Mode,
    Moved, Outcome, Outline, Parts, PhaseOutline, PhaseUsage, Point, Profile, Profiler, Profiles,
    RUN_SCHEMA, Ranks, Round, Run, RunState, Sample, ScalabilityLaw, Scope, Series, Side, Stacks,
    Stat, TargetOutline, TargetSample, Trust, Verdict,
};
use crate::units::{Bytes, Nanos};

const STEPS: [&str; 2] = ["browse", "pay"];

/// How a simulated round behaves.
#[derive(Clone, Copy)]
struct Load {
    seconds: u64,
    rate: u64,
    /// Factor on the latency and CPU of the second step.
    pay: f64,
    /// One request in so many times out; 0: none.
    timeouts: u64,
}

const SHORT: Load = Load {
    seconds: 60,
    rate: 200,
    pay: 1.0,
    timeouts: 0,
};

/// An interleaved check of five pairs that finds `pay` 19 % slower; one round spoiled by steal.
pub(crate) fn run() -> Run {
    let mut run = measured(SHORT, 5, true);
    run.comparison = Some(Comparison {
        design: Design::Paired,
        reference: Some("./old/shop --port {port}".into()),
        before_rounds: 5,
        now_rounds: 5,
        results: results(),
        moved: vec![Moved {
            step: "pay".into(),
            journey: false,
            metric: Metric::Latency(Stat::P99),
            change: 0.19,
            interval: (0.14, 0.24),
            stands_out: true,
        }],
        findings: vec![Finding {
            code: None,
            text: "1 round was measured again because the machine was busy".into(),
            hint: None,
        }],
        decision: Decision {
            verdict: Verdict::Regressed,
            headline: "latency.p99 rose 13.7 %  (95 % interval +9.8 to +17.9 %, allowed +10 %), confidence 0.998".into(),
        },
        capacity: None,
        judge: Judge::default(),
        unevaluated: Vec::new(),
        foresight: None,
    });
    run
}

/// `run URL`: one round, no reference, some timeouts.
pub(super) fn plain_run() -> Run {
    let load = Load {
        timeouts: 50,
        ..SHORT
    };
    let mut run = measured(load, 1, false);
    run.manifest.mode = Mode::Measure;
    run.comparison = Some(Comparison {
        design: Design::Absolute,
        reference: None,
        before_rounds: 0,
        now_rounds: 1,
        results: Vec::new(),
        moved: Vec::new(),
        findings: Vec::new(),
        decision: Decision {
            verdict: Verdict::Kept,
            headline: "11,760 of 12,000 requests answered, p99 ≥ 3 s".into(),
        },
        capacity: None,
        judge: Judge::default(),
        unevaluated: Vec::new(),
        foresight: None,
    });
    run
}

/// A search for capacity: four levels, of which the two lower held.
pub(super) fn search_run() -> Run {
    let mut run = measured(SHORT, 12, false);
    run.manifest.mode = Mode::Measure;
    let rates = [100.0, 200.0, 210.0, 400.0];
    for (round, rate) in run
        .rounds
        .iter_mut()
        .zip(rates.iter().flat_map(|r| [*r; 3]))
    {
        round.level = Some(rate);
    }
    let level = |i: usize, p95: f64| {
        let holds = i < 2;
        let throughput = rates[i].min(203.0);
        Level {
            rate: rates[i],
            verdict: if holds {
                LevelVerdict::Holds
            } else {
                LevelVerdict::Fails
            },
            rounds: (3 * i..3 * i + 3)
                .map(|round| LevelRound {
                    round,
                    outcome: if holds {
                        Outcome::Held
                    } else {
                        Outcome::Failed
                    },
                })
                .collect(),
            value: Estimate::Exact(p95 * 1e6),
            answered: Some(throughput / rates[i]),
            throughput,
            concurrency: Some(throughput * p95.min(60.0) / 1e3),
        }
    };
    let knee = KneeInterval {
        rate: 204.3,
        low: 198.0,
        high: 210.0,
        probability: 0.95,
    };
    run.comparison = Some(Comparison {
        design: Design::Absolute,
        reference: None,
        before_rounds: 0,
        now_rounds: 12,
        results: Vec::new(),
        moved: Vec::new(),
        findings: Vec::new(),
        decision: Decision {
            verdict: Verdict::Kept,
            headline:
                "holds up to 204/s (95 % interval 198/s to 210/s) with latency.p95 under 60 ms"
                    .into(),
        },
        capacity: Some(Box::new(Capacity {
            metric: Metric::Latency(Stat::P95),
            under: 60e6,
            precision: 0.05,
            levels: vec![
                level(0, 20.5),
                level(1, 21.0),
                level(2, 140.0),
                level(3, 900.0),
            ],
            knee: Knee::Found(knee),
            noisy: false,
            law: Some(ScalabilityLaw {
                lambda: 50.2,
                sigma: 0.031,
                kappa: 0.000_8,
                peak: Some((34.8, 214.0)),
                r_squared: 0.991,
            }),
        })),
        judge: Judge::default(),
        unevaluated: Vec::new(),
        foresight: None,
    });
    run
}

/// One pair of rounds of ten minutes.
pub(super) fn long_run() -> Run {
    of_ten_minutes(1)
}

/// The judged run, with so many pairs of rounds of ten minutes in place of its own.
fn of_ten_minutes(pairs: usize) -> Run {
    let load = Load {
        seconds: 600,
        rate: 100,
        ..SHORT
    };
    let long = measured(load, pairs, true);
    let mut run = run();
    run.rounds = long.rounds;
    run.intervals = long.intervals;
    run.samples = long.samples;
    run.manifest.outline = long.manifest.outline;
    run
}

/// Two pairs of rounds of ten minutes with so many steps, each with a threshold of its own.
pub(super) fn run_of_many_steps(steps: usize) -> Run {
    let mut run = of_ten_minutes(2);
    let names: Vec<String> = (0..steps)
        .map(|i| format!("{} number {i}", STEPS[i % STEPS.len()]))
        .collect();
    let all = |cells: &mut Vec<Cell>| {
        let of_steps = cells.iter().flat_map(|cell| {
            let alike = (cell.step..steps).step_by(STEPS.len());
            alike.map(|step| Cell {
                step,
                ..cell.clone()
            })
        });
        *cells = of_steps.collect();
    };
    for round in &mut run.rounds {
        all(&mut round.cells);
    }
    for interval in &mut run.intervals {
        all(&mut interval.cells);
    }
    let comparison = run.comparison.as_mut().expect("the run is judged");
    let p99 = comparison.results[1].clone();
    comparison
        .results
        .extend(names.iter().map(|name| MetricResult {
            scope: Scope {
                step: Some(name.clone()),
                ..Scope::default()
            },
            ..p99.clone()
        }));
    run.manifest.outline.steps = names;
    run
}

/// Killed in its second round.
pub(super) fn partial_run() -> Run {
    let mut run = measured(SHORT, 1, false);
    run.manifest.mode = Mode::Check;
    run.manifest.reference = Some("@checkout".into());
    run.state = RunState::Partial;
    run
}

/// Interrupted in the fifth second after the warm-up of its only round.
pub(super) fn interrupted_run() -> Run {
    let mut run = plain_run();
    run.state = RunState::Interrupted;
    run.intervals.retain(|i| i.start < Nanos::from_secs(14));
    let round = &mut run.rounds[0];
    round.complete = false;
    round.cells.clear();
    for cell in run.intervals.iter().flat_map(|i| &i.cells) {
        let of = |c: &&mut Cell| c.phase == cell.phase && c.step == cell.step;
        match round.cells.iter_mut().find(of) {
            Some(sum) => sum.merge(cell),
            None => round.cells.push(cell.clone()),
        }
    }
    run
}

/// The generator was late.
pub(super) fn invalid_run() -> Run {
    let mut run = plain_run();
    run.rounds[0].trust.late_share = 0.031;
    run.rounds[0].trust.lateness_max = Nanos::from_millis(84);
    let comparison = run.comparison.as_mut().expect("a plain run is judged");
    comparison.decision = Decision {
        verdict: Verdict::Invalid,
        headline: "these numbers describe the load generator, not the target".into(),
    };
    comparison.findings = vec![Finding {
        code: Some("PL0310".into()),
        text: "3.1 % of requests left late (allowed 0.1 %), worst 84 ms; this process used 98 % of one core".into(),
        hint: Some("lower the rate to about 6,400/s, or give the generator its own core".into()),
    }];
    run
}

/// One round in which the guard opened, probed and closed again.
pub(super) fn guarded_run() -> Run {
    let mut run = plain_run();
    let change = |at, state, failed, settled| GuardChange {
        at: Nanos::from_secs(at),
        state,
        failed,
        settled,
        within: Nanos::from_secs(10),
    };
    run.rounds[0].guard = vec![
        change(12, GuardState::Open, 630, 1000),
        change(17, GuardState::Probing(20), 0, 0),
        change(20, GuardState::Closed, 0, 0),
    ];
    let text = "the guard opened after 12 s: 63 % of 1000 requests failed within 10 s; load was held back for 8 s";
    let comparison = run.comparison.as_mut().expect("a plain run is judged");
    comparison.decision = Decision {
        verdict: Verdict::Broken,
        headline: text.into(),
    };
    comparison.findings = vec![Finding {
        code: Some("PL0330".into()),
        text: text.into(),
        hint: Some("mend what failed, or ask for less load".into()),
    }];
    run
}

/// The second of five parts of a plan.
pub(super) fn part_of_run() -> Run {
    let mut run = plain_run();
    run.manifest.shard = "2/5".parse().ok();
    run
}

/// What names may hold at the very worst.
pub(super) const HOSTILE: &str =
    "</title><script>alert(1)</script>\n::error::x|`@all`\u{202e}\u{1b}[31m\"'&=cmd,{{7*7}}]]>";

/// Every name a user or a target can choose is hostile.
pub(crate) fn hostile_run() -> Run {
    let mut run = run();
    let outline = &mut run.manifest.outline;
    for name in outline
        .steps
        .iter_mut()
        .chain(outline.phases.iter_mut().map(|p| &mut p.name))
        .chain([&mut outline.name, &mut outline.description])
    {
        *name = format!("{HOSTILE}{name}");
    }
    for phase in &mut outline.phases {
        phase.load = HOSTILE.into();
    }
    outline.target.url = HOSTILE.into();
    outline.target.command = Some(vec![HOSTILE.into()]);
    run.manifest.scenario_file = Some(HOSTILE.into());
    run.manifest.scenario = HOSTILE.into();
    run.manifest.revision = Some(HOSTILE.into());
    run.manifest.id = HOSTILE.into();
    run.manifest.fingerprint.cpu_model = HOSTILE.into();
    let comparison = run.comparison.as_mut().expect("the run is judged");
    comparison.reference = Some(HOSTILE.into());
    comparison.decision.headline = HOSTILE.into();
    for result in &mut comparison.results {
        result.note = Some(HOSTILE.into());
        result.scope.step = Some(format!("{HOSTILE}pay"));
    }
    comparison.moved[0].step = format!("{HOSTILE}pay");
    comparison.findings = vec![Finding {
        code: Some(HOSTILE.into()),
        text: HOSTILE.into(),
        hint: Some(HOSTILE.into()),
    }];
    run
}

/// Both sides under perf; `serialize` has grown.
pub(crate) fn profiles() -> Profiles {
    let profile = |arm, folded: &str| Profile {
        arm,
        profiler: Profiler::Perf,
        instead_of_perf: None,
        per_second: 99.0,
        lasted: Nanos::from_secs(10),
        left_out: 0,
        stacks: Stacks::parse(folded).expect("folded stacks"),
    };
    Profiles {
        taken: vec![
            profile(
                Arm::Now,
                "shop;main;handle;parse 20\nshop;main;handle;serialize 62\nshop;main;read_[k] 18\n",
            ),
            profile(
                Arm::Before,
                "shop;main;handle;parse 40\nshop;main;handle;serialize 24\nshop;main;read_[k] 36\n",
            ),
        ],
        missing: Vec::new(),
    }
}

/// Twenty-four runs, the latest twelve of which are slower.
pub(super) fn history() -> History {
    let wobble = [0.3, -1.1, 0.8, -0.2, 1.2, -0.7, 0.1, -0.9, 0.6, -0.1];
    let values = |level: &dyn Fn(usize) -> f64| -> Vec<f64> {
        let value = |i: usize| level(i) * (1.0 + 0.004 * wobble[i * 7 % 10]);
        (0..24).map(value).collect()
    };
    history_of(vec![
        ("latency.p50", values(&|i| if i < 12 { 8e6 } else { 9e6 })),
        ("cpu.per-request", values(&|_| 1e5)),
    ])
}

pub(super) fn history_of(values: Vec<(&str, Vec<f64>)>) -> History {
    let runs = values.iter().map(|(_, v)| v.len()).max().unwrap_or(0);
    let point = |i: usize| Point {
        run: format!("202611{:02}T090000Z-0000{i:04x}", i % 28 + 1),
        at: format!("2026-11-{:02}T09:00:00Z", i % 28 + 1),
        version: "0.1.0".into(),
        revision: format!("{i:02x}3c1a2b7d8e").into(),
    };
    let points: Vec<Point> = (0..runs).map(point).collect();
    let trend = |(name, values): (&str, Vec<f64>)| {
        let series = Series {
            measure: Measure::named(name),
            values,
            accepted: None,
        };
        trace(series, &points)
    };
    History {
        name: "checkout".into(),
        trends: values.into_iter().map(trend).collect(),
        points,
        others: Vec::new(),
        left_out: Vec::new(),
    }
}

/// The before rounds of [`run`] as a stored baseline.
pub(super) fn baseline() -> Baseline {
    let run = run();
    let rounds = run.arm(Arm::Before).cloned().collect();
    Baseline {
        scenario: "checkout".into(),
        revision: 3,
        members: vec![(
            "0f3c".into(),
            Acceptance {
                schema: BASELINE_SCHEMA,
                scenario: "checkout".into(),
                label: Some("v1.8.0".into()),
                reason: "release".into(),
                accepted_by: "ada".into(),
                accepted_at: "2026-11-01T00:00:00Z".into(),
                run: "r0".into(),
                plan_hash: run.manifest.plan_hash.clone(),
                revision: None,
                fingerprint: run.manifest.fingerprint.clone(),
                outline: run.manifest.outline.clone(),
                rounds,
                capacity: None,
                parents: Vec::new(),
                keeps: Vec::new(),
                confirmed_by: None,
            },
        )],
    }
}

fn results() -> Vec<MetricResult> {
    let side = |value: f64| Side {
        value: Estimate::Exact(value),
        rounds: vec![Estimate::Exact(value); 5],
        spoiled: 0,
    };
    let result = |metric, before, now, change, interval, allowed, verdict| MetricResult {
        metric,
        scope: Scope::default(),
        gating: true,
        before: Some(side(before)),
        now: side(now),
        change: Some(change),
        interval: Some(interval),
        level: 0.95,
        allowed: Some(allowed),
        max: None,
        verdict: Some(verdict),
        limit: None,
        confidence: Some(0.998),
        p_worse: Some(0.001),
        note: None,
        rounds_needed: None,
        detectable: Some(0.06),
        ranks: Some(Ranks {
            p: Some(0.008),
            change: Some(change),
            worse: 0.96,
        }),
        over: None,
        line: Some(41),
        suspicious: false,
        detection: None,
    };
    let mut p50 = result(
        Metric::Latency(Stat::P50),
        8.1e6,
        8.2e6,
        0.009,
        (-0.006, 0.024),
        Change::Relative(0.05),
        Verdict::Unchanged,
    );
    p50.max = Some(50e6);
    p50.limit = Some(Verdict::Kept);
    let mut p99 = result(
        Metric::Latency(Stat::P99),
        41e6,
        46.6e6,
        0.137,
        (0.098, 0.179),
        Change::Relative(0.10),
        Verdict::Regressed,
    );
    p99.now.spoiled = 1;
    let throughput = result(
        Metric::ThroughputOk,
        200.0,
        199.8,
        -0.001,
        (-0.002, 0.001),
        Change::Relative(0.03),
        Verdict::Unchanged,
    );
    let mut cpu = result(
        Metric::CpuPerRequest,
        1.31e6,
        1.42e6,
        0.082,
        (-0.01, 0.18),
        Change::Relative(0.03),
        Verdict::Inconclusive,
    );
    cpu.confidence = None;
    cpu.rounds_needed = Some(6);
    cpu.line = None;
    let mut errors = result(
        Metric::ErrorsRate,
        0.0,
        0.0002,
        0.0002,
        (-0.0001, 0.0005),
        Change::Points(0.001),
        Verdict::Unchanged,
    );
    errors.gating = false;
    errors.line = None;
    vec![p50, p99, throughput, cpu, errors]
}

fn outline(load: Load) -> Outline {
    let phase = |name: &str, start, seconds, warm_up, rate: u64| PhaseOutline {
        name: name.into(),
        start: Nanos::from_secs(start),
        duration: Nanos::from_secs(seconds),
        warm_up,
        load: format!("{rate}/s poisson"),
        asked: Some(rate * seconds),
    };
    Outline {
        name: "checkout".into(),
        description: "The path that takes money. Over 250 ms at 200/s, support gets calls.".into(),
        target: TargetOutline {
            unverified: false,
            limits: crate::model::ResourceLimits::default(),
            url: "http://127.0.0.1:8080".into(),
            command: Some(vec![
                "target/release/shop".into(),
                "--port".into(),
                "{port}".into(),
            ]),
        },
        steps: STEPS.map(String::from).to_vec(),
        journeys: Vec::new(),
        phases: vec![
            phase("warm-up", 0, 10, true, load.rate),
            phase("steady", 10, load.seconds, false, load.rate),
        ],
        faults: Vec::new(),
        thresholds: Vec::new(),
    }
}

/// Simulates the rounds of one or both arms, once for each kind of run.
fn measured(load: Load, rounds: usize, interleaved: bool) -> Run {
    static KNOWN: Mutex<BTreeMap<(u64, u64, usize), Run>> = Mutex::new(BTreeMap::new());
    let key = (load.seconds, load.timeouts, rounds);
    let mut known = KNOWN.lock().expect("no test panics while simulating");
    known
        .entry(key)
        .or_insert_with(|| simulated(load, rounds, interleaved))
        .clone()
}

fn simulated(load: Load, rounds: usize, interleaved: bool) -> Run {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(42);
    let outline = outline(load);
    let mut run = Run {
        manifest: Manifest {
            schema: RUN_SCHEMA,
            id: "20261122-091500-9f3c".into(),
            mode: Mode::Interleaved,
            started_at: "2026-11-22T09:15:00Z".into(),
            version: "0.1.0".into(),
            seed: 42,
            plan_hash: "9b7a1e".repeat(10),
            outline: outline.clone(),
            scenario: "name = \"checkout\"\n".into(),
            scenario_file: Some("scenarios/checkout.toml".into()),
            fingerprint: Fingerprint {
                cpu_model: "AMD EPYC 7B13".into(),
                cores: 2,
                architecture: "x86_64".into(),
                cpu_quota: "max".into(),
                kernel: "6.12.4".into(),
                governor: "performance".into(),
                memory_mib: 7937,
                boot_id: "c1d2".into(),
                tool_version: "0.1.0".into(),
            },
            instrument: None,
            revision: Some("5b1c0ffee".into()),
            reference: None,
            baseline: None,
            shard: None,
            start_at: None,
            parts: Vec::new(),
            origin: None,
        },
        state: RunState::Complete,
        rounds: Vec::new(),
        intervals: Vec::new(),
        samples: Vec::new(),
        comparison: None,
    };
    let arms: &[Arm] = if interleaved {
        &[Arm::Now, Arm::Before]
    } else {
        &[Arm::Now]
    };
    for pair in 0..rounds {
        for &arm in arms {
            let slow = interleaved && arm == Arm::Now;
            let load = Load {
                pay: if slow { 1.19 } else { load.pay },
                ..load
            };
            simulate(&mut run, load, pair, arm, &mut random);
        }
    }
    run
}

fn simulate(run: &mut Run, load: Load, pair: usize, arm: Arm, random: &mut Xoshiro256PlusPlus) {
    let index = run.rounds.len();
    let mut uniform = || (random.next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
    let mut cells: Vec<Cell> = Vec::new();
    let mut answered = 0;
    let level = 1.0 + 0.02 * (uniform() - 0.5);
    for second in 0..load.seconds + 10 {
        let mut interval = Interval {
            round: index,
            start: Nanos::from_secs(second),
            length: Nanos::SECOND,
            cells: Vec::new(),
            in_flight: 1,
            standstill: Nanos::ZERO,
        };
        for step in 0..STEPS.len() {
            let cell = Cell {
                phase: usize::from(second >= 10),
                step,
                ..requests(load, step, level, &mut uniform)
            };
            answered += cell.tally.answered;
            match cells
                .iter_mut()
                .find(|c| c.phase == cell.phase && c.step == cell.step)
            {
                Some(sum) => sum.merge(&cell),
                None => cells.push(cell.clone()),
            }
            interval.cells.push(cell);
        }
        run.intervals.push(interval);
        run.samples.push(Sample {
            round: index,
            at: Nanos::from_secs(second),
            target: Some(TargetSample {
                cpu: cpu(answered, load),
                rss: Bytes(40 << 20 | second << 14),
                fds: 64,
                threads: 9,
                processes: 1,
            }),
            host: HostSample::default(),
            own_cpu: Nanos::ZERO,
            generator: Some(GeneratorSample::default()),
            ..Sample::default()
        });
    }
    run.rounds.push(round(index, load, pair, arm, cells));
}

/// What so many answers cost the target.
fn cpu(answers: u64, load: Load) -> Nanos {
    Nanos::from_secs_f64(answers as f64 * 1.31e-3 * f64::midpoint(1.0, load.pay))
}

/// The requests of one step in one second.
fn requests(load: Load, step: usize, level: f64, uniform: &mut impl FnMut() -> f64) -> Cell {
    let mut cell = Cell::default();
    for i in 0..load.rate / 2 {
        let base = if step == 0 { 6.0 } else { 10.0 * load.pay };
        let tail = if uniform() < 0.03 {
            25.0 * uniform() * load.pay
        } else {
            0.0
        };
        let ms = level * (base + 2.0 * uniform() - 1.5 * uniform().ln() + tail);
        let late = Nanos::from_secs_f64(60e-6 * uniform());
        let whole = Nanos::from_secs_f64(ms / 1e3);
        cell.tally.due += 1;
        cell.tally.sent += 1;
        cell.tally.bytes_out.0 += 180;
        cell.lateness.record(late);
        cell.wait.record(Nanos(2_000));
        if load.timeouts > 0 && i.is_multiple_of(load.timeouts) {
            cell.tally.failures.add(ErrorClass::TimeoutTotal, 1);
            cell.latency.censored.record(Nanos::from_secs(3));
            continue;
        }
        cell.tally.answered += 1;
        cell.tally.bytes_in.0 += 640;
        cell.latency.ok.record(whole);
        cell.service.record(whole - late);
        let answer = whole - late - Nanos(2_000);
        cell.parts.merge(&Parts {
            lateness: late,
            wait: Nanos(2_000),
            first_byte: Nanos(answer.0 - answer.0 / 20),
            body: Nanos(answer.0 / 20),
            ..Parts::default()
        });
    }
    cell
}

fn round(index: usize, load: Load, pair: usize, arm: Arm, cells: Vec<Cell>) -> Round {
    let noisy = pair == 3;
    let steal = Contamination {
        by: Contaminant::Steal,
        value: 0.31,
        limit: 0.02,
    };
    Round {
        cells,
        usage: vec![PhaseUsage {
            phase: 1,
            wall: Nanos::from_secs(load.seconds),
            cpu: cpu(load.rate * load.seconds, load),
            rss_peak: Bytes(42 << 20),
            rss_end: Bytes(41 << 20),
            rss_slope: Some(16_384.0),
            fds_peak: 64,
            threads_peak: 9,
        }],
        trust: Trust {
            lateness_p99: Nanos(59_000),
            lateness_max: Nanos(61_000),
            late_share: 0.0,
            steal: if noisy { 0.31 } else { 0.004 },
            cpu_pressure: Some(0.06),
            idle_cpu_pressure: Some(0.01),
            own_cpu: 0.21,
            worker_cpu: 0.18,
            conserved: true,
            generator_errors: 0,
            ..Trust::default()
        },
        disturbed: if noisy && arm == Arm::Now {
            vec![
                Disturbance {
                    worst: steal,
                    first: Nanos::from_secs(3),
                    seconds: 7,
                },
                Disturbance {
                    worst: Contamination {
                        by: Contaminant::CpuPressure,
                        value: 0.35,
                        limit: 0.21,
                    },
                    first: Nanos::from_secs(4),
                    seconds: 1,
                },
            ]
        } else {
            Vec::new()
        },
        contamination: if noisy && arm == Arm::Now {
            vec![steal]
        } else {
            Vec::new()
        },
        ..Round::new(index, arm, pair, "2026-11-22T09:15:00Z".into())
    }
}
