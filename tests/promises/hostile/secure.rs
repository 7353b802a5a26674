//! Behaviours of a target under TLS: whom it says it is, and how it speaks.

use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::OnceLock;

use plimsoll::model::ErrorClass::{Closed, Protocol, TimeoutTls, Tls, TlsCertificate};
use rcgen::{CertificateParams, date_time_ymd};

use crate::common::certificates::{Authority, Card, named, over};

use super::behaviour::{Behaviour, Speech};
use super::doors::is_bad;
use super::frames;
use super::server::{Floor, HEALTHY, Line, Server, read_head, serve_well, until_gone};

pub(super) const ALL: &[Behaviour] = &[
    bad(
        "expired",
        "shows a certificate that is no longer valid",
        &[TlsCertificate],
        || showing(&cards().signs(&asked("localhost", 2010))),
    ),
    bad(
        "self-signed",
        "shows a certificate that nobody vouches for",
        &[TlsCertificate],
        || showing(&Card::self_signed(&asked("localhost", 2500))),
    ),
    bad(
        "wrong host",
        "shows a certificate of another host",
        &[TlsCertificate],
        || showing(&cards().signs(&asked("other.test", 2500))),
    ),
    bad(
        "unknown CA",
        "shows a certificate of an authority that is not trusted",
        &[TlsCertificate],
        || showing(&Authority::new("a test").signs(&asked("localhost", 2500))),
    ),
    bad("old protocol only", "speaks TLS 1.0", &[Tls], || {
        most(|mut stream, _| old(&mut stream))
    }),
    bad(
        "stalled handshake",
        "takes our greeting and says nothing",
        &[TimeoutTls],
        || most(|mut stream, _| until_gone(&mut stream)),
    ),
    bad(
        "close mid-body",
        "closes in the middle of an answer, without a goodbye",
        &[Closed],
        close_mid_body,
    ),
    bad(
        "ALPN mismatch",
        "does not speak the version of HTTP that was asked for",
        &[Protocol],
        alpn_mismatch,
    )
    .speaking(Speech::Https2),
    bad(
        "1 MiB chain",
        "shows a chain of certificates of 1 MiB",
        &[Tls],
        || {
            let flight = long_chain();
            most(move |mut stream, _| {
                read_record(&mut stream)?;
                stream.write_all(&flight)?;
                until_gone(&mut stream)
            })
        },
    ),
];

const fn bad(
    name: &'static str,
    does: &'static str,
    fails: &'static [plimsoll::model::ErrorClass],
    start: fn() -> Server,
) -> Behaviour {
    Behaviour::of_connections(name, does, fails, start).speaking(Speech::Https1)
}

/// A certificate for a name that ends with the year before.
fn asked(name: &str, until: i32) -> CertificateParams {
    let mut params = named(name);
    params.not_before = date_time_ymd(2001, 1, 1);
    params.not_after = date_time_ymd(until, 1, 1);
    params
}

/// One that can be trusted.
fn good() -> Card {
    cards().signs(&asked("localhost", 2500))
}

/// The authority that the scenarios trust.
pub(super) fn cards() -> &'static Authority {
    static CARDS: OnceLock<Authority> = OnceLock::new();
    CARDS.get_or_init(|| Authority::new("a test"))
}

/// Good connections are served well, bad ones by `bad`.
fn most(bad: impl Fn(TcpStream, &Floor) -> io::Result<()> + Send + Sync + 'static) -> Server {
    let good = good().server(&["http/1.1"]);
    Server::start(move |stream, number, floor| {
        if is_bad(number) {
            bad(stream, floor)
        } else {
            serve_well(&mut over(&good, stream), floor)
        }
    })
}

fn showing(card: &Card) -> Server {
    let config = card.server(&["http/1.1"]);
    most(move |stream, floor| serve_well(&mut over(&config, stream), floor))
}

pub(super) fn well() -> Server {
    showing(&good())
}

pub(super) fn well_http2() -> Server {
    let config = good().server(&["h2"]);
    Server::start(move |stream, _, floor| {
        frames::serve(&mut over(&config, stream), floor, &[], frames::answer)
    })
}

/// Answers a greeting with that of TLS 1.0, as a server does that knows no other.
fn old(stream: &mut TcpStream) -> io::Result<()> {
    read_record(stream)?;
    // TLS_RSA_WITH_AES_128_CBC_SHA
    stream.write_all(&record(1, &hello(1, [0x00, 0x2f])))?;
    until_gone(stream)
}

/// What a server of TLS 1.2 says first: who it is, in certificates of one MiB together.
fn long_chain() -> Vec<u8> {
    let length = |n: usize| u32::try_from(n).expect("a length").to_be_bytes();
    let der = good().der;
    let link = [&length(der.len())[1..], &der].concat();
    let links = link.repeat((1 << 20) / link.len() + 1);
    let listed = [&length(links.len())[1..], &links].concat();
    let certificate = [&[11][..], &length(listed.len())[1..], &listed].concat();
    // TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256
    let mut flight = record(3, &hello(3, [0xc0, 0x2b]));
    for piece in certificate.chunks(16 * 1024) {
        flight.extend(record(3, piece));
    }
    flight
}

fn read_record(stream: &mut TcpStream) -> io::Result<()> {
    let mut head = [0; 5];
    stream.read_exact(&mut head)?;
    let length = u16::from_be_bytes([head[3], head[4]]);
    io::copy(&mut stream.take(length.into()), &mut io::sink())?;
    Ok(())
}

/// A handshake message in a record of version 3.`minor`.
fn record(minor: u8, message: &[u8]) -> Vec<u8> {
    let length = u16::try_from(message.len())
        .expect("a record")
        .to_be_bytes();
    [&[22, 3, minor], &length[..], message].concat()
}

/// A `ServerHello` of version 3.`minor` without a session, that chooses a cipher suite.
fn hello(minor: u8, suite: [u8; 2]) -> Vec<u8> {
    let random = [7; 32];
    [&[2, 0, 0, 38, 3, minor], &random[..], &[0], &suite, &[0]].concat()
}

fn close_mid_body() -> Server {
    let own = good().server(&["http/1.1"]);
    most(move |stream, _| {
        let mut line = over(&own, stream);
        if read_head(&mut line)?.is_some() {
            line.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nhalf")?;
            line.flush()?;
        }
        super::server::half_close(line.sock)
    })
}

/// Good connections speak HTTP/2; the others know HTTP/1.1 alone.
fn alpn_mismatch() -> Server {
    let (good, other) = (good().server(&["h2"]), good().server(&["http/1.1"]));
    Server::start(move |stream, number, floor| {
        if is_bad(number) {
            let line: &mut dyn Line = &mut over(&other, stream);
            if read_head(line)?.is_some() {
                line.write_all(HEALTHY)?;
            }
            Ok(())
        } else {
            frames::serve(&mut over(&good, stream), floor, &[], frames::answer)
        }
    })
}
