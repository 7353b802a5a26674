//! The project's own gate: a build of Plimsoll as a target, and the check that compares two of them.
//!
//! Skipped with a message where Python is not installed.

mod common;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use common::eventually;

const BUILD: &str = env!("CARGO_BIN_EXE_plimsoll");

/// A build as a target; ended, with what it started, when dropped.
struct Target {
    process: Child,
    port: u16,
}

impl Target {
    fn start(build: &str) -> Option<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        drop(listener);
        let process = python()?
            .arg("benches/self-gate/target.py")
            .args(["--port", &port.to_string(), "--build", build])
            .args(["--loaded", BUILD])
            .stderr(Stdio::null())
            .spawn()
            .expect("python3 starts");
        let target = Self { process, port };
        eventually("the target answers", || {
            target.ask("GET", "/health").is_some()
        });
        Some(target)
    }

    /// The status of the answer, and its body.
    fn ask(&self, method: &str, path: &str) -> Option<(u16, String)> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        let close = "host: localhost\r\ncontent-length: 0\r\nconnection: close";
        write!(stream, "{method} {path} HTTP/1.1\r\n{close}\r\n\r\n").ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let status = answer.split(' ').nth(1)?.parse().ok()?;
        Some((status, answer.split_once("\r\n\r\n")?.1.to_owned()))
    }

    /// Process groups of the servers that it has started.
    fn groups_of_children(&self) -> Vec<u32> {
        let processes = std::fs::read_dir("/proc").expect("/proc").flatten();
        let pids = processes.filter_map(|p| p.file_name().to_str()?.parse().ok());
        pids.filter_map(parent_and_group)
            .filter(|(parent, _)| *parent == self.process.id())
            .map(|(_, group)| group)
            .collect()
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        let _ = Command::new("kill")
            .arg(self.process.id().to_string())
            .status();
        let _ = self.process.wait();
    }
}

fn parent_and_group(pid: u32) -> Option<(u32, u32)> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // Behind the name: state, parent, group.
    let (_, rest) = stat.rsplit_once(") ")?;
    let mut fields = rest.split(' ').skip(1);
    Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
}

/// Python in the project's folder, where there is one.
fn python() -> Option<Command> {
    let mut command = Command::new("python3");
    let there = command.arg("--version").output();
    if !there.is_ok_and(|said| said.status.success()) {
        return None;
    }
    let mut command = Command::new("python3");
    command.current_dir(env!("CARGO_MANIFEST_DIR"));
    Some(command)
}

#[test]
fn work_is_answered_when_all_of_it_is_done() {
    let Some(target) = Target::start(BUILD) else {
        println!("skipped: python3 is not installed");
        return;
    };
    let done = Some((200, "done".to_owned()));
    assert_eq!(target.ask("POST", "/report?times=1"), done);
    assert_eq!(target.ask("POST", "/load?requests=100&seconds=1"), done);
    let status = |path| target.ask("POST", path).map(|(status, _)| status);
    assert_eq!(status("/nothing"), Some(404));
    assert_eq!(status("/load?requests=0&seconds=1"), Some(500));
}

#[test]
fn the_server_that_is_loaded_is_in_no_number() {
    let Some(target) = Target::start(BUILD) else {
        println!("skipped: python3 is not installed");
        return;
    };
    let (_, own) = parent_and_group(target.process.id()).expect("a process");
    let groups = target.groups_of_children();
    assert_eq!(groups.len(), 1);
    assert_ne!(groups[0], own);
}

#[test]
fn a_build_that_does_nothing_is_an_error() {
    let Some(target) = Target::start("/bin/true") else {
        println!("skipped: python3 is not installed");
        return;
    };
    for path in ["/load?requests=10&seconds=1", "/report?times=1"] {
        let answer = target.ask("POST", path);
        assert_eq!(answer.map(|(status, _)| status), Some(500), "{path}");
    }
}

#[test]
fn both_scenarios_are_asked_with_the_base_as_judge_and_reference() {
    let folder = tempfile::tempdir().expect("a folder");
    let Some(output) = gate(folder.path(), &["--", "--dry-run"]) else {
        println!("skipped: python3 is not installed");
        return;
    };
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{output:?}");
    for name in ["self-engine", "self-report"] {
        assert!(said.contains(name), "{said}");
    }
    let target = format!("benches/self-gate/target.py --port {{port}} --build {BUILD}");
    assert!(said.matches(&target).count() >= 2, "{said}");
}

#[test]
fn what_cannot_be_measured_is_not_passed() {
    let folder = tempfile::tempdir().expect("a folder");
    let Some(output) = gate(folder.path(), &["--", "--no-such-argument"]) else {
        println!("skipped: python3 is not installed");
        return;
    };
    assert_eq!(output.status.code(), Some(2), "{output:?}");
}

fn gate(folder: &Path, arguments: &[&str]) -> Option<Output> {
    let mut command = python()?;
    command
        .arg("benches/self-gate/gate.py")
        .args([BUILD, BUILD, "--output"])
        .arg(folder)
        .args(arguments);
    Some(command.output().expect("python3 starts"))
}
