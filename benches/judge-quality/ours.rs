//! Our judge, asked through its public door: rounds in, verdicts out.

use std::collections::BTreeMap;

use plimsoll::judge::{Environment, Looks, Question, Rule, judge};
use plimsoll::model::{
    Arm, Cell, Change, Comparison, Design, Distribution, Metric, MetricResult, Outline,
    PhaseOutline, PhaseUsage, Round, Stat, Threshold, Verdict, bucket_low,
};
use plimsoll::units::{Bytes, Nanos};

use crate::data::Fork;

/// The metrics of a fork that are judged.
pub(crate) const METRICS: [Metric; 5] = [
    Metric::Latency(Stat::Mean),
    Metric::Latency(Stat::P50),
    Metric::Latency(Stat::P90),
    Metric::Latency(Stat::P95),
    Metric::Latency(Stat::P99),
];

/// Requests of a round: enough for its p99.
const REQUESTS: u64 = 2000;

/// A plan of one step whose only thresholds are these; None allows no change at all, so that the
/// interval alone decides.
pub(crate) fn plan(thresholds: &[(Metric, Option<Change>)]) -> Outline {
    Outline {
        name: "quality".to_owned(),
        steps: vec!["op".to_owned()],
        phases: vec![PhaseOutline {
            name: "steady".to_owned(),
            start: Nanos::ZERO,
            duration: Nanos::from_secs(10),
            warm_up: false,
            load: "200/s poisson".to_owned(),
            asked: None,
        }],
        thresholds: thresholds
            .iter()
            .map(|&(metric, allowed)| Threshold {
                max_change: Some(allowed.unwrap_or(Change::Relative(0.0))),
                ..Threshold::on(metric)
            })
            .collect(),
        ..Outline::default()
    }
}

/// The same with the default allowance of each metric.
pub(crate) fn usual_plan(metrics: &[Metric]) -> Outline {
    let with_default = |m: &Metric| (*m, Some(m.default_change()));
    plan(&metrics.iter().map(with_default).collect::<Vec<_>>())
}

/// A round with the quantiles and the mean of a fork; `scale` brings seconds to nanoseconds that
/// are large beside the step of a histogram.
pub(crate) fn round(index: usize, fork: &Fork, scale: f64) -> Round {
    let latency = latencies(fork, scale);
    let mut cell = Cell {
        service: latency.clone(),
        ..Cell::default()
    };
    cell.latency.ok = latency;
    cell.tally.due = REQUESTS;
    cell.tally.sent = REQUESTS;
    cell.tally.answered = REQUESTS;
    Round {
        cells: vec![cell],
        ..Round::new(index, Arm::Now, index, String::new())
    }
}

/// Adds what the requests cost the target, in microseconds of CPU each.
pub(crate) fn with_cpu(mut round: Round, us: f64) -> Round {
    round.usage = vec![PhaseUsage {
        phase: 0,
        wall: Nanos::from_secs(10),
        cpu: nanos(us * 1e3 * REQUESTS as f64),
        rss_peak: Bytes(64 << 20),
        rss_end: Bytes(64 << 20),
        rss_slope: Some(0.0),
        fds_peak: 20,
        threads_peak: 4,
    }];
    round
}

/// Asks for the verdicts on two sides of rounds.
pub(crate) fn ask(plan: &Outline, before: &[&Round], now: &[&Round], looks: Looks) -> Comparison {
    judge(&Question {
        outline: plan,
        before_outline: plan,
        design: Design::Unpaired,
        reference: Some("@quality".to_owned()),
        before,
        now,
        looks,
        final_look: true,
        environment: Environment::default(),
        // All of one session, whose spread needs no allowance.
        sessions: &[],
        rule: Rule::default(),
        suspected: &[],
    })
}

/// The row of a metric.
pub(crate) fn row(c: &Comparison, metric: Metric) -> Option<&MetricResult> {
    c.results.iter().find(|r| r.metric == metric)
}

/// True when a gating metric that was asked for reads `regressed`.
pub(crate) fn regressed(c: &Comparison) -> bool {
    c.results
        .iter()
        .any(|r| r.gating && r.verdict == Some(Verdict::Regressed))
}

fn latencies(fork: &Fork, scale: f64) -> Distribution {
    // Quantiles rounded on their own may cross.
    let mut floor = 0.0_f64;
    let mut knots = [
        (0.5, fork.p50),
        (0.9, fork.p90),
        (0.95, fork.p95),
        (0.99, fork.p99),
        (1.0, fork.max),
    ]
    .map(|(share, seconds)| {
        floor = floor.max(seconds * scale);
        (nanos(share * REQUESTS as f64).0, nanos(floor).0)
    });
    knots[4].1 = knots[4].1.max(knots[3].1);
    let mut buckets = BTreeMap::new();
    let mut seen = 0;
    for (upto, value) in knots {
        *buckets.entry(bucket_low(value)).or_insert(0) += upto - seen;
        seen = upto;
    }
    let sum = nanos(fork.mean * scale * REQUESTS as f64).0;
    let (least, most) = (knots[0].1, knots[4].1);
    Distribution::from_buckets(buckets.into_iter().collect(), sum, least, most).unwrap_or_default()
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "positive and far below 2^53"
)]
fn nanos(v: f64) -> Nanos {
    Nanos(v.round() as u64)
}
