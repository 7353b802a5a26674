//! Behaviours of names: those that lead nowhere, to a dead address beside a live one, or elsewhere in the
//! middle of it.
//!
//! What names mean is said by a file of hosts that the program alone sees, in a mount namespace of its own.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use plimsoll::store::runs;

use super::server::{Server, listen_at, serve_well};
use crate::common::{Ended, Workplace};

/// Gives the program its own names and no other.
const OWN_NAMES: &str = "mount --bind hosts /etc/hosts && mount --bind nsswitch.conf \
                         /etc/nsswitch.conf && exec \"$@\"";

/// True where a process may have a mount namespace of its own.
fn is_permitted() -> bool {
    let place = Workplace::new();
    let permitted = with_names(&place, "127.0.0.1 there.test\n", &["true"])
        .output()
        .is_ok_and(|output| output.status.success());
    if !permitted {
        println!("skipped: this machine gives no mount namespace of its own (unshare -rm)");
    }
    permitted
}

/// A command that sees these names.
fn with_names(place: &Workplace, hosts: &str, command: &[&str]) -> Command {
    place.write("hosts", hosts);
    place.write("nsswitch.conf", "hosts: files\n");
    let mut unshared = Command::new("unshare");
    unshared
        .args(["-rm", "sh", "-c", OWN_NAMES, "sh"])
        .args(command)
        .current_dir(place.path())
        .stdin(Stdio::null());
    unshared
}

/// The program against a target by its name.
fn program(place: &Workplace, hosts: &str, host: &str, port: u16, rounds: &str) -> Command {
    let scenario = format!(
        r#"
name = "names"

[target]
url = "http://{host}:{port}"
http = {{ connections = 600, keep-alive = false }}
timeouts = {{ connect = "750ms", first-byte = "750ms", total = "1s" }}

[[step]]
name = "any"
request = "GET /"

[[phase]]
name = "one"
connections = 1
duration = "500ms"

[[phase]]
name = "many"
rate = "500/s"
duration = "1s"

[[threshold]]
metric = "errors.rate"
max = "0%"
"#
    );
    place.write("scenarios/names.toml", &scenario);
    let binary = env!("CARGO_BIN_EXE_plimsoll");
    let run = [
        binary,
        "run",
        "names",
        "--rounds",
        rounds,
        "--allow-host",
        host,
    ];
    with_names(place, hosts, &run)
}

fn well() -> Server {
    Server::start(|mut stream, _, floor| serve_well(&mut stream, floor))
}

/// Requests sent in all rounds of the only run, and the rounds.
fn sent(place: &Workplace) -> (u64, usize) {
    let folder = place.runs().pop().expect("a run");
    let run = runs::read(&folder).expect("it can be read");
    let cells = run.rounds.iter().flat_map(|round| &round.cells);
    (cells.map(|cell| cell.tally.sent).sum(), run.rounds.len())
}

#[test]
fn a_name_of_a_dead_address_and_a_live_one_leads_to_the_live_one() {
    if !is_permitted() {
        return;
    }
    let (server, place) = (well(), Workplace::new());
    let hosts = "::1 both.test\n127.0.0.1 both.test\n";
    let port = server.address.port();
    let ended = program(&place, hosts, "both.test", port, "1").output();
    Ended::from(ended.expect("it starts")).exits(0);
    println!(
        "A6, IPv6 dead, IPv4 alive: {} requests, all well",
        sent(&place).0
    );
}

#[test]
fn a_name_that_leads_nowhere_is_told_at_once() {
    if !is_permitted() {
        return;
    }
    let place = Workplace::new();
    let since = Instant::now();
    let ended = program(&place, "127.0.0.1 there.test\n", "nowhere.test", 80, "1").output();
    let ended = Ended::from(ended.expect("it starts")).exits(2);
    assert!(ended.stderr.contains("PL0407"), "{}", ended.stderr);
    assert!(ended.stderr.contains("nowhere.test"), "{}", ended.stderr);
    assert!(place.runs().is_empty(), "nothing was measured");
    println!("A6, NXDOMAIN: exit 2 after {:?}", since.elapsed());
}

/// Runs the program, and lets its target's name mean something else as soon as it is under load.
fn changing(place: &Workplace, server: &Server, to: &str, rounds: &str) -> Ended {
    let port = server.address.port();
    let hosts = "127.0.0.1 moving.test\n";
    let child = program(place, hosts, "moving.test", port, rounds)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    // The first connection is the question whether it is there.
    let under_load = || server.floor.accepted() > 1;
    let deadline = Instant::now() + Duration::from_secs(20);
    while !under_load() && Instant::now() < deadline {
        thread::sleep(Duration::from_millis(5));
    }
    // The same file, which the program sees at another place.
    rewrite(&place.path().join("hosts"), &format!("{to} moving.test\n"));
    Ended::from(child.wait_with_output().expect("it ends"))
}

fn rewrite(path: &Path, text: &str) {
    std::fs::write(path, text).expect("a file");
}

#[test]
fn a_name_that_changes_moves_no_load() {
    if !is_permitted() {
        return;
    }
    let (server, place) = (well(), Workplace::new());
    let elsewhere: SocketAddr = (Ipv4Addr::new(127, 0, 0, 2), server.address.port()).into();
    let Ok(impostor) = listen_at(elsewhere, 128) else {
        println!("skipped: the port is taken at 127.0.0.2");
        return;
    };
    let impostor = Server::by(elsewhere, move |floor| {
        while impostor.accept().is_ok() && !floor.has_ended() {
            floor.number();
        }
    });
    changing(&place, &server, "127.0.0.2", "1").exits(0);
    let (sent, rounds) = sent(&place);
    assert_eq!(rounds, 1);
    assert!(
        server.floor.accepted() as u64 > sent,
        "all connections went there"
    );
    assert_eq!(impostor.floor.accepted(), 0);
    println!("A6, DNS changes: {sent} requests went where the name had led, 0 elsewhere");
}

#[test]
fn a_name_that_changes_to_a_metadata_service_ends_the_run() {
    if !is_permitted() {
        return;
    }
    let (server, place) = (well(), Workplace::new());
    let ended = changing(&place, &server, "169.254.169.254", "2").exits(2);
    assert!(ended.stderr.contains("PL0121"), "{}", ended.stderr);
    println!("A6, DNS changes to a metadata service: exit 2 before the second round");
}
