//! Watches a round while it runs: the guard, the limits that end a run when they are broken, and the
//! alerts.
//!
//! It is asked at the end of every second; what it decides reaches the workers at their next turn,
//! so the load stops well within a second of the guard's opening.

use crate::alert::{Alert, Watch};
use crate::engine::Governor;
use crate::guard::Breaker;
use crate::judge::{Aftermath, Live, Suspicion};
use crate::model::{
    AlertEvent, Event, GuardChange, GuardState, Halt, HaltCause, Interval, Outline, PhaseOutline,
    Round, Sample, Trust,
};
use crate::mutant::{self, Mutant};
use crate::recorder;
use crate::stop::Stop;
use crate::units::Nanos;

/// One round under watch.
#[derive(Debug)]
pub(super) struct Overseer<'a> {
    breaker: Option<&'a mut Breaker>,
    live: Live,
    aftermath: Aftermath,
    watch: Watch,
    alerts: Vec<AlertEvent>,
    /// Where the plan of the round ends: after it there is nothing to hold back.
    end: Nanos,
    governor: Governor,
    stop: Stop,
    changes: Vec<GuardChange>,
    halt: Option<Halt>,
    phases: Vec<PhaseOutline>,
    suspicion: Suspicion,
    /// The latest, without what it says of the target.
    sampled: Option<Sample>,
    /// The longest time that an interval took to be stored.
    record_delay: Nanos,
}

impl<'a> Overseer<'a> {
    pub(super) fn new(outline: &Outline, breaker: Option<&'a mut Breaker>, stop: Stop) -> Self {
        let mut breaker = breaker;
        if let Some(breaker) = &mut breaker {
            breaker.begin_round();
        }
        Self {
            breaker,
            live: Live::new(outline),
            aftermath: Aftermath::new(outline),
            watch: Watch::new(&[], &outline.steps),
            alerts: Vec::new(),
            end: outline.duration(),
            governor: Governor::default(),
            stop,
            changes: Vec::new(),
            halt: None,
            phases: outline.phases.clone(),
            suspicion: Suspicion::new(None),
            sampled: None,
            record_delay: Nanos::ZERO,
        }
    }

    /// Knows the CPU pressure of the machine before the load.
    pub(super) fn with_idle_pressure(mut self, share: Option<f64>) -> Self {
        self.suspicion = Suspicion::new(share);
        self
    }

    /// Has these alerts evaluated too.
    pub(super) fn with_alerts(mut self, alerts: &[Alert], steps: &[String]) -> Self {
        self.watch = Watch::new(alerts, steps);
        self
    }

    /// What the workers of the round obey.
    pub(super) fn governor(&self) -> Governor {
        self.governor.clone()
    }

    /// Takes in what the sampler saw, and says what alerts did.
    pub(super) fn sample(&mut self, sample: &Sample) -> Vec<Event> {
        let changes = self.watch.sample(sample);
        let mut events = self.alerted(changes);
        let trust = recorder::of_sample(self.sampled.as_ref(), sample, &self.phases);
        self.sampled = Some(Sample {
            host: sample.host,
            ..Sample::default()
        });
        events.extend(self.suspect(sample.at, &trust));
        events
    }

    /// Takes in how long the interval that ended at `at` took to be stored.
    pub(super) fn stored(&mut self, at: Nanos, took: Nanos) -> Vec<Event> {
        self.record_delay = self.record_delay.max(took);
        let trust = Trust {
            record_delay: took,
            ..Trust::default()
        };
        self.suspect(at, &trust)
    }

    /// The longest time that an interval took to be stored.
    pub(super) fn record_delay(&self) -> Nanos {
        self.record_delay
    }

    fn suspect(&mut self, at: Nanos, trust: &Trust) -> Vec<Event> {
        let new = self.suspicion.second(at, trust);
        new.into_iter().map(Event::Suspected).collect()
    }

    fn alerted(&mut self, changes: Vec<AlertEvent>) -> Vec<Event> {
        self.alerts.extend(changes.iter().cloned());
        let events = changes.into_iter().map(Box::new).map(Event::Alert);
        events.collect()
    }

    /// Takes an interval in, acts on it, and says what it did.
    pub(super) fn interval(&mut self, interval: &Interval) -> Vec<Event> {
        let changes = self.watch.interval(interval);
        let mut events = self.alerted(changes);
        let trust = recorder::of_interval(interval, &self.phases);
        events.extend(self.suspect(interval.start + interval.length, &trust));
        self.aftermath.feed(interval);
        let breach = self.live.feed(interval);
        if self.halt.is_some() {
            return events;
        }
        let at = interval.start + interval.length;
        if let Some(change) = self.breaker.as_mut().and_then(|b| b.feed(interval))
            && (change.state.is_opening() || at < self.end)
        {
            if !mutant::is_on(Mutant::GuardUnheard) {
                self.governor.set(change.state.admit_every());
            }
            self.changes.push(change);
            events.push(Event::Guard(change));
            if change.state == GuardState::Ended {
                events.push(self.end_run(at, HaltCause::Guard));
                return events;
            }
        }
        if let Some(breach) = breach {
            events.push(self.end_run(at, HaltCause::Threshold(breach)));
        }
        events
    }

    fn end_run(&mut self, at: Nanos, by: HaltCause) -> Event {
        self.stop.drain();
        let halt = Halt { at, by };
        self.halt = Some(halt.clone());
        Event::Halted(halt)
    }

    /// Judges what is left, and enters into the round what was seen of it and done to it; says what
    /// alerts did at its end.
    pub(super) fn finish(mut self, round: &mut Round) -> Vec<Event> {
        let changes = self.watch.finish();
        let events = self.alerted(changes);
        round.alerts = self.alerts;
        round.windows = self.live.finish();
        round.impacts = self.aftermath.finish();
        round.guard = self.changes;
        round.halt = self.halt.map(Box::new);
        round.disturbed = self.suspicion.finish();
        events
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Cell, ErrorClass, Metric, PhaseOutline, Stat, Threshold};
    use crate::scenario::plan::{Guard, GuardAction};
    use crate::stop::StopState;

    fn outline(threshold: Option<Threshold>) -> Outline {
        Outline {
            steps: vec!["root".into()],
            phases: vec![PhaseOutline {
                name: "steady".into(),
                start: Nanos::ZERO,
                duration: Nanos::from_secs(60),
                warm_up: false,
                load: String::new(),
                asked: None,
            }],
            thresholds: threshold.into_iter().collect(),
            ..Outline::default()
        }
    }

    fn second(start: u64, answered: u64, ms: u64, failed: u64) -> Interval {
        let mut cell = Cell::default();
        cell.tally.due = answered + failed;
        cell.tally.sent = answered + failed;
        cell.tally.answered = answered;
        cell.tally.failures.add(ErrorClass::Status5xx, failed);
        cell.latency.failed = failed;
        (0..answered).for_each(|_| cell.latency.ok.record(Nanos::from_millis(ms)));
        Interval {
            start: Nanos::from_secs(start),
            length: Nanos::SECOND,
            cells: vec![cell],
            ..Interval::default()
        }
    }

    #[test]
    fn the_workers_are_told_at_the_interval_in_which_the_guard_opens() {
        let mut breaker = Breaker::new(Guard {
            errors_over: 0.5,
            within: Nanos::from_secs(4),
            action: GuardAction::Stop,
            rest: Nanos::SECOND,
            openings: 2,
        });
        let stop = Stop::default();
        let outline = outline(None);
        let mut overseer = Overseer::new(&outline, Some(&mut breaker), stop.clone());
        let governor = overseer.governor();
        assert!(overseer.interval(&second(0, 100, 5, 0)).is_empty());
        assert_eq!(governor.admit_every(), 1);
        overseer.interval(&second(1, 0, 0, 100));
        overseer.interval(&second(2, 0, 0, 100));
        assert_eq!(governor.admit_every(), 0);
        overseer.interval(&second(3, 0, 0, 0));
        assert_eq!(governor.admit_every(), 10);
        for s in 4..7 {
            overseer.interval(&second(s, 0, 0, 10));
        }
        assert_eq!(governor.admit_every(), 0);
        assert_eq!(stop.state(), StopState::Draining);
        let mut round =
            crate::recorder::Recorder::new(&outline, 0, crate::model::Arm::Now, 0, String::new())
                .finish(crate::recorder::End {
                    worker_cpu: 0.0,
                    idle_cpu_pressure: None,
                    record_delay: Nanos::ZERO,
                    complete: false,
                });
        overseer.finish(&mut round);
        let states: Vec<_> = round.guard.iter().map(|c| c.state).collect();
        assert_eq!(
            states,
            [GuardState::Open, GuardState::Probing(10), GuardState::Ended]
        );
        assert_eq!(round.halt.expect("ended").at, Nanos::from_secs(7));
    }

    #[test]
    fn a_broken_limit_ends_the_run_once_enough_requests_tell() {
        let stop = Stop::default();
        let outline = outline(Some(Threshold {
            max: Some(50e6),
            abort: true,
            ..Threshold::on(Metric::Latency(Stat::P99))
        }));
        let mut overseer = Overseer::new(&outline, None, stop.clone());
        for s in 0..9 {
            assert!(overseer.interval(&second(s, 100, 80, 0)).is_empty(), "{s}");
        }
        let events = overseer.interval(&second(9, 100, 80, 0));
        let [Event::Halted(halt)] = &events[..] else {
            panic!("{events:?}")
        };
        insta::assert_snapshot!(halt, @"latency.p99 was 80 ms after 10 s, over its limit of 50 ms");
        assert_eq!(stop.state(), StopState::Draining);
        assert!(overseer.interval(&second(10, 100, 80, 0)).is_empty());
    }
}
