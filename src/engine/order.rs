//! What a round is asked to do, and how it is stopped.

use std::io;
use std::sync::Arc;

use crate::governor::Governor;
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

/// Half the cores this process may use, at least one, and no more than there are connections.
pub fn default_workers(connections: usize) -> usize {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    (cores / 2).clamp(1, connections.max(1))
}
