//! The server that behaves as said, as precisely as one thread can.
//!
//! Hyper and a timer that steps in milliseconds would put their own latency into the truth. This is
//! one loop over epoll that stays awake while requests come, where it has a core to itself: being
//! woken takes longer than many an error that is to be measured. It understands requests without a
//! body and nothing else.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::convert::Infallible;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::num::NonZeroU64;
use std::time::Duration;

use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::thread::set_current_timer_slack;
use rustix::time::Timespec;

use super::Behaviour;
use crate::clock::{Clock, Monotonic};
use crate::demo::place;
use crate::units::Nanos;

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/// What ends a request.
const END: &[u8] = b"\r\n\r\n";

/// Longer heads are no requests of ours.
const LONGEST_REQUEST: usize = 64 * 1024;

/// So long before an answer is due the loop no longer sleeps: about what waking up takes.
const AWAKE: Nanos = Nanos(60_000);

/// So long after the latest request the loop no longer sleeps, with a core to spare.
const ATTENTIVE: Nanos = Nanos::from_millis(20);

/// Marks the listener among the events.
const LISTENER: u64 = u64::MAX;

/// Serves on 127.0.0.1 for ever; `ready` is told the address.
///
/// # Errors
/// When the port cannot be bound or the kernel refuses to wait.
pub fn serve(
    behaviour: Behaviour,
    port: u16,
    ready: impl FnOnce(SocketAddr),
) -> io::Result<Infallible> {
    let listener = TcpListener::bind(place::local(port))?;
    listener.set_nonblocking(true)?;
    let epoll = epoll::create(CreateFlags::CLOEXEC)?;
    epoll::add(
        &epoll,
        &listener,
        EventData::new_u64(LISTENER),
        EventFlags::IN,
    )?;
    // The kernel may otherwise put a wake-up off by 50 µs to save one; a refusal costs precision.
    let _ = set_current_timer_slack(NonZeroU64::new(1));
    ready(listener.local_addr()?);
    let mut server = Server {
        behaviour,
        connections: Vec::new(),
        vacant: Vec::new(),
        due: BinaryHeap::new(),
        first: None,
        requests: 0,
        latest: Nanos::ZERO,
        attentive: std::thread::available_parallelism().is_ok_and(|cores| cores.get() > 1),
    };
    let mut events = Vec::with_capacity(1024);
    loop {
        let timeout = server.answer_due(Monotonic.now());
        events.clear();
        match epoll::wait(&epoll, spare_capacity(&mut events), timeout.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let woken = Monotonic.now();
        for event in &events {
            match event.data.u64() {
                LISTENER => {
                    while let Ok((stream, _)) = listener.accept() {
                        let slot = server.add(stream)?;
                        let data = EventData::new_u64(slot as u64);
                        epoll::add(&epoll, server.stream(slot), data, EventFlags::IN)?;
                    }
                }
                slot => server.read(usize::try_from(slot).unwrap_or(usize::MAX), woken),
            }
        }
    }
}

struct Connection {
    stream: TcpStream,
    /// Bytes that are no whole request yet.
    begun: Vec<u8>,
}

/// An answer that is due at a time, on the connection in a slot if it is still the same one.
type Due = Reverse<(Nanos, usize, u64)>;

struct Server {
    behaviour: Behaviour,
    /// With the number of connections that a slot had before.
    connections: Vec<(u64, Option<Connection>)>,
    vacant: Vec<usize>,
    due: BinaryHeap<Due>,
    /// When the first request came.
    first: Option<Nanos>,
    requests: u64,
    /// When the latest request came.
    latest: Nanos,
    /// True where waiting awake takes no core from whoever asks.
    attentive: bool,
}

impl Server {
    fn add(&mut self, stream: TcpStream) -> io::Result<usize> {
        stream.set_nonblocking(true)?;
        stream.set_nodelay(true)?;
        let slot = self.vacant.pop().unwrap_or_else(|| {
            self.connections.push((0, None));
            self.connections.len() - 1
        });
        self.connections[slot].1 = Some(Connection {
            stream,
            begun: Vec::new(),
        });
        Ok(slot)
    }

    fn stream(&self, slot: usize) -> &TcpStream {
        let connection = self.connections[slot].1.as_ref();
        &connection.expect("it was just added").stream
    }

    /// Closing takes the socket out of the readiness set, and what was due on it is forgotten.
    fn close(&mut self, slot: usize) {
        let (generation, connection) = &mut self.connections[slot];
        *generation += 1;
        *connection = None;
        self.vacant.push(slot);
    }

    fn read(&mut self, slot: usize, now: Nanos) {
        let Some((_, Some(connection))) = self.connections.get_mut(slot) else {
            return;
        };
        let mut buffer = [0; 4096];
        let read = match connection.stream.read(&mut buffer) {
            Ok(0) => return self.close(slot),
            Ok(n) => &buffer[..n],
            Err(error) if error.kind() == ErrorKind::WouldBlock => return,
            Err(_) => return self.close(slot),
        };
        connection.begun.extend_from_slice(read);
        let mut come = 0;
        while let Some(end) = find(&connection.begun) {
            connection.begun.drain(..end);
            come += 1;
        }
        if connection.begun.len() > LONGEST_REQUEST {
            return self.close(slot);
        }
        for _ in 0..come {
            self.come(slot, now);
        }
    }

    /// Takes note of a request.
    fn come(&mut self, slot: usize, now: Nanos) {
        self.requests += 1;
        self.latest = now;
        let first = *self.first.get_or_insert(now);
        let Some(after) = self.behaviour.answered(self.requests, now - first) else {
            return;
        };
        let at = first + after;
        if at <= now {
            self.answer(slot);
        } else {
            let generation = self.connections[slot].0;
            self.due.push(Reverse((at, slot, generation)));
        }
    }

    /// Answers what is due, and says how long to sleep; `None`: until something comes.
    fn answer_due(&mut self, mut now: Nanos) -> Option<Timespec> {
        while let Some(&Reverse((at, slot, generation))) = self.due.peek() {
            if at > now {
                let sleep = Duration::from(at - now - AWAKE);
                return self.or_awake(now, Timespec::try_from(sleep).ok());
            }
            self.due.pop();
            if self.connections[slot].0 == generation {
                self.answer(slot);
                now = Monotonic.now();
            }
        }
        self.or_awake(now, None)
    }

    /// That sleep, or none while there is reason to stay awake.
    fn or_awake(&self, now: Nanos, sleep: Option<Timespec>) -> Option<Timespec> {
        if self.attentive && now - self.latest < ATTENTIVE {
            return Timespec::try_from(Duration::ZERO).ok();
        }
        sleep
    }

    fn answer(&mut self, slot: usize) {
        let Some((_, Some(connection))) = self.connections.get_mut(slot) else {
            return;
        };
        // So few bytes always fit; where they do not, the client is gone.
        if connection.stream.write_all(ANSWER).is_err() {
            self.close(slot);
        }
    }
}

/// The end of the first request.
fn find(bytes: &[u8]) -> Option<usize> {
    let end = bytes.windows(END.len()).position(|w| w == END)?;
    Some(end + END.len())
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn requests_are_answered_in_the_order_of_the_behaviour_and_hung_ones_never() {
        let (address, told) = mpsc::channel();
        std::thread::spawn(move || {
            let behaviour = "base=1ms,slow=3:2ms,hang=2".parse().expect("valid");
            serve(behaviour, 0, |at| {
                address.send(at).expect("someone listens");
            })
        });
        let address = told.recv().expect("it serves");
        let mut stream = TcpStream::connect(address).expect("connected");
        let mut buffer = [0; 256];
        // In two pieces, as a network may deliver it.
        for piece in [&b"GET / HTTP/1.1\r\nhost: a\r\n"[..], b"\r\n"] {
            stream.write_all(piece).expect("sent");
        }
        let n = stream.read(&mut buffer).expect("answered");
        assert_eq!(&buffer[..n], ANSWER);

        // The second is never answered and the fourth neither, so one answer comes.
        let asked = Monotonic.now();
        let three = b"GET / HTTP/1.1\r\n\r\n".repeat(3);
        stream.write_all(&three).expect("sent");
        let n = stream.read(&mut buffer).expect("answered");
        assert_eq!(&buffer[..n], ANSWER);
        assert!(Monotonic.now() - asked >= Nanos::from_millis(2));
    }
}
