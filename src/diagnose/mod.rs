//! Why a run shows what it shows: symptoms, ranked, each with its evidence.
//!
//! A symptom is an entry of the [`CATALOGUE`], which is text, and a rule, which is a pure function over
//! what a round showed (a `Case`). Rules are asked of every round of the target under test; what only
//! one of several rounds shows counts for less. A score ranks; it is no probability.

mod case;
mod catalogue;
mod found;
mod names;
mod rules;
mod second;

use crate::model::{Arm, Diagnosis, Run, Strength};

use case::Case;
pub use catalogue::{CATALOGUE, Symptom, find};
use found::Found;
use rules::RULES;

/// Most rounds that are looked at, the latest: each is read second by second.
const MOST_ROUNDS: usize = 5;

/// Below this nothing is said.
const LEAST_SCORE: f64 = 0.3;

/// From here on a diagnosis is likely, and strong.
const LIKELY: f64 = 0.55;
const STRONG: f64 = 0.8;

/// Symptoms, and what they make look like another: waiting for a lock looks like waiting for a
/// dependency to whoever sees only latency.
const ECHOES: [(&str, &str); 9] = [
    ("throttled", "slow-dependency"),
    ("pauses", "slow-dependency"),
    ("lock-contention", "slow-dependency"),
    ("cold-cache", "slow-dependency"),
    ("retry-storm", "slow-dependency"),
    ("cpu-saturation", "slow-dependency"),
    ("cpu-saturation", "throttled"),
    ("lock-contention", "throttled"),
    ("retry-storm", "throttled"),
];

/// What the rounds of the target under test show, the best supported first.
///
/// A round that was cut short is looked at too: what ended it is often the very thing to explain.
pub fn diagnose(run: &Run) -> Vec<Diagnosis> {
    let of = |arm: Arm| -> Vec<Case<'_>> {
        let rounds = run
            .rounds
            .iter()
            .filter(|r| r.arm == arm && r.level.is_none());
        let latest = rounds.rev().take(MOST_ROUNDS);
        latest.filter_map(|round| Case::of(run, round)).collect()
    };
    let before = of(Arm::Before);
    let mut cases = of(Arm::Now);
    for case in &mut cases {
        case.compare_with(&before);
    }
    let mut diagnoses: Vec<Diagnosis> = RULES
        .iter()
        .filter_map(|(symptom, rule)| {
            let found: Vec<Found> = cases.iter().filter_map(rule).collect();
            conclude(symptom, found, cases.len())
        })
        .collect();
    explain_away(&mut diagnoses);
    diagnoses.retain(|d| d.score >= LEAST_SCORE);
    diagnoses.sort_by(|a, b| b.score.total_cmp(&a.score));
    diagnoses
}

/// What an echo of something likelier looks like weighs half.
fn explain_away(diagnoses: &mut [Diagnosis]) {
    let likely: Vec<&str> = diagnoses
        .iter()
        .filter(|d| d.score >= LIKELY)
        .map(|d| d.symptom)
        .collect();
    for diagnosis in diagnoses {
        let echo =
            |(source, echo): &(&str, &str)| *echo == diagnosis.symptom && likely.contains(source);
        if ECHOES.iter().any(echo) {
            diagnosis.score /= 2.0;
            diagnosis.strength = strength(diagnosis.score);
        }
    }
}

fn strength(score: f64) -> Strength {
    match score {
        s if s >= STRONG => Strength::Strong,
        s if s >= LIKELY => Strength::Likely,
        _ => Strength::Weak,
    }
}

/// One diagnosis of what a rule found in some of the rounds; the strongest round gives the evidence.
fn conclude(symptom: &str, mut found: Vec<Found>, rounds: usize) -> Option<Diagnosis> {
    let sum: f64 = found.iter().map(|f| f.score).sum();
    found.sort_by(|a, b| b.score.total_cmp(&a.score));
    let best = found.into_iter().next()?;
    // Half by the strongest round and half by all of them.
    let score = f64::midpoint(best.score, sum / rounds.max(1) as f64);
    let Symptom {
        name,
        title,
        causes,
        actions,
        rules_out,
        ..
    } = *find(symptom)?;
    Some(Diagnosis {
        symptom: name,
        title,
        score,
        strength: strength(score),
        evidence: best.evidence,
        causes,
        actions,
        rules_out,
    })
}

#[cfg(test)]
mod tests;
