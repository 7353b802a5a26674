//! The parts of the shop, which all connections and all faults share.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

use super::cache::Cache;
use super::database::Database;
use super::exposition::Exposition;
use super::fault::{Options, part};
use super::hoard::Leak;
use super::meters::Meters;
use super::pool::{self, Pool};
use super::queue::Queue;
use super::slots::Slots;
use super::threads::Threads;
use super::{Ailment, Component};
use crate::units::Nanos;

/// What a slow dependency takes longer at full strength.
const SLOWER: f64 = 0.3;
/// Attempts at a call that fails.
const ATTEMPTS: u32 = 5;
/// How late a connection comes back to a pool that is being exhausted.
const LATE: Duration = Duration::from_millis(200);
/// A component below this score is unwell.
const WELL: f64 = 0.5;
/// Utilisation of a pool that is just well.
const BUSY: f64 = 0.8;
/// Messages of lag that are just well.
const LAG: f64 = 100.0;

pub(super) struct Shop {
    pub(super) options: Options,
    pub(super) slots: Slots,
    pub(super) pool: Pool,
    pub(super) cache: Cache,
    pub(super) queue: Queue,
    pub(super) meters: Meters,
    pub(super) threads: Threads,
    pub(super) leak: Leak,
    /// The one core there is, for requests that saturate it: who waits for it waits here, and holds
    /// nothing else that others wait for.
    pub(super) core: tokio::sync::Mutex<()>,
    /// Is told when the process has to crash.
    pub(super) crash: Notify,
    /// When the first request other than probes came.
    pub(super) first: OnceLock<Instant>,
    /// Requests other than probes so far.
    pub(super) requests: AtomicU64,
    database: Database,
    quota: Mutex<Quota>,
}

/// What bandwidth control counts.
#[derive(Debug, Clone, Copy, Default)]
struct Quota {
    periods: u64,
    throttled: u64,
    stopped: Duration,
}

/// The database could not be asked, or did not answer.
#[derive(Debug)]
pub(super) struct Unavailable;

impl Shop {
    pub(super) fn new(options: Options) -> Self {
        Self {
            slots: Slots::new(options.workers),
            options,
            pool: Pool::new(),
            cache: Cache::warm(),
            queue: Queue::default(),
            meters: Meters::new(),
            threads: Threads::default(),
            leak: Leak::default(),
            core: tokio::sync::Mutex::default(),
            crash: Notify::new(),
            first: OnceLock::new(),
            requests: AtomicU64::new(0),
            database: Database::default(),
            quota: Mutex::default(),
        }
    }

    /// How badly the target has a symptom now.
    pub(super) fn ails(&self, ailment: Ailment) -> Option<f64> {
        // Without faults not even the time is looked at.
        if self.options.injected.is_empty() {
            return None;
        }
        let elapsed = self.first.get()?.elapsed();
        self.options
            .strength(ailment, Nanos::from_secs_f64(elapsed.as_secs_f64()))
    }

    /// The number of the next request, from 1.
    pub(super) fn number(&self) -> u64 {
        self.requests.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Asks the database over a connection of the pool.
    ///
    /// # Errors
    /// When there was no connection in time, or no attempt succeeded.
    pub(super) async fn ask(&self, lasts: Nanos) -> Result<(), Unavailable> {
        let connection = self.pool.acquire().await.ok_or(Unavailable)?;
        let slower = self.ails(Ailment::SlowDependency).unwrap_or(0.0) * SLOWER;
        let lasts = lasts + Nanos::from_secs_f64(slower);
        let failing = self.ails(Ailment::RetryStorm).unwrap_or(0.0);
        let mut answer = self.database.call(lasts, failing).await;
        for _ in 1..ATTEMPTS {
            if answer.is_ok() {
                break;
            }
            self.database.retry();
            answer = self.database.call(lasts, failing).await;
        }
        if self.ails(Ailment::PoolExhausted).is_some() {
            tokio::spawn(async {
                sleep(LATE).await;
                drop(connection);
            });
        }
        answer.map_err(|_| Unavailable)
    }

    pub(super) fn count_period(&self, stopped: Duration) {
        let mut quota = self.quota.lock().unwrap_or_else(PoisonError::into_inner);
        quota.periods += 1;
        quota.throttled += u64::from(!stopped.is_zero());
        quota.stopped += stopped;
    }

    /// Whether it is well, and what it says of itself.
    pub(super) fn component(&self, component: Component) -> (bool, Value) {
        let score = self.score(component);
        let well = score >= WELL;
        let mut said = match component {
            Component::Database => json!({ "latency_ms": self.database.recent() * 1e3 }),
            Component::Cache => json!({ "hit_rate": self.cache.hit_rate() }),
            Component::Pool => json!({
                "size": pool::SIZE,
                "in_use": self.pool.in_use(),
                "waiting": self.pool.waiting(),
                "utilisation": self.pool.utilisation(),
            }),
            Component::Queue => json!({ "lag": self.queue.lag() }),
        };
        said["status"] = json!(if well { "up" } else { "down" });
        said["score"] = json!(score);
        (well, said)
    }

    /// The mean of all components' scores.
    pub(super) fn overall_score(&self) -> f64 {
        let scores = Component::ALL.map(|component| self.score(component));
        scores.iter().sum::<f64>() / scores.len() as f64
    }

    fn score(&self, component: Component) -> f64 {
        match component {
            Component::Database => self.database.score(),
            Component::Cache => self.cache.hit_rate(),
            // Full while twice what has to be spare is, then falling with it.
            Component::Pool => {
                let spare = 1.0 - self.pool.utilisation();
                (WELL * spare / (1.0 - BUSY)).min(1.0)
            }
            Component::Queue => (1.0 - (1.0 - WELL) * self.queue.lag() as f64 / LAG).max(0.0),
        }
    }

    /// The page of metrics.
    pub(super) fn metrics(&self) -> String {
        let mut page = Exposition::default();
        self.meters.expose(&mut page);
        self.pool.expose(&mut page);
        self.database.expose(&mut page);
        self.cache.expose(&mut page);
        self.queue.expose(&mut page);
        self.bandwidth(&mut page);
        page.text()
    }

    /// Only who has a quota counts its periods, under the names that containers have them.
    fn bandwidth(&self, page: &mut Exposition) {
        let quota = *self.quota.lock().unwrap_or_else(PoisonError::into_inner);
        if quota.periods == 0 {
            return;
        }
        for (name, help, value) in [
            (
                "container_cpu_cfs_periods_total",
                "Periods of the quota.",
                quota.periods as f64,
            ),
            (
                "container_cpu_cfs_throttled_periods_total",
                "Periods that were stopped before their end.",
                quota.throttled as f64,
            ),
            (
                "container_cpu_cfs_throttled_seconds_total",
                "Time stopped.",
                quota.stopped.as_secs_f64(),
            ),
        ] {
            page.one(name, "counter", help, value);
        }
    }
}

/// Takes messages as they come; while it lags, at most as many as its strength leaves.
pub(super) async fn consume(shop: Arc<Shop>) {
    /// Messages that are taken at once at strength 0.
    const BATCH: u32 = 10;
    /// How often it takes some.
    const TICK: Duration = Duration::from_millis(500);
    loop {
        let Some(strength) = shop.ails(Ailment::ConsumerLag) else {
            shop.queue.wait().await;
            if shop.ails(Ailment::ConsumerLag).is_none() {
                shop.queue.consume(usize::MAX);
            }
            continue;
        };
        sleep(TICK).await;
        shop.queue.consume(part(BATCH, 1.0 - strength) as usize);
    }
}
