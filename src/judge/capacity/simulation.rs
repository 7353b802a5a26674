//! Does the interval cover the truth as often as it says? Thousands of searches without any load.

use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{Rng, SeedableRng};

use super::search::{Range, Searcher};
use super::see::{KEEPS_UP, Seen};
use crate::model::{Knee, KneeInterval, Outcome};

/// Uniform in 0 … 1.
fn uniform(random: &mut Xoshiro256PlusPlus) -> f64 {
    (random.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
}

/// A normal deviate, as far as the sum of twelve uniform ones is one.
fn normal(random: &mut Xoshiro256PlusPlus) -> f64 {
    (0..12).map(|_| uniform(random)).sum::<f64>() - 6.0
}

/// How the rounds of many searches went.
#[derive(Debug, Default)]
struct Tried {
    found: u32,
    covered: u32,
    errors: Vec<f64>,
    widths: Vec<f64>,
    rounds: usize,
}

impl Tried {
    fn add(&mut self, knee: &Knee, truth: f64, rounds: usize) {
        self.rounds += rounds;
        if let Knee::Found(KneeInterval {
            rate, low, high, ..
        }) = *knee
        {
            self.found += 1;
            self.covered += u32::from(low <= truth && truth <= high);
            self.errors.push((rate / truth).ln().abs());
            self.widths.push((high / low).ln());
        }
    }

    fn coverage(&self) -> f64 {
        f64::from(self.covered) / f64::from(self.found)
    }

    fn quantile(values: &[f64], q: f64) -> f64 {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a share of a length is a place"
        )]
        let place = (q * (sorted.len() - 1) as f64) as usize;
        sorted[place]
    }
}

fn search(range: Range, truth: f64, tried: &mut Tried, mut round: impl FnMut(f64) -> Seen) {
    let mut searcher = Searcher::new(range);
    let mut rounds = 0;
    while let Some(rate) = searcher.next_rate() {
        let seen = round(rate);
        searcher.record(rate, rounds, seen);
        rounds += 1;
    }
    tried.add(&searcher.knee(), truth, rounds);
}

const RANGE: Range = Range {
    from: 100.0,
    to: 20_000.0,
    rounds: 3,
    precision: 0.05,
};

/// A round holds with a probability that falls with the rate; now and then it shows the opposite, and
/// one in seven is spoiled.
fn noisy(random: &mut Xoshiro256PlusPlus, rate: f64, truth: f64, spread: f64, tells: bool) -> Seen {
    let p = 1.0 / (1.0 + ((rate / truth).ln() / spread).exp());
    let mut held = uniform(random) < p;
    if uniform(random) < 0.01 {
        held = !held;
    }
    let outcome = match (held, uniform(random) < 0.15) {
        (_, true) => Outcome::Spoiled,
        (true, _) => Outcome::Held,
        (false, _) => Outcome::Failed,
    };
    Seen {
        outcome,
        throughput: Some(rate.min(truth) * (1.0 + 0.004 * normal(random))),
        answered: None,
        fell_behind: tells && rate > truth,
    }
}

#[test]
fn the_interval_covers_the_knee_and_the_estimate_is_close() {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(11);
    for (spread, tells, error) in [
        (0.001, true, 0.02),
        (0.001, false, 0.03),
        (0.02, true, 0.04),
        (0.02, false, 0.05),
        (0.05, false, 0.10),
    ] {
        let mut tried = Tried::default();
        for _ in 0..500 {
            let truth = 120.0 * (80.0_f64).powf(uniform(&mut random));
            search(RANGE, truth, &mut tried, |rate| {
                noisy(&mut random, rate, truth, spread, tells)
            });
        }
        let p95 = Tried::quantile(&tried.errors, 0.95);
        let width = Tried::quantile(&tried.widths, 0.5);
        let said = format!(
            "spread {spread}, tells {tells}: found {}, coverage {:.3}, error p95 {p95:.4}, width {width:.3}, rounds {:.1}",
            tried.found,
            tried.coverage(),
            tried.rounds as f64 / 500.0
        );
        println!("{said}");
        assert!(tried.found >= 490, "{said}");
        assert!(tried.coverage() >= 0.95, "{said}");
        assert!(p95 <= error, "{said}");
    }
}

/// A round of four seconds against workers that hold each request for a fixed time, in the order of
/// arrival; `stall` seconds in the middle nothing is served. As `see` looks at it.
fn queue(rate: f64, workers: usize, service: f64, limit: f64, stall: f64) -> (bool, bool, f64) {
    const LASTS: f64 = 4.0;
    let mut free = vec![0.0_f64; workers];
    let (mut due, mut over) = (0.0, 0.0);
    // Unanswered at one second and at the end.
    let mut open = [0.0; 2];
    let mut answered = 0.0;
    let mut k = 0.0;
    while k / rate < LASTS {
        let at = k / rate;
        let worker = (0..workers)
            .min_by(|&a, &b| free[a].total_cmp(&free[b]))
            .expect("a worker");
        let mut from = free[worker].max(at);
        if (2.0..2.0 + stall).contains(&from) {
            from = 2.0 + stall;
        }
        free[worker] = from + service;
        let end = from + service;
        over += f64::from(end - at > limit);
        due += 1.0;
        for (open, mark) in open.iter_mut().zip([1.0, LASTS]) {
            *open += f64::from(at <= mark && end > mark);
        }
        answered += f64::from(end > 1.0 && end <= LASTS);
        k += 1.0;
    }
    let behind = (open[1] - open[0]) / (rate * (LASTS - 1.0));
    let keeps_up = 1.0 - behind >= KEEPS_UP;
    (
        keeps_up && over <= 0.05 * due,
        !keeps_up,
        answered / (LASTS - 1.0),
    )
}

#[test]
fn the_ceiling_of_a_queue_is_found() {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(5);
    let mut tried = Tried::default();
    for _ in 0..150 {
        let workers = 2 + usize::from(random.next_u64() % 7 > 2) * 4;
        let service = 0.01 + 0.02 * uniform(&mut random);
        let truth = workers as f64 / service;
        let range = Range {
            from: 50.0,
            to: 4_000.0,
            ..RANGE
        };
        search(range, truth, &mut tried, |rate| {
            // One round in ten meets a stall, and one in two of these is recognised.
            let stalls = uniform(&mut random) < 0.1;
            let stall = if stalls {
                0.1 + 0.2 * uniform(&mut random)
            } else {
                0.0
            };
            let (held, fell_behind, throughput) =
                queue(rate, workers, service, 3.0 * service, stall);
            let outcome = if held {
                Outcome::Held
            } else if stalls && uniform(&mut random) < 0.5 {
                Outcome::Spoiled
            } else {
                Outcome::Failed
            };
            Seen {
                outcome,
                throughput: Some(throughput),
                answered: None,
                fell_behind,
            }
        });
    }
    let worst = Tried::quantile(&tried.errors, 1.0);
    let said = format!(
        "found {}, coverage {:.3}, worst error {worst:.4}, rounds {:.1}",
        tried.found,
        tried.coverage(),
        tried.rounds as f64 / 150.0
    );
    println!("{said}");
    assert!(
        tried.found >= 149 && tried.coverage() >= 0.95 && worst < 0.05,
        "{said}"
    );
}
