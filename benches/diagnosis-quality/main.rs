//! Is what `diagnose` names what is wrong? `cargo bench --bench diagnosis-quality -- --runs 20`.
//!
//! Puts the demo target under load with one fault at a time, many times over, with two at once, and
//! healthy under varied load, and counts what is named first. Prints the table of what was injected
//! against what was named, and fails when a bound is not met:
//!
//! * each fault: the right symptom first in 95 % of its runs;
//! * healthy: nothing above `weak` in 99 % of the runs;
//! * two faults at once: both among the first three in 90 %.
//!
//! `--only NAME` (repeatable) asks of some faults alone, `--parallel N` runs so many at once (2).

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the figures are what it is for"
)]

mod load;
mod matrix;

use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use load::{Case, Told};
use matrix::Matrix;

/// Faults of the demo target and the symptom each must be named as.
const FAULTS: [(&str, &str); 13] = [
    ("pool-exhausted", "pool-exhausted"),
    ("deadlock", "deadlock"),
    ("leak", "memory-leak"),
    ("throttle", "throttled"),
    ("slow-dependency", "slow-dependency"),
    ("cold-cache", "cold-cache"),
    ("rate-limit", "rate-limited"),
    ("retry-storm", "retry-storm"),
    ("lock-contention", "lock-contention"),
    ("pauses", "pauses"),
    ("descriptor-exhaustion", "descriptor-exhaustion"),
    ("crash-loop", "crash-loop"),
    ("consumer-lag", "consumer-lag"),
];

/// Pairs that do not hide each other.
const PAIRS: [(&str, &str); 5] = [
    ("leak", "rate-limit"),
    ("consumer-lag", "slow-dependency"),
    ("retry-storm", "leak"),
    ("cold-cache", "consumer-lag"),
    ("rate-limit", "pauses"),
];

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().collect();
    let number = |flag: &str, usual: usize| {
        let at = words.iter().position(|w| w == flag);
        let given = at.and_then(|at| words.get(at + 1));
        given.map_or(usual, |n| n.parse().expect("a number"))
    };
    let runs = number("--runs", 1);
    let healthy = number("--healthy", runs * 5);
    let parallel = number("--parallel", 2);
    let only: Vec<&String> = words
        .windows(2)
        .filter(|w| w[0] == "--only")
        .map(|w| &w[1])
        .collect();
    let wanted = |name: &str| only.is_empty() || only.iter().any(|o| *o == name);

    let mut cases = Vec::new();
    for run in 0..runs {
        for (fault, _) in FAULTS.iter().filter(|(fault, _)| wanted(fault)) {
            cases.push(Case::new(run, vec![fault]));
        }
        for (a, b) in PAIRS.iter().filter(|_| wanted("pairs")) {
            cases.push(Case::new(run, vec![a, b]));
        }
    }
    if wanted("healthy") {
        cases.extend((0..healthy).map(|run| Case::new(run, Vec::new())));
    }
    let told = all(&cases, parallel);
    let matrix = Matrix::of(&cases, &told, &FAULTS);
    println!("{}", matrix.table());
    if matrix.is_within_bounds() {
        println!("Every bound is met.");
        ExitCode::SUCCESS
    } else {
        println!("A bound is not met.");
        ExitCode::FAILURE
    }
}

/// Runs all cases, some at once.
fn all(cases: &[Case], parallel: usize) -> Vec<Told> {
    let next = AtomicUsize::new(0);
    let told: Mutex<Vec<Option<Told>>> = Mutex::new(cases.iter().map(|_| None).collect());
    std::thread::scope(|scope| {
        for _ in 0..parallel.max(1) {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(case) = cases.get(at) else { break };
                    let one = case.run();
                    eprintln!("{}/{} {case}: {one}", at + 1, cases.len());
                    told.lock().expect("nobody panics with it")[at] = Some(one);
                }
            });
        }
    });
    let told = told.into_inner().expect("nobody panics with it");
    told.into_iter().map(|t| t.expect("each was run")).collect()
}
