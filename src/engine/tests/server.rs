//! Targets of known behaviour: one thread for each connection, ended with the test.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use rustix::net::{AddressFamily, SocketType, bind, getsockname, socket};

use crate::clock::{Clock, Monotonic};
use crate::engine::{Ended, Order, Stop, run};
use crate::model::{Cell, Interval};
use crate::protocol::{Dial, Speech};
use crate::scenario::plan::Plan;
use crate::units::Nanos;

pub(super) const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/// What a server does with one request; false closes the connection.
pub(super) type Behaviour = dyn Fn(&mut TcpStream, u64) -> bool + Send + Sync;

pub(super) struct Server {
    pub(super) address: SocketAddr,
    pub(super) requests: Arc<AtomicU64>,
    pub(super) accepted: Arc<AtomicU64>,
    open: Arc<Mutex<Vec<TcpStream>>>,
    over: Arc<AtomicBool>,
}

impl Server {
    /// Serves requests without body; `behaviour` is given the number of each.
    pub(super) fn start(
        host: &str,
        behaviour: impl Fn(&mut TcpStream, u64) -> bool + Send + Sync + 'static,
    ) -> Self {
        Self::serving(host, move |stream, requests| {
            serve(stream, requests, &behaviour);
        })
    }

    /// Leaves each connection to `serve`, which counts its requests.
    pub(super) fn serving(
        host: &str,
        serve: impl Fn(TcpStream, &AtomicU64) + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind((host, 0)).expect("a port");
        let server = Self {
            address: listener.local_addr().expect("an address"),
            requests: Arc::default(),
            accepted: Arc::default(),
            open: Arc::default(),
            over: Arc::default(),
        };
        let serve = Arc::new(serve);
        let (requests, accepted) = (Arc::clone(&server.requests), Arc::clone(&server.accepted));
        let (open, over) = (Arc::clone(&server.open), Arc::clone(&server.over));
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if over.load(Ordering::SeqCst) {
                    return;
                }
                accepted.fetch_add(1, Ordering::SeqCst);
                open.lock().expect("no panic").extend(stream.try_clone());
                let _ = stream.set_nodelay(true);
                let (requests, serve) = (Arc::clone(&requests), Arc::clone(&serve));
                thread::spawn(move || serve(stream, &requests));
            }
        });
        server
    }

    pub(super) fn answering() -> Self {
        Self::start("127.0.0.1", |stream, _| stream.write_all(OK).is_ok())
    }

    pub(super) fn requests(&self) -> u64 {
        self.requests.load(Ordering::SeqCst)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
        for stream in self.open.lock().expect("no panic").drain(..) {
            let _ = stream.shutdown(std::net::Shutdown::Both);
        }
    }
}

fn serve(mut stream: TcpStream, requests: &AtomicU64, behaviour: &Behaviour) {
    let (mut buffer, mut asked) = ([0; 4096], Vec::new());
    while let Ok(n) = stream.read(&mut buffer)
        && n > 0
    {
        asked.extend_from_slice(&buffer[..n]);
        while let Some(end) = asked.windows(4).position(|w| w == b"\r\n\r\n") {
            asked.drain(..end + 4);
            let number = requests.fetch_add(1, Ordering::SeqCst);
            if !behaviour(&mut stream, number) {
                let _ = stream.shutdown(std::net::Shutdown::Both);
                return;
            }
        }
    }
}

/// A port that refuses connections for as long as the descriptor lives: bound, never listened on, so
/// that nobody else can get it.
pub(super) fn closed_port() -> (OwnedFd, SocketAddr) {
    let socket = socket(AddressFamily::INET, SocketType::STREAM, None).expect("a socket");
    let any: SocketAddr = "127.0.0.1:0".parse().expect("an address");
    bind(&socket, &any).expect("a port");
    let address = getsockname(&socket).expect("a name");
    (socket, address.try_into().expect("an internet address"))
}

/// A whole round, summed up.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) ended: Ended,
    pub(super) intervals: Vec<Interval>,
    /// All cells in one.
    pub(super) sum: Cell,
}

/// Runs a plan against an address, and checks what must hold for every round.
pub(super) fn load(plan: Plan, address: SocketAddr, workers: usize, stop: &Stop) -> Outcome {
    let mut url = plan.target.url.clone();
    url.port = address.port();
    let speech = Speech::of(&plan.target, &url, plan.target.http.version);
    let order = Order {
        plan: Arc::new(plan),
        dial: Dial::to(address),
        speech: speech.expect("no certificates"),
        url,
        epoch: Monotonic.now() + Nanos::from_millis(5),
        workers,
        stop: stop.clone(),
        governor: crate::engine::Governor::default(),
        shard: crate::schedule::Shard::whole(),
        round: 7,
    };
    let mut intervals = Vec::new();
    let ended = run(&order, &mut |interval| intervals.push(interval)).expect("it runs");
    let mut sum = Cell::default();
    let mut cells = BTreeMap::new();
    for (i, interval) in intervals.iter().enumerate() {
        assert_eq!(interval.round, 7);
        assert_eq!(
            interval.start,
            Nanos::from_secs(i as u64),
            "each second once, in order"
        );
        assert!(interval.length <= Nanos::SECOND);
        for cell in &interval.cells {
            sum.merge(cell);
            let whole: &mut Cell = cells.entry((cell.phase, cell.step)).or_default();
            whole.merge(cell);
        }
    }
    for cell in cells.values() {
        assert!(cell.tally.conserves(), "{:?}", cell.tally);
        assert_eq!(cell.latency.population(), cell.tally.due);
    }
    let tally = &sum.tally;
    assert!(tally.conserves(), "{tally:?}");
    assert_eq!(
        sum.latency.population(),
        tally.due,
        "nothing leaves the population"
    );
    assert_eq!(sum.latency.ok.count(), tally.answered);
    assert_eq!(sum.lateness.count(), tally.due);
    assert_eq!(sum.wait.count(), tally.sent);
    assert_eq!(sum.service.count(), tally.answered);
    let parts = sum
        .parts
        .named()
        .iter()
        .map(|(_, part)| part.0)
        .sum::<u64>();
    assert_eq!(parts, sum.latency.ok.sum(), "parts add up to latencies");
    assert_eq!(intervals.last().map_or(0, |i| i.in_flight), 0);
    Outcome {
        ended,
        intervals,
        sum,
    }
}
