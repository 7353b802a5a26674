//! Many processes that change one baseline, of which some are killed: each change is there once, or
//! somebody was told that it is not.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use plimsoll::store::{Expect, Ledger, StoreError};

use super::acceptance;

/// Tells a promoter the folder, who it is, and how often it promotes.
const PROMOTER: &str = "PLIMSOLL_TEST_PROMOTER";

/// Promotes, and tells of each before and after. Every fifth time it begins anew, so that the baseline
/// stays small, and every other time it expects the revision that it has seen.
#[test]
#[ignore = "it is started by others"]
fn promoter() {
    let Some(order) = std::env::var_os(PROMOTER) else {
        return;
    };
    let order = order.into_string().expect("text");
    let words: Vec<&str> = order.split(' ').collect();
    let [root, who, turns] = words[..] else {
        panic!("{order}")
    };
    let ledger = Ledger::new(Path::new(root), "checkout").expect("a good name");
    let like = acceptance();
    // Written past the test's own capture of what is printed.
    let mut told = std::io::stdout();
    for turn in 0..turns.parse::<u64>().expect("a number") {
        let mut acceptance = like.clone();
        acceptance.reason = format!("{who}.{turn}");
        writeln!(told, "tries {who}.{turn}").expect("somebody listens");
        let began = Instant::now();
        let expect = if turn % 2 == 0 {
            Expect::Any
        } else {
            let now = ledger.load().expect("loads");
            Expect::Revision(now.map_or(0, |baseline| baseline.revision))
        };
        let ended = if turn % 5 == 4 {
            ledger.save(acceptance, expect)
        } else {
            ledger.promote(acceptance, expect)
        };
        let took = began.elapsed().as_micros();
        match ended {
            Ok(_) => writeln!(told, "saved {who}.{turn} {took}"),
            Err(StoreError::Conflict { .. }) => writeln!(told, "conflict {who}.{turn} {took}"),
            Err(error) => writeln!(told, "failed {who}.{turn} {error}"),
        }
        .expect("somebody listens");
    }
}

/// What a promoter has told of one change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    /// It tried, and was killed before it told how that ended.
    Tried,
    Saved(Duration),
    Conflict(Duration),
}

type Tales = BTreeMap<String, Told>;

/// Lets a promoter work; one that shall be killed is, as soon as it tries for that time.
fn listen(root: &Path, who: u64, turns: u64, killed_at: Option<u64>) -> Tales {
    let order = format!("{} {who} {turns}", root.display());
    let mut child = Command::new(std::env::current_exe().expect("a path"))
        .args([
            "ledger::processes::promoter",
            "--exact",
            "--ignored",
            "--nocapture",
        ])
        .env(PROMOTER, order)
        .stdout(Stdio::piped())
        .spawn()
        .expect("starts");
    let mut tales = Tales::new();
    let mut tried = 0;
    for line in BufReader::new(child.stdout.take().expect("a pipe")).lines() {
        let line = line.expect("text");
        let words: Vec<&str> = line.split(' ').collect();
        let took = || Duration::from_micros(words[2].parse().expect("a number"));
        let told = match words[0] {
            "tries" => Told::Tried,
            "saved" => Told::Saved(took()),
            "conflict" => Told::Conflict(took()),
            "failed" => panic!("{line}"),
            _ => continue,
        };
        tales.insert(words[1].to_owned(), told);
        if told == Told::Tried {
            tried += 1;
            if killed_at == Some(tried) {
                // Somewhere within the change, or while it waits for the lock.
                thread::sleep(Duration::from_micros(who * 977 % 9000));
                child.kill().expect("is killed");
            }
        }
    }
    child.wait().expect("ends");
    tales
}

/// Has so many processes change one baseline so many times each, and kills every tenth of them.
fn compete(at_once: u64, turns: u64) {
    let root = tempfile::tempdir().expect("a folder");
    let tales: Vec<Tales> = thread::scope(|scope| {
        let listeners: Vec<_> = (0..at_once)
            .map(|who| {
                let killed_at = (who % 10 == 7).then_some(1 + who % turns);
                let root = root.path();
                scope.spawn(move || listen(root, who, turns, killed_at))
            })
            .collect();
        listeners
            .into_iter()
            .map(|l| l.join().expect("no panic"))
            .collect()
    });
    let ledger = Ledger::new(root.path(), "checkout").expect("a good name");
    let mut there: BTreeMap<String, usize> = BTreeMap::new();
    for (_, acceptance) in ledger.history().expect("reads") {
        *there.entry(acceptance.reason).or_default() += 1;
    }
    let told: Tales = tales
        .iter()
        .flatten()
        .map(|(r, t)| (r.clone(), *t))
        .collect();
    let (mut saved, mut conflicts, mut killed) = (0, 0, 0);
    for (reason, told) in &told {
        let times = there.remove(reason).unwrap_or(0);
        match told {
            Told::Saved(_) => {
                saved += 1;
                assert_eq!(times, 1, "{reason} was told to be saved");
            }
            Told::Conflict(_) => {
                conflicts += 1;
                assert_eq!(times, 0, "{reason} was told of a conflict");
            }
            Told::Tried => {
                killed += 1;
                assert!(times <= 1, "{reason} is there {times} times");
            }
        }
    }
    assert!(there.is_empty(), "nobody has tried {there:?}");
    // Who was killed has not begun the rest.
    let unbegun = at_once * turns - told.len() as u64;
    assert!(killed <= at_once.div_ceil(10), "{killed} were killed");
    // What a killed one left behind is derived, and mended by whoever comes next.
    ledger.repair().expect("mends");
    let faults = ledger.verify().expect("reads").faults;
    assert!(faults.is_empty(), "{faults:?}");
    // The same without anybody in the way: what is left are the four syncs of the disk.
    let alone = listen(root.path(), 1_000_000, 50, None);
    println!(
        "A3: {} of {} promotions accounted for: {saved} in the ledger once, {conflicts} told of a conflict, {killed} killed and there once or not, {unbegun} of killed processes not begun; p99 {:.1} ms, of {} alone {:.1} ms",
        told.len() as u64 + unbegun,
        at_once * turns,
        p99(&told).as_secs_f64() * 1e3,
        alone.len(),
        p99(&alone).as_secs_f64() * 1e3,
    );
    assert!(saved > 0, "nobody has saved anything");
}

fn p99(told: &Tales) -> Duration {
    let mut took: Vec<Duration> = told
        .values()
        .filter_map(|told| match told {
            Told::Saved(took) | Told::Conflict(took) => Some(*took),
            Told::Tried => None,
        })
        .collect();
    took.sort();
    took[took.len() * 99 / 100]
}

#[test]
fn every_promotion_of_many_processes_is_accounted_for() {
    compete(16, 5);
}

#[test]
#[ignore = "minutes: just promises-long"]
fn every_promotion_of_fifty_processes_is_accounted_for() {
    compete(50, 20);
}
