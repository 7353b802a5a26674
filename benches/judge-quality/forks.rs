//! Five forks against five of the same code: false alarms, power, and what confidence is worth.

use plimsoll::judge::Looks;
use plimsoll::model::{Change, Metric, Outline, Round, Stat, Verdict};

use crate::chance::Chance;
use crate::data::Fork;
use crate::ours::{self, METRICS, plan, usual_plan};
use crate::table::{Must, Row, Section, share};
use crate::usual;

const SIDE: usize = 5;
/// Random halves of each benchmark's forks.
const HALVES: usize = 40;
/// Injected changes, by the factor on one side; the first is none.
const FACTORS: [f64; 4] = [1.0, 1.02, 1.05, 1.10];
/// Truths for the confidence: half of them no change at all.
const TRUTHS: [f64; 8] = [1.0, 1.0, 1.0, 1.0, 1.02, 1.05, 1.10, 1.0 / 1.10];
const P50: Metric = Metric::Latency(Stat::P50);
/// Default allowance of the median.
const DELTA: f64 = 1.05;

/// A fork, ready for every judge.
struct Prepared {
    values: [f64; 5],
    sample: Vec<f64>,
    /// By [`FACTORS`], and one improvement.
    rounds: Vec<Round>,
}

impl Prepared {
    fn of(index: usize, fork: &Fork, scale: f64) -> Self {
        let factors = FACTORS.iter().chain([&(1.0 / 1.10)]);
        Self {
            values: fork.values(),
            sample: usual::sample(fork),
            rounds: factors
                .map(|f| ours::round(index, &fork.times(*f), scale))
                .collect(),
        }
    }

    fn by(&self, factor: f64) -> &Round {
        let place = FACTORS.iter().position(|f| f.total_cmp(&factor).is_eq());
        &self.rounds[place.unwrap_or(FACTORS.len())]
    }
}

/// One random half against the other.
struct Halves<'a> {
    before: Vec<&'a Prepared>,
    now: Vec<&'a Prepared>,
}

impl Halves<'_> {
    fn ask(&self, plan: &Outline, factor: f64) -> plimsoll::model::Comparison {
        let before: Vec<&Round> = self.before.iter().map(|p| p.by(1.0)).collect();
        let now: Vec<&Round> = self.now.iter().map(|p| p.by(factor)).collect();
        ours::ask(plan, &before, &now, Looks::Fixed)
    }

    fn values(&self, metric: usize, factor: f64) -> (Vec<f64>, Vec<f64>) {
        (
            self.before.iter().map(|p| p.values[metric]).collect(),
            self.now.iter().map(|p| factor * p.values[metric]).collect(),
        )
    }

    fn samples(&self, factor: f64) -> (Vec<&[f64]>, Vec<Vec<f64>>) {
        (
            self.before.iter().map(|p| &p.sample[..]).collect(),
            self.now
                .iter()
                .map(|p| p.sample.iter().map(|v| factor * v).collect())
                .collect(),
        )
    }
}

/// Counts of `regressed`.
#[derive(Default)]
struct Counts {
    trials: usize,
    /// By metric: the interval alone, and with the default allowance.
    raw: [usize; 5],
    allowed: [usize; 5],
    family_raw: usize,
    family: usize,
    /// By factor: the median alone.
    found: [usize; 4],
    usual: Usual,
}

#[derive(Default)]
struct Usual {
    fixed: [usize; 4],
    bencher: [usize; 4],
    ranks: [usize; 4],
    welch: [usize; 4],
    fixed_by_metric: [usize; 5],
    bencher_by_metric: [usize; 5],
    fixed_family: usize,
    bencher_family: usize,
}

/// A verdict with its stated probability, and whether it was right.
struct Stated {
    confidence: f64,
    right: bool,
}

/// What the confidence was worth.
#[derive(Default)]
struct Reliability {
    stated: Vec<Stated>,
    /// Trials with a change of exactly what is allowed, and those called unchanged.
    at_delta: usize,
    falsely_unchanged: usize,
}

/// All measures on forks; nothing when no benchmark has ten.
pub(crate) fn sections(benchmarks: &[Vec<Fork>]) -> Vec<Section> {
    let usable: Vec<&Vec<Fork>> = benchmarks.iter().filter(|f| f.len() >= 2 * SIDE).collect();
    if usable.is_empty() {
        return Vec::new();
    }
    let mut chance = Chance::new(1);
    let (mut counts, mut reliability) = (Counts::default(), Reliability::default());
    let plans = Plans::new();
    for forks in &usable {
        // So that the median is 5 ms.
        let scale = 5e6 / forks[0].p50;
        let prepared: Vec<Prepared> = forks
            .iter()
            .enumerate()
            .map(|(i, f)| Prepared::of(i, f, scale))
            .collect();
        let mut order: Vec<&Prepared> = prepared.iter().collect();
        for _ in 0..HALVES {
            chance.shuffle(&mut order);
            let halves = Halves {
                before: order[..SIDE].to_vec(),
                now: order[SIDE..2 * SIDE].to_vec(),
            };
            counts.add(&plans, &halves);
            reliability.add(&plans, &halves);
        }
    }
    let data = format!(
        "{} benchmarks × {HALVES} random halves of forks of identical code, 5 rounds against 5",
        usable.len()
    );
    vec![
        counts.false_alarms(&data),
        counts.power(&data),
        reliability.section(&data),
    ]
}

struct Plans {
    /// One metric each.
    raw: Vec<Outline>,
    allowed: Vec<Outline>,
    family_raw: Outline,
    family: Outline,
}

impl Plans {
    fn new() -> Self {
        Self {
            raw: METRICS.iter().map(|m| plan(&[(*m, None)])).collect(),
            allowed: METRICS.iter().map(|m| usual_plan(&[*m])).collect(),
            family_raw: plan(&METRICS.map(|m| (m, None::<Change>))),
            family: usual_plan(&METRICS),
        }
    }
}

impl Counts {
    fn add(&mut self, plans: &Plans, halves: &Halves) {
        self.trials += 1;
        let mut any = (false, false);
        for metric in 0..METRICS.len() {
            let hit = |plans: &[Outline]| ours::regressed(&halves.ask(&plans[metric], 1.0));
            self.raw[metric] += usize::from(hit(&plans.raw));
            self.allowed[metric] += usize::from(hit(&plans.allowed));
            let (before, now) = halves.values(metric, 1.0);
            let (fixed, bencher) = (usual::fixed(&before, &now), usual::bencher(&before, now[0]));
            self.usual.fixed_by_metric[metric] += usize::from(fixed);
            self.usual.bencher_by_metric[metric] += usize::from(bencher);
            any = (any.0 || fixed, any.1 || bencher);
        }
        self.usual.fixed_family += usize::from(any.0);
        self.usual.bencher_family += usize::from(any.1);
        self.family_raw += usize::from(ours::regressed(&halves.ask(&plans.family_raw, 1.0)));
        self.family += usize::from(ours::regressed(&halves.ask(&plans.family, 1.0)));
        for (i, factor) in FACTORS.into_iter().enumerate() {
            self.found[i] += usize::from(ours::regressed(&halves.ask(&plans.raw[1], factor)));
            let (before, now) = halves.values(1, factor);
            self.usual.fixed[i] += usize::from(usual::fixed(&before, &now));
            self.usual.bencher[i] += usize::from(usual::bencher(&before, now[0]));
            let (before, now) = halves.samples(factor);
            let now: Vec<&[f64]> = now.iter().map(Vec::as_slice).collect();
            self.usual.ranks[i] += usize::from(usual::mann_whitney(&before, &now));
            self.usual.welch[i] += usize::from(usual::welch_within(&before, &now));
        }
    }

    fn share(&self, hits: usize) -> f64 {
        share(hits, self.trials)
    }

    fn false_alarms(&self, data: &str) -> Section {
        let names = ["mean", "p50", "p90", "p95", "p99"];
        let within = |i: usize, hits: &[usize; 4]| match i {
            // The samples have one level for all metrics; it stands beside the median.
            1 => self.share(hits[0]),
            _ => f64::NAN,
        };
        let mut rows: Vec<Row> = (0..METRICS.len())
            .map(|i| {
                Row::share(
                    format!("{} called regressed, by the interval alone", names[i]),
                    Must::AtMost(0.025),
                    vec![
                        self.share(self.raw[i]),
                        self.share(self.usual.fixed_by_metric[i]),
                        within(i, &self.usual.ranks),
                        within(i, &self.usual.welch),
                        self.share(self.usual.bencher_by_metric[i]),
                    ],
                )
            })
            .collect();
        rows.extend((0..METRICS.len()).map(|i| {
            Row::share(
                format!("{} called regressed, with its default δ", names[i]),
                Must::AtMost(0.015),
                vec![self.share(self.allowed[i])],
            )
        }));
        rows.push(Row::share(
            "any of these five, gating together with default δ",
            Must::AtMost(0.03),
            vec![
                self.share(self.family),
                self.share(self.usual.fixed_family),
                f64::NAN,
                f64::NAN,
                self.share(self.usual.bencher_family),
            ],
        ));
        rows.push(Row::share(
            "any of these five, by their intervals alone",
            Must::AtMost(0.03),
            vec![self.share(self.family_raw)],
        ));
        Section {
            title: format!("### False alarms\n\n{data}."),
            columns: vec![
                "ours",
                "fixed ±10 %",
                "Mann–Whitney within",
                "Welch within",
                "Bencher-like",
            ],
            rows,
        }
    }

    fn power(&self, data: &str) -> Section {
        let rows = [0.47, 0.72, 0.86]
            .into_iter()
            .enumerate()
            .map(|(i, least)| {
                let i = i + 1;
                Row::share(
                    format!("p50 × {} found", FACTORS[i]),
                    Must::AtLeast(least),
                    vec![
                        self.share(self.found[i]),
                        self.share(self.usual.fixed[i]),
                        self.share(self.usual.ranks[i]),
                        self.share(self.usual.welch[i]),
                        self.share(self.usual.bencher[i]),
                    ],
                )
            })
            .collect();
        Section {
            title: format!("### Power\n\n{data}, one side slowed; by the interval alone."),
            columns: vec![
                "ours",
                "fixed ±10 %",
                "Mann–Whitney within",
                "Welch within",
                "Bencher-like",
            ],
            rows,
        }
    }
}

impl Reliability {
    fn add(&mut self, plans: &Plans, halves: &Halves) {
        for factor in TRUTHS {
            let c = halves.ask(&plans.allowed[1], factor);
            let Some(row) = ours::row(&c, P50) else {
                continue;
            };
            let is_at_delta = factor.total_cmp(&DELTA).is_eq();
            if is_at_delta {
                self.at_delta += 1;
                self.falsely_unchanged += usize::from(row.verdict == Some(Verdict::Unchanged));
            }
            let right = match row.verdict {
                Some(Verdict::Regressed) => factor > 1.0,
                Some(Verdict::Improved) => factor < 1.0,
                Some(Verdict::Unchanged) => factor < DELTA && factor > 1.0 / DELTA,
                _ => continue,
            };
            if let Some(confidence) = row.confidence {
                self.stated.push(Stated { confidence, right });
            }
        }
    }

    fn section(&self, data: &str) -> Section {
        let right = |of: &[&Stated]| share(of.iter().filter(|s| s.right).count(), of.len());
        let between = |low: f64, high: f64| -> Vec<&Stated> {
            self.stated
                .iter()
                .filter(|s| s.confidence >= low && s.confidence < high)
                .collect()
        };
        let brier = self
            .stated
            .iter()
            .map(|s| (s.confidence - f64::from(u8::from(s.right))).powi(2))
            .sum::<f64>()
            / self.stated.len() as f64;
        let sure = between(0.95, f64::INFINITY);
        let mut rows = vec![
            Row::share(
                format!("right, of {} verdicts stated at .95 or more", sure.len()),
                Must::AtLeast(0.95),
                vec![right(&sure)],
            ),
            Row::number("Brier score", 4, Must::AtMost(0.035), vec![brier]),
            Row::share(
                "called unchanged when the truth is δ",
                Must::AtMost(0.05),
                vec![share(self.falsely_unchanged, self.at_delta)],
            ),
        ];
        for (low, high, name) in [
            (0.0, 0.95, "below .95"),
            (0.95, 0.975, ".95 to .975"),
            (0.975, 0.99, ".975 to .99"),
            (0.99, 0.999, ".99 to .999"),
            (0.999, f64::INFINITY, ".999 and more"),
        ] {
            let stated = between(low, high);
            rows.push(Row::share(
                format!("right, of {} stated at {name}", stated.len()),
                Must::Anything,
                vec![right(&stated)],
            ));
        }
        Section {
            title: format!(
                "### What a stated confidence is worth\n\n{data}; p50 with its default δ of 5 %; of 8 \
                 truths 4 are no change, the others × 1.02, × 1.05, × 1.10 and ÷ 1.10."
            ),
            columns: vec!["ours"],
            rows,
        }
    }
}
