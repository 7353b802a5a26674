//! What all users of a round share.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use super::books::Books;
use super::caller::Setup;
use super::{Order, UsersError};
use crate::governor::Governor;
use crate::scenario::plan::{Phase, Plan, Url};
use crate::schedule::Mix;
use crate::stop::Stop;

/// Plan, books and counters of one round.
#[derive(Debug)]
pub(super) struct Round {
    pub(super) plan: Arc<Plan>,
    pub(super) url: Url,
    pub(super) stop: Stop,
    pub(super) governor: Governor,
    pub(super) setup: Arc<Setup>,
    pub(super) mix: Mix,
    pub(super) books: Books,
    /// Visits begun from here; over all phases, so that rows of data are dealt once.
    pub(super) visits: AtomicU64,
    /// Number of the first visit from here, and from each to the next.
    pub(super) first: u64,
    pub(super) stride: u64,
}

impl Round {
    pub(super) fn new(order: &Order) -> Result<Self, UsersError> {
        // Visits of closed phases are numbered behind those of open ones.
        let open: u64 = order.plan.phases.iter().filter_map(Phase::asked).sum();
        Ok(Self {
            plan: Arc::clone(&order.plan),
            url: order.url.clone(),
            stop: order.stop.clone(),
            governor: order.governor.clone(),
            setup: Arc::new(Setup::new(order)?),
            mix: Mix::new(&order.plan),
            books: Books::new(order.plan.steps.len()),
            visits: AtomicU64::new(0),
            first: open + order.shard.index() as u64,
            stride: order.shard.of() as u64,
        })
    }
}
