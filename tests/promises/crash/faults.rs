//! A disk that is full, broken or not to be written: a clear error, the state as it was, and the load
//! stopped.

use std::process::Command;

use super::ledger_state::{Seen, Verb};
use super::record::{self, Fate, Logged};
use super::strace::{self, Blow, Point};
use crate::common::{Ended, Manner, Server, Workplace};

/// What a disk says that takes nothing more.
const ERRORS: [&str; 3] = ["ENOSPC", "EIO", "EROFS"];

/// A run of some intervals, of which each is a round of its own.
const ROUNDS: &[&str] = &["--rate", "50/s", "--for", "60ms", "--rounds", "4"];

/// Requires an error that names a code and the file, and nothing else that could be taken for one.
#[track_caller]
fn is_told(ended: &Ended, what: &str) {
    assert_eq!(ended.code, Some(2), "{what}: {ended:?}");
    assert!(
        ended.stderr.contains("error[PL0"),
        "{what}: {}",
        ended.stderr
    );
    let names = ["reports", "baselines"]
        .iter()
        .any(|n| ended.stderr.contains(n));
    assert!(names, "{what}: no path: {}", ended.stderr);
}

#[track_caller]
fn has_not_panicked(ended: &Ended, what: &str) {
    let said = format!("{}{}", ended.stdout, ended.stderr);
    assert!(!said.contains("panicked"), "{what}: {said}");
    assert_ne!(ended.code, Some(101), "{what}");
}

/// Has so many calls of each name of a run fail.
fn break_a_run(most: usize) {
    let run = |point: Option<Point>| {
        let (place, server) = (Workplace::new(), Server::start(Manner::Prompt));
        let url = server.url();
        let traced = strace::trace(&place, &[&["run", &url], ROUNDS].concat(), point);
        (place, server, traced)
    };
    let whole = run(None).2;
    for error in ERRORS {
        let points = strace::points(&whole.calls, Blow::Fail(error), most);
        let ends = strace::at_once(&points, |point| {
            let what = format!("{point:?}");
            let (place, server, traced) = run(Some(*point));
            let ended = &traced.ended;
            has_not_panicked(ended, &what);
            let hit = traced.calls.iter().any(|c| c.injected && c.is_of_store());
            let logged = Logged::of(&traced.calls);
            let (fate, intervals) = record::is_what_was_written(&place, &logged, &server, &what);
            assert!(intervals >= logged.synced.intervals, "{what}");
            assert_eq!(
                super::temporary(place.path()),
                [""; 0],
                "{what}: half written"
            );
            if record::is_measured(ended) {
                assert_eq!(fate, Fate::Complete, "{what}");
            } else if hit {
                is_told(ended, &what);
            }
            if fate == Fate::Partial {
                record::is_shown_and_never_passes(&place, &what);
            }
            hit && ended.code == Some(2)
        });
        let told = ends.iter().filter(|told| **told).count();
        println!(
            "A4: {error} at {} calls of a run: {told} errors told, the rest done without, all states right",
            points.len()
        );
        assert!(told * 2 > points.len(), "{told} of {}", points.len());
    }
}

#[test]
fn a_disk_that_fails_ends_a_run_with_its_record() {
    if strace::is_possible() {
        break_a_run(2);
    }
}

#[test]
#[ignore = "minutes: just promises-long"]
fn a_disk_that_fails_ends_a_run_with_its_record_at_every_call() {
    if strace::is_possible() {
        break_a_run(usize::MAX);
    }
}

/// Has so many calls of each name fail, once and from then on, of what changes a baseline.
fn break_a_change(verb: Verb, most: usize) {
    let before = Verb::place();
    let old = Seen::of(&before);
    let after = strace::copy_of(&before);
    let whole = strace::trace(&after, &verb.args(), None);
    let new = Seen::of(&after);
    for error in ERRORS {
        let once = strace::points(&whole.calls, Blow::Fail(error), most);
        let on = strace::points(&whole.calls, Blow::FailOn(error), most);
        // What is written from then on is also what would be said.
        let on = on.into_iter().filter(|p| p.call != "write");
        let points: Vec<Point> = once.into_iter().chain(on).collect();
        let told = strace::at_once(&points, |point| {
            let what = format!("{verb:?} {point:?}");
            let place = strace::copy_of(&before);
            let traced = strace::trace(&place, &verb.args(), Some(*point));
            let ended = &traced.ended;
            has_not_panicked(ended, &what);
            let seen = Seen::of(&place);
            if ended.code == Some(0) {
                assert_eq!(seen, new, "{what}: done and not there");
            } else {
                is_told(ended, &what);
                assert_eq!(seen, old, "{what}: told of an error and changed");
            }
            place
                .run(&verb.args())
                .exits(if seen == new { verb.again() } else { 0 });
            Verb::is_in_order(&place, &what);
            ended.code != Some(0)
        });
        let told = told.iter().filter(|told| **told).count();
        println!(
            "A4: {error} at {} calls of {verb:?}: {told} errors told, the baseline as it was; else done",
            points.len()
        );
    }
}

fn break_changes(most: usize) {
    if strace::is_possible() {
        for verb in Verb::ALL {
            break_a_change(*verb, most);
        }
    }
}

#[test]
fn a_disk_that_fails_leaves_a_baseline_as_it_was() {
    break_changes(1);
}

#[test]
#[ignore = "minutes: just promises-long"]
fn a_disk_that_fails_leaves_a_baseline_as_it_was_at_every_call() {
    break_changes(usize::MAX);
}

#[test]
fn who_is_told_of_an_error_finds_the_baseline_as_it_was() {
    if !strace::is_possible() {
        return;
    }
    let before = Verb::place();
    let whole = strace::trace(&strace::copy_of(&before), &Verb::Save.args(), None);
    let syncs = whole.calls.iter().filter(|c| c.name == "fsync");
    // The first file, then its folder, in which it has its name already.
    let number = 1 + syncs
        .clone()
        .position(|c| c.path().is_some_and(|p| p.ends_with("shop")))
        .expect("a folder");
    let point = Point {
        call: "fsync",
        number,
        blow: Blow::Fail("EIO"),
    };
    let place = strace::copy_of(&before);
    let traced = strace::trace(&place, &Verb::Save.args(), Some(point));
    is_told(&traced.ended, "its name is not durable");
    assert_eq!(Seen::of(&place), Seen::of(&before));
}

#[test]
fn a_run_that_could_not_be_read_once_is_read_the_next_time() {
    if !strace::is_possible() {
        return;
    }
    let history = ["history", "shop", "--json"];
    let place = Verb::place();
    let fresh = strace::copy_of(&place);
    let whole = strace::trace(&fresh, &history, None);
    let mut opened = whole.calls.iter().filter(|c| c.name == "openat");
    let log = opened.position(|c| c.path().is_some_and(|p| p.ends_with("run.plog")));
    let point = Point {
        call: "openat",
        number: 1 + log.expect("it reads a log"),
        blow: Blow::Fail("EIO"),
    };
    let broken = strace::trace(&place, &history, Some(point));
    assert!(broken.calls.iter().any(|c| c.injected && c.is_of_store()));
    let mended = place.run(&history).exits(0);
    assert_eq!(mended.stdout, whole.ended.stdout);
}

#[test]
fn a_folder_that_may_not_be_written_is_named() {
    if !strace::is_possible() {
        return;
    }
    let before = Verb::place();
    let whole = strace::trace(&strace::copy_of(&before), &Verb::Promote.args(), None);
    let mut opened = whole.calls.iter().filter(|c| c.name == "openat");
    let lock = 1 + opened
        .position(|c| c.path().is_some_and(|p| p.ends_with(".lock")))
        .expect("it locks");
    for (call, number, error, says) in [
        ("openat", lock, "EROFS", "Read-only file system"),
        ("flock", 1, "ENOLCK", "No locks available"),
    ] {
        let place = strace::copy_of(&before);
        let blow = Blow::Fail(error);
        let traced = strace::trace(
            &place,
            &Verb::Promote.args(),
            Some(Point { call, number, blow }),
        );
        is_told(&traced.ended, says);
        assert!(
            traced.ended.stderr.contains(says),
            "{}",
            traced.ended.stderr
        );
        assert!(
            traced.ended.stderr.contains("cannot lock"),
            "{}",
            traced.ended.stderr
        );
        assert_eq!(Seen::of(&place), Seen::of(&before));
    }
}

#[test]
fn what_cannot_be_recorded_is_not_sent() {
    if !strace::is_possible() {
        return;
    }
    let (place, server) = (Workplace::new(), Server::start(Manner::Prompt));
    let url = server.url();
    let run = ["run", &url, "--rate", "100/s", "--for", "8s"];
    // The second time that it syncs its log it has sent for two seconds.
    let point = Point {
        call: "fdatasync",
        number: 2,
        blow: Blow::Fail("ENOSPC"),
    };
    let traced = strace::trace(&place, &run, Some(point));
    is_told(&traced.ended, "full");
    let sent = server.requests();
    assert!((100..700).contains(&sent), "sent {sent} of 800");
    record::is_shown_and_never_passes(&place, "full");
    println!("A4: the load ended after {sent} of 800 requests, when the disk was full after 200");
}

#[test]
fn a_limit_on_the_size_of_files_is_an_error_and_no_death() {
    let blocks: Vec<u32> = vec![0, 1, 2, 4, 8, 12, 16, 24, 32, 48];
    let ends = strace::at_once(&blocks, |blocks| {
        let (place, server) = (Workplace::new(), Server::start(Manner::Prompt));
        let (url, what) = (server.url(), format!("{blocks} blocks"));
        let script = format!("ulimit -f {blocks} && exec \"$@\"");
        let shell = ["sh", "-c", &script, "sh"];
        let mut command: Command = place.command_behind(&shell, &[&["run", &url], ROUNDS].concat());
        let ended = Ended::from(command.output().expect("a shell"));
        has_not_panicked(&ended, &what);
        assert_eq!(
            super::temporary(place.path()),
            [""; 0],
            "{what}: half written"
        );
        if !record::is_measured(&ended) {
            is_told(&ended, &what);
            assert!(
                ended.stderr.contains("ulimit -f"),
                "{what}: {}",
                ended.stderr
            );
        }
        match record::only_run(&place) {
            None => assert_eq!(ended.code, Some(2), "{what}"),
            Some(dir) => {
                let run = plimsoll::store::runs::read(&dir).expect("what was written reads");
                if run.state == plimsoll::model::RunState::Partial {
                    record::is_shown_and_never_passes(&place, &what);
                }
            }
        }
        ended.code
    });
    let failed = ends.iter().filter(|code| **code == Some(2)).count();
    assert!(failed >= 4, "{ends:?}");
    println!(
        "A4: {failed} of {} limits on the size of files told as errors",
        blocks.len()
    );
}

#[test]
fn a_run_that_would_not_fit_is_not_begun() {
    let (place, server) = (Workplace::new(), Server::start(Manner::Prompt));
    let disk = rustix::fs::statvfs(place.path()).expect("a disk");
    if disk.f_bavail.saturating_mul(disk.f_frsize) > 50 << 40 {
        return println!("skipped: whatever may be planned fits on this disk");
    }
    let url = server.url();
    let steps: String = (0..200)
        .map(|i| format!("[[step]]\nname = \"s{i}\"\nrequest = \"GET /{i}\"\n\n"))
        .collect();
    let text = format!(
        "name = \"endless\"\n\n[target]\nurl = \"{url}\"\n\n{steps}[[phase]]\nname = \"steady\"\nrate = \"1/s\"\nduration = \"168h\"\n"
    );
    place.write("scenarios/endless.toml", &text);
    // A run that is begun all the same would never end.
    let behind = ["timeout", "-s", "KILL", "5"];
    let mut command = place.command_behind(&behind, &["run", "endless", "--rounds", "1000"]);
    let ended = Ended::from(command.output().expect("starts"));
    is_told(&ended, "too large");
    assert!(ended.stderr.contains("PL0218"), "{}", ended.stderr);
    assert_eq!(server.requests(), 0, "nothing was sent");
    assert!(!place.path().join("reports").exists(), "nothing was made");
}

/// A script that runs a command on a small disk of its own, fills it up once the run has begun but for
/// so many KiB, and copies what is left.
const ON_A_SMALL_DISK: &str = r#"
    mount -t tmpfs -o size=4m tmpfs disk && cd disk || exit 77
    "$@" & run=$!
    until ls reports/*/*/run.plog >/dev/null 2>&1; do kill -0 $run || break; sleep 0.05; done
    dd if=/dev/zero of=full bs=4k >/dev/null 2>&1
    truncate -s -${ROOM}k full
    wait $run; code=$?
    rm full; cp -a reports ../left
    exit $code
"#;

#[test]
fn a_disk_that_fills_up_ends_the_run_with_its_record() {
    let ends = strace::at_once(&[0, 4, 8, 16, 32], |room: &u32| {
        let (place, server) = (Workplace::new(), Server::start(Manner::Prompt));
        let url = server.url();
        std::fs::create_dir(place.path().join("disk")).expect("a folder");
        let behind = ["unshare", "-Urm", "sh", "-c", ON_A_SMALL_DISK, "sh"];
        let run = [
            "run", &url, "--rate", "50/s", "--for", "60ms", "--rounds", "12",
        ];
        let mut command = place.command_behind(&behind, &run);
        let output = command.env("ROOM", room.to_string()).output();
        let Ok(output) = output else { return None };
        let (ended, what) = (Ended::from(output), format!("{room} KiB"));
        if ended.code == Some(77) || ended.stderr.contains("unshare") {
            return None;
        }
        has_not_panicked(&ended, &what);
        is_told(&ended, &what);
        assert!(
            ended.stderr.contains("free some space"),
            "{what}: {}",
            ended.stderr
        );
        let left = Workplace::new();
        std::fs::rename(place.path().join("left"), left.path().join("reports")).expect("moves");
        assert_eq!(
            super::temporary(left.path()),
            [""; 0],
            "{what}: half written"
        );
        let run =
            record::only_run(&left).map(|dir| plimsoll::store::runs::read(&dir).expect("reads"));
        if run.is_some_and(|run| run.state == plimsoll::model::RunState::Partial) {
            record::is_shown_and_never_passes(&left, &what);
        }
        Some(())
    });
    match ends.iter().flatten().count() {
        0 => println!("skipped: no disk may be mounted here"),
        told => println!(
            "A4: {told} of {} disks that filled up told as errors",
            ends.len()
        ),
    }
}
