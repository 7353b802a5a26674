//! What is counted of requests; probes are not.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use http::StatusCode;

use super::exposition::{Exposition, Histogram};
use crate::clock;
use crate::units::Nanos;

pub(super) struct Meters {
    /// Since 1970, which tells a process from the one before it.
    started: Nanos,
    pub(super) in_flight: AtomicU64,
    answered: Mutex<Answered>,
}

#[derive(Default)]
struct Answered {
    by_status: BTreeMap<(&'static str, u16), u64>,
    took: BTreeMap<&'static str, Histogram>,
}

impl Meters {
    pub(super) fn new() -> Self {
        Self {
            started: clock::wall(),
            in_flight: AtomicU64::new(0),
            answered: Mutex::default(),
        }
    }

    pub(super) fn answered(&self, path: &'static str, status: StatusCode, took: Nanos) {
        let mut answered = self.book();
        *answered
            .by_status
            .entry((path, status.as_u16()))
            .or_default() += 1;
        answered.took.entry(path).or_default().record(took);
    }

    pub(super) fn expose(&self, page: &mut Exposition) {
        let answered = self.book();
        page.family(
            "http_requests_total",
            "counter",
            "Requests answered, without probes.",
        );
        for ((path, status), n) in &answered.by_status {
            let labels = [("path", *path), ("status", &status.to_string())];
            page.sample("http_requests_total", &labels, *n as f64);
        }
        page.family(
            "http_request_duration_seconds",
            "histogram",
            "From the request to its answer.",
        );
        for (path, took) in &answered.took {
            page.histogram("http_request_duration_seconds", &[("path", path)], took);
        }
        page.one(
            "http_requests_in_flight",
            "gauge",
            "Requests that are not answered yet.",
            self.in_flight.load(Ordering::Relaxed) as f64,
        );
        page.one(
            "process_start_time_seconds",
            "gauge",
            "When this process began to serve, since 1970.",
            self.started.as_secs_f64(),
        );
    }

    fn book(&self) -> MutexGuard<'_, Answered> {
        self.answered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
