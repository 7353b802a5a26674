//! `check`: measure until more rounds would not change the answer, against a baseline or another
//! target.
//!
//! A check that failed goes on while it cannot say which step is to blame. Looks are taken at fixed numbers of rounds, and peeking is paid for at each (see [`judge::LOOKS`]).
//! Rounds that the machine spoiled are measured again, but only while they are the minority: on a
//! machine that stays noisy more rounds would be spoiled too, and the metrics that noise cannot
//! touch decide alone.

use crate::diagnostic::store;
use crate::judge::{self, Looks};
use crate::model::{Arm, Baseline, Comparison, Event, Finding, Mode, Round, Verdict};
use crate::scenario::plan::Plan;
use crate::store::Ledger;

use super::measure::{begin, conclude, manifest};
use super::round::{Measurer, Slot};
use super::weigh::{Weighing, weigh};
use super::{ArmTarget, Outcome, Session, SessionError, Watcher};

/// What `check` compares with.
#[derive(Debug, Clone)]
pub enum Against {
    /// The accepted rounds of a scenario.
    Baseline(String),
    /// Another target, measured now, interleaved.
    Other { target: ArmTarget, named: String },
}

/// How `check` goes about it.
#[derive(Debug, Clone)]
pub struct CheckOptions {
    pub against: Against,
    /// Replaces the plan's own target, such as another command for the "now" arm.
    pub now: Option<ArmTarget>,
    /// Rounds per arm at most, spoiled ones not counted.
    pub max_rounds: usize,
    /// Without a baseline, judge absolute limits only instead of failing.
    pub allow_missing: bool,
    /// Compare in spite of another machine or plan; the verdict is then advisory.
    pub allow_mismatch: bool,
}

/// Measures and judges against the reference.
pub fn check(
    session: &Session,
    plan: Plan,
    options: CheckOptions,
    watcher: &mut Watcher<'_>,
) -> Result<Outcome, SessionError> {
    let now = options.now.unwrap_or_else(|| ArmTarget::of(&plan));
    let begun = |mode, reference| {
        let mut manifest = manifest(&plan, mode, reference);
        // `--command` and `--url` replace the scenario's own target, in the record too.
        manifest.outline.target = now.outline(&plan);
        manifest
    };
    match options.against {
        Against::Other { target, named } => {
            let manifest = begun(Mode::Interleaved, Some(named.clone()));
            let order = judge::order(plan.seed, 2 * options.max_rounds);
            let outline = manifest.outline.clone();
            let most = 2 * options.max_rounds;
            let mut measurer = begin(session, plan, &manifest, most, watcher)?;
            let mut weighing = Weighing::paired(&outline, named);
            let comparison = until_decided(
                &mut measurer,
                &mut weighing,
                options.max_rounds,
                |measurer, pair| {
                    for (place, arm) in order[pair].into_iter().enumerate() {
                        let side = match arm {
                            Arm::Before => &target,
                            Arm::Now => &now,
                        };
                        let index = 2 * pair + place;
                        measurer.round(
                            Slot {
                                index,
                                arm,
                                pair,
                                of: most,
                            },
                            side,
                        )?;
                        if measurer.stopping() {
                            break;
                        }
                    }
                    Ok(())
                },
            )?;
            conclude(measurer, manifest, comparison)
        }
        Against::Baseline(scenario) => {
            let baseline = Ledger::new(&session.root, &scenario)?.load()?;
            if baseline.is_none() && !options.allow_missing {
                return Err(SessionError::NoBaseline { scenario });
            }
            let mut manifest = begun(Mode::Check, Some(format!("@{scenario}")));
            manifest.baseline = baseline.as_ref().map(Baseline::id);
            let outline = manifest.outline.clone();
            let mut measurer = begin(session, plan, &manifest, options.max_rounds, watcher)?;
            let mut weighing = match &baseline {
                Some(b) => Weighing::stored(&outline, b, &manifest, options.allow_mismatch),
                None => Weighing::absolute(&outline),
            };
            let most = options.max_rounds;
            let mut comparison =
                until_decided(&mut measurer, &mut weighing, most, |measurer, index| {
                    let slot = Slot {
                        index,
                        arm: Arm::Now,
                        pair: index,
                        of: most,
                    };
                    measurer.round(slot, &now)
                })?;
            if baseline.is_none() {
                comparison
                    .findings
                    .insert(0, unreferenced(&scenario, &comparison));
            }
            let mut outcome = conclude(measurer, manifest, comparison)?;
            outcome.baseline = baseline;
            Ok(outcome)
        }
    }
}

/// Says that the change was not judged, which nobody may take for a pass.
fn unreferenced(scenario: &str, comparison: &Comparison) -> Finding {
    let limits = comparison.results.iter().any(|r| r.limit.is_some());
    let judged = if limits {
        "only absolute limits were judged"
    } else {
        "nothing was judged"
    };
    Finding {
        code: Some(store::NO_BASELINE.id.to_owned()),
        text: format!("`{scenario}` has no baseline: {judged}"),
        hint: Some(format!(
            "plimsoll baseline save {scenario} --reason \"...\" makes this run the first"
        )),
    }
}

/// Adds rounds (or pairs) and looks at them until nothing more can be decided.
fn until_decided(
    measurer: &mut Measurer<'_, '_>,
    weighing: &mut Weighing<'_>,
    max_rounds: usize,
    mut add: impl FnMut(&mut Measurer<'_, '_>, usize) -> Result<(), SessionError>,
) -> Result<Comparison, SessionError> {
    let mut measured = 0;
    let mut failed = None;
    let looks = looks(max_rounds);
    if looks.len() == 1 {
        weighing.looks = Looks::Fixed;
    }
    for (i, &look) in looks.iter().enumerate() {
        while wants_more(&measurer.rounds, measured, look) {
            add(measurer, measured)?;
            measured += 1;
            if measurer.stopping() {
                weighing.final_look = true;
                return Ok(standing(failed, weigh(weighing, &measurer.rounds)));
            }
        }
        weighing.final_look = i + 1 == looks.len();
        let comparison = weigh(weighing, &measurer.rounds);
        let mut undecided = judge::undecided(&comparison);
        if undecided.is_empty() && lacks_where(&comparison, weighing) {
            undecided.push("the step to blame".to_owned());
        }
        let is_over = undecided.is_empty();
        (measurer.watcher)(&Event::Looked {
            rounds: measured,
            undecided,
        });
        if is_over {
            break;
        }
        if comparison.decision.verdict == Verdict::Regressed {
            failed.get_or_insert(comparison);
        }
    }
    weighing.final_look = true;
    Ok(standing(failed, weigh(weighing, &measurer.rounds)))
}

/// True when something regressed and no step of several is to blame yet: what to mend is half of the
/// answer, and more rounds may tell.
fn lacks_where(comparison: &Comparison, weighing: &Weighing<'_>) -> bool {
    comparison.decision.verdict == Verdict::Regressed
        && weighing.outline.steps.len() > 1
        && comparison.moved.is_empty()
}

/// What one look has rejected stays rejected: the level of the looks is counted that way.
fn standing(failed: Option<Comparison>, last: Comparison) -> Comparison {
    match failed {
        Some(failed) if last.decision.verdict < Verdict::Regressed => failed,
        _ => last,
    }
}

/// The planned looks up to the cap; the cap itself is the last.
fn looks(max_rounds: usize) -> Vec<usize> {
    let mut looks: Vec<usize> = judge::LOOKS
        .into_iter()
        .filter(|&look| look < max_rounds)
        .collect();
    looks.push(max_rounds);
    looks
}

/// True while the look needs another round: unspoiled ones are missing, and repeating may help.
fn wants_more(rounds: &[Round], measured: usize, look: usize) -> bool {
    let clean = clean(rounds, measured);
    let spoiled = measured - clean;
    measured < look || (clean < look && spoiled * 2 <= measured && measured < 2 * look)
}

/// Rounds (or pairs) of which no part was spoiled.
fn clean(rounds: &[Round], measured: usize) -> usize {
    (0..measured)
        .filter(|&pair| {
            rounds
                .iter()
                .filter(|r| r.pair == pair)
                .all(Round::is_clean)
        })
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Decision, Design};

    fn concluded(verdict: Verdict) -> Comparison {
        Comparison {
            design: Design::Paired,
            reference: None,
            before_rounds: 3,
            now_rounds: 3,
            results: Vec::new(),
            moved: Vec::new(),
            findings: Vec::new(),
            decision: Decision {
                verdict,
                headline: String::new(),
            },
        }
    }

    #[test]
    fn what_a_look_rejected_is_not_taken_back_by_a_later_one() {
        let verdict = |failed, last| standing(failed, last).decision.verdict;
        let failed = || Some(concluded(Verdict::Regressed));
        assert_eq!(
            verdict(failed(), concluded(Verdict::Inconclusive)),
            Verdict::Regressed
        );
        assert_eq!(
            verdict(failed(), concluded(Verdict::Invalid)),
            Verdict::Invalid
        );
        assert_eq!(
            verdict(None, concluded(Verdict::Unchanged)),
            Verdict::Unchanged
        );
    }

    #[test]
    fn the_cap_is_the_last_look() {
        assert_eq!(looks(10), [3, 5, 7, 10]);
        assert_eq!(looks(4), [3, 4]);
        assert_eq!(looks(2), [2]);
    }
}
