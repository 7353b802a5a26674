//! `--notify`: what a web hook is told, and that it changes nothing.

mod common;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use common::{Manner, Server, Workplace};

/// A hook that answers every document with one status.
struct Hook {
    url: String,
    documents: Receiver<(String, serde_json::Value)>,
}

impl Hook {
    fn answering(status: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let (tell, documents) = channel();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let mut reader = BufReader::new(&stream);
                let (mut head, mut length) = (String::new(), 0);
                loop {
                    let mut line = String::new();
                    if reader.read_line(&mut line).unwrap_or(0) == 0 || line == "\r\n" {
                        break;
                    }
                    if let Some(n) = line.strip_prefix("content-length:") {
                        length = n.trim().parse().expect("a length");
                    }
                    head += &line;
                }
                let mut body = vec![0; length];
                reader.read_exact(&mut body).expect("a body");
                let document = serde_json::from_slice(&body).expect("JSON");
                let answer = format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\n\r\n");
                (&stream).write_all(answer.as_bytes()).expect("answers");
                if tell.send((head, document)).is_err() {
                    return;
                }
            }
        });
        Self {
            url: format!("http://{address}/hooks/s3cret"),
            documents,
        }
    }

    /// What it was told so far; everything was told before the program ended.
    fn told(&self) -> Vec<(String, serde_json::Value)> {
        let mut told = Vec::new();
        while let Ok(one) = self.documents.recv_timeout(Duration::from_millis(300)) {
            told.push(one);
        }
        told
    }
}

fn run<'a>(url: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let quick = ["run", url, "--rate", "40/s", "--for", "300ms"];
    [&quick[..], more].concat()
}

#[test]
fn a_hook_is_told_once_everything_is_stored_and_only_when_it_is_wanted() {
    let (place, server, hook) = (
        Workplace::new(),
        Server::start(Manner::Prompt),
        Hook::answering(204),
    );
    let url = server.url();
    place.run(&run(&url, &["--notify", &hook.url])).exits(0);
    assert!(hook.told().is_empty(), "it passed");

    let always = ["--notify", &hook.url, "--notify-on", "always"];
    place.run(&run(&url, &always)).exits(0);
    let told = hook.told();
    let [(head, document)] = told.as_slice() else {
        panic!("once: {told:?}");
    };
    assert!(
        head.starts_with("POST /hooks/s3cret HTTP/1.1\r\n"),
        "{head}"
    );
    assert!(
        head.contains("Content-Type: application/json\r\n"),
        "{head}"
    );
    let run = place.runs().pop().expect("a run");
    let id = run.file_name().expect("a name").to_str();
    assert_eq!(document["run"]["id"].as_str(), id);
    assert_eq!(document["exit"], 0);
    assert!(document["text"].as_str().is_some_and(|t| !t.is_empty()));
}

#[test]
fn a_hook_that_takes_nothing_is_a_warning_without_its_path() {
    let (place, server, hook) = (
        Workplace::new(),
        Server::start(Manner::Prompt),
        Hook::answering(503),
    );
    let url = server.url();
    let always = ["--notify", &hook.url, "--notify-on", "always"];
    let ended = place.run(&run(&url, &always)).exits(0);
    assert!(
        ended.stderr.contains("was not notified: it answered 503"),
        "{}",
        ended.stderr
    );
    assert!(!ended.stderr.contains("s3cret"), "{}", ended.stderr);
    assert_eq!(hook.told().len(), 3, "it is tried three times");

    let refusing = Hook::answering(404);
    let always = ["--notify", &refusing.url, "--notify-on", "always"];
    place.run(&run(&url, &always)).exits(0);
    assert_eq!(refusing.told().len(), 1, "what is wrong stays wrong");
}

#[test]
fn a_hook_elsewhere_must_be_allowed_and_is_refused_before_the_load() {
    let (place, server) = (Workplace::new(), Server::start(Manner::Prompt));
    let url = server.url();
    let hook = ["--notify", "https://hooks.example.test/x"];
    let ended = place.run(&run(&url, &hook)).exits(2);
    assert!(
        ended.stderr.contains("--allow-host hooks.example.test"),
        "{}",
        ended.stderr
    );
    let file = ["--notify", "file:///etc/passwd"];
    place.run(&run(&url, &file)).exits(2);
    assert_eq!(server.requests(), 0);
    assert!(place.runs().is_empty());
}
