//! Users against small servers that count.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use super::{Order, UsersError, run};
use crate::clock::{Clock, Monotonic};
use crate::governor::Governor;
use crate::model::{Cell, ErrorClass, Interval, Shard};
use crate::protocol::Dial;
use crate::scenario::plan::{
    Capture, DataOrder, DataSet, Encoding, Find, Journey, Load, MostRate, Part, Phase, Plan,
    Request, Retry, RetryOn, Source, Step, Template, Think, Users,
};
use crate::schedule::sample;
use crate::stop::Stop;
use crate::units::{Nanos, Rate};

/// A server that keeps what it was asked, and answers with what `behaviour` says of a request head
/// and its number.
struct Server {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<(String, Nanos)>>>,
}

impl Server {
    fn start(behaviour: impl Fn(&str, usize) -> String + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let asked: Arc<Mutex<Vec<(String, Nanos)>>> = Arc::default();
        let (kept, behaviour) = (Arc::clone(&asked), Arc::new(behaviour));
        // It ends with the process: nothing here waits for it.
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (kept, behaviour) = (Arc::clone(&kept), Arc::clone(&behaviour));
                thread::spawn(move || serve(stream, &kept, &*behaviour));
            }
        });
        Self { address, asked }
    }

    fn heads(&self) -> Vec<String> {
        let asked = self.asked.lock().expect("no panic");
        asked.iter().map(|(head, _)| head.clone()).collect()
    }

    fn times(&self) -> Vec<Nanos> {
        let asked = self.asked.lock().expect("no panic");
        asked.iter().map(|(_, at)| *at).collect()
    }
}

fn serve(
    mut stream: TcpStream,
    asked: &Mutex<Vec<(String, Nanos)>>,
    behaviour: &(impl Fn(&str, usize) -> String + ?Sized),
) {
    let _ = stream.set_nodelay(true);
    let (mut buffer, mut bytes) = ([0; 4096], Vec::new());
    while let Ok(n) = stream.read(&mut buffer)
        && n > 0
    {
        bytes.extend_from_slice(&buffer[..n]);
        while let Some(end) = bytes.windows(4).position(|w| w == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
            bytes.drain(..end + 4);
            let number = {
                let mut asked = asked.lock().expect("no panic");
                asked.push((head.clone(), Monotonic.now()));
                asked.len() - 1
            };
            let answer = behaviour(&head, number);
            if answer.is_empty() || stream.write_all(answer.as_bytes()).is_err() {
                return;
            }
        }
    }
}

fn ok(fields: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n{fields}\r\n{body}")
}

fn users(count: usize, ramp_ms: u64, ms: u64) -> Plan {
    let mut plan = sample::plan();
    let users = Users {
        count,
        ramp: Nanos::from_millis(ramp_ms),
    };
    let duration = Nanos::from_millis(ms);
    plan.phases = vec![Phase::new("people", Load::Users(users), duration)];
    plan.steps[0].think = Some(Think {
        min: Nanos::from_millis(20),
        max: Nanos::from_millis(20),
    });
    plan
}

fn order(plan: Plan, address: SocketAddr, stop: &Stop) -> Order {
    let mut url = plan.target.url.clone();
    url.port = address.port();
    Order {
        plan: Arc::new(plan),
        dial: Dial::to(address),
        url,
        epoch: Monotonic.now() + Nanos::from_millis(30),
        stop: stop.clone(),
        round: 3,
        governor: Governor::default(),
        shard: Shard::whole(),
    }
}

/// All cells by phase and step, after a check of what holds for every round.
fn load(plan: Plan, address: SocketAddr, stop: &Stop) -> BTreeMap<(usize, usize), Cell> {
    counted(&order(plan, address, stop))
}

fn counted(order: &Order) -> BTreeMap<(usize, usize), Cell> {
    let mut intervals: Vec<Interval> = Vec::new();
    run(order, &mut |interval| intervals.push(interval)).expect("it runs");
    let mut cells: BTreeMap<_, Cell> = BTreeMap::new();
    for (i, interval) in intervals.iter().enumerate() {
        assert_eq!(interval.round, 3);
        assert_eq!(interval.start, Nanos::from_secs(i as u64), "in order");
        assert!(interval.length <= Nanos::SECOND);
        for cell in &interval.cells {
            cells
                .entry((cell.phase, cell.step))
                .or_default()
                .merge(cell);
        }
    }
    for cell in cells.values() {
        assert!(cell.tally.conserves(), "{:?}", cell.tally);
        assert_eq!(cell.latency.population(), cell.tally.due);
        assert_eq!(cell.lateness.count(), cell.tally.due);
        assert_eq!(cell.wait.count(), cell.tally.sent);
        assert_eq!(cell.service.count(), cell.tally.answered);
    }
    assert_eq!(intervals.last().map_or(0, |i| i.in_flight), 0);
    cells
}

/// The counts of the only cell.
fn only(cells: &BTreeMap<(usize, usize), Cell>) -> &Cell {
    assert_eq!(cells.len(), 1, "{cells:?}");
    &cells[&(0, 0)]
}

#[test]
fn every_request_is_counted_once_on_both_sides() {
    let server = Server::start(|_, _| ok("", "ok"));
    let cells = load(users(5, 0, 1200), server.address, &Stop::default());
    let cell = only(&cells);
    let heads = server.heads();
    assert_eq!(cell.tally.answered, heads.len() as u64);
    assert_eq!(cell.tally.due, cell.tally.answered);
    assert!(cell.tally.answered >= 50, "{:?}", cell.tally);
    let expected = format!(
        "GET / HTTP/1.1\r\nhost: 127.0.0.1:{}\r\nuser-agent: plimsoll/{}\r\naccept: */*",
        server.address.port(),
        env!("CARGO_PKG_VERSION")
    );
    assert_eq!(heads[0], expected);
    let sent = expected.len() as u64 + 4;
    assert_eq!(cell.tally.bytes_out.0, sent * cell.tally.answered);
    assert_eq!(
        cell.tally.bytes_in.0,
        ok("", "ok").len() as u64 * cell.tally.answered
    );
}

#[test]
fn users_come_over_the_ramp_and_pause_to_think() {
    let server = Server::start(|_, _| ok("", "ok"));
    let mut plan = users(4, 800, 900);
    plan.steps[0].think = Some(Think {
        min: Nanos::from_secs(60),
        max: Nanos::from_secs(60),
    });
    let before = Monotonic.now();
    let cells = load(plan, server.address, &Stop::default());
    assert!(
        Monotonic.now() - before < Nanos::from_secs(5),
        "thinking ends with the phase"
    );
    assert_eq!(only(&cells).tally.answered, 4);
    // Each comes 200 ms after the one before it, and none earlier.
    let times = server.times();
    for (i, at) in times.iter().enumerate() {
        let since = *at - before;
        assert!(since >= Nanos::from_millis(200 * i as u64), "{times:?}");
    }
}

#[test]
fn no_users_ask_more_than_the_greatest_rate() {
    let server = Server::start(|_, _| ok("", "ok"));
    let mut plan = users(6, 0, 500);
    plan.target.http.max_rate = Some(MostRate {
        rate: Rate(50.0),
        burst: 3,
    });
    let cells = load(plan, server.address, &Stop::default());
    let tally = &only(&cells).tally;
    // A burst at once, and one each 20 ms.
    assert!((3..=3 + 500 / 20).contains(&tally.due), "{tally:?}");
    assert_eq!(tally.answered, tally.due);
}

/// A login whose token and cookie the second step sends back.
fn shop() -> Plan {
    let mut plan = users(3, 0, 600);
    let mut login = Step::new("login", Request::new("POST", "/login"));
    let gap = |source, encoding| Part::Gap {
        name: "x".to_owned(),
        source,
        encoding,
    };
    login.request.body = Template {
        parts: vec![gap(Source::Field { data: 0, column: 0 }, Encoding::Json)],
    };
    login.captures = vec![Capture {
        name: "token".to_owned(),
        variable: 0,
        find: Find::Json("/token".to_owned()),
    }];
    let mut cart = Step::new("cart", Request::new("GET", "/cart/"));
    cart.request
        .path
        .parts
        .push(gap(Source::Variable(0), Encoding::Percent));
    cart.think = Some(Think {
        min: Nanos::from_millis(30),
        max: Nanos::from_millis(30),
    });
    plan.set_steps(vec![(login, 1), (cart, 1)]);
    plan.journeys = vec![Journey {
        name: "shop".to_owned(),
        weight: 1,
        steps: 0..2,
        variables: 1,
        cookies: true,
    }];
    plan.data = vec![DataSet {
        name: "people".to_owned(),
        columns: vec!["name".to_owned()],
        rows: (0..10_000).map(|i| vec![format!("p{i}")]).collect(),
        order: DataOrder::Unique,
    }];
    plan
}

#[test]
fn captures_and_cookies_reach_the_next_step() {
    let server = Server::start(|head, number| {
        if head.starts_with("POST /login ") {
            let cookie = format!("set-cookie: sid=s{number}; Path=/\r\n");
            ok(&cookie, &format!("{{\"token\":\"t/{number}\"}}"))
        } else {
            ok("", "ok")
        }
    });
    let cells = load(shop(), server.address, &Stop::default());
    let [logins, carts] = [0, 1].map(|step| cells[&(0, step)].tally.answered);
    let heads = server.heads();
    assert_eq!(logins + carts, heads.len() as u64);
    // Whoever was between the two when the phase ended has no cart.
    assert!(carts >= 9 && logins - carts <= 3, "{logins} {carts}");
    for head in heads.iter().filter(|h| h.starts_with("GET")) {
        let number = head
            .split("/cart/t%2F")
            .nth(1)
            .and_then(|rest| rest.split(' ').next())
            .expect("the token, encoded");
        assert!(head.contains(&format!("cookie: sid=s{number}")), "{head}");
    }
    assert!(
        heads[0].contains("\r\ncontent-length: 2"),
        "a row of the data: {}",
        heads[0]
    );
}

#[test]
fn rows_that_are_used_up_fail_the_visit_and_nothing_is_sent() {
    let server = Server::start(|_, _| ok("", "{\"token\":\"t\"}"));
    let mut plan = shop();
    plan.data[0].rows.truncate(2);
    let cells = load(plan, server.address, &Stop::default());
    let logins = &cells[&(0, 0)].tally;
    assert_eq!((logins.answered, cells[&(0, 1)].tally.answered), (2, 2));
    let used_up = logins.failures.count(ErrorClass::GeneratorData);
    assert!(used_up > 0);
    assert_eq!(logins.due, 2 + used_up);
    assert_eq!(server.heads().len(), 4);
}

#[test]
fn a_retry_is_the_same_request_and_its_pause_is_in_the_latency() {
    let server = Server::start(|_, number| {
        if number % 2 == 0 {
            "HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n".to_owned()
        } else {
            ok("", "ok")
        }
    });
    let mut plan = users(1, 0, 700);
    plan.steps[0].retry = Some(Retry {
        max: 2,
        base_delay: Nanos::from_millis(50),
        factor: 1.0,
        max_delay: Nanos::from_millis(50),
        jitter: false,
        on: vec![RetryOn::Status(503)],
    });
    let cells = load(plan, server.address, &Stop::default());
    let cell = only(&cells);
    let retried = cell.tally.retried.count(ErrorClass::Status5xx);
    assert_eq!(server.heads().len() as u64, cell.tally.sent + retried);
    assert!(cell.tally.answered >= 3 && retried >= 3, "{:?}", cell.tally);
    assert!(cell.latency.ok.min() >= Nanos::from_millis(50));
    assert!(
        cell.service.min() < Nanos::from_millis(50),
        "one exchange alone"
    );
}

#[test]
fn a_redirect_is_followed_on_the_target_alone() {
    let server = Server::start(|head, _| {
        let to = match head.split(' ').nth(1) {
            Some("/") => "/next",
            Some("/next") => "http://evil.test/",
            _ => return ok("", "ok"),
        };
        format!("HTTP/1.1 302 Found\r\nlocation: {to}\r\ncontent-length: 0\r\n\r\n")
    });
    let mut plan = users(1, 0, 200);
    plan.steps[0].redirects = 3;
    let cells = load(plan, server.address, &Stop::default());
    let tally = &only(&cells).tally;
    assert_eq!(tally.failures.count(ErrorClass::Redirect), tally.due);
    let heads = server.heads();
    assert_eq!(heads.len() as u64, 2 * tally.due);
    assert!(heads[1].starts_with("GET /next "));
}

#[test]
fn failures_have_their_class() {
    let closed = {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.local_addr().expect("an address")
    };
    let classes = |address, timeout_ms| {
        let mut plan = users(1, 0, 250);
        plan.target.timeouts.total = Nanos::from_millis(timeout_ms);
        // On a machine that is busy enough the phase is over before its user is awake.
        let cells = loop {
            let cells = load(plan.clone(), address, &Stop::default());
            if !cells.is_empty() {
                break cells;
            }
        };
        let failures = only(&cells).tally.failures.clone();
        failures.0.into_keys().collect::<Vec<_>>()
    };
    assert_eq!(classes(closed, 5000), [ErrorClass::Refused]);
    let mute = Server::start(|_, _| String::new());
    assert_eq!(classes(mute.address, 5000), [ErrorClass::Closed]);
    let babble = Server::start(|_, _| "220 mail.example ESMTP\r\n\r\n".to_owned());
    assert_eq!(classes(babble.address, 5000), [ErrorClass::Protocol]);
    let half = Server::start(|_, _| "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf".to_owned());
    assert_eq!(classes(half.address, 100), [ErrorClass::TimeoutTotal]);
    let angry = Server::start(|_, _| "HTTP/1.1 418 No\r\ncontent-length: 0\r\n\r\n".to_owned());
    assert_eq!(classes(angry.address, 5000), [ErrorClass::Status4xx]);
}

fn slow(answer_ms: u64) -> Server {
    Server::start(move |_, _| {
        thread::sleep(Duration::from_millis(answer_ms));
        ok("", "ok")
    })
}

#[test]
fn a_drain_waits_for_answers_and_begins_nothing() {
    let server = slow(300);
    let stop = Stop::default();
    let remote = stop.clone();
    let asker = thread::spawn(move || {
        thread::sleep(Duration::from_millis(450));
        remote.drain();
    });
    let cells = load(users(4, 0, 60_000), server.address, &stop);
    asker.join().expect("no panic");
    let tally = &only(&cells).tally;
    assert_eq!(tally.answered, tally.due);
    assert_eq!(server.heads().len() as u64, tally.due);
    assert!((4..=8).contains(&tally.due), "{tally:?}");
}

#[test]
fn an_abort_cuts_off_what_is_not_answered() {
    let server = slow(60_000);
    let stop = Stop::default();
    let remote = stop.clone();
    let asker = thread::spawn(move || {
        thread::sleep(Duration::from_millis(400));
        remote.abort();
    });
    let before = Monotonic.now();
    let cells = load(users(3, 0, 60_000), server.address, &stop);
    asker.join().expect("no panic");
    assert!(Monotonic.now() - before < Nanos::from_secs(10));
    let cell = only(&cells);
    assert_eq!(cell.tally.failures.count(ErrorClass::InFlight), 3);
    assert_eq!(cell.latency.censored.count(), 3);
}

#[test]
fn a_part_of_the_users_makes_every_so_many_th_visit() {
    let server = Server::start(|_, _| ok("", "ok"));
    let mut plan = users(5, 0, 300);
    let number = Part::Gap {
        name: "visit".to_owned(),
        source: Source::Visit,
        encoding: Encoding::Percent,
    };
    plan.steps[0].request.path.parts.push(number);
    let mut order = order(plan, server.address, &Stop::default());
    order.shard = Shard::new(1, 3).expect("a part");
    let cells = counted(&order);
    let heads = server.heads();
    assert_eq!(only(&cells).tally.answered, heads.len() as u64);
    for head in &heads {
        let number = head
            .split([' ', '/'])
            .nth(2)
            .and_then(|n| n.parse::<u64>().ok());
        assert_eq!(number.map(|n| n % 3), Some(1), "{head}");
    }
}

#[test]
fn one_phase_after_another_counts_on() {
    let server = Server::start(|_, _| ok("", "ok"));
    let mut plan = users(2, 0, 300);
    plan.phases.push(plan.phases[0].clone());
    plan.target.http.keep_alive = false;
    plan.target.http.requests_per_connection = Some(2);
    let cells = load(plan, server.address, &Stop::default());
    let sum: u64 = cells.values().map(|c| c.tally.answered).sum();
    assert_eq!(cells.len(), 2);
    assert_eq!(server.heads().len() as u64, sum);
}

#[test]
fn what_cannot_be_done_is_refused_before_anything_is_sent() {
    let server = Server::start(|_, _| ok("", "ok"));
    let mut order = order(users(1, 0, 100), server.address, &Stop::default());
    let plan = Arc::make_mut(&mut order.plan);
    order.url.scheme = crate::scenario::plan::Scheme::Https;
    plan.target.tls.ca =
        Some(b"-----BEGIN CERTIFICATE-----\nAA\n-----END CERTIFICATE-----".to_vec());
    let refused = run(&order, &mut |_| {});
    assert!(matches!(refused, Err(UsersError::Tls(_))), "{refused:?}");
    order.url.host = "10.0.0.1".to_owned();
    let refused = run(&order, &mut |_| {});
    assert!(
        matches!(refused, Err(UsersError::Unsupported(_))),
        "{refused:?}"
    );
    assert_eq!(server.heads(), [""; 0]);
}
