//! Snapshots of real processes.

use std::io::{BufRead, BufReader};

use super::super::running::Running;
use super::*;
use crate::scenario::plan::ProcessRule;

fn text<'a>(snapshot: &'a Snapshot, path: &str) -> &'a str {
    let found = snapshot.exhibits.iter().find(|e| e.path == path);
    let Some(exhibit) = found else {
        let paths: Vec<_> = snapshot.exhibits.iter().map(|e| &e.path).collect();
        panic!("no {path} in {paths:?}, because {:?}", snapshot.unread)
    };
    std::str::from_utf8(&exhibit.bytes).expect("text")
}

#[test]
fn a_running_process_is_seen_with_all_that_it_has() {
    let mut shell = Running::shell("exec 5</dev/null; sleep 1000 & echo ready; wait; true");
    let mut line = String::new();
    let out = shell.0.stdout.as_mut().unwrap();
    BufReader::new(out).read_line(&mut line).unwrap();
    let pid = shell.0.id();
    let snapshot = snapshot(&Subject::Group(pid));
    assert_eq!(snapshot.processes.len(), 2);
    let leader = snapshot.processes.iter().find(|p| p.pid == pid).unwrap();
    assert_eq!(leader.name.raw(), "sh");
    assert_eq!(leader.arguments[1].raw(), "-c");
    assert!(leader.resident.is_some_and(|b| b.0 > 0));
    assert!(leader.descriptors.is_some_and(|n| n >= 4));
    assert_eq!(snapshot.threads.len(), 2, "a thread each");
    let of = |file: &str| format!("process-{pid}/{file}");
    assert!(text(&snapshot, &of("status")).contains("Name:\tsh"));
    assert!(text(&snapshot, &of("limits")).contains("Max open files"));
    assert!(text(&snapshot, &of("descriptors.txt")).contains("5\t/dev/null"));
    assert!(text(&snapshot, &of("memory-map.txt")).lines().count() > 2);
    assert!(text(&snapshot, "host/meminfo").contains("MemTotal"));
    assert!(text(&snapshot, "host/machine.txt").contains("kernel "));
    for exhibit in &snapshot.exhibits {
        assert!(!exhibit.path.contains("environ"), "it is never read");
        assert!(!exhibit.tells.is_empty());
    }
}

#[test]
fn whoever_is_not_there_is_said() {
    let nobody = Subject::Found(ProcessRule::Name("plimsoll-test-nobody".to_owned()));
    let snapshot = snapshot(&nobody);
    assert!(snapshot.processes.is_empty());
    let said = Unread::new(
        "the processes of name = \"plimsoll-test-nobody\"",
        "there are none now",
    );
    assert!(snapshot.unread.contains(&said), "{:?}", snapshot.unread);
    assert!(
        !text(&snapshot, "host/loadavg").is_empty(),
        "the machine is there"
    );
}
