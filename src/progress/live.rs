//! Follows the events of one run, and words what is worth a line.

use std::collections::BTreeSet;

use crate::model::{
    AlertEvent, AlertState, Arm, Contaminant, Contamination, Disturbance, Event, GuardState,
    Outline,
};
use crate::report::plural;
use crate::units::{Nanos, Unit};
use crate::untrusted::Untrusted;

use super::round::RoundSoFar;

/// Follows a run and words what happens.
#[derive(Debug, Clone, Default)]
pub struct Progress {
    pub(super) outline: Outline,
    /// What is measured now, two rounds in a duet; or was last.
    rounds: Vec<RoundSoFar>,
    pub(super) stopping: bool,
    /// Nothing is measured until the user wants it.
    pub(super) paused: bool,
    /// Both sides are measured now.
    interleaved: bool,
    /// At the last look, where there was one.
    pub(super) undecided: Option<Vec<String>>,
    /// What was suspected already.
    suspects: BTreeSet<Contaminant>,
    pub(super) analysis: Option<Analysis>,
}

/// How far a long analysis is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Analysis {
    pub(super) what: &'static str,
    pub(super) done: usize,
    pub(super) of: usize,
}

impl Progress {
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes in an event that was heard of at `now`, and gives the line it is worth, if any, without a
    /// line feed.
    pub fn line(&mut self, event: &Event, now: Nanos) -> Option<String> {
        match event {
            Event::Started { outline, rounds } => {
                self.outline = outline.clone();
                Some(format!(
                    "{}: up to {} of {}",
                    Untrusted::from(outline.name.as_str()).terminal(),
                    plural(*rounds, "round"),
                    outline.duration()
                ))
            }
            Event::Planned(foresight) => Some(Untrusted::new(foresight.sentence()).terminal()),
            Event::Waiting { until } => Some(format!(
                "waits until {}",
                Untrusted::from(until.as_str()).terminal()
            )),
            Event::RoundStarted {
                index,
                arm,
                of,
                level,
            } => {
                self.interleaved |= *arm == Arm::Before;
                self.rounds.retain(|r| !r.ended && r.index != *index);
                self.rounds.push(RoundSoFar::new(*index, *arm, *of, *level));
                None
            }
            Event::Ready { .. } => {
                if let Some(round) = self.rounds.last_mut() {
                    round.ready = true;
                }
                None
            }
            Event::Interval(interval) => {
                let of = |r: &&mut RoundSoFar| r.index == interval.round;
                if let Some(round) = self.rounds.iter_mut().find(of) {
                    round.add(interval, &self.outline, now);
                }
                None
            }
            Event::Sampled { round, at, target } => {
                if let Some(of) = self.rounds.iter_mut().find(|r| r.index == *round) {
                    of.sampled(*at, *target);
                }
                None
            }
            Event::Guard(change) => {
                if let Some(round) = self.rounds.last_mut() {
                    round.guard = Some(change.state);
                }
                Some(change.to_string())
            }
            Event::Suspected(disturbance) => self.suspected(disturbance),
            Event::Alert(event) => alerted(event),
            Event::Halted(halt) => Some(format!("{halt}; the run ends")),
            Event::RoundEnded {
                index,
                arm,
                complete,
                contamination,
            } => Some(self.round_ended(*index, *arm, *complete, contamination)),
            Event::Paused => {
                self.paused = true;
                Some("paused: the next round waits".to_owned())
            }
            Event::Resumed => {
                self.paused = false;
                None
            }
            Event::Looked { rounds, undecided } => {
                self.undecided = Some(undecided.clone());
                Some(looked(*rounds, self.interleaved, undecided))
            }
            Event::LevelJudged { rate, verdict } => {
                Some(format!("level {} {verdict}", Unit::PerSecond.format(*rate)))
            }
            Event::Bundle(taken) => {
                let said = format!("diagnostic bundle: {} ({})", taken.path, taken.why);
                Some(Untrusted::new(said).terminal())
            }
            Event::Profiling { arm } => Some(format!(
                "profiling {}: one more round, which is not judged",
                arm.name()
            )),
            Event::Analysed { what, done, of } => {
                let (what, done, of) = (*what, *done, *of);
                self.analysis = Some(Analysis { what, done, of });
                None
            }
            Event::Warning(text) => Some(format!(
                "warning: {}",
                Untrusted::from(text.as_str()).terminal()
            )),
            Event::Stopping => {
                self.stopping = true;
                Some(
                    "stopping: waiting for open requests, at most 5 s; again to end at once"
                        .to_owned(),
                )
            }
        }
    }

    /// The round to show: the target under test, where two are measured at once.
    pub(super) fn round(&self) -> Option<&RoundSoFar> {
        let tested = self.rounds.iter().find(|r| r.arm == Arm::Now);
        tested.or(self.rounds.last())
    }

    /// True once the other side was measured too.
    pub(super) fn is_interleaved(&self) -> bool {
        self.interleaved
    }

    /// Rounds that are measured at once.
    pub(super) fn at_once(&self) -> usize {
        self.rounds.len().max(1)
    }

    /// Says of each kind of disturbance once a run what it is, and what it costs.
    fn suspected(&mut self, disturbance: &Disturbance) -> Option<String> {
        let by = disturbance.worst.by;
        let limit = by.unit().format(disturbance.worst.limit);
        self.suspects.insert(by).then(|| {
            format!(
                "suspect: {disturbance} (allowed {limit}): {}; help: {}",
                by.costs(),
                by.mend()
            )
        })
    }

    /// One line about this moment.
    pub fn status(&self) -> String {
        if let Some(Analysis { what, done, of }) = self.analysis {
            return format!("{done} of {of} {what}");
        }
        let Some(round) = self.round() else {
            return "starting".to_owned();
        };
        let head = format!("{} {}", round.place(), round.arm.name());
        if self.paused {
            return format!("{head}  paused");
        }
        let Some(latest) = round.latest else {
            let doing = if round.ready {
                "begins"
            } else {
                "waits for the target"
            };
            return format!("{head}  {doing}");
        };
        let mut parts = vec![head, self.phase_at(latest.at)];
        if self.stopping {
            parts.push("stopping".to_owned());
        }
        let held = round.guard.filter(|state| *state != GuardState::Closed);
        parts.extend(held.map(|state| state.to_string()));
        parts.push(format!(
            "{} asked, {} answered",
            Unit::PerSecond.format(latest.asked),
            Unit::PerSecond.format(latest.answered)
        ));
        parts.extend(round.percentiles());
        parts.push(format!("{} failed", round.failures.total()));
        if latest.in_flight > 0 {
            parts.push(format!("{} in flight", latest.in_flight));
        }
        parts.join("  ")
    }

    /// `steady 24/60 s`
    fn phase_at(&self, at: Nanos) -> String {
        let phase = self
            .outline
            .phases
            .iter()
            .find(|p| at < p.start + p.duration)
            .or(self.outline.phases.last());
        phase.map_or_else(String::new, |p| {
            let into = at.saturating_sub(p.start).min(p.duration);
            format!(
                "{} {:.0}/{}",
                Untrusted::from(p.name.as_str()).terminal(),
                into.as_secs_f64(),
                p.duration
            )
        })
    }

    fn round_ended(
        &mut self,
        index: usize,
        arm: Arm,
        complete: bool,
        contamination: &[Contamination],
    ) -> String {
        let mut round = self.rounds.iter_mut().find(|r| r.index == index);
        if let Some(round) = &mut round {
            round.ended = true;
        }
        let place = match &round {
            Some(round) => round.place(),
            None => format!("round {}", index + 1),
        };
        let lasted = round.as_ref().and_then(|r| r.latest).map(|l| l.at);
        let state = if !complete {
            let after = lasted.map_or_else(String::new, |at| format!(" after {at}"));
            format!("cut short{after}")
        } else if contamination.is_empty() {
            "clean".to_owned()
        } else {
            let causes: Vec<_> = contamination.iter().map(ToString::to_string).collect();
            format!("spoiled by {}", causes.join(", "))
        };
        let mut parts = vec![format!("{place}, {}: {state}", arm.name())];
        if let Some(round) = round {
            parts.extend(round.percentiles());
            let failed = round.failures.total();
            parts.extend((failed > 0).then(|| format!("{failed} failed")));
        }
        parts.join(", ")
    }
}

/// What is only near to firing is left to the report.
fn alerted(event: &AlertEvent) -> Option<String> {
    if matches!(event.state, AlertState::Pending | AlertState::Lapsed) {
        return None;
    }
    let mut line = format!("alert {} {}", event.name(), event.state.name());
    if let Some(summary) = event.summary() {
        line = format!("{line}: {}", summary.raw());
    }
    Some(Untrusted::new(line).terminal())
}

fn looked(rounds: usize, interleaved: bool, undecided: &[String]) -> String {
    let side = if interleaved { " a side" } else { "" };
    let seen = plural(rounds, "round") + side;
    if undecided.is_empty() {
        return format!("after {seen}: more would not change the answer");
    }
    let names: Vec<_> = undecided
        .iter()
        .map(|n| Untrusted::from(n.as_str()).terminal())
        .collect();
    format!("after {seen} undecided: {}", names.join(", "))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::model::{Cell, ErrorClass, Interval, PhaseOutline};

    /// Ten seconds of warm-up, and sixty that count.
    pub(in crate::progress) fn phases() -> Vec<PhaseOutline> {
        let phase = |name: &str, start, seconds, warm_up| PhaseOutline {
            name: name.into(),
            start: Nanos::from_secs(start),
            duration: Nanos::from_secs(seconds),
            warm_up,
            load: "200/s".into(),
            asked: None,
        };
        vec![
            phase("warm-up", 0, 10, true),
            phase("steady", 10, 60, false),
        ]
    }

    fn outline() -> Outline {
        Outline {
            name: "check\u{1b}out".into(),
            phases: phases(),
            ..Outline::default()
        }
    }

    /// A second of 200 requests, one of which is refused.
    fn second(start: u64) -> Event {
        let mut cell = Cell {
            phase: usize::from(start >= 10),
            ..Cell::default()
        };
        cell.tally.due = 200;
        cell.tally.answered = 199;
        cell.tally.failures.add(ErrorClass::Refused, 1);
        (0..199).for_each(|_| cell.latency.ok.record(Nanos::from_millis(8)));
        cell.latency.failed = 1;
        Event::Interval(Box::new(Interval {
            round: 2,
            start: Nanos::from_secs(start),
            length: Nanos::SECOND,
            cells: vec![cell],
            in_flight: 3,
            standstill: Nanos::ZERO,
        }))
    }

    fn begun(index: usize, arm: Arm, of: usize) -> Event {
        Event::RoundStarted {
            index,
            arm,
            of,
            level: None,
        }
    }

    #[test]
    fn a_log_has_a_line_for_what_matters() {
        let mut progress = Progress::new();
        let events = [
            Event::Started {
                outline: outline(),
                rounds: 10,
            },
            Event::RoundStarted {
                index: 2,
                arm: Arm::Before,
                of: 10,
                level: None,
            },
            Event::Ready {
                after: Nanos::from_millis(80),
            },
            second(10),
            Event::RoundEnded {
                index: 2,
                arm: Arm::Before,
                complete: true,
                contamination: vec![Contamination {
                    by: Contaminant::Steal,
                    value: 0.31,
                    limit: 0.02,
                }],
            },
            Event::Looked {
                rounds: 3,
                undecided: vec!["latency.p99".into()],
            },
            Event::Looked {
                rounds: 5,
                undecided: Vec::new(),
            },
            Event::Warning("the kernel differs\n::error::x".into()),
            Event::Stopping,
        ];
        let lines: Vec<_> = events
            .iter()
            .filter_map(|e| progress.line(e, Nanos::ZERO))
            .collect();
        insta::assert_snapshot!(lines.join("\n"), @r"
        check␛out: up to 10 rounds of 70 s
        round 3 of 10, before: spoiled by steal 31 %, p50 8 ms, 1 failed
        after 3 rounds a side undecided: latency.p99
        after 5 rounds a side: more would not change the answer
        warning: the kernel differs␊::error::x
        stopping: waiting for open requests, at most 5 s; again to end at once
        ");
    }

    #[test]
    fn a_round_that_was_cut_short_is_not_clean() {
        let mut progress = Progress::new();
        let cut = Event::RoundEnded {
            index: 2,
            arm: Arm::Now,
            complete: false,
            contamination: Vec::new(),
        };
        let mut line = |event: &Event| progress.line(event, Nanos::ZERO);
        let started = Event::Started {
            outline: outline(),
            rounds: 4,
        };
        assert!(line(&started).is_some());
        assert_eq!(line(&begun(2, Arm::Now, 4)), None);
        assert_eq!(line(&cut).as_deref(), Some("round 3 of 4, now: cut short"));
        assert_eq!(line(&begun(2, Arm::Now, 4)), None);
        line(&second(10));
        assert_eq!(
            line(&cut).as_deref(),
            Some("round 3 of 4, now: cut short after 11 s, p50 8 ms, 1 failed")
        );
    }

    #[test]
    fn of_two_rounds_at_once_the_target_under_test_is_shown() {
        for first in [Arm::Before, Arm::Now] {
            let second_arm = if first == Arm::Now {
                Arm::Before
            } else {
                Arm::Now
            };
            let mut progress = Progress::new();
            progress.line(&begun(1, first, 4), Nanos::ZERO);
            progress.line(&begun(2, second_arm, 4), Nanos::ZERO);
            assert_eq!(progress.round().map(|r| r.arm), Some(Arm::Now));
            for (index, arm) in [(1, first), (2, second_arm)] {
                let ended = Event::RoundEnded {
                    index,
                    arm,
                    complete: true,
                    contamination: Vec::new(),
                };
                assert!(progress.line(&ended, Nanos::ZERO).is_some());
            }
            progress.line(&begun(3, Arm::Before, 4), Nanos::ZERO);
            assert_eq!(progress.round().map(|r| r.index), Some(3));
        }
    }

    #[test]
    fn no_round_is_the_third_of_two() {
        let mut progress = Progress::new();
        progress.line(&begun(2, Arm::Now, 2), Nanos::ZERO);
        assert_eq!(
            progress.status(),
            "round 3 (a repeat) now  waits for the target"
        );
        let looked = Event::Looked {
            rounds: 3,
            undecided: vec!["errors.rate".into()],
        };
        assert_eq!(
            progress.line(&looked, Nanos::ZERO).as_deref(),
            Some("after 3 rounds undecided: errors.rate")
        );
    }

    #[test]
    fn the_status_follows_the_round() {
        let mut progress = Progress::new();
        assert_eq!(progress.status(), "starting");
        let started = Event::Started {
            outline: outline(),
            rounds: 10,
        };
        progress.line(&started, Nanos::ZERO);
        progress.line(&begun(2, Arm::Now, 10), Nanos::ZERO);
        assert_eq!(progress.status(), "round 3 of 10 now  waits for the target");
        progress.line(&second(3), Nanos::ZERO);
        assert_eq!(
            progress.status(),
            "round 3 of 10 now  warm-up 4/10 s  200/s asked, 199/s answered  0 failed  3 in flight"
        );
        (10..16).for_each(|s| {
            progress.line(&second(s), Nanos::ZERO);
        });
        assert_eq!(
            progress.status(),
            "round 3 of 10 now  steady 6/60 s  200/s asked, 199/s answered  p50 8 ms  p99 8 ms  6 failed  3 in flight"
        );
    }
}
