//! Runs for tests: by chance, at the ends of every range, and with names of somebody's choice.

use std::path::Path;

use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{Rng, SeedableRng};

use plimsoll::model::{
    AlertEvent, AlertState, Arm, CEILING, Capacity, Cell, Censored, Change, Comparison,
    Contaminant, Contamination, Decision, Design, Distribution, ErrorClass, Estimate, Finding,
    GuardChange, GuardState, Interval, Judge, Knee, KneeInterval, Latencies, Level, LevelRound,
    LevelVerdict, Metric, MetricResult, Moved, Outcome, PhaseOutline, PhaseUsage, Profile,
    Profiler, Profiles, Round, Run, RunState, Sample, ScalabilityLaw, Scope, Side, Stacks,
    TargetSample, Trust, Unevaluated, Verdict, bucket_low,
};
use plimsoll::store::runs;
use plimsoll::units::{Bytes, Nanos};
use plimsoll::untrusted::Untrusted;

/// The golden run of the first schema.
pub(crate) fn golden() -> Run {
    let folder = "tests/data/store/v1/reports/checkout/20261122T090000Z-9f3c1a2b";
    runs::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)).expect("the golden run")
}

/// A judged metric.
fn result(metric: Metric, step: Option<String>) -> MetricResult {
    let side = |value: f64| Side {
        value: Estimate::Exact(value),
        rounds: vec![Estimate::Exact(value); 2],
        spoiled: 0,
    };
    MetricResult {
        metric,
        scope: Scope {
            step,
            ..Scope::default()
        },
        gating: true,
        before: Some(side(8e6)),
        now: side(9e6),
        change: Some(0.125),
        interval: Some((0.1, 0.15)),
        level: 0.95,
        allowed: Some(Change::Relative(0.05)),
        max: None,
        verdict: Some(Verdict::Regressed),
        limit: None,
        confidence: Some(0.99),
        p_worse: Some(0.01),
        note: None,
        rounds_needed: None,
        detectable: Some(0.06),
        ranks: None,
        over: None,
        line: Some(3),
        suspicious: false,
        detection: None,
    }
}

/// A run in which everything that a scenario, a target or a file of others can name is so named.
pub(crate) fn named(name: &str) -> Run {
    let mut run = golden();
    let outline = &mut run.manifest.outline;
    name.clone_into(&mut outline.name);
    name.clone_into(&mut outline.description);
    name.clone_into(&mut outline.target.url);
    outline.target.command = Some(vec![name.to_owned()]);
    for (i, step) in outline.steps.iter_mut().enumerate() {
        *step = format!("{name} {i}");
    }
    let steps = outline.steps.clone();
    let more = PhaseOutline {
        name: format!("{name} again"),
        start: Nanos::from_secs(2),
        ..outline.phases[0].clone()
    };
    name.clone_into(&mut outline.phases[0].name);
    name.clone_into(&mut outline.phases[0].load);
    outline.phases.push(more);
    let manifest = &mut run.manifest;
    name.clone_into(&mut manifest.id);
    name.clone_into(&mut manifest.started_at);
    name.clone_into(&mut manifest.version);
    name.clone_into(&mut manifest.scenario);
    manifest.scenario_file = Some(name.to_owned());
    manifest.revision = Some(name.to_owned());
    manifest.reference = Some(name.to_owned());
    name.clone_into(&mut manifest.plan_hash);
    name.clone_into(&mut manifest.fingerprint.cpu_model);
    for round in &mut run.rounds {
        name.clone_into(&mut round.started_at);
        round.alerts = vec![AlertEvent {
            at: Nanos::SECOND,
            alert: name.to_owned(),
            state: AlertState::Firing,
            labels: [("pool".to_owned(), name.to_owned())].into(),
            value: Some(1.0),
            annotations: [("summary".to_owned(), Untrusted::from(name))].into(),
        }];
    }
    let mut noted = result(
        Metric::all().next().expect("a metric"),
        Some(steps[0].clone()),
    );
    noted.note = Some(name.to_owned());
    run.comparison = Some(Comparison {
        design: Design::Paired,
        reference: Some(name.to_owned()),
        before_rounds: 1,
        now_rounds: 1,
        results: vec![noted],
        moved: vec![Moved {
            step: steps[1].clone(),
            journey: false,
            metric: Metric::CpuPerRequest,
            change: 0.19,
            interval: (0.14, 0.24),
            stands_out: true,
        }],
        findings: vec![Finding {
            code: Some(name.to_owned()),
            text: name.to_owned(),
            hint: Some(name.to_owned()),
        }],
        decision: Decision {
            verdict: Verdict::Regressed,
            headline: name.to_owned(),
        },
        capacity: None,
        judge: Judge::default(),
        unevaluated: vec![Unevaluated {
            rule: name.to_owned(),
            reason: name.to_owned(),
            line: Some(1),
        }],
        foresight: None,
    });
    run
}

/// Profiles whose functions are so named.
pub(crate) fn profiled(name: &str) -> Profiles {
    let mut stacks = Stacks::default();
    assert!(stacks.add(["thread".to_owned(), name.to_owned()], 10));
    let profile = |arm| Profile {
        arm,
        profiler: Profiler::Sampling,
        instead_of_perf: Some(name.to_owned()),
        per_second: 47.5,
        lasted: Nanos::from_secs(3),
        left_out: 0,
        stacks: stacks.clone(),
    };
    Profiles {
        taken: vec![profile(Arm::Now), profile(Arm::Before)],
        missing: Vec::new(),
    }
}

/// Chance, from a seed.
pub(crate) struct Dice(Xoshiro256PlusPlus);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Xoshiro256PlusPlus::seed_from_u64(seed))
    }

    fn below(&mut self, most: u64) -> u64 {
        self.0.next_u64() % most.max(1)
    }

    fn few(&mut self, most: u64) -> usize {
        usize::try_from(self.below(most + 1)).expect("few")
    }

    fn one<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.few(of.len() as u64 - 1)].clone()
    }

    fn coin(&mut self) -> bool {
        self.below(2) == 0
    }

    /// Of any size, often at the end of what a number can be.
    fn float(&mut self) -> f64 {
        let ends = [
            0.0,
            -0.0,
            5e-324,
            -5e-324,
            f64::MIN_POSITIVE,
            1e-300,
            -1.0,
            1.0,
            0.999_999_999_9,
            1e15,
            -1e15,
            9.007_199_254_740_993e15,
            1e300,
            -1e300,
            f64::MAX,
            f64::MIN,
            f64::EPSILON,
        ];
        if self.coin() {
            self.one(&ends)
        } else {
            self.below(2_000_000) as f64 / 1e6 - 1.0
        }
    }

    fn maybe(&mut self) -> Option<f64> {
        self.coin().then(|| self.float())
    }

    fn nanos(&mut self) -> Nanos {
        let most = self.one(&[1, 1000, 1 << 30, 1 << 42, 1 << 50]);
        Nanos(self.below(most))
    }

    fn text(&mut self) -> String {
        let texts = [
            "",
            "a",
            "größe",
            "支払い",
            "x y",
            "a-b_c.d",
            "🦀",
            "<&>\"'",
            "%s {{x}} $HOME",
            "\u{1b}[1m",
        ];
        let text = self.one(&texts);
        text.repeat(if self.below(40) == 0 { 300 } else { 1 })
    }

    fn estimate(&mut self) -> Estimate {
        match self.below(6) {
            0 => Estimate::Missing,
            1 => Estimate::Undetermined,
            2 => Estimate::TooFew {
                have: 1,
                need: 1 << 40,
            },
            3 => Estimate::AtLeast(self.float()),
            _ => Estimate::Exact(self.float()),
        }
    }

    /// Of up to so many values in a bucket.
    fn distribution(&mut self, most: u64) -> Distribution {
        let buckets = self.few(8);
        let mut lows: Vec<u64> = (0..buckets)
            .map(|_| bucket_low(self.nanos().0.min(CEILING.0)))
            .collect();
        lows.sort_unstable();
        lows.dedup();
        let filled: Vec<(u64, u64)> = lows
            .iter()
            .map(|low| (*low, 1 + self.below(most)))
            .collect();
        let sum = filled.iter().fold(0_u64, |sum, (low, n)| {
            sum.saturating_add(low.saturating_mul(*n))
        });
        let (min, max) = (lows.first().copied(), lows.last().copied());
        Distribution::from_buckets(filled, sum, min.unwrap_or(0), max.unwrap_or(0)).expect("sound")
    }

    fn cell(&mut self, (phases, steps): (usize, usize), most: u64) -> Cell {
        let ok = self.distribution(most);
        let censored = if self.coin() {
            self.distribution(most)
        } else {
            Distribution::default()
        };
        let failed = if self.coin() { self.below(most) } else { 0 };
        let mut cell = Cell {
            phase: self.few(phases as u64 - 1),
            step: self.few(steps as u64 - 1),
            service: self.distribution(most),
            lateness: self.distribution(most),
            wait: self.distribution(most),
            ..Cell::default()
        };
        let tally = &mut cell.tally;
        tally.answered = ok.count();
        tally.failures.add(ErrorClass::Refused, failed);
        tally
            .failures
            .add(ErrorClass::TimeoutTotal, censored.count());
        tally.sent = tally.answered + tally.failures.total();
        tally.due = tally.sent;
        tally.bytes_in = Bytes(self.below(1 << 50));
        cell.latency = Latencies {
            ok,
            censored,
            failed,
        };
        cell
    }

    fn round(&mut self, index: usize, shape: Shape) -> Round {
        let arm = if self.coin() { Arm::Now } else { Arm::Before };
        let mut round = Round::new(index, arm, index / 2, self.text());
        let cells = shape.cells.unwrap_or_else(|| self.few(6));
        let places = (shape.phases, shape.steps);
        round.cells = (0..cells).map(|_| self.cell(places, shape.most)).collect();
        if shape.steps > 100 {
            for (i, cell) in round.cells.iter_mut().enumerate() {
                cell.step = i % shape.steps;
            }
        }
        round.usage = (0..self.few(2))
            .map(|_| PhaseUsage {
                phase: self.few(shape.phases as u64 - 1),
                wall: self.nanos(),
                cpu: self.nanos(),
                rss_peak: Bytes(self.below(1 << 50)),
                rss_end: Bytes(self.below(1 << 50)),
                rss_slope: self.maybe(),
                fds_peak: self.below(u64::MAX),
                threads_peak: self.below(1000),
            })
            .collect();
        round.trust = Trust {
            lateness_p99: self.nanos(),
            lateness_max: self.nanos(),
            late_share: self.float(),
            steal: self.float(),
            cpu_pressure: self.maybe(),
            idle_cpu_pressure: self.maybe(),
            own_cpu: self.float(),
            worker_cpu: self.float(),
            conserved: self.coin(),
            generator_errors: self.below(u64::MAX),
            exhausted: self.float(),
            starved: self.float(),
            standstill: self.nanos(),
            throttled: self.float(),
            clock_step: self.nanos(),
            page_faults: self.float(),
            record_delay: self.nanos(),
        };
        if self.below(3) == 0 {
            let by = self.one(&[
                Contaminant::Steal,
                Contaminant::Lateness,
                Contaminant::OwnCpu,
            ]);
            round.contamination = vec![Contamination {
                by,
                value: self.float(),
                limit: self.float(),
            }];
        }
        if self.below(4) == 0 {
            round.guard = vec![GuardChange {
                at: self.nanos(),
                state: self.one(&[
                    GuardState::Open,
                    GuardState::Probing(0),
                    GuardState::Slowed(9),
                ]),
                failed: self.below(1 << 50),
                settled: self.below(1 << 50),
                within: self.nanos(),
            }];
        }
        round.level = if shape.search {
            Some(self.float())
        } else {
            None
        };
        round.complete = self.below(5) > 0;
        round
    }

    fn side(&mut self) -> Side {
        Side {
            value: self.estimate(),
            rounds: (0..self.few(3)).map(|_| self.estimate()).collect(),
            spoiled: self.few(3),
        }
    }

    fn result(&mut self, step: &str) -> MetricResult {
        let metrics: Vec<Metric> = Metric::all().collect();
        let metric = self.one(&metrics);
        let step = self.coin().then(|| step.to_owned());
        MetricResult {
            gating: self.coin(),
            before: self.coin().then(|| self.side()),
            now: self.side(),
            change: self.maybe(),
            interval: self.coin().then(|| (self.float(), self.float())),
            level: self.float(),
            allowed: self.maybe().map(if self.coin() {
                Change::Relative
            } else {
                Change::Points
            }),
            max: self.maybe(),
            verdict: self.coin().then(|| self.one(&Verdict::ALL)),
            limit: self.coin().then(|| self.one(&Verdict::ALL)),
            confidence: self.maybe(),
            p_worse: self.maybe(),
            note: self.coin().then(|| self.text()),
            rounds_needed: self.coin().then_some(usize::MAX),
            detectable: self.maybe(),
            over: self.coin().then(|| self.nanos()),
            suspicious: self.coin(),
            ..result(metric, step)
        }
    }

    fn capacity(&mut self) -> Capacity {
        let knee = match self.below(4) {
            0 => Knee::Unknown,
            1 => Knee::Below { rate: self.float() },
            2 => Knee::AtLeast {
                rate: self.float(),
                because: Censored::Generator,
            },
            _ => Knee::Found(KneeInterval {
                rate: self.float(),
                low: self.float(),
                high: self.float(),
                probability: self.float(),
            }),
        };
        let levels = (0..self.few(4)).map(|round| Level {
            rate: self.float(),
            verdict: self.one(&[
                LevelVerdict::Holds,
                LevelVerdict::Fails,
                LevelVerdict::Unjudged,
            ]),
            rounds: vec![LevelRound {
                round,
                outcome: Outcome::Held,
            }],
            value: self.estimate(),
            answered: self.maybe(),
            throughput: self.float(),
            concurrency: self.maybe(),
        });
        let levels = levels.collect();
        Capacity {
            metric: Metric::CpuPerRequest,
            under: self.float(),
            precision: self.float(),
            levels,
            knee,
            noisy: self.coin(),
            law: self.coin().then(|| ScalabilityLaw {
                lambda: self.float(),
                sigma: self.float(),
                kappa: self.float(),
                peak: self.coin().then(|| (self.float(), self.float())),
                r_squared: self.float(),
            }),
        }
    }

    fn comparison(&mut self, run: &Run, search: bool) -> Comparison {
        let step = run
            .manifest
            .outline
            .steps
            .first()
            .cloned()
            .unwrap_or_default();
        Comparison {
            design: self.one(&[
                Design::Absolute,
                Design::Paired,
                Design::Unpaired,
                Design::Duet,
            ]),
            reference: self.coin().then(|| self.text()),
            before_rounds: self.few(3),
            now_rounds: self.few(3),
            results: (0..self.few(6)).map(|_| self.result(&step)).collect(),
            moved: (0..self.few(2))
                .map(|_| Moved {
                    step: step.clone(),
                    journey: self.coin(),
                    metric: Metric::CpuPerRequest,
                    change: self.float(),
                    interval: (self.float(), self.float()),
                    stands_out: self.coin(),
                })
                .collect(),
            findings: Vec::new(),
            decision: Decision {
                verdict: self.one(&Verdict::ALL),
                headline: self.text(),
            },
            capacity: search.then(|| Box::new(self.capacity())),
            judge: Judge::default(),
            unevaluated: Vec::new(),
            foresight: None,
        }
    }

    /// The run of a seed: the first are the ends of what can be, others lie between.
    pub(crate) fn run(&mut self, seed: u64) -> Run {
        let shape = Shape::of(seed, self);
        let mut run = golden();
        let outline = &mut run.manifest.outline;
        outline.steps = (0..shape.steps)
            .map(|i| format!("{}{i}", self.text()))
            .collect();
        outline.phases = (0..shape.phases as u64)
            .map(|i| PhaseOutline {
                name: format!("{}{i}", self.text()),
                start: Nanos::from_secs(i),
                duration: if self.below(9) == 0 {
                    Nanos::ZERO
                } else {
                    Nanos::SECOND
                },
                warm_up: self.below(4) == 0,
                load: self.text(),
                asked: None,
            })
            .collect();
        run.state = self.one(&[
            RunState::Complete,
            RunState::Complete,
            RunState::Interrupted,
            RunState::Partial,
        ]);
        run.rounds = (0..shape.rounds).map(|i| self.round(i, shape)).collect();
        run.intervals = Vec::new();
        run.samples = Vec::new();
        for (round, second) in
            (0..shape.rounds).flat_map(|r| (0..shape.seconds).map(move |s| (r, s)))
        {
            let cells = if shape.steps > 100 { 0 } else { self.few(2) };
            run.intervals.push(Interval {
                round,
                start: Nanos::from_secs(second),
                length: if self.below(9) == 0 {
                    Nanos::ZERO
                } else {
                    Nanos::SECOND
                },
                standstill: self.nanos(),
                cells: (0..cells)
                    .map(|_| self.cell((shape.phases, shape.steps), shape.most))
                    .collect(),
                in_flight: self.below(1 << 50),
            });
            run.samples.push(Sample {
                round,
                at: Nanos::from_secs(second),
                target: self.coin().then(|| TargetSample {
                    cpu: self.nanos(),
                    rss: Bytes(self.below(1 << 50)),
                    fds: self.below(1 << 50),
                    threads: self.below(1000),
                    processes: self.below(10),
                }),
                own_cpu: self.nanos(),
                ..Sample::default()
            });
        }
        run.comparison = None;
        if self.below(5) > 0 {
            run.comparison = Some(self.comparison(&run, shape.search));
        }
        run
    }
}

/// How large a run is.
#[derive(Debug, Clone, Copy)]
struct Shape {
    phases: usize,
    steps: usize,
    rounds: usize,
    seconds: u64,
    /// Of a round; None: any number.
    cells: Option<usize>,
    /// Values in a bucket.
    most: u64,
    search: bool,
}

impl Shape {
    fn of(seed: u64, dice: &mut Dice) -> Self {
        let one = Self {
            phases: 1,
            steps: 1,
            rounds: 1,
            seconds: 1,
            cells: Some(1),
            most: 1,
            search: false,
        };
        match seed % 150 {
            0 => Self {
                rounds: 0,
                seconds: 0,
                ..one
            },
            1 => one,
            2 => Self {
                most: 1_000_000_000,
                rounds: 3,
                cells: Some(40),
                ..one
            },
            3 => Self {
                steps: 2_000,
                cells: Some(2_000),
                rounds: 2,
                ..one
            },
            4 => Self {
                seconds: 3_600,
                ..one
            },
            _ => Self {
                phases: 1 + dice.few(3),
                steps: 1 + dice.few(5),
                rounds: dice.few(6),
                seconds: dice.below(8),
                cells: None,
                most: dice.one(&[1, 100, 1_000_000, 1_000_000_000]),
                search: dice.below(4) == 0,
            },
        }
    }
}
