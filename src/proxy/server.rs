//! The thread that accepts, waits and moves bytes.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use rustix::event::{EventfdFlags, eventfd};
use rustix::io::Errno;
use rustix::net::sockopt::set_tcp_nodelay;
use rustix::net::{
    AddressFamily, SocketFlags, SocketType, accept_with, bind, getsockname, listen, socket_with,
};

use super::link::{Link, State, Turn, Which};
use super::weather::Weather;
use crate::clock::{Clock, Monotonic};
use crate::protocol::{Dial, Endpoint, Poller};
use crate::scenario::plan::Fault;
use crate::units::Nanos;

const LISTENER: u64 = u64::MAX;
const WAKE: u64 = u64::MAX - 1;

/// Connections that wait to be accepted.
const BACKLOG: i32 = 4096;

/// Bytes moved at once.
const BUFFER: usize = 64 * 1024;

/// Longest wait when nothing is planned.
const IDLE: Nanos = Nanos::from_secs(60);

/// What to stand in front of, and what to do.
#[derive(Debug, Clone)]
pub struct Setting {
    /// How the target is connected to.
    pub dial: Dial,
    /// In the order of their time, no two at once.
    pub faults: Vec<Fault>,
    /// `CLOCK_MONOTONIC` time from which their times count.
    pub epoch: Nanos,
    /// Decides which connections are hit, and jitter.
    pub seed: u64,
}

/// Why a round with faults does not count.
#[derive(Debug, thiserror::Error)]
pub enum ProxyError {
    #[error("the fault proxy cannot stand before a socket file")]
    NoTcp,
    #[error("the fault proxy could not start: {0}")]
    Start(#[source] io::Error),
    #[error("the fault proxy could not go on: {0}")]
    Broke(#[source] io::Error),
    #[error("the fault proxy ran out of descriptors or ports")]
    Exhausted,
    #[error("the thread of the fault proxy panicked, which is a defect of Plimsoll")]
    Panicked,
}

/// A proxy that runs; dropped, it ends with all its connections.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    stop: Arc<Signal>,
    thread: Option<JoinHandle<Result<(), ProxyError>>>,
}

/// How the thread is told to end.
#[derive(Debug)]
struct Signal {
    set: AtomicBool,
    wake: OwnedFd,
}

impl Proxy {
    /// Listens on a loopback address, and disturbs what passes from there to the target.
    ///
    /// # Errors
    /// When the target is no TCP address, or the machine refuses sockets or a thread.
    pub fn start(setting: Setting) -> Result<Self, ProxyError> {
        let Endpoint::Tcp(target) = setting.dial.endpoint else {
            return Err(ProxyError::NoTcp);
        };
        let (listener, address) = listener(target.ip()).map_err(ProxyError::Start)?;
        let wake = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK);
        let stop = Arc::new(Signal {
            set: AtomicBool::new(false),
            wake: wake.map_err(|e| ProxyError::Start(e.into()))?,
        });
        let told = Arc::clone(&stop);
        let thread = std::thread::Builder::new()
            .name("fault proxy".to_owned())
            .spawn(move || Server::new(setting, listener, told)?.run())
            .map_err(ProxyError::Start)?;
        Ok(Self {
            address,
            stop,
            thread: Some(thread),
        })
    }

    /// Where to connect to in place of the target.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends it.
    ///
    /// # Errors
    /// When it could not do its work to the end.
    pub fn stop(mut self) -> Result<(), ProxyError> {
        self.end()
    }

    fn end(&mut self) -> Result<(), ProxyError> {
        let Some(thread) = self.thread.take() else {
            return Ok(());
        };
        self.stop.set.store(true, Ordering::Release);
        // It cannot be full with a single signal.
        let _ = rustix::io::write(&self.stop.wake, &1_u64.to_ne_bytes());
        thread.join().map_err(|_| ProxyError::Panicked)?
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // Whoever drops it has an error of their own.
        let _ = self.end();
    }
}

/// Listens on the target's own address where that is a loopback one, which certificates may name.
fn listener(target: IpAddr) -> io::Result<(OwnedFd, SocketAddr)> {
    let ip = if target.is_loopback() {
        target
    } else {
        IpAddr::V4(Ipv4Addr::LOCALHOST)
    };
    let family = match ip {
        IpAddr::V4(_) => AddressFamily::INET,
        IpAddr::V6(_) => AddressFamily::INET6,
    };
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let socket = socket_with(family, SocketType::STREAM, flags, None)?;
    bind(&socket, &SocketAddr::new(ip, 0))?;
    listen(&socket, BACKLOG)?;
    let address = SocketAddr::try_from(getsockname(&socket)?)?;
    Ok((socket, address))
}

struct Server {
    dial: Dial,
    weather: Weather,
    poller: Poller,
    listener: OwnedFd,
    stop: Arc<Signal>,
    links: Vec<Option<Link>>,
    vacant: Vec<usize>,
    /// When a link has something to let go.
    alarms: BinaryHeap<Reverse<(Nanos, usize)>>,
    accepted: u64,
    buffer: Vec<u8>,
}

impl Server {
    fn new(setting: Setting, listener: OwnedFd, stop: Arc<Signal>) -> Result<Self, ProxyError> {
        let poller = Poller::new().map_err(ProxyError::Start)?;
        let failed = |e: Errno| ProxyError::Start(e.into());
        poller.add(&listener, LISTENER).map_err(failed)?;
        poller.add(&stop.wake, WAKE).map_err(failed)?;
        Ok(Self {
            dial: setting.dial,
            weather: Weather::new(setting.faults, setting.epoch, setting.seed),
            poller,
            listener,
            stop,
            links: Vec::new(),
            vacant: Vec::new(),
            alarms: BinaryHeap::new(),
            accepted: 0,
            buffer: vec![0; BUFFER],
        })
    }

    fn run(mut self) -> Result<(), ProxyError> {
        while !self.stop.set.load(Ordering::Acquire) {
            let patience = self.until_next()?;
            self.poller.wait(patience).map_err(ProxyError::Broke)?;
            // A fault that begins now begins before what has come now.
            self.turn(Monotonic.now())?;
            for index in 0..self.poller.count() {
                let (token, readiness) = self.poller.event(index);
                match token {
                    WAKE => {}
                    LISTENER => self.accept()?,
                    token => {
                        let slot = usize::try_from(token / 2).unwrap_or(usize::MAX);
                        let which = if token % 2 == 0 {
                            Which::Client
                        } else {
                            Which::Target
                        };
                        if let Some(Some(link)) = self.links.get_mut(slot) {
                            link.tell(which, readiness);
                        }
                        self.pump(slot, Monotonic.now())?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Does all that is due, and says how long nothing will be.
    fn until_next(&mut self) -> Result<Nanos, ProxyError> {
        loop {
            let now = Monotonic.now();
            self.turn(now)?;
            match self.alarms.peek() {
                Some(&Reverse((at, slot))) if at <= now => {
                    self.alarms.pop();
                    self.pump(slot, now)?;
                }
                first => {
                    let first = first.map(|Reverse((at, _))| *at);
                    let next = first.into_iter().chain(self.weather.next_turn(now)).min();
                    return Ok(next.map_or(IDLE, |at| at - now));
                }
            }
        }
    }

    fn turn(&mut self, now: Nanos) -> Result<(), ProxyError> {
        if self.weather.turn(now) {
            for slot in 0..self.links.len() {
                self.pump(slot, now)?;
            }
        }
        Ok(())
    }

    fn accept(&mut self) -> Result<(), ProxyError> {
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        loop {
            let client = match accept_with(&self.listener, flags) {
                Ok(client) => client,
                Err(Errno::AGAIN) => return Ok(()),
                Err(Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM) => {
                    return Err(ProxyError::Exhausted);
                }
                // Whoever wanted it is gone.
                Err(_) => continue,
            };
            // Without it a small piece may wait for an acknowledgement.
            let _ = set_tcp_nodelay(&client, true);
            let slot = self.vacant.pop().unwrap_or_else(|| {
                self.links.push(None);
                self.links.len() - 1
            });
            let watched = self.poller.add(&client, slot as u64 * 2);
            watched.map_err(|e| ProxyError::Broke(e.into()))?;
            self.links[slot] = Some(Link::new(client, self.accepted));
            self.accepted += 1;
            self.pump(slot, Monotonic.now())?;
        }
    }

    /// Moves what one connection can move, and forgets it when it is over.
    fn pump(&mut self, slot: usize, now: Nanos) -> Result<(), ProxyError> {
        let Some(Some(link)) = self.links.get_mut(slot) else {
            return Ok(());
        };
        let state = link.pump(Turn {
            now,
            dial: &self.dial,
            poller: &self.poller,
            weather: &mut self.weather,
            buffer: &mut self.buffer,
            token: slot as u64 * 2 + 1,
        });
        match state {
            State::Open => {
                if let Some(at) = link.alarm(now) {
                    self.alarms.push(Reverse((at, slot)));
                }
            }
            State::Over => {
                self.links[slot] = None;
                self.vacant.push(slot);
            }
            State::Exhausted => return Err(ProxyError::Exhausted),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{Shutdown, TcpListener, TcpStream};
    use std::time::Duration;

    use super::*;
    use crate::scenario::plan::{Effect, Impairment, Slice};

    /// A server that sends everything back and ends when the client has ended.
    fn echo() -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                std::thread::spawn(move || {
                    let mut back = stream.try_clone().expect("a handle");
                    drop(std::io::copy(&mut stream, &mut back));
                    drop(back.shutdown(Shutdown::Write));
                });
            }
        });
        address
    }

    fn proxy(target: SocketAddr, effect: Option<(Effect, Nanos)>) -> Proxy {
        let faults = effect.map(|(effect, length)| Fault {
            at: Nanos::ZERO,
            length,
            effect,
        });
        Proxy::start(Setting {
            dial: Dial::to(target),
            faults: faults.into_iter().collect(),
            epoch: Monotonic.now(),
            seed: 1,
        })
        .expect("it starts")
    }

    /// What comes back of some bytes, until the end.
    fn sent_through(proxy: &Proxy, bytes: Vec<u8>) -> std::io::Result<Vec<u8>> {
        let mut stream = TcpStream::connect(proxy.address())?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        let mut writer = stream.try_clone()?;
        let sender = std::thread::spawn(move || {
            writer.write_all(&bytes)?;
            writer.shutdown(Shutdown::Write)
        });
        let mut back = Vec::new();
        let read = stream.read_to_end(&mut back);
        // Whoever is first at a connection that was reset is told so, and the other of its end.
        match (read, sender.join().expect("no panic")) {
            (Ok(_), Err(error)) if error.kind() == io::ErrorKind::ConnectionReset => Err(error),
            (read, _) => read.map(|_| back),
        }
    }

    fn bytes(n: usize) -> Vec<u8> {
        (0..n).map(|i| (i * 31 % 251).to_le_bytes()[0]).collect()
    }

    const LONG: Nanos = Nanos::from_secs(600);

    #[test]
    fn without_a_fault_all_bytes_and_both_ends_pass() {
        let proxy = proxy(echo(), None);
        for n in [0, 1, 100_000, 8 << 20] {
            let back = sent_through(&proxy, bytes(n)).expect("passed");
            assert!(back == bytes(n), "{n} bytes");
        }
        proxy.stop().expect("it ran to the end");
    }

    #[test]
    fn what_is_delayed_cut_and_slowed_is_still_whole_and_in_order() {
        let effect = Effect::Impaired(Impairment {
            latency: Nanos::from_millis(3),
            jitter: Nanos::from_millis(3),
            bandwidth: Some(4e6),
            slice: Some(Slice {
                bytes: 1000,
                pause: Nanos(100_000),
            }),
            ..Impairment::default()
        });
        let proxy = proxy(echo(), Some((effect, LONG)));
        let begun = Monotonic.now();
        let back = sent_through(&proxy, bytes(400_000)).expect("passed");
        assert!(back == bytes(400_000));
        let took = Monotonic.now() - begun;
        assert!(took >= Nanos::from_millis(100), "at 4 MB/s: {took}");
    }

    #[test]
    fn a_black_hole_holds_what_it_takes_until_its_end() {
        let lasts = Nanos::from_millis(300);
        let begun = Monotonic.now();
        let proxy = proxy(echo(), Some((Effect::BlackHole, lasts)));
        let back = sent_through(&proxy, bytes(1000)).expect("passed");
        assert!(back == bytes(1000));
        assert!(Monotonic.now() - begun >= lasts);
    }

    #[test]
    fn resets_and_refusals_are_told_by_a_reset() {
        let effect = Effect::Impaired(Impairment {
            reset: 1.0,
            ..Impairment::default()
        });
        let reset = proxy(echo(), Some((effect, LONG)));
        let error = sent_through(&reset, bytes(10)).expect_err("reset");
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
        let nobody = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr());
        let refused = proxy(nobody.expect("an address"), None);
        let error = sent_through(&refused, bytes(10)).expect_err("reset");
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    }
}
