//! Puts the question to the judge: which rounds, of which side, in which environment.

use std::collections::BTreeSet;

use crate::judge::{self, CapacityQuestion, Environment, Looks, Noise, Question, Rule};
use crate::model::{
    Arm, Baseline, Capacity, Comparison, Design, Fingerprint, Manifest, Outline, Round, Smallest,
};

/// Everything about a comparison but the rounds measured now.
pub(super) struct Weighing<'a> {
    pub outline: &'a Outline,
    pub before_outline: &'a Outline,
    pub design: Design,
    pub reference: Option<String>,
    /// Rounds of a stored baseline; interleaved ones are found among the rounds themselves.
    pub stored: Vec<&'a Round>,
    pub looks: Looks,
    pub final_look: bool,
    pub environment: Environment,
    /// Session of each of `stored`.
    pub sessions: Vec<usize>,
    pub rule: Rule,
    /// Rows whose gain was suspicious on fewer rounds.
    pub suspected: Vec<String>,
}

impl<'a> Weighing<'a> {
    /// No reference: absolute limits only.
    pub(super) fn absolute(outline: &'a Outline) -> Self {
        Self {
            outline,
            before_outline: outline,
            design: Design::Absolute,
            reference: None,
            stored: Vec::new(),
            looks: Looks::Fixed,
            final_look: true,
            environment: Environment::default(),
            sessions: Vec::new(),
            rule: Rule::default(),
            suspected: Vec::new(),
        }
    }

    /// Both arms measured now, in pairs.
    pub(super) fn paired(outline: &'a Outline, reference: String) -> Self {
        Self {
            design: Design::Paired,
            reference: Some(reference),
            ..Self::absolute(outline)
        }
    }

    /// Both arms measured at once, in pairs.
    pub(super) fn duet(outline: &'a Outline, reference: String) -> Self {
        Self {
            design: Design::Duet,
            ..Self::paired(outline, reference)
        }
    }

    /// Against a stored baseline.
    pub(super) fn stored(
        outline: &'a Outline,
        baseline: &'a Baseline,
        ours: &Manifest,
        allow_mismatch: bool,
    ) -> Self {
        Self {
            // Members that git merged differ, if at all, in `environment`.
            before_outline: baseline.latest().map_or(outline, |a| &a.outline),
            design: Design::Unpaired,
            reference: Some(name(baseline)),
            stored: baseline.rounds().collect(),
            environment: environment(baseline, ours, allow_mismatch),
            sessions: baseline.session_of_rounds(),
            ..Self::absolute(outline)
        }
    }
}

/// Judges `rounds`, which hold both arms when the design is paired.
pub(super) fn weigh(w: &Weighing<'_>, rounds: &[Round]) -> Comparison {
    let of = |arm: Arm| -> Vec<&Round> {
        rounds
            .iter()
            // One that a rule ended says why, though none of its values is judged.
            .filter(|r| (r.complete || r.halt.is_some()) && r.arm == arm)
            .collect()
    };
    let (before, sessions) = match w.design {
        Design::Paired | Design::Duet => (of(Arm::Before), Vec::new()),
        Design::Unpaired | Design::Absolute => {
            // Rounds of a search offered different rates: they are no repetitions of each other.
            let stored = w.stored.iter().copied().zip(w.sessions.iter().copied());
            stored.filter(|(r, _)| r.level.is_none()).unzip()
        }
    };
    judge::judge(&question(w, (&before, &sessions), &of(Arm::Now)))
}

/// The smallest changes that so many rounds of each side would show.
pub(super) fn foresee(
    w: &Weighing<'_>,
    looks: Looks,
    noise: Noise<'_>,
    rounds: usize,
) -> Vec<Smallest> {
    let question = Question {
        looks,
        ..question(w, (&w.stored, &w.sessions), &[])
    };
    judge::foresee(&question, noise, rounds)
}

/// Judges what a search for capacity found.
pub(super) fn weigh_capacity(
    w: &Weighing<'_>,
    rounds: &[Round],
    now: &Capacity,
    before: Vec<&Capacity>,
) -> Comparison {
    let all: Vec<&Round> = rounds.iter().collect();
    judge::judge_capacity(&CapacityQuestion {
        question: question(w, (&w.stored, &w.sessions), &all),
        now,
        before,
    })
}

fn question<'a>(
    w: &'a Weighing<'_>,
    (before, sessions): (&'a [&'a Round], &'a [usize]),
    now: &'a [&'a Round],
) -> Question<'a> {
    Question {
        outline: w.outline,
        before_outline: w.before_outline,
        design: w.design,
        reference: w.reference.clone(),
        before,
        now,
        looks: w.looks,
        final_look: w.final_look,
        environment: w.environment.clone(),
        sessions,
        rule: w.rule,
        suspected: &w.suspected,
    }
}

/// `@checkout (v1.8.0, 12 rounds)`
fn name(baseline: &Baseline) -> String {
    let label = baseline
        .latest()
        .and_then(|a| a.label.clone())
        .unwrap_or_else(|| format!("revision {}", baseline.revision));
    format!(
        "@{} ({label}, {} rounds)",
        baseline.scenario,
        baseline.rounds().count()
    )
}

/// How the conditions of any accepted member differ from ours.
fn environment(baseline: &Baseline, ours: &Manifest, allow_mismatch: bool) -> Environment {
    let differences = |of: fn(&Fingerprint, &Fingerprint) -> Vec<String>| -> Vec<String> {
        let all: BTreeSet<String> = baseline
            .members
            .iter()
            .flat_map(|(_, theirs)| of(&theirs.fingerprint, &ours.fingerprint))
            .collect();
        all.into_iter().collect()
    };
    Environment {
        hard: differences(Fingerprint::hard_differences),
        soft: differences(Fingerprint::soft_differences),
        plan_differs: baseline
            .members
            .iter()
            .any(|(_, theirs)| theirs.plan_hash != ours.plan_hash),
        allow_mismatch,
    }
}
