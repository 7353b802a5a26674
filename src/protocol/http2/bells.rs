//! Wakers that set a bit: which exchanges of a connection something happened to.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Wake, Waker};

/// A bit for each place. They are atomic since wakers are shareable by contract; one thread uses
/// them.
#[derive(Debug)]
pub(super) struct Bells {
    words: Box<[AtomicU64]>,
}

impl Bells {
    pub(super) fn new(places: usize) -> Arc<Self> {
        let words = (0..places.div_ceil(64))
            .map(|_| AtomicU64::new(0))
            .collect();
        Arc::new(Self { words })
    }

    /// A waker that rings for a place.
    pub(super) fn waker(self: &Arc<Self>, place: usize) -> Waker {
        Waker::from(Arc::new(Bell {
            bells: Arc::clone(self),
            place,
        }))
    }

    pub(super) fn ring(&self, place: usize) {
        self.words[place / 64].fetch_or(1 << (place % 64), Ordering::Relaxed);
    }

    /// Silences the bell of a place, and says whether it rang.
    pub(super) fn answer(&self, place: usize) -> bool {
        let bit = 1 << (place % 64);
        let word = &self.words[place / 64];
        word.load(Ordering::Relaxed) & bit != 0
            && word.fetch_and(!bit, Ordering::Relaxed) & bit != 0
    }

    /// True when a bell rings.
    pub(super) fn any(&self) -> bool {
        self.words.iter().any(|w| w.load(Ordering::Relaxed) != 0)
    }

    /// Silences the first bell that rings in a range, and names its place.
    pub(super) fn answer_next(&self, range: Range<usize>) -> Option<usize> {
        let first = range.start / 64;
        for (index, word) in self.words.iter().enumerate().skip(first) {
            let mut rung = word.load(Ordering::Relaxed);
            if index == first {
                rung &= u64::MAX << (range.start % 64);
            }
            if rung != 0 {
                let bit = rung.trailing_zeros();
                let place = index * 64 + bit as usize;
                return range.contains(&place).then(|| {
                    word.fetch_and(!(1 << bit), Ordering::Relaxed);
                    place
                });
            }
        }
        None
    }
}

#[derive(Debug)]
struct Bell {
    bells: Arc<Bells>,
    place: usize,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.bells.ring(self.place);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bell_that_rang_is_answered_once() {
        let bells = Bells::new(130);
        for place in [129, 0, 64, 63, 64] {
            bells.waker(place).wake();
        }
        assert!(bells.any());
        assert!(bells.answer(63));
        assert!(!bells.answer(63));
        let mut answered = Vec::new();
        let mut from = 0;
        while let Some(place) = bells.answer_next(from..129) {
            answered.push(place);
            from = place + 1;
        }
        assert_eq!(answered, [0, 64]);
        assert_eq!(bells.answer_next(0..129), None);
        assert!(bells.answer(129));
        assert!(!bells.any());
    }
}
