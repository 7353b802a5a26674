//! What the users of a round are asked to do.

use std::io;
use std::sync::Arc;

use crate::governor::Governor;
use crate::model::Shard;
use crate::protocol::{Dial, TlsSetupError};
use crate::scenario::plan::{Load, Plan, Url};
use crate::stop::Stop;
use crate::units::Nanos;

/// The `users` phases of one round of a plan against one target.
#[derive(Debug, Clone)]
pub struct Order {
    pub plan: Arc<Plan>,
    pub dial: Dial,
    /// The actual URL, with the port of this round.
    pub url: Url,
    /// `CLOCK_MONOTONIC` time at which the first phase starts.
    pub epoch: Nanos,
    pub stop: Stop,
    /// Number of the round, for the intervals.
    pub round: usize,
    /// How much of the load is let through.
    pub governor: Governor,
    /// The part of the users that is launched from here.
    pub shard: Shard,
}

/// Why the users of a round could not be run.
#[derive(Debug, thiserror::Error)]
pub enum UsersError {
    #[error("this Plimsoll was built without virtual users, so it cannot run a `users` phase")]
    Absent,
    #[error("a `users` phase cannot {0}")]
    Unsupported(&'static str),
    #[error("the certificates of the target cannot be used: {0}")]
    Tls(#[from] TlsSetupError),
    #[error("a client for virtual users could not be made: {0}")]
    Client(String),
    #[error("virtual users could not be started: {0}")]
    Start(#[source] io::Error),
    #[error("goose did not launch the virtual users: {0}")]
    Launch(String),
    #[error("a thread of the virtual users panicked, which is a defect of Plimsoll")]
    Panicked,
}

/// True when a plan has a `users` phase.
pub fn are_in(plan: &Plan) -> bool {
    plan.phases
        .iter()
        .any(|phase| matches!(phase.load, Load::Users(_)))
}
