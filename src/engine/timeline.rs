//! One worker's part of the phases, on absolute time.

use crate::scenario::plan::{Load, Plan};
use crate::units::Nanos;

/// One phase as a worker sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) start: Nanos,
    pub(super) end: Nanos,
    /// Connections kept busy all the time; None where the plan decides what is sent.
    pub(super) clients: Option<usize>,
    /// Most connections open at once.
    pub(super) limit: usize,
}

/// The phases of one worker, from `epoch`; `share` is its part of a number of connections.
pub(super) fn spans(plan: &Plan, epoch: Nanos, share: impl Fn(usize) -> usize) -> Vec<Span> {
    plan.phases
        .iter()
        .zip(plan.starts())
        .map(|(phase, start)| {
            let start = epoch + start;
            let (clients, total) = match phase.load {
                Load::Rate { .. } | Load::Users(_) | Load::Replay(_) | Load::Search(_) => {
                    (None, plan.target.http.connections)
                }
                Load::Connections(n) => (Some(share(n)), n),
            };
            Span {
                start,
                end: start + phase.duration,
                clients,
                // What an earlier phase left in the queue must find a connection.
                limit: share(total).max(1),
            }
        })
        .collect()
}
