//! The queue of the shop: a message for each request, and a consumer that takes them.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::exposition::Exposition;

#[derive(Default)]
pub(super) struct Queue {
    book: Mutex<Book>,
    published: Notify,
}

#[derive(Default)]
struct Book {
    /// The paths that were asked for.
    messages: VecDeque<&'static str>,
    published: u64,
}

impl Queue {
    pub(super) fn publish(&self, path: &'static str) {
        let mut book = self.book();
        book.messages.push_back(path);
        book.published += 1;
        self.published.notify_one();
    }

    /// Is ready when there may be messages.
    pub(super) async fn wait(&self) {
        if self.lag() == 0 {
            self.published.notified().await;
        }
    }

    /// Takes the oldest messages, at most so many.
    pub(super) fn consume(&self, most: usize) {
        let mut book = self.book();
        let n = most.min(book.messages.len());
        book.messages.drain(..n);
    }

    /// Messages that were not taken yet.
    pub(super) fn lag(&self) -> usize {
        self.book().messages.len()
    }

    pub(super) fn expose(&self, page: &mut Exposition) {
        let book = self.book();
        let lag = book.messages.len() as f64;
        page.one(
            "consumer_lag",
            "gauge",
            "Messages that the consumer has not taken yet.",
            lag,
        );
        page.one(
            "queue_published_total",
            "counter",
            "Messages put into the queue.",
            book.published as f64,
        );
        page.one(
            "queue_consumed_total",
            "counter",
            "Messages that the consumer took.",
            book.published as f64 - lag,
        );
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
