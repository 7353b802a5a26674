//! The last of what a target wrote, in bounded memory.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::sync::{Mutex, PoisonError};

use crate::untrusted::Untrusted;

/// Bytes kept.
const KEPT: usize = 64 * 1024;

/// Bytes of them that a message may show.
pub(super) const LIMIT: usize = 8 * 1024;

/// Filled by one reader, looked at by anyone.
#[derive(Debug, Default)]
pub(super) struct Output(Mutex<Tail>);

#[derive(Debug, Default)]
struct Tail {
    bytes: VecDeque<u8>,
    /// True when there was more.
    cut: bool,
    closed: bool,
}

impl Output {
    /// Reads until the last process that could write has gone.
    pub(super) fn read_from(&self, mut source: impl Read) {
        let mut buffer = [0; 4096];
        loop {
            match source.read(&mut buffer) {
                Ok(0) => break,
                Ok(n) => self.with(|tail| {
                    tail.bytes.extend(&buffer[..n]);
                    let surplus = tail.bytes.len().saturating_sub(KEPT);
                    tail.bytes.drain(..surplus);
                    tail.cut |= surplus > 0;
                }),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => break,
            }
        }
        self.with(|tail| tail.closed = true);
    }

    /// True when nothing more can come.
    pub(super) fn closed(&self) -> bool {
        self.with(|tail| tail.closed)
    }

    /// The last of it, as much as a message may show.
    pub(super) fn tail(&self) -> Untrusted {
        self.with(|tail| {
            let bytes = tail.bytes.make_contiguous();
            let last = &bytes[bytes.len().saturating_sub(LIMIT)..];
            Untrusted::new(String::from_utf8_lossy(last).into_owned())
        })
    }

    /// All that is kept, from the beginning of a line.
    pub(super) fn recent(&self) -> Vec<u8> {
        self.with(|tail| {
            let cut = tail.cut;
            let bytes = tail.bytes.make_contiguous();
            let whole = bytes.iter().position(|b| *b == b'\n').map(|end| end + 1);
            let start = if cut { whole.unwrap_or(bytes.len()) } else { 0 };
            bytes[start..].to_vec()
        })
    }

    fn with<T>(&self, look: impl FnOnce(&mut Tail) -> T) -> T {
        // Bytes are whole after a panic, too.
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_bytes_are_kept() {
        let output = Output::default();
        let mut text = vec![b'a'; 3 * KEPT];
        text.extend(b"the end");
        output.read_from(text.as_slice());
        let tail = output.tail();
        assert_eq!(tail.raw().len(), LIMIT);
        assert!(tail.raw().ends_with("the end"));
        assert!(output.closed());
    }

    #[test]
    fn what_is_kept_begins_with_a_line() {
        let output = Output::default();
        output.read_from(b"one\ntwo".as_slice());
        assert_eq!(output.recent(), b"one\ntwo");
        let lines = "a line of some length\n".repeat(KEPT / 10);
        output.read_from(lines.as_bytes());
        let recent = output.recent();
        assert!(recent.len() > KEPT - 100 && recent.len() <= KEPT);
        assert!(recent.starts_with(b"a line"), "no half of one");
        // Who writes no lines may have been cut anywhere.
        output.read_from("x".repeat(2 * KEPT).as_bytes());
        assert!(output.recent().is_empty());
    }

    #[test]
    fn bytes_that_are_no_text_are_shown_as_such() {
        let output = Output::default();
        output.read_from([0xff, b'x'].as_slice());
        assert_eq!(output.tail().raw(), "\u{fffd}x");
    }
}
