//! Time to judge ten rounds against ten in five gating metrics, with realistic histograms.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use plimsoll::judge::{Environment, Looks, Question, Rule, judge};
use plimsoll::model::{Arm, Cell, Design, Distribution, Outline, PhaseOutline, PhaseUsage, Round};
use plimsoll::units::{Bytes, Nanos};

const STEPS: [&str; 3] = ["browse", "cart", "pay"];
const REQUESTS: u64 = 4000;

/// Latencies spread over some 2,000 buckets, as a real step has.
fn latencies(scale: u64) -> Distribution {
    let mut all = Distribution::default();
    for i in 0..REQUESTS {
        let spread = (i * 7919) % REQUESTS;
        all.record(Nanos(scale * (1_000_000 + 1500 * spread) / 1000));
    }
    all
}

fn round(index: usize, scale: u64) -> Round {
    let cells = (0..STEPS.len())
        .map(|step| {
            let latency = latencies(scale);
            let mut cell = Cell {
                phase: 0,
                step,
                service: latency.clone(),
                ..Cell::default()
            };
            cell.latency.ok = latency;
            cell.tally.due = REQUESTS;
            cell.tally.sent = REQUESTS;
            cell.tally.answered = REQUESTS;
            cell
        })
        .collect();
    Round {
        cells,
        usage: vec![PhaseUsage {
            phase: 0,
            wall: Nanos::from_secs(60),
            cpu: Nanos(scale * 1_000_000),
            rss_peak: Bytes(64 << 20),
            rss_end: Bytes(64 << 20),
            rss_slope: Some(0.0),
            fds_peak: 20,
            threads_peak: 4,
        }],
        ..Round::new(index, Arm::Now, index, String::new())
    }
}

fn ten_against_ten(c: &mut Criterion) {
    let outline = Outline {
        name: "bench".to_owned(),
        steps: STEPS.iter().map(ToString::to_string).collect(),
        phases: vec![PhaseOutline {
            name: "steady".to_owned(),
            start: Nanos::ZERO,
            duration: Nanos::from_secs(60),
            warm_up: false,
            load: "200/s poisson".to_owned(),
            asked: Some(3 * REQUESTS),
        }],
        ..Outline::default()
    };
    let side = |shift: u64| -> Vec<Round> {
        (0..10)
            .map(|i| round(i, 1000 + shift + (i as u64 * 7) % 11))
            .collect()
    };
    let (before, now) = (side(0), side(100));
    let (before, now): (Vec<&Round>, Vec<&Round>) = (before.iter().collect(), now.iter().collect());
    let question = Question {
        outline: &outline,
        before_outline: &outline,
        design: Design::Unpaired,
        reference: Some("@bench".to_owned()),
        before: &before,
        now: &now,
        looks: Looks::Fixed,
        final_look: true,
        environment: Environment::default(),
        sessions: &[],
        rule: Rule::default(),
        suspected: &[],
    };
    c.bench_function("judge 10 against 10 rounds", |b| {
        b.iter(|| judge(black_box(&question)));
    });
}

criterion_group!(benches, ten_against_ten);
criterion_main!(benches);
