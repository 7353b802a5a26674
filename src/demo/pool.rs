//! The pool of connections to the database: bounded, first come first served, with a limit on waiting.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::exposition::Exposition;
use super::fault::part;

/// Connections that there are.
pub(super) const SIZE: u32 = 64;
/// Longest wait for a connection.
const PATIENCE: Duration = Duration::from_secs(1);

pub(super) struct Pool {
    free: Arc<Semaphore>,
    waiting: AtomicU64,
    timeouts: AtomicU64,
}

/// A connection, or several; dropped, they are free again.
pub(super) struct Connection(
    #[expect(dead_code, reason = "held for its end")] OwnedSemaphorePermit,
);

impl Pool {
    pub(super) fn new() -> Self {
        Self {
            free: Arc::new(Semaphore::new(SIZE as usize)),
            waiting: AtomicU64::new(0),
            timeouts: AtomicU64::new(0),
        }
    }

    /// A connection, or none when none became free in time.
    pub(super) async fn acquire(&self) -> Option<Connection> {
        if let Ok(permit) = Arc::clone(&self.free).try_acquire_owned() {
            return Some(Connection(permit));
        }
        let _waiting = Counted::new(&self.waiting);
        let acquired = timeout(PATIENCE, Arc::clone(&self.free).acquire_owned()).await;
        if acquired.is_err() {
            self.timeouts.fetch_add(1, Ordering::Relaxed);
        }
        acquired.ok()?.ok().map(Connection)
    }

    /// So many connections at once, as a leak takes them; at least one is left.
    pub(super) async fn lose(&self, share: f64) -> Option<Connection> {
        let lost = part(SIZE, share).min(SIZE - 1);
        let permits = Arc::clone(&self.free).acquire_many_owned(lost).await;
        permits.ok().map(Connection)
    }

    pub(super) fn in_use(&self) -> u32 {
        let free = u32::try_from(self.free.available_permits()).unwrap_or(SIZE);
        SIZE.saturating_sub(free)
    }

    pub(super) fn utilisation(&self) -> f64 {
        f64::from(self.in_use()) / f64::from(SIZE)
    }

    pub(super) fn waiting(&self) -> u64 {
        self.waiting.load(Ordering::Relaxed)
    }

    pub(super) fn expose(&self, page: &mut Exposition) {
        page.one(
            "db_pool_size",
            "gauge",
            "Connections of the pool.",
            f64::from(SIZE),
        );
        page.one(
            "db_pool_in_use",
            "gauge",
            "Connections of the pool that are taken.",
            f64::from(self.in_use()),
        );
        page.one(
            "db_pool_waiting",
            "gauge",
            "Requests that wait for a connection.",
            self.waiting() as f64,
        );
        page.one(
            "db_pool_acquire_timeouts_total",
            "counter",
            "Waits for a connection that were given up.",
            self.timeouts.load(Ordering::Relaxed) as f64,
        );
    }
}

/// One more as long as it lives, also when its request is dropped half-way.
pub(super) struct Counted<'a>(&'a AtomicU64);

impl<'a> Counted<'a> {
    pub(super) fn new(count: &'a AtomicU64) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
