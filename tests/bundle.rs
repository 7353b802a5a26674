//! Diagnostic bundles, end to end: taken by themselves, taken by hand, and without any secret.

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use common::{Workplace, eventually};
use serde_json::Value;

/// An unpacked bundle.
struct Bundle {
    /// As it is inside of the compression.
    archive: Vec<u8>,
    /// By their paths below the bundle's folder.
    files: BTreeMap<String, Vec<u8>>,
}

impl Bundle {
    fn open(path: &Path) -> Self {
        let mut archive = Vec::new();
        let packed = fs::read(path).expect("a bundle");
        flate2::read::GzDecoder::new(packed.as_slice())
            .read_to_end(&mut archive)
            .expect("gzip");
        let mut files = BTreeMap::new();
        let mut entries = tar::Archive::new(archive.as_slice());
        for entry in entries.entries().expect("a tar") {
            let mut entry = entry.expect("an entry");
            assert!(entry.header().entry_type().is_file(), "regular files only");
            let path = entry.path().expect("a path").display().to_string();
            let parts: Vec<&str> = path.split('/').collect();
            assert!(!path.starts_with('/') && !parts.contains(&".."), "{path}");
            let (folder, name) = path.split_once('/').expect("a folder of its own");
            assert!(folder.starts_with("bundle-"), "{path}");
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).expect("its bytes");
            assert!(
                files.insert(name.to_owned(), bytes).is_none(),
                "{name} is there twice"
            );
        }
        Self { archive, files }
    }

    #[track_caller]
    fn text(&self, name: &str) -> &str {
        let names: Vec<_> = self.files.keys().collect();
        let bytes = self
            .files
            .get(name)
            .unwrap_or_else(|| panic!("no {name} in {names:?}"));
        std::str::from_utf8(bytes).expect("text")
    }

    fn summary(&self) -> Value {
        serde_json::from_str(self.text("summary.json")).expect("JSON")
    }
}

/// The bundles in a folder.
fn bundles_in(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let paths = entries.map(|entry| entry.path());
    paths
        .filter(|path| path.to_string_lossy().ends_with(".tar.gz"))
        .collect()
}

fn only_run(place: &Workplace) -> PathBuf {
    let runs = place.runs();
    assert_eq!(runs.len(), 1);
    runs[0].clone()
}

#[track_caller]
fn only_bundle(place: &Workplace) -> (PathBuf, Bundle) {
    let found = bundles_in(&only_run(place));
    assert_eq!(found.len(), 1, "{found:?}");
    (found[0].clone(), Bundle::open(&found[0]))
}

const DEADLOCK: &str = r#"
name = "stuck"

[target]
command = ["PLIMSOLL", "demo-target", "--port", "{port}", "--fault", "deadlock:at=1s"]
ready = { get = "/health", within = "20s" }
metrics = ["/metrics"]

[target.timeouts]
first-byte = "6s"
total = "6s"

[[step]]
name = "items"
request = "GET /items"

[[phase]]
name = "steady"
rate = "40/s"
duration = "90s"

[guard]
errors-over = "50%"
within = "3s"
openings = 1
"#;

#[test]
fn a_deadlock_names_its_waiters_and_ends_at_the_guard() {
    let place = Workplace::new();
    let scenario = DEADLOCK.replace("PLIMSOLL", env!("CARGO_BIN_EXE_plimsoll"));
    place.write("scenarios/stuck.toml", &scenario);
    let ended = place.run(&["run", "stuck"]).exits(1);
    assert!(
        ended.stderr.contains("the guard ended the run"),
        "{}",
        ended.stderr
    );
    let (path, bundle) = only_bundle(&place);
    let name = path
        .file_name()
        .expect("a name")
        .to_string_lossy()
        .into_owned();
    let why = "nothing was answered for 3 s while requests waited";
    for said in [&ended.stderr, &ended.stdout] {
        // Long lines are broken between words.
        let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(said.contains(&name) && said.contains(why), "{said}");
    }
    let report = place
        .run(&["report", "last", "-o", "json:-"])
        .exits(0)
        .json();
    let findings = report["findings"].as_array().expect("findings");
    let finding = findings
        .iter()
        .find(|f| f["code"] == "PL0345")
        .expect("a finding");
    assert!(finding.to_string().contains(&name), "{finding}");
    let html = fs::read_to_string(only_run(&place).join("report.html")).expect("a report");
    assert!(html.contains(&name), "the page says where it is");

    let summary = bundle.summary();
    assert_eq!(summary["why"], why);
    let groups = summary["waiting"].as_array().expect("groups");
    let names = |group: &Value| -> BTreeMap<String, u64> {
        let names = group["names"].as_array().expect("names").iter();
        names
            .map(|n| (n[0].as_str().unwrap().to_owned(), n[1].as_u64().unwrap()))
            .collect()
    };
    let stuck = groups
        .iter()
        .find(|g| names(g).contains_key("demo-transfer"));
    let stuck = stuck.unwrap_or_else(|| panic!("the two that wait for each other: {summary:#}"));
    assert_eq!(names(stuck)["demo-transfer"], 2);
    assert_eq!(stuck["state"], "S");
    // Where the kernel says neither, it must have been said that it does not.
    let place_of = |key: &str| stuck[key].as_str();
    match (place_of("channel"), place_of("syscall")) {
        (Some(channel), _) => {
            assert!(channel.contains("futex"), "{stuck}");
            let threads = stuck["threads"].as_u64().expect("a number");
            assert!(threads > 2, "requests wait for them as well: {stuck}");
            let sentence = stuck["sentence"].as_str().expect("a sentence");
            let expect = format!("{threads} threads wait in {channel}");
            assert!(sentence.starts_with(&expect), "{sentence}");
        }
        (None, Some(syscall)) => assert_eq!(syscall, "futex"),
        (None, None) => {
            let left_out = summary["left_out"].to_string();
            assert!(left_out.contains("wait channels of process"), "{left_out}");
        }
    }
    let sentence = stuck["sentence"].as_str().expect("a sentence");
    assert!(bundle.text("index.html").contains(sentence), "{sentence}");
    assert!(bundle.text("threads.txt").contains(sentence));
    assert!(
        bundle
            .text("target/metrics.txt")
            .contains("http_requests_in_flight")
    );
    assert!(bundle.text("run/manifest.json").contains("\"stuck\""));
    assert!(bundle.text("run/intervals.jsonl").lines().count() >= 4);
    assert!(bundle.text("host/meminfo").contains("MemTotal"));
    let of_the_target = summary["processes"][0]["pid"].as_u64().expect("an id");
    let sockets = bundle.text(&format!("process-{of_the_target}/sockets.txt"));
    assert!(sockets.contains("tcp listen 127.0.0.1:"), "{sockets}");
}

#[test]
fn a_target_that_dies_leaves_a_bundle_with_its_last_words() {
    let place = Workplace::new();
    let mortal = r#"["sh", "-c", "PLIMSOLL demo-target --port $1 & while [ ! -e dies ]; do sleep 0.1; done; kill $!; echo out of luck; exit 7", "sh", "{port}"]"#;
    let (before, command) = DEADLOCK.split_once("command = ").expect("a command");
    let (_, after) = command.split_once('\n').expect("a line");
    let (after, _) = after.split_once("[guard]").expect("a guard");
    let scenario = format!("{before}command = {mortal}\n{after}");
    let scenario = scenario.replace("PLIMSOLL", env!("CARGO_BIN_EXE_plimsoll"));
    place.write("scenarios/stuck.toml", &scenario);
    let run = place
        .command(&["run", "stuck"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let measures =
        |run: &PathBuf| fs::metadata(run.join("run.plog")).is_ok_and(|log| log.len() > 400);
    eventually("the load", || place.runs().iter().any(measures));
    place.write("dies", "");
    let ended = common::Ended::from(run.wait_with_output().expect("it ends")).exits(2);
    assert!(ended.stderr.contains("PL0404"), "{}", ended.stderr);
    let (path, bundle) = only_bundle(&place);
    let name = path
        .file_name()
        .expect("a name")
        .to_string_lossy()
        .into_owned();
    assert!(ended.stderr.contains(&name), "{}", ended.stderr);
    assert!(bundle.text("target/output.txt").contains("out of luck"));
    let summary = bundle.summary();
    let why = summary["why"].as_str().expect("why");
    assert!(why.contains("exit status: 7"), "{why}");
}

#[test]
fn a_bundle_is_taken_by_hand_of_a_target_and_of_a_run() {
    let place = Workplace::new();
    let mut demo = place
        .command(&["demo-target", "--port", "0"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("a target");
    let pid = demo.id().to_string();
    let taken = place.run(&["diagnose", "--bundle", "--pid", &pid]).exits(0);
    let path = place.path().join(taken.stdout.trim());
    let folder = place.path().join("reports/bundles");
    assert_eq!(path.parent(), Some(folder.as_path()));
    let bundle = Bundle::open(&path);
    assert_eq!(bundle.summary()["processes"][0]["pid"].to_string(), pid);
    assert!(
        bundle
            .text(&format!("process-{pid}/command-line.txt"))
            .contains("demo-target")
    );
    demo.kill().expect("ends");
    demo.wait().expect("ended");

    let nobody = place.run(&["diagnose", "--bundle", "--pid", &pid]).exits(2);
    assert!(nobody.stderr.contains("PL0411"), "{}", nobody.stderr);
    let without = place.run(&["diagnose", "--pid", &pid]).exits(2);
    assert!(without.stderr.contains("--bundle"), "{}", without.stderr);
    place.run(&["diagnose", "--bundle", "last~9"]).exits(2);
}

#[test]
fn of_a_stored_run_what_may_hold_an_unknown_secret_is_left_out() {
    let server = common::Server::start(common::Manner::Prompt);
    let place = Workplace::new();
    let scenario = format!(
        "name = \"shop\"\n[target]\nurl = \"{}\"\n[[step]]\nname = \"root\"\nrequest = \"GET /\"\n\
         headers = {{ x-key = \"{{{{env.SHOP_KEY}}}}\" }}\n[[phase]]\nname = \"steady\"\nrate = \"50/s\"\nduration = \"1s\"\n",
        server.url().trim_end_matches('/')
    );
    place.write("scenarios/shop.toml", &scenario);
    let with_key = |args: &[&str]| {
        let output = place
            .command(args)
            .env("SHOP_KEY", "kept-from-all")
            .output();
        common::Ended::from(output.expect("it starts"))
    };
    with_key(&["run", "shop"]).exits(0);
    let open =
        |ended: common::Ended| Bundle::open(&place.path().join(ended.exits(0).stdout.trim()));
    let known = open(with_key(&["diagnose", "--bundle"]));
    assert!(known.text("run/log.jsonl").contains("\"round\""));
    assert!(known.text("run/manifest.json").contains("env.SHOP_KEY"));
    let unknown = open(place.run(&["diagnose", "--bundle", "last"]));
    assert!(unknown.text("run/intervals.jsonl").contains("\"interval\""));
    assert!(!unknown.files.contains_key("run/log.jsonl"));
    let page = unknown.text("index.html");
    assert!(page.contains("the variable SHOP_KEY"), "{page}");
    assert!(place.runs().len() == 1, "a bundle is no run");
}

/// What each place of a scenario holds; none of it may be in a bundle.
const CANARIES: [(&str, &str); 8] = [
    ("basic", "cNry1 \"<basic>'&é%/\\x"),
    ("bearer", "cNry2/bearer+tok.en=="),
    ("header", "cNry3-<header>&\"q\""),
    ("cookie", "cNry4cookie"),
    ("body", "cNry5 \"body\"\\ <é>&\n"),
    ("query", "cNry6 query/&=+%41"),
    ("env", "cNry7env$x<y>"),
    ("url", "cNry8urlpw"),
];

fn canary(place: &str) -> &'static str {
    CANARIES
        .iter()
        .find(|(name, _)| *name == place)
        .expect("there is one")
        .1
}

/// A canary of a form, as this test writes it: not by the code under test.
fn encodings(secret: &str) -> Vec<Vec<u8>> {
    let percent = |kept: &str, lower: bool| -> String {
        let byte = |b: u8| match b {
            _ if b.is_ascii_alphanumeric() || kept.as_bytes().contains(&b) => {
                char::from(b).to_string()
            }
            _ if lower => format!("%{b:02x}"),
            _ => format!("%{b:02X}"),
        };
        secret.bytes().map(byte).collect()
    };
    let json = Value::from(secret).to_string();
    let json = json[1..json.len() - 1].to_owned();
    let twice = Value::from(json.as_str()).to_string();
    let html = |text: &str| {
        let named = text
            .replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;");
        named.replace('"', "&quot;")
    };
    let mut all = vec![
        secret.to_owned(),
        percent("", false),
        percent("", true),
        percent("-._~", false),
        percent("-._~!'()*", false),
        percent("-._~", false).replace("%20", "+"),
        json.clone(),
        twice[1..twice.len() - 1].to_owned(),
        html(secret),
        html(secret).replace('\'', "&#39;"),
        html(&json),
    ];
    // Of base64 with one to three bytes before it: what none of them has changed.
    for before in ["", "u", "us"] {
        for engine in [&STANDARD, &URL_SAFE] {
            let encoded = engine.encode(format!("{before}{secret}"));
            let sure = (before.len() * 8).div_ceil(6)..(before.len() + secret.len()) * 8 / 6;
            all.push(encoded[sure].to_owned());
        }
    }
    all.into_iter().map(String::into_bytes).collect()
}

fn holds(text: &[u8], what: &[u8]) -> bool {
    text.windows(what.len()).any(|window| window == what)
}

/// Writes all that it was sent, and its environment, to its output in every encoding, and shows it
/// in its metrics. Does nothing unless it is started as a target.
#[test]
#[ignore = "the target of another test"]
fn the_target_that_tells_all() {
    let Some(port) = std::env::var("TELLS_ALL_AT").ok() else {
        return;
    };
    let secret = std::env::var("SHOP_SETTING").expect("given by the scenario");
    let listener = TcpListener::bind(format!("127.0.0.1:{port}")).expect("its port");
    tell(&secret);
    tell(canary("url"));
    for stream in listener.incoming().flatten() {
        std::thread::spawn(move || drop(tells_all(&stream)));
    }
}

fn tell(text: &str) {
    say(&format!("it was told {text}"));
    for encoded in encodings(text) {
        say(&format!(
            "encoded {} end",
            String::from_utf8_lossy(&encoded)
        ));
    }
    let pair = STANDARD.encode(format!("user:{text}"));
    say(&format!("pair {pair} end"));
}

/// Past the harness, which keeps what a test prints.
fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}")
        .and_then(|()| out.flush())
        .expect("an output");
}

fn tells_all(stream: &TcpStream) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    loop {
        let (mut head, mut length) = (String::new(), 0);
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line)? == 0 {
                return Ok(());
            }
            if let Some(n) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = n.trim().parse().unwrap_or(0);
            }
            head.push_str(&line);
            if line == "\r\n" {
                break;
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        let answer = if head.starts_with("GET /metrics") {
            let label = |text: &str| {
                text.replace('\\', "\\\\")
                    .replace('"', "\\\"")
                    .replace('\n', "\\n")
            };
            let all = CANARIES.map(|(name, value)| {
                let value = label(value);
                format!("told{{place=\"{name}\",value=\"{value}\"}} 1\n")
            });
            all.concat()
        } else {
            say(&format!("{head}{}", String::from_utf8_lossy(&body)));
            String::new()
        };
        let length = answer.len();
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n");
        (&*stream).write_all((head + &answer).as_bytes())?;
    }
}

/// The shell's own command line has what the target's has not, and stays.
const TELLING: &str = r#"
name = "telling"
description = "the example of a shop"

[target]
command = ["sh", "-c", "TELLS_ALL_AT=$1 \"$2\" --ignored --exact the_target_that_tells_all --nocapture & wait", "sh", "{port}", "TEST", "--db", "pg://shop:URL@db/x", "--token", "URL", "URL"]
env = { SHOP_SETTING = ENV }
ready = { within = "30s" }
metrics = ["/metrics"]

[[step]]
name = "basic"
request = "GET /basic"
auth = { basic = { user = "me", password = BASIC } }

[[step]]
name = "bearer"
request = "GET /bearer"
auth = { bearer = "{{env.SHOP_BEARER}}" }
headers = { x-shop = HEADER, cookie = "sid=COOKIE; other=1" }

[[step]]
name = "body"
request = "POST /body"
query = { q = "{{env.SHOP_QUERY}}" }
json = { text = "{{env.SHOP_BODY}}" }

[[alert]]
name = "Told"
expr = "told > 0"
for = "1s"
severity = "critical"
annotations = { summary = "it was told {{ $labels.value }}" }

[[phase]]
name = "steady"
rate = "12/s"
duration = "5s"
"#;

#[test]
fn no_secret_of_a_scenario_is_in_any_byte_of_a_bundle() {
    let place = Workplace::new();
    let test = std::env::current_exe().expect("this test");
    // A string of JSON is one of TOML.
    let quoted = |name: &str| Value::from(canary(name)).to_string();
    let scenario = TELLING
        .replace("\"TEST\"", &format!("\"{}\"", test.display()))
        .replace("URL", canary("url"))
        .replace("= ENV }", &format!("= {} }}", quoted("env")))
        .replace(
            "password = BASIC",
            &format!("password = {}", quoted("basic")),
        )
        .replace("x-shop = HEADER", &format!("x-shop = {}", quoted("header")))
        .replace("COOKIE", canary("cookie"));
    place.write("scenarios/telling.toml", &scenario);
    let output = place
        .command(&["run", "telling"])
        .env("SHOP_BEARER", canary("bearer"))
        .env("SHOP_QUERY", canary("query"))
        .env("SHOP_BODY", canary("body"))
        .output();
    let ended = common::Ended::from(output.expect("it starts"));
    ended.exits(0);
    let (path, bundle) = only_bundle(&place);

    // The texts are there, and were worth looking at.
    let told = bundle.text("target/output.txt");
    for kept in [
        "it was told [redacted]",
        "GET /basic HTTP/1.1",
        "POST /body?q=[redacted] ",
    ] {
        assert!(told.contains(kept), "{kept:?} is not in:\n{told}");
    }
    assert!(
        bundle
            .text("target/metrics.txt")
            .contains("place=\"cookie\"")
    );
    assert!(bundle.text("run/log.jsonl").contains("\"sample\""));
    assert!(
        bundle
            .text("run/manifest.json")
            .contains("the example of a shop")
    );
    let summary = bundle.summary();
    let shell = summary["processes"]
        .as_array()
        .expect("processes")
        .iter()
        .find(|p| p["name"] == "sh");
    let shell = shell.unwrap_or_else(|| panic!("the shell: {summary:#}"))["pid"].to_string();
    let line = bundle.text(&format!("process-{shell}/command-line.txt"));
    assert!(
        line.contains("pg://[redacted]@db/x") && line.ends_with("[redacted]\n"),
        "{line}"
    );

    let name = path
        .file_name()
        .expect("a name")
        .to_string_lossy()
        .into_owned();
    let packed = fs::read(&path).expect("a bundle");
    for (place, secret) in CANARIES {
        for encoded in encodings(secret) {
            let shown = String::from_utf8_lossy(&encoded).into_owned();
            for (file, bytes) in &bundle.files {
                assert!(!holds(bytes, &encoded), "{place} as {shown} is in {file}");
                assert!(!holds(file.as_bytes(), &encoded), "{place} names {file}");
            }
            assert!(!holds(&bundle.archive, &encoded), "{place} as {shown}");
            assert!(!holds(&packed, &encoded) && !holds(name.as_bytes(), &encoded));
        }
        // Nor any longer piece of its own.
        let stem = secret.split_at(5).0;
        let left = bundle
            .files
            .iter()
            .find(|(_, bytes)| holds(bytes, stem.as_bytes()));
        assert!(
            left.is_none(),
            "{stem} is left in {:?}",
            left.map(|(file, _)| file)
        );
    }
}
