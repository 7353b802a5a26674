//! What a history of many runs costs: `cargo bench --bench history -- --runs 10000 --root DIR`.
//!
//! Writes synthetic runs with the project's own writer, then measures the index: built, asked,
//! deleted and built again. Fails when the second index answers anything else than the first.

#![expect(clippy::print_stdout, reason = "the figures are what it is for")]

#[path = "../tests/common/history.rs"]
mod made;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use plimsoll::report::{TextStyle, history_json, history_text};
use plimsoll::session::{Excerpt, Session, Stop, history};

const SCENARIO: &str = "synthetic";
/// Questions to an index that is there; the median is shown.
const QUESTIONS: usize = 21;

fn main() {
    let words: Vec<String> = std::env::args().collect();
    let after = |flag: &str| {
        let at = words.iter().position(|w| w == flag)?;
        words.get(at + 1)
    };
    let runs = after("--runs").map_or(200, |n| n.parse().expect("a number of runs"));
    let scratch = tempfile::tempdir().expect("a folder");
    let root = after("--root").map_or(scratch.path().to_owned(), PathBuf::from);
    if !root.join("reports").join(SCENARIO).is_dir() {
        let ((), took) = timed(|| made::write_many(&root, SCENARIO, runs));
        println!("{runs} runs written       {took:>12.1?}");
    }
    let index = root.join("reports/.history.sqlite");
    drop(std::fs::remove_file(&index));
    let (first, took) = timed(|| answers(&root));
    println!("index built and asked   {took:>12.1?}");
    let bytes = std::fs::metadata(&index).map_or(0, |m| m.len());
    println!("size of the index       {:>8} KiB", bytes >> 10);
    for (named, excerpt) in [
        ("usual metrics", Excerpt::default()),
        (
            "latency.p99",
            Excerpt {
                metrics: vec!["latency.p99".into()],
                ..Excerpt::default()
            },
        ),
    ] {
        let mut times: Vec<Duration> = (0..QUESTIONS)
            .map(|_| {
                let asked = || {
                    let found = history(&session(&root), SCENARIO, &excerpt).expect("a history");
                    history_text(&found, TextStyle::default())
                };
                timed(asked).1
            })
            .collect();
        times.sort_unstable();
        let (median, worst) = (times[QUESTIONS / 2], times[QUESTIONS - 1]);
        println!("asked for {named:14}{median:>12.1?} (worst {worst:.1?})");
    }
    std::fs::remove_file(&index).expect("there is an index");
    let (again, took) = timed(|| answers(&root));
    println!("deleted and built again {took:>12.1?}");
    assert_eq!(
        first, again,
        "the same runs give the same answers, byte for byte"
    );
    println!("both answers are the same: {} bytes", first.len());
}

fn session(root: &Path) -> Session {
    Session {
        root: root.to_owned(),
        executable: None,
        stop: Stop::default(),
        workers: None,
    }
}

fn answers(root: &Path) -> String {
    let found = history(&session(root), SCENARIO, &Excerpt::default()).expect("a history");
    history_json(&found) + &history_text(&found, TextStyle::default())
}

fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let begin = Instant::now();
    let done = work();
    (done, begin.elapsed())
}
