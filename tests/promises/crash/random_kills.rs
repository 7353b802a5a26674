//! A live run, and whoever writes a record as fast as the disk takes it, killed at random moments.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use plimsoll::model::{Cell, Interval, Round};
use plimsoll::store::runs::{Frame, RunWriter};
use plimsoll::units::Nanos;

use plimsoll::store::runs;

use super::record;
use super::strace;
use crate::common::{Manner, Server, Workplace, eventually};

/// A repeatable number below `below`.
fn random(seed: u64, below: u64) -> u64 {
    let mixed = (seed + 1)
        .wrapping_mul(0x9e37_79b9_7f4a_7c15)
        .rotate_left(31);
    (mixed.wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 33) % below
}

/// Intervals that are in the log of the only run, read as it is now.
fn intervals(place: &Workplace) -> usize {
    let Some(dir) = record::only_run(place) else {
        return 0;
    };
    runs::tail(&dir, 1 << 30).map_or(0, |tail| {
        String::from_utf8_lossy(&tail.intervals).lines().count()
    })
}

/// Kills so many runs, each at a moment of its own; returns acknowledged and lost intervals.
fn kill_runs(how_many: u64) -> (usize, usize) {
    let all: Vec<u64> = (0..how_many).collect();
    let ends = strace::at_once(&all, |seed| {
        let (place, server) = (Workplace::new(), Server::start(Manner::Prompt));
        let url = server.url();
        let run = [
            "run", &url, "--rate", "100/s", "--for", "20ms", "--rounds", "1000",
        ];
        let mut child = place
            .command(&run)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("starts");
        // Some intervals, and then a moment within the next.
        let least = usize::try_from(random(*seed, 9)).expect("small");
        eventually("the run goes on", || intervals(&place) >= least);
        std::thread::sleep(Duration::from_micros(random(seed + 7, 400_000)));
        let acknowledged = intervals(&place);
        child.kill().expect("is killed");
        child.wait().expect("ends");
        let Some(dir) = record::only_run(&place) else {
            return (acknowledged, acknowledged);
        };
        let run = runs::read(&dir).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        assert_eq!(run.state, plimsoll::model::RunState::Partial, "seed {seed}");
        if seed.is_multiple_of(10) {
            record::is_shown_and_never_passes(&place, &format!("seed {seed}"));
        }
        (
            acknowledged,
            acknowledged.saturating_sub(run.intervals.len()),
        )
    });
    ends.iter().fold((0, 0), |(a, l), (acknowledged, lost)| {
        (a + acknowledged, l + lost)
    })
}

fn kill_at_random(how_many: u64) {
    let (acknowledged, lost) = kill_runs(how_many);
    println!(
        "A1: {how_many} random kills of a live run, {lost} of {acknowledged} acknowledged intervals lost"
    );
    assert_eq!(lost, 0);
    assert!(acknowledged as u64 >= 2 * how_many, "{acknowledged}");
}

/// Tells the writer where to write.
const WRITER: &str = "PLIMSOLL_TEST_WRITER";

/// Writes intervals until it is killed, and tells of each when it is durable.
#[test]
#[ignore = "it is started by others"]
fn writer() {
    let Some(root) = std::env::var_os(WRITER) else {
        return;
    };
    let manifest = crate::runs_made::Made::of("shop", 0, 8e6).manifest();
    let mut log = RunWriter::create(Path::new(&root), &manifest).expect("a run");
    // Written past the test's own capture of what is printed.
    let mut told = std::io::stdout();
    for second in 0.. {
        log.append(&Frame::Interval(interval(second)))
            .expect("appends");
        log.sync().expect("syncs");
        writeln!(told, "durable {second}").expect("somebody listens");
    }
}

/// Can be told from every other.
fn interval(second: u64) -> Interval {
    let mut cell = Cell::default();
    cell.tally.due = second + 1;
    cell.tally.sent = second + 1;
    cell.tally.answered = second + 1;
    for _ in 0..=second {
        cell.latency.ok.record(Nanos::MILLISECOND);
        cell.service.record(Nanos::MILLISECOND);
    }
    Interval {
        start: Nanos::from_secs(second),
        length: Nanos::SECOND,
        cells: vec![cell],
        ..Interval::default()
    }
}

/// Kills a writer once it has told of so many intervals, and requires them all; returns how many.
fn kill_a_writer(after: u64) -> u64 {
    let root = tempfile::tempdir().expect("a folder");
    let mut child = Command::new(std::env::current_exe().expect("a path"))
        .args([
            "crash::random_kills::writer",
            "--exact",
            "--ignored",
            "--nocapture",
        ])
        .env(WRITER, root.path())
        .stdout(Stdio::piped())
        .spawn()
        .expect("starts");
    let told = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    let mut told = told
        .map_while(Result::ok)
        .filter(|line| line.starts_with("durable"));
    for _ in 0..after {
        told.next().expect("it goes on until it is killed");
    }
    child.kill().expect("is killed");
    // It may have told of more before it died.
    let acknowledged = after + told.count() as u64;
    child.wait().expect("ends");
    let dir = &runs::list(root.path(), None).expect("lists")[0].dir;
    let run = runs::read(dir).expect("it reads");
    assert_eq!(run.state, plimsoll::model::RunState::Partial);
    for (second, found) in run.intervals.iter().enumerate() {
        assert_eq!(*found, interval(second as u64));
    }
    let found = run.intervals.len() as u64;
    assert!(found >= acknowledged, "{found} of {acknowledged}");
    assert!(run.rounds.iter().all(|round: &Round| !round.complete));
    acknowledged
}

fn kill_writers(how_many: u64, longest: u64) {
    let all: Vec<u64> = (0..how_many)
        .map(|seed| 1 + random(seed, longest))
        .collect();
    let acknowledged: u64 = strace::at_once(&all, |after| kill_a_writer(*after))
        .iter()
        .sum();
    println!("A1: {how_many} writers killed, 0 of {acknowledged} acknowledged intervals lost");
    assert!(acknowledged >= how_many * longest / 4);
}

#[test]
fn a_writer_killed_at_random_loses_nothing_that_it_told_of() {
    kill_writers(20, 60);
}

#[test]
#[ignore = "minutes: just promises-long"]
fn a_thousand_writers_killed_at_random_lose_nothing_that_they_told_of() {
    kill_writers(1000, 250);
}

#[test]
fn a_run_killed_at_random_loses_nothing_acknowledged() {
    kill_at_random(24);
}

#[test]
#[ignore = "minutes: just promises-long"]
fn a_thousand_runs_killed_at_random_lose_nothing_acknowledged() {
    kill_at_random(1000);
}
