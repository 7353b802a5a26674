//! When users have to go: they finish what they are at, and are cut off when that takes too long.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::watch;

use crate::clock::{Clock, Monotonic};
use crate::stop::{Stop, StopState};
use crate::units::Nanos;

/// How long the phase waits for requests in flight.
const DRAIN: Nanos = Nanos::from_secs(5);

/// A stop is noticed within this.
const LOOK_EVERY: Nanos = Nanos::from_millis(25);

/// What users may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Hour {
    Open,
    /// Nothing new is begun.
    Closing,
    /// What is not answered is cut off.
    Cut,
}

/// Calls the hour, and knows who is still there.
#[derive(Debug)]
pub(super) struct Bell {
    hour: watch::Sender<Hour>,
    present: Arc<AtomicUsize>,
}

impl Bell {
    pub(super) fn new() -> Self {
        Self {
            hour: watch::Sender::new(Hour::Open),
            present: Arc::default(),
        }
    }

    /// Lets someone in, who is gone when the result is dropped.
    pub(super) fn admit(&self) -> Curfew {
        self.present.fetch_add(1, Ordering::SeqCst);
        Curfew {
            hour: self.hour.subscribe(),
            present: Arc::clone(&self.present),
        }
    }

    /// Calls the hours of a phase that ends at `end`, and returns when everybody is gone.
    pub(super) async fn watch_over(&self, end: Nanos, stop: &Stop) {
        while Monotonic.now() < end && stop.state() == StopState::Running {
            rest((end - Monotonic.now()).min(LOOK_EVERY)).await;
        }
        self.hour.send_replace(Hour::Closing);
        let longest = Monotonic.now() + DRAIN;
        while self.present.load(Ordering::SeqCst) > 0 {
            if Monotonic.now() >= longest || stop.state() == StopState::Aborted {
                self.hour.send_replace(Hour::Cut);
            }
            rest(Nanos::from_millis(2)).await;
        }
    }
}

/// The hour as one user hears it.
#[derive(Debug)]
pub(super) struct Curfew {
    hour: watch::Receiver<Hour>,
    present: Arc<AtomicUsize>,
}

impl Curfew {
    pub(super) fn is_open(&self) -> bool {
        *self.hour.borrow() == Hour::Open
    }

    /// Rests for a while; false when the hour struck meanwhile.
    pub(super) async fn rest(&mut self, time: Nanos) -> bool {
        if time > Nanos::ZERO {
            tokio::select! {
                biased;
                () = reached(&mut self.hour, Hour::Closing) => {}
                () = rest(time) => {}
            }
        }
        self.is_open()
    }

    /// What `work` gives, unless it is cut off.
    pub(super) async fn unless_cut<T>(&mut self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            done = work => Some(done),
            () = reached(&mut self.hour, Hour::Cut) => None,
        }
    }
}

impl Drop for Curfew {
    fn drop(&mut self) {
        self.present.fetch_sub(1, Ordering::SeqCst);
    }
}

async fn reached(hour: &mut watch::Receiver<Hour>, wanted: Hour) {
    // A bell that is gone has struck for the last time.
    let _ = hour.wait_for(|hour| *hour >= wanted).await;
}

/// Sleeps; nothing shorter than a millisecond is slept off.
pub(super) async fn rest(time: Nanos) {
    tokio::time::sleep(Duration::from(time)).await;
}
