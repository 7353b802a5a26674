//! The head of an answer: what its framing is, and whether the connection survives it.
//!
//! Framing follows RFC 9112 §6.3, and where the RFC lets a client choose, the strict way: an answer
//! that two readers could cut differently is refused.

use std::mem::MaybeUninit;

use httparse::{Header, ParserConfig, Response, Status};

/// Greatest size of a head in bytes, and of the trailers.
pub(super) const MAX_HEAD: usize = 64 * 1024;

/// Most fields in a head.
const MAX_FIELDS: usize = 128;

/// Why the bytes are no HTTP/1 answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProtocolError {
    #[error("the answer does not begin with an HTTP/1 status line")]
    NotHttp,
    #[error("the head of the answer is malformed: {0}")]
    Head(httparse::Error),
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
    if length > MAX_HEAD {
        return Err(ProtocolError::HeadTooLarge);
    }
    let status = response.code.unwrap_or(0);
    let modern = response.version == Some(1);
    let fields = Fields::read(response.headers)?;
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
    Ok(Some(Head {
        length,
        status,
        framing,
        keep_alive,
    }))
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
    fn read(headers: &[Header<'_>]) -> Result<Self, ProtocolError> {
        let mut fields = Self::default();
        for header in headers {
            // Only three names matter, and their lengths tell them from nearly all others.
            match header.name.len() {
                14 if header.name.eq_ignore_ascii_case("content-length") => {
                    for value in tokens(header.value) {
                        let length = number(value).ok_or(ProtocolError::ContentLength)?;
                        if *fields.length.get_or_insert(length) != length {
                            return Err(ProtocolError::ContentLength);
                        }
                    }
                }
                17 if header.name.eq_ignore_ascii_case("transfer-encoding") => {
                    for coding in tokens(header.value).filter(|c| !c.is_empty()) {
                        if fields.coding == Some(Coding::Chunked) {
                            return Err(ProtocolError::TransferEncoding);
                        }
                        fields.coding = Some(if coding.eq_ignore_ascii_case(b"chunked") {
                            Coding::Chunked
                        } else {
                            Coding::Other
                        });
                    }
                }
                10 if header.name.eq_ignore_ascii_case("connection") => {
                    for option in tokens(header.value) {
                        fields.close |= option.eq_ignore_ascii_case(b"close");
                        fields.keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
                    }
                }
                _ => {}
            }
        }
        Ok(fields)
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
