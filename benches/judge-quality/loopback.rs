//! Load-test rounds on a contended machine: what CPU per request sees there, and what latency does.

use plimsoll::judge::{Looks, contamination};
use plimsoll::model::{Metric, Outline, Round, Stat, Verdict};
use plimsoll::stats::one_sample;

use crate::chance::Chance;
use crate::data::{Fork, LoadRound};
use crate::ours::{self, plan, usual_plan};
use crate::table::{Must, Row, Section, share};

const SIDE: usize = 5;
const TRIALS: usize = 1000;
const JUDGED: [Metric; 3] = [
    Metric::CpuPerRequest,
    Metric::Latency(Stat::P50),
    Metric::Latency(Stat::P95),
];

/// Rounds of one condition, with and without the limits of hygiene applied.
struct Condition {
    /// As if nothing had disturbed them.
    taken_as_clean: Vec<Round>,
    as_judged: Vec<Round>,
}

impl Condition {
    fn of(rounds: &[LoadRound], name: &str) -> Self {
        let of = rounds.iter().filter(|r| r.condition == name);
        let taken_as_clean: Vec<Round> = of.enumerate().map(|(i, r)| round(i, r)).collect();
        let as_judged = taken_as_clean
            .iter()
            .cloned()
            .map(|mut r| {
                r.contamination = contamination(&r.trust);
                r
            })
            .collect();
        Self {
            taken_as_clean,
            as_judged,
        }
    }
}

fn round(index: usize, r: &LoadRound) -> Round {
    let us = r.arms[0].latency;
    let fork = Fork {
        mean: us.mean * 1e-6,
        p50: us.p50 * 1e-6,
        p90: us.p90 * 1e-6,
        p95: us.p95 * 1e-6,
        p99: us.p99 * 1e-6,
        max: us.max * 1e-6,
    };
    let mut round = ours::with_cpu(ours::round(index, &fork, 1e9), r.arms[0].cpu_us);
    round.trust.cpu_pressure = Some(r.pressure);
    round.trust.steal = r.steal;
    round
}

/// Nothing without ten rounds of the condition A.
pub(crate) fn section(rounds: &[LoadRound]) -> Option<Section> {
    let same = Condition::of(rounds, "A");
    if same.taken_as_clean.len() < 2 * SIDE {
        return None;
    }
    let raw = JUDGED.map(|m| plan(&[(m, None)]));
    let allowed = JUDGED.map(|m| usual_plan(&[m]));
    let mut chance = Chance::new(4);
    let scatter = [
        spread(rounds, |r| r.arms[0].cpu_us),
        spread(rounds, |r| r.arms[0].latency.p50),
        spread(rounds, |r| r.arms[0].latency.p95),
    ];
    let mut rows = vec![Row::share(
        "scatter from round to round, same program",
        Must::Anything,
        scatter.to_vec(),
    )];
    for (name, label) in [
        ("A", "same program called regressed, by the interval alone"),
        ("B05", "+5 % work found, by the interval alone"),
        ("B10", "+10 % work found, by the interval alone"),
        ("B20", "+20 % work found, by the interval alone"),
    ] {
        let now = Condition::of(rounds, name);
        if now.taken_as_clean.len() >= SIDE {
            let sides = (&same.taken_as_clean[..], &now.taken_as_clean[..]);
            let of = |plan| verdicts(&mut chance, plan, sides, name == "A", Verdict::Regressed);
            rows.push(Row::share(
                label,
                Must::Anything,
                raw.each_ref().map(of).to_vec(),
            ));
        }
    }
    for (name, verdict, label) in [
        (
            "A",
            Verdict::Regressed,
            "same program called regressed, by the whole judge",
        ),
        (
            "A",
            Verdict::Inconclusive,
            "same program, inconclusive, by the whole judge",
        ),
        (
            "B10",
            Verdict::Regressed,
            "+10 % work called regressed, by the whole judge",
        ),
        (
            "B20",
            Verdict::Regressed,
            "+20 % work called regressed, by the whole judge",
        ),
    ] {
        let now = Condition::of(rounds, name);
        if now.as_judged.len() >= SIDE {
            let sides = (&same.as_judged[..], &now.as_judged[..]);
            let of = |plan| verdicts(&mut chance, plan, sides, name == "A", verdict);
            rows.push(Row::share(
                label,
                Must::Anything,
                allowed.each_ref().map(of).to_vec(),
            ));
        }
    }
    Some(Section {
        title: format!(
            "### On a contended machine\n\n{} load-test rounds; {TRIALS} random choices of 5 rounds against 5. \
             Whole judge: default δ, and timing rows are silent where pressure or steal spoilt the rounds.",
            rounds.len()
        ),
        columns: vec!["CPU per request", "p50", "p95"],
        rows,
    })
}

/// Share of trials in which the first gating row reads `verdict`.
fn verdicts(
    chance: &mut Chance,
    plan: &Outline,
    (before, now): (&[Round], &[Round]),
    is_same: bool,
    verdict: Verdict,
) -> f64 {
    let metric = plan.thresholds[0].metric;
    let mut before: Vec<&Round> = before.iter().collect();
    let mut now: Vec<&Round> = now.iter().collect();
    let hits = (0..TRIALS)
        .filter(|_| {
            chance.shuffle(&mut before);
            chance.shuffle(&mut now);
            // Of the same condition the two sides must not share a round.
            let other = if is_same {
                &before[SIDE..2 * SIDE]
            } else {
                &now[..SIDE]
            };
            let c = ours::ask(plan, &before[..SIDE], other, Looks::Fixed);
            ours::row(&c, metric).is_some_and(|r| r.verdict == Some(verdict))
        })
        .count();
    share(hits, TRIALS)
}

/// Standard deviation of the logarithms over the rounds of the same program.
fn spread(rounds: &[LoadRound], value: impl Fn(&LoadRound) -> f64) -> f64 {
    let logs: Vec<f64> = rounds
        .iter()
        .filter(|r| r.condition == "A")
        .map(|r| value(r).ln())
        .collect();
    one_sample(&logs, 0.0).map_or(f64::NAN, |c| c.se * (logs.len() as f64).sqrt())
}
