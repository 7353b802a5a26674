//! Workers that hold one request each for a time: a queue of known capacity without any CPU work.
//!
//! The end of each service is worked out when the request comes, on an unbroken time line for each
//! worker. A timer that wakes late delays an answer and never the next one's beginning, so workers
//! by service time is exactly the rate that can be answered, on a busy machine too.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::{Mutex, PoisonError};

use tokio::time::Instant;

use crate::units::Nanos;

/// When each worker will be free, the first to be so on top.
pub(super) struct Slots(Mutex<BinaryHeap<Reverse<Instant>>>);

impl Slots {
    /// At least one worker, all free.
    pub(super) fn new(workers: usize) -> Self {
        let now = Instant::now();
        let free = std::iter::repeat_n(Reverse(now), workers.max(1));
        Self(Mutex::new(free.collect()))
    }

    /// Takes the worker that is free first for this long; gives the end of its service.
    pub(super) fn take(&self, now: Instant, lasts: Nanos) -> Instant {
        let mut free = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let from = free.pop().map_or(now, |Reverse(at)| at.max(now));
        let end = from + lasts.into();
        free.push(Reverse(end));
        end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workers_by_service_time_is_the_capacity_in_the_order_of_arrival() {
        let slots = Slots::new(4);
        let now = Instant::now();
        let lasts = Nanos::from_millis(20);
        let ends: Vec<u128> = (0..12)
            .map(|_| (slots.take(now, lasts) - now).as_millis())
            .collect();
        assert_eq!(ends, [20, 20, 20, 20, 40, 40, 40, 40, 60, 60, 60, 60]);
        // A pause is not made up for.
        let later = now + Nanos::from_secs(1).into();
        assert_eq!((slots.take(later, lasts) - later).as_millis(), 20);
    }
}
