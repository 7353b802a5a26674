//! A pair measured at once: both targets up together, each under half of the load.
//!
//! The place of a side is which target is started first and which half of the arrivals it gets: of
//! every two that follow each other in the plan the first place has one, the second the other. Both
//! have the same beginning, so what the machine does meets both in the same second.

use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, channel};
use std::thread;

use crate::clock::{Clock, Monotonic, wall_rfc3339};
use crate::engine::{self, Ended, Order};
use crate::judge;
use crate::model::{Arm, Event, Interval, Outline, Sample, Shard};
use crate::observe::{self, Sampler, Watch};
use crate::recorder::{End, Recorder};
use crate::stop::EndsAllOnPanic;
use crate::store::runs::{Begin, Frame};
use crate::units::Nanos;

use super::bundles::Sentry;
use super::faults::Road;
use super::overseer::Overseer;
use super::round::{ArmTarget, IDLE_LISTENING, LEAD, Measurer, Slot, Started};
use super::{SessionError, conceal, load};

/// Sides of a pair, and parts that the plan is dealt to.
pub(super) const SIDES: usize = 2;

/// One side while it is measured.
struct Side<'a> {
    slot: Slot,
    started: Started,
    recorder: Recorder,
    overseer: Overseer<'a>,
    sentry: Option<Sentry>,
    samples: Receiver<Sample>,
}

/// What a side of a duet is asked: half of everything.
pub(super) fn halved(outline: &Outline) -> Outline {
    let mut outline = outline.clone();
    for phase in &mut outline.phases {
        phase.asked = phase.asked.map(|n| n / SIDES as u64);
        phase.load.push_str(", half to each side");
    }
    outline
}

impl Measurer<'_, '_> {
    /// Measures both sides of a pair at once; `slots` are in the order of their places.
    pub(super) fn pair(
        &mut self,
        slots: [Slot; SIDES],
        targets: [&ArmTarget; SIDES],
    ) -> Result<(), SessionError> {
        self.attempt_pair(slots, targets)
            .map_err(|source| self.in_round(slots[0], source))
    }

    fn attempt_pair(
        &mut self,
        slots: [Slot; SIDES],
        targets: [&ArmTarget; SIDES],
    ) -> Result<(), SessionError> {
        let started_at = wall_rfc3339();
        let mut all_started = Vec::with_capacity(SIDES);
        for (slot, target) in slots.iter().zip(targets) {
            (self.watcher)(&Event::RoundStarted {
                index: slot.index,
                arm: slot.arm,
                of: slot.of,
                level: None,
            });
            let Some(started) = self.start(target)? else {
                return Ok(());
            };
            all_started.push(started);
        }
        for slot in &slots {
            self.writer.append(&Frame::Begin(Begin {
                index: slot.index,
                arm: slot.arm,
                pair: slot.pair,
                started_at: started_at.clone(),
                level: None,
            }))?;
        }
        let idle_cpu_pressure = observe::idle_pressure(IDLE_LISTENING);
        let epoch = Monotonic.now() + LEAD;
        // Each target has a guard of its own: the one under test is what the run remembers.
        let mut breakers = [self.breaker.clone(), self.breaker.clone()];
        let (outline, stop) = (self.outline.clone(), self.stop.clone());
        let mut sides = Vec::with_capacity(SIDES);
        let mut orders = Vec::with_capacity(SIDES);
        let mut roads = Vec::with_capacity(SIDES);
        let mut samplers = Vec::with_capacity(SIDES);
        for (place, ((slot, started), breaker)) in slots
            .into_iter()
            .zip(all_started)
            .zip(&mut breakers)
            .enumerate()
        {
            let (sampled, samples) = mpsc::channel();
            let redactor = self.redactor.clone();
            samplers.push(Sampler::start(
                Watch {
                    epoch,
                    times: observe::sample_times(&outline),
                    subject: started.subject.clone(),
                    questions: started.questions(&self.plan),
                    round: slot.index,
                },
                // The receiver outlives the sampler; a send can only fail while unwinding.
                move |sample| drop(sampled.send(conceal::sample(&redactor, sample))),
            ));
            let overseer = Overseer::new(&self.judged, breaker.as_mut(), stop.clone())
                .with_idle_pressure(idle_cpu_pressure)
                .with_alerts(&self.plan.alerts, &outline.steps);
            let road = Road::build(&self.plan, &started.dial, epoch, [slot.pair, 0])?;
            orders.push(self.order_of(place, slot, (&started, &road), epoch, &overseer)?);
            roads.push(road);
            sides.push(Side {
                slot,
                recorder: Recorder::new(
                    &outline,
                    slot.index,
                    slot.arm,
                    slot.pair,
                    started_at.clone(),
                ),
                started,
                overseer,
                sentry: Some(Sentry::new(slot.index)),
                samples,
            });
        }
        let ended = self.load_both(&orders, &mut sides);
        samplers.into_iter().for_each(Sampler::stop);
        for sentry in sides.iter_mut().filter_map(|side| side.sentry.take()) {
            if let Some(event) = sentry.finish(&mut self.bundles, &self.session.stop) {
                (self.watcher)(&event);
            }
        }
        let ended = ended?;
        for road in roads {
            road.close()?;
        }
        for (side, ended) in sides.into_iter().zip(ended) {
            self.finish_side(side, ended, idle_cpu_pressure)?;
        }
        let tested = slots.iter().position(|s| s.arm == Arm::Now);
        self.breaker = tested.and_then(|i| breakers[i].take());
        Ok(())
    }

    /// Sums up what one side measured and writes it down.
    fn finish_side(
        &mut self,
        mut side: Side<'_>,
        ended: Ended,
        idle_cpu_pressure: Option<f64>,
    ) -> Result<(), SessionError> {
        let samples: Vec<Sample> = side.samples.try_iter().collect();
        for sample in samples {
            for event in side.overseer.sample(&sample) {
                (self.watcher)(&event);
            }
            self.record_sample(&mut side.recorder, sample)?;
        }
        let complete = !ended.interrupted;
        if complete {
            side.started.still_running()?;
        }
        side.started.end(&self.session.stop);
        let mut round = side.recorder.finish(End {
            worker_cpu: ended.worker_cpu,
            idle_cpu_pressure,
            record_delay: side.overseer.record_delay(),
            complete,
        });
        for event in side.overseer.finish(&mut round) {
            (self.watcher)(&event);
        }
        round.contamination = judge::contamination(&round.trust);
        self.writer.append(&Frame::Round(Box::new(round.clone())))?;
        self.writer.sync()?;
        (self.watcher)(&Event::RoundEnded {
            index: side.slot.index,
            arm: side.slot.arm,
            complete,
            contamination: round.contamination.clone(),
        });
        self.rounds.push(round);
        Ok(())
    }

    fn order_of(
        &self,
        place: usize,
        slot: Slot,
        (started, road): (&Started, &Road),
        epoch: Nanos,
        overseer: &Overseer<'_>,
    ) -> Result<Order, SessionError> {
        let connections = self.plan.target.http.connections;
        let shard = Shard::new(place, SIDES).map_err(|_| SessionError::TooManyShards {
            of: SIDES,
            have: place,
            what: "places",
        })?;
        Ok(Order {
            plan: Arc::clone(&self.plan),
            dial: road.dial.clone(),
            speech: started.speech.clone(),
            url: started.url.clone(),
            epoch,
            workers: self
                .session
                .workers
                .unwrap_or_else(|| engine::default_workers(connections / SIDES)),
            stop: self.stop.clone(),
            governor: overseer.governor(),
            shard,
            round: slot.index,
        })
    }

    /// Runs both loads to their end, recording what comes from either as it comes.
    fn load_both(
        &mut self,
        orders: &[Order],
        sides: &mut [Side<'_>],
    ) -> Result<Vec<Ended>, SessionError> {
        let (told, tales) = channel::<(usize, Interval)>();
        thread::scope(|scope| {
            let _ends_all = EndsAllOnPanic(&orders[0].stop);
            let loads: Vec<_> = orders
                .iter()
                .enumerate()
                .map(|(place, order)| {
                    let told = told.clone();
                    scope.spawn(move || {
                        // The receiver outlives both; a send can only fail while unwinding.
                        let ended = load::run(order, &mut |interval| {
                            drop(told.send((place, interval)));
                        });
                        if ended.is_err() {
                            order.stop.abort();
                        }
                        ended
                    })
                })
                .collect();
            drop(told);
            let mut failure = None;
            for (place, interval) in tales {
                if failure.is_some() {
                    continue;
                }
                let side = &mut sides[place];
                let samples: Vec<Sample> = side.samples.try_iter().collect();
                let mut events: Vec<Event> = samples
                    .iter()
                    .flat_map(|s| side.overseer.sample(s))
                    .collect();
                events.extend(side.overseer.interval(&interval));
                if let Some(sentry) = &mut side.sentry {
                    let second = (&interval, &samples[..], &events[..]);
                    let bundle = sentry.second(&mut self.bundles, &side.started.whom(), second);
                    events.extend(bundle);
                }
                let end = interval.start + interval.length;
                match self.record(&mut side.recorder, interval, samples.into_iter()) {
                    Ok(took) => events.extend(side.overseer.stored(end, took)),
                    Err(error) => failure = Some(error),
                }
                for event in &events {
                    (self.watcher)(event);
                }
                if failure.is_none()
                    && !self.stopping()
                    && let Err(error) = side.started.still_running()
                {
                    if let Some(sentry) = &mut side.sentry {
                        sentry.gone(&mut self.bundles, &side.started.whom(), &error);
                    }
                    failure = Some(error.into());
                }
                if failure.is_some() {
                    // What cannot be recorded, or would meet nobody, may not be sent.
                    for order in orders {
                        order.stop.abort();
                    }
                }
            }
            let mut ended = Vec::with_capacity(SIDES);
            for load in loads {
                let load = load.join().map_err(|_| engine::EngineError::Panicked)?;
                match load {
                    Ok(load) => ended.push(load),
                    Err(error) => failure = failure.or(Some(error)),
                }
            }
            match failure {
                Some(failure) => Err(failure),
                None => Ok(ended),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_side_is_asked_half_and_the_record_says_so() {
        let plan = crate::schedule::sample::plan();
        let whole = plan.outline();
        let half = halved(&whole);
        for (whole, half) in whole.phases.iter().zip(&half.phases) {
            assert_eq!(half.asked, whole.asked.map(|n| n / 2));
            assert!(half.load.ends_with("half to each side"));
        }
    }
}
