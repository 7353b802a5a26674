//! Rounds against targets that answer: every request due is sent, and times are what they say.

use std::collections::BTreeSet;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use super::server::{OK, Server, closed_port, load};
use crate::clock::{Clock, Monotonic};
use crate::engine::Stop;
use crate::model::{ErrorClass, Estimate};
use crate::scenario::plan::{Arrivals, Load, MostRate, Plan, Profile};
use crate::schedule::sample;
use crate::units::{Bytes, Nanos, Rate};

fn steady(rate: f64, ms: u64) -> Plan {
    let mut plan = sample::plan();
    plan.phases[0].load = Load::Rate {
        profile: Profile::Constant(Rate(rate)),
        arrivals: Arrivals::Poisson,
    };
    plan.phases[0].duration = Nanos::from_millis(ms);
    plan
}

#[test]
fn every_request_that_is_due_is_sent_and_answered_once() {
    let server = Server::answering();
    let mut plan = steady(1000.0, 1200);
    let first = plan.steps[0].clone();
    let mut second = first.clone();
    second.request.method = "POST".to_owned();
    plan.set_steps(vec![(first, 1), (second, 3)]);
    plan.phases.push(plan.phases[0].clone());
    plan.phases[1].duration = Nanos::from_millis(300);

    let outcome = load(plan, server.address, 2, &Stop::default());

    let sum = &outcome.sum.tally;
    assert_eq!((sum.due, sum.answered), (1500, 1500));
    assert_eq!(server.requests(), 1500);
    assert!(!outcome.ended.interrupted);
    assert_eq!(sum.bytes_in, Bytes(1500 * OK.len() as u64));
    let of = |phase, step| -> u64 {
        let cells = outcome.intervals.iter().flat_map(|i| &i.cells);
        cells
            .filter(|c| (c.phase, c.step) == (phase, step))
            .map(|c| c.tally.due)
            .sum()
    };
    assert_eq!(
        [of(0, 0), of(0, 1), of(1, 0), of(1, 1)],
        [300, 900, 75, 225]
    );
    assert!(outcome.intervals.len() >= 2);
    assert!(outcome.ended.worker_cpu > 0.0 && outcome.ended.worker_cpu <= 1.1);
    assert!(
        server.accepted.load(Ordering::SeqCst) <= 10,
        "connections are used again"
    );
}

#[test]
fn a_latency_is_split_where_its_time_went() {
    let pause = Nanos::from_millis(30);
    let server = Server::start("127.0.0.1", move |stream, _| {
        let (head, body) = OK.split_at(OK.len() - 2);
        let begun = stream.write_all(head).is_ok();
        thread::sleep(pause.into());
        begun && stream.write_all(body).is_ok()
    });
    let mut plan = steady(50.0, 400);
    // A connection each, so that each has one to open.
    plan.target.http.keep_alive = false;
    let outcome = load(plan, server.address, 1, &Stop::default());
    let (sum, parts) = (&outcome.sum, outcome.sum.parts);
    assert_eq!(sum.tally.answered, 20);
    let paused = pause.0 * sum.tally.answered;
    // Whoever was kept from reading for so long has met both parts at once.
    assert!(parts.body.0 > paused / 2, "{parts:?}");
    assert!(parts.connect > Nanos::ZERO && parts.first_byte > Nanos::ZERO);
    assert_eq!((parts.write, parts.earlier), (Nanos::ZERO, Nanos::ZERO));
    assert!(parts.tls < parts.body, "clear text has nothing to agree on");
}

#[test]
fn no_load_is_faster_than_the_greatest_rate() {
    let server = Server::answering();
    let most = MostRate {
        rate: Rate(100.0),
        burst: 1,
    };
    let capped = |load: Load| {
        let mut plan = steady(500.0, 400);
        plan.target.http.max_rate = Some(most);
        plan.phases[0].load = load;
        plan
    };
    // Two workers with a turn each 20 ms, and each may begin at once.
    let turns = 2 * (400 / 20 + 1);
    let open = capped(steady(500.0, 400).phases[0].load.clone());
    let sum = load(open, server.address, 2, &Stop::default()).sum;
    let withheld = sum.tally.failures.count(ErrorClass::Withheld);
    assert_eq!((sum.tally.due, sum.tally.answered + withheld), (200, 200));
    assert!(sum.tally.sent <= turns && withheld >= 150, "{sum:?}");
    let sum = load(
        capped(Load::Connections(8)),
        server.address,
        2,
        &Stop::default(),
    )
    .sum;
    assert!((5..=turns).contains(&sum.tally.due), "{:?}", sum.tally);
    assert_eq!(
        sum.tally.answered, sum.tally.due,
        "who waits is not due yet"
    );
}

#[test]
fn it_speaks_ipv6() {
    let server = Server::start("::1", |stream, _| stream.write_all(OK).is_ok());
    let mut plan = steady(200.0, 100);
    plan.target.url.host = "::1".to_owned();
    let outcome = load(plan, server.address, 1, &Stop::default());
    assert_eq!(outcome.sum.tally.answered, 20);
}

/// All answers freeze for 0.4 s of 2 s, so a fifth of the
/// requests meet the freeze, and their latencies fill 0 … 0.4 s evenly.
#[test]
fn a_freeze_is_seen_by_all_requests_that_were_due_in_it() {
    let thaw = Monotonic.now() + Nanos::from_millis(1200);
    let freeze = thaw - Nanos::from_millis(400);
    let server = Server::start("127.0.0.1", move |stream, _| {
        let now = Monotonic.now();
        if freeze <= now && now < thaw {
            thread::sleep((thaw - now).into());
        }
        stream.write_all(OK).is_ok()
    });
    let mut plan = steady(500.0, 2000);
    if let Load::Rate { arrivals, .. } = &mut plan.phases[0].load {
        *arrivals = Arrivals::Constant;
    }
    let outcome = load(plan, server.address, 1, &Stop::default());

    let (sum, latency) = (&outcome.sum, &outcome.sum.latency);
    assert_eq!(sum.tally.answered, 1000);
    let beyond = |q| latency.quantile(q).exact().expect("all were answered") / 1e6;
    assert!(beyond(0.90) > 150.0, "p90 {} ms", beyond(0.90));
    assert!(beyond(0.95) > 250.0, "p95 {} ms", beyond(0.95));
    assert!(
        latency.ok.max() > Nanos::from_millis(350),
        "{}",
        latency.ok.max()
    );
    // Ten connections freeze, so the other requests wait for one: the service time of a closed
    // client would not show them.
    let waited = sum.wait.quantile(0.9).expect("some");
    assert!(waited > Nanos::from_millis(100), "{waited}");
    assert!(sum.service.quantile(0.9).expect("some") < waited);
}

#[test]
fn a_target_that_closes_after_each_answer_is_followed() {
    let server = Server::start("127.0.0.1", |stream, number| {
        let answers: [&[u8]; 3] = [
            b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok",
            b"HTTP/1.0 200 OK\r\n\r\nuntil the end",
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        ];
        let _ = stream.write_all(answers[(number % 3) as usize]);
        number % 3 == 2
    });
    let outcome = load(steady(200.0, 600), server.address, 1, &Stop::default());
    assert_eq!(outcome.sum.tally.answered, 120);
    assert!(server.accepted.load(Ordering::SeqCst) >= 80);
}

#[test]
fn saturating_keeps_every_connection_busy_until_the_phase_ends() {
    let server = Server::start("127.0.0.1", |stream, _| {
        thread::sleep(Duration::from_millis(10));
        stream.write_all(OK).is_ok()
    });
    let mut plan = steady(100.0, 200);
    plan.phases.push(plan.phases[0].clone());
    plan.phases[0].load = Load::Connections(4);
    plan.phases[0].duration = Nanos::from_millis(500);

    let outcome = load(plan, server.address, 2, &Stop::default());

    let cells: Vec<_> = outcome.intervals.iter().flat_map(|i| &i.cells).collect();
    let closed = cells.iter().find(|c| c.phase == 0).expect("a cell");
    // At most four in each 10 ms; a busy machine does fewer.
    assert!((20..=208).contains(&closed.tally.due), "{:?}", closed.tally);
    assert_eq!(closed.lateness.max(), Nanos::ZERO);
    assert_eq!(closed.wait.max(), Nanos::ZERO);
    let open: u64 = cells
        .iter()
        .filter(|c| c.phase == 1)
        .map(|c| c.tally.due)
        .sum();
    assert_eq!(open, 20, "the plan of the next phase is untouched");
}

/// Requests of an earlier phase that are still open count against the connections of the next.
#[test]
fn one_closed_phase_after_another_keeps_to_its_own_number_of_connections() {
    let (busy, most) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let (inside, seen) = (Arc::clone(&busy), Arc::clone(&most));
    let server = Server::start("127.0.0.1", move |stream, _| {
        let now = inside.fetch_add(1, Ordering::SeqCst) + 1;
        seen.fetch_max(now, Ordering::SeqCst);
        thread::sleep(Duration::from_millis(7));
        inside.fetch_sub(1, Ordering::SeqCst);
        stream.write_all(OK).is_ok()
    });
    for workers in [1, 3] {
        let mut plan = steady(1.0, 250);
        let clients = [3, 6, 2, 4];
        plan.phases = clients
            .iter()
            .map(|&n| {
                let mut phase = plan.phases[0].clone();
                phase.load = Load::Connections(n);
                phase
            })
            .collect();
        let outcome = load(plan, server.address, workers, &Stop::default());
        assert_eq!(outcome.sum.tally.answered, outcome.sum.tally.due);
        let phases: BTreeSet<_> = outcome
            .intervals
            .iter()
            .flat_map(|i| &i.cells)
            .map(|c| c.phase)
            .collect();
        assert_eq!(phases.len(), clients.len(), "{phases:?}");
    }
    assert!((2..=6).contains(&most.load(Ordering::SeqCst)), "{most:?}");
}

#[test]
fn a_refusing_target_does_not_make_saturation_spin() {
    let (_bound, closed) = closed_port();
    let mut plan = steady(1.0, 300);
    plan.phases[0].load = Load::Connections(2);
    let outcome = load(plan, closed, 1, &Stop::default());
    let tally = &outcome.sum.tally;
    assert_eq!(tally.failures.count(ErrorClass::Refused), tally.due);
    assert!(
        (2..=62).contains(&tally.due),
        "each rests 10 ms: {}",
        tally.due
    );
    assert_eq!(outcome.sum.latency.max(), Estimate::Undetermined);
}
