//! Limits of the machine are found before a run, and what is missed all the same is the generator's.

use std::path::Path;
use std::process::Command;

use plimsoll::mutant::Mutant;
use serde_json::Value;

use crate::common::{Ended, Manner, Server, Workplace};

#[cfg_attr(
    not(feature = "mutants"),
    expect(dead_code, reason = "read by mutants")
)]
pub(crate) const KILLS: &[(Mutant, &str)] = &[(
    Mutant::LimitsUnforeseen,
    "limits::too_few_descriptors_are_found_before_anything_is_sent",
)];

/// In a network of its own, which has so many ports to connect from.
pub(crate) const OWN_NETWORK: [&str; 4] = ["unshare", "-rn", "sh", "-c"];

/// Makes that network, and leaves it 20 ports.
pub(crate) const FEW_PORTS: &str =
    "ip link set lo up && echo '50000 50019' > /proc/sys/net/ipv4/ip_local_port_range";

/// A control group of this kind of CPU limit, removed when dropped.
pub(crate) struct CpuQuota {
    folder: std::path::PathBuf,
}

impl CpuQuota {
    /// A group with so much CPU time of each 100 ms; None where none can be made.
    pub(crate) fn new(name: &str, quota_us: u32) -> Option<Self> {
        let name = format!("plimsoll-{name}-{}", std::process::id());
        let (one, two) = (Path::new("/sys/fs/cgroup/cpu"), Path::new("/sys/fs/cgroup"));
        let (root, file, text) = if one.join("cpu.cfs_quota_us").exists() {
            (one, "cpu.cfs_quota_us", quota_us.to_string())
        } else {
            (two, "cpu.max", format!("{quota_us} 100000"))
        };
        let folder = root.join(name);
        std::fs::create_dir(&folder).ok()?;
        let group = Self { folder };
        std::fs::write(group.folder.join(file), text).ok()?;
        Some(group)
    }

    /// A script that enters the group and becomes its arguments.
    pub(crate) fn script(&self) -> String {
        let procs = self.folder.join("cgroup.procs");
        format!("echo $$ > {} && exec \"$@\"", procs.display())
    }
}

impl Drop for CpuQuota {
    fn drop(&mut self) {
        // Whoever was in it has ended; a moment later so has its account.
        for _ in 0..100 {
            if std::fs::remove_dir(&self.folder).is_ok() {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    }
}

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
    let mut command = Command::new(shell[0]);
    command
        .args(&shell[1..])
        .args([script, "sh"])
        .arg(env!("CARGO_BIN_EXE_plimsoll"))
        .args(["run", &file.to_string_lossy(), "--json", "--workers", "1"])
        .current_dir(place.path());
    let ended = Ended::from(command.output().expect("a shell"));
    (place, ended)
}

fn has_own_network() -> bool {
    let tried = Command::new(OWN_NETWORK[0])
        .args(&OWN_NETWORK[1..])
        .arg(FEW_PORTS)
        .output();
    tried.is_ok_and(|output| output.status.success())
}

#[track_caller]
fn says(ended: &Ended, texts: &[&str]) {
    // Lines are wrapped at any place.
    let words: Vec<_> = ended.stderr.split_whitespace().collect();
    let said = words.join(" ");
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
    if !has_own_network() {
        println!("A11: ports skipped: this machine gives no network of its own (unshare -rn, ip)");
        return;
    }
    let enter = format!("{FEW_PORTS} && exec \"$@\"");
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
