//! What a number of rounds would show, from a spread between rounds that is known already.
//!
//! The smallest change with 80 % power, as [`minimal_detectable`] gives it after the fact, with the
//! standard deviation of earlier rounds in the place of that of the rounds to come. Rounds of one side
//! overstate the spread of pairs, whose drift cancels: then the change foreseen is an upper bound.

use super::asks::{self, Ask};
use super::evidence::{Scale, scale_of};
use super::question::Question;
use super::rounds::{Readings, Rounds};
use super::values::Reading;
use super::wording;
use crate::model::{Design, Round, Smallest};
use crate::stats::{mean, minimal_detectable};

/// Relative step of a latency histogram.
const RESOLUTION: f64 = 0.001;

/// Rounds without which a spread is not known.
const LEAST_ROUNDS: usize = 3;

/// Rounds from which the spread is taken.
#[derive(Debug, Clone, Copy)]
pub enum Noise<'a> {
    /// Of one target.
    Side(&'a [&'a Round]),
    /// Of pairs, matched by [`Round::pair`].
    Pairs(&'a [&'a Round], &'a [&'a Round]),
}

/// The smallest change that `rounds` of each side would show, by gating metric.
///
/// Of the question the design, the plans, the looks and the stored reference count. Empty when there
/// are too few rounds to take the spread from.
pub fn foresee(q: &Question, noise: Noise<'_>, rounds: usize) -> Vec<Smallest> {
    let known = match noise {
        Noise::Side(side) => Rounds {
            before: usable(side),
            now: Vec::new(),
            design: Design::Unpaired,
            sessions: Vec::new(),
        },
        Noise::Pairs(before, now) => Rounds::of(&Question {
            design: Design::Paired,
            reference: None,
            environment: q.environment.clone(),
            before,
            now,
            ..*q
        }),
    };
    if known.before.len() < LEAST_ROUNDS {
        return Vec::new();
    }
    let mut readings = Readings::default();
    let asks = asks::asked(q, &known, &mut readings);
    let stored = usable(q.before).len();
    asks.iter()
        .filter(|a| a.gating && !a.alarm && a.wants_change() && a.over.is_none())
        .filter_map(|ask| {
            let (before, now) = readings.of(&ask.scope);
            let spread = spread(ask, before, now)?;
            smallest(q, ask, &spread, stored, rounds)
        })
        .collect()
}

/// All complete rounds, or only the clean ones where most are and they are enough.
fn usable<'a>(side: &[&'a Round]) -> Vec<&'a Round> {
    let complete = || side.iter().copied().filter(|r| r.complete);
    let clean: Vec<&Round> = complete().filter(|r| r.is_clean()).collect();
    if clean.len() >= LEAST_ROUNDS && 2 * clean.len() >= complete().count() {
        clean
    } else {
        complete().collect()
    }
}

/// How rounds differ from one another.
struct Spread {
    scale: Scale,
    base: f64,
    /// Variance of the difference of two rounds, one of either side.
    of_difference: f64,
    /// Requests of a round, of a metric that counts them.
    requests: Option<f64>,
}

fn spread(ask: &Ask, before: &[Reading], now: &[Reading]) -> Option<Spread> {
    let values = |side: &[Reading]| -> Option<Vec<f64>> {
        side.iter().map(|r| r.value(ask.metric).exact()).collect()
    };
    let (a, b) = (values(before)?, values(now)?);
    let all: Vec<f64> = a.iter().chain(&b).copied().collect();
    let scale = scale_of(ask.metric, ask.allowed, &all);
    let on_scale = |side: &[f64]| -> Vec<f64> {
        side.iter()
            .map(|v| if scale == Scale::Log { v.ln() } else { *v })
            .collect()
    };
    let (ya, yb) = (on_scale(&a), on_scale(&b));
    let resolution = if scale == Scale::Log { RESOLUTION } else { 0.0 };
    let rounding = resolution * resolution / 6.0;
    let of_difference = if yb.is_empty() {
        2.0 * variance(&ya)?
    } else {
        let differences: Vec<f64> = yb.iter().zip(&ya).map(|(b, a)| b - a).collect();
        variance(&differences)?
    };
    let counts: Option<Vec<f64>> = before
        .iter()
        .map(|r| r.counts(ask.metric).map(|c| c.trials as f64))
        .collect();
    Some(Spread {
        scale,
        base: mean(&a),
        of_difference: of_difference + rounding,
        requests: counts.map(|c| mean(&c)),
    })
}

fn variance(values: &[f64]) -> Option<f64> {
    let n = values.len();
    if n < LEAST_ROUNDS || values.iter().any(|v| !v.is_finite()) {
        return None;
    }
    let m = mean(values);
    Some(values.iter().map(|v| (v - m).powi(2)).sum::<f64>() / (n as f64 - 1.0))
}

fn smallest(
    q: &Question,
    ask: &Ask,
    spread: &Spread,
    stored: usize,
    rounds: usize,
) -> Option<Smallest> {
    let n = rounds as f64;
    let (times, df) = match q.design {
        Design::Unpaired | Design::Absolute => {
            let stored = stored.max(1) as f64;
            (f64::midpoint(1.0 / stored, 1.0 / n), stored + n - 2.0)
        }
        Design::Paired => (1.0 / n, n - 1.0),
        Design::Duet => (1.0 / n, n - 2.0),
    };
    if df < 1.0 {
        return None;
    }
    let mut variance = spread.of_difference * times;
    if let Some(requests) = spread.requests {
        let p = spread.base;
        variance = variance.max(2.0 * p * (1.0 - p) / requests * times);
    }
    let size = if variance > 0.0 {
        minimal_detectable(variance.sqrt(), df, q.looks.alpha())
    } else {
        // Without a single error: the rule of three.
        3.0 / (n * spread.requests?)
    };
    let change = match spread.scale {
        Scale::Log => size.exp_m1(),
        Scale::Linear if wording::in_points(ask.metric, ask.allowed) => size,
        Scale::Linear => size / spread.base.abs(),
    };
    change.is_finite().then(|| Smallest {
        metric: ask.name(),
        change,
        points: wording::in_points(ask.metric, ask.allowed),
    })
}
