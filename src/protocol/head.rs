//! The head of an answer: what its framing is, and whether the connection survives it.
//!
//! Framing follows RFC 9112 §6.3, and where the RFC lets a client choose, the strict way: an answer
//! that two readers could cut differently is refused.

use std::mem::MaybeUninit;

use httparse::{Header, ParserConfig, Response, Status};

use super::scan::{Scanned, scan};
use crate::mutant::{self, Mutant};

/// Greatest size of a head in bytes, and of the trailers.
pub(super) const MAX_HEAD: usize = 64 * 1024;

/// Most fields in a head, and in the trailers.
pub(super) const MAX_FIELDS: usize = 128;

/// Most interim (1xx) answers before a final one.
pub(super) const MAX_INTERIM: u32 = 16;

/// Why the bytes are no HTTP/1 answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProtocolError {
    #[error("the answer does not begin with an HTTP/1 status line")]
    NotHttp,
    #[error("the head of the answer is malformed: {0}")]
    Head(httparse::Error),
    #[error("the status of the answer is below 100")]
    Status,
    #[error("the head of the answer is larger than 64 KiB")]
    HeadTooLarge,
    #[error("more than 16 interim answers came before the final one")]
    TooManyInterim,
    #[error("the answer switches protocols, which was not asked for")]
    Upgrade,
    #[error("the answer has content-lengths that contradict each other or are no numbers")]
    ContentLength,
    #[error("the answer has a transfer-encoding that leaves its length open to interpretation")]
    TransferEncoding,
    #[error("the chunked body of the answer is malformed")]
    Chunk,
}

/// How the end of the body is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    Length(u64),
    Chunked,
    UntilClose,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    /// Bytes up to and including the empty line.
    pub(super) length: usize,
    pub(super) status: u16,
    pub(super) framing: Framing,
    pub(super) keep_alive: bool,
}

/// Parses a head; `None` when its end has not come. `bodiless`: the request was a HEAD.
pub(super) fn parse(bytes: &[u8], bodiless: bool) -> Result<Option<Head>, ProtocolError> {
    let mut fields = Fields::default();
    match scan_plain(bytes, &mut fields) {
        Some(Scanned { length, status }) if !is_too_large(length) => {
            let line = StatusLine {
                modern: true,
                status,
            };
            line.conclude(length, &fields, bodiless).map(Some)
        }
        _ => parse_any(bytes, bodiless),
    }
}

/// True when a head of so many bytes is one too many.
pub(super) fn is_too_large(length: usize) -> bool {
    length > MAX_HEAD && !mutant::is_on(Mutant::HeadWithoutEnd)
}

/// Scans a head of the plain kind whose fields do not contradict each other.
fn scan_plain(bytes: &[u8], fields: &mut Fields) -> Option<Scanned> {
    let most = if mutant::is_on(Mutant::FieldsWithoutEnd) {
        usize::MAX
    } else {
        MAX_FIELDS
    };
    scan(bytes, most, |name, value| fields.add(name, value).ok())
}

/// Parses a head of any kind.
fn parse_any(bytes: &[u8], bodiless: bool) -> Result<Option<Head>, ProtocolError> {
    let mut fields = [const { MaybeUninit::<Header<'_>>::uninit() }; MAX_FIELDS];
    let mut response = Response::new(&mut []);
    let length = match ParserConfig::default().parse_response_with_uninit_headers(
        &mut response,
        bytes,
        &mut fields,
    ) {
        Ok(Status::Complete(length)) => length,
        Ok(Status::Partial) => return Ok(None),
        Err(error) => return Err(ProtocolError::Head(error)),
    };
    if is_too_large(length) {
        return Err(ProtocolError::HeadTooLarge);
    }
    let mut fields = Fields::default();
    for header in response.headers {
        fields.add(header.name.as_bytes(), header.value)?;
    }
    let line = StatusLine {
        modern: response.version == Some(1),
        status: response.code.unwrap_or(0),
    };
    line.conclude(length, &fields, bodiless).map(Some)
}

/// What the first line of a head says.
struct StatusLine {
    /// HTTP/1.1, not 1.0.
    modern: bool,
    status: u16,
}

impl StatusLine {
    fn conclude(
        self,
        length: usize,
        fields: &Fields,
        bodiless: bool,
    ) -> Result<Head, ProtocolError> {
        let Self { modern, status } = self;
        if status < 100 {
            return Err(ProtocolError::Status);
        }
        if fields.coding.is_some() && (fields.length.is_some() || !modern) {
            return Err(ProtocolError::TransferEncoding);
        }
        let framing = if bodiless || matches!(status, 100..=199 | 204 | 304) {
            Framing::Length(0)
        } else {
            match (fields.coding, fields.length) {
                (Some(Coding::Chunked), _) => Framing::Chunked,
                (None, Some(length)) => Framing::Length(length),
                _ => Framing::UntilClose,
            }
        };
        let keep_alive =
            framing != Framing::UntilClose && !fields.close && (modern || fields.keep_alive);
        Ok(Head {
            length,
            status,
            framing,
            keep_alive,
        })
    }
}

/// The fields that decide framing.
#[derive(Default)]
struct Fields {
    length: Option<u64>,
    coding: Option<Coding>,
    close: bool,
    keep_alive: bool,
}

/// The last transfer coding.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Coding {
    Chunked,
    Other,
}

impl Fields {
    /// Takes the next field into account.
    fn add(&mut self, name: &[u8], value: &[u8]) -> Result<(), ProtocolError> {
        match name.len() {
            14 if name.eq_ignore_ascii_case(b"content-length") => {
                for value in tokens(value) {
                    let length = number(value).ok_or(ProtocolError::ContentLength)?;
                    if *self.length.get_or_insert(length) != length {
                        return Err(ProtocolError::ContentLength);
                    }
                }
            }
            17 if name.eq_ignore_ascii_case(b"transfer-encoding") => {
                for coding in tokens(value).filter(|c| !c.is_empty()) {
                    if self.coding == Some(Coding::Chunked) {
                        return Err(ProtocolError::TransferEncoding);
                    }
                    self.coding = Some(if coding.eq_ignore_ascii_case(b"chunked") {
                        Coding::Chunked
                    } else {
                        Coding::Other
                    });
                }
            }
            10 if name.eq_ignore_ascii_case(b"connection") => {
                for option in tokens(value) {
                    self.close |= option.eq_ignore_ascii_case(b"close");
                    self.keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
                }
            }
            _ => {}
        }
        Ok(())
    }
}

/// The members of a comma-separated list.
fn tokens(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|b| *b == b',').map(<[u8]>::trim_ascii)
}

/// Digits only, below 2^63.
fn number(text: &[u8]) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    text.iter().try_fold(0_u64, |n, digit| {
        let digit = digit.is_ascii_digit().then(|| u64::from(digit - b'0'))?;
        let n = n.checked_mul(10)?.checked_add(digit)?;
        i64::try_from(n).is_ok().then_some(n)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A line of a head: plain, odd, or wrong.
    fn line() -> impl Strategy<Value = String> {
        prop_oneof![
            4 => "[A-Za-z-]{1,20}: [ -~]{0,40}\r\n",
            2 => (0..99_u32).prop_map(|n| format!("Content-Length: {n}\r\n")),
            1 => "content-length:[ 0-9,]{0,4}\r\n",
            1 => "[Tt]ransfer-[Ee]ncoding: (chunked|gzip|gzip, chunked|, )\r\n",
            2 => "(C|c)onnection: ?(close|Keep-Alive|keep-alive, close|upgrade) ?\r\n",
            1 => "[!-~]{1,12}:[\t -~]{0,12}\r?\n",
            1 => "\\PC{0,12}\r\n",
        ]
    }

    fn head() -> impl Strategy<Value = Vec<u8>> {
        let first = prop_oneof![
            6 => Just("HTTP/1.1 200 OK\r\n".to_owned()),
            2 => "HTTP/1.[01] [0-9]{3}( [ -~]{0,12})?\r\n",
            1 => "HTTP/[0-9].[0-9] [0-9a]{2,4} ?[\t -~\u{80}-\u{90}]{0,5}\r?\n",
        ];
        let lines = prop_oneof![
            9 => prop::collection::vec(line(), 0..8),
            1 => prop::collection::vec(Just("a: b\r\n".to_owned()), 126..131),
        ];
        (first, lines, "(\r\n|\r\n|\r\n|\n|)[a-z]{0,12}")
            .prop_map(|(first, lines, end)| format!("{first}{}{end}", lines.concat()).into_bytes())
    }

    /// A few bytes changed, put in or left out.
    fn mutated() -> impl Strategy<Value = Vec<u8>> {
        let byte = prop_oneof![
            any::<u8>(),
            prop::sample::select(b" \t\r\n:,\x7f\x80-".to_vec())
        ];
        let changes = prop::collection::vec((any::<prop::sample::Index>(), byte, 0..3), 0..4);
        (head(), changes).prop_map(|(mut head, changes)| {
            for (place, byte, how) in changes {
                let place = place.index(head.len());
                match how {
                    0 => head[place] = byte,
                    1 => head.insert(place, byte),
                    _ => drop(head.remove(place)),
                }
            }
            head
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2048))]

        /// What the scanner takes upon itself it reads as the parser for all heads does.
        #[test]
        fn the_scanner_and_the_parser_agree(bytes in mutated(), bodiless: bool) {
            prop_assert_eq!(parse(&bytes, bodiless), parse_any(&bytes, bodiless));
        }
    }

    #[test]
    fn plain_heads_are_scanned_and_odd_ones_left_to_the_parser() {
        let plain = [
            "HTTP/1.1 200 OK\r\n\r\n",
            "HTTP/1.1 404\r\ncontent-length: 0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nServer: nginx\r\nX-Long-Name-Here:v\r\nConnection: close\r\n\r\nbody",
        ];
        for head in plain {
            assert!(
                scan_plain(head.as_bytes(), &mut Fields::default()).is_some(),
                "{head:?}"
            );
        }
        let odd = [
            "HTTP/1.0 200 OK\r\n\r\n",
            "HTTP/1.1 200 OK\n\n",
            "HTTP/1.1 200 OK\r\na: b\tc\r\n\r\n",
            "HTTP/1.1 200 OK\r\na+b: c\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n",
            "HTTP/1.1 200 OK\r\n: c\r\n\r\n",
            "HTTP/1.1 200 OK\r\na: b\r\n",
        ];
        for head in odd {
            assert!(
                scan_plain(head.as_bytes(), &mut Fields::default()).is_none(),
                "{head:?}"
            );
        }
    }
}
