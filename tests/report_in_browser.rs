//! Opens a report as its reader does: in a browser, alone in a folder, without a network.
//!
//! Needs `/usr/bin/chromium`; without it the checks say so and pass, since no Rust toolchain
//! brings a browser. `.ci/run` installs it where it can.

mod common;
#[path = "common/history.rs"]
mod runs_made;
#[path = "common/served.rs"]
mod served;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const BROWSER: &str = "/usr/bin/chromium";

/// Keeps the browser itself quiet, and every name but loopback unresolved.
const FLAGS: [&str; 14] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--disable-extensions",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-sync",
    "--no-first-run",
    "--enable-logging=stderr",
    "--v=0",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
];

/// What a page did when it was opened.
#[derive(Debug)]
struct Opened {
    /// The document after its scripts ran.
    dom: String,
    /// Every line it wrote to the console. A report has nothing to say there.
    console: Vec<String>,
    /// Every address it asked for, beyond the file itself.
    requests: Vec<String>,
}

#[test]
fn the_committed_report_opens_without_a_word_or_a_request() {
    let Some(report) = committed_report() else {
        println!("skipped: there is no reports/example/*.html");
        return;
    };
    let Some(opened) = open(&report) else { return };
    assert!(opened.dom.contains("<svg"), "its charts are in the page");
    assert_eq!(opened.console, [""; 0], "console of {}", report.display());
    assert_eq!(opened.requests, [""; 0], "requests of {}", report.display());
}

#[test]
fn a_page_that_keeps_to_itself_is_recognised() {
    let page = "<!doctype html><title>x</title><script>document.title = 'ran'</script>";
    let Some(opened) = open_text(page) else {
        return;
    };
    assert!(opened.dom.contains("<title>ran</title>"), "{}", opened.dom);
    assert_eq!(opened.console, [""; 0]);
    assert_eq!(opened.requests, [""; 0]);
}

#[test]
fn a_page_that_calls_out_or_complains_is_found() {
    let page = "<!doctype html><title>x</title>
        <link rel=stylesheet href='http://127.0.0.1:9/a.css'>
        <img src='https://example.invalid/b.png'>
        <script>console.error('alas'); noSuchFunction()</script>";
    let Some(opened) = open_text(page) else {
        return;
    };
    let said = |what: &str| opened.console.iter().any(|line| line.contains(what));
    assert!(said("alas") && said("noSuchFunction"), "{opened:?}");
    let mut requests = opened.requests.clone();
    requests.sort_unstable();
    assert_eq!(
        requests,
        ["http://127.0.0.1:9/a.css", "https://example.invalid/b.png"]
    );
}

#[test]
fn the_list_of_runs_can_be_narrowed_and_asks_for_nothing() {
    let place = common::Workplace::new();
    runs_made::write_many(place.path(), "checkout", 12);
    place.run(&["report", "--index"]).exits(0);
    let Some(opened) = open(&place.path().join("reports/index.html")) else {
        return;
    };
    assert!(
        opened
            .dom
            .contains("<output id=\"found\" aria-live=\"polite\">12 runs</output>"),
        "{}",
        opened.dom
    );
    assert_eq!(opened.console, [""; 0]);
    assert_eq!(opened.requests, [""; 0]);
}

#[test]
fn what_is_served_asks_for_itself_alone_and_is_renewed() {
    let place = common::Workplace::new();
    runs_made::write_many(place.path(), "checkout", 12);
    let target = common::Server::start(common::Manner::Prompt);
    let mut command = place.command(&["run", &target.url(), "--rate", "50/s", "--for", "600s"]);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let running = served::Running(command.spawn().expect("it starts"));
    let served = served::Served::start(&place);
    let mut live = String::new();
    common::eventually("the run is seen", || {
        let list = served.gets("").body;
        let begins = list.find("<ul class=\"now\">").map(|at| &list[at..]);
        let href = begins.and_then(|rest| rest.split("href=\"").nth(1));
        live = href
            .and_then(|rest| rest.split('"').next())
            .unwrap_or_default()
            .to_owned();
        !live.is_empty()
    });
    // Its clock goes on as soon as nothing is waited for, so that a page is renewed some times.
    let patient = ["--virtual-time-budget=11000"];
    for page in [String::new(), live] {
        let address = format!("{}{page}", served.url);
        let Some(opened) = open_address(&address, &patient) else {
            break;
        };
        assert_eq!(opened.console, [""; 0], "{address}");
        let strange: Vec<_> = opened.requests.iter().filter(|r| **r != address).collect();
        assert!(strange.is_empty(), "{address} asked for {strange:?}");
        assert!(
            opened.requests.len() > 1,
            "it was renewed: {:?}",
            opened.requests
        );
        assert!(opened.dom.contains(">Pause</button>"), "{}", opened.dom);
        assert!(opened.dom.contains("running"), "{}", opened.dom);
    }
    drop(running);
}

fn committed_report() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("reports/example");
    let mut files = fs::read_dir(folder).ok()?.flatten().map(|e| e.path());
    files.find(|path| path.extension().is_some_and(|e| e == "html"))
}

/// Opens a file in the browser; None, with a message, where there is no browser.
fn open(file: &Path) -> Option<Opened> {
    open_text(&fs::read_to_string(file).expect("a readable report"))
}

fn open_text(page: &str) -> Option<Opened> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("page.html");
    fs::write(&file, page).expect("the page is written");
    open_address(&format!("file://{}", file.display()), &[])
}

/// Opens an address, with more flags of the browser.
#[expect(clippy::print_stdout, reason = "a skipped check says so")]
fn open_address(address: &str, flags: &[&str]) -> Option<Opened> {
    if !Path::new(BROWSER).exists() {
        println!("skipped: there is no {BROWSER}");
        return None;
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let log = folder.path().join("net.json");

    let output = Command::new(BROWSER)
        .args(FLAGS)
        .arg(format!(
            "--user-data-dir={}/profile",
            folder.path().display()
        ))
        .arg(format!("--log-net-log={}", log.display()))
        .args(flags)
        .arg("--dump-dom")
        .arg(address)
        .env("HOME", folder.path())
        .stdin(Stdio::null())
        .output()
        .expect("the browser starts");
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "the browser failed:\n{stderr}");

    let console = stderr.lines().filter(|line| line.contains(":CONSOLE"));
    Some(Opened {
        dom: String::from_utf8_lossy(&output.stdout).into_owned(),
        console: console.map(str::to_owned).collect(),
        requests: requests(&fs::read_to_string(log).expect("a log of the network")),
    })
}

/// Addresses a page asked for, from Chromium's network log.
///
/// The browser has errands of its own; they have no page behind them and carry the initiator
/// `not an origin`.
fn requests(log: &str) -> Vec<String> {
    let log: serde_json::Value = serde_json::from_str(log)
        .or_else(|_| serde_json::from_str(&format!("{}]}}", log.trim_end().trim_end_matches(','))))
        .expect("JSON, or JSON cut off after an event");
    let start = &log["constants"]["logEventTypes"]["URL_REQUEST_START_JOB"];
    assert!(start.is_number(), "the log names its event types");
    let events = log["events"].as_array().expect("a list of events");
    let params = events
        .iter()
        .filter(|event| &event["type"] == start)
        .map(|event| &event["params"]);
    params
        .filter(|p| p["initiator"] != "not an origin")
        .filter_map(|p| p["url"].as_str().map(str::to_owned))
        .collect()
}
