//! What the other side sends on a connection without answering.
//!
//! Frames around bodies, heads, settings, pings, room for more, and the rest of bodies that nobody
//! waits for any more: some of each belongs to every exchange. Whoever sends more of it from one answer
//! to the next only wants to keep us busy. What is no body is what is left of all bytes when bodies are
//! taken off; frames that bring nothing on cost more than their bytes, and are counted by themselves.

use super::frames::Frames;
use crate::mutant::{self, Mutant};

/// Most bytes that belong to no exchange, from one answer of a connection to the next.
const OF_CONNECTION: usize = 128 * 1024;

/// Bytes sent for which one byte may come: two frames of 13 bytes that give room for more are usual for
/// each 16 KiB.
const SENT_FOR_ONE: usize = 32;

/// Most frames that bring nothing on, from one answer of a connection to the next.
const IDLE: usize = 128;

/// Bytes of a body, or bytes sent, for which one such frame may come: some servers measure by pings how
/// much they should send, or take.
const BYTES_FOR_ONE: usize = 1024;

/// Since the last answer.
#[derive(Debug, Default)]
pub(super) struct Chatter {
    frames: Frames,
    idle: usize,
    bytes: usize,
    /// Bodies that may be under way still, of exchanges that were given up.
    forgiven: usize,
}

impl Chatter {
    /// Bytes came, of whatever kind. True when too many frames among them bring nothing on.
    pub(super) fn came(&mut self, bytes: &[u8]) -> bool {
        self.bytes = self.bytes.saturating_add(bytes.len());
        self.idle += self.frames.idle_in(bytes);
        self.idle > IDLE && !mutant::is_on(Mutant::Http2ChatterWithoutEnd)
    }

    /// So many of them were of a body. As many again are its frames, however small they are cut.
    pub(super) const fn was_body(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_sub(bytes.saturating_mul(2));
        self.idle = self.idle.saturating_sub(bytes.div_ceil(BYTES_FOR_ONE));
    }

    /// Bytes were sent, which the other side has to give room for.
    pub(super) const fn sent(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_sub(bytes / SENT_FOR_ONE);
        self.idle = self.idle.saturating_sub(bytes / BYTES_FOR_ONE);
    }

    /// An exchange was given up, of whose body as much may be under way as it had room for.
    pub(super) const fn gave_up(&mut self, room: usize) {
        self.forgiven = self.forgiven.saturating_add(room);
    }

    /// An exchange is complete.
    pub(super) const fn answered(&mut self) {
        self.bytes = 0;
        self.idle = 0;
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

    /// Bytes of frames that bring something on.
    fn came(chatter: &mut Chatter, bytes: usize) {
        let length = u32::try_from(bytes - 9).expect("a length").to_be_bytes();
        let mut frame = [&length[1..], &[0; 6]].concat();
        frame.resize(bytes, 0);
        assert!(!chatter.came(&frame));
    }

    #[test]
    fn frames_that_bring_nothing_on_are_too_many_at_some_time() {
        let ping = [&[0, 0, 8, 6, 0, 0, 0, 0, 0][..], &[0; 8]].concat();
        let mut chatter = Chatter::default();
        assert!(!chatter.came(&ping.repeat(IDLE)));
        assert!(chatter.came(&ping));
        // An answer, a body and what was sent make room for others.
        chatter.answered();
        assert!(!chatter.came(&ping.repeat(IDLE)));
        chatter.was_body(1);
        chatter.sent(KIB);
        assert!(!chatter.came(&ping.repeat(2)));
        assert!(chatter.came(&ping));
    }

    #[test]
    fn bytes_without_content_are_too_much_at_some_time() {
        let mut chatter = Chatter::default();
        came(&mut chatter, 192 * KIB);
        assert!(!chatter.is_too_much(64 * KIB));
        came(&mut chatter, 9);
        assert!(chatter.is_too_much(64 * KIB) && !chatter.is_too_much(128 * KIB));
        chatter.answered();
        assert!(!chatter.is_too_much(64 * KIB));
    }

    #[test]
    fn bodies_of_any_length_in_frames_of_any_size_are_not() {
        let mut chatter = Chatter::default();
        for _ in 0..1_000_000 {
            // The head of a frame and ten bytes.
            came(&mut chatter, 19);
            chatter.was_body(10);
        }
        assert!(!chatter.is_too_much(64 * KIB));
        // Padding is no body.
        for _ in 0..10_000 {
            came(&mut chatter, 9 + 256);
            chatter.was_body(1);
        }
        assert!(chatter.is_too_much(64 * KIB));
    }

    #[test]
    fn room_for_what_is_sent_is_not() {
        let mut chatter = Chatter::default();
        for _ in 0..1_000_000 {
            chatter.sent(16 * KIB);
            came(&mut chatter, 2 * 13);
        }
        assert!(!chatter.is_too_much(64 * KIB));
    }

    #[test]
    fn what_nobody_waits_for_any_more_is_not() {
        let mut chatter = Chatter::default();
        chatter.gave_up(KIB * KIB);
        came(&mut chatter, KIB * KIB);
        assert!(!chatter.is_too_much(64 * KIB));
        came(&mut chatter, KIB * KIB);
        assert!(chatter.is_too_much(64 * KIB));
    }
}
