//! Behaviours of a target that sends us elsewhere, or away.

use plimsoll::model::ErrorClass::{Closed, Redirect, Reset};

use super::behaviour::Behaviour;
use super::heads::at_path;
use super::server::{HEALTHY, Server, half_close, read_head};

/// A step that follows redirects.
const FOLLOWING: &str = "redirects = 5";

pub(super) const ALL: &[Behaviour] = &[
    Behaviour::of_path("redirect loop", "redirects to itself", &[Redirect], || {
        to("/hostile?again")
    })
    .asking(FOLLOWING),
    Behaviour::of_path(
        "redirect to another host",
        "redirects to a host that nobody listed",
        &[Redirect],
        || to("http://127.0.0.2:9/healthy"),
    )
    .asking(FOLLOWING),
    Behaviour::of_path(
        "redirect to file:",
        "redirects to a file of this machine",
        &[Redirect],
        || to("file:///etc/passwd"),
    )
    .asking(FOLLOWING),
    Behaviour::of_path(
        "keep-alive closed between requests",
        "closes a connection behind an answer that keeps it",
        // Where the close crosses the next request.
        &[Closed, Reset],
        closing_behind,
    )
    .perhaps(),
];

fn to(location: &'static str) -> Server {
    at_path(move |line, _| {
        let answer =
            format!("HTTP/1.1 302 Found\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n");
        line.write_all(answer.as_bytes())
    })
}

fn closing_behind() -> Server {
    Server::start(|mut stream, number, floor| {
        use std::io::Write as _;
        // Some close at once, and some when the next request may be on its way.
        let pause = std::time::Duration::from_micros(200 * (number as u64 % 5));
        if read_head(&mut stream)?.is_some() {
            floor.serve();
            stream.write_all(HEALTHY)?;
            std::thread::sleep(pause);
        }
        half_close(stream)
    })
}
