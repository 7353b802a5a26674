//! A server that nobody here wrote: what Plimsoll counts is what nginx logs.
//!
//! Skipped with a message where nginx is not installed.

mod common;

use common::nginx::{self, Nginx};
use common::Workplace;

/// An nginx that serves a small page, and its port; connections end after so many requests.
#[expect(clippy::print_stdout, reason = "a test that skips says so")]
fn start(place: &Workplace, keepalive_requests: u32) -> Option<(Nginx, u16)> {
    let Some(program) = nginx::program() else {
        println!("skipped: nginx is not installed");
        return None;
    };
    let [port] = nginx::free_ports();
    let folder = place.path().join("nginx");
    let http = format!(
        "access_log {}/access.log; keepalive_requests {keepalive_requests};\n\
         server {{ listen 127.0.0.1:{port}; }}",
        folder.display()
    );
    Some((Nginx::start(program, &folder, &http, port), port))
}

#[test]
fn every_request_is_in_the_access_log_once() {
    let place = Workplace::new();
    // Connections end every 100 requests, so keep-alive and reconnecting are both in it.
    let Some((nginx, port)) = start(&place, 100) else {
        return;
    };
    let url = format!("http://127.0.0.1:{port}/");
    let json = place
        .run(&["run", &url, "--rate", "500/s", "--for", "2s", "--json"])
        .exits(0)
        .json();
    let now = &json["summary"]["now"];
    assert_eq!(now["due"], 1000, "{json:#}");
    assert_eq!(now["answered"], 1000, "{json:#}");
    assert_eq!(nginx.logged().len(), 1000);
}

#[test]
fn saturating_counts_the_same_on_both_sides() {
    let place = Workplace::new();
    let Some((nginx, port)) = start(&place, 1_000_000) else {
        return;
    };
    let url = format!("http://127.0.0.1:{port}/");
    let json = place
        .run(&[
            "run",
            &url,
            "--connections",
            "8",
            "--for",
            "500ms",
            "--json",
        ])
        .exits(0)
        .json();
    let sent = json["summary"]["now"]["sent"].as_u64().expect("a count");
    assert!(sent > 0, "{json:#}");
    assert_eq!(nginx.logged().len() as u64, sent);
}
