//! What happens while a run is measured: the only interface between measuring and showing.

use super::{Arm, Contamination, GuardChange, Halt, Interval, Outline};
use crate::units::Nanos;

/// Sent by a session to whoever watches.
#[derive(Debug, Clone)]
pub enum Event {
    /// Measuring begins; `rounds` is the most there can be.
    Started {
        outline: Outline,
        rounds: usize,
    },
    RoundStarted {
        index: usize,
        arm: Arm,
        of: usize,
    },
    /// The target answers its ready probe after this time.
    Ready {
        after: Nanos,
    },
    /// One interval is recorded.
    Interval(Box<Interval>),
    /// The guard changed what it lets through.
    Guard(GuardChange),
    /// A rule of the scenario ends the run.
    Halted(Halt),
    RoundEnded {
        index: usize,
        arm: Arm,
        contamination: Vec<Contamination>,
    },
    /// A sequential look: rounds per arm so far, and the metrics that are still undecided.
    Looked {
        rounds: usize,
        undecided: Vec<String>,
    },
    /// Something the user should know now.
    Warning(String),
    /// A stop was asked for; the run drains and reports.
    Stopping,
}
