//! Behaviours of a target that answers with a head that is none, or one too many.

use std::io;
use std::thread;
use std::time::Duration;

use plimsoll::model::ErrorClass::{Protocol, StatusOther, TimeoutTotal};

use super::behaviour::Behaviour;
use super::server::{Floor, Line, Server, serve_paths};

pub(super) const ALL: &[Behaviour] = &[
    Behaviour::of_path("garbage", "answers in no language", &[Protocol], || {
        breaking(b"\x16\x03\x01\x00\xa5\x01\x00SSH-2.0-x\r\n\r\n")
    }),
    Behaviour::of_path(
        "one byte a second",
        "sends its head byte by byte",
        &[TimeoutTotal],
        drip,
    )
    .like(well_late),
    Behaviour::of_path(
        "10,000 headers",
        "sends a head of 10,000 fields, in less than 64 KiB",
        &[Protocol],
        many_fields,
    ),
    Behaviour::of_path(
        "one 10 MiB header",
        "sends a head with one field of 10 MiB",
        &[Protocol],
        long_field,
    ),
    Behaviour::of_path(
        "no CRLF",
        "sends a head without any end of a line",
        &[Protocol],
        endless_line,
    ),
    Behaviour::of_path(
        "NUL and folded lines",
        "sends heads with a NUL in a value, and with a value that goes on in the next line",
        &[Protocol],
        nul_and_folded,
    ),
    Behaviour::of_path(
        "HTTP/9.9",
        "answers in a version that there is not",
        &[Protocol],
        || breaking(b"HTTP/9.9 200 OK\r\ncontent-length: 0\r\n\r\n"),
    ),
    Behaviour::of_path(
        "status 000 and 999",
        "answers with numbers that are no status",
        &[StatusOther, Protocol],
        odd_status,
    ),
    Behaviour::of_path(
        "conflicting content-length",
        "says two lengths for one body",
        &[Protocol],
        || breaking(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nok\n"),
    ),
    Behaviour::of_path(
        "content-length with transfer-encoding",
        "says a length for a body that has none",
        &[Protocol],
        || {
            breaking(b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n")
        },
    ),
    Behaviour::of_path(
        "a storm of 1xx",
        "sends interim answers and never the final one",
        &[Protocol],
        interim,
    ),
    Behaviour::of_path(
        "an unasked 101",
        "switches to another protocol",
        &[Protocol],
        || {
            breaking(
                b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\nx",
            )
        },
    ),
];

/// A server with a hostile path.
pub(super) fn at_path(
    hostile: impl Fn(&mut dyn Line, &Floor) -> io::Result<()> + Send + Sync + 'static,
) -> Server {
    Server::start(move |mut stream, _, floor| serve_paths(&mut stream, floor, &hostile))
}

pub(super) fn well() -> Server {
    at_path(|line, _| line.write_all(super::server::HEALTHY))
}

/// Answers the hostile path well and closes the connection: for comparison with what uses it up.
pub(super) fn well_once() -> Server {
    closing_after(Duration::ZERO)
}

/// The same a moment before whoever waits would give up.
pub(super) fn well_late() -> Server {
    closing_after(Duration::from_millis(900))
}

fn closing_after(pause: Duration) -> Server {
    at_path(move |line, _| {
        thread::sleep(pause);
        line.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 3\r\n\r\nok\n")?;
        // What closes it is that this thread ends.
        Err(io::ErrorKind::ConnectionAborted.into())
    })
}

/// Breaks its framing by these bytes, and then takes note of whoever uses the connection again.
pub(super) fn breaking(answer: &'static [u8]) -> Server {
    at_path(move |line, floor| {
        line.write_all(answer)?;
        floor.expect_nothing(line)
    })
}

fn drip() -> Server {
    at_path(|line, floor| {
        for byte in b"HTTP/1.1 200 OK\r\n".iter().cycle() {
            line.write_all(&[*byte])?;
            line.flush()?;
            if floor.has_ended() {
                break;
            }
            thread::sleep(Duration::from_millis(250));
        }
        Ok(())
    })
}

fn many_fields() -> Server {
    let fields = "a:b\r\n".repeat(10_000);
    let answer = format!("HTTP/1.1 200 OK\r\n{fields}content-length:0\r\n\r\n");
    assert!(answer.len() < 64 * 1024);
    at_path(move |line, floor| {
        line.write_all(answer.as_bytes())?;
        floor.expect_nothing(line)
    })
}

fn long_field() -> Server {
    at_path(|line, floor| {
        line.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\na: ")?;
        let (mut left, field) = (10 << 20, vec![b'b'; 40 * 1024]);
        floor
            .flood_with(|| {
                let piece = left.min(field.len());
                left -= piece;
                match piece {
                    0 => Err(io::ErrorKind::WriteZero.into()),
                    _ => line.write_all(&field[..piece]),
                }
            })
            .or_else(|error| match error.kind() {
                io::ErrorKind::WriteZero => line.write_all(b"\r\n\r\n"),
                _ => Err(error),
            })?;
        floor.expect_nothing(line)
    })
}

fn endless_line() -> Server {
    at_path(|line, floor| {
        line.write_all(b"HTTP/1.1 200 OK and no end: ")?;
        floor.flood(line, &vec![b'a'; 40 * 1024])
    })
}

fn nul_and_folded() -> Server {
    let turn = std::sync::atomic::AtomicUsize::new(0);
    at_path(move |line, floor| {
        let turn = turn.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        line.write_all(if turn.is_multiple_of(2) {
            b"HTTP/1.1 200 OK\r\na: b\0c\r\ncontent-length: 0\r\n\r\n"
        } else {
            b"HTTP/1.1 200 OK\r\na: b\r\n c\r\ncontent-length: 0\r\n\r\n"
        })?;
        floor.expect_nothing(line)
    })
}

fn odd_status() -> Server {
    let turn = std::sync::atomic::AtomicUsize::new(0);
    at_path(move |line, _| {
        let turn = turn.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let status = if turn.is_multiple_of(2) { "000" } else { "999" };
        line.write_all(format!("HTTP/1.1 {status} Odd\r\ncontent-length: 0\r\n\r\n").as_bytes())
    })
}

fn interim() -> Server {
    let hints = "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n".repeat(50);
    at_path(move |line, floor| floor.flood(line, hints.as_bytes()))
}
