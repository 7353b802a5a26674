//! Follows the events of one run.

use std::collections::BTreeSet;

use crate::model::{
    AlertEvent, AlertState, Arm, Contaminant, Contamination, Disturbance, Estimate, Event,
    GuardState, Interval, Latencies, Outline,
};
use crate::units::{Nanos, Unit};
use crate::untrusted::Untrusted;

/// Follows a run and words what happens.
#[derive(Debug, Clone, Default)]
pub struct Progress {
    outline: Outline,
    round: Option<RoundSoFar>,
    stopping: bool,
    /// Both sides are measured now.
    interleaved: bool,
    /// What was suspected already.
    suspects: BTreeSet<Contaminant>,
}

/// The round being measured.
#[derive(Debug, Clone)]
struct RoundSoFar {
    index: usize,
    of: usize,
    arm: Arm,
    /// Rate, in a search for capacity.
    level: Option<f64>,
    ready: bool,
    /// Of the phases that count.
    latency: Latencies,
    failed: u64,
    guard: Option<GuardState>,
    /// The latest second.
    latest: Option<Latest>,
}

#[derive(Debug, Clone, Copy)]
struct Latest {
    at: Nanos,
    asked: f64,
    answered: f64,
    in_flight: u64,
}

impl Progress {
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes an event in and gives the line it is worth, if any, without a line feed.
    pub fn line(&mut self, event: &Event) -> Option<String> {
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
                self.round = Some(RoundSoFar::new(*index, *arm, *of, *level));
                None
            }
            Event::Ready { .. } => {
                if let Some(round) = &mut self.round {
                    round.ready = true;
                }
                None
            }
            Event::Interval(interval) => {
                if let Some(round) = self.round.as_mut().filter(|r| r.index == interval.round) {
                    round.add(interval, &self.outline);
                }
                None
            }
            Event::Guard(change) => {
                if let Some(round) = &mut self.round {
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
                contamination,
            } => Some(self.round_ended(*index, *arm, contamination)),
            Event::Looked { rounds, undecided } => {
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
            Event::Warning(text) => Some(format!(
                "warning: {}",
                Untrusted::from(text.as_str()).terminal()
            )),
            Event::Stopping => {
                self.stopping = true;
                Some("stopping: what was asked is waited for, then the report is written".into())
            }
        }
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

    /// One line about this moment, to be written over the one before.
    pub fn status(&self) -> String {
        let Some(round) = &self.round else {
            return "starting".to_owned();
        };
        let head = format!("{} {}", round.place(), round.arm.name());
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
        parts.push(format!("{} failed", round.failed));
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

    fn round_ended(&self, index: usize, arm: Arm, contamination: &[Contamination]) -> String {
        let round = self.round.as_ref().filter(|r| r.index == index);
        let place = round.map_or_else(|| format!("round {}", index + 1), RoundSoFar::place);
        let state = if contamination.is_empty() {
            "clean".to_owned()
        } else {
            let causes: Vec<_> = contamination.iter().map(ToString::to_string).collect();
            format!("spoiled by {}", causes.join(", "))
        };
        let mut parts = vec![format!("{place}, {}: {state}", arm.name())];
        parts.extend(round.map(RoundSoFar::percentiles).unwrap_or_default());
        let failed = round.map_or(0, |r| r.failed);
        if failed > 0 {
            parts.push(format!("{failed} failed"));
        }
        parts.join(", ")
    }
}

impl RoundSoFar {
    fn new(index: usize, arm: Arm, of: usize, level: Option<f64>) -> Self {
        Self {
            index,
            of,
            arm,
            level,
            ready: false,
            latency: Latencies::default(),
            failed: 0,
            guard: None,
            latest: None,
        }
    }

    /// `round 3 of 10`; beyond the plan a spoiled one is repeated. `level 200/s, round 7` in a search,
    /// which does not know how many there will be.
    fn place(&self) -> String {
        let number = self.index + 1;
        if let Some(rate) = self.level {
            format!("level {}, round {number}", Unit::PerSecond.format(rate))
        } else if number > self.of {
            format!("round {number} (a repeat)")
        } else {
            format!("round {number} of {}", self.of)
        }
    }

    fn add(&mut self, interval: &Interval, outline: &Outline) {
        let seconds = interval.length.as_secs_f64().max(1e-3);
        let sum = |f: fn(&crate::model::Tally) -> u64| {
            interval.cells.iter().map(|c| f(&c.tally)).sum::<u64>() as f64
        };
        self.latest = Some(Latest {
            at: interval.start + interval.length,
            asked: sum(|t| t.due) / seconds,
            answered: sum(|t| t.answered) / seconds,
            in_flight: interval.in_flight,
        });
        for cell in &interval.cells {
            if outline.phases.get(cell.phase).is_none_or(|p| !p.warm_up) {
                self.latency.merge(&cell.latency);
                self.failed += cell.tally.failures.total();
            }
        }
    }

    /// Those that the requests so far can tell.
    fn percentiles(&self) -> Vec<String> {
        [("p50", 0.5), ("p99", 0.99)]
            .into_iter()
            .filter_map(|(name, q)| {
                let value = match self.latency.quantile(q) {
                    Estimate::Exact(v) => Unit::Time.format(v),
                    Estimate::AtLeast(v) => format!("≥ {}", Unit::Time.format(v)),
                    Estimate::Undetermined => "undetermined".to_owned(),
                    Estimate::TooFew { .. } | Estimate::Missing => return None,
                };
                Some(format!("{name} {value}"))
            })
            .collect()
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

fn plural(n: usize, noun: &str) -> String {
    let s = if n == 1 { "" } else { "s" };
    format!("{n} {noun}{s}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Cell, Contaminant, ErrorClass, PhaseOutline};

    fn outline() -> Outline {
        let phase = |name: &str, start, seconds, warm_up| PhaseOutline {
            name: name.into(),
            start: Nanos::from_secs(start),
            duration: Nanos::from_secs(seconds),
            warm_up,
            load: "200/s".into(),
            asked: None,
        };
        Outline {
            name: "check\u{1b}out".into(),
            phases: vec![
                phase("warm-up", 0, 10, true),
                phase("steady", 10, 60, false),
            ],
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
        let lines: Vec<_> = events.iter().filter_map(|e| progress.line(e)).collect();
        insta::assert_snapshot!(lines.join("\n"), @r"
        check␛out: up to 10 rounds of 70 s
        round 3 of 10, before: spoiled by steal 31 %, p50 8 ms, 1 failed
        after 3 rounds a side undecided: latency.p99
        after 5 rounds a side: more would not change the answer
        warning: the kernel differs␊::error::x
        stopping: what was asked is waited for, then the report is written
        ");
    }

    #[test]
    fn no_round_is_the_third_of_two() {
        let mut progress = Progress::new();
        progress.line(&Event::RoundStarted {
            index: 2,
            arm: Arm::Now,
            of: 2,
            level: None,
        });
        assert_eq!(
            progress.status(),
            "round 3 (a repeat) now  waits for the target"
        );
        let looked = Event::Looked {
            rounds: 3,
            undecided: vec!["errors.rate".into()],
        };
        assert_eq!(
            progress.line(&looked).as_deref(),
            Some("after 3 rounds undecided: errors.rate")
        );
    }

    #[test]
    fn the_status_follows_the_round() {
        let mut progress = Progress::new();
        assert_eq!(progress.status(), "starting");
        progress.line(&Event::Started {
            outline: outline(),
            rounds: 10,
        });
        progress.line(&Event::RoundStarted {
            index: 2,
            arm: Arm::Now,
            of: 10,
            level: None,
        });
        assert_eq!(progress.status(), "round 3 of 10 now  waits for the target");
        progress.line(&second(3));
        assert_eq!(
            progress.status(),
            "round 3 of 10 now  warm-up 4/10 s  200/s asked, 199/s answered  0 failed  3 in flight"
        );
        (10..16).for_each(|s| {
            progress.line(&second(s));
        });
        assert_eq!(
            progress.status(),
            "round 3 of 10 now  steady 6/60 s  200/s asked, 199/s answered  p50 8 ms  p99 8 ms  6 failed  3 in flight"
        );
    }
}
