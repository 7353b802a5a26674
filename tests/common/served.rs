//! `plimsoll serve` as a process, and a client that says what it likes.

#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test file uses its own part"
)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Stdio};
use std::time::Duration;

use crate::common::Workplace;

/// So long an answer may take before it counts as none.
const PATIENCE: Duration = Duration::from_secs(60);

/// A process that ends with its test.
pub struct Running(pub Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Serves until it is dropped.
pub struct Served {
    pub process: Running,
    /// As it was printed.
    pub url: String,
    pub port: u16,
    /// Of the first page, from `/` on, with the token.
    pub path: String,
}

impl Served {
    pub fn start(place: &Workplace) -> Self {
        let mut command = place.command(&["serve"]);
        command.stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().expect("it starts");
        let stdout = child.stdout.take().expect("its output");
        let mut url = String::new();
        BufReader::new(stdout).read_line(&mut url).expect("a line");
        let url = url.trim_end().to_owned();
        let rest = url.strip_prefix("http://127.0.0.1:").expect("an address");
        let (port, path) = rest.split_once('/').expect("a path");
        Self {
            process: Running(child),
            port: port.parse().expect("a port"),
            path: format!("/{path}"),
            url: url.clone(),
        }
    }

    /// Says these bytes and listens until the connection is closed; within `patience`, or it panics.
    pub fn says(&self, bytes: &[u8], patience: Duration) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("it listens");
        stream.set_read_timeout(Some(patience)).expect("a timeout");
        // It may be closed before all of it is sent.
        let _ = stream.write_all(bytes);
        let mut answer = Vec::new();
        match stream.read_to_end(&mut answer) {
            Err(e) if e.kind() == std::io::ErrorKind::WouldBlock => {
                panic!("the connection was not closed")
            }
            Ok(_) | Err(_) => String::from_utf8_lossy(&answer).into_owned(),
        }
    }

    /// A request with these fields beside `Host`.
    pub fn asks(&self, method: &str, path: &str, fields: &str) -> Answered {
        let host = format!("host: 127.0.0.1:{}\r\n", self.port);
        let host = if fields.contains("host:") { "" } else { &host };
        let request = format!("{method} {path} HTTP/1.1\r\n{host}{fields}\r\n");
        Answered::of(&self.says(request.as_bytes(), PATIENCE))
    }

    /// What is behind the token.
    pub fn gets(&self, rest: &str) -> Answered {
        self.asks("GET", &format!("{}{rest}", self.path), "")
    }
}

/// An answer; of a connection that was closed without one, 0 and nothing.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Answered {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Answered {
    fn of(text: &str) -> Self {
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
        let status = head.split(' ').nth(1).and_then(|s| s.parse().ok());
        Self {
            status: status.unwrap_or(0),
            head: head.to_ascii_lowercase(),
            body: body.to_owned(),
        }
    }
}
