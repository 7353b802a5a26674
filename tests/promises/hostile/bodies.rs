//! Behaviours of a target whose body is not what its head says.

use std::io::Write as _;
use std::sync::OnceLock;

use flate2::Compression;
use flate2::write::GzEncoder;
use plimsoll::model::ErrorClass::{Closed, Protocol, TimeoutTotal};

use super::behaviour::Behaviour;
use super::heads::{at_path, breaking, well_late, well_once};
use super::server::Server;

/// A step that asks for gzip and looks at what is in it.
const UNPACKING: &str = "gzip = true\nexpect = { body-contains = \"never\" }";

pub(super) const ALL: &[Behaviour] = &[
    Behaviour::of_path(
        "never ends",
        "sends chunks for ever",
        &[TimeoutTotal],
        endless,
    )
    .like(well_late),
    Behaviour::of_path("10 GiB", "sends so much", &[TimeoutTotal], ten_gib).like(well_late),
    Behaviour::of_path(
        "shorter than declared",
        "closes before the end of its body",
        &[Closed],
        shorter,
    ),
    Behaviour::of_path(
        "longer than declared",
        "sends another answer behind the body, which nobody asked for",
        &[],
        longer,
    ),
    Behaviour::of_path(
        "chunk-size overflow",
        "sends a chunk of more bytes than there are numbers for",
        &[Protocol],
        || {
            breaking(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nfffffffffffffffff\r\nok\n")
        },
    ),
    Behaviour::of_path(
        "endless trailers",
        "sends fields behind the last chunk for ever",
        &[Protocol],
        endless_trailers,
    )
    .like(well_once),
    Behaviour::of_path(
        "gzip bomb",
        "sends 50 KiB that unpack to 50 MiB",
        &[Protocol],
        gzip_bomb,
    )
    .asking(UNPACKING)
    .like(well_once),
    Behaviour::of_path(
        "wrong gzip",
        "says gzip of what is none",
        &[Protocol],
        || {
            at_path(|line, _| {
                line.write_all(b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 16\r\n\r\n\x1f\x8b\x08\0never gzip.\n")
            })
        },
    )
    .asking(UNPACKING),
    Behaviour::of_path(
        "204 with a body",
        "sends a body behind an answer that has none",
        &[],
        || breaking(b"HTTP/1.1 204 No Content\r\ncontent-length: 38\r\n\r\nHTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n"),
    ),
];

fn endless() -> Server {
    let chunks = format!("1000\r\n{}\r\n", "x".repeat(0x1000)).repeat(4);
    at_path(move |line, floor| {
        line.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")?;
        floor.flood(line, chunks.as_bytes())
    })
}

fn ten_gib() -> Server {
    at_path(|line, floor| {
        line.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 10737418240\r\n\r\n")?;
        floor.flood(line, &vec![b'x'; 64 * 1024])
    })
}

fn shorter() -> Server {
    Server::start(|mut stream, _, floor| {
        let result = super::server::serve_paths(&mut stream, floor, |line, _| {
            line.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nnot all")?;
            // What ends it is that this thread does.
            Err(std::io::ErrorKind::UnexpectedEof.into())
        });
        stream.shutdown(std::net::Shutdown::Write)?;
        result
    })
}

fn longer() -> Server {
    breaking(b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nok\nHTTP/1.1 500 No\r\ncontent-length: 6\r\n\r\npoison")
}

fn endless_trailers() -> Server {
    let trailers = "a: b\r\n".repeat(7000);
    at_path(move |line, floor| {
        line.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n")?;
        floor.flood(line, trailers.as_bytes())
    })
}

/// Zeros, packed a thousand to one.
pub(super) fn bomb() -> &'static [u8] {
    static BOMB: OnceLock<Vec<u8>> = OnceLock::new();
    BOMB.get_or_init(|| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        let zeros = vec![0; 1 << 20];
        for _ in 0..50 {
            encoder.write_all(&zeros).expect("memory");
        }
        encoder.finish().expect("memory")
    })
}

fn gzip_bomb() -> Server {
    let bomb = bomb();
    at_path(move |line, _| {
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\n\r\n",
            bomb.len()
        );
        line.write_all(head.as_bytes())?;
        line.write_all(bomb)
    })
}
