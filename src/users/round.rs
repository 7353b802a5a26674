//! What all users of a round share.

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};

use super::books::Books;
use super::caller::Setup;
use super::{Order, UsersError};
use crate::governor::Governor;
use crate::scenario::plan::{Phase, Plan, Url};
use crate::schedule::{Mix, Pace};
use crate::stop::Stop;
use crate::units::Nanos;

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
    /// None: as fast as they like.
    pace: Option<Mutex<Pace>>,
}

impl Round {
    pub(super) fn new(order: &Order) -> Result<Self, UsersError> {
        // Visits of closed phases are numbered behind those of open ones.
        let max_rate = order.plan.target.http.max_rate;
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
            pace: max_rate.map(|most| Mutex::new(Pace::share(most, order.shard.of()))),
        })
    }

    /// Counts a request that is sent now, or says when there is a turn for one.
    pub(super) fn turn(&self, now: Nanos) -> Option<Nanos> {
        let mut pace = self
            .pace
            .as_ref()?
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        (!pace.take(now)).then(|| pace.next())
    }
}
