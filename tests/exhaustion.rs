//! A generator that runs out of descriptors or ports says so, and does not blame the target.

mod common;

use std::process::Command;

use common::{Ended, Manner, Server, Workplace};
use serde_json::Value;

fn scenario(target: &str) -> String {
    format!(
        r#"
name = "exhausted"

[target]
{target}
http = {{ connections = 400 }}
timeouts = {{ connect = "5s", total = "5s" }}

[[step]]
name = "home"
request = "GET /"

[[phase]]
name = "steady"
connections = 400
duration = "2s"

[[threshold]]
metric = "errors.rate"
max = "100%"
"#
    )
}

/// Runs the scenario from a shell that takes something away from the generator first.
fn behind(shell: &[&str], script: &str, target: &str) -> Ended {
    let place = Workplace::new();
    let file = place.write("exhausted.toml", &scenario(target));
    let mut command = Command::new(shell[0]);
    command
        .args(&shell[1..])
        .args(["-c", &format!("{script} && exec \"$@\""), "sh"])
        .arg(env!("CARGO_BIN_EXE_plimsoll"))
        .args(["run", &file.to_string_lossy(), "--json"])
        .current_dir(place.path());
    Ended::from(command.output().expect("a shell"))
}

/// The run is invalid by the rule on failures of the generator, and the target has none.
fn is_blamed_on_the_generator(ended: Ended, class: &str) {
    let json = ended.exits(4).json();
    let failed = &json["summary"]["now"]["failed"];
    assert!(failed[class].as_u64() > Some(0), "{json:#}");
    let targets: Vec<_> = ["refused", "reset", "closed", "timeout-connect", "protocol"]
        .into_iter()
        .filter(|class| !failed[*class].is_null())
        .collect();
    assert!(targets.is_empty(), "{targets:?}: {json:#}");
    assert_eq!(json["verdict"]["word"], "invalid", "{json:#}");
    let findings = json["findings"].as_array().expect("findings");
    let told = |f: &&Value| f["code"] == "PL0311";
    assert!(findings.iter().any(|f| told(&f)), "{json:#}");
    assert!(
        json["trust"]["generator_errors"].as_u64() > Some(0),
        "{json:#}"
    );
}

#[test]
fn too_few_descriptors_are_the_generators_fault() {
    let server = Server::start(Manner::Prompt);
    let target = format!("url = \"{}\"", server.url());
    let ended = behind(&["sh"], "ulimit -n 120", &target);
    is_blamed_on_the_generator(ended, "generator-descriptors");
}

/// In a network of its own, which has 200 ports to connect from; the target is started in it too.
#[test]
fn too_few_ports_are_the_generators_fault() {
    const SHELL: [&str; 3] = ["unshare", "-rn", "sh"];
    let few = "ip link set lo up && echo '50000 50199' > /proc/sys/net/ipv4/ip_local_port_range";
    let permitted = Command::new(SHELL[0])
        .args(&SHELL[1..])
        .args(["-c", few])
        .output()
        .is_ok_and(|output| output.status.success());
    if !permitted {
        eprintln!("skipped: this machine gives no network of its own (unshare -rn, ip)");
        return;
    }
    let target = r#"command = ["plimsoll", "demo-target", "--port", "{port}"]"#;
    let ended = behind(&SHELL, few, target);
    is_blamed_on_the_generator(ended, "generator-ports");
}
