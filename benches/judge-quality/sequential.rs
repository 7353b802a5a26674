//! Rounds until decided, by simulation: what four looks cost and what they save.

use plimsoll::judge::{LOOKS, Looks, undecided};
use plimsoll::model::{Metric, Outline, Round, Stat, Verdict};
use plimsoll::stats::pooled;

use crate::chance::Chance;
use crate::data::Fork;
use crate::ours::{self, plan};
use crate::table::{Must, Row, Section, share};

const P50: Metric = Metric::Latency(Stat::P50);
const TRIALS: usize = 10_000;
/// Scatter of rounds, on logarithms.
const SD: f64 = 0.02;
/// The naive rule looks after every round from the first of these to the second.
const NAIVE: (usize, usize) = (3, 20);

struct Outcome {
    verdict: Verdict,
    rounds: usize,
}

pub(crate) fn section() -> Section {
    // No change is allowed at all, so that the test alone decides.
    let plan = plan(&[(P50, None)]);
    let mut chance = Chance::new(2);
    let same: Vec<Outcome> = (0..TRIALS).map(|_| ours(&mut chance, &plan, 0.0)).collect();
    let slower: Vec<Outcome> = (0..TRIALS)
        .map(|_| ours(&mut chance, &plan, 1.5 * SD))
        .collect();
    let naive_same: Vec<Outcome> = (0..TRIALS).map(|_| naive(&mut chance, 0.0)).collect();
    let naive_slower: Vec<Outcome> = (0..TRIALS).map(|_| naive(&mut chance, 1.5 * SD)).collect();
    let either = |all: &[Outcome]| {
        let hits = all
            .iter()
            .filter(|o| matches!(o.verdict, Verdict::Regressed | Verdict::Improved))
            .count();
        share(hits, all.len())
    };
    let rounds =
        |all: &[Outcome]| all.iter().map(|o| o.rounds).sum::<usize>() as f64 / all.len() as f64;
    Section {
        title: format!(
            "### Rounds until decided\n\nSimulated, {TRIALS} checks each: lognormal rounds with a \
             scatter of 2 %, looks after 3, 5, 7 and 10 rounds a side."
        ),
        columns: vec!["ours", "t test after each of 3 … 20"],
        rows: vec![
            Row::share(
                "no change, called regressed or improved",
                Must::AtMost(0.056),
                vec![either(&same), either(&naive_same)],
            ),
            Row::number(
                "rounds a side, on average, for a change of 1.5 sd",
                1,
                Must::AtMost(7.5),
                vec![rounds(&slower), rounds(&naive_slower)],
            ),
            Row::share(
                "a change of 1.5 sd found",
                Must::Anything,
                vec![either(&slower), either(&naive_slower)],
            ),
        ],
    }
}

fn ours(chance: &mut Chance, plan: &Outline, shift: f64) -> Outcome {
    let most = LOOKS[LOOKS.len() - 1];
    let mut draw = |by: f64| -> Vec<Round> {
        (0..most)
            .map(|i| {
                let p50 = 0.005 * (by + SD * chance.normal()).exp();
                let fork = Fork {
                    mean: 1.1 * p50,
                    p50,
                    p90: 1.5 * p50,
                    p95: 1.8 * p50,
                    p99: 2.5 * p50,
                    max: 3.0 * p50,
                };
                ours::round(i, &fork, 1e9)
            })
            .collect()
    };
    let (before, now) = (draw(0.0), draw(shift));
    let (before, now): (Vec<&Round>, Vec<&Round>) = (before.iter().collect(), now.iter().collect());
    for n in LOOKS {
        let c = ours::ask(plan, &before[..n], &now[..n], Looks::at(&LOOKS));
        if n == most || undecided(&c).is_empty() {
            // The decision of the whole is the worst of all rows, which hides an improvement.
            let row = ours::row(&c, P50).and_then(|r| r.verdict);
            return Outcome {
                verdict: row.unwrap_or(Verdict::Invalid),
                rounds: n,
            };
        }
    }
    unreachable!("the last look decides")
}

fn naive(chance: &mut Chance, shift: f64) -> Outcome {
    let (least, most) = NAIVE;
    let mut draw = |by: f64| -> Vec<f64> { (0..most).map(|_| by + SD * chance.normal()).collect() };
    let (before, now) = (draw(0.0), draw(shift));
    for n in least..=most {
        let Some(c) = pooled(&before[..n], &now[..n], 0.0) else {
            continue;
        };
        for (p, verdict) in [
            (c.p_greater(0.0), Verdict::Regressed),
            (c.p_less(0.0), Verdict::Improved),
        ] {
            if p <= 0.025 {
                return Outcome { verdict, rounds: n };
            }
        }
    }
    Outcome {
        verdict: Verdict::Inconclusive,
        rounds: most,
    }
}
