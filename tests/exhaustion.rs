//! A generator that runs out of descriptors or ports says so, and does not blame the target.

mod common;

use std::process::Command;

use common::{Ended, Manner, Server, Workplace};
use serde_json::Value;

fn scenario(url: &str) -> String {
    format!(
        r#"
name = "exhausted"

[target]
url = "{url}"
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

/// Runs the scenario behind a line of shell that takes something away from the generator.
fn behind(place: &Workplace, shell: &str, url: &str) -> Ended {
    let file = place.write("exhausted.toml", &scenario(url));
    let plimsoll = place.command(&["run", &file.to_string_lossy(), "--json"]);
    let mut command = Command::new("unshare");
    if !shell.contains("ip_local") {
        command = Command::new("sh");
    } else {
        command.args(["-rn", "sh"]);
    }
    command
        .args(["-c", &format!("{shell} && exec \"$@\""), "sh"])
        .arg(plimsoll.get_program())
        .args(plimsoll.get_args())
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
    let place = Workplace::new();
    let ended = behind(&place, "ulimit -n 120", &server.url());
    is_blamed_on_the_generator(ended, "generator-descriptors");
}
