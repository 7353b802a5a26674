//! Limits of the machine are found before a run, and what is missed all the same is the generator's.

use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use plimsoll::mutant::Mutant;
use serde_json::Value;

use crate::common::machine::{CpuQuota, OWN_NETWORK, few_ports};
use crate::common::{Ended, Manner, Server, Workplace, status_of, unbroken};

#[cfg_attr(
    not(feature = "mutants"),
    expect(dead_code, reason = "read by mutants")
)]
pub(crate) const KILLS: &[(Mutant, &str)] = &[
    (
        Mutant::LimitsUnforeseen,
        "limits::too_few_descriptors_are_found_before_anything_is_sent",
    ),
    (
        Mutant::DescriptorsUnreserved,
        "limits::no_descriptor_is_waited_for_while_requests_are_sent",
    ),
];

fn scenario(target: &str, load: &str) -> String {
    format!(
        r#"
name = "limited"

[target]
{target}
http = {{ connections = 400 }}
timeouts = {{ total = "1s" }}

[[step]]
name = "home"
request = "GET /"

[[phase]]
name = "steady"
{load}
duration = "1s"

[[threshold]]
metric = "errors.rate"
max = "100%"
"#
    )
}

/// Runs a scenario from a shell that takes something away from Plimsoll first.
fn behind(shell: &[&str], script: &str, scenario: &str) -> (Workplace, Ended) {
    let place = Workplace::new();
    let file = place.write("limited.toml", scenario);
    let shell = [shell, &[script, "sh"]].concat();
    let file = file.to_string_lossy();
    let run = ["run", &file, "--json", "--workers", "1"];
    let ended = place.command_behind(&shell, &run).output();
    (place, Ended::from(ended.expect("a shell")))
}

#[track_caller]
fn says(ended: &Ended, texts: &[&str]) {
    let said = unbroken(&ended.stderr);
    for text in texts {
        assert!(said.contains(text), "`{text}` is not in:\n{}", ended.stderr);
    }
}

/// Requests failed for that reason, the target has none of them, and the run is invalid.
fn is_the_generators_fault(ended: &Ended, class: &str) {
    let json = ended.json();
    let failed = &json["summary"]["now"]["failed"];
    assert!(failed[class].as_u64() > Some(0), "{json:#}");
    let of_target = ["refused", "reset", "closed", "timeout-connect", "protocol"];
    let blamed: Vec<_> = of_target
        .iter()
        .filter(|c| !failed[**c].is_null())
        .collect();
    assert!(blamed.is_empty(), "{blamed:?}: {failed:#}");
    let findings = json["findings"].as_array().expect("findings");
    let told = |f: &Value| f["code"] == "PL0311";
    assert!(findings.iter().any(told), "{findings:#?}");
    assert_eq!(json["verdict"]["word"], "invalid", "{json:#}");
    assert!(json["trust"]["generator_errors"].as_u64() > Some(0));
}

const CLOSED: &str = "connections = 400";
const OPEN: &str = "rate = \"300/s\"";

#[test]
fn too_few_descriptors_are_found_before_anything_is_sent() {
    let server = Server::start(Manner::Prompt);
    let target = format!("url = \"{}\"", server.url());
    let few = "ulimit -n 64 && exec \"$@\"";
    let (place, ended) = behind(&["sh", "-c"], few, &scenario(&target, CLOSED));
    let ended = ended.exits(2);
    says(
        &ended,
        &[
            "PL0607",
            "64 open files",
            "400 connections",
            "ulimit -n 512",
        ],
    );
    assert_eq!(server.requests(), 0);
    assert!(place.runs().is_empty(), "nothing is stored");
    println!(
        "A11: descriptors found before the run: {}",
        first_line(&ended)
    );
}

/// Where the table of descriptors grows, whoever opens a connection waits for all cores.
#[test]
fn no_descriptor_is_waited_for_while_requests_are_sent() {
    let server = Server::start(Manner::Prompt);
    let target = format!("url = \"{}\"", server.url());
    let place = Workplace::new();
    place.write("limited.toml", &scenario(&target, OPEN));
    // A process begins with as much room as its parent uses, which for a shell is little.
    let shell = ["sh", "-c", "\"$@\" > /dev/null & echo $!; wait $!", "sh"];
    let command = &mut place.command_behind(&shell, &["run", "limited.toml", "--workers", "1"]);
    let shell = command.stdout(Stdio::piped()).stderr(Stdio::null());
    let mut shell = shell.spawn().expect("a shell");
    let mut told = BufReader::new(shell.stdout.take().expect("piped"));
    let mut pid = String::new();
    told.read_line(&mut pid).expect("text");
    while server.requests() == 0 {
        assert!(
            shell.try_wait().expect("our own child").is_none(),
            "it sends"
        );
        thread::sleep(Duration::from_millis(1));
    }
    let room = status_of(pid.trim().parse().expect("a number"), "FDSize").expect("it runs");
    let ended = shell.wait().expect("our own child");
    assert!(ended.success(), "{ended}");
    assert!(room >= 400, "room for {room}");
    println!("A11: room for {room} descriptors before the first of 400 connections");
}

#[test]
fn descriptors_that_may_run_out_are_warned_of_and_counted() {
    let server = Server::start(Manner::Hanging { every: 1 });
    let target = format!("url = \"{}\"", server.url());
    let few = "ulimit -n 64 && exec \"$@\"";
    let (_, ended) = behind(&["sh", "-c"], few, &scenario(&target, OPEN));
    let ended = ended.exits(4);
    says(
        &ended,
        &["warning: 64 open files", "400 connections", "ulimit -n 512"],
    );
    is_the_generators_fault(&ended, "generator-descriptors");
}

#[test]
fn too_few_ports_are_found_before_the_run_or_counted() {
    let Some(enter) = few_ports() else {
        println!("A11: ports skipped: this machine gives no network of its own (unshare -rn, ip)");
        return;
    };
    let target =
        r#"command = ["plimsoll", "demo-target", "--port", "{port}", "--fault", "hang=100%"]"#;
    let (place, ended) = behind(&OWN_NETWORK, &enter, &scenario(target, CLOSED));
    let ended = ended.exits(2);
    let fix = "net.ipv4.ip_local_port_range";
    says(&ended, &["PL0607", "20 local ports", "400", fix]);
    assert!(place.runs().is_empty(), "nothing is stored");
    println!("A11: ports found before the run: {}", first_line(&ended));
    let (_, ended) = behind(&OWN_NETWORK, &enter, &scenario(target, OPEN));
    let ended = ended.exits(4);
    says(&ended, &["warning: 20 local ports", "400", fix]);
    is_the_generators_fault(&ended, "generator-ports");
}

#[test]
fn a_cpu_quota_is_found_before_the_run() {
    let Some(group) = CpuQuota::new("found", 50_000) else {
        println!("A11: quota skipped: no control group with a CPU limit can be made here");
        return;
    };
    let server = Server::start(Manner::Prompt);
    let target = format!("url = \"{}\"", server.url());
    let (_, ended) = behind(
        &["sh", "-c"],
        &group.script(),
        &scenario(&target, "rate = \"20/s\""),
    );
    says(
        &ended,
        &[
            "warning: the control group may use 0.50 cores",
            "1 may be needed",
            "lift the CPU limit",
        ],
    );
    println!("A11: quota found before the run: {}", first_line(&ended));
}

fn first_line(ended: &Ended) -> &str {
    let mut lines = ended.stderr.lines();
    let first = lines.find(|line| line.contains("PL06") || line.contains("warning"));
    first.unwrap_or_default().trim()
}
