//! The whole judgement in order, and what a sequential check asks of it.

use super::conclusion;
use super::evidence::{self, Row, too_few};
use super::question::Question;
use super::rounds::{Readings, Rounds};
use super::steps::{self, Direction};
use super::stopped::{self, Stopped};
use super::{asks, detector, leaks, limits, soundness, unevaluated, verdicts};
use crate::model::{Comparison, Judge, MetricResult, Side, Verdict};

/// Judges the rounds: every change against the reference, every limit, and the whole.
///
/// Only complete rounds count. The same question always has the same answer.
pub fn judge(q: &Question) -> Comparison {
    let rounds = Rounds::of(q);
    let mut readings = Readings::default();
    let rows: Vec<Row> = asks::asked(q, &rounds, &mut readings)
        .into_iter()
        .map(|ask| evidence::gather(q, ask, &rounds, &readings))
        .collect();
    let mut results = verdicts::conclude(q, &rows);
    if q.rule.judge == Judge::BaselineP95 {
        for (row, result) in rows.iter().zip(&mut results) {
            if row.blocked.is_none() && result.verdict.is_some() {
                detector::decide(result);
            }
        }
    }
    let mut unjudged = Vec::with_capacity(rows.len());
    for (row, result) in rows.iter().zip(&mut results) {
        let (_, now) = readings.of(&row.ask.scope);
        if let Some(limit) = limits::judge(row, now, q.looks.alpha()) {
            unjudged.push(limit.unjudged);
            result.limit = Some(limit.verdict);
            result.note = result.note.take().or(limit.note);
            if result.verdict.is_none() {
                result.confidence = limit.confidence;
            }
        } else {
            unjudged.push(false);
        }
    }
    stopped::correct(q, &mut results);
    for (row, result) in rows.iter().zip(&mut results) {
        if row.ask.alarm && result.verdict == Some(Verdict::Inconclusive) {
            quieten(result);
        }
    }
    let noisy = rows.iter().any(|r| r.selection.noise.is_some());
    let moved = direction(&results).map_or_else(Vec::new, |direction| {
        steps::moved(q, &rounds, &mut readings, direction, noisy)
    });
    let soundness = conclusion::Soundness {
        unsound: soundness::unsound(q, &rounds, &readings),
        rate: soundness::rate_not_held(q, &readings),
        unanswered: soundness::unanswered(&readings),
        stopped: Stopped::of(q),
    };
    let mut comparison = conclusion::conclude(q, &rounds, &rows, results, moved, soundness);
    comparison.judge = q.rule.judge;
    let advice = conclusion::is_advice(q)
        .then_some("advice only: the reference was measured under other conditions");
    comparison.unevaluated = unevaluated::list(q, &rows, &comparison.results, &unjudged, advice);
    comparison.findings.extend(leaks::leak(q, &readings));
    comparison
}

/// An alarm that does not ring is for information; the limit beside it, if any, still gates.
fn quieten(result: &mut MetricResult) {
    if result.limit.is_some() {
        result.verdict = None;
    } else {
        result.gating = false;
    }
}

/// Which way to look for the step to blame; None while there is nothing to blame one for.
fn direction(results: &[MetricResult]) -> Option<Direction> {
    let any = |verdict| {
        results
            .iter()
            .any(|r| r.gating && r.verdict == Some(verdict))
    };
    if any(Verdict::Regressed) {
        Some(Direction::Worse)
    } else if any(Verdict::Improved) {
        Some(Direction::Better)
    } else {
        None
    }
}

/// Gating metrics, by name and scope, that more rounds may still decide.
///
/// Empty when more rounds would not change the answer: everything has a verdict, the check has
/// failed already, or what is left lacks requests within each round, has a reference without
/// values, or is spoiled by a machine that would spoil more rounds too.
pub fn undecided(c: &Comparison) -> Vec<String> {
    if c.decision.verdict >= Verdict::Broken {
        return Vec::new();
    }
    c.results
        .iter()
        .filter(|r| r.gating && is_open(c, r))
        .map(MetricResult::name)
        .collect()
}

fn is_open(c: &Comparison, r: &MetricResult) -> bool {
    let inconclusive = |v: Option<Verdict>| v == Some(Verdict::Inconclusive);
    // Spoiled rounds are among the values only where too few clean ones are left.
    let noisy = |side: &Side, of: usize| side.spoiled + side.rounds.len() > of;
    let before = r.before.as_ref();
    if noisy(&r.now, c.now_rounds) || before.is_some_and(|s| noisy(s, c.before_rounds)) {
        return false;
    }
    let has_values = r.now.rounds.iter().all(|e| too_few(e).is_none());
    let can_compare = before.is_none_or(|s| s.rounds.iter().all(|e| e.exact().is_some()));
    has_values && (inconclusive(r.limit) || (inconclusive(r.verdict) && can_compare))
}
