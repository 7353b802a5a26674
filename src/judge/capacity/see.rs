//! What one round shows about its level.
//!
//! A round holds when the limit of the metric is kept, at most 1 % of the requests fail, and the
//! target keeps up: of what is asked while the load lasts, 99 % are answered as fast as they come,
//! so that the number of unanswered requests does not grow. Answers that drain after the load has
//! ended show nothing about keeping up and are not looked at.
//!
//! A machine that is busy makes a target slower and never faster. So a spoiled round that holds all
//! the same has held; one that fails says nothing and is repeated. The exception is a shortfall that
//! the machine cannot explain: if even all the CPU time it took, given back, would leave the target
//! behind, the round has failed.

use crate::judge::values::Reading;
use crate::model::{
    Better, Contaminant, Estimate, Interval, Metric, Outcome, Outline, Round, Scope,
};
use crate::units::Nanos;

/// Share of what is asked that a level must keep up with.
pub(super) const KEEPS_UP: f64 = 0.99;
/// Share of requests that may fail, unless the search is about errors.
const ERRORS: f64 = 0.01;
/// Share of due requests that may fail for want of local resources.
const GENERATOR_ERRORS: f64 = 0.001;
/// Share of the asked rate that the generator must have offered.
const OFFERED: f64 = 0.95;
/// After this the number of requests on the way is that of the level and no longer growing into it.
const SETTLES: Nanos = Nanos::SECOND;
/// Workers close an interval a moment after its end.
const MOMENT: Nanos = Nanos::from_millis(20);

/// The question a search asks of every round.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Asked {
    pub metric: Metric,
    /// In the unit of the metric.
    pub under: f64,
    /// Requests per second.
    pub rate: f64,
}

/// What a round shows about its level.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Seen {
    pub outcome: Outcome,
    /// Requests answered per second while the load lasted; None when the phase is too short to tell.
    pub throughput: Option<f64>,
    /// Share of what was asked that the target kept up with.
    pub answered: Option<f64>,
    /// Fell behind the rate, as opposed to breaking the limit: the throughput is its ceiling.
    pub fell_behind: bool,
}

/// Looks at one complete round and its intervals. `outline` is that of the level.
pub fn see(asked: &Asked, round: &Round, intervals: &[Interval], outline: &Outline) -> Seen {
    let reading = Reading::of(&Scope::default(), round, outline);
    let pace = Pace::of(round.index, intervals, outline);
    let due = reading.due();
    let failures = reading.failures().total() as f64 / due.max(1) as f64;
    let answered = match pace {
        Some(pace) => 1.0 - pace.fell_behind() - failures,
        // A phase of a second: what was answered in the end is all there is.
        None => reading.answered() as f64 / due.max(1) as f64,
    };
    let keeps_up = due > 0 && answered >= KEEPS_UP;
    let about_errors = matches!(asked.metric, Metric::ErrorsRate | Metric::Errors(_));
    let held = (keeps_up || (about_errors && answered + failures >= KEEPS_UP))
        && (about_errors || failures <= ERRORS)
        && is_kept(asked, &reading);
    let throughput = pace.map(|p| p.answered_per_second());
    let broke = |by: &[Contaminant]| round.contamination.iter().any(|c| by.contains(&c.by));
    let machine = broke(&[Contaminant::Steal, Contaminant::CpuPressure]);
    let offered = pace.is_none_or(|p| p.was_offered(asked.rate));
    let starved = round.trust.generator_errors as f64 > GENERATOR_ERRORS * due as f64;
    let outcome = if round.is_stopped() && !starved {
        // The guard held load back because requests failed: less was offered for a reason.
        if round.is_clean() {
            Outcome::Failed
        } else {
            Outcome::Spoiled
        }
    } else if starved || (!offered && !machine) {
        Outcome::OutOfReach
    } else if !offered {
        Outcome::Spoiled
    } else if held {
        Outcome::Held
    } else if round.is_clean() || is_beyond_noise(round, throughput, asked.rate) {
        Outcome::Failed
    } else if broke(&[Contaminant::OwnCpu]) {
        Outcome::OutOfReach
    } else {
        // Late without being busy: the machine woke the generator late.
        Outcome::Spoiled
    };
    Seen {
        outcome,
        throughput,
        answered: (due > 0).then_some(answered),
        fell_behind: pace.is_some_and(|p| p.fell_behind() > 1.0 - KEEPS_UP),
    }
}

/// True when the machine cannot have caused the shortfall: CPU time that others took reduces what a
/// target answers by no more than its share.
fn is_beyond_noise(round: &Round, throughput: Option<f64>, rate: f64) -> bool {
    let left: f64 = round
        .contamination
        .iter()
        .map(|c| match c.by {
            Contaminant::Steal | Contaminant::CpuPressure => 1.0 - c.value,
            // Milliseconds at the beginning of a request take nothing from a rate over seconds, nor
            // does when it was written down, nor a clock that no rate is told by.
            Contaminant::Lateness | Contaminant::RecordDelay | Contaminant::ClockStep => 1.0,
            // Nobody knows what a generator would have done that was itself held back.
            Contaminant::OwnCpu
            | Contaminant::Starved
            | Contaminant::Standstill
            | Contaminant::Throttled
            | Contaminant::PageFaults
            | Contaminant::Exhausted => 0.0,
        })
        .product();
    left > 0.0 && throughput.is_some_and(|t| t / left < KEEPS_UP * rate)
}

/// True when the round by itself keeps the limit.
///
/// Of a percentile it is asked how many requests are over the limit, which few requests can tell,
/// too, and not where the percentile lies.
fn is_kept(asked: &Asked, reading: &Reading) -> bool {
    if let Some((over, of, allowed)) = reading.over(asked.metric, asked.under) {
        return of > 0 && over as f64 <= allowed * of as f64;
    }
    match (reading.value(asked.metric), asked.metric.better()) {
        (Estimate::Exact(v), Better::Lower) => v <= asked.under,
        (Estimate::Exact(v), Better::Higher) => v >= asked.under,
        _ => false,
    }
}

/// What was asked and answered between two moments of the measured phase.
#[derive(Debug, Clone, Copy)]
struct Pace {
    seconds: f64,
    due: u64,
    answered: u64,
    /// Unanswered requests at the end, less those at the beginning.
    grown: f64,
}

impl Pace {
    /// None when the phase does not hold two ends of intervals after it has settled.
    fn of(round: usize, intervals: &[Interval], outline: &Outline) -> Option<Self> {
        let phase = outline.phases.iter().find(|p| !p.warm_up)?;
        let settled = phase.start + SETTLES.min(Nanos(phase.duration.0 / 4));
        let end = phase.start + phase.duration + MOMENT;
        let (mut due, mut answered, mut failed) = (0_u64, 0_u64, 0_u64);
        let mut first = None;
        let mut last = None;
        for interval in intervals.iter().filter(|i| i.round == round) {
            for cell in &interval.cells {
                due += cell.tally.due;
                answered += cell.tally.answered;
                failed += cell.tally.failures.total();
            }
            let at = interval.start + interval.length;
            let open = due as f64 - answered as f64 - failed as f64;
            let mark = (at, due, answered, open);
            if at + MOMENT >= settled && first.is_none() {
                first = Some(mark);
            }
            if at <= end {
                last = Some(mark);
            }
        }
        let (first, last) = (first?, last?);
        (last.0 > first.0).then(|| Self {
            seconds: (last.0 - first.0).as_secs_f64(),
            due: last.1 - first.1,
            answered: last.2 - first.2,
            grown: last.3 - first.3,
        })
    }

    fn answered_per_second(&self) -> f64 {
        self.answered as f64 / self.seconds
    }

    /// Share of what was asked that was left standing.
    fn fell_behind(&self) -> f64 {
        if self.due == 0 {
            return 0.0;
        }
        (self.grown / self.due as f64).max(0.0)
    }

    fn was_offered(&self, rate: f64) -> bool {
        let asked = rate * self.seconds;
        // Random arrivals scatter by √n; four of these are beyond chance.
        let due = self.due as f64;
        due >= OFFERED * asked || asked - due <= 4.0 * asked.sqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::builder::{Build, distribution, outline};
    use crate::model::{Cell, Contamination, PhaseOutline, Stat};

    /// One second of warm-up and four that count, at 100 requests per second.
    fn level() -> Outline {
        let mut outline = outline(&["slot"], Vec::new());
        let phase = |start, seconds, warm_up| PhaseOutline {
            start: Nanos::from_secs(start),
            duration: Nanos::from_secs(seconds),
            warm_up,
            ..outline.phases[0].clone()
        };
        outline.phases = vec![phase(0, 1, true), phase(1, 4, false)];
        outline
    }

    /// Intervals in which so many are answered each second, of 100 asked; the rest drains after.
    fn intervals(answered: [u64; 5]) -> Vec<Interval> {
        let mut open = 0;
        let mut all: Vec<Interval> = answered
            .into_iter()
            .enumerate()
            .map(|(i, answered)| {
                let mut cell = Cell {
                    phase: usize::from(i > 0),
                    ..Cell::default()
                };
                cell.tally.due = 100;
                cell.tally.answered = answered;
                open += 100 - answered;
                Interval {
                    start: Nanos::from_secs(i as u64),
                    length: Nanos::SECOND,
                    cells: vec![cell],
                    ..Interval::default()
                }
            })
            .collect();
        let mut drained = all[4].clone();
        drained.start = Nanos::from_secs(5);
        drained.cells[0].tally.due = 0;
        drained.cells[0].tally.answered = open;
        all.push(drained);
        all
    }

    /// 400 requests, one in a hundred of which takes 300 ms.
    fn round() -> Build {
        let latency = distribution(400, &[(0.99, 20e6), (1.0, 300e6)]);
        let mut build = Build::empty(0).with(0, latency);
        build.0.cells[0].phase = 1;
        build
    }

    fn asked(metric: Metric, under: f64) -> Asked {
        Asked {
            metric,
            under,
            rate: 100.0,
        }
    }

    const P99: Metric = Metric::Latency(Stat::P99);
    const KEEPING_UP: [u64; 5] = [98, 100, 100, 100, 100];
    const BEHIND: [u64; 5] = [98, 98, 97, 97, 97];

    fn seen(asked: &Asked, round: &Build, answered: [u64; 5]) -> Seen {
        see(asked, &round.0, &intervals(answered), &level())
    }

    #[test]
    fn a_round_holds_when_limit_and_pace_are_kept() {
        let limit = asked(P99, 100e6);
        assert_eq!(
            seen(&limit, &round(), KEEPING_UP).outcome,
            Outcome::Held,
            "four of 400 are over, as p99 allows"
        );
        let p999 = asked(Metric::Latency(Stat::P999), 100e6);
        assert_eq!(seen(&p999, &round(), KEEPING_UP).outcome, Outcome::Failed);
    }

    #[test]
    fn answers_that_drain_after_the_load_do_not_count_as_keeping_up() {
        let behind = seen(&asked(P99, 100e6), &round(), BEHIND);
        assert_eq!(behind.outcome, Outcome::Failed);
        assert!(behind.fell_behind);
        let answered = behind.answered.expect("four seconds");
        assert!((answered - 0.97).abs() < 1e-9, "{answered}");
        assert!((behind.throughput.expect("four seconds") - 97.0).abs() < 1e-9);
    }

    #[test]
    fn failures_break_a_level_unless_it_is_about_them() {
        let failing = round().failing(8);
        let mut failing = failing;
        failing.0.cells[0].tally.due = 400;
        assert_eq!(
            seen(&asked(P99, 10e9), &failing, KEEPING_UP).outcome,
            Outcome::Failed
        );
        let errors = asked(Metric::ErrorsRate, 0.05);
        assert_eq!(seen(&errors, &failing, KEEPING_UP).outcome, Outcome::Held);
    }

    #[test]
    fn a_spoiled_round_fails_only_beyond_what_the_machine_can_explain() {
        let limit = asked(P99, 100e6);
        let slightly = round().stolen(0.10);
        let outcome = |answered| seen(&limit, &slightly, answered).outcome;
        assert_eq!(outcome(KEEPING_UP), Outcome::Held);
        assert_eq!(outcome(BEHIND), Outcome::Spoiled);
        assert_eq!(outcome([60, 50, 50, 50, 50]), Outcome::Failed);
    }

    #[test]
    fn what_the_generator_did_not_offer_says_nothing_about_the_target() {
        let fast = Asked {
            rate: 200.0,
            ..asked(P99, 100e6)
        };
        assert_eq!(
            seen(&fast, &round(), KEEPING_UP).outcome,
            Outcome::OutOfReach
        );
        let mut woken_late = round();
        woken_late.0.contamination.push(Contamination {
            by: Contaminant::Lateness,
            value: 2e6,
            limit: 1e6,
        });
        let outcome = |answered| seen(&asked(P99, 1e6), &woken_late, answered).outcome;
        assert_eq!(outcome(KEEPING_UP), Outcome::Spoiled);
        assert_eq!(outcome(BEHIND), Outcome::Failed);
        let mut late = round();
        late.0.contamination.push(Contamination {
            by: Contaminant::OwnCpu,
            value: 0.95,
            limit: 0.8,
        });
        assert_eq!(
            seen(&asked(P99, 1e6), &late, KEEPING_UP).outcome,
            Outcome::OutOfReach
        );
    }
}
