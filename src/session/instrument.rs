//! How wrong is the instrument itself, on this machine, now?
//!
//! The engine measures targets whose latencies are known in advance, each in a process of its own,
//! and what it says is held against the truth. The way of a request through the kernel and the
//! waking of the target count as error too, so the error of the instrument alone is not larger.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use serde::Serialize;

use crate::clock::wall_rfc3339;
use crate::demo::truth::{Behaviour, Bound, Ideal, Offered, Slow, Stalls};
use crate::model::{Estimate, INSTRUMENT_SCHEMA, InstrumentError, Round, RunState};
use crate::observe::{self, Absence};
use crate::scenario::plan::{
    Arrivals, Command, Http, Load, Phase, Plan, Profile, Request, Step, Target, Timeouts, Url,
};
use crate::schedule::{Lanes, Schedule};
use crate::store::instrument::keep;
use crate::units::{Nanos, Rate};

use super::{Session, SessionError, measure};

/// Layout of the machine output.
const SCHEMA: u32 = 1;

/// An error within either bound is small enough.
const WITHIN_SHARE: f64 = 0.01;
const WITHIN: Nanos = Nanos(50_000);

/// The target that takes the same time for every request.
const FIXED: &str = "fixed";

/// The load on each target of known truth.
const RATE: Rate = Rate(1_000.0);
const OFFERED: Offered = Offered {
    connections: 200,
    timeout: Nanos::SECOND,
};

/// The rate at which lateness is looked at besides [`RATE`].
const HIGH_RATE: Rate = Rate(10_000.0);

/// Connections that saturate the instant target.
const SATURATING: usize = 50;

/// The longest time for the ceiling, for the lateness at the high rate, and for watching the machine.
const LONG_ENOUGH: Nanos = Nanos::from_secs(4);

const PERCENTILES: [(&str, f64); 5] = [
    ("p50", 0.5),
    ("p90", 0.9),
    ("p95", 0.95),
    ("p99", 0.99),
    ("p99.9", 0.999),
];

/// How much is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Effort {
    /// On each target, in each repetition.
    pub duration: Nanos,
    pub repetitions: usize,
}

/// The instrument's error on this machine.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Instrument {
    pub schema: u32,
    pub seconds: f64,
    pub repetitions: usize,
    pub targets: Vec<Measured>,
    pub ceiling: Ceiling,
    pub lateness: Vec<Lateness>,
    /// What was taken from the machine's cores while nothing was measured.
    pub away: Away,
    /// The greatest share of all cores' time that the hypervisor took in any round.
    pub steal: f64,
    /// True when every percentile of every target is within 1 % or 50 µs of the truth.
    pub within: bool,
}

/// One target of known truth.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Measured {
    pub target: &'static str,
    pub rows: Vec<Row>,
}

/// One percentile: the truth and what was measured.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Row {
    pub percentile: &'static str,
    pub truth: Value,
    /// Median over the repetitions; `None` when there was none.
    pub measured: Option<Value>,
    /// Measured less truth.
    pub error_ns: Option<f64>,
    /// The same as a share of the truth; `None` where the truth is zero.
    pub error_share: Option<f64>,
    pub within: bool,
    /// True when the machine itself was away for a greater share of the time than lies beyond this
    /// percentile, so that no instrument on it could be within.
    pub masked: bool,
}

/// See [`Absence`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Away {
    pub share: f64,
    pub longest_ns: f64,
}

/// A latency, or a bound that it does not fall below.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Value {
    pub ns: f64,
    pub at_least: bool,
}

/// What the generator can do here at most.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Ceiling {
    pub requests_per_second: f64,
    /// Of this process, all threads.
    pub cpu_us_per_request: f64,
    pub connections: usize,
}

/// How late requests leave at a rate.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Lateness {
    pub per_second: f64,
    pub p99_ns: Option<f64>,
}

/// Measures all targets of known truth, and keeps the error for the reports of this machine; `None` when it was stopped.
///
/// `progress` is told what comes next.
///
/// # Errors
/// When a target cannot be started, or what is measured cannot be kept.
pub fn instrument(
    session: &Session,
    effort: Effort,
    progress: &mut dyn FnMut(&str),
) -> Result<Option<Instrument>, SessionError> {
    let scratch = tempfile::tempdir().map_err(SessionError::NoScratch)?;
    let bench = Bench {
        session: Session {
            root: scratch.path().to_owned(),
            ..session.clone()
        },
        steal: 0.0,
    };
    let found = bench.all(effort, progress)?;
    if let Some(error) = found.as_ref().and_then(error_here) {
        keep(&session.root, &error)?;
    }
    Ok(found)
}

/// What reports of this machine carry: the errors of the target that is the same for all requests.
fn error_here(found: &Instrument) -> Option<InstrumentError> {
    let fixed = found.targets.iter().find(|t| t.target == FIXED)?;
    let errors = fixed.rows.iter().filter_map(|row| {
        let error = Nanos::from_secs_f64(row.error_ns?.abs() / 1e9);
        Some((row.percentile.to_owned(), error))
    });
    Some(InstrumentError {
        schema: INSTRUMENT_SCHEMA,
        measured_at: wall_rfc3339(),
        machine: observe::fingerprint(env!("CARGO_PKG_VERSION")).machine(),
        errors: errors.collect(),
    })
}

/// The targets, and what is meant to be seen of them.
///
/// No percentile that is stated lies on the edge between two kinds of requests, where a single
/// disturbed request would move it from one to the other.
fn targets(duration: Nanos) -> [(&'static str, Behaviour); 5] {
    let base = Nanos::from_millis(1);
    let every = Nanos(duration.0 / 2).min(Nanos::from_secs(5));
    let fixed = Behaviour {
        base,
        ..Behaviour::default()
    };
    [
        ("instant", Behaviour::default()),
        (FIXED, fixed),
        (
            "bimodal",
            Behaviour {
                slow: Some(Slow {
                    every: 50,
                    takes: Nanos::from_millis(50),
                }),
                ..fixed
            },
        ),
        (
            "stalling",
            Behaviour {
                stalls: Some(Stalls {
                    every,
                    lasts: Nanos(every.0 / 100 * 8),
                }),
                ..fixed
            },
        ),
        (
            "hanging",
            Behaviour {
                hang_every: Some(50),
                ..fixed
            },
        ),
    ]
}

/// Where the measuring is done.
struct Bench {
    session: Session,
    /// The greatest seen.
    steal: f64,
}

impl Bench {
    fn all(
        mut self,
        effort: Effort,
        progress: &mut dyn FnMut(&str),
    ) -> Result<Option<Instrument>, SessionError> {
        let Effort {
            duration,
            repetitions,
        } = effort;
        let mut measured = Vec::new();
        let mut lateness = Vec::new();
        progress("machine");
        let away = Absence::watch(duration.min(LONG_ENOUGH));
        for (name, behaviour) in targets(duration) {
            progress(name);
            let plan = plan(name, behaviour, even(RATE), duration);
            let ideal = ideal(behaviour, &plan);
            let Some(rounds) = self.rounds(plan, repetitions)? else {
                return Ok(None);
            };
            if lateness.is_empty() {
                lateness.push(late(RATE, &rounds));
            }
            measured.push(Measured {
                target: name,
                rows: rows(&ideal, &rounds, away.share),
            });
        }
        let brief = duration.min(LONG_ENOUGH);
        let instant = Behaviour::default();
        progress("lateness");
        let high = plan("lateness", instant, even(HIGH_RATE), brief);
        let Some(rounds) = self.rounds(high, repetitions)? else {
            return Ok(None);
        };
        lateness.push(late(HIGH_RATE, &rounds));
        progress("ceiling");
        let saturating = plan("ceiling", instant, Load::Connections(SATURATING), brief);
        let Some(rounds) = self.rounds(saturating, repetitions)? else {
            return Ok(None);
        };
        let within = measured.iter().flat_map(|m| &m.rows).all(|row| row.within);
        Ok(Some(Instrument {
            schema: SCHEMA,
            seconds: duration.as_secs_f64(),
            repetitions,
            targets: measured,
            ceiling: ceiling(&rounds, brief),
            lateness,
            away: Away {
                share: away.share,
                longest_ns: away.longest.0 as f64,
            },
            steal: self.steal,
            within,
        }))
    }

    /// The rounds of a plan, each against a fresh target; `None` when it was stopped.
    fn rounds(&mut self, plan: Plan, n: usize) -> Result<Option<Vec<Round>>, SessionError> {
        let run = measure(&self.session, plan, n, &mut |_| {})?.run;
        if run.state != RunState::Complete {
            return Ok(None);
        }
        for round in &run.rounds {
            self.steal = self.steal.max(round.trust.steal);
        }
        Ok(Some(run.rounds))
    }
}

fn even(rate: Rate) -> Load {
    Load::Rate {
        profile: Profile::Constant(rate),
        arrivals: Arrivals::Constant,
    }
}

/// `GET /` of a fresh target that behaves as said.
fn plan(name: &str, behaviour: Behaviour, load: Load, duration: Nanos) -> Plan {
    let argv = ["plimsoll", "demo-target", "--port", "{port}", "--truth"];
    let mut argv: Vec<_> = argv.map(str::to_owned).into();
    argv.push(behaviour.to_string());
    let target = Target {
        command: Some(Command {
            argv,
            env: BTreeMap::new(),
            limits: crate::model::ResourceLimits::default(),
            secrets: Vec::new(),
        }),
        timeouts: Timeouts {
            first_byte: OFFERED.timeout,
            total: OFFERED.timeout,
            ..Timeouts::default()
        },
        http: Http {
            connections: OFFERED.connections,
            ..Http::default()
        },
        ..Target::at(Url::http("127.0.0.1", 0))
    };
    let mut plan = Plan::new(name, target);
    plan.set_steps(vec![(Step::new("request", Request::new("GET", "/")), 1)]);
    plan.phases = vec![Phase::new("load", load, duration)];
    plan
}

fn ideal(behaviour: Behaviour, plan: &Plan) -> Ideal {
    let arrivals = Schedule::new(plan, Lanes::all());
    Ideal::of(behaviour, OFFERED, arrivals.map(|arrival| arrival.at))
}

fn rows(ideal: &Ideal, rounds: &[Round], away: f64) -> Vec<Row> {
    PERCENTILES
        .into_iter()
        .filter_map(|(percentile, q)| {
            let truth = match ideal.quantile(q)? {
                Bound::Exactly(at) => value(at.0 as f64, false),
                Bound::AtLeast(at) => value(at.0 as f64, true),
            };
            let seen =
                rounds
                    .iter()
                    .filter_map(|round| match round.cells.first()?.latency.quantile(q) {
                        Estimate::Exact(ns) => Some(value(ns, false)),
                        Estimate::AtLeast(ns) => Some(value(ns, true)),
                        _ => None,
                    });
            Some(Row {
                masked: away > 1.0 - q,
                ..Row::of(percentile, truth, middle(seen.collect()))
            })
        })
        .collect()
}

const fn value(ns: f64, at_least: bool) -> Value {
    Value { ns, at_least }
}

/// The (lower) median; a bound counts as more than what is known exactly.
fn middle(mut values: Vec<Value>) -> Option<Value> {
    values.sort_by(|a, b| {
        (a.at_least, a.ns)
            .partial_cmp(&(b.at_least, b.ns))
            .unwrap_or(Ordering::Equal)
    });
    values.get(values.len().saturating_sub(1) / 2).copied()
}

impl Row {
    fn of(percentile: &'static str, truth: Value, measured: Option<Value>) -> Self {
        let error = measured.map(|m| m.ns - truth.ns);
        let allowed = (truth.ns * WITHIN_SHARE).max(WITHIN.0 as f64);
        let same_kind = measured.is_some_and(|m| m.at_least == truth.at_least);
        Self {
            percentile,
            truth,
            measured,
            error_ns: error,
            error_share: error.filter(|_| truth.ns > 0.0).map(|e| e / truth.ns),
            masked: false,
            within: same_kind && error.is_some_and(|e| e.abs() <= allowed),
        }
    }
}

fn late(rate: Rate, rounds: &[Round]) -> Lateness {
    let seen = rounds.iter().filter_map(|round| {
        let p99 = round.cells.first()?.lateness.quantile(0.99)?;
        Some(value(p99.0 as f64, false))
    });
    Lateness {
        per_second: rate.0,
        p99_ns: middle(seen.collect()).map(|p99| p99.ns),
    }
}

fn ceiling(rounds: &[Round], duration: Nanos) -> Ceiling {
    let seconds = duration.as_secs_f64();
    let answered = |round: &Round| -> f64 {
        let cells = round.cells.iter();
        cells.map(|cell| cell.tally.answered).sum::<u64>() as f64
    };
    let of = |number: &dyn Fn(&Round) -> f64| {
        let all = rounds.iter().map(|round| value(number(round), false));
        middle(all.collect()).map_or(0.0, |v| v.ns)
    };
    Ceiling {
        requests_per_second: of(&|round| answered(round) / seconds),
        cpu_us_per_request: of(&|round| {
            round.trust.own_cpu * seconds * 1e6 / answered(round).max(1.0)
        }),
        connections: SATURATING,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_within_by_share_or_by_time_and_never_across_kinds() {
        let within = |truth, measured| Row::of("p50", truth, Some(measured)).within;
        let exact = |ms: f64| value(ms * 1e6, false);
        let bound = |ms: f64| value(ms * 1e6, true);
        assert!(within(exact(1.0), exact(1.05)));
        assert!(!within(exact(1.0), exact(1.06)));
        assert!(within(exact(100.0), exact(100.9)));
        assert!(!within(exact(100.0), exact(98.9)));
        assert!(within(bound(1000.0), bound(1000.1)));
        assert!(!within(bound(1000.0), exact(1000.0)));
        assert!(!Row::of("p50", exact(1.0), None).within);
        assert_eq!(
            Row::of("p50", exact(0.0), Some(exact(1.0))).error_share,
            None
        );
    }

    #[test]
    fn the_median_of_repetitions_takes_bounds_for_more() {
        let median = middle(vec![value(9.0, true), value(3.0, false), value(5.0, false)]);
        assert_eq!(median, Some(value(5.0, false)));
        let median = middle(vec![value(9.0, true), value(3.0, false), value(8.0, true)]);
        assert_eq!(median, Some(value(8.0, true)));
        assert_eq!(middle(Vec::new()), None);
    }

    /// The truths of the standard effort: no percentile stands near an edge.
    #[test]
    fn the_truth_of_each_target_is_as_described() {
        let duration = Nanos::from_secs(10);
        let shown: Vec<_> = targets(duration)
            .into_iter()
            .map(|(name, behaviour)| {
                let plan = plan(name, behaviour, even(RATE), duration);
                let ideal = ideal(behaviour, &plan);
                let truths = rows(&ideal, &[], 0.0).into_iter().map(|row| {
                    let sign = if row.truth.at_least { "≥" } else { "" };
                    format!("{} {sign}{}", row.percentile, row.truth.ns / 1e6)
                });
                format!("{name}: {}", truths.collect::<Vec<_>>().join(", "))
            })
            .collect();
        insta::assert_snapshot!(shown.join("\n"), @"
        instant: p50 0, p90 0, p95 0, p99 0, p99.9 0
        fixed: p50 1, p90 1, p95 1, p99 1, p99.9 1
        bimodal: p50 1, p90 1, p95 1, p99 50, p99.9 50
        stalling: p50 1, p90 1, p95 153.75, p99 353.5, p99.9 396.25
        hanging: p50 1, p90 1, p95 1, p99 ≥1000, p99.9 ≥1000
        ");
    }
}
