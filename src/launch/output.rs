//! The last of what a target wrote, in bounded memory.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::sync::{Mutex, PoisonError};

use crate::untrusted::Untrusted;

/// Bytes kept.
pub(super) const LIMIT: usize = 8 * 1024;

/// Filled by one reader, looked at by anyone.
#[derive(Debug, Default)]
pub(super) struct Output(Mutex<Tail>);

#[derive(Debug, Default)]
struct Tail {
    bytes: VecDeque<u8>,
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
                    let surplus = tail.bytes.len().saturating_sub(LIMIT);
                    tail.bytes.drain(..surplus);
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

    pub(super) fn tail(&self) -> Untrusted {
        self.with(|tail| {
            Untrusted::new(String::from_utf8_lossy(tail.bytes.make_contiguous()).into_owned())
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
        let mut text = vec![b'a'; 3 * LIMIT];
        text.extend(b"the end");
        output.read_from(text.as_slice());
        let tail = output.tail();
        assert_eq!(tail.raw().len(), LIMIT);
        assert!(tail.raw().ends_with("the end"));
        assert!(output.closed());
    }

    #[test]
    fn bytes_that_are_no_text_are_shown_as_such() {
        let output = Output::default();
        output.read_from([0xff, b'x'].as_slice());
        assert_eq!(output.tail().raw(), "\u{fffd}x");
    }
}
