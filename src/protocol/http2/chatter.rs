//! What the other side sends on a connection without answering.
//!
//! Frames around bodies, heads, settings, pings, room for more, and the rest of bodies that nobody
//! waits for any more: some of each belongs to every exchange. Whoever sends more of it from one answer
//! to the next only wants to keep us busy. The library counts bytes but not kinds of frames, so what is
//! no body is what is left when bodies are taken off.

use crate::mutant::{self, Mutant};

/// Most bytes that belong to no exchange, from one answer of a connection to the next.
const OF_CONNECTION: usize = 128 * 1024;

/// Bytes sent for which one byte may come: two frames of 13 bytes that give room for more are usual for
/// each 16 KiB.
const SENT_FOR_ONE: usize = 32;

/// Bytes since the last answer.
#[derive(Debug, Default)]
pub(super) struct Chatter {
    bytes: usize,
    /// Bodies that may be under way still, of exchanges that were given up.
    forgiven: usize,
}

impl Chatter {
    /// Bytes came, of whatever kind.
    pub(super) const fn came(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_add(bytes);
    }

    /// So many of them were of a body. As many again are its frames, however small they are cut.
    pub(super) const fn was_body(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_sub(bytes.saturating_mul(2));
    }

    /// Bytes were sent, which the other side has to give room for.
    pub(super) const fn sent(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_sub(bytes / SENT_FOR_ONE);
    }

    /// An exchange was given up, of whose body as much may be under way as it had room for.
    pub(super) const fn gave_up(&mut self, room: usize) {
        self.forgiven = self.forgiven.saturating_add(room);
    }

    /// An exchange is complete.
    pub(super) const fn answered(&mut self) {
        self.bytes = 0;
        self.forgiven = 0;
    }

    /// True when it is more than a connection may have, beside so many bytes of heads.
    pub(super) fn is_too_much(&self, heads: usize) -> bool {
        let most = OF_CONNECTION
            .saturating_add(heads)
            .saturating_add(self.forgiven);
        self.bytes > most && !mutant::is_on(Mutant::Http2ChatterWithoutEnd)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIB: usize = 1024;

    #[test]
    fn frames_without_content_are_too_much_at_some_time() {
        let mut chatter = Chatter::default();
        chatter.came(192 * KIB);
        assert!(!chatter.is_too_much(64 * KIB));
        chatter.came(1);
        assert!(chatter.is_too_much(64 * KIB) && !chatter.is_too_much(128 * KIB));
        chatter.answered();
        assert!(!chatter.is_too_much(64 * KIB));
    }

    #[test]
    fn bodies_of_any_length_in_frames_of_any_size_are_not() {
        let mut chatter = Chatter::default();
        for _ in 0..1_000_000 {
            // The head of a frame and ten bytes.
            chatter.came(19);
            chatter.was_body(10);
        }
        assert!(!chatter.is_too_much(64 * KIB));
        // Padding is no body.
        for _ in 0..10_000 {
            chatter.came(9 + 256);
            chatter.was_body(1);
        }
        assert!(chatter.is_too_much(64 * KIB));
    }

    #[test]
    fn room_for_what_is_sent_is_not() {
        let mut chatter = Chatter::default();
        for _ in 0..1_000_000 {
            chatter.sent(16 * KIB);
            chatter.came(2 * 13);
        }
        assert!(!chatter.is_too_much(64 * KIB));
    }

    #[test]
    fn what_nobody_waits_for_any_more_is_not() {
        let mut chatter = Chatter::default();
        chatter.gave_up(KIB * KIB);
        chatter.came(KIB * KIB);
        assert!(!chatter.is_too_much(64 * KIB));
        chatter.came(KIB * KIB);
        assert!(chatter.is_too_much(64 * KIB));
    }
}
