//! `check`: measure until more rounds would not change the answer, against a baseline or another
//! target.
//!
//! A check that failed goes on while it cannot say which step is to blame. Looks are taken at fixed
//! numbers of rounds, and peeking is paid for at each (see [`judge::looks`]). Rounds that the machine
//! spoiled are measured again, but of six or more only while they are the minority: on a machine that stays noisy
//! more rounds would be spoiled too, and the metrics that noise cannot touch decide alone. A gain too
//! great to be believed is measured once more.

use std::path::PathBuf;

use crate::clock::{Clock, Monotonic};
use crate::diagnostic::store;
use crate::judge::{self, Looks, Rule};
use crate::model::{
    Arm, Baseline, Comparison, Event, Finding, Foresight, Manifest, Mode, Round, Verdict,
};
use crate::observe::ProfilerChoice;
use crate::scenario::plan::Plan;
use crate::store::Ledger;
use crate::units::Nanos;

use super::budget::{self, Budget};
use super::duet::{SIDES, halved};
use super::measure::{begin, conclude, manifest};
use super::planner::{self, Fitting};
use super::profile::Candidates;
use super::round::{Measurer, Slot};
use super::search::searched;
use super::shard::can_be_divided;
use super::weigh::{Weighing, weigh, weigh_capacity};
use super::{ArmTarget, Outcome, Session, SessionError, Watcher};

/// Rounds per arm at most, where neither a number nor a budget is given.
pub const USUAL_ROUNDS: usize = 10;

/// Fewer rounds (or pairs) do not tell that a machine will spoil most of those to come.
const ENOUGH_TO_GIVE_UP: usize = 6;

/// Pairs of a duet without which the effect of the place is not known.
pub const LEAST_OF_DUET: usize = 4;

/// The most rounds per arm that can be asked for.
pub const MOST_ROUNDS: usize = judge::MOST_ROUNDS;

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
    /// The folder whose baselines count; None: the session's own.
    pub baselines: Option<PathBuf>,
    /// Replaces the plan's own target, such as another command for the "now" arm.
    pub now: Option<ArmTarget>,
    /// Rounds per arm at most, spoiled ones not counted; None: as many as the budget holds.
    pub max_rounds: Option<usize>,
    /// No round begins that cannot end within this time.
    pub budget: Option<Nanos>,
    /// Both targets at once, each under half of the load; only against another target.
    pub duet: bool,
    /// Who decides about changes, and how strictly.
    pub rule: Rule,
    /// Without a baseline, judge absolute limits only instead of failing.
    pub allow_missing: bool,
    /// Compare in spite of another machine or plan; the verdict is then advisory.
    pub allow_mismatch: bool,
    /// Looks where the time goes once the verdict is `regressed`.
    pub profiler: Option<ProfilerChoice>,
}

impl CheckOptions {
    /// Rounds per arm at most, whatever the time.
    pub fn most_rounds(&self) -> usize {
        let usual = if self.budget.is_some() {
            MOST_ROUNDS
        } else {
            USUAL_ROUNDS
        };
        self.max_rounds.unwrap_or(usual)
    }

    /// What is profiled when it regresses.
    fn candidates(&self, now: &ArmTarget) -> Option<Candidates> {
        let before = match &self.against {
            Against::Other { target, .. } => Some((Arm::Before, target.clone())),
            Against::Baseline(_) => None,
        };
        Some(Candidates {
            choice: self.profiler?,
            arms: before
                .into_iter()
                .chain([(Arm::Now, now.clone())])
                .collect(),
            duet: self.duet,
        })
    }
}

/// The numbers of rounds at which the evidence is looked at, and the time there is.
struct Pace {
    looks: Vec<usize>,
    budget: Budget,
    /// What the budget holds.
    fitting: Option<Fitting>,
    /// Rounds that are added to confirm a suspicious gain.
    confirming: usize,
}

impl Pace {
    /// # Errors
    /// When the budget does not hold what is needed at least.
    fn of(
        options: &CheckOptions,
        plan: &Plan,
        step: Step,
        targets: &[&ArmTarget],
    ) -> Result<Self, SessionError> {
        let started = targets.iter().any(|t| t.command.is_some());
        let round = budget::round_length(plan, started);
        let in_turn = match step {
            Step::Pair => Nanos(round.0 * 2),
            Step::Round | Step::Duet => round,
        };
        let duet = step == Step::Duet;
        let most = options.most_rounds();
        let fits = options
            .budget
            .map_or(most, |budget| budget::fitting(budget, in_turn));
        let least = match step {
            Step::Duet => LEAST_OF_DUET,
            Step::Round | Step::Pair => most.min(2),
        };
        let cap = most.min(fits);
        if let (Some(budget), true) = (options.budget, cap < least) {
            let noun = match step {
                Step::Round => "round",
                Step::Pair | Step::Duet => "pair",
            };
            let s = if least == 1 { "" } else { "s" };
            return Err(SessionError::BudgetTooShort {
                budget,
                step: in_turn,
                needed: format!("{least} {noun}{s}"),
            });
        }
        let looks = judge::looks(cap, duet);
        let rounds = looks.last().copied().unwrap_or(cap);
        Ok(Self {
            budget: Budget::begin(options.budget, in_turn),
            fitting: options.budget.map(|budget| Fitting {
                budget,
                round,
                rounds,
            }),
            looks,
            confirming: if duet { SIDES } else { 1 },
        })
    }

    /// Rounds per arm of the last look.
    fn cap(&self) -> usize {
        self.looks.last().copied().unwrap_or_default()
    }
}

/// What is measured from one look to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Round,
    /// Both sides, one after the other.
    Pair,
    /// Both sides at once.
    Duet,
}

/// Measures and judges against the reference; what regressed is profiled where that is asked for.
pub fn check(
    session: &Session,
    plan: Plan,
    options: &CheckOptions,
    watcher: &mut Watcher<'_>,
) -> Result<Outcome, SessionError> {
    let now = options.now.clone().unwrap_or_else(|| ArmTarget::of(&plan));
    let Some(candidates) = options.candidates(&now) else {
        return judged(session, plan, &now, options, watcher);
    };
    let mut outcome = judged(session, plan.clone(), &now, options, watcher)?;
    candidates.profile(session, plan, &mut outcome, watcher)?;
    Ok(outcome)
}

fn judged(
    session: &Session,
    plan: Plan,
    now: &ArmTarget,
    options: &CheckOptions,
    watcher: &mut Watcher<'_>,
) -> Result<Outcome, SessionError> {
    let begun = |mode, reference| {
        let mut manifest = manifest(session, &plan, mode, reference);
        // `--command` and `--url` replace the scenario's own target, in the record too.
        manifest.outline.target = now.outline(&plan);
        manifest
    };
    let searches = searched(&plan).is_some();
    if searches && options.budget.is_some() {
        return Err(SessionError::SearchInBudget);
    }
    match &options.against {
        Against::Other { named, .. } if searches => Err(SessionError::OneSided {
            named: named.clone(),
        }),
        Against::Other { target, named } => {
            let mut manifest = begun(Mode::Interleaved, Some(named.clone()));
            let step = if options.duet { Step::Duet } else { Step::Pair };
            let pace = Pace::of(options, &plan, step, &[target, now])?;
            if options.duet {
                can_be_divided(&plan, SIDES)?;
                manifest.outline = halved(&manifest.outline);
            }
            both(
                session,
                plan,
                manifest,
                pace,
                options,
                [target, now],
                watcher,
            )
        }
        Against::Baseline(scenario) => {
            let root = options.baselines.as_deref().unwrap_or(&session.root);
            let baseline = Ledger::new(root, scenario)?.load()?;
            if baseline.is_none() && !options.allow_missing {
                return Err(SessionError::NoBaseline {
                    scenario: scenario.clone(),
                });
            }
            let mut manifest = begun(Mode::Check, Some(format!("@{scenario}")));
            manifest.baseline = baseline.as_ref().map(Baseline::id);
            let outline = manifest.outline.clone();
            let weighing = match &baseline {
                Some(b) => Weighing::stored(&outline, b, &manifest, options.allow_mismatch),
                None => Weighing::absolute(&outline),
            };
            let mut weighing = ruled(weighing, options);
            let (measurer, mut comparison) = if let Some(search) = searched(&plan) {
                let mut measurer = begin(session, plan, &manifest, search.most_rounds(), watcher)?;
                let capacity = search.measure(&mut measurer, now)?;
                let before = baseline.as_ref().map(Baseline::capacities);
                let before = before.unwrap_or_default();
                let comparison = weigh_capacity(&weighing, &measurer.rounds, &capacity, before);
                (measurer, comparison)
            } else {
                let mut pace = Pace::of(options, &plan, Step::Round, &[now])?;
                let most = pace.cap();
                let mut measurer = begin(session, plan, &manifest, most, watcher)?;
                let foresight = foreseen(&mut measurer, &weighing, &manifest, &pace);
                let mut comparison = until_decided(
                    &mut measurer,
                    &mut weighing,
                    &mut pace,
                    |measurer, index| {
                        let slot = Slot {
                            index,
                            arm: Arm::Now,
                            pair: index,
                            level: None,
                            of: most,
                        };
                        measurer.round(slot, now)
                    },
                )?;
                comparison.foresight = foresight;
                (measurer, comparison)
            };
            if baseline.is_none() {
                comparison
                    .findings
                    .insert(0, unreferenced(scenario, &comparison));
            }
            let mut outcome = conclude(measurer, manifest, comparison)?;
            outcome.baseline = baseline;
            Ok(outcome)
        }
    }
}

fn ruled<'a>(weighing: Weighing<'a>, options: &CheckOptions) -> Weighing<'a> {
    Weighing {
        rule: options.rule,
        ..weighing
    }
}

/// Measures both targets now, in turn or at once.
fn both(
    session: &Session,
    plan: Plan,
    manifest: Manifest,
    mut pace: Pace,
    options: &CheckOptions,
    [before, now]: [&ArmTarget; SIDES],
    watcher: &mut Watcher<'_>,
) -> Result<Outcome, SessionError> {
    let outline = manifest.outline.clone();
    let named = manifest.reference.clone().unwrap_or_default();
    let most = SIDES * pace.cap();
    // Spoiled pairs are repeated, and there may be as many of them again.
    let pairs = 2 * pace.cap() + pace.confirming;
    let order = if options.duet {
        judge::balanced_order(plan.seed, pairs)
    } else {
        judge::order(plan.seed, pairs)
    };
    let mut measurer = begin(session, plan, &manifest, most, watcher)?;
    let weighing = if options.duet {
        Weighing::duet(&outline, named)
    } else {
        Weighing::paired(&outline, named)
    };
    let mut weighing = ruled(weighing, options);
    let foresight = foreseen(&mut measurer, &weighing, &manifest, &pace);
    let target = |arm| match arm {
        Arm::Before => before,
        Arm::Now => now,
    };
    let mut comparison =
        until_decided(&mut measurer, &mut weighing, &mut pace, |measurer, pair| {
            let slot = |place: usize| Slot {
                index: SIDES * pair + place,
                arm: order[pair][place],
                pair,
                level: None,
                of: most,
            };
            let slots = [slot(0), slot(1)];
            if options.duet {
                return measurer.pair(slots, slots.map(|s| target(s.arm)));
            }
            for slot in slots {
                measurer.round(slot, target(slot.arm))?;
                if measurer.stopping() {
                    break;
                }
            }
            Ok(())
        })?;
    comparison.foresight = foresight;
    conclude(measurer, manifest, comparison)
}

/// Within a budget: says what can be seen, before the first round.
fn foreseen(
    measurer: &mut Measurer<'_, '_>,
    weighing: &Weighing<'_>,
    manifest: &Manifest,
    pace: &Pace,
) -> Option<Box<Foresight>> {
    let fitting = pace.fitting?;
    let looks = Looks::at(&pace.looks);
    let foresight = planner::plan(measurer.session, weighing, looks, manifest, fitting);
    (measurer.watcher)(&Event::Planned(foresight.clone()));
    Some(Box::new(foresight))
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
    pace: &mut Pace,
    mut add: impl FnMut(&mut Measurer<'_, '_>, usize) -> Result<(), SessionError>,
) -> Result<Comparison, SessionError> {
    let mut measured = 0;
    let mut failed = None;
    let mut suspects = Suspects::default();
    weighing.looks = Looks::at(&pace.looks);
    let looks = pace.looks.clone();
    let cap = pace.cap();
    let mut step = |measurer: &mut Measurer<'_, '_>, measured: &mut usize| {
        if *measured > 0 && !measurer.goes_on() {
            return Ok(false);
        }
        let begun = Monotonic.now();
        add(measurer, *measured)?;
        *measured += 1;
        pace.budget.took(Monotonic.now() - begun);
        let goes_on = !measurer.stopping() && pace.budget.allows(Monotonic.now());
        Ok::<bool, SessionError>(goes_on)
    };
    let mut goes_on = true;
    for &look in &looks {
        while goes_on && wants_more(&measurer.rounds, measured, look) {
            goes_on = step(measurer, &mut measured)?;
        }
        if !goes_on && wants_more(&measurer.rounds, measured, look) {
            break;
        }
        weighing.final_look = look == cap;
        weighing.suspected = suspects.before(measured);
        let comparison = weigh(weighing, &measurer.rounds);
        suspects.note(&comparison, measured);
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
    weighing.suspected = suspects.before(measured);
    let mut last = weigh(weighing, &measurer.rounds);
    if goes_on && last.results.iter().any(|r| r.gating && r.suspicious) {
        suspects.note(&last, measured);
        let upto = measured + pace.confirming;
        while goes_on && measured < upto {
            goes_on = step(measurer, &mut measured)?;
        }
        weighing.suspected = suspects.before(measured);
        last = weigh(weighing, &measurer.rounds);
    }
    Ok(standing(failed, last))
}

/// Gains too great to be believed, with the number of rounds they were seen in.
#[derive(Default)]
struct Suspects(Vec<(String, usize)>);

impl Suspects {
    fn note(&mut self, comparison: &Comparison, measured: usize) {
        for result in comparison.results.iter().filter(|r| r.suspicious) {
            let name = result.name();
            if self.0.iter().all(|(known, _)| *known != name) {
                self.0.push((name, measured));
            }
        }
    }

    /// Those seen in fewer rounds than these, which may confirm them.
    fn before(&self, measured: usize) -> Vec<String> {
        let earlier = self.0.iter().filter(|(_, at)| *at < measured);
        earlier.map(|(name, _)| name.clone()).collect()
    }
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

/// True while the look needs another round: unspoiled ones are missing, and repeating may help.
fn wants_more(rounds: &[Round], measured: usize, look: usize) -> bool {
    let clean = clean(rounds, measured);
    let spoiled = measured - clean;
    let hopeless = measured >= ENOUGH_TO_GIVE_UP && spoiled * 2 > measured;
    measured < look || (clean < look && !hopeless && measured < 2 * look)
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
    use crate::model::{
        Decision, Design, Estimate, Judge, Metric, MetricResult, Scope, Side, Stat,
    };

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
            capacity: None,
            judge: Judge::default(),
            unevaluated: Vec::new(),
            foresight: None,
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
    fn a_gain_is_confirmed_by_further_rounds_only() {
        let mut suspects = Suspects::default();
        let mut comparison = concluded(Verdict::Inconclusive);
        suspects.note(&comparison, 3);
        assert!(suspects.before(5).is_empty());
        comparison.results = vec![MetricResult {
            metric: Metric::Latency(Stat::P50),
            scope: Scope::default(),
            gating: true,
            before: None,
            now: Side {
                value: Estimate::Exact(1.0),
                rounds: Vec::new(),
                spoiled: 0,
            },
            change: Some(-0.6),
            interval: None,
            level: 0.95,
            allowed: None,
            max: None,
            verdict: Some(Verdict::Inconclusive),
            limit: None,
            confidence: None,
            p_worse: None,
            ranks: None,
            note: None,
            rounds_needed: None,
            detectable: None,
            over: None,
            line: None,
            suspicious: true,
            detection: None,
        }];
        suspects.note(&comparison, 3);
        suspects.note(&comparison, 5);
        assert!(
            suspects.before(3).is_empty(),
            "the same rounds confirm nothing"
        );
        assert_eq!(suspects.before(5).len(), 1);
    }
}
