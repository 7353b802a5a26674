//! Chunked bodies (RFC 9112 §7.1), decoded byte-exactly and strictly: CRLF only.

use super::head::{MAX_FIELDS, MAX_HEAD, ProtocolError};

/// Where the decoder stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// At or after the digits of a size.
    Size {
        any: bool,
    },
    Extension,
    SizeEnd,
    Content,
    ContentReturn,
    ContentEnd,
    /// At the beginning of a trailer line, or of the empty line that ends the message.
    Line,
    Trailer,
    TrailerEnd,
    LastEnd,
    Done,
}

/// An incremental decoder.
#[derive(Debug, Clone)]
pub(super) struct Chunked {
    state: State,
    /// Of the current chunk: its size while read, then what is left of it.
    left: u64,
    /// Bytes of extensions and trailers so far.
    overhead: usize,
    /// Trailer lines so far.
    fields: usize,
}

impl Chunked {
    pub(super) const fn new() -> Self {
        Self {
            state: State::Size { any: false },
            left: 0,
            overhead: 0,
            fields: 0,
        }
    }

    /// Takes bytes until the message or the bytes end; gives content to `content`.
    /// Returns how many it took, and whether the message is complete.
    pub(super) fn feed(
        &mut self,
        bytes: &[u8],
        mut content: impl FnMut(&[u8]),
    ) -> Result<(usize, bool), ProtocolError> {
        let mut at = 0;
        while at < bytes.len() && self.state != State::Done {
            if self.state == State::Content {
                let here = usize::try_from(self.left)
                    .unwrap_or(usize::MAX)
                    .min(bytes.len() - at);
                content(&bytes[at..at + here]);
                at += here;
                self.left -= here as u64;
                if self.left == 0 {
                    self.state = State::ContentReturn;
                }
            } else {
                self.state = self.step(bytes[at])?;
                at += 1;
            }
        }
        Ok((at, self.state == State::Done))
    }

    fn step(&mut self, byte: u8) -> Result<State, ProtocolError> {
        let bad = Err(ProtocolError::Chunk);
        Ok(match (self.state, byte) {
            (State::Size { .. }, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => {
                // Sixteen digits would leave no room in u64; no honest chunk has eight.
                if self.left >> 56 != 0 {
                    return bad;
                }
                let digit = char::from(byte).to_digit(16).unwrap_or(0);
                self.left = self.left << 4 | u64::from(digit);
                State::Size { any: true }
            }
            (State::Size { any: true } | State::Extension, b'\r') => State::SizeEnd,
            (State::Size { any: true }, b';' | b' ' | b'\t') => State::Extension,
            (State::Extension, b) if b != b'\n' => {
                self.spend()?;
                State::Extension
            }
            (State::SizeEnd, b'\n') if self.left == 0 => State::Line,
            (State::SizeEnd, b'\n') => State::Content,
            (State::ContentReturn, b'\r') => State::ContentEnd,
            (State::ContentEnd, b'\n') => State::Size { any: false },
            (State::Line, b'\r') => State::LastEnd,
            (State::Trailer, b'\r') => State::TrailerEnd,
            (State::Line, b) if b != b'\n' => {
                self.fields += 1;
                if self.fields > MAX_FIELDS {
                    return bad;
                }
                self.spend()?;
                State::Trailer
            }
            (State::Trailer, b) if b != b'\n' => {
                self.spend()?;
                State::Trailer
            }
            (State::TrailerEnd, b'\n') => State::Line,
            (State::LastEnd, b'\n') => State::Done,
            _ => return bad,
        })
    }

    fn spend(&mut self) -> Result<(), ProtocolError> {
        self.overhead += 1;
        if self.overhead > MAX_HEAD {
            return Err(ProtocolError::Chunk);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What becomes of a body of two bytes with these trailers behind it.
    fn with_trailers(trailers: &str) -> Result<(usize, bool), ProtocolError> {
        let body = format!("2\r\nok\r\n0\r\n{trailers}\r\n");
        Chunked::new().feed(body.as_bytes(), |content| assert_eq!(content, b"ok"))
    }

    #[test]
    fn trailers_have_the_limits_of_a_head() {
        let line = "a: b\r\n";
        assert_eq!(
            with_trailers(&line.repeat(MAX_FIELDS)),
            Ok((12 + 6 * MAX_FIELDS, true))
        );
        assert_eq!(
            with_trailers(&line.repeat(MAX_FIELDS + 1)),
            Err(ProtocolError::Chunk)
        );
        let long = |size: usize| format!("a: {}\r\n", "b".repeat(size - 3));
        assert!(with_trailers(&long(MAX_HEAD)).is_ok());
        assert_eq!(
            with_trailers(&long(MAX_HEAD + 1)),
            Err(ProtocolError::Chunk)
        );
    }
}
