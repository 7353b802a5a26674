//! HTTP/2 against frames written by hand: what no well-behaved server would send, and TLS below.

use std::io::{Read, Write};

use super::authority::{Authority, Manner, Served, server_config, until_gone};
use super::driver::Driven;
use crate::model::ErrorClass;
use crate::protocol::{Happening, Http2, Http2Setup, Plain, Stamping, TlsSetup, TlsTransport};
use crate::scenario::plan::{Request, Version};

const PREFACE: usize = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".len();

const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;

pub(crate) const END_STREAM: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;

/// `:status: 200` of the static table.
pub(crate) const OK: &[u8] = &[0x88];

pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len())
        .expect("a length")
        .to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

pub(crate) fn goodbye(last: u32, code: u32) -> Vec<u8> {
    let payload = [last.to_be_bytes(), code.to_be_bytes()].concat();
    frame(GOAWAY, 0, 0, &payload)
}

/// Reads up to the head of a request, and returns its stream; none when the client has gone.
pub(crate) fn next_request(stream: &mut impl Read) -> Option<u32> {
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head).ok()?;
        let [a, b, c, kind, _, stream_id @ ..] = head;
        let mut payload = vec![0; u32::from_be_bytes([0, a, b, c]) as usize];
        stream.read_exact(&mut payload).ok()?;
        if kind == HEADERS {
            return Some(u32::from_be_bytes(stream_id));
        }
    }
}

fn request(stream: &mut impl Read) -> u32 {
    next_request(stream).expect("a request")
}

pub(crate) fn greet(stream: &mut (impl Read + Write), settings: &[u8]) {
    stream.read_exact(&mut [0; PREFACE]).expect("a preface");
    stream
        .write_all(&frame(SETTINGS, 0, 0, settings))
        .expect("sent");
}

/// A server that answers the first of `requests` exchanges with `frames`.
fn saying(requests: usize, frames: Vec<u8>) -> Served {
    Served::clear(1, move |mut stream| {
        greet(&mut stream, &[]);
        for _ in 0..requests {
            request(&mut stream);
        }
        // The client may have had enough before the end.
        drop(stream.write_all(&frames));
        until_gone(stream);
    })
}

fn open(server: &Served) -> Result<Driven<Http2<Plain>>, ErrorClass> {
    let setup = Http2Setup {
        transport: Stamping::On,
        streams: 4,
    };
    Driven::open(server.address, &setup)
}

fn get() -> Request {
    Request::new("GET", "/")
}

#[test]
fn requests_wait_for_what_the_target_allows_from_the_first_on() {
    // SETTINGS_MAX_CONCURRENT_STREAMS = 1
    let server = Served::clear(1, |mut stream| {
        greet(&mut stream, &[0, 3, 0, 0, 0, 1]);
        assert_eq!(request(&mut stream), 1);
        let answer = frame(HEADERS, END_HEADERS | END_STREAM, 1, OK);
        stream.write_all(&answer).expect("sent");
        assert_eq!(request(&mut stream), 3);
        let answer = frame(HEADERS, END_HEADERS | END_STREAM, 3, OK);
        stream.write_all(&answer).expect("sent");
        until_gone(stream);
    });
    let mut client = open(&server).expect("a connection");
    assert_eq!(client.begin(0, &get()), Ok(true));
    assert_eq!(client.begin(1, &get()), Ok(true));
    assert!(client.moved(0).all_out);
    assert_eq!(client.moved(1).out, 0);
    assert!(matches!(client.fate(0), Ok(Happening::Answered(_))));
    assert!(matches!(client.fate(1), Ok(Happening::Answered(_))));
}

#[test]
fn what_is_no_http_2_is_told_so() {
    let http1 = Served::clear(1, |mut stream| {
        stream.read_exact(&mut [0; PREFACE]).expect("a preface");
        stream
            .write_all(b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n")
            .expect("sent");
        until_gone(stream);
    });
    assert_eq!(open(&http1).map(|_| ()), Err(ErrorClass::Protocol));

    let closes = Served::clear(1, |mut stream| {
        // With all of it read it is closed and not reset.
        stream.read_exact(&mut [0; PREFACE]).expect("a preface");
        stream.shutdown(std::net::Shutdown::Write).expect("closed");
        until_gone(stream);
    });
    assert_eq!(open(&closes).map(|_| ()), Err(ErrorClass::Closed));
}

#[test]
fn exchanges_that_a_goodbye_leaves_out_fail_and_the_others_finish() {
    let mut frames = goodbye(1, 0);
    frames.extend(frame(HEADERS, END_HEADERS, 1, OK));
    frames.extend(frame(DATA, END_STREAM, 1, b"hello"));
    let server = saying(2, frames);
    let mut client = open(&server).expect("a connection");
    assert_eq!(client.begin(0, &get()), Ok(true));
    assert_eq!(client.begin(1, &get()), Ok(true));
    let left_out = client.fate_or_over(1);
    assert_eq!(left_out, Some(Happening::Untouched(ErrorClass::Closed)));
    let kept = client.fate_or_over(0);
    assert!(
        matches!(kept, Some(Happening::Answered(a)) if a.body == 5 && !a.reusable()),
        "{kept:?}"
    );
    assert!(!client.is_usable());
}

#[test]
fn a_goodbye_to_an_idle_connection_makes_it_unusable() {
    let server = Served::clear(1, |mut stream| {
        greet(&mut stream, &[]);
        assert_eq!(request(&mut stream), 1);
        let mut frames = frame(HEADERS, END_HEADERS | END_STREAM, 1, OK);
        frames.extend(goodbye(1, 0));
        stream.write_all(&frames).expect("sent");
        until_gone(stream);
    });
    let mut client = open(&server).expect("a connection");
    assert_eq!(client.begin(0, &get()), Ok(true));
    assert!(matches!(
        client.fate_or_over(0),
        Some(Happening::Answered(_))
    ));
    while client.is_usable() {
        // Answer and goodbye may have come apart.
        if client.step().is_err() {
            break;
        }
    }
    assert_ne!(client.begin(0, &get()), Ok(true));
}

#[test]
fn a_ping_is_answered_while_nothing_is_under_way() {
    let server = Served::clear(1, |mut stream| {
        greet(&mut stream, &[]);
        assert_eq!(request(&mut stream), 1);
        let mut frames = frame(HEADERS, END_HEADERS | END_STREAM, 1, OK);
        frames.extend(frame(PING, 0, 0, b"12345678"));
        stream.write_all(&frames).expect("sent");
        let mut seen = Vec::new();
        let pong = frame(PING, 1, 0, b"12345678");
        while !seen.ends_with(&pong) {
            let mut byte = [0];
            stream.read_exact(&mut byte).expect("a pong comes");
            seen.push(byte[0]);
        }
        stream.write_all(&goodbye(1, 0)).expect("sent");
        until_gone(stream);
    });
    let mut client = open(&server).expect("a connection");
    assert_eq!(client.begin(0, &get()), Ok(true));
    assert!(matches!(
        client.fate_or_over(0),
        Some(Happening::Answered(_))
    ));
    // The goodbye comes after the pong alone.
    while client.is_usable() {
        if client.step().is_err() {
            break;
        }
    }
}

#[test]
fn broken_framing_and_endless_heads_are_errors_of_the_protocol() {
    let broken = [
        // DATA on a stream that does not exist.
        frame(DATA, 0, 9, b"x"),
        // A head of more than 64 KiB: one field, again and again.
        {
            let field = [&[0x00, 1, b'a', 0x7f, 0x81, 0x7e], &[b'v'; 16_000][..]].concat();
            let mut frames = frame(HEADERS, END_STREAM, 1, OK);
            for _ in 0..6 {
                frames.extend(frame(9, 0, 1, &field));
            }
            frames.extend(frame(9, END_HEADERS, 1, &field));
            frames
        },
        // A frame longer than any that was allowed.
        frame(DATA, 0, 1, &vec![0; 20_000]),
        // A status that is none.
        frame(
            HEADERS,
            END_HEADERS | END_STREAM,
            1,
            &[0x08, 3, b'a', b'b', b'c'],
        ),
    ];
    for frames in broken {
        let server = saying(1, frames);
        let mut client = open(&server).expect("a connection");
        assert_eq!(client.begin(0, &get()), Ok(true));
        let fate = client.fate(0);
        assert!(
            matches!(
                fate,
                Ok(Happening::Failed(ErrorClass::Protocol)) | Err(ErrorClass::Protocol)
            ),
            "{fate:?}"
        );
    }
}

#[test]
fn http_2_is_spoken_over_tls() {
    let authority = Authority::new();
    let manner = Manner {
        alpn: &["h2"],
        ..Manner::default()
    };
    let config = server_config(&authority.sign("localhost", 2500), &manner);
    let body = vec![b'x'; 16_000];
    let server = Served::tls(config, 1, move |mut stream| {
        greet(&mut stream, &[]);
        assert_eq!(request(&mut stream), 1);
        let mut frames = frame(HEADERS, END_HEADERS, 1, OK);
        frames.extend(frame(DATA, 0, 1, &body));
        frames.extend(frame(DATA, END_STREAM, 1, &body));
        stream.write_all(&frames).expect("sent");
        assert_eq!(request(&mut stream), 3);
        // A close without a goodbye in the middle of an answer.
        let frames = frame(HEADERS, END_HEADERS, 3, OK);
        stream.write_all(&frames).expect("sent");
        stream.flush().expect("sent");
        stream
            .sock
            .shutdown(std::net::Shutdown::Write)
            .expect("closed");
        until_gone(stream.sock);
    });
    let setup = Http2Setup {
        transport: TlsSetup::new(&authority.trusted(), "localhost", Version::Http2)
            .expect("a setup"),
        streams: 2,
    };
    let mut client: Driven<Http2<TlsTransport>> =
        Driven::open(server.address, &setup).expect("a connection");
    assert_eq!(client.ask(0, &get()), Ok((200, 32_000)));
    assert_eq!(client.begin(1, &get()), Ok(true));
    let fate = client.fate(1);
    assert!(
        matches!(
            fate,
            Ok(Happening::Failed(ErrorClass::Closed)) | Err(ErrorClass::Closed)
        ),
        "{fate:?}"
    );
}
