//! Faults that act by themselves, apart from any request: they begin and end on the time line.

use std::future::{Future, pending};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until, timeout_at};

use super::hoard::Descriptors;
use super::shop::Shop;
use super::{Ailment, Injection, stops};

/// How often descriptors that became free are taken.
const TOP_UP: Duration = Duration::from_millis(20);
/// A process that came up again lives at least so long.
const LIFE: Duration = Duration::from_secs(1);

/// Begins the time line of all faults.
pub(super) fn begin(shop: &Arc<Shop>, first: Instant) {
    for injection in &shop.options.injected {
        tokio::spawn(run(Arc::clone(shop), *injection, first));
    }
}

async fn run(shop: Arc<Shop>, injection: Injection, first: Instant) {
    let Injection {
        ailment,
        span,
        strength,
    } = injection;
    let end = span.end().map(|end| first + end.into());
    let from = first + span.at.into();
    sleep_until(from).await;
    match ailment {
        Ailment::PoolExhausted => {
            let lost = shop.pool.lose(strength).await;
            until(end, pending::<()>()).await;
            drop(lost);
        }
        Ailment::ColdCache => {
            shop.cache.chill(strength);
            until(end, pending::<()>()).await;
            shop.cache.widen();
        }
        Ailment::Pauses => until(end, stops::pause(strength)).await,
        Ailment::Throttle => until(end, throttle(&shop, from, strength)).await,
        Ailment::DescriptorExhaustion => until(end, exhaust(strength)).await,
        Ailment::CrashLoop => until(end, crash(&shop)).await,
        // What is looked up at each request needs no course.
        Ailment::Deadlock
        | Ailment::Leak
        | Ailment::SlowDependency
        | Ailment::RateLimit
        | Ailment::RetryStorm
        | Ailment::LockContention
        | Ailment::ConsumerLag
        | Ailment::CpuSaturation => {}
    }
}

/// Goes on until the fault ends, if it does.
async fn until(end: Option<Instant>, acting: impl Future<Output = ()>) {
    match end {
        // Either way it is over.
        Some(end) => drop(timeout_at(end, acting).await),
        None => acting.await,
    }
}

async fn throttle(shop: &Shop, from: Instant, strength: f64) {
    let mut from = from;
    let mut seen = 0;
    loop {
        let stopped = stops::period(from, strength, || {
            let now = shop.requests.load(Ordering::Relaxed);
            std::mem::replace(&mut seen, now) != now
        })
        .await;
        shop.count_period(stopped);
        from = stops::next(from);
    }
}

async fn exhaust(strength: f64) {
    let mut descriptors = Descriptors::take(strength);
    loop {
        sleep(TOP_UP).await;
        descriptors.top_up();
    }
}

async fn crash(shop: &Shop) {
    if shop.options.elapsed.is_some() {
        // Up again, it has to be asked for something before it falls.
        while shop.requests.load(Ordering::Relaxed) == 0 {
            sleep(TOP_UP).await;
        }
        sleep(LIFE).await;
    }
    shop.crash.notify_one();
    pending::<()>().await;
}
