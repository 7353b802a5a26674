//! The index against real run folders: filled up, emptied, damaged, shared.

use std::cell::Cell;
use std::fs;
use std::path::{Path, PathBuf};

use super::*;
use crate::model::{Arm, MetricRounds};
use crate::store::runs::{Frame, RunWriter};
use crate::store::sample;

const SCENARIO: &str = "checkout";

fn id(number: usize) -> String {
    format!("20261122T0900{number:02}Z-9f3c1a2b")
}

/// Writes a run; its seed is the value it adds to the history.
fn write(root: &Path, number: usize, ending: Option<bool>) -> PathBuf {
    let manifest = crate::model::Manifest {
        id: id(number),
        started_at: format!("2026-11-22T09:00:{number:02}Z"),
        seed: number as u64,
        ..sample::manifest()
    };
    let mut run = RunWriter::create(root, &manifest).expect("creates");
    for frame in sample::round_frames(0, Arm::Now) {
        run.append(&frame).expect("appends");
    }
    let dir = run.dir().to_owned();
    match ending {
        Some(interrupted) => run.seal(interrupted).expect("seals"),
        None => run.sync().expect("syncs"),
    }
    dir
}

fn contribute(run: &Run) -> Contribution {
    Contribution {
        standing: Some(Standing::of(run.state, None, false, 0)),
        rounds: 1,
        left_out: (run.state != RunState::Complete).then(|| "not complete".to_owned()),
        metrics: vec![MetricRounds {
            name: "latency.p50".into(),
            rounds: vec![run.manifest.seed as f64 + 0.1, 2.0],
        }],
    }
}

/// Everything an index says, the runs by their id.
fn everything(index: &Index) -> Result<String, StoreError> {
    let runs = index.runs();
    let mut lines = vec![format!("{:?}", index.metrics()?)];
    for metric in index.metrics()? {
        index.each_value(&metric, &mut |place, rounds| {
            lines.push(format!("{} {metric} {rounds:?}", runs[place].id));
        })?;
    }
    lines.sort();
    lines.extend(runs.iter().map(|run| format!("{run:?}")));
    Ok(lines.join("\n"))
}

/// The answer, and how many runs were read for it.
fn asked(root: &Path) -> (String, usize) {
    let read = Cell::new(0);
    let counting = |run: &Run| {
        read.set(read.get() + 1);
        contribute(run)
    };
    let said = ask(root, SCENARIO, &counting, &everything).expect("an answer");
    (said, read.get())
}

fn file(root: &Path) -> PathBuf {
    root.join(REPORTS).join(FILE)
}

fn with_runs(count: usize) -> tempfile::TempDir {
    let root = tempfile::tempdir().expect("a folder");
    for number in 0..count {
        write(root.path(), number, Some(false));
    }
    root
}

#[test]
fn only_new_runs_are_read_and_deleted_ones_are_forgotten() {
    let root = with_runs(3);
    let (first, read) = asked(root.path());
    assert_eq!(read, 3);
    assert!(
        first.contains("20261122T090002Z-9f3c1a2b latency.p50 [2.1, 2.0]"),
        "{first}"
    );
    assert_eq!(asked(root.path()), (first.clone(), 0));
    write(root.path(), 3, Some(false));
    let (more, read) = asked(root.path());
    assert_eq!(read, 1);
    assert!(more.contains("[3.1, 2.0]"), "{more}");
    fs::remove_dir_all(root.path().join(REPORTS).join(SCENARIO).join(id(3))).expect("removes");
    assert_eq!(asked(root.path()), (first, 0));
}

#[test]
fn a_deleted_index_is_built_again_with_the_same_answers() {
    let root = with_runs(4);
    // What was deleted on the way leaves no trace.
    asked(root.path());
    fs::remove_dir_all(root.path().join(REPORTS).join(SCENARIO).join(id(1))).expect("removes");
    let (before, _) = asked(root.path());
    fs::remove_file(file(root.path())).expect("there is an index");
    assert_eq!(asked(root.path()), (before, 3));
    let names: Vec<_> = fs::read_dir(root.path().join(REPORTS))
        .expect("lists")
        .flatten()
        .map(|e| e.file_name())
        .collect();
    assert_eq!(names.len(), 2, "nothing is left beside it: {names:?}");
}

#[test]
fn an_index_that_is_damaged_or_none_is_built_anew() {
    let root = with_runs(3);
    let (good, _) = asked(root.path());
    let path = file(root.path());
    let bytes = fs::read(&path).expect("reads");
    // Of a copy that nothing is read from, damage need not be noticed; it must never be believed.
    let id = id(2);
    for needle in [&2.1_f64.to_le_bytes()[..], id.as_bytes()] {
        let mut noticed = 0;
        for at in places(&bytes, needle) {
            let mut flipped = bytes.clone();
            flipped[at + 3] ^= 1;
            fs::write(&path, &flipped).expect("writes");
            let (answer, read) = asked(root.path());
            assert_eq!(answer, good, "at {at}");
            noticed += usize::from(read > 0);
        }
        assert!(noticed > 0, "{needle:?}");
    }
    for (what, bad) in [
        (
            "no database",
            b"no database at all, and longer than its header would be: ".repeat(40),
        ),
        ("half of it", bytes[..bytes.len() / 2].to_vec()),
        ("zeros", vec![0; 8192]),
        ("nothing", Vec::new()),
    ] {
        fs::write(&path, &bad).expect("writes");
        let (answer, read) = asked(root.path());
        assert_eq!((answer, read), (good.clone(), 3), "{what}");
        assert_eq!(asked(root.path()).1, 0, "{what}: and is good again");
    }
}

/// Where these bytes stand in a file.
fn places(bytes: &[u8], needle: &[u8]) -> Vec<usize> {
    let windows = bytes.windows(needle.len()).enumerate();
    windows
        .filter(|(_, window)| *window == needle)
        .map(|(at, _)| at)
        .collect()
}

#[test]
fn rows_that_went_missing_are_noticed() {
    let root = with_runs(3);
    let (good, _) = asked(root.path());
    for damage in [
        "DELETE FROM page WHERE page = (SELECT max(page) FROM page)",
        "UPDATE metric SET name = 'latency.p99'",
        "UPDATE run SET revision = 'another'",
        "UPDATE run SET standing = '\"part\"'",
        "UPDATE run SET rounds = 7",
        "DROP TABLE page",
    ] {
        let db = Connection::open(file(root.path())).expect("opens");
        db.execute_batch(damage).expect("damages");
        drop(db);
        assert_eq!(asked(root.path()), (good.clone(), 3), "{damage}");
    }
}

#[test]
fn an_index_of_another_schema_is_built_anew() {
    let root = with_runs(2);
    let (good, _) = asked(root.path());
    for pragma in ["user_version", "application_id"] {
        let db = Connection::open(file(root.path())).expect("opens");
        db.pragma_update(None, pragma, 99).expect("writes");
        drop(db);
        assert_eq!(asked(root.path()), (good.clone(), 2), "{pragma}");
    }
}

#[test]
fn a_run_without_its_seal_is_read_again_when_it_has_grown() {
    let root = with_runs(1);
    let dir = write(root.path(), 1, None);
    let (before, read) = asked(root.path());
    assert_eq!(read, 2);
    assert!(
        before.contains("left_out: Some(\"not complete\")"),
        "{before}"
    );
    assert_eq!(asked(root.path()).1, 0);
    fs::remove_dir_all(&dir).expect("removes");
    write(root.path(), 1, Some(false));
    let (after, read) = asked(root.path());
    assert_eq!(read, 1);
    assert!(!after.contains("not complete"), "{after}");
}

#[test]
fn a_run_that_is_being_written_is_not_read_before_it_is_over() {
    let root = with_runs(1);
    let manifest = crate::model::Manifest {
        id: id(1),
        ..sample::manifest()
    };
    let mut run = RunWriter::create(root.path(), &manifest).expect("creates");
    run.append(&Frame::Interval(sample::interval(0, 0)))
        .expect("appends");
    let (during, read) = asked(root.path());
    assert_eq!(read, 1, "the one that is over");
    assert!(during.contains("still being measured"), "{during}");
    assert_eq!(asked(root.path()).1, 0);
    // Whoever wrote it is gone, and has left its files as they are.
    drop(run);
    let (after, read) = asked(root.path());
    assert_eq!(read, 1);
    assert!(after.contains("not complete"), "{after}");
    assert_eq!(asked(root.path()).1, 0);
}

#[test]
fn a_run_that_cannot_be_read_is_left_out_and_hides_no_other() {
    let root = with_runs(2);
    let log = root
        .path()
        .join(REPORTS)
        .join(SCENARIO)
        .join(id(0))
        .join(LOG);
    let mut bytes = fs::read(&log).expect("reads");
    bytes[60] ^= 1;
    fs::write(&log, bytes).expect("writes");
    let (said, _) = asked(root.path());
    assert!(
        said.contains("left_out: Some(\"its record cannot be read\")"),
        "{said}"
    );
    assert!(
        said.contains("20261122T090001Z-9f3c1a2b latency.p50"),
        "{said}"
    );
}

#[test]
fn readers_at_once_all_get_the_whole_answer() {
    let root = with_runs(6);
    let root = root.path();
    let good = ask(with_runs(6).path(), SCENARIO, &contribute, &everything);
    let good = good.expect("an answer");
    std::thread::scope(|scope| {
        let readers: Vec<_> = (0..8)
            .map(|i| {
                let good = &good;
                scope.spawn(move || {
                    for _ in 0..5 {
                        let said = ask(root, SCENARIO, &contribute, &everything);
                        assert_eq!(&said.expect("an answer"), good);
                        // Some find the index gone in the middle of it.
                        if i == 0 {
                            drop(fs::remove_file(file(root)));
                        }
                    }
                })
            })
            .collect();
        for reader in readers {
            reader.join().expect("no reader panics");
        }
    });
}

#[test]
fn without_a_place_for_the_index_the_answer_is_the_same() {
    let root = with_runs(2);
    let (good, _) = asked(root.path());
    // A folder under its name can neither be opened nor replaced.
    fs::remove_file(file(root.path())).expect("removes");
    fs::create_dir(file(root.path())).expect("a folder in the way");
    assert_eq!(asked(root.path()).0, good);
    let empty = tempfile::tempdir().expect("a folder");
    assert_eq!(asked(empty.path()), ("[]".to_owned(), 0));
    assert_eq!(fs::read_dir(empty.path()).expect("lists").count(), 0);
}

#[test]
fn scenarios_do_not_see_each_other() {
    let root = with_runs(2);
    asked(root.path());
    let other = ask(root.path(), "other", &contribute, &everything).expect("an answer");
    assert_eq!(other, "[]");
    let bad = ask(root.path(), "../checkout", &contribute, &everything);
    assert!(matches!(bad, Err(StoreError::Name { .. })));
}
