//! The server over real sockets, with limits that are reached soon.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use super::server::{Answer, Asked, Limits, Page, serve_within};
use crate::stop::Stop;

struct Served {
    port: u16,
    /// With the token, from `/` on.
    path: String,
    stop: Stop,
    thread: Option<JoinHandle<()>>,
}

impl Served {
    fn start(limits: Limits) -> Self {
        let (tell, told) = mpsc::channel();
        let stop = Stop::default();
        let heard = stop.clone();
        let thread = std::thread::spawn(move || {
            let ready = |url: &str| tell.send(url.to_owned()).expect("somebody listens");
            serve_within(limits, 0, std::sync::Arc::new(page), ready, &heard).expect("it serves");
        });
        let url = told.recv().expect("an address");
        let (authority, path) = url["http://".len()..].split_once('/').expect("a path");
        let port = authority.rsplit(':').next().and_then(|p| p.parse().ok());
        Self {
            port: port.expect("a port"),
            path: format!("/{path}"),
            stop,
            thread: Some(thread),
        }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).expect("it listens");
        let patience = Some(Duration::from_secs(30));
        stream.set_read_timeout(patience).expect("a timeout");
        stream
    }

    /// Everything that is answered until the connection is closed.
    fn said(&self, request: &str) -> String {
        let mut stream = self.connect();
        // It may be closed before all of it is sent.
        let _ = stream.write_all(request.as_bytes());
        rest(&mut stream)
    }

    fn get(&self, rest: &str, fields: &str) -> String {
        self.said(&format!(
            "GET {}{rest} HTTP/1.1\r\nhost: 127.0.0.1:{}\r\n{fields}\r\n",
            self.path, self.port
        ))
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.stop.drain();
        let ended = self.thread.take().expect("once").join();
        assert!(ended.is_ok() || std::thread::panicking());
    }
}

fn rest(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    match stream.read_to_end(&mut bytes) {
        Err(e) if e.kind() == std::io::ErrorKind::WouldBlock => panic!("it was not closed"),
        // A connection that is closed with something unread is reset.
        Ok(_) | Err(_) => String::from_utf8_lossy(&bytes).into_owned(),
    }
}

fn page(asked: &Asked) -> Answer {
    match asked.path.first().map_or("", String::as_str) {
        "" if asked.known.as_deref() == Some("s1") => Answer::Unchanged,
        "" => Answer::Page(Page {
            html: "<p>all</p>".to_owned(),
            state: Some("s1".to_owned()),
        }),
        "broken" => Answer::Unshowable("damaged\n".to_owned()),
        "panics" => panic!("a page that cannot be made"),
        "large" => Answer::Page(Page {
            html: "x".repeat(64 << 20),
            state: None,
        }),
        _ => Answer::Nothing,
    }
}

fn status(said: &str) -> &str {
    said.split(' ').nth(1).unwrap_or("closed")
}

#[test]
fn pages_are_answered_with_what_keeps_them_to_themselves() {
    let served = Served::start(Limits::default());
    let said = served.get("", "");
    assert_eq!(status(&said), "200");
    assert!(said.ends_with("\r\n\r\n<p>all</p>"), "{said}");
    for field in [
        "content-type: text/html; charset=utf-8",
        "frame-ancestors 'none'",
        "x-content-type-options: nosniff",
        "referrer-policy: no-referrer",
        "cache-control: no-store",
        "cross-origin-resource-policy: same-origin",
        "etag: \"s1\"",
        "connection: close",
    ] {
        assert!(said.contains(field), "{field}\n{said}");
    }
    assert!(!said.contains("access-control-allow"), "{said}");
    assert_eq!(status(&served.get("", "if-none-match: \"s1\"\r\n")), "304");
    assert_eq!(status(&served.get("", "if-none-match: \"s0\"\r\n")), "200");
    let broken = served.get("broken", "");
    assert!(status(&broken) == "500" && broken.ends_with("damaged\n"));
    assert_eq!(status(&served.get("panics", "")), "500");
    assert_eq!(status(&served.get("../../etc/passwd", "")), "404");
    let bare = served.path.trim_end_matches('/');
    let host = format!("host: 127.0.0.1:{}", served.port);
    let moved = served.said(&format!("GET {bare} HTTP/1.1\r\n{host}\r\n\r\n"));
    assert!(
        status(&moved) == "308" && moved.contains(&format!("location: {bare}/\r\n")),
        "{moved}"
    );
    assert_eq!(status(&served.get("", "")), "200", "it goes on");
}

#[test]
fn a_head_that_is_too_long_has_too_many_fields_or_is_none_is_refused() {
    let served = Served::start(Limits::default());
    let long = format!("x: {}\r\n", "a".repeat(64 << 10));
    let many = "x: a\r\n".repeat(100);
    for fields in [long.as_str(), many.as_str()] {
        let said = served.get("", fields);
        assert!(matches!(status(&said), "431" | "400" | "closed"), "{said}");
    }
    let far = format!("GET /{} HTTP/1.1\r\n\r\n", "a".repeat(64 << 10));
    for nonsense in [
        far.as_str(),
        "\0\0\0\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ] {
        let said = served.said(nonsense);
        assert!(!said.contains("200 OK"), "{said}");
    }
    assert_eq!(status(&served.get("", "")), "200", "it goes on");
}

#[test]
fn who_does_not_send_or_does_not_read_is_closed() {
    let served = Served::start(Limits {
        head: Duration::from_millis(200),
        whole: Duration::from_millis(1500),
        ..Limits::default()
    });
    // Says nothing; begins and stops; asks and reads nothing.
    let mut silent = served.connect();
    let mut slow = served.connect();
    slow.write_all(b"GET / HTTP/1.1\r\nhost: ").expect("sends");
    let mut deaf = served.connect();
    let ask = format!(
        "GET {}large HTTP/1.1\r\nhost: 127.0.0.1:{}\r\n\r\n",
        served.path, served.port
    );
    deaf.write_all(ask.as_bytes()).expect("sends");
    for quiet in [&mut silent, &mut slow] {
        assert!(!rest(quiet).contains("200 OK"));
    }
    std::thread::sleep(Duration::from_secs(2));
    let got = rest(&mut deaf).len();
    assert!(got < 64 << 20, "{got} bytes are what the sockets held");
}

#[test]
fn no_more_connections_are_kept_than_there_is_room_for() {
    let served = Served::start(Limits {
        connections: 3,
        ..Limits::default()
    });
    let held: Vec<TcpStream> = (0..3).map(|_| served.connect()).collect();
    // All three are taken up before the fourth is.
    assert_eq!(status(&served.get("", "")), "closed");
    drop(held);
    let again = (0..200).any(|_| {
        std::thread::sleep(Duration::from_millis(10));
        status(&served.get("", "")) == "200"
    });
    assert!(again, "there is room again");
}

#[test]
fn each_start_has_a_token_of_its_own() {
    let paths: std::collections::BTreeSet<String> = (0..3)
        .map(|_| Served::start(Limits::default()).path.clone())
        .collect();
    assert_eq!(paths.len(), 3);
    assert!(paths.iter().all(|path| path.len() == "//".len() + 32));
}

#[test]
fn a_port_that_is_taken_is_told() {
    let served = Served::start(Limits::default());
    let pages = std::sync::Arc::new(page);
    let taken = serve_within(
        Limits::default(),
        served.port,
        pages,
        |_| {},
        &Stop::default(),
    );
    assert_eq!(
        taken.expect_err("taken").kind(),
        std::io::ErrorKind::AddrInUse
    );
}
