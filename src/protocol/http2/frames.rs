//! What frames the other side sends, told from their heads alone.

/// Bytes of the head of a frame (RFC 9113, 4.1).
const HEAD: usize = 9;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const WINDOW_UPDATE: u8 = 8;

/// Of `DATA`: the body ends with it.
const END_STREAM: u8 = 1;

/// Follows the frames through the bytes of a connection, in whatever pieces they come.
#[derive(Debug, Default)]
pub(super) struct Frames {
    head: [u8; HEAD],
    /// Bytes of the head that have come.
    come: usize,
    /// Bytes of the frame before that are still to come.
    left: usize,
}

impl Frames {
    /// Counts the frames that begin in these bytes and bring no exchange on: settings, pings,
    /// priorities, empty pieces of a body, further pieces of a head, and kinds that nobody knows.
    pub(super) fn idle_in(&mut self, mut bytes: &[u8]) -> usize {
        let mut idle = 0;
        loop {
            let passed = self.left.min(bytes.len());
            self.left -= passed;
            bytes = &bytes[passed..];
            let taken = (HEAD - self.come).min(bytes.len());
            self.head[self.come..self.come + taken].copy_from_slice(&bytes[..taken]);
            self.come += taken;
            bytes = &bytes[taken..];
            if self.come < HEAD {
                return idle;
            }
            self.come = 0;
            let [a, b, c, kind, flags, ..] = self.head;
            self.left = u32::from_be_bytes([0, a, b, c]) as usize;
            idle += usize::from(match kind {
                DATA => self.left == 0 && flags & END_STREAM == 0,
                HEADERS | RST_STREAM | WINDOW_UPDATE => false,
                _ => true,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, flags: u8, length: usize) -> Vec<u8> {
        let size = u32::try_from(length).expect("a length").to_be_bytes();
        let mut frame = [&size[1..], &[kind, flags, 0, 0, 0, 1]].concat();
        // What looks like settings is part of the frame before.
        frame.extend(std::iter::repeat_n([0, 0, 0, 4, 0, 0, 0, 0, 0], length).flatten());
        frame.truncate(HEAD + length);
        frame
    }

    #[test]
    fn frames_are_counted_by_what_they_bring_however_the_bytes_are_cut() {
        let bring = [
            frame(HEADERS, 4, 30),
            frame(DATA, 0, 100),
            frame(DATA, END_STREAM, 0),
            frame(WINDOW_UPDATE, 0, 4),
            frame(RST_STREAM, 0, 4),
        ];
        let bring_nothing = [
            frame(4, 0, 0),
            frame(4, 0, 36),
            frame(6, 0, 8),
            frame(2, 0, 5),
            frame(9, 0, 5),
            frame(DATA, 0, 0),
            frame(0x77, 0, 70),
        ];
        let all = [bring.concat(), bring_nothing.concat(), bring.concat()].concat();
        for size in [1, 2, 7, 9, 10, 64, all.len()] {
            let mut frames = Frames::default();
            let idle: usize = all.chunks(size).map(|piece| frames.idle_in(piece)).sum();
            assert_eq!(idle, bring_nothing.len(), "in pieces of {size}");
        }
    }
}
