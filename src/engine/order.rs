//! What a round is asked to do, and how it is stopped.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::protocol::{Dial, Speech};
use crate::scenario::plan::{Plan, Url};
use crate::schedule::Shard;
use crate::stop::Stop;
use crate::units::Nanos;

/// One round of a plan against one target.
#[derive(Debug, Clone)]
pub struct Order {
    pub plan: Arc<Plan>,
    pub dial: Dial,
    pub speech: Speech,
    /// The actual URL, with the port of this round.
    pub url: Url,
    /// `CLOCK_MONOTONIC` time at which the first phase starts; slightly in the future.
    pub epoch: Nanos,
    /// Threads; no more than connections are used.
    pub workers: usize,
    pub stop: Stop,
    /// How much of what is due is let through.
    pub governor: Governor,
    /// The part of the plan that is sent from here.
    pub shard: Shard,
    /// Number of the round, for the intervals.
    pub round: usize,
}

/// How a round ended.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ended {
    /// The greatest share of one core that any one worker used.
    pub worker_cpu: f64,
    /// True when it was stopped before its plan was done.
    pub interrupted: bool,
}

/// Why a round could not be run to its end.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    #[error("a load worker could not be started: {0}")]
    Start(#[source] io::Error),
    #[error("a load worker could not wait for its sockets: {0}")]
    Poll(#[source] io::Error),
    #[error("a load worker panicked, which is a defect of Plimsoll")]
    Panicked,
    #[error(
        "more than {most} requests were outstanding, and `overflow = \"fail\"` ends the run then"
    )]
    Overflow { most: usize },
}

/// How much of the load is let through; clones share one state, read by every worker once a turn.
#[derive(Debug, Clone)]
pub struct Governor(Arc<AtomicU32>);

impl Governor {
    /// Every how many-th arrival is sent: 1 all, 0 none. The others are withheld.
    pub fn admit_every(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }

    pub fn set(&self, admit_every: u32) {
        self.0.store(admit_every, Ordering::Relaxed);
    }
}

impl Default for Governor {
    fn default() -> Self {
        Self(Arc::new(AtomicU32::new(1)))
    }
}

/// Half the cores this process may use, at least one, and no more than there are connections.
pub fn default_workers(connections: usize) -> usize {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    (cores / 2).clamp(1, connections.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_governor_lets_everything_through_until_told_otherwise() {
        let governor = Governor::default();
        assert_eq!(governor.admit_every(), 1);
        governor.clone().set(0);
        assert_eq!(governor.admit_every(), 0);
    }
}
