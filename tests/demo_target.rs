//! Faults of the demo target that harm a whole process: memory, descriptors, crashes.

mod common;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, ChildStdout, Stdio};
use std::time::Duration;

use common::{Workplace, alive, eventually};

/// A demo target in a process of its own, with one fault.
struct Target {
    child: Child,
    output: BufReader<ChildStdout>,
    address: SocketAddr,
    _place: Workplace,
}

impl Target {
    fn with(fault: &str) -> Self {
        let place = Workplace::new();
        let mut child = place
            .command(&["demo-target", "--fault", fault])
            .stdout(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let mut output = BufReader::new(child.stdout.take().expect("a pipe"));
        let address = announced(&mut output);
        Self {
            child,
            output,
            address,
            _place: place,
        }
    }

    /// The one-line status, or nothing when no answer came in a while.
    fn ask(&self, stream: &mut TcpStream) -> Option<String> {
        stream
            .set_read_timeout(Some(Duration::from_millis(300)))
            .expect("a socket");
        let host = self.address;
        write!(stream, "GET / HTTP/1.1\r\nhost: {host}\r\n\r\n").ok()?;
        let mut answer = [0; 1024];
        let n = stream.read(&mut answer).ok()?;
        let text = String::from_utf8_lossy(&answer[..n]).into_owned();
        text.lines().next().map(str::to_owned)
    }

    fn connect(&self) -> std::io::Result<TcpStream> {
        TcpStream::connect(self.address)
    }

    fn proc(&self, name: &str) -> String {
        format!("/proc/{}/{name}", self.child.id())
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The address in the next `listening on http://…`.
fn announced(output: &mut impl BufRead) -> SocketAddr {
    let mut line = String::new();
    output.read_line(&mut line).expect("a line");
    let address = line.trim().strip_prefix("listening on http://");
    address
        .unwrap_or_else(|| panic!("`{line}`"))
        .parse()
        .expect("an address")
}

/// Resident pages.
fn resident(target: &Target) -> u64 {
    let pages = fs::read_to_string(target.proc("statm")).expect("statm");
    let resident = pages.split(' ').nth(1).expect("two numbers");
    resident.parse().expect("a number")
}

#[test]
fn a_leak_is_resident() {
    let target = Target::with("leak:strength=1");
    let mut stream = target.connect().expect("a connection");
    target.ask(&mut stream);
    let before = resident(&target);
    for _ in 0..40 {
        assert!(target.ask(&mut stream).is_some());
    }
    let grown = (resident(&target) - before) * 4096;
    assert!(grown >= 40 * 256 * 1024, "{grown} bytes");
}

#[test]
fn without_descriptors_new_connections_wait_and_old_ones_go_on() {
    let target = Target::with("descriptor-exhaustion");
    let mut old = target.connect().expect("a connection");
    target.ask(&mut old).expect("an answer");
    let descriptors = || fs::read_dir(target.proc("fd")).map_or(0, Iterator::count);
    eventually("the limit", || descriptors() == 256);
    let limits = fs::read_to_string(target.proc("limits")).expect("limits");
    let files = limits
        .lines()
        .find(|line| line.starts_with("Max open files"))
        .expect("the limit");
    assert_eq!(files.split_whitespace().nth(3), Some("256"), "{files}");
    let mut new = target.connect().expect("the kernel's backlog");
    assert_eq!(target.ask(&mut new), None);
    assert_eq!(target.ask(&mut old).as_deref(), Some("HTTP/1.1 200 OK"));
}

#[test]
fn a_target_that_crashes_comes_up_again_and_leaves_nothing_behind() {
    let mut target = Target::with("crash-loop:at=50ms");
    let mut refused = false;
    // Under load: until it was seen down, and up again.
    let mut ask = |target: &Target| match target.connect() {
        Ok(mut stream) => target.ask(&mut stream).is_some(),
        Err(error) => {
            refused |= error.kind() == std::io::ErrorKind::ConnectionRefused;
            false
        }
    };
    assert!(ask(&target), "it begins well");
    eventually("it crashes", || !ask(&target));
    assert_eq!(announced(&mut target.output), target.address);
    eventually("it is up", || ask(&target));
    eventually("it crashes again", || !ask(&target));
    assert_eq!(announced(&mut target.output), target.address);
    assert!(refused, "connections were refused in between");

    let id = target.child.id();
    let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children"));
    let children = children.expect("the kernel tells children");
    let serving: u32 = children.trim().parse().expect("one child");
    assert!(alive(serving));
    target.child.kill().expect("it is there");
    target.child.wait().expect("it ends");
    eventually("it went along", || !alive(serving));
}
