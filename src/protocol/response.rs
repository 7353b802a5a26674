//! An incremental parser of HTTP/1 answers that keeps nothing it does not need.
//!
//! A head that arrives in one piece is parsed where it lies; only a torn one is copied. However the
//! bytes are cut, the answer is the same. Buffers are reused from answer to answer, so in steady
//! state nothing is allocated.

use super::chunked::Chunked;
use super::head::{self, Framing, Head, MAX_INTERIM, ProtocolError};
use crate::mutant::{self, Mutant};
use crate::scenario::plan::Step;

/// What every answer begins with.
const MARK: &[u8] = b"HTTP/1.";

/// A complete answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    /// Bytes of the body, without chunk framing.
    pub body: u64,
    /// True when the head lets the connection be used again.
    pub keep_alive: bool,
    /// Bytes after the end of the answer: nobody asked for them.
    pub surplus: usize,
}

impl Answer {
    /// True when the next request may go over the same connection.
    pub fn reusable(&self) -> bool {
        self.keep_alive && (self.surplus == 0 || mutant::is_on(Mutant::SurplusIsForgiven))
    }
}

/// What of an answer will be looked at, so what has to be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Look {
    /// The request is a HEAD: its answer has no body, whatever it says.
    pub bodiless: bool,
    pub head: bool,
    pub body: Keep,
}

/// How much of a body is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Keep {
    #[default]
    Nothing,
    /// As much as an expectation looks at: 1 MiB.
    Some,
    /// 4 MiB.
    Much,
}

/// Most bytes that an expectation looks at.
const LOOKED_AT: usize = 1 << 20;

/// Most bytes of what is asked for itself, such as a target's own metrics.
const FETCHED: usize = 4 << 20;

impl Keep {
    /// Most bytes of a body that are kept.
    pub fn most(self) -> usize {
        match self {
            Self::Nothing => 0,
            Self::Some | Self::Much if mutant::is_on(Mutant::BodyIsKeptWhole) => usize::MAX,
            Self::Some => LOOKED_AT,
            Self::Much => FETCHED,
        }
    }

    /// Keeps of a part of a body what there is room for.
    pub fn add(self, kept: &mut Vec<u8>, part: &[u8]) {
        let room = self.most().saturating_sub(kept.len());
        kept.extend_from_slice(&part[..part.len().min(room)]);
    }
}

impl Look {
    /// What a step looks at; `cookies`: its journey keeps cookies.
    pub fn of(step: &Step, cookies: bool) -> Self {
        Self {
            bodiless: step.request.method == "HEAD",
            head: cookies || step.needs_head(),
            body: if step.needs_body() {
                Keep::Some
            } else {
                Keep::Nothing
            },
        }
    }
}

/// How far the parser is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    Incomplete,
    Done(Answer),
}

#[derive(Debug)]
enum Body {
    Head,
    Length(u64),
    Chunked(Chunked),
    UntilClose,
}

/// Parses one answer after another of one connection.
#[derive(Debug)]
pub struct ResponseParser {
    state: Body,
    bodiless: bool,
    keep: Keep,
    keep_head: bool,
    /// The beginning of a head that came in pieces.
    torn: Vec<u8>,
    /// The head, where it will be looked at.
    head: Vec<u8>,
    /// The body, where it will be looked at.
    kept: Vec<u8>,
    interim: u32,
    answer: Answer,
}

impl Default for ResponseParser {
    fn default() -> Self {
        Self {
            state: Body::Head,
            bodiless: false,
            keep: Keep::Nothing,
            keep_head: false,
            torn: Vec::new(),
            head: Vec::new(),
            kept: Vec::new(),
            interim: 0,
            answer: Answer {
                status: 0,
                body: 0,
                keep_alive: false,
                surplus: 0,
            },
        }
    }
}

impl ResponseParser {
    /// Gets ready for the answer to the next request.
    pub fn begin(&mut self, look: Look) {
        self.state = Body::Head;
        self.bodiless = look.bodiless;
        self.keep = look.body;
        self.keep_head = look.head;
        self.torn.clear();
        self.head.clear();
        self.kept.clear();
        self.interim = 0;
        self.answer.body = 0;
        self.answer.surplus = 0;
    }

    /// The head kept of a complete answer, with the empty line.
    pub fn head(&self) -> &[u8] {
        &self.head
    }

    /// The body kept of a complete answer.
    pub fn body(&self) -> &[u8] {
        &self.kept
    }

    /// Takes the next bytes. After `Done` or an error, [`begin`](Self::begin) comes first.
    ///
    /// # Errors
    /// When the bytes are no HTTP/1 answer.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<Progress, ProtocolError> {
        let mut rest = bytes;
        while matches!(self.state, Body::Head) {
            let Some(taken) = self.feed_head(rest)? else {
                return Ok(Progress::Incomplete);
            };
            rest = &rest[taken..];
        }
        self.feed_body(rest)
    }

    /// Says that the connection was closed: the end of an answer that has no other.
    /// `None` when the answer was cut off.
    pub fn finish(&mut self) -> Option<Answer> {
        matches!(self.state, Body::UntilClose).then_some(self.answer)
    }

    /// Bytes taken when a head is complete.
    fn feed_head(&mut self, bytes: &[u8]) -> Result<Option<usize>, ProtocolError> {
        let before = self.torn.len();
        if before == 0
            && bytes.starts_with(MARK)
            && let Ok(Some(head)) = head::parse(bytes, self.bodiless)
        {
            self.enter(head)?;
            if self.keep_head && !matches!(self.state, Body::Head) {
                self.head.extend_from_slice(&bytes[..head.length]);
            }
            return Ok(Some(head.length));
        }
        // Whole lines only are judged, so that errors too do not depend on how the bytes are cut.
        self.torn.extend_from_slice(bytes);
        let mark = self.torn.len().min(MARK.len());
        if self.torn[..mark] != MARK[..mark] {
            return Err(ProtocolError::NotHttp);
        }
        if let Some(end) = bytes.iter().rposition(|b| *b == b'\n')
            && let Some(head) = head::parse(&self.torn[..=before + end], self.bodiless)?
        {
            self.enter(head)?;
            if self.keep_head && !matches!(self.state, Body::Head) {
                self.head.extend_from_slice(&self.torn[..head.length]);
            }
            self.torn.clear();
            return Ok(Some(head.length - before));
        }
        if head::is_too_large(self.torn.len()) {
            return Err(ProtocolError::HeadTooLarge);
        }
        Ok(None)
    }

    /// Goes on to what follows a head: its body, or another head.
    fn enter(&mut self, head: Head) -> Result<(), ProtocolError> {
        match head.status {
            101 => return Err(ProtocolError::Upgrade),
            100..=199 => {
                self.interim += 1;
                if self.interim > MAX_INTERIM && !mutant::is_on(Mutant::InterimWithoutEnd) {
                    return Err(ProtocolError::TooManyInterim);
                }
                return Ok(());
            }
            _ => {}
        }
        self.answer.status = head.status;
        self.answer.keep_alive = head.keep_alive;
        self.state = match head.framing {
            Framing::Length(length) => Body::Length(length),
            Framing::Chunked => Body::Chunked(Chunked::new()),
            Framing::UntilClose => Body::UntilClose,
        };
        Ok(())
    }

    fn feed_body(&mut self, bytes: &[u8]) -> Result<Progress, ProtocolError> {
        let Self {
            state,
            keep,
            kept,
            answer,
            ..
        } = self;
        let mut content = |part: &[u8]| {
            answer.body += part.len() as u64;
            if *keep != Keep::Nothing {
                keep.add(kept, part);
            }
        };
        let (taken, done) = match state {
            Body::Length(left) => {
                let here = usize::try_from(*left)
                    .unwrap_or(usize::MAX)
                    .min(bytes.len());
                content(&bytes[..here]);
                *left -= here as u64;
                (here, *left == 0)
            }
            Body::Chunked(chunked) => chunked.feed(bytes, content)?,
            Body::Head | Body::UntilClose => {
                content(bytes);
                (bytes.len(), false)
            }
        };
        if done {
            self.answer.surplus = bytes.len() - taken;
            return Ok(Progress::Done(self.answer));
        }
        Ok(Progress::Incomplete)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What a whole stream says, cut at the given places, ended by a close.
    fn read(
        bytes: &[u8],
        cuts: &[usize],
        bodiless: bool,
    ) -> Result<Option<(Answer, Vec<u8>)>, ProtocolError> {
        let mut parser = ResponseParser::default();
        parser.begin(Look {
            bodiless,
            body: Keep::Some,
            ..Look::default()
        });
        let mut from = 0;
        for to in cuts
            .iter()
            .copied()
            .filter(|c| *c <= bytes.len())
            .chain([bytes.len()])
        {
            if let Progress::Done(answer) = parser.feed(&bytes[from..to])? {
                // What came later than the end is surplus however it is cut.
                let surplus = answer.surplus + bytes.len() - to;
                return Ok(Some((Answer { surplus, ..answer }, parser.body().to_vec())));
            }
            from = to;
        }
        Ok(parser
            .finish()
            .map(|answer| (answer, parser.body().to_vec())))
    }

    fn shown(bytes: &str, bodiless: bool) -> String {
        match read(bytes.replace('\n', "\r\n").as_bytes(), &[], bodiless) {
            Ok(Some((a, body))) => format!(
                "{} {:?}{}{}",
                a.status,
                String::from_utf8_lossy(&body),
                if a.keep_alive { " keep" } else { " close" },
                if a.surplus > 0 { " surplus" } else { "" },
            ),
            Ok(None) => "cut off".to_owned(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn every_framing_finds_its_end() {
        let cases = [
            "HTTP/1.1 200 OK\ncontent-length: 5\n\nhello",
            "HTTP/1.1 200 OK\nContent-Length: 5, 5\ncontent-length: 5\n\nhello",
            "HTTP/1.1 200 OK\nContent-Length: 5\n\nhell",
            "HTTP/1.1 200 OK\ncontent-length: 5\n\nhello, world",
            "HTTP/1.1 200 OK\ntransfer-encoding: chunked\n\n3;x=y\nhel\n2\nlo\n0\nt: x\n\n",
            "HTTP/1.1 200 OK\ntransfer-encoding: chunked\n\n3\nhel\n",
            "HTTP/1.1 200 OK\ntransfer-encoding: gzip, chunked\n\n0\n\n",
            "HTTP/1.1 200 OK\n\nuntil the end",
            "HTTP/1.1 204 No Content\n\n",
            "HTTP/1.1 304 Not Modified\ncontent-length: 5\n\n",
            "HTTP/1.1 100 Continue\n\nHTTP/1.1 103 Early\nlink: x\n\nHTTP/1.1 201 Made\ncontent-length: 0\n\n",
            "HTTP/1.1 200 OK\nconnection: close\ncontent-length: 0\n\n",
            "HTTP/1.0 200 OK\ncontent-length: 0\n\n",
            "HTTP/1.0 200 OK\nconnection: Keep-Alive\ncontent-length: 0\n\n",
        ];
        insta::assert_snapshot!(cases.map(|c| shown(c, false)).join("\n"), @r#"
        200 "hello" keep
        200 "hello" keep
        cut off
        200 "hello" keep surplus
        200 "hello" keep
        cut off
        200 "" keep
        200 "until the end" close
        204 "" keep
        304 "" keep
        201 "" keep
        200 "" close
        200 "" close
        200 "" keep
        "#);
        let head = shown("HTTP/1.1 200 OK\ncontent-length: 5\n\n", true);
        assert_eq!(head, "200 \"\" keep");
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_refused() {
        let many = format!("HTTP/1.1 200 OK\n{}\n", "a: b\n".repeat(129));
        let long = format!("HTTP/1.1 200 OK\na: {}", "b".repeat(70_000));
        let endless = "HTTP/1.1 100 Continue\n\n".repeat(17);
        let cases = [
            "HTTP/1.1 200 OK\ncontent-length: 5\ncontent-length: 6\n\nhello",
            "HTTP/1.1 200 OK\ncontent-length: +5\n\nhello",
            "HTTP/1.1 200 OK\ncontent-length: 99999999999999999999\n\n",
            "HTTP/1.1 200 OK\ncontent-length: 5\ntransfer-encoding: chunked\n\n",
            "HTTP/1.0 200 OK\ntransfer-encoding: chunked\n\n",
            "HTTP/1.1 200 OK\ntransfer-encoding: chunked, gzip\n\n",
            "HTTP/1.1 200 OK\ntransfer-encoding: chunked\n\nx\n",
            "HTTP/1.1 200 OK\ntransfer-encoding: chunked\n\n1\nab",
            "HTTP/1.1 200 OK\ntransfer-encoding: chunked\n\nffffffffffffffff1\n",
            "HTTP/1.1 101 Switching\nupgrade: x\n\n",
            "HTTP/2 200\n\n",
            "SSH-2.0-OpenSSH",
            "\nHTTP/1.1 200 OK\n\n",
            "HTTP/1.1 two hundred\n\n",
            &many,
            &long,
            &endless,
        ];
        insta::assert_snapshot!(cases.map(|c| shown(c, false)).join("\n"), @"
        the answer has content-lengths that contradict each other or are no numbers
        the answer has content-lengths that contradict each other or are no numbers
        the answer has content-lengths that contradict each other or are no numbers
        the answer has a transfer-encoding that leaves its length open to interpretation
        the answer has a transfer-encoding that leaves its length open to interpretation
        the answer has a transfer-encoding that leaves its length open to interpretation
        the chunked body of the answer is malformed
        the chunked body of the answer is malformed
        the chunked body of the answer is malformed
        the answer switches protocols, which was not asked for
        the answer does not begin with an HTTP/1 status line
        the answer does not begin with an HTTP/1 status line
        the answer does not begin with an HTTP/1 status line
        the head of the answer is malformed: invalid response status
        the head of the answer is malformed: too many headers
        the head of the answer is larger than 64 KiB
        more than 16 interim answers came before the final one
        ");
    }

    #[test]
    fn a_parser_is_used_again() {
        let mut parser = ResponseParser::default();
        for body in ["one", "three"] {
            parser.begin(Look {
                body: Keep::Some,
                ..Look::default()
            });
            let text = format!(
                "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            );
            assert!(
                matches!(parser.feed(text.as_bytes()), Ok(Progress::Done(a)) if a.body == body.len() as u64)
            );
            assert_eq!(parser.body(), body.as_bytes());
        }
    }

    /// Pieces that answers are made of, good and bad, so that random sequences go deep.
    fn stream() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            4 => Just("HTTP/1.1 200 OK\r\n".to_owned()),
            1 => Just("HTTP/1.0 200 OK\n".to_owned()),
            1 => Just("HTTP/1.1 100 C\r\n\r\n".to_owned()),
            2 => (0..20_u32).prop_map(|n| format!("content-length: {n}\r\n")),
            2 => Just("transfer-encoding: chunked\r\n".to_owned()),
            1 => Just("connection: close\r\n".to_owned()),
            4 => Just("\r\n".to_owned()),
            2 => "[a-z]{0,12}",
            3 => (0..9_usize).prop_map(|n| format!("{n:x}\r\n{}\r\n", "z".repeat(n))),
            1 => Just("0\r\n\r\n".to_owned()),
            1 => "\\PC{0,4}",
        ];
        let tail = prop::collection::vec(piece, 0..9).prop_map(|p| p.concat().into_bytes());
        prop_oneof![
            6 => tail.clone().prop_map(|t| [b"HTTP/1.1 200 OK\r\n".to_vec(), t].concat()),
            1 => tail,
            1 => prop::collection::vec(any::<u8>(), 0..200),
        ]
    }

    proptest! {
        #[test]
        fn any_cutting_of_any_bytes_gives_the_same_answer(
            bytes in stream(),
            mut cuts in prop::collection::vec(0..160_usize, 0..12),
            bodiless: bool,
        ) {
            cuts.sort_unstable();
            let whole = read(&bytes, &[], bodiless);
            prop_assert_eq!(&whole, &read(&bytes, &cuts, bodiless));
            let each: Vec<_> = (0..bytes.len()).collect();
            prop_assert_eq!(&whole, &read(&bytes, &each, bodiless));
        }
    }
}
