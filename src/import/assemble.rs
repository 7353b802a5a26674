//! Rounds of another tool become the rounds of one run.

use sha2::{Digest, Sha256};

use super::measured::{Measured, Part};
use crate::diagnostic::{Diagnostic, foreign as codes};
use crate::model::{
    Arm, Cell, Given, Metric, Outline, PhaseOutline, Round, Scope, TargetOutline, Threshold,
};
use crate::units::Nanos;

/// A run that another tool measured.
#[derive(Debug)]
pub struct Imported {
    pub tool: &'static str,
    /// Of the first round, where a file says.
    pub started_at: Option<String>,
    /// Equal where tool and load are, as far as the files say.
    pub plan_hash: String,
    pub outline: Outline,
    pub rounds: Vec<Round>,
}

/// Puts rounds together, in this order; `now` stands for the time of a round that does not say its own.
///
/// # Errors
/// When they are not repetitions of one measurement.
pub fn assemble(
    rounds: &[(String, Measured)],
    scenario: &str,
    now: &str,
) -> Result<Imported, Diagnostic> {
    let Some((first_name, first)) = rounds.first() else {
        return Err(Diagnostic::error(
            &codes::MIXED_IMPORT,
            "nothing was named to be imported",
        ));
    };
    for (name, other) in &rounds[1..] {
        let differences = [
            ("tool", first.tool, other.tool),
            ("load", &first.load, &other.load),
            ("target", &first.target, &other.target),
        ];
        if let Some((what, a, b)) = differences.into_iter().find(|(_, a, b)| a != b) {
            return Err(Diagnostic::error(
                &codes::MIXED_IMPORT,
                format!("{name} is no repetition of {first_name}: another {what}"),
            )
            .because(format!("{a} there, {b} here"))
            .help("import them as runs of their own, then plimsoll compare last~1 last"));
        }
    }
    let outline = outline(rounds, scenario);
    let rounds = rounds.iter().enumerate();
    let rounds: Vec<Round> = rounds
        .map(|(index, (_, m))| round(index, m, &outline, now))
        .collect();
    let plan = Sha256::digest(format!("{}\n{}", first.tool, first.load));
    Ok(Imported {
        tool: first.tool,
        started_at: first.started_at.clone(),
        plan_hash: plan.iter().map(|byte| format!("{byte:02x}")).collect(),
        outline,
        rounds,
    })
}

fn outline(rounds: &[(String, Measured)], scenario: &str) -> Outline {
    let first = &rounds[0].1;
    let mut steps: Vec<String> = Vec::new();
    let mut gates: Vec<(Metric, Scope)> = Vec::new();
    let mut gate = |metric: Metric, scope: Scope| {
        if !gates.iter().any(|(m, s)| *m == metric && *s == scope) {
            gates.push((metric, scope));
        }
    };
    for metric in &first.gates {
        gate(*metric, Scope::default());
    }
    for part in rounds.iter().flat_map(|(_, m)| &m.parts) {
        if !steps.contains(&part.name) {
            steps.push(part.name.clone());
        }
        for metric in &part.gates {
            gate(*metric, Given::step(*metric, &part.name, 0.0).scope);
        }
    }
    let lasted: u64 = rounds
        .iter()
        .map(|(_, m)| m.duration.0 / rounds.len() as u64)
        .sum();
    Outline {
        name: scenario.to_owned(),
        target: TargetOutline {
            url: first.target.clone(),
            ..TargetOutline::default()
        },
        steps,
        phases: vec![PhaseOutline {
            name: "measured".to_owned(),
            start: Nanos::ZERO,
            duration: Nanos(lasted),
            warm_up: false,
            load: first.load.clone(),
            asked: None,
        }],
        thresholds: gates
            .into_iter()
            .map(|(metric, scope)| Threshold {
                scope,
                max_change: Some(metric.default_change()),
                ..Threshold::on(metric)
            })
            .collect(),
        ..Outline::default()
    }
}

fn round(index: usize, measured: &Measured, outline: &Outline, now: &str) -> Round {
    let started_at = measured
        .started_at
        .clone()
        .unwrap_or_else(|| now.to_owned());
    let cell = |part: &Part| {
        let step = outline.step_index(&part.name)?;
        (part.cell.tally.due > 0).then(|| Cell {
            step,
            ..part.cell.clone()
        })
    };
    let whole = measured
        .given
        .iter()
        .map(|&(m, value)| Given::whole(m, value));
    let of_parts = measured.parts.iter().flat_map(|part| {
        let given = part.given.iter();
        given.map(|&(m, value)| Given::step(m, &part.name, value))
    });
    Round {
        cells: measured.parts.iter().filter_map(cell).collect(),
        given: whole.chain(of_parts).collect(),
        ..Round::new(index, Arm::Now, index, started_at)
    }
}
