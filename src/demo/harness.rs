//! A demo target on a thread, and a client of it, for tests.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::oneshot;

use super::{Ended, Options, parse_fault, serve};

pub(super) struct Demo {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<io::Result<Ended>>>,
}

impl Demo {
    pub(super) fn start(options: Options) -> Self {
        let (stop, stopped) = oneshot::channel::<()>();
        let (tell, told) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            serve(options, |address| tell.send(address).unwrap(), async move {
                let _ = stopped.await;
            })
        });
        Self {
            address: told.recv().unwrap(),
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    /// With one fault, as it is written.
    pub(super) fn with(fault: &str) -> Self {
        Self::start(Options::default().with(parse_fault(fault).expect("a fault")))
    }

    pub(super) fn client(&self) -> Client {
        Client(BufReader::new(TcpStream::connect(self.address).unwrap()))
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap().unwrap();
        }
    }
}

pub(super) struct Client(BufReader<TcpStream>);

impl Client {
    /// Sends a request on the open connection and reads status line and body.
    pub(super) fn ask(&mut self, method: &str, path: &str, body: &str) -> io::Result<String> {
        let length = body.len();
        self.0.get_mut().write_all(
            format!(
                "{method} {path} HTTP/1.1\r\nhost: demo\r\ncontent-length: {length}\r\n\r\n{body}"
            )
            .as_bytes(),
        )?;
        let mut status = String::new();
        self.0.read_line(&mut status)?;
        let mut length = None;
        loop {
            let mut line = String::new();
            self.0.read_line(&mut line)?;
            if line.trim().is_empty() {
                break;
            }
            if let Some(seconds) = line.strip_prefix("retry-after: ") {
                status = format!("{} (retry after {} s)", status.trim(), seconds.trim());
            }
            if let Some(value) = line.strip_prefix("content-length: ") {
                length = value.trim().parse().ok();
            }
            assert!(!line.starts_with("date"), "answers never vary");
        }
        let mut body = vec![0; length.expect("every answer has a length")];
        self.0.read_exact(&mut body)?;
        Ok(format!(
            "{} {}",
            status.trim(),
            String::from_utf8(body).unwrap()
        ))
    }

    /// Whether a request gets no answer for so long.
    pub(super) fn is_left_waiting(&mut self, method: &str, path: &str, time: Duration) -> bool {
        self.0.get_ref().set_read_timeout(Some(time)).unwrap();
        let asked = self.ask(method, path, "");
        asked.is_err_and(|e| {
            matches!(
                e.kind(),
                io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
            )
        })
    }

    /// A series of `/metrics`, with its labels as they stand there.
    pub(super) fn metric(&mut self, series: &str) -> f64 {
        let page = self.ask("GET", "/metrics", "").unwrap();
        let line = page
            .lines()
            .find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("no {series} in\n{page}"))
            .parse()
            .unwrap()
    }
}
