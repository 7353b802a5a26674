//! In steady state a load worker allocates nothing for a request.
//!
//! A counting allocator sees every allocation of this process and counts those of the worker's
//! thread, which is known by its name. What is handed over each second may allocate a little; what
//! is done for each request may not.

#![expect(
    unsafe_code,
    reason = "an allocator cannot be written without it; this one only counts and hands on"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use plimsoll::clock::{Clock, Monotonic};
use plimsoll::engine::{Governor, Order, Stop, run};
use plimsoll::model::Shard;
use plimsoll::protocol::{Dial, Speech};
use plimsoll::scenario::plan::{Arrivals, Load, Phase, Plan, Profile, Request, Step, Target, Url};
use plimsoll::units::{Nanos, Rate};

/// Thread whose allocations are counted; 0 for none.
static WATCHED: AtomicI32 = AtomicI32::new(0);
static COUNTED: AtomicU64 = AtomicU64::new(0);

struct Counting;

impl Counting {
    fn count() {
        let watched = WATCHED.load(Ordering::Relaxed);
        if watched != 0 && rustix::thread::gettid().as_raw_pid() == watched {
            COUNTED.fetch_add(1, Ordering::Relaxed);
        }
    }
}

// SAFETY: every call is handed on to the system's allocator as it is; counting allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        Self::count();
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        Self::count();
        // SAFETY: the caller keeps the contract of `realloc`.
        unsafe { System.realloc(memory, layout, size) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Answers every request, and counts them.
fn server(answered: &Arc<AtomicU64>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let answered = Arc::clone(answered);
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let answered = Arc::clone(&answered);
            thread::spawn(move || answer(stream, &answered));
        }
    });
    address
}

fn answer(mut stream: TcpStream, answered: &AtomicU64) {
    let mut request = [0; 4096];
    while stream.read(&mut request).is_ok_and(|n| n > 0) {
        answered.fetch_add(1, Ordering::Relaxed);
        let answer =
            b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 5\r\n\r\nhello";
        if stream.write_all(answer).is_err() {
            return;
        }
    }
}

fn plan(load: Load) -> Plan {
    let mut plan = Plan::new("allocation", Target::at(Url::http("127.0.0.1", 80)));
    plan.target.http.connections = 8;
    plan.set_steps(vec![(Step::new("root", Request::new("GET", "/")), 1)]);
    plan.phases = vec![Phase::new("load", load, Nanos::from_millis(3500))];
    plan
}

/// The thread with a name, once it is there.
fn thread_named(name: &str) -> i32 {
    loop {
        let tasks = std::fs::read_dir("/proc/self/task").expect("own threads");
        for task in tasks.flatten() {
            let comm = std::fs::read_to_string(task.path().join("comm")).unwrap_or_default();
            if comm.trim() == name {
                let id = task.file_name().into_string().expect("a number");
                return id.parse().expect("a number");
            }
        }
        thread::yield_now();
    }
}

/// Allocations of the worker, and requests answered, over one and a half seconds of steady state.
fn allocations(load: Load) -> (u64, u64) {
    let answered = Arc::new(AtomicU64::new(0));
    let address = server(&answered);
    let order = Order {
        plan: Arc::new(plan(load)),
        dial: Dial::to(address),
        speech: Speech::CLEAR,
        url: Url::http("127.0.0.1", address.port()),
        epoch: Monotonic.now() + Nanos::from_millis(5),
        workers: 1,
        stop: Stop::default(),
        governor: Governor::default(),
        shard: Shard::whole(),
        round: 0,
    };
    let engine = thread::spawn(move || run(&order, &mut |_| {}).expect("it runs"));
    let worker = thread_named("load-0");
    // Over one hand-over, so that both slices have been in use.
    thread::sleep(Duration::from_millis(1500));
    COUNTED.store(0, Ordering::SeqCst);
    WATCHED.store(worker, Ordering::SeqCst);
    let before = answered.load(Ordering::SeqCst);
    thread::sleep(Duration::from_millis(1500));
    WATCHED.store(0, Ordering::SeqCst);
    let requests = answered.load(Ordering::SeqCst) - before;
    engine.join().expect("no panic");
    (COUNTED.load(Ordering::SeqCst), requests)
}

#[test]
fn a_request_allocates_nothing_in_steady_state() {
    let open = Load::Rate {
        profile: Profile::Constant(Rate(1000.0)),
        arrivals: Arrivals::Poisson,
    };
    for load in [open, Load::Connections(8)] {
        let (allocations, requests) = allocations(load.clone());
        assert!(requests > 500, "{load:?}: only {requests} requests");
        // Two hand-overs fall into the time, each a message to the collector.
        assert!(
            allocations <= 8,
            "{load:?}: {allocations} allocations for {requests} requests"
        );
    }
}
