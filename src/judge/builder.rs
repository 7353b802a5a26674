//! Rounds for tests: latencies by quantile, counts, CPU, noise.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "values made for tests are small and positive"
)]

use std::collections::BTreeMap;

use crate::model::{
    Arm, Cell, Contaminant, Contamination, Design, Distribution, ErrorClass, Outline, PhaseOutline,
    PhaseUsage, Round, Threshold, bucket_low,
};
use crate::units::{Bytes, Nanos};

use super::looks::Looks;
use super::question::{Environment, Question, Rule};

/// Requests of a step in a round.
pub(super) const REQUESTS: u64 = 2000;

/// A distribution of `n` values from (cumulative share, value in ns) in ascending order.
pub(super) fn distribution(n: u64, knots: &[(f64, f64)]) -> Distribution {
    let mut buckets = BTreeMap::new();
    let (mut seen, mut sum, mut least, mut most) = (0, 0, u64::MAX, 0);
    for &(share, value) in knots {
        let upto = (share * n as f64).round() as u64;
        let value = value as u64;
        if upto > seen {
            *buckets.entry(bucket_low(value)).or_insert(0) += upto - seen;
            sum += value * (upto - seen);
            least = least.min(value);
            most = most.max(value);
            seen = upto;
        }
    }
    Distribution::from_buckets(buckets.into_iter().collect(), sum, least, most).expect("ascending")
}

/// The shape used where a test only cares about the scale: p50 is `base`.
pub(super) fn around(n: u64, base: f64) -> Distribution {
    distribution(
        n,
        &[
            (0.1, 0.90 * base),
            (0.2, 0.92 * base),
            (0.3, 0.95 * base),
            (0.4, 0.97 * base),
            (0.5, base),
            (0.9, 1.5 * base),
            (0.95, 1.8 * base),
            (0.99, 2.5 * base),
            (1.0, 3.0 * base),
        ],
    )
}

/// One round under construction.
#[derive(Debug, Clone)]
pub(super) struct Build(pub(super) Round);

impl Build {
    /// A round without requests.
    pub(super) fn empty(index: usize) -> Self {
        Self(Round::new(
            index,
            Arm::Now,
            index,
            "2025-01-01T00:00:00Z".to_owned(),
        ))
    }

    /// A round with one step of median `ms`.
    pub(super) fn of(index: usize, ms: f64) -> Self {
        Self::empty(index).step(0, ms)
    }

    /// Adds a step of median `ms` to the measured phase.
    pub(super) fn step(self, step: usize, ms: f64) -> Self {
        self.with(step, around(REQUESTS, ms * 1e6))
    }

    /// Adds a step with these latencies.
    pub(super) fn with(mut self, step: usize, latency: Distribution) -> Self {
        let n = latency.count();
        let mut cell = Cell {
            phase: 0,
            step,
            service: latency.clone(),
            ..Cell::default()
        };
        cell.latency.ok = latency;
        cell.tally.due = n;
        cell.tally.sent = n;
        cell.tally.answered = n;
        self.0.cells.push(cell);
        self
    }

    /// CPU per request in µs, over all requests so far.
    pub(super) fn cpu(mut self, us: f64) -> Self {
        let answered: u64 = self.0.cells.iter().map(|c| c.tally.answered).sum();
        self.0.usage = vec![PhaseUsage {
            phase: 0,
            wall: Nanos::from_secs(10),
            cpu: Nanos((us * 1e3 * answered as f64) as u64),
            rss_peak: Bytes(64 << 20),
            rss_end: Bytes(64 << 20),
            rss_slope: Some(0.0),
            fds_peak: 20,
            threads_peak: 4,
        }];
        self
    }

    /// Turns `n` answered requests of the first step into fast failures.
    pub(super) fn failing(mut self, n: u64) -> Self {
        let cell = &mut self.0.cells[0];
        cell.tally.answered -= n;
        cell.tally.failures.add(ErrorClass::Status5xx, n);
        cell.latency.ok = around(REQUESTS - n, 5e6);
        cell.latency.failed += n;
        self
    }

    /// Turns every request into a fast failure.
    pub(super) fn dead(mut self) -> Self {
        let cell = &mut self.0.cells[0];
        cell.tally.answered = 0;
        cell.tally.failures.add(ErrorClass::Refused, REQUESTS);
        cell.latency.ok = Distribution::default();
        cell.latency.failed = REQUESTS;
        cell.service = Distribution::default();
        self
    }

    /// Adds `n` requests to the first step that were given up after `ms`.
    pub(super) fn timing_out(mut self, n: u64, ms: f64) -> Self {
        let cell = &mut self.0.cells[0];
        cell.tally.due += n;
        cell.tally.sent += n;
        cell.tally.failures.add(ErrorClass::TimeoutTotal, n);
        for _ in 0..n {
            cell.latency.censored.record(Nanos((ms * 1e6) as u64));
        }
        self
    }

    /// Spoils the round by steal.
    pub(super) fn stolen(mut self, share: f64) -> Self {
        self.0.trust.steal = share;
        self.0.contamination.push(Contamination {
            by: Contaminant::Steal,
            value: share,
            limit: 0.02,
        });
        self
    }
}

/// One measured phase of ten seconds with these steps.
pub(super) fn outline(steps: &[&str], thresholds: Vec<Threshold>) -> Outline {
    Outline {
        name: "checkout".to_owned(),
        steps: steps.iter().map(ToString::to_string).collect(),
        phases: vec![PhaseOutline {
            name: "steady".to_owned(),
            start: Nanos::ZERO,
            duration: Nanos::from_secs(10),
            warm_up: false,
            load: "200/s poisson".to_owned(),
            asked: None,
        }],
        thresholds,
        ..Outline::default()
    }
}

/// Numbers the rounds of a side.
pub(super) fn rounds(values: impl IntoIterator<Item = Build>) -> Vec<Round> {
    values
        .into_iter()
        .enumerate()
        .map(|(i, b)| Round {
            index: i,
            pair: i,
            ..b.0
        })
        .collect()
}

/// Asks with everything at its plainest: one look, one session for both sides, the same machine.
pub(super) fn question<'a>(
    outline: &'a Outline,
    design: Design,
    before: &'a [&'a Round],
    now: &'a [&'a Round],
) -> Question<'a> {
    Question {
        outline,
        before_outline: outline,
        design,
        reference: (design != Design::Absolute).then(|| "@checkout".to_owned()),
        before,
        now,
        looks: Looks::Fixed,
        final_look: true,
        environment: Environment::default(),
        sessions: &[],
        rule: Rule::default(),
        suspected: &[],
    }
}
