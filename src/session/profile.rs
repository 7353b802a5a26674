//! Rounds that are run again under a profiler once a check has ended `regressed`.
//!
//! They come when the record is sealed and the verdict stands, so nothing that a profiler disturbs is in
//! any comparison. What cannot be profiled is said; it changes neither verdict nor exit code.

use std::sync::Arc;
use std::sync::mpsc;

use crate::clock::{Clock, Monotonic};
use crate::engine::{self, Order};
use crate::guard::Breaker;
use crate::model::{Arm, Event, Outline, Profile, Profiles, Shard, Unprofiled, Verdict};
use crate::observe::{ProfilerChoice, ReadyProfiler, Sampler, Watch};
use crate::redaction::Redactor;
use crate::scenario::plan::Plan;
use crate::store::runs;
use crate::units::Nanos;

use super::duet::SIDES;
use super::overseer::Overseer;
use super::round::{ArmTarget, LEAD, Stage};
use super::search::searched;
use super::{Outcome, Session, SessionError, Watcher, conceal, load};

/// What `check` would have profiled.
#[derive(Debug)]
pub(super) struct Candidates {
    pub choice: ProfilerChoice,
    /// The arms that can be run again.
    pub arms: Vec<(Arm, ArmTarget)>,
    /// Each had half of the load.
    pub duet: bool,
}

impl Candidates {
    /// Profiles the arms of a check that has regressed, and keeps that beside its record.
    ///
    /// # Errors
    /// When the profiles cannot be written.
    pub(super) fn profile(
        self,
        session: &Session,
        plan: Plan,
        outcome: &mut Outcome,
        watcher: &mut Watcher<'_>,
    ) -> Result<(), SessionError> {
        let verdict = outcome.run.comparison.as_ref().map(|c| c.decision.verdict);
        if verdict != Some(Verdict::Regressed) {
            return Ok(());
        }
        let redactor = Redactor::new(plan.secrets());
        let plan = Arc::new(plan);
        let mut profiles = Profiles::default();
        for arm in [Arm::Now, Arm::Before] {
            let target = self.arms.iter().find(|(of, _)| *of == arm);
            let taken = match target {
                None => {
                    Err("a stored baseline cannot be run again; --against-command can".to_owned())
                }
                Some(_) if searched(&plan).is_some() => {
                    Err("a search for capacity has no one load to profile".to_owned())
                }
                Some((_, target)) => {
                    let round = ProfiledRound {
                        stage: Stage {
                            session,
                            plan: Arc::clone(&plan),
                            stop: session.stop.branch(),
                        },
                        arm,
                        choice: self.choice,
                        shard: if self.duet { half(arm) } else { Shard::whole() },
                    };
                    watcher(&Event::Profiling { arm });
                    round.run(target, watcher)
                }
            };
            match taken {
                Ok(profile) => profiles.taken.push(conceal::profile(&redactor, profile)),
                Err(reason) => {
                    let reason = redactor.text(&reason);
                    if target.is_some() {
                        let text = format!("no profile of `{}`: {reason}", arm.name());
                        watcher(&Event::Warning(text));
                    }
                    profiles.missing.push(Unprofiled { arm, reason });
                }
            }
        }
        runs::write_profiles(&outcome.dir, &profiles)?;
        outcome.profiles = profiles;
        Ok(())
    }
}

/// The half of the load that an arm of a duet gets.
fn half(arm: Arm) -> Shard {
    let place = usize::from(arm == Arm::Now);
    Shard::new(place, SIDES).unwrap_or_else(|_| Shard::whole())
}

/// One round that is looked at and not measured.
struct ProfiledRound<'a> {
    stage: Stage<'a>,
    arm: Arm,
    choice: ProfilerChoice,
    shard: Shard,
}

impl ProfiledRound<'_> {
    fn run(&self, target: &ArmTarget, watcher: &mut Watcher<'_>) -> Result<Profile, String> {
        let plan = &self.stage.plan;
        let outline = plan.outline();
        let told = |error: SessionError| error.diagnostic().message;
        let mut started = self
            .stage
            .start(target, watcher)
            .map_err(told)?
            .ok_or_else(|| "it was interrupted".to_owned())?;
        let Some(subject) = started.subject.clone() else {
            return Err("its processes are not known; `process` of [target] names them".to_owned());
        };
        let ready = ReadyProfiler::find(self.choice, &subject)?;
        let mut breaker = plan.guard.map(Breaker::new);
        let stop = &self.stage.stop;
        let mut overseer = Overseer::new(&unlimited(&outline), breaker.as_mut(), stop.clone());
        let epoch = Monotonic.now() + LEAD;
        let profiling = ready.start(epoch + warmed_up(&outline), outline.duration())?;
        // As in every round: what is asked of the target beside the load is part of its work.
        let (sampled, samples) = mpsc::channel();
        let sampler = started.questions(plan).map(|questions| {
            Sampler::start(
                Watch {
                    epoch,
                    times: crate::observe::sample_times(&outline),
                    subject: None,
                    questions: Some(questions),
                    round: 0,
                },
                // Nobody may be left to take it.
                move |sample| drop(sampled.send(sample)),
            )
        });
        let connections = plan.target.http.connections;
        let order = Order {
            plan: Arc::clone(plan),
            dial: started.dial.clone(),
            speech: started.speech.clone(),
            url: started.url.clone(),
            epoch,
            workers: self
                .stage
                .session
                .workers
                .unwrap_or_else(|| engine::default_workers(connections)),
            stop: stop.clone(),
            governor: overseer.governor(),
            shard: self.shard,
            round: 0,
        };
        let mut gone = None;
        let ended = load::run(&order, &mut |interval| {
            // What was seen of the target is of no use, and is not kept.
            samples.try_iter().for_each(drop);
            drop(overseer.interval(&interval));
            if gone.is_none() {
                gone = started.still_running().err();
                if gone.is_some() {
                    order.stop.abort();
                }
            }
        });
        let profile = profiling.finish(self.arm);
        drop(sampler);
        if let Some(gone) = gone {
            return Err(gone.diagnostic().message);
        }
        if ended.map_err(told)?.interrupted {
            return Err("the round came to no end".to_owned());
        }
        profile
    }
}

/// Without thresholds: they were judged before, and end no round that is only looked at.
fn unlimited(outline: &Outline) -> Outline {
    Outline {
        thresholds: Vec::new(),
        ..outline.clone()
    }
}

/// When the first phase begins that is measured.
fn warmed_up(outline: &Outline) -> Nanos {
    let measured = outline.phases.iter().find(|p| !p.warm_up);
    measured.map_or(Nanos::ZERO, |p| p.start)
}

/// What was profiled of a stored run; what cannot be read is said and shown as missing.
pub(super) fn stored(dir: &std::path::Path) -> Profiles {
    runs::read_profiles(dir).unwrap_or_else(|error| Profiles {
        taken: Vec::new(),
        missing: vec![Unprofiled {
            arm: Arm::Now,
            reason: error.diagnostic().message,
        }],
    })
}
