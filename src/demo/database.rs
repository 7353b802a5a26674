//! The database that the shop depends on: a wait, which may fail.

use std::sync::{Mutex, PoisonError};

use tokio::time::{Instant, sleep};

use super::exposition::{Exposition, Histogram};
use crate::random::mix;
use crate::units::Nanos;

/// Weight of the last call in what is remembered of all.
const MEMORY: f64 = 0.1;
/// A mean call of twice this is unwell.
const PROMPT: f64 = 0.05;
/// Decides which calls fail, the same in every process.
const SEED: u64 = 0x5EA;

#[derive(Default)]
pub(super) struct Database(Mutex<Book>);

/// A call that failed.
#[derive(Debug)]
pub(super) struct Failed;

#[derive(Debug, Default)]
struct Book {
    calls: u64,
    failed: u64,
    retries: u64,
    took: Histogram,
    /// Moving averages of the last calls: seconds, and the share that failed.
    recent: f64,
    failing: f64,
}

impl Database {
    /// One call, of which this share fails.
    ///
    /// # Errors
    /// When it fails, which takes as long.
    pub(super) async fn call(&self, lasts: Nanos, failing: f64) -> Result<(), Failed> {
        let start = Instant::now();
        if lasts > Nanos::ZERO {
            sleep(lasts.into()).await;
        }
        let took = Nanos::from_secs_f64(start.elapsed().as_secs_f64());
        let mut book = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if book.call(took, failing) {
            Err(Failed)
        } else {
            Ok(())
        }
    }

    /// Counts a call that is made because the one before failed.
    pub(super) fn retry(&self) {
        self.book().retries += 1;
    }

    /// How it was of late, from 0 to 1.
    pub(super) fn score(&self) -> f64 {
        let book = self.book();
        (1.0 - book.failing) * (PROMPT / book.recent).min(1.0)
    }

    /// Mean duration of the last calls.
    pub(super) fn recent(&self) -> f64 {
        self.book().recent
    }

    pub(super) fn expose(&self, page: &mut Exposition) {
        let book = self.book();
        page.family(
            "db_query_duration_seconds",
            "histogram",
            "Duration of calls of the database.",
        );
        page.histogram("db_query_duration_seconds", &[], &book.took);
        page.one(
            "db_query_errors_total",
            "counter",
            "Calls of the database that failed.",
            book.failed as f64,
        );
        page.one(
            "retries_total",
            "counter",
            "Calls of the database that were made because one had failed.",
            book.retries as f64,
        );
    }

    fn book(&self) -> std::sync::MutexGuard<'_, Book> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Book {
    /// Whether it failed.
    fn call(&mut self, took: Nanos, failing: f64) -> bool {
        self.calls += 1;
        self.took.record(took);
        let failed = (mix(SEED, self.calls) >> 11) as f64 / (1_u64 << 53) as f64 > 1.0 - failing;
        self.failed += u64::from(failed);
        self.recent += MEMORY * (took.as_secs_f64() - self.recent);
        self.failing += MEMORY * (f64::from(u8::from(failed)) - self.failing);
        failed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_calls_fail_as_are_asked_to() {
        let failed = |share: f64| {
            let mut book = Book::default();
            (0..10_000)
                .filter(|_| book.call(Nanos::ZERO, share))
                .count()
        };
        assert_eq!(failed(0.0), 0);
        assert!((6_800..7_200).contains(&failed(0.7)), "{}", failed(0.7));
        assert_eq!(failed(1.0), 10_000);
    }

    #[test]
    fn slow_and_failing_calls_lower_the_score() {
        let database = Database::default();
        assert!((database.score() - 1.0).abs() < 1e-9);
        for _ in 0..50 {
            database.book().call(Nanos::from_millis(150), 0.0);
        }
        assert!(database.score() < 0.5);
    }
}
