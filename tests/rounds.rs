//! Targets that misbehave between or within rounds: what is said, how soon, and what is left.

mod common;

use std::net::TcpListener;
use std::time::{Duration, Instant};

use common::Workplace;

/// A scenario whose target is started by `command`, a TOML list.
fn scenario(target: &str, duration: &str) -> String {
    format!(
        r#"
name = "short"

[target]
{target}
ready = {{ get = "/health", status = 200, within = "20s" }}

[[step]]
name = "home"
request = "GET /"

[[phase]]
name = "steady"
rate = "50/s"
duration = "{duration}"
"#
    )
}

/// `command` of a target run by a shell, which is told where the binary is.
fn shell(script: &str) -> String {
    let script = script.replace("PLIMSOLL", env!("CARGO_BIN_EXE_plimsoll"));
    format!("command = [\"sh\", \"-c\", \"{script}\", \"sh\", \"{{port}}\"]")
}

#[test]
fn a_target_that_dies_ends_the_run_at_once() {
    let place = Workplace::new();
    let target = shell("exec timeout 2 PLIMSOLL demo-target --port $1");
    place.write("scenarios/short.toml", &scenario(&target, "60s"));
    let started = Instant::now();
    let ended = place.run(&["run", "short"]).exits(2);
    assert!(started.elapsed() < Duration::from_secs(30), "nobody waited");
    assert!(ended.stderr.contains("PL0404"), "{}", ended.stderr);
}

#[test]
fn a_target_that_dies_in_a_later_round_leaves_a_partial_run_and_names_the_round() {
    let place = Workplace::new();
    let target = shell(
        "[ -e once ] && exec timeout 2 PLIMSOLL demo-target --port $1; touch once; exec PLIMSOLL demo-target --port $1",
    );
    place.write("scenarios/short.toml", &scenario(&target, "3s"));
    let ended = place.run(&["run", "short", "--rounds", "3"]).exits(2);
    assert!(ended.stderr.contains("PL0404"), "{}", ended.stderr);
    assert!(ended.stderr.contains("round 2: "), "{}", ended.stderr);
    assert!(ended.stderr.contains("plimsoll report"), "{}", ended.stderr);

    let shown = place.run(&["report", "last"]).exits(0);
    assert!(
        shown.stdout.to_lowercase().contains("partial"),
        "{}",
        shown.stdout
    );
    let judged = place.run(&["compare", "last", "last"]).exits(4);
    assert!(judged.stderr.contains("partial"), "{}", judged.stderr);
}

#[test]
fn whoever_holds_the_port_already_is_not_taken_for_the_target() {
    let place = Workplace::new();
    let stranger = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = stranger.local_addr().expect("an address").port();
    let target = format!("url = \"http://127.0.0.1:{port}\"\ncommand = [\"sleep\", \"60\"]");
    place.write("scenarios/short.toml", &scenario(&target, "60s"));
    let ended = place.run(&["run", "short"]).exits(2);
    assert!(ended.stderr.contains("PL0409"), "{}", ended.stderr);
}
