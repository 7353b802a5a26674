//! Rounds against targets that fail: each failure has its class, and nothing is lost.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rustix::net::sockopt::set_socket_linger;

use super::server::{OK, Outcome, Server, closed_port, load};
use crate::clock::{Clock, Monotonic};
use crate::engine::{Order, Stop, StopState, run};
use crate::model::{ErrorClass, Estimate};
use crate::protocol::{Dial, Speech};
use crate::scenario::plan::Plan;
use crate::schedule::sample;
use crate::units::Nanos;

/// A hundred requests, evenly over one second.
fn brief() -> Plan {
    let mut plan = sample::plan();
    plan.phases[0].duration = Nanos::SECOND;
    plan
}

fn failed(outcome: &Outcome, class: ErrorClass) -> u64 {
    let failures = &outcome.sum.tally.failures;
    assert_eq!(
        failures.total(),
        failures.count(class),
        "only {class}: {failures:?}"
    );
    failures.count(class)
}

fn against(answer: &'static [u8]) -> Outcome {
    let server = Server::start("127.0.0.1", move |stream, _| {
        let _ = stream.write_all(answer);
        false
    });
    let mut plan = brief();
    plan.phases[0].duration = Nanos::from_millis(200);
    load(plan, server.address, 1, &Stop::default())
}

#[test]
fn wrong_answers_have_their_class_and_no_latency() {
    for (answer, class) in [
        (
            &b"HTTP/1.1 429 Slow Down\r\ncontent-length: 0\r\n\r\n"[..],
            ErrorClass::Status429,
        ),
        (
            b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n",
            ErrorClass::Status4xx,
        ),
        (
            b"HTTP/1.1 500 Oh\r\ncontent-length: 0\r\n\r\n",
            ErrorClass::Status5xx,
        ),
        (b"220 mail.example ESMTP\r\n", ErrorClass::Protocol),
        (
            b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf",
            ErrorClass::Closed,
        ),
        (b"", ErrorClass::Closed),
    ] {
        let outcome = against(answer);
        assert_eq!(failed(&outcome, class), 20);
        assert_eq!(outcome.sum.latency.failed, 20);
        assert_eq!(outcome.sum.latency.max(), Estimate::Undetermined);
    }
}

#[test]
fn a_body_that_is_not_as_expected_fails() {
    let server = Server::answering();
    let mut plan = brief();
    plan.phases[0].duration = Nanos::from_millis(200);
    plan.steps[0].expect.body_contains = Some("sold".to_owned());
    let outcome = load(plan, server.address, 1, &Stop::default());
    assert_eq!(failed(&outcome, ErrorClass::ExpectFailed), 20);
}

#[test]
fn a_reset_is_a_reset() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let server = thread::spawn(move || {
        for stream in listener.incoming().take(20) {
            let mut stream = stream.expect("a connection");
            let asked = stream.read(&mut [0; 4096]).expect("a request");
            assert!(asked > 0);
            // Without lingering a close sends RST instead of FIN.
            set_socket_linger(stream, Some(Duration::ZERO)).expect("an option");
        }
    });
    let mut plan = brief();
    plan.phases[0].duration = Nanos::from_millis(200);
    let outcome = load(plan, address, 1, &Stop::default());
    server.join().expect("no panic");
    assert_eq!(failed(&outcome, ErrorClass::Reset), 20);
}

#[test]
fn a_closed_port_is_refused() {
    let (_bound, closed) = closed_port();
    let mut plan = brief();
    plan.phases[0].duration = Nanos::from_millis(200);
    let outcome = load(plan, closed, 1, &Stop::default());
    assert_eq!(failed(&outcome, ErrorClass::Refused), 20);
}

/// Two of a hundred are never answered: the tail reads at least the timeout.
#[test]
fn the_never_answered_are_censored_at_their_timeout() {
    let server = Server::start("127.0.0.1", |stream, number| {
        number % 50 == 13 || stream.write_all(OK).is_ok()
    });
    let mut plan = brief();
    plan.target.timeouts.total = Nanos::from_millis(1500);
    let outcome = load(plan, server.address, 1, &Stop::default());
    assert_eq!(failed(&outcome, ErrorClass::TimeoutTotal), 2);
    let latency = &outcome.sum.latency;
    assert_eq!((latency.ok.count(), latency.censored.count()), (98, 2));
    assert!(latency.censored.min() >= Nanos::from_millis(1500));
    assert!(matches!(latency.max(), Estimate::AtLeast(v) if v >= 1.5e9));
}

#[test]
fn the_first_byte_has_a_timeout_of_its_own() {
    let server = Server::start("127.0.0.1", |stream, number| {
        // Every other answer begins in time and never ends.
        number % 2 == 0 || stream.write_all(b"HTTP/1.1 200 OK\r\n").is_ok()
    });
    let mut plan = brief();
    plan.target.http.connections = 40;
    plan.phases[0].duration = Nanos::from_millis(200);
    plan.target.timeouts.first_byte = Nanos::from_millis(800);
    plan.target.timeouts.total = Nanos::from_millis(1600);
    let outcome = load(plan, server.address, 1, &Stop::default());
    let failures = &outcome.sum.tally.failures;
    assert_eq!(failures.count(ErrorClass::TimeoutFirstByte), 10);
    assert_eq!(failures.count(ErrorClass::TimeoutTotal), 10);
}

#[test]
fn where_limits_are_the_same_the_class_is_the_same() {
    let server = Server::start("127.0.0.1", |stream, number| {
        number % 2 == 1 || stream.write_all(OK).is_ok()
    });
    let mut plan = brief();
    plan.target.http.connections = 40;
    plan.phases[0].duration = Nanos::from_millis(200);
    plan.target.timeouts.first_byte = Nanos::from_millis(700);
    plan.target.timeouts.total = Nanos::from_millis(700);
    let outcome = load(plan, server.address, 1, &Stop::default());
    assert_eq!(failed(&outcome, ErrorClass::TimeoutTotal), 10);
}

/// With one connection and a target that never answers, whoever waits too long is never sent.
#[test]
fn those_that_get_no_connection_in_time_are_unsent() {
    let server = Server::start("127.0.0.1", |_, _| true);
    let mut plan = brief();
    plan.target.http.connections = 1;
    plan.phases[0].duration = Nanos::from_millis(300);
    plan.target.timeouts.total = Nanos::from_millis(500);
    let outcome = load(plan, server.address, 1, &Stop::default());
    let tally = &outcome.sum.tally;
    assert_eq!(tally.due, 30);
    assert!(tally.unsent >= 20, "{tally:?}");
    assert_eq!(outcome.sum.latency.censored.count(), 30);
    assert_eq!(outcome.sum.wait.count(), tally.sent);
}

#[test]
fn a_connection_that_never_opens_times_out() {
    // A backlog of none holds one connection, and the kernel ignores the rest.
    let (listener, address) = closed_port();
    rustix::net::listen(&listener, 0).expect("listening");
    let mut plan = brief();
    plan.phases[0].duration = Nanos::from_millis(100);
    plan.target.timeouts.connect = Nanos::from_millis(300);
    plan.target.timeouts.total = Nanos::from_millis(900);
    let outcome = load(plan, address, 1, &Stop::default());
    let failures = &outcome.sum.tally.failures;
    assert_eq!(failures.total(), 10);
    assert!(
        failures.count(ErrorClass::TimeoutConnect) >= 7,
        "{failures:?}"
    );
}

#[test]
fn an_abort_ends_at_once_and_cuts_off_what_is_outstanding() {
    let server = Server::start("127.0.0.1", |_, _| true);
    let mut plan = brief();
    plan.phases[0].duration = Nanos::from_secs(60);
    let stop = Stop::default();
    let remote = stop.clone();
    let asker = thread::spawn(move || {
        thread::sleep(Duration::from_millis(300));
        remote.abort();
    });
    let before = Monotonic.now();
    let outcome = load(plan, server.address, 2, &stop);
    asker.join().expect("no panic");
    assert!(Monotonic.now() - before < Nanos::from_secs(10));
    assert!(outcome.ended.interrupted);
    let tally = &outcome.sum.tally;
    assert!(tally.due > 0 && tally.due < 6000);
    assert_eq!(tally.failures.count(ErrorClass::InFlight), tally.sent);
    assert_eq!(outcome.sum.latency.censored.count(), tally.due);
}

#[test]
fn a_panic_of_whoever_records_ends_the_round_at_once() {
    let server = Server::answering();
    let mut plan = brief();
    plan.phases[0].duration = Nanos::from_secs(60);
    let stop = Stop::default();
    let mut url = plan.target.url.clone();
    url.port = server.address.port();
    let order = Order {
        plan: Arc::new(plan),
        dial: Dial::to(server.address),
        speech: Speech::CLEAR,
        url,
        epoch: Monotonic.now(),
        workers: 2,
        stop: stop.clone(),
        governor: crate::engine::Governor::default(),
        shard: crate::schedule::Shard::whole(),
        round: 0,
    };
    let before = Monotonic.now();
    let ended = thread::spawn(move || run(&order, &mut |_| panic!("on purpose"))).join();
    assert!(ended.is_err());
    assert!(Monotonic.now() - before < Nanos::from_secs(20));
    assert_eq!(stop.state(), StopState::Aborted);
}

#[test]
fn a_drain_waits_for_what_is_outstanding_and_sends_nothing_new() {
    let server = Server::start("127.0.0.1", |stream, _| {
        thread::sleep(Duration::from_millis(200));
        stream.write_all(OK).is_ok()
    });
    let mut plan = brief();
    plan.phases[0].duration = Nanos::from_secs(60);
    plan.target.http.connections = 64;
    let stop = Stop::default();
    let remote = stop.clone();
    let asker = thread::spawn(move || {
        thread::sleep(Duration::from_millis(300));
        remote.drain();
    });
    let outcome = load(plan, server.address, 1, &stop);
    asker.join().expect("no panic");
    assert!(outcome.ended.interrupted);
    assert!(outcome.sum.tally.due < 6000);
    assert_eq!(outcome.sum.tally.answered, outcome.sum.tally.due);
}

/// The target closes after each answer without a word. Whoever finds the close in time opens a new
/// connection; only a request that crosses it may fail.
#[test]
fn an_idle_connection_that_the_target_closes_is_dropped_in_silence() {
    let server = Server::start("127.0.0.1", |stream, _| {
        let _ = stream.write_all(OK);
        false
    });
    let outcome = load(brief(), server.address, 1, &Stop::default());
    let tally = &outcome.sum.tally;
    assert_eq!(tally.due, 100);
    assert!(tally.answered >= 50, "{tally:?}");
    let crossed = [ErrorClass::Closed, ErrorClass::Reset].map(|c| tally.failures.count(c));
    assert_eq!(tally.answered + crossed[0] + crossed[1], 100);
}
