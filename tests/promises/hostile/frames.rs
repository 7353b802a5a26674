//! Behaviours of a target over HTTP/2, frame by frame.
//!
//! The hostile step is a POST and all else a GET: that is told from the first byte of a head without
//! unpacking it.

use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use plimsoll::model::ErrorClass::{Closed, Protocol, Reset, TimeoutFirstByte, TimeoutTotal};

use super::behaviour::{Behaviour, Speech};
use super::server::{Floor, Line, Server};

pub(super) const ALL: &[Behaviour] = &[
    bad(
        "HTTP/2: RST flood",
        "resets a stream 1,000 times",
        &[Reset, Protocol],
        || {
            at_post(&[], |line, _, stream| {
                let reset = frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes());
                line.write_all(&reset.repeat(1000))
            })
        },
    ),
    bad(
        "HTTP/2: GOAWAY storm",
        "says goodbye, again and again",
        &[Closed, Protocol],
        || flooding(|_| frame(GOAWAY, 0, 0, &[0; 8]).repeat(100)),
    )
    .like(well_once),
    bad(
        "HTTP/2: window 0 for ever",
        "never takes the body of a request",
        &[TimeoutFirstByte],
        window_0,
    )
    .asking("body = \"to whom?\"")
    .like(well_late),
    bad(
        "HTTP/2: SETTINGS and PING flood",
        "asks for acknowledgements for ever, and answers nothing",
        &[TimeoutFirstByte, TimeoutTotal, Protocol],
        || {
            flooding(|_| {
                [frame(SETTINGS, 0, 0, &[]), frame(PING, 0, 0, b"12345678")]
                    .concat()
                    .repeat(100)
            })
        },
    )
    .like(well_once),
    bad(
        "HTTP/2: CONTINUATION flood",
        "sends a head that does not end",
        &[Protocol, Closed, Reset],
        || {
            // An empty HEADERS frame that does not end the head, then pieces of it that are empty too.
            flooding_after(
                |stream| frame(HEADERS, 0, stream, OK),
                |stream| frame(CONTINUATION, 0, stream, &[0x00, 1, b'a', 1, b'b']).repeat(100),
            )
        },
    )
    .like(well_once),
    bad(
        "HTTP/2: empty-DATA flood",
        "sends a body of empty pieces that does not end",
        &[Protocol, TimeoutTotal],
        || {
            flooding_after(
                |stream| frame(HEADERS, END_HEADERS, stream, OK),
                |stream| frame(DATA, 0, stream, &[]).repeat(100),
            )
        },
    )
    .like(well_once),
];

const fn bad(
    name: &'static str,
    does: &'static str,
    fails: &'static [plimsoll::model::ErrorClass],
    start: fn() -> Server,
) -> Behaviour {
    Behaviour::of_path(name, does, fails, start).speaking(Speech::Http2)
}

const PREFACE: usize = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".len();

const DATA: u8 = 0;
pub(super) const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const CONTINUATION: u8 = 9;

pub(super) const END_STREAM: u8 = 1;
pub(super) const END_HEADERS: u8 = 4;
const ACK: u8 = 1;

/// `:status: 200` of the static table.
pub(super) const OK: &[u8] = &[0x88];

/// `:method: POST` of the static table.
const POST: u8 = 0x83;

/// `SETTINGS_INITIAL_WINDOW_SIZE` of nothing.
const NO_WINDOW: &[u8] = &[0, 4, 0, 0, 0, 0];

pub(super) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len())
        .expect("a length")
        .to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// What a stream is answered.
pub(super) fn answer(line: &mut dyn Line, _: &Floor, stream: u32) -> io::Result<()> {
    let answer = [
        frame(HEADERS, END_HEADERS, stream, OK),
        frame(DATA, END_STREAM, stream, b"ok\n"),
    ];
    line.write_all(&answer.concat())
}

/// Speaks HTTP/2 until the client has gone; streams of hostile requests are answered by `hostile`.
pub(super) fn serve(
    line: &mut dyn Line,
    floor: &Floor,
    settings: &[u8],
    hostile: impl Fn(&mut dyn Line, &Floor, u32) -> io::Result<()>,
) -> io::Result<()> {
    line.read_exact(&mut [0; PREFACE])?;
    line.write_all(&frame(SETTINGS, 0, 0, settings))?;
    line.flush()?;
    loop {
        let mut head = [0; 9];
        line.read_exact(&mut head)?;
        let [a, b, c, kind, flags, stream @ ..] = head;
        let stream = u32::from_be_bytes(stream);
        let mut payload = vec![0; u32::from_be_bytes([0, a, b, c]) as usize];
        line.read_exact(&mut payload)?;
        match kind {
            HEADERS if payload.first() == Some(&POST) => hostile(line, floor, stream)?,
            HEADERS => {
                floor.serve();
                answer(line, floor, stream)?;
            }
            SETTINGS if flags & ACK == 0 => line.write_all(&frame(SETTINGS, ACK, 0, &[]))?,
            PING if flags & ACK == 0 => line.write_all(&frame(PING, ACK, 0, &payload))?,
            _ => {}
        }
        line.flush()?;
    }
}

/// A server in clear text.
pub(super) fn at_post(
    settings: &'static [u8],
    hostile: impl Fn(&mut TcpStream, &Floor, u32) -> io::Result<()> + Send + Sync + 'static,
) -> Server {
    Server::start(move |mut stream, _, floor| {
        // The same socket, so that a flood can read what is said meanwhile.
        let other = stream.try_clone()?;
        serve(&mut stream, floor, settings, |_, floor, id| {
            hostile(&mut other.try_clone()?, floor, id)
        })
    })
}

pub(super) fn well() -> Server {
    at_post(&[], |line, floor, stream| answer(line, floor, stream))
}

/// Answers the hostile path well, and then closes the connection with a goodbye.
fn well_once() -> Server {
    at_post(&[], |line, floor, stream| {
        answer(line, floor, stream)?;
        let goodbye = [&stream.to_be_bytes()[..], &[0; 4]].concat();
        line.write_all(&frame(GOAWAY, 0, 0, &goodbye))?;
        Err(io::ErrorKind::ConnectionAborted.into())
    })
}

/// Answers the hostile path well, a moment before whoever waits would give up.
fn well_late() -> Server {
    at_post(&[], |line, floor, stream| {
        thread::sleep(Duration::from_millis(700));
        answer(line, floor, stream)
    })
}

fn window_0() -> Server {
    at_post(NO_WINDOW, |_, _, _| Ok(()))
}

fn flooding(piece: fn(u32) -> Vec<u8>) -> Server {
    flooding_after(|_| Vec::new(), piece)
}

/// Sends some bytes, and then others for ever, while it takes in whatever it is sent.
fn flooding_after(first: fn(u32) -> Vec<u8>, piece: fn(u32) -> Vec<u8>) -> Server {
    at_post(&[], move |line, floor, stream| {
        line.write_all(&first(stream))?;
        let piece = piece(stream);
        let mut sink = vec![0; 64 * 1024];
        floor.flood_with(|| {
            line.write_all(&piece)?;
            line.set_nonblocking(true)?;
            let read = line.read(&mut sink);
            line.set_nonblocking(false)?;
            match read {
                Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
                Err(error) if error.kind() != io::ErrorKind::WouldBlock => Err(error),
                _ => Ok(()),
            }
        })
    })
}
