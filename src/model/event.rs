//! What happens while a run is measured: the only interface between measuring and showing.

use super::{
    AlertEvent, Arm, BundleTaken, Contamination, Disturbance, Foresight, GuardChange, Halt,
    Interval, LevelVerdict, Outline, TargetSample,
};
use crate::units::Nanos;

/// Sent by a session to whoever watches.
#[derive(Debug, Clone)]
pub enum Event {
    /// Measuring begins; `rounds` is the most there can be.
    Started { outline: Outline, rounds: usize },
    /// A check within a budget of time says what it will be able to see.
    Planned(Foresight),
    /// A part waits for the start that it has in common with the others: RFC 3339.
    Waiting { until: String },
    RoundStarted {
        index: usize,
        arm: Arm,
        of: usize,
        /// Rate of the round in a search for capacity.
        level: Option<f64>,
    },
    /// The target answers its ready probe after this time.
    Ready { after: Nanos },
    /// One interval is recorded.
    Interval(Box<Interval>),
    /// The target's processes were read, so long after the beginning of a round.
    Sampled {
        round: usize,
        at: Nanos,
        target: TargetSample,
    },
    /// The guard changed what it lets through.
    Guard(GuardChange),
    /// A rule of the scenario ends the run.
    Halted(Halt),
    /// Something disturbs the generator, for the first time in this round.
    Suspected(Disturbance),
    /// An alert changed its state.
    Alert(Box<AlertEvent>),
    RoundEnded {
        index: usize,
        arm: Arm,
        /// False when it was ended early.
        complete: bool,
        contamination: Vec<Contamination>,
    },
    /// The next round waits until it is wished for.
    Paused,
    /// It does not wait any more.
    Resumed,
    /// A sequential look: rounds per arm so far, and the metrics that are still undecided.
    Looked {
        rounds: usize,
        undecided: Vec<String>,
    },
    /// A search for capacity has judged a level.
    LevelJudged { rate: f64, verdict: LevelVerdict },
    /// A diagnostic bundle was taken by itself.
    Bundle(BundleTaken),
    /// A round begins that is looked at by a profiler and not measured.
    Profiling { arm: Arm },
    /// So many parts of a long analysis are done.
    Analysed {
        /// What is done, as in `runs read`.
        what: &'static str,
        done: usize,
        of: usize,
    },
    /// Something the user should know now.
    Warning(String),
    /// A stop was asked for; the run drains and reports.
    Stopping,
}
