//! Nine ways to disturb a generator for real, each while it loads a server that is not disturbed.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::common::machine::{self, CpuQuota, OWN_NETWORK, few_ports};
use crate::common::{Ended, Manner, Running, Server, Workplace, eventually};

/// One of the nine.
pub(super) struct Disturbance {
    pub(super) name: &'static str,
    /// The detector that must see it; with several, any of them.
    by: &'static [&'static str],
    load: &'static str,
    manner: Manner,
    kind: Kind,
}

enum Kind {
    /// Burns all cores, once the load runs.
    Burner,
    /// Stops the process for a while.
    Stop,
    Quota,
    Clock,
    Descriptors,
    Ports,
    Memory,
    Disk,
    /// Burns the one core that the process may use.
    BusyCore,
}

pub(super) const OPEN: &str = "rate = \"200/s\"";
const CLOSED: &str = "connections = 4";

pub(super) const DISTURBANCES: [Disturbance; 9] = [
    of(
        "CPU burner",
        &["cpu-pressure", "starved"],
        CLOSED,
        Kind::Burner,
    ),
    of("SIGSTOP", &["standstill"], OPEN, Kind::Stop),
    of("CPU quota", &["throttled"], CLOSED, Kind::Quota),
    of("clock step", &["clock-step"], OPEN, Kind::Clock),
    Disturbance {
        manner: Manner::Hanging { every: 1 },
        ..of("descriptors", &["exhausted"], OPEN, Kind::Descriptors)
    },
    of("ports", &["exhausted"], OPEN, Kind::Ports),
    of("memory", &["page-faults"], OPEN, Kind::Memory),
    of("slow disk", &["record-delay"], OPEN, Kind::Disk),
    of("busy core", &["starved"], CLOSED, Kind::BusyCore),
];

const fn of(
    name: &'static str,
    by: &'static [&'static str],
    load: &'static str,
    kind: Kind,
) -> Disturbance {
    Disturbance {
        name,
        by,
        load,
        manner: Manner::Prompt,
        kind,
    }
}

/// What came of a disturbed run.
pub(super) enum Flagged {
    /// Why this machine does not let it be provoked.
    NotPermitted(String),
    /// So many intervals after it began.
    Seen { within: u64 },
    /// What was reported instead.
    Unseen(String),
}

/// Length of the load.
const SECONDS: u64 = 4;

const RUN: [&str; 3] = ["run", "disturbed", "--json"];

pub(super) fn scenario(target: &str, load: &str, seed: usize) -> String {
    format!(
        r#"
name = "disturbed"
seed = {seed}

[target]
{target}
timeouts = {{ total = "2s" }}

[[step]]
name = "home"
request = "GET /"

[[phase]]
name = "steady"
{load}
duration = "{SECONDS}s"
"#
    )
}

/// Kinds of disturbance in the summary of a run, with the end of the first second of each.
pub(super) fn disturbed(json: &Value) -> impl Iterator<Item = (&str, u64)> {
    let all = json["trust"]["disturbed"].as_array();
    all.into_iter().flatten().map(|d| {
        let by = d["by"].as_str().expect("a kind");
        (by, d["first"].as_u64().expect("a time"))
    })
}

/// The summary of a run that nobody disturbs.
pub(super) fn undisturbed(seed: usize) -> Value {
    let site = Site::new(Manner::Prompt, OPEN, seed);
    site.place.run(&RUN).json()
}

/// Disturbs a run.
pub(super) fn run(disturbance: &Disturbance, seed: usize) -> Flagged {
    let site = Site::new(disturbance.manner, disturbance.load, seed);
    let tried = match disturbance.kind {
        Kind::Burner => Ok(site.beside(&[], |_| Burners::start(3 * cores(), None))),
        Kind::Stop => Ok(site.beside(&[], |run| stop_for(run, Duration::from_millis(400)))),
        Kind::Quota => site.under_quota(seed),
        Kind::Clock => site.with_clock(),
        Kind::Descriptors => Ok(site.behind(&["sh", "-c"], "ulimit -n 40 && exec \"$@\"")),
        Kind::Ports => site.with_few_ports(seed),
        Kind::Memory => site.with_little_memory(seed),
        Kind::Disk => site.with_slow_disk(),
        Kind::BusyCore => site.on_a_busy_core(),
    };
    let (json, after) = match tried {
        Ok(told) => told,
        Err(why) => return Flagged::NotPermitted(why),
    };
    let first = disturbed(&json)
        .filter(|(by, _)| disturbance.by.contains(by))
        .map(|(_, first)| first)
        .min();
    match first {
        None => Flagged::Unseen(json["trust"].to_string()),
        Some(first) => {
            // An interval ends at a whole second, and so does what is said of it.
            let interval = |nanos: u64| nanos.saturating_sub(1) / 1_000_000_000;
            let began = u64::try_from(after.as_nanos()).expect("short");
            Flagged::Seen {
                within: interval(first).saturating_sub(interval(began)) + 1,
            }
        }
    }
}

/// The summary, and how long after the first request the disturbance began.
type Told = (Value, Duration);

struct Site {
    place: Workplace,
    server: Server,
    load: &'static str,
}

impl Site {
    fn new(manner: Manner, load: &'static str, seed: usize) -> Self {
        let (place, server) = (Workplace::new(), Server::start(manner));
        let target = format!("url = \"{}\"", server.url().trim_end_matches('/'));
        let text = scenario(&target, load, seed);
        place.write("scenarios/disturbed.toml", &text);
        Self {
            place,
            server,
            load,
        }
    }

    /// Starts it behind other programs, waits for the load, does this in a second of its middle, and
    /// keeps what it returns until the run has ended.
    fn beside<T>(&self, before: &[&str], disturb: impl FnOnce(&Child) -> T) -> Told {
        let mut command = self.place.command_behind(before, &RUN);
        command.stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let run = command.spawn().expect("starts");
        eventually("the load", || self.server.requests() > 0);
        let begun = Instant::now();
        thread::sleep(Duration::from_millis(1_200));
        let after = begun.elapsed();
        let kept = disturb(&run);
        let ended = Ended::from(run.wait_with_output().expect("ends"));
        drop(kept);
        (ended.json(), after)
    }

    /// Runs it behind a shell that takes something away from the beginning.
    fn behind(&self, shell: &[&str], script: &str) -> Told {
        let shell = [shell, &[script, "sh"]].concat();
        let output = self.place.command_behind(&shell, &RUN).output();
        (Ended::from(output.expect("a shell")).json(), Duration::ZERO)
    }

    fn under_quota(&self, seed: usize) -> Result<Told, String> {
        let group = CpuQuota::new(&format!("quota-{seed}"), 8_000);
        let group = group.ok_or("no control group with a CPU limit can be made here")?;
        Ok(self.behind(&["sh", "-c"], &group.script()))
    }

    /// The wall clock, as libfaketime shows it to the process, is set ahead by five seconds.
    fn with_clock(&self) -> Result<Told, String> {
        let library = fake_clock().ok_or("no libfaketime (Debian: faketime)")?;
        let file = self.place.write("clock", "+0\n");
        let set = [
            "env",
            &format!("LD_PRELOAD={}", library.display()),
            &format!("FAKETIME_TIMESTAMP_FILE={}", file.display()),
            "FAKETIME_NO_CACHE=1",
            "FAKETIME_DONT_FAKE_MONOTONIC=1",
            "FAKETIME_DONT_RESET=1",
        ];
        Ok(self.beside(&set, |_| {
            std::fs::write(&file, "+5\n").expect("a clock");
        }))
    }

    /// A target that never answers, so that every request needs a connection of its own.
    fn with_few_ports(&self, seed: usize) -> Result<Told, String> {
        let enter = few_ports().ok_or("no network of its own (unshare -rn, ip)")?;
        let target =
            r#"command = ["plimsoll", "demo-target", "--port", "{port}", "--fault", "hang=100%"]"#;
        let text = scenario(target, self.load, seed);
        self.place.write("scenarios/disturbed.toml", &text);
        Ok(self.behind(&OWN_NETWORK, &enter))
    }

    /// The record lies on a disk that takes a second and a half for every write to become durable.
    fn with_slow_disk(&self) -> Result<Told, String> {
        if !is_there("strace") {
            return Err("no strace".to_owned());
        }
        let slow = [
            "strace",
            "-f",
            "--seccomp-bpf",
            "-qq",
            "-o",
            "/dev/null",
            "-e",
            "trace=fdatasync",
            "-e",
            "inject=fdatasync:delay_enter=1500000",
        ];
        let (json, _) = self.beside(&slow, |_| ());
        Ok((json, Duration::ZERO))
    }

    fn on_a_busy_core(&self) -> Result<Told, String> {
        if !is_there("taskset") {
            return Err("no taskset".to_owned());
        }
        let core = (cores() - 1).to_string();
        Ok(self.beside(&["taskset", "-c", &core], |_| {
            Burners::start(3, Some(&core))
        }))
    }

    fn with_little_memory(&self, seed: usize) -> Result<Told, String> {
        let group = LittleMemory::new(seed)?;
        // A copy, whose pages nobody else holds in memory.
        let program = self.place.path().join("plimsoll");
        std::fs::copy(env!("CARGO_BIN_EXE_plimsoll"), &program).expect("a copy");
        let copy = std::fs::File::open(&program).expect("a copy");
        copy.sync_all().expect("is written");
        rustix::fs::fadvise(&copy, 0, None, rustix::fs::Advice::DontNeed).expect("is let go");
        let enter = format!(
            "echo $$ > {}/cgroup.procs; shift; exec {} \"$@\"",
            group.folder.display(),
            program.display()
        );
        Ok(self.beside(&["sh", "-c", &enter, "sh"], |_| group.take_away()))
    }
}

/// A control group whose memory can be taken away.
struct LittleMemory {
    folder: PathBuf,
    /// Written to, the kernel takes from it what it can; and what is written.
    reclaim: (&'static str, &'static str),
}

impl LittleMemory {
    fn new(seed: usize) -> Result<Self, String> {
        let name = format!("plimsoll-memory-{seed}-{}", std::process::id());
        let one = ("/sys/fs/cgroup/memory", ("memory.force_empty", "0"));
        let two = ("/sys/fs/cgroup", ("memory.reclaim", "64M"));
        for (root, reclaim) in [one, two] {
            let folder = Path::new(root).join(&name);
            if std::fs::create_dir(&folder).is_err() {
                continue;
            }
            let group = Self { folder, reclaim };
            if group.folder.join(reclaim.0).exists() {
                return Ok(group);
            }
        }
        Err("no control group whose memory can be taken away".to_owned())
    }

    /// Takes all of it away again and again for some seconds.
    fn take_away(&self) {
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(3) {
            // The kernel says that some was in use, which is the purpose.
            let _ = std::fs::write(self.folder.join(self.reclaim.0), self.reclaim.1);
            thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for LittleMemory {
    fn drop(&mut self) {
        machine::remove(&self.folder);
    }
}

fn stop_for(run: &Child, time: Duration) {
    let pid = Pid::from_child(run);
    kill_process(pid, Signal::STOP).expect("it runs");
    thread::sleep(time);
    kill_process(pid, Signal::CONT).expect("it is there");
}

pub(super) fn cores() -> usize {
    thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

fn is_there(program: &str) -> bool {
    let tried = Command::new(program).arg("--version").output();
    tried.is_ok_and(|output| output.status.success())
}

fn fake_clock() -> Option<PathBuf> {
    let folders = std::fs::read_dir("/usr/lib").ok()?.flatten();
    let all = folders.map(|folder| folder.path().join("faketime/libfaketimeMT.so.1"));
    all.into_iter().find(|path| path.is_file())
}

/// Processes that do nothing but use a core.
struct Burners(#[expect(dead_code, reason = "they end with it")] Vec<Running>);

impl Burners {
    fn start(count: usize, core: Option<&str>) -> Self {
        let burner = |_| {
            let mut command = match core {
                None => Command::new("sh"),
                Some(core) => {
                    let mut command = Command::new("taskset");
                    command.args(["-c", core, "sh"]);
                    command
                }
            };
            command.args(["-c", "while :; do :; done"]);
            Running(command.stdin(Stdio::null()).spawn().expect("a burner"))
        };
        Self((0..count).map(burner).collect())
    }
}
