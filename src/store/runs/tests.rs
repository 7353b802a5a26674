//! Runs as a whole: written, killed, damaged, found.

use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::frame;
use super::log::{self, HEADER, Log};
use super::*;
use crate::model::{Arm, Better, Custom, Manifest, Metric, Mode, Origin, Run, RunState};
use crate::store::StoreError;
use crate::store::sample;
use crate::units::Unit;

fn frames() -> Vec<Frame> {
    [(0, Arm::Before), (1, Arm::Now)]
        .into_iter()
        .flat_map(|(index, arm)| sample::round_frames(index, arm))
        .collect()
}

/// Writes the sample run; returns its folder.
fn written(root: &Path, sealed: bool) -> PathBuf {
    written_with(root, &frames(), sealed)
}

fn written_with(root: &Path, frames: &[Frame], sealed: bool) -> PathBuf {
    let mut run = RunWriter::create(root, &sample::manifest()).expect("creates");
    for frame in frames {
        run.append(frame).expect("appends");
    }
    run.write_comparison(&sample::comparison())
        .expect("appends");
    run.sync().expect("syncs");
    let dir = run.dir().to_owned();
    if sealed {
        run.seal(false).expect("seals");
    }
    dir
}

/// A run of one round as bytes: log and manifest.
fn bytes(sealed: bool) -> (Vec<u8>, Vec<u8>) {
    let root = tempfile::tempdir().expect("a folder");
    let dir = written_with(root.path(), &sample::round_frames(0, Arm::Before), sealed);
    (
        fs::read(dir.join(LOG)).expect("a log"),
        fs::read(dir.join(MANIFEST)).expect("a manifest"),
    )
}

fn parse(log: &[u8], manifest: &[u8]) -> Result<Log, StoreError> {
    log::parse(Path::new("run.plog"), log, manifest, &sample::outline())
}

/// Where each frame begins, and the end.
fn boundaries(log: &[u8]) -> Vec<usize> {
    let mut at = HEADER;
    let mut all = vec![at];
    while at < log.len() {
        at += frame::split(&log[at..]).expect("a whole frame").length;
        all.push(at);
    }
    all
}

fn answered(run: &Run) -> u64 {
    run.rounds
        .iter()
        .flat_map(|r| &r.cells)
        .map(|c| c.tally.answered)
        .sum()
}

#[test]
fn a_run_reads_back_as_it_was_written() {
    let root = tempfile::tempdir().expect("a folder");
    let dir = written(root.path(), true);
    assert_eq!(
        dir,
        root.path()
            .join("reports/checkout/20261122T090000Z-9f3c1a2b")
    );
    let run = read(&dir).expect("reads");
    assert_eq!(run.state, RunState::Complete);
    assert_eq!(run.manifest, sample::manifest());
    assert_eq!(run.comparison, Some(sample::comparison()));
    let mut expected = (Vec::new(), Vec::new(), Vec::new());
    for frame in frames() {
        match frame {
            Frame::Begin(_) => {}
            Frame::Interval(i) => expected.0.push(i),
            Frame::Sample(s) => expected.1.push(s),
            Frame::Round(r) => expected.2.push(*r),
        }
    }
    assert_eq!((run.intervals, run.samples, run.rounds), expected);

    let summary: serde_json::Value =
        serde_json::from_slice(&fs::read(dir.join(SUMMARY)).expect("a summary")).expect("JSON");
    assert_eq!(summary["state"], "complete");
    assert_eq!(summary["rounds"].as_array().map(Vec::len), Some(2));
}

#[test]
fn an_interrupted_run_says_so() {
    let root = tempfile::tempdir().expect("a folder");
    let mut run = RunWriter::create(root.path(), &sample::manifest()).expect("creates");
    run.append(&Frame::Interval(sample::interval(0, 0)))
        .expect("appends");
    let dir = run.dir().to_owned();
    run.seal(true).expect("seals");
    assert_eq!(read(&dir).expect("reads").state, RunState::Interrupted);
}

#[test]
fn a_round_that_never_ended_is_put_together_from_its_intervals() {
    let root = tempfile::tempdir().expect("a folder");
    let mut run = RunWriter::create(root.path(), &sample::manifest()).expect("creates");
    let dir = run.dir().to_owned();
    for frame in sample::round_frames(0, Arm::Before) {
        run.append(&frame).expect("appends");
    }
    let killed = sample::round_frames(1, Arm::Before);
    for frame in &killed[..killed.len() - 1] {
        run.append(frame).expect("appends");
    }
    drop(run);
    let run = read(&dir).expect("reads");
    assert_eq!(run.state, RunState::Partial);
    let [whole, cut] = run.rounds.as_slice() else {
        panic!("two rounds, not {}", run.rounds.len());
    };
    assert!(whole.complete && !cut.complete);
    assert_eq!((cut.index, cut.arm, cut.pair), (1, Arm::Before, 0));
    assert_eq!(cut.cells, whole.cells);
    assert_eq!(cut.usage, whole.usage);
}

#[test]
fn killed_before_the_log_began_is_a_partial_run_without_rounds() {
    let root = tempfile::tempdir().expect("a folder");
    let dir = written(root.path(), false);
    let log = fs::read(dir.join(LOG)).expect("a log");
    for length in 0..=HEADER {
        fs::write(dir.join(LOG), &log[..length]).expect("writes");
        let run = read(&dir).expect("reads");
        assert_eq!((run.state, run.rounds.len()), (RunState::Partial, 0));
    }
    fs::remove_file(dir.join(LOG)).expect("removes");
    assert_eq!(read(&dir).expect("reads").state, RunState::Partial);
}

#[test]
fn killed_at_any_byte_every_whole_frame_is_kept_and_nothing_else() {
    let (log, manifest) = bytes(true);
    let boundaries = boundaries(&log);
    let all = parse(&log, &manifest).expect("whole").frames;
    for length in HEADER..log.len() {
        let cut = parse(&log[..length], &manifest).expect("partial");
        assert_eq!(cut.seal, None);
        let whole = boundaries.iter().filter(|&&b| b <= length).count() - 1;
        let kept = whole.min(all.len());
        assert_eq!(cut.frames, all[..kept], "cut at {length}");
    }
}

#[test]
fn no_flipped_bit_is_taken_for_a_number() {
    for sealed in [true, false] {
        let (log, manifest) = bytes(sealed);
        let boundaries = boundaries(&log);
        let last = boundaries[boundaries.len() - 2];
        let good = parse(&log, &manifest).expect("whole");
        let mut damaged = log.clone();
        // What follows a frame matters only at the end, so the rest is flipped once.
        let from = if sealed {
            0
        } else {
            boundaries[boundaries.len() - 4]
        };
        for bit in from * 8..log.len() * 8 {
            damaged[bit / 8] ^= 1 << (bit % 8);
            match parse(&damaged, &manifest) {
                Ok(read) => {
                    // A broken last frame cannot be told from one that was being written.
                    assert!(bit / 8 >= last, "accepted with bit {bit} flipped");
                    assert_eq!(read.seal, None);
                    assert_eq!(read.frames, good.frames);
                }
                Err(StoreError::Damaged { offset, .. }) => {
                    let at = usize::try_from(offset).expect("small");
                    let start = boundaries.iter().rfind(|&&b| b <= bit / 8);
                    assert_eq!(at.max(HEADER), *start.unwrap_or(&HEADER), "bit {bit}");
                }
                Err(other) => panic!("bit {bit}: {other}"),
            }
            damaged[bit / 8] ^= 1 << (bit % 8);
        }
    }
}

#[test]
fn a_changed_manifest_is_not_taken_for_the_one_of_the_log() {
    let root = tempfile::tempdir().expect("a folder");
    let dir = written(root.path(), true);
    let path = dir.join(MANIFEST);
    let text = fs::read_to_string(&path).expect("a manifest");
    let changed = text.replace("\"seed\": 42", "\"seed\": 43");
    assert_ne!(text, changed);
    fs::write(&path, changed).expect("writes");
    let error = read(&dir).expect_err("changed").to_string();
    assert!(
        error.ends_with(
            "run.plog is damaged at byte 12: manifest.json is not the one this log was begun with"
        ),
        "{error}"
    );
}

#[test]
fn newer_files_are_refused_with_a_hint() {
    let root = tempfile::tempdir().expect("a folder");
    let dir = written(root.path(), true);
    let path = dir.join(MANIFEST);
    let text = fs::read_to_string(&path).expect("a manifest");
    fs::write(&path, text.replace("\"schema\": 1", "\"schema\": 3")).expect("writes");
    let error = read(&dir).expect_err("newer");
    assert!(matches!(
        error,
        StoreError::Newer {
            found: 3,
            known: 2,
            ..
        }
    ));
    assert_eq!(error.diagnostic().code.id, "PL0205");

    let (mut log, manifest) = bytes(true);
    log[8] = 2;
    let crc = crc32c::crc32c(&log[..44]);
    log[44..48].copy_from_slice(&crc.to_le_bytes());
    let error = parse(&log, &manifest).expect_err("newer");
    assert!(matches!(error, StoreError::Newer { found: 2, .. }));
}

#[test]
fn what_no_reader_would_accept_is_not_written() {
    let root = tempfile::tempdir().expect("a folder");
    let mut run = RunWriter::create(root.path(), &sample::manifest()).expect("creates");
    let mut stray = sample::interval(0, 0);
    stray.cells[0].step = 2;
    let mut huge = sample::interval(0, 0);
    huge.cells[0].tally.due = u64::MAX;
    let mut endless = sample::round(0);
    endless.trust.steal = f64::INFINITY;
    for frame in [
        Frame::Interval(stray),
        Frame::Interval(huge),
        Frame::Round(Box::new(endless)),
    ] {
        let error = run.append(&frame).expect_err("refused");
        assert!(matches!(error, StoreError::Unfit { .. }), "{error}");
    }
    run.append(&Frame::Round(Box::new(sample::round(0))))
        .expect("goes on after a refusal");
    let dir = run.dir().to_owned();
    run.seal(false).expect("seals");
    let run = read(&dir).expect("reads");
    assert_eq!((run.state, answered(&run)), (RunState::Complete, 6));
}

#[test]
fn a_run_is_never_written_over_and_never_outside_its_folder() {
    let root = tempfile::tempdir().expect("a folder");
    drop(RunWriter::create(root.path(), &sample::manifest()).expect("creates"));
    let again = RunWriter::create(root.path(), &sample::manifest()).expect_err("exists");
    assert!(matches!(again, StoreError::Io { .. }));
    for (scenario, id) in [("../x", "a"), ("a", "../x"), ("", "a"), ("a", ".")] {
        let mut manifest = sample::manifest();
        manifest.outline.name = scenario.into();
        manifest.id = id.into();
        let error = RunWriter::create(root.path(), &manifest).expect_err("a bad name");
        assert!(matches!(error, StoreError::Name { .. }));
    }
    let dir = find(root.path(), "last").expect("a run");
    for name in ["../x.html", "run.plog", "manifest.json", "a/b.html", ""] {
        assert!(write_report(&dir, name, b"x").is_err(), "{name}");
    }
    let report = write_report(&dir, "report.html", b"x").expect("writes");
    assert_eq!(fs::read(report).expect("reads"), b"x");
}

/// Makes an empty run with this id.
fn empty_run(root: &Path, scenario: &str, id: &str) {
    let mut manifest: Manifest = sample::manifest();
    manifest.outline.name = scenario.into();
    manifest.id = id.into();
    drop(RunWriter::create(root, &manifest).expect("creates"));
}

#[test]
fn runs_are_found_by_order_prefix_and_path() {
    let root = tempfile::tempdir().expect("a folder");
    let root = root.path();
    assert!(list(root, None).expect("lists").is_empty());
    empty_run(root, "a", "20260101T000000Z-11aa0000");
    empty_run(root, "b", "20260102T000000Z-22bb0000");
    empty_run(root, "a", "20260103T000000Z-22cc0000");
    fs::create_dir(root.join("reports/a/20270101T000000Z-99990000"))
        .expect("no run, only a folder");
    let id = |name: &str| {
        find(root, name).map(|dir| {
            let name = dir.file_name().and_then(|n| n.to_str()).expect("a name");
            name[name.len() - 8..].to_owned()
        })
    };
    assert_eq!(id("last").expect("found"), "22cc0000");
    assert_eq!(id("last~2").expect("found"), "11aa0000");
    assert_eq!(id("20260102").expect("found"), "22bb0000");
    assert_eq!(id("22c").expect("found"), "22cc0000");
    let path = root.join("reports/a/20260101T000000Z-11aa0000");
    assert_eq!(id(path.to_str().expect("text")).expect("found"), "11aa0000");
    for name in ["last~3", "last~x", "lastly", "", "zz"] {
        assert!(matches!(id(name), Err(StoreError::NoRun { .. })), "{name}");
    }
    let error = id("22").expect_err("two match").diagnostic();
    insta::assert_snapshot!(crate::diagnostic::render(&[error], false), @r"
    error[PL0202]: `22` names 2 runs
     |
     = note: they are 20260103T000000Z-22cc0000, 20260102T000000Z-22bb0000
     = help: write more of the id
    ");
    let error = id("zz").expect_err("none").diagnostic();
    insta::assert_snapshot!(crate::diagnostic::render(&[error], false), @r"
    error[PL0201]: no run `zz`
     |
     = help: the latest are 20260103T000000Z-22cc0000, 20260102T000000Z-22bb0000, 20260101T000000Z-11aa0000
    ");
    let names: Vec<_> = list(root, Some("a"))
        .expect("lists")
        .into_iter()
        .map(|e| e.id)
        .collect();
    assert_eq!(
        names,
        ["20260103T000000Z-22cc0000", "20260101T000000Z-11aa0000"]
    );
}

#[test]
fn ids_are_names_that_sort_by_time() {
    let ids: Vec<_> = (0..100).map(|_| new_id()).collect();
    for pair in ids.windows(2) {
        // The clock may stand still for a few calls; the last four digits are random then.
        assert!(pair[0][..21] <= pair[1][..21], "{pair:?}");
    }
    let id = &ids[0];
    assert_eq!(id.len(), "20261122T090000Z-9f3c1a2b".len(), "{id}");
    crate::store::whole::check_name("run", id).expect("a name");
}

#[test]
fn schema_one_is_read_for_ever() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/store/v1");
    let run = read(&root.join("reports/checkout/20261122T090000Z-9f3c1a2b")).expect("reads");
    assert_eq!(run.state, RunState::Complete);
    assert_eq!(run.manifest, sample::manifest());
    assert_eq!((run.intervals.len(), run.samples.len()), (4, 6));
    assert_eq!((run.rounds.len(), answered(&run)), (2, 12));
    assert_eq!(run.rounds[1], sample::round(1));
    assert_eq!(run.comparison, Some(sample::comparison()));
}

#[test]
fn schema_two_is_read_for_ever() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/store/v2");
    let runs = list(&root, Some("bench")).expect("lists");
    let run = read(&runs.first().expect("a run").dir).expect("reads");
    assert_eq!((run.state, run.manifest.schema), (RunState::Complete, 2));
    assert_eq!(run.manifest.mode, Mode::Imported);
    let origin = Origin::Tool {
        name: "criterion".to_owned(),
        version: Some("0.8.2".to_owned()),
    };
    assert_eq!(run.manifest.origin, Some(origin));
    let slope = Custom::new("slope", Unit::Time, Better::Lower).expect("a name");
    let slope = Metric::Custom(slope);
    assert_eq!(run.manifest.outline.thresholds[0].metric, slope);
    let given = &run.rounds[0].given;
    let found = given.iter().find(|g| g.metric == slope).expect("a slope");
    assert_eq!(found.scope.step.as_deref(), Some("fib/10"));
    assert!((found.value - 137.755_943_242_875_73).abs() < 1e-9);
    assert_eq!((run.rounds.len(), given.len()), (3, 8));
}

/// Any frame: what matters to the log is that lengths and contents differ.
fn any_frame() -> impl Strategy<Value = Frame> {
    (0_usize..3, 0_u64..100, 0_u64..1 << 40, any::<bool>()).prop_map(|(round, second, n, kind)| {
        if kind {
            let mut interval = sample::interval(round, second);
            interval.cells[0].tally.bytes_out.0 = n;
            Frame::Interval(interval)
        } else {
            let mut sample = sample::sample(round, second);
            sample.own_cpu.0 = n;
            Frame::Sample(sample)
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn frames_read_back_in_order(frames in prop::collection::vec(any_frame(), 0..20)) {
        let root = tempfile::tempdir().expect("a folder");
        let mut run = RunWriter::create(root.path(), &sample::manifest()).expect("creates");
        for frame in &frames {
            run.append(frame).expect("appends");
        }
        let dir = run.dir().to_owned();
        let manifest = fs::read(dir.join(MANIFEST)).expect("reads");
        run.seal(false).expect("seals");
        let log = parse(&fs::read(dir.join(LOG)).expect("reads"), &manifest).expect("whole");
        prop_assert_eq!(log.frames, frames);
        prop_assert!(log.seal.is_some());
    }

    #[test]
    fn any_bytes_are_read_without_panic(
        tail in prop::collection::vec(any::<u8>(), 0..300),
        keep in 0_usize..2000,
    ) {
        let manifest = b"{}";
        let mut bytes = log::header(manifest).to_vec();
        bytes.extend(frame::encode(0, frame::Kind::Sample, &sample::sample(0, 0)).expect("encodes"));
        bytes.truncate(keep);
        bytes.extend(&tail);
        let _ = parse(&bytes, manifest);
        let _ = parse(&tail, manifest);
    }
}

#[test]
fn a_discarded_run_leaves_nothing_and_disturbs_no_other() {
    let root = tempfile::tempdir().expect("a folder");
    let scenario = root.path().join(REPORTS).join("checkout");
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let root = root.path();
            scope.spawn(move || {
                for i in 0..25 {
                    let mut manifest = sample::manifest();
                    manifest.id = format!("20261126T0900{i:02}Z-{thread:08x}");
                    let run = RunWriter::create(root, &manifest).expect("creates");
                    run.discard();
                }
            });
        }
    });
    assert!(!scenario.exists(), "the folder of the scenario is gone too");
    let kept = RunWriter::create(root.path(), &sample::manifest()).expect("creates");
    let mut manifest = sample::manifest();
    manifest.id = "20261126T100000Z-00000000".to_owned();
    let other = RunWriter::create(root.path(), &manifest).expect("creates");
    other.discard();
    assert!(kept.dir().is_dir());
}
