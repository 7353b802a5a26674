//! Nothing leaks: connections that are opened and closed, well and badly, leave nothing behind.

use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use super::server::{Server, half_close, read_head, reset, serve_well};
use crate::common::{Workplace, status_of};

/// Requests a second, each on a connection of its own.
const RATE: u64 = 4000;

/// Readings at either end that tell what stays.
const ENDS: usize = 12;

/// A reading of the process.
#[derive(Debug, Clone, Copy)]
struct Reading {
    at: Duration,
    descriptors: usize,
    /// In KiB.
    memory: u64,
    /// True while there is a worker, at work or waiting for it.
    loading: bool,
}

impl Reading {
    fn of(pid: u32, since: Instant) -> Option<Self> {
        Some(Self {
            at: since.elapsed(),
            descriptors: std::fs::read_dir(format!("/proc/{pid}/fd")).ok()?.count(),
            memory: status_of(pid, "VmRSS")?,
            loading: is_loading(pid)?,
        })
    }
}

fn is_loading(pid: u32) -> Option<bool> {
    let mut threads = std::fs::read_dir(format!("/proc/{pid}/task"))
        .ok()?
        .flatten();
    Some(threads.any(|thread| {
        std::fs::read_to_string(thread.path().join("comm"))
            .is_ok_and(|name| name.starts_with("load-"))
    }))
}

/// A target that ends three connections of four badly, each in another way.
fn target() -> Server {
    Server::start(|mut stream, number, floor| match number % 4 {
        0 => serve_well(&mut stream, floor),
        1 => reset(stream),
        2 => half_close(stream),
        _ => {
            use std::io::Write as _;
            read_head(&mut stream)?;
            stream.write_all(b"no HTTP\r\n\r\n")
        }
    })
}

fn scenario(server: &Server, seconds: u64) -> String {
    let address = server.address;
    format!(
        r#"
name = "leaks"

[target]
url = "http://{address}"
http = {{ connections = 500, keep-alive = false }}
timeouts = {{ connect = "10s", first-byte = "10s", total = "20s" }}

[[step]]
name = "any"
request = "GET /"

[[phase]]
name = "all"
rate = "{RATE}/s"
arrivals = "constant"
duration = "{seconds}s"
start-after = "1s"
cooldown = "500ms"

[[phase]]
name = "rest"
rate = "4/s"
duration = "1s"

[[threshold]]
metric = "errors.rate"
max = "100%"
"#
    )
}

/// Opens and closes connections for some time, and returns how many there were with readings of the
/// process at equal distances, from before the first to after the last.
fn watched(seconds: u64) -> (u64, Vec<Reading>) {
    let server = target();
    let place = Workplace::new();
    place.write("scenarios/leaks.toml", &scenario(&server, seconds));
    let mut child = place
        .command(&["run", "leaks"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    let since = Instant::now();
    let mut readings = Vec::new();
    while child.try_wait().expect("our own child").is_none() {
        readings.extend(Reading::of(child.id(), since));
        thread::sleep(Duration::from_millis(50));
    }
    let folder = place.runs().pop().expect("a run");
    let run = plimsoll::store::runs::read(&folder).expect("it can be read");
    let round = &run.rounds[0];
    assert!(round.trust.conserved, "{round:?}");
    let tally = &round.cells[0].tally;
    assert!(tally.failures.total() > tally.due / 2, "{tally:?}");
    readings.retain(|reading: &Reading| reading.loading);
    (tally.sent, readings)
}

/// The fewest descriptors: those that stay, since others are open for a moment now and then.
fn staying(readings: &[Reading]) -> usize {
    let each = readings.iter().map(|reading| reading.descriptors);
    each.min().expect("readings")
}

/// KiB an hour, by least squares.
fn slope(readings: &[Reading]) -> f64 {
    let n = readings.len() as f64;
    let hours = |r: &Reading| r.at.as_secs_f64() / 3600.0;
    let x = readings.iter().map(hours).sum::<f64>() / n;
    let y = readings.iter().map(|r| r.memory as f64).sum::<f64>() / n;
    let along = |r: &Reading| (hours(r) - x) * (r.memory as f64 - y);
    let squares = |r: &Reading| (hours(r) - x).powi(2);
    readings.iter().map(along).sum::<f64>() / readings.iter().map(squares).sum::<f64>()
}

/// Runs for some time, and asserts that nothing is left.
fn nothing_is_left(seconds: u64) -> f64 {
    let _alone = super::alone();
    let (opened, readings) = watched(seconds);
    assert_eq!(opened, RATE * seconds, "all of the plan");
    let early = staying(&readings[..ENDS]);
    let late = staying(&readings[readings.len() - ENDS..]);
    // Whatever has to grow once has grown in the first half.
    let half = &readings[readings.len() / 2..];
    let slope = slope(half);
    let (first, last) = (half[0].memory, half[half.len() - 1].memory);
    // Over a few seconds there is no slope to speak of.
    let hourly = match seconds {
        0..60 => String::new(),
        _ => format!(", {:+.2} MiB/h", slope / 1024.0),
    };
    println!(
        "A10: {opened} connections opened and closed: {early} descriptors before, {late} after; memory \
         {first} KiB half way, {last} KiB at the end{hourly}"
    );
    assert!(late <= early, "{late} descriptors after, {early} before");
    assert!(last < first + 2 * 1024, "memory grows: {half:?}");
    slope
}

#[test]
fn connections_leave_nothing_behind() {
    nothing_is_left(5);
}

#[test]
#[ignore = "minutes: just promises-long"]
fn a_million_connections_leave_nothing_behind() {
    nothing_is_left(1_000_000 / RATE);
}

/// So many minutes as `PROMISES_SOAK_MINUTES` says, sixty without it.
#[test]
#[ignore = "an hour: just soak"]
fn an_hour_leaves_nothing_behind() {
    let minutes = std::env::var("PROMISES_SOAK_MINUTES");
    let minutes = minutes.map_or(60, |text| text.parse().expect("minutes"));
    let slope = nothing_is_left(60 * minutes);
    assert!(slope < 1024.0, "{slope} KiB/h");
}
