//! Behaviours of a target before anything is said: how it takes connections, or does not.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use plimsoll::model::ErrorClass::{Closed, Refused, Reset, TimeoutConnect, TimeoutFirstByte};

use super::behaviour::Behaviour;
use super::server::{Floor, Server, attend, half_close, listen_at, reset, serve_well, until_gone};

pub(super) const ALL: &[Behaviour] = &[
    Behaviour::of_door(
        "refused",
        "closes its port again and again",
        // A connection that was made just before the port closed is reset.
        &[Refused, Reset, Closed],
        refused,
    ),
    Behaviour::of_door(
        "black hole",
        "lets the first packet of a connection disappear, again and again",
        &[TimeoutConnect],
        black_hole,
    ),
    Behaviour::of_connections(
        "reset after accept",
        "resets five connections of six as soon as it is there",
        &[Reset],
        reset_after_accept,
    ),
    Behaviour::of_connections(
        "accept and silent",
        "never says anything on five connections of six",
        &[TimeoutFirstByte],
        silent,
    ),
    Behaviour::of_connections(
        "half-close",
        "closes its side of five connections of six, and goes on listening",
        &[Closed],
        half_closed,
    ),
    Behaviour::of_door(
        "backlog full",
        "takes one connection in 20 ms, and has room for one that waits",
        &[TimeoutConnect],
        backlog_full,
    ),
];

/// How long a door that opens and closes stays as it is.
const TURN: Duration = Duration::from_millis(80);

/// A port that is nobody else's, and a listener on it.
fn a_port() -> (SocketAddr, TcpListener) {
    let listener = listen_at((Ipv4Addr::LOCALHOST, 0).into(), 0).expect("a port");
    (listener.local_addr().expect("bound"), listener)
}

fn well(mut stream: TcpStream, _: usize, floor: &Floor) -> io::Result<()> {
    serve_well(&mut stream, floor)
}

fn refused() -> Server {
    let listener = listen_at((Ipv4Addr::LOCALHOST, 0).into(), 1024).expect("a port");
    let address = listener.local_addr().expect("bound");
    Server::by(address, move |floor| {
        let mut open = Some(listener);
        while !floor.has_ended() {
            if let Some(listener) = open.take().or_else(|| listen_at(address, 1024).ok()) {
                accept_for(&listener, TURN, floor);
            }
            // It stays open until somebody has found it so.
            if floor.number() > 1 {
                thread::sleep(TURN);
            }
        }
    })
}

/// Accepts for some time.
fn accept_for(listener: &TcpListener, time: Duration, floor: &std::sync::Arc<Floor>) {
    listener.set_nonblocking(true).expect("a socket");
    let since = Instant::now();
    while since.elapsed() < time && !floor.has_ended() {
        match listener.accept() {
            Ok((stream, _)) => {
                stream.set_nonblocking(false).expect("a socket");
                attend(stream, floor, well);
            }
            Err(_) => thread::sleep(Duration::from_millis(1)),
        }
    }
}

/// A listener with room for one connection that nobody accepts: the kernel answers the packets of no
/// other, as nothing answers at an address where there is nobody.
fn black_hole() -> Server {
    let (address, listener) = a_port();
    Server::by(address, move |floor| {
        while !floor.has_ended() {
            accept_for(&listener, TURN, floor);
            thread::sleep(TURN);
        }
    })
}

fn backlog_full() -> Server {
    let (address, listener) = a_port();
    Server::by(address, move |floor| {
        while let Ok((stream, _)) = listener.accept() {
            if floor.has_ended() {
                return;
            }
            attend(stream, floor, well);
            thread::sleep(Duration::from_millis(20));
        }
    })
}

/// One connection in six is good: the first, by which we are asked whether we are there, and so on.
pub(super) const fn is_bad(number: usize) -> bool {
    !number.is_multiple_of(6)
}

/// Serves good connections, and leaves the bad ones to `bad`.
fn most(bad: fn(TcpStream) -> io::Result<()>) -> Server {
    Server::start(move |stream, number, floor| {
        if is_bad(number) {
            bad(stream)
        } else {
            well(stream, number, floor)
        }
    })
}

fn reset_after_accept() -> Server {
    most(reset)
}

fn silent() -> Server {
    most(|mut stream| until_gone(&mut stream))
}

fn half_closed() -> Server {
    most(half_close)
}
