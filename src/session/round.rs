//! One round: a fresh target, ready; all phases under load; the target stopped; the facts summed up.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use crate::clock::{Clock, Monotonic, wall_rfc3339};
use crate::engine::{self, Order};
use crate::guard::Breaker;
use crate::judge;
use crate::launch::{self, LaunchError, Launched};
use crate::model::{Arm, Event, Interval, Outline, Round, Sample, TargetOutline};
use crate::mutant::{self, Mutant};
use crate::observe::{self, Questions, Sampler, Subject, Watch};
use crate::protocol::{self, Dial, Endpoint, Speech};
use crate::recorder::{End, Recorder};
use crate::redaction::Redactor;
use crate::scenario::plan::{Command, Plan, Url, Version};
use crate::scenario::{Astray, check_address};
use crate::schedule::Shard;
use crate::stop::{Stop, StopState};
use crate::store::runs::{Begin, Frame, RunWriter};
use crate::units::Nanos;

use super::bundles::{Bundles, Sentry, Whom};
use super::faults::Road;
use super::overseer::Overseer;
use super::shard::InStep;
use super::{Session, SessionError, Watcher, conceal, load};

/// How long the machine is listened to before each round, to know its pressure without our load.
pub(super) const IDLE_LISTENING: Nanos = Nanos::from_millis(200);

/// From the end of preparations to the first phase, so that every worker is waiting by then.
pub(super) const LEAD: Nanos = Nanos::from_millis(30);

/// Pause between two ready probes.
const PROBE_EVERY: Duration = Duration::from_millis(20);

/// The longest that one ready probe waits, so that a stop is heard between two of them.
const PROBE_AT_MOST: Nanos = Nanos::from_secs(3);

/// How long a stranger on the target's port has to accept a connection.
const STRANGER_ACCEPTS: Nanos = Nanos::from_millis(100);

/// What one arm loads.
#[derive(Debug, Clone)]
pub struct ArmTarget {
    pub url: Url,
    /// Started afresh for every round; None: the target is already there.
    pub command: Option<Command>,
}

impl ArmTarget {
    /// The target as the scenario describes it.
    pub fn of(plan: &Plan) -> Self {
        Self {
            url: plan.target.url.clone(),
            command: plan.target.command.clone(),
        }
    }

    /// The target as a record shows it, loaded by a plan.
    pub fn outline(&self, plan: &Plan) -> TargetOutline {
        plan.outline_of(&self.url, self.command.as_ref())
    }
}

/// The place of a round in a run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slot {
    pub index: usize,
    pub arm: Arm,
    pub pair: usize,
    /// Rate, in a search for capacity.
    pub level: Option<f64>,
    /// The most rounds the run can have, for showing.
    pub of: usize,
}

/// Measures rounds of one run and writes them to its log.
pub(super) struct Measurer<'a, 'w> {
    pub session: &'a Session,
    /// Ends this run, and obeys what ends the session.
    pub stop: Stop,
    pub breaker: Option<Breaker>,
    pub bundles: Bundles,
    /// Takes the plan's secrets out of what targets say.
    pub redactor: Redactor,
    pub plan: Arc<Plan>,
    pub outline: Outline,
    /// What is watched and judged of it: of a part alone, less.
    pub judged: Outline,
    /// Set when only a part is measured.
    pub in_step: Option<InStep>,
    pub writer: RunWriter,
    pub watcher: &'a mut Watcher<'w>,
    pub rounds: Vec<Round>,
    /// Of the latest round of a search. Others are in the log only: memory does not grow with the
    /// length of a run.
    pub intervals: Vec<Interval>,
    pub keeps_intervals: bool,
    /// True once anything was measured.
    pub recorded: bool,
    /// True once it was said that the target tells more than is kept.
    pub left_out: bool,
    /// Complete rounds after which somebody wished for no other, though one was left.
    pub ended_after: Option<usize>,
}

impl Measurer<'_, '_> {
    /// True once the run shall end, for whatever reason.
    pub(super) fn stopping(&self) -> bool {
        self.stop.state() != StopState::Running
    }

    /// True once somebody outside asked for a stop.
    pub(super) fn interrupted(&self) -> bool {
        self.session.stop.state() != StopState::Running
    }

    /// Measures one round and appends it to the record; an error says which round it was.
    pub(super) fn round(&mut self, slot: Slot, target: &ArmTarget) -> Result<(), SessionError> {
        self.attempt(slot, target)
            .map_err(|source| self.in_round(slot, source))
    }

    /// The error with the round it happened in.
    pub(super) fn in_round(&mut self, slot: Slot, source: SessionError) -> SessionError {
        let recorded = self.recorded;
        if !recorded {
            // A run that never sent anything must not become `last`. Where it cannot be
            // removed it reads as partial, and the error at hand matters more.
            self.writer.discard();
        }
        SessionError::InRound {
            number: slot.index + 1,
            of: slot.of,
            record: recorded.then(|| self.writer.dir().to_owned()),
            source: Box::new(conceal::error(&self.redactor, source)),
        }
    }

    fn attempt(&mut self, slot: Slot, target: &ArmTarget) -> Result<(), SessionError> {
        if let Some(in_step) = &self.in_step {
            (self.watcher)(&Event::Waiting {
                until: in_step.begins(slot.index).to_string(),
            });
            if !in_step.wait(slot.index, &self.stop) {
                return Ok(());
            }
        }
        (self.watcher)(&Event::RoundStarted {
            index: slot.index,
            arm: slot.arm,
            of: slot.of,
            level: slot.level,
        });
        let Slot {
            index,
            arm,
            pair,
            level,
            ..
        } = slot;
        self.intervals.clear();
        self.keeps_intervals = level.is_some();
        let started_at = wall_rfc3339();
        let mut recorder =
            Recorder::new(&self.plan.outline(), index, arm, pair, started_at.clone());
        let started = self.start(target)?;
        let Some(mut started) = started else {
            return Ok(());
        };
        self.writer.append(&Frame::Begin(Begin {
            index,
            arm,
            pair,
            started_at,
            level,
        }))?;
        let idle_cpu_pressure = observe::idle_pressure(IDLE_LISTENING);
        // Taken for the round, so that what it records and what it watches can be borrowed apart.
        let mut breaker = self.breaker.take();
        let mut overseer = Overseer::new(&self.judged, breaker.as_mut(), self.stop.clone())
            .with_idle_pressure(idle_cpu_pressure);
        if self.in_step.is_none() {
            // A part alone sees a part of the numbers, which no rule is about.
            overseer = overseer.with_alerts(&self.plan.alerts, &self.outline.steps);
        }
        let ended = self.load(slot, &mut started, &mut recorder, &mut overseer)?;
        let complete = !ended.interrupted;
        // Whoever stops us may have stopped the target as well: then the stop is the news.
        if complete {
            started.still_running()?;
        }
        started.end(&self.session.stop);
        let mut round = recorder.finish(End {
            worker_cpu: ended.worker_cpu,
            idle_cpu_pressure,
            record_delay: overseer.record_delay(),
            complete,
        });
        round.level = level;
        for event in overseer.finish(&mut round) {
            (self.watcher)(&event);
        }
        self.breaker = breaker;
        round.contamination = judge::contamination(&round.trust);
        self.writer.append(&Frame::Round(Box::new(round.clone())))?;
        self.writer.sync()?;
        (self.watcher)(&Event::RoundEnded {
            index: slot.index,
            arm: slot.arm,
            complete,
            contamination: round.contamination.clone(),
        });
        self.rounds.push(round);
        Ok(())
    }

    /// Runs all phases, recording intervals and samples as they come.
    fn load(
        &mut self,
        slot: Slot,
        started: &mut Started,
        recorder: &mut Recorder,
        overseer: &mut Overseer<'_>,
    ) -> Result<engine::Ended, SessionError> {
        let epoch = match &self.in_step {
            None => Monotonic.now() + LEAD,
            Some(in_step) => in_step.epoch(slot.index, LEAD, &self.stop)?,
        };
        let shard = self.in_step.map_or(Shard::whole(), |s| s.part.shard);
        let part = [slot.pair, shard.index()];
        let road = Road::build(&self.plan, &started.dial, epoch, part)?;
        let (sampled, samples) = mpsc::channel();
        let redactor = self.redactor.clone();
        let sampler = Sampler::start(
            Watch {
                epoch,
                times: observe::sample_times(&self.outline),
                subject: started.subject.clone(),
                questions: started.questions(&self.plan),
                round: slot.index,
            },
            // The receiver outlives the sampler; a send can only fail while unwinding.
            move |sample| drop(sampled.send(conceal::sample(&redactor, sample))),
        );
        let order = Order {
            plan: Arc::clone(&self.plan),
            dial: road.dial.clone(),
            speech: started.speech.clone(),
            url: started.url.clone(),
            epoch,
            workers: self
                .session
                .workers
                .unwrap_or_else(|| engine::default_workers(self.plan.target.http.connections)),
            stop: self.stop.clone(),
            governor: overseer.governor(),
            shard,
            round: slot.index,
        };
        let mut failure = None;
        let mut sentry = Sentry::new(slot.index);
        let ended = load::run(&order, &mut |interval| {
            if failure.is_none() {
                let seen: Vec<Sample> = samples.try_iter().collect();
                let mut events: Vec<Event> = seen.iter().flat_map(|s| overseer.sample(s)).collect();
                events.extend(overseer.interval(&interval));
                let second = (&interval, &seen[..], &events[..]);
                let bundle = sentry.second(&mut self.bundles, &started.whom(), second);
                events.extend(bundle);
                let end = interval.start + interval.length;
                match self.record(recorder, interval, seen.into_iter()) {
                    Ok(took) => events.extend(overseer.stored(end, took)),
                    Err(error) => failure = Some(error),
                }
                for event in &events {
                    (self.watcher)(event);
                }
                if failure.is_none()
                    && !self.stopping()
                    && let Err(error) = started.still_running()
                {
                    sentry.gone(&mut self.bundles, &started.whom(), &error);
                    failure = Some(error.into());
                }
                if failure.is_some() && !mutant::is_on(Mutant::LoadOutlivesRecord) {
                    // What cannot be recorded, or would meet nobody, may not be sent.
                    order.stop.abort();
                }
            }
        });
        sampler.stop();
        // Before the target is stopped: by whoever has it, in whatever way this ends.
        if let Some(event) = sentry.finish(&mut self.bundles, &self.session.stop) {
            (self.watcher)(&event);
        }
        if let Some(failure) = failure {
            return Err(failure);
        }
        let ended = ended?;
        road.close()?;
        for sample in samples.try_iter() {
            for event in overseer.sample(&sample) {
                (self.watcher)(&event);
            }
            self.record_sample(recorder, sample)?;
        }
        Ok(ended)
    }

    /// Stores an interval and the samples before it, and returns how long that took.
    pub(super) fn record(
        &mut self,
        recorder: &mut Recorder,
        interval: Interval,
        samples: impl Iterator<Item = Sample>,
    ) -> Result<Nanos, SessionError> {
        let begun = Monotonic.now();
        for sample in samples {
            self.record_sample(recorder, sample)?;
        }
        recorder.interval(&interval);
        let frame = Frame::Interval(interval);
        self.writer.append(&frame)?;
        self.recorded = true;
        self.writer.sync()?;
        let took = Monotonic.now() - begun;
        if let Frame::Interval(interval) = frame {
            (self.watcher)(&Event::Interval(Box::new(interval.clone())));
            if self.keeps_intervals {
                self.intervals.push(interval);
            }
        }
        Ok(took)
    }

    pub(super) fn record_sample(
        &mut self,
        recorder: &mut Recorder,
        sample: Sample,
    ) -> Result<(), SessionError> {
        if !self.left_out
            && let Some(beyond) = observe::left_out(&sample)
        {
            self.left_out = true;
            let text =
                format!("the target tells more metrics than are kept: {beyond} are left out");
            (self.watcher)(&Event::Warning(text));
        }
        recorder.sample(&sample);
        if let Some(target) = sample.target {
            let (round, at) = (sample.round, sample.at);
            (self.watcher)(&Event::Sampled { round, at, target });
        }
        self.writer.append(&Frame::Sample(sample))?;
        Ok(())
    }

    pub(super) fn start(&mut self, target: &ArmTarget) -> Result<Option<Started>, SessionError> {
        if let Some(command) = &target.command {
            self.bundles.command(command);
        }
        let stage = Stage {
            session: self.session,
            plan: Arc::clone(&self.plan),
            stop: self.stop.clone(),
        };
        stage.start(target, self.watcher)
    }
}

/// What a target is brought up with.
pub(super) struct Stage<'a> {
    pub session: &'a Session,
    pub plan: Arc<Plan>,
    pub stop: Stop,
}

impl Stage<'_> {
    /// Starts the target if it is ours, and waits until it is ready; None when a stop came first.
    pub(super) fn start(
        &self,
        target: &ArmTarget,
        watcher: &mut Watcher<'_>,
    ) -> Result<Option<Started>, SessionError> {
        let mut url = target.url.clone();
        let given_port = url.port == 0;
        if given_port {
            url.port = launch::free_port().map_err(SessionError::NoPort)?;
        }
        let dial = Dial {
            endpoint: self.endpoint(target, &url)?,
            source: self.plan.target.http.source,
            nodelay: self.plan.target.http.nodelay,
        };
        let version = self.plan.target.http.version;
        let speech = Speech::of(&self.plan.target, &url, version)?;
        let mut process = None;
        if let Some(command) = &target.command {
            // A target that listens where it likes is not told apart from whoever was there before.
            if let Endpoint::Tcp(address) = dial.endpoint
                && !given_port
                && protocol::reach(&dial, STRANGER_ACCEPTS).is_ok()
            {
                return Err(SessionError::PortTaken { address });
            }
            process = Some(Launched::start(
                command,
                url.port,
                self.session.executable.as_deref(),
            )?);
        }
        let subject = match &process {
            Some(process) => Some(Subject::Group(process.pid())),
            // What the plan says of processes is about its own target.
            None if target.url == self.plan.target.url => {
                self.plan.target.process.clone().map(Subject::Found)
            }
            None => None,
        };
        let mut started = Started {
            url,
            dial,
            speech,
            process,
            subject,
        };
        let from = Monotonic.now();
        loop {
            let refusal = match self.probe(&mut started) {
                Ok(()) => break,
                Err(refusal) => refusal,
            };
            if self.stop.state() != StopState::Running {
                return Ok(None);
            }
            started.still_running()?;
            let waited = Monotonic.now() - from;
            // A target that we did not start will not come up by waiting for it.
            let patience = match &started.process {
                Some(_) => self.plan.target.ready.within,
                None => self.plan.target.ready.within.min(Nanos::SECOND),
            };
            if waited >= patience {
                let output = started.process.as_ref().map(Launched::output_tail);
                return Err(SessionError::Launch(LaunchError::NotReady {
                    within: patience,
                    last: format!("{}: {refusal}", started.url),
                    output,
                }));
            }
            std::thread::sleep(PROBE_EVERY);
        }
        if let Some(subject @ Subject::Found(_)) = &started.subject
            && observe::found(subject) == 0
        {
            let rule = subject.clone();
            return Err(SessionError::NoProcess { rule });
        }
        self.healthy(&started)?;
        watcher(&Event::Ready {
            after: Monotonic.now() - from,
        });
        Ok(Some(started))
    }

    /// Asks all components whether they are well; the first that is not ends the run.
    fn healthy(&self, started: &Started) -> Result<(), SessionError> {
        let Some(questions) = started.questions(&self.plan) else {
            return Ok(());
        };
        for probe in &questions.health {
            let health = questions.look(probe);
            if let Some(reason) = health.reason {
                return Err(SessionError::Unhealthy {
                    name: health.name,
                    get: probe.get.clone(),
                    reason,
                });
            }
        }
        Ok(())
    }

    /// Where connections to a target go. What the plan says of that is about its own target.
    fn endpoint(&self, target: &ArmTarget, url: &Url) -> Result<Endpoint, SessionError> {
        let plan = &self.plan.target;
        if target.url != plan.url {
            return resolve(url).map(Endpoint::Tcp);
        }
        match (&plan.unix, &plan.http.connect_to) {
            (Some(path), _) => Ok(Endpoint::Unix(path.clone())),
            (None, Some((host, port))) => resolve(&Url::http(host, *port)).map(Endpoint::Tcp),
            (None, None) => resolve(url).map(Endpoint::Tcp),
        }
    }

    /// Asks the target whether it is ready, and which version it speaks where that is left to it.
    fn probe(&self, started: &mut Started) -> Result<(), String> {
        let target = &self.plan.target;
        let timeout = target.timeouts.connect.min(PROBE_AT_MOST);
        let Started {
            url, dial, speech, ..
        } = started;
        match &target.ready.get {
            None => protocol::reach(dial, timeout).map_err(|e| e.to_string())?,
            Some((path, status)) => match protocol::probe(dial, speech, url, path, timeout) {
                Ok(got) if got == *status => {}
                Ok(got) => return Err(format!("GET {path} answered {got}, expected {status}")),
                Err(e) => return Err(format!("GET {path}: {e}")),
            },
        }
        if let (Version::Auto, Some(tls)) = (target.http.version, &speech.tls) {
            let timeout = timeout + target.timeouts.tls;
            let version = protocol::negotiate(dial, tls, timeout).map_err(|e| e.to_string())?;
            *speech = Speech::of(target, url, version).map_err(|e| e.to_string())?;
        }
        Ok(())
    }
}

/// The address of a target, which a name may have led anywhere. What is found good here is what is
/// connected to: nobody looks the name up again.
pub(super) fn resolve(url: &Url) -> Result<SocketAddr, SessionError> {
    let address = url.resolve().map_err(|source| SessionError::Unresolved {
        host: url.host.clone(),
        source,
    })?;
    let (host, ip) = (url.host.clone(), address.ip());
    match check_address(&host, ip) {
        Ok(()) => Ok(address),
        Err(Astray::Metadata) => Err(SessionError::Forbidden { host, address: ip }),
        Err(Astray::Elsewhere) => Err(SessionError::Elsewhere { host, address: ip }),
    }
}

/// A target that can be loaded; stopped when dropped.
pub(super) struct Started {
    pub(super) url: Url,
    pub(super) dial: Dial,
    pub(super) speech: Speech,
    pub(super) process: Option<Launched>,
    /// Whose use of the machine is read.
    pub(super) subject: Option<Subject>,
}

impl Started {
    /// What a plan wants it to be asked beside the load.
    pub(super) fn questions(&self, plan: &Plan) -> Option<Questions> {
        let any = !plan.target.metrics.is_empty() || !plan.health.is_empty();
        any.then(|| Questions {
            dial: self.dial.clone(),
            speech: self.speech.clone(),
            url: self.url.clone(),
            metrics: plan.target.metrics.clone(),
            health: plan.health.clone(),
        })
    }

    /// Whom a bundle is about.
    pub(super) fn whom(&self) -> Whom<'_> {
        Whom {
            url: &self.url,
            subject: self.subject.as_ref(),
            process: self.process.as_ref(),
        }
    }

    /// Stops it: at once, if the session is to end at once.
    pub(super) fn end(mut self, stop: &Stop) {
        if let Some(process) = &mut self.process
            && stop.state() == StopState::Aborted
        {
            process.kill();
        }
    }

    /// A target of ours that ended by itself has nothing more to tell.
    pub(super) fn still_running(&mut self) -> Result<(), LaunchError> {
        self.process
            .as_mut()
            .and_then(Launched::exited_early)
            .map_or(Ok(()), Err)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_leads_to_a_metadata_service_is_refused() {
        let to = |host: &str| Url::http(host, 80);
        let error = resolve(&to("169.254.169.254")).expect_err("never");
        let shown = error.diagnostic();
        assert_eq!(shown.code.id, "PL0121");
        assert_eq!(
            shown.message,
            "`169.254.169.254` is 169.254.169.254, which is never put under load"
        );
        assert!(resolve(&to("127.0.0.1")).is_ok());
    }
}
