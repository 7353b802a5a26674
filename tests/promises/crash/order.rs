//! Nothing is told before the disk has it. A kill cannot show that, since the kernel keeps what a dead
//! process wrote; a power cut would. So the order of the calls is looked at.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::ledger_state::Verb;
use super::record::{self, kind_of};
use super::strace::{self, Call};
use crate::common::{Ended, Manner, Server, Workplace};

/// Type of a frame that holds an interval.
const INTERVAL: u8 = 1;

/// What the disk may not have yet.
#[derive(Debug, Default)]
struct Unsynced {
    /// Files that were written to.
    files: BTreeSet<PathBuf>,
    /// Folders in which a name is new.
    folders: BTreeSet<PathBuf>,
}

/// Says what is wrong with the order of these calls, of which each was about the store or told
/// something.
fn faults(calls: &[Call]) -> Vec<String> {
    let mut unsynced = Unsynced::default();
    let mut faults = Vec::new();
    for call in calls.iter().filter(|c| c.succeeded()) {
        if is_telling(call) {
            let mut fault =
                |what: &Path| faults.push(format!("told before {} is durable", what.display()));
            unsynced.files.iter().for_each(|file| fault(file));
            unsynced.folders.iter().for_each(|folder| fault(folder));
            continue;
        }
        let Some(path) = call.path().and_then(|path| in_store(&path)) else {
            continue;
        };
        match call.name.as_str() {
            "write" if is_derived(&path) => {}
            "write" => {
                if !is_temporary(&path) && !is_log(&path) {
                    faults.push(format!("{} is written in place", path.display()));
                }
                if kind_of(call) == Some(INTERVAL)
                    && unsynced.files.contains(&path)
                    && unsynced_interval(calls, call)
                {
                    faults.push("an interval follows one that is not durable".to_owned());
                }
                unsynced.files.insert(path);
            }
            "fsync" | "fdatasync" => {
                unsynced.files.remove(&path);
                unsynced.folders.remove(&path);
            }
            "rename" | "renameat" | "renameat2" if !is_derived(&path) => {
                let folder = path.parent().expect("a folder").to_owned();
                let of_folder =
                    |file: &&PathBuf| is_temporary(file) && file.parent() == Some(&folder);
                if let Some(early) = unsynced.files.iter().find(of_folder) {
                    faults.push(format!(
                        "{} is renamed before it is durable",
                        early.display()
                    ));
                }
                unsynced.files.retain(|file| !of_folder(&file));
                unsynced.folders.insert(folder);
            }
            _ => {}
        }
    }
    faults
}

/// Whether an interval was written before this one with no sync in between.
fn unsynced_interval(calls: &[Call], now: &Call) -> bool {
    let before = calls.iter().take_while(|c| !std::ptr::eq(*c, now));
    let mut open = false;
    for call in before.filter(|c| c.path().is_some_and(|p| is_log(&p))) {
        match call.name.as_str() {
            "write" => open |= kind_of(call) == Some(INTERVAL),
            "fdatasync" => open = false,
            _ => {}
        }
    }
    open
}

fn is_telling(call: &Call) -> bool {
    call.name == "write" && (call.arguments.starts_with("1<") || call.arguments.starts_with("2<"))
}

/// The part of a path that begins with one of our folders.
fn in_store(path: &Path) -> Option<PathBuf> {
    let parts: Vec<_> = path.iter().collect();
    let ours = parts
        .iter()
        .position(|part| *part == "reports" || *part == "baselines")?;
    Some(parts[ours..].iter().collect())
}

fn is_temporary(path: &Path) -> bool {
    let name = path.file_name().map(|n| n.to_string_lossy().into_owned());
    name.is_some_and(|n| n.starts_with(".write-"))
}

fn is_log(path: &Path) -> bool {
    path.ends_with("run.plog")
}

/// The index of runs is built anew when it is not what it should be.
fn is_derived(path: &Path) -> bool {
    path.to_string_lossy().contains(".history.sqlite")
}

#[track_caller]
fn is_in_order(place: &Workplace, args: &[&str]) -> usize {
    let traced = strace::trace(place, args, None);
    assert!(record::is_measured(&traced.ended), "{:?}", traced.ended);
    let faults = faults(&traced.calls);
    assert!(faults.is_empty(), "{args:?}: {faults:#?}");
    let told = traced.calls.iter().filter(|c| is_telling(c)).count();
    assert!(told > 0, "it says what it did");
    traced
        .calls
        .iter()
        .filter(|c| c.is_of_store() && c.name.ends_with("sync"))
        .count()
}

#[test]
fn what_is_told_is_on_the_disk() {
    if !strace::is_possible() {
        return;
    }
    let (place, server) = (Workplace::new(), Server::start(Manner::Prompt));
    let url = server.url();
    let run = ["run", &url, "--rate", "50/s", "--for", "1100ms"];
    let mut synced = is_in_order(&place, &run);
    for verb in Verb::ALL {
        synced += is_in_order(&Verb::place(), &verb.args());
    }
    println!("A1: nothing told before it was durable, {synced} syncs seen");
}

#[test]
fn an_order_that_is_wrong_is_found() {
    let write = r#"write(5</w/baselines/s/.write-a.tmp>, "{", 9) = 9"#;
    let sync = "fsync(5</w/baselines/s/.write-a.tmp>) = 0";
    let rename = r#"renameat(AT_FDCWD</w>, "/w/baselines/s/.write-a.tmp", AT_FDCWD</w>, "./baselines/s/b.json") = 0"#;
    let sync_folder = "fsync(6</w/baselines/s>) = 0";
    let tell = r#"write(1<pipe:[7]>, "done", 4) = 4"#;
    let head = r"\x49\x00\x00\x00\x7c\x76\xec\x23\x00\x00\x00\x00\x00\x00\x00\x00";
    let interval = format!(r#"write(5</w/reports/s/r/run.plog>, "{head}\x01", 90) = 90"#);
    let sample = format!(r#"write(5</w/reports/s/r/run.plog>, "{head}\x02", 90) = 90"#);
    let sync_log = "fdatasync(5</w/reports/s/r/run.plog>) = 0";
    let in_place = r#"write(5</w/baselines/s/b.json>, "{", 9) = 9"#;
    let of = |lines: &[&str]| faults(&strace::parse(&lines.join("\n"))).len();
    assert_eq!(of(&[write, sync, rename, sync_folder, tell]), 0);
    assert_eq!(
        of(&[
            &sample, &interval, sync_log, &sample, &interval, sync_log, tell
        ]),
        0
    );
    for wrong in [
        &[write, rename, sync_folder, tell][..],
        &[write, sync, rename, tell],
        &[in_place, "fsync(5</w/baselines/s/b.json>) = 0", tell],
        &[&interval, tell],
        &[&interval, &sample, &interval, sync_log],
    ] {
        assert_eq!(of(wrong), 1, "{wrong:?}");
    }
}

#[test]
fn only_the_main_thread_writes_what_is_stored() {
    if !strace::is_possible() {
        return;
    }
    let (place, server) = (Workplace::new(), Server::start(Manner::Prompt));
    let (url, log) = (server.url(), place.path().join("all.log"));
    let log_name = log.to_string_lossy();
    let strace = [
        "strace",
        "-f",
        "-q",
        "-o",
        &log_name,
        "-e",
        "trace=openat,?rename,renameat",
    ];
    let mut command: Command = place.command_behind(&strace, &["run", &url, "--for", "300ms"]);
    let ended = Ended::from(command.output().expect("starts"));
    assert!(record::is_measured(&ended), "{ended:?}");
    let text = std::fs::read_to_string(&log).expect("a log");
    let of_store = |line: &&str| line.contains("reports/");
    let changes = |line: &&str| {
        ["O_WRONLY", "O_RDWR", "rename"]
            .iter()
            .any(|how| line.contains(how))
    };
    let threads: BTreeSet<&str> = text
        .lines()
        .filter(of_store)
        .filter(changes)
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert_eq!(threads.len(), 1, "{text}");
    let first = text.split_whitespace().next();
    assert_eq!(
        threads.first().copied(),
        first,
        "the main thread is the first"
    );
}
