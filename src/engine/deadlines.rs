//! Deadlines of one kind, first come first due.
//!
//! All have the same length, so they come due in the order they were set: a list linked through the
//! connection slots gives constant time for setting, lifting and finding the next, and its memory
//! depends on the number of connections only.

use crate::units::Nanos;

const NONE: usize = usize::MAX;

#[derive(Debug, Clone, Copy)]
struct Link {
    due: Nanos,
    before: usize,
    after: usize,
    set: bool,
}

/// At most one deadline for each slot.
#[derive(Debug)]
pub(super) struct Deadlines {
    length: Nanos,
    first: usize,
    last: usize,
    links: Vec<Link>,
}

impl Deadlines {
    pub(super) fn new(length: Nanos, slots: usize) -> Self {
        let unset = Link {
            due: Nanos::ZERO,
            before: NONE,
            after: NONE,
            set: false,
        };
        Self {
            length,
            first: NONE,
            last: NONE,
            links: vec![unset; slots],
        }
    }

    /// Sets the deadline of a slot that has none; `now` must not descend from call to call.
    pub(super) fn set(&mut self, slot: usize, now: Nanos) {
        self.lift(slot);
        self.links[slot] = Link {
            due: now + self.length,
            before: self.last,
            after: NONE,
            set: true,
        };
        match self.last {
            NONE => self.first = slot,
            last => self.links[last].after = slot,
        }
        self.last = slot;
    }

    /// Removes the deadline of a slot, if it has one.
    pub(super) fn lift(&mut self, slot: usize) {
        let Link {
            before, after, set, ..
        } = self.links[slot];
        if !set {
            return;
        }
        self.links[slot].set = false;
        match before {
            NONE => self.first = after,
            before => self.links[before].after = after,
        }
        match after {
            NONE => self.last = before,
            after => self.links[after].before = before,
        }
    }

    /// The slot whose deadline has passed the longest.
    pub(super) fn expired(&self, now: Nanos) -> Option<usize> {
        self.next().filter(|due| *due <= now).map(|_| self.first)
    }

    /// When the next deadline is.
    pub(super) fn next(&self) -> Option<Nanos> {
        (self.first != NONE).then(|| self.links[self.first].due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_come_due_in_order_and_can_be_lifted_anywhere() {
        let mut deadlines = Deadlines::new(Nanos(10), 5);
        for slot in [3, 0, 4, 1] {
            deadlines.set(slot, Nanos(slot as u64));
        }
        deadlines.lift(0);
        deadlines.lift(0);
        deadlines.lift(1);
        assert_eq!(deadlines.next(), Some(Nanos(13)));
        assert_eq!(deadlines.expired(Nanos(12)), None);
        assert_eq!(deadlines.expired(Nanos(13)), Some(3));
        deadlines.lift(3);
        assert_eq!(deadlines.expired(Nanos(20)), Some(4));
        deadlines.set(4, Nanos(50));
        assert_eq!(deadlines.next(), Some(Nanos(60)));
        deadlines.lift(4);
        assert_eq!(deadlines.next(), None);
    }
}
