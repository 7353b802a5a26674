//! What can be reached from outside, what is trusted there, and what is started.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use plimsoll::mutant::Mutant;
use rcgen::date_time_ymd;
use rustls::ServerConfig;

use crate::common::certificates::{Authority, Card, named, over};
use crate::common::{
    Ended, Manner, Running, Server, Workplace, descendants, eventually, every_output, unbroken,
};

#[cfg_attr(
    not(feature = "mutants"),
    expect(dead_code, reason = "read by mutants")
)]
pub(crate) const KILLS: &[(Mutant, &str)] = &[
    (
        Mutant::UnverifiedTls,
        "surface::nobody_is_loaded_who_does_not_prove_who_he_is",
    ),
    (
        Mutant::UnverifiedUnsaid,
        "surface::a_plan_that_verifies_nothing_is_another_plan",
    ),
    (
        Mutant::BindsEverywhere,
        "surface::whoever_listens_listens_on_this_machine_alone",
    ),
];

/// A server that speaks TLS with one certificate, and counts the requests that get through.
struct TlsServer {
    port: u16,
    requests: Arc<AtomicU64>,
}

impl TlsServer {
    fn start(card: &Card) -> Self {
        let config = card.server(&[]);
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let requests = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&requests);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (config, counter) = (Arc::clone(&config), Arc::clone(&counter));
                // Who does not trust it goes away, which ends the thread.
                std::thread::spawn(move || drop(converse(&config, stream, &counter)));
            }
        });
        Self { port, requests }
    }

    fn requests(&self) -> u64 {
        self.requests.load(Ordering::SeqCst)
    }
}

fn converse(
    config: &Arc<ServerConfig>,
    stream: TcpStream,
    counter: &AtomicU64,
) -> std::io::Result<()> {
    let mut reader = BufReader::new(over(config, stream));
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        if line == "\r\n" {
            counter.fetch_add(1, Ordering::SeqCst);
            let stream = reader.get_mut();
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")?;
            stream.flush()?;
        }
    }
}

/// A scenario of the engine and of users against a TLS server.
fn tls_scenario(name: &str, port: u16, load: &str, tls: &str) -> String {
    format!(
        "name = \"{name}\"\n[target]\nurl = \"https://127.0.0.1:{port}\"\ntls = {{ {tls} }}\n\
         [[step]]\nname = \"s\"\nrequest = \"GET /\"\n\
         [[phase]]\nname = \"p\"\n{load}\nduration = \"300ms\"\n"
    )
}

#[test]
fn nobody_is_loaded_who_does_not_prove_who_he_is() {
    let place = Workplace::new();
    let (ours, theirs) = (Authority::new("ours"), Authority::new("theirs"));
    place.write("scenarios/ca.pem", &ours.pem);
    let mut expired = named("127.0.0.1");
    expired.not_before = date_time_ymd(2020, 1, 1);
    expired.not_after = date_time_ymd(2021, 1, 1);
    let mut early = named("127.0.0.1");
    early.not_before = date_time_ymd(2090, 1, 1);
    early.not_after = date_time_ymd(2091, 1, 1);
    let here = named("127.0.0.1");
    let cards = [
        ("expired", ours.signs(&expired)),
        ("early", ours.signs(&early)),
        ("other-host", ours.signs(&named("other.example"))),
        ("other-authority", theirs.signs(&here)),
        ("self-signed", Card::self_signed(&here)),
    ];
    let servers = cards.map(|(name, card)| (name, TlsServer::start(&card)));
    let loads = [("engine", "rate = \"20/s\""), ("users", "users = 2")];
    let mut refused = 0;
    for (name, server) in &servers {
        for (kind, load) in loads {
            let name = format!("{name}-{kind}");
            let text = tls_scenario(&name, server.port, load, "ca = \"ca.pem\"");
            place.write(&format!("scenarios/{name}.toml"), &text);
            let ended = place.run(&["run", &name]);
            assert_eq!(server.requests(), 0, "{name}: {}", ended.stderr);
            refused += 1;
        }
    }
    // The one that proves it is loaded, by both.
    let good = TlsServer::start(&ours.signs(&here));
    for (kind, load) in loads {
        let before = good.requests();
        let text = tls_scenario(kind, good.port, load, "ca = \"ca.pem\"");
        place.write(&format!("scenarios/{kind}.toml"), &text);
        place.run(&["run", kind]).exits(0);
        assert!(good.requests() > before, "{kind}");
    }
    println!(
        "S10: {refused} of 10 loads to servers that prove nothing refused, 2 of 2 others sent"
    );
}

#[test]
fn that_nothing_is_verified_is_said_in_every_report() {
    let place = Workplace::new();
    let server = TlsServer::start(&Card::self_signed(&named("127.0.0.1")));
    let text = tls_scenario("lax", server.port, "rate = \"20/s\"", "verify = false");
    place.write("scenarios/lax.toml", &text);
    let mut texts = every_output(&place, &["run", "lax", "-v"], 0);
    assert!(server.requests() > 0);
    let dry = place.run(&["run", "lax", "--dry-run"]).exits(0);
    texts.push(("plan", dry.stdout));
    for (what, text) in &texts {
        assert!(unbroken(text).contains("NOT verified"), "{what}:\n{text}");
    }
    println!(
        "S10: `NOT verified` stands in {} of {} outputs",
        texts.len(),
        texts.len()
    );
}

#[test]
fn a_plan_that_verifies_nothing_is_another_plan() {
    let hash = |tls: &str| {
        let file = plimsoll::diagnostic::SourceFile {
            name: "a.toml".to_owned(),
            text: tls_scenario("a", 8443, "rate = \"20/s\"", tls).into(),
        };
        let loaded = plimsoll::scenario::parse(&file, Path::new("."), &|_| None);
        loaded.expect("a scenario").plan.hash()
    };
    assert_ne!(hash("verify = true"), hash("verify = false"));
    assert_eq!(hash("verify = true"), hash("server-name = \"localhost\""));
}

/// Where a process and those it has started listen, as `/proc/net/tcp` writes it.
fn listening(pid: u32) -> BTreeSet<String> {
    let family = std::iter::once(pid).chain(descendants(pid));
    let mut sockets = BTreeSet::new();
    for pid in family {
        let entries = std::fs::read_dir(format!("/proc/{pid}/fd"))
            .into_iter()
            .flatten();
        for entry in entries.flatten() {
            let to = std::fs::read_link(entry.path()).unwrap_or_default();
            let to = to.to_string_lossy().into_owned();
            if let Some(inode) = to.strip_prefix("socket:[") {
                sockets.insert(inode.trim_end_matches(']').to_owned());
            }
        }
    }
    let mut addresses = BTreeSet::new();
    for table in ["/proc/net/tcp", "/proc/net/tcp6"] {
        let table = std::fs::read_to_string(table).unwrap_or_default();
        for line in table.lines().skip(1) {
            let fields: Vec<&str> = line.split_whitespace().collect();
            if fields[3] == "0A" && sockets.contains(fields[9]) {
                let (address, _) = fields[1].split_once(':').expect("address:port");
                addresses.insert(address.to_owned());
            }
        }
    }
    addresses
}

#[test]
fn whoever_listens_listens_on_this_machine_alone() {
    const LOOPBACK: [&str; 2] = ["0100007F", "00000000000000000000000001000000"];
    let place = Workplace::new();
    let server = Server::start(Manner::Prompt);
    let scenario = format!(
        "name = \"faulty\"\n[target]\nurl = \"{}\"\n[[step]]\nname = \"s\"\nrequest = \"GET /\"\n\
         [[phase]]\nname = \"p\"\nrate = \"20/s\"\nduration = \"20s\"\n\
         [[fault]]\nat = \"1s\"\nfor = \"1s\"\nlatency = \"10ms\"\n",
        server.url()
    );
    place.write("scenarios/faulty.toml", &scenario);
    let mut seen = 0;
    for args in [
        &["demo-target"][..],
        &["demo-target", "--fault", "crash-loop:at=60s"],
        &["demo-target", "--truth", "base=1ms"],
        &["run", "faulty"],
        &["serve"],
    ] {
        let mut command = place.command(args);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let running = Running(command.spawn().expect("it starts"));
        let mut found = BTreeSet::new();
        eventually("something listens", || {
            found = listening(running.0.id());
            !found.is_empty()
        });
        let outside: Vec<_> = found
            .iter()
            .filter(|a| !LOOPBACK.contains(&a.as_str()))
            .collect();
        assert!(outside.is_empty(), "{args:?} listens on {outside:?}");
        seen += 1;
    }
    println!("S11: {seen} of 5 servers of ours listen on loopback alone");
}

/// A scenario in which everything is that a scenario can have.
const EVERYTHING: &str = r#"
name = "everything"
[target]
command = ["BINARY", "demo-target", "--port", "{port}"]
ready = { get = "/health", within = "20s" }
metrics = ["/metrics"]
[data.rows]
file = "rows.csv"
[[health]]
name = "cache"
get = "/health/cache"
every = "1s"
[[journey]]
name = "way"
[[journey.step]]
name = "browse"
request = "GET /items?page={{rows.page}}"
capture = { id = { json = "/items/0/id" } }
headers = { x-note = "$(touch pwned) `touch pwned` ; touch pwned" }
[[journey.step]]
name = "pay"
request = "POST /pay"
body = "{{file.note.txt}}"
[[phase]]
name = "steady"
rate = "30/s"
duration = "1s"
[[phase]]
name = "people"
users = 2
duration = "500ms"
[[fault]]
at = "200ms"
for = "200ms"
latency = "5ms"
[guard]
errors-over = "90%"
[[alert]]
name = "Any"
expr = "plimsoll_sent_total > 0"
annotations = { summary = "$(touch pwned) {{ $value }}" }
[[threshold]]
metric = "errors.rate"
max = "100%"
"#;

fn everything() -> Workplace {
    let place = Workplace::new();
    let binary = env!("CARGO_BIN_EXE_plimsoll");
    let text = EVERYTHING.replace("BINARY", binary);
    place.write("scenarios/everything.toml", &text);
    place.write(
        "scenarios/rows.csv",
        "page\n1\n$(touch pwned)\n|touch pwned\n",
    );
    place.write("scenarios/note.txt", "`touch pwned`\n");
    place
}

#[test]
fn a_scenario_starts_its_target_and_nothing_else() {
    let place = everything();
    // Whatever is looked for by its name, a program that tells is found.
    let told = place.path().join("told");
    let script = format!("#!/bin/sh\necho \"$0 $*\" >> {}\n", told.display());
    for name in [
        "git", "perf", "sh", "bash", "curl", "uname", "hostname", "plimsoll", "touch", "ps",
    ] {
        use std::os::unix::fs::PermissionsExt;
        let path = place.write(&format!("bin/{name}"), &script);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("a mode");
    }
    let mut command = place.command(&["run", "everything", "-o", "out.html", "-o", "out.json"]);
    command.env("PATH", place.path().join("bin"));
    Ended::from(command.output().expect("it starts")).exits(0);
    let started = std::fs::read_to_string(&told).unwrap_or_default();
    assert_eq!(started, "", "programs that nobody asked for");
    assert!(!place.path().join("pwned").exists());
}

#[test]
fn the_kernel_saw_no_other_program() {
    let able = Command::new("strace")
        .args(["-o", "/dev/null", "true"])
        .status();
    if !able.is_ok_and(|status| status.success()) {
        println!("skipped: there is no strace, or it may not trace");
        return;
    }
    let place = everything();
    let binary = env!("CARGO_BIN_EXE_plimsoll");
    let log = place.path().join("exec.log");
    let mut command = Command::new("strace");
    command
        .args([
            "-f",
            "-qq",
            "-s",
            "4096",
            "-e",
            "trace=execve,execveat",
            "-o",
        ])
        .arg(&log)
        .args([binary, "run", "everything", "-o", "out.html"])
        .current_dir(place.path());
    let ended = Ended::from(command.output().expect("strace starts"));
    assert!(matches!(ended.code, Some(0 | 4)), "{}", ended.stderr);
    let log = std::fs::read_to_string(log).expect("a log");
    let programs: Vec<&str> = log
        .lines()
        .filter(|line| line.contains("exec"))
        .filter_map(|line| line.split('"').nth(1))
        .collect();
    // Ourselves, the watch that ends what the target leaves behind, the guard that stands before the
    // target, and the target that the guard becomes.
    assert_eq!(programs, [binary; 4], "{log}");
    assert!(!place.path().join("pwned").exists());
    println!(
        "S7: 4 programs executed by a scenario with everything in it: ourselves, the watch, the guard, \
         target.command"
    );
}

#[test]
fn dependencies_are_pinned_and_new_enough() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut text = String::new();
    std::fs::File::open(root.join("Cargo.lock"))
        .and_then(|mut file| file.read_to_string(&mut text))
        .expect("the lockfile");
    let lock: toml::Table = text.parse().expect("TOML");
    let packages = lock["package"].as_array().expect("packages");
    let of = |package: &toml::Value, key: &str| {
        package
            .get(key)
            .and_then(toml::Value::as_str)
            .map(str::to_owned)
    };
    let mut pinned = 0;
    for package in packages {
        let name = of(package, "name").expect("a name");
        if name == "plimsoll" {
            continue;
        }
        let source = of(package, "source").expect("a source");
        assert_eq!(
            source, "registry+https://github.com/rust-lang/crates.io-index",
            "{name}"
        );
        let checksum = of(package, "checksum").expect("a checksum");
        assert_eq!(checksum.len(), 64, "{name}");
        pinned += 1;
    }
    let h2 = packages
        .iter()
        .filter(|p| of(p, "name").as_deref() == Some("h2"));
    let versions: Vec<String> = h2.filter_map(|p| of(p, "version")).collect();
    assert!(!versions.is_empty());
    for version in versions {
        let parts: Vec<u64> = version
            .split('.')
            .map(|p| p.parse().expect("a number"))
            .collect();
        assert!(parts >= vec![0, 4, 16], "h2 {version}");
    }
    println!("S13: {pinned} packages pinned by checksum, h2 0.4.16 or newer");
}
