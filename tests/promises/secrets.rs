//! What a scenario is told in secret reaches the target, and nothing that is written or shown.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use plimsoll::mutant::Mutant;

use crate::common::listener::{Asked, Listener, answer};
use crate::common::{Ended, Workplace};

#[cfg_attr(
    not(feature = "mutants"),
    expect(dead_code, reason = "read by mutants")
)]
pub(crate) const KILLS: &[(Mutant, &str)] = &[
    (
        Mutant::NoRedaction,
        "secrets::what_a_target_says_back_is_not_recorded",
    ),
    (
        Mutant::SecretInHash,
        "secrets::the_identity_of_a_plan_does_not_hold_its_secrets",
    ),
];

/// It is written differently in every encoding.
const CANARY: &str = "qX7/+&\"<%41>~k9 Zv";

/// The canary in all encodings that are looked for, each with its name.
fn encodings(canary: &str) -> Vec<(&'static str, Vec<String>)> {
    let bytes = || canary.bytes();
    let unreserved = |b: u8| b.is_ascii_alphanumeric() || b"-_.~".contains(&b);
    let percent = |lower: bool| -> String {
        bytes()
            .map(|b| match b {
                b if unreserved(b) => char::from(b).to_string(),
                b if lower => format!("%{b:02x}"),
                b => format!("%{b:02X}"),
            })
            .collect()
    };
    let hex: String = bytes().map(|b| format!("{b:02x}")).collect();
    let json = serde_json::Value::from(canary).to_string();
    let markup = canary
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;");
    // What is sure of it after none, one or two bytes of something else.
    let base64 = |encode: &dyn Fn(&[u8]) -> String| -> Vec<String> {
        (0..3_usize)
            .map(|before| {
                let all = [&vec![0; before], canary.as_bytes()].concat();
                let sure = (before * 8).div_ceil(6)..all.len() * 8 / 6;
                encode(&all)[sure].to_owned()
            })
            .collect()
    };
    vec![
        ("as it is", vec![canary.to_owned()]),
        ("percent-encoded", vec![percent(false)]),
        ("percent-encoded in small letters", vec![percent(true)]),
        (
            "percent-encoded, every byte",
            vec![bytes().map(|b| format!("%{b:02X}")).collect()],
        ),
        ("as in a form", vec![percent(false).replace("%20", "+")]),
        ("in JSON", vec![json[1..json.len() - 1].to_owned()]),
        (
            "in JSON, by code",
            vec![
                canary
                    .encode_utf16()
                    .map(|u| format!("\\u{u:04x}"))
                    .collect(),
            ],
        ),
        ("base64, 3 alignments", base64(&|all| STANDARD.encode(all))),
        (
            "base64 of URLs, 3 alignments",
            base64(&|all| URL_SAFE.encode(all)),
        ),
        ("hexadecimal", vec![hex.clone()]),
        ("hexadecimal in capitals", vec![hex.to_uppercase()]),
        ("in HTML", vec![markup]),
    ]
}

/// The canary as it is in a path.
fn in_a_path() -> String {
    encodings(CANARY)[1].1[0].clone()
}

/// The encodings in which the canary is found in a text.
fn found(canary: &str, text: &[u8]) -> Vec<&'static str> {
    let within = |needle: &str| {
        let needle = needle.as_bytes();
        text.windows(needle.len()).any(|window| window == needle)
    };
    let all = encodings(canary).into_iter();
    all.filter(|(_, needles)| needles.iter().any(|needle| within(needle)))
        .map(|(name, _)| name)
        .collect()
}

/// All that was written and said.
#[derive(Default)]
struct Search {
    hits: Vec<String>,
    texts: usize,
    bytes: usize,
}

impl Search {
    fn text(&mut self, what: &str, text: &[u8]) {
        self.texts += 1;
        self.bytes += text.len();
        for encoding in found(CANARY, text) {
            self.hits.push(format!("{what}: {encoding}"));
        }
    }

    fn ended(&mut self, what: &str, ended: &Ended) {
        self.text(&format!("stdout of {what}"), ended.stdout.as_bytes());
        self.text(&format!("stderr of {what}"), ended.stderr.as_bytes());
    }

    /// Every file below a folder but those that hold the secret on purpose; what is packed, unpacked.
    fn folder(&mut self, folder: &Path, except: &[PathBuf]) {
        for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
            let path = entry.path();
            if except.contains(&path) {
                continue;
            }
            let what = path.display().to_string();
            self.text(&what, what.as_bytes());
            if path.is_dir() {
                self.folder(&path, except);
                continue;
            }
            let bytes = std::fs::read(&path).expect("a file");
            if path.ends_with("run.plog") {
                let unpacked = plimsoll::store::runs::tail(folder, 64 << 20).expect("a record");
                self.text(&what, &unpacked.intervals);
                self.text(&what, &unpacked.others);
            }
            if path.extension().is_some_and(|kind| kind == "gz") {
                let mut unpacked = Vec::new();
                let mut reader = flate2::read::GzDecoder::new(bytes.as_slice());
                reader.read_to_end(&mut unpacked).expect("gzip");
                self.text(&what, &unpacked);
            }
            self.text(&what, &bytes);
        }
    }

    #[track_caller]
    fn is_clean(&self) {
        assert!(self.hits.is_empty(), "{:#?}", self.hits);
    }
}

#[test]
fn the_search_finds_every_encoding() {
    let names: BTreeSet<_> = encodings(CANARY)
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    assert_eq!(names.len(), 12);
    for (name, needles) in encodings(CANARY) {
        for needle in needles {
            let text = format!("before {needle} after");
            let found = found(CANARY, text.as_bytes());
            assert!(found.contains(&name), "{name}: {needle}");
        }
    }
    for user in ["", "u", "us", "use"] {
        let pair = STANDARD.encode(format!("{user}:{CANARY}"));
        assert!(found(CANARY, pair.as_bytes()).contains(&"base64, 3 alignments"));
    }
    assert!(found(CANARY, b"qX7 and nothing of it").is_empty());
}

/// Says back what it was told, wherever it can.
fn parrot() -> Listener {
    Listener::answering(|asked: &Asked| {
        let json = serde_json::Value::from(CANARY);
        match asked.path.split('?').next().unwrap_or_default() {
            "/metrics" => {
                let label = CANARY.replace('"', "\\\"");
                let text = format!(
                    "# HELP told_total tells {label}\n# TYPE told_total counter\n\
                     told_total{{token=\"{label}\"}} 3\nother{{of=\"base64 {}\"}} 1\n",
                    STANDARD.encode(format!("me:{CANARY}"))
                );
                answer("200 OK", &text)
            }
            "/ill" => answer(&format!("503 {CANARY}"), &format!("{{\"why\":{json}}}")),
            "/refused" => answer(&format!("401 {CANARY}"), &format!("{{\"bad\":{json}}}")),
            "/away" => format!(
                "HTTP/1.1 302 Found\r\nlocation: http://else.invalid/?t={}\r\ncontent-length: 0\r\n\r\n",
                in_a_path()
            ),
            _ => format!(
                "HTTP/1.1 200 OK\r\nx-told: {CANARY}\r\nset-cookie: s={}\r\ncontent-length: {}\r\n\r\n{json}",
                in_a_path(),
                json.to_string().len()
            ),
        }
    })
}

/// A scenario that is told the secret by every door.
const SCENARIO: &str = r#"
name = "told"
description = "Everything it sends is secret."

[target]
TARGET

[[journey]]
name = "way"
[[journey.step]]
name = "told"
request = "POST /told/{{env.CANARY}}"
query = { q = "{{env.CANARY}}" }
headers = { x-key = "{{env.CANARY}}", x-file = "key {{file.key.txt}}" }
auth = { basic = { user = "me", password = "{{env.CANARY}}" } }
json = { token = "{{env.CANARY}}" }
capture = { back = { header = "x-told" } }
[[journey.step]]
name = "again"
request = "POST /again"
auth = { bearer = "{{env.CANARY}}" }
headers = { x-back = "{{back}}" }
form = { token = "{{env.CANARY}}", back = "{{back}}" }

[[step]]
name = "parts"
request = "POST /parts"
multipart = [ { name = "note", text = "for {{env.CANARY}}" } ]
[[step]]
name = "plain"
request = "POST /plain"
body = "<{{file.key.txt}}>"
[[step]]
name = "refused"
request = "GET /refused"
[[step]]
name = "away"
request = "GET /away"
redirects = 2

[[phase]]
name = "steady"
rate = "60/s"
duration = "1500ms"

[[threshold]]
metric = "latency.p50"
max = "30s"
max-change = "+900%"
"#;

const ALERT: &str = r#"
[[alert]]
name = "Told"
expr = "told_total > 0"
annotations = { summary = "it says {{ $labels.token }}" }
"#;

/// A place with the scenario of a target in it, and the file that holds the secret.
fn place(target: &str, more: &str) -> (Workplace, PathBuf) {
    let place = Workplace::new();
    let scenario = SCENARIO.replace("TARGET", target) + more;
    place.write("scenarios/told.toml", &scenario);
    let key = place.write("scenarios/key.txt", &format!("{CANARY}\n"));
    (place, key)
}

/// The binary with the secret in its environment.
fn run(place: &Workplace, search: &mut Search, args: &[&str]) -> Ended {
    let mut command = place.command(args);
    command
        .env("CANARY", CANARY)
        .env("HOOK", format!("hooks/{}", in_a_path()));
    let ended = Ended::from(command.output().expect("the binary starts"));
    search.ended(&args.join(" "), &ended);
    ended
}

#[test]
fn a_secret_is_sent_and_appears_nowhere() {
    let target = parrot();
    let hook = Listener::answering(|_| answer("204 No Content", ""));
    let url = format!("url = \"{}\"\nmetrics = [\"/metrics\"]", target.url());
    let (place, key) = place(&url, ALERT);
    let search = &mut Search::default();
    let notify = format!("{}/{{{{env.HOOK}}}}", hook.url());
    let outputs = ["out.html", "out.md", "out.json", "out.xml", "out.csv"];
    let mut args = vec!["run", "told", "--rounds", "2", "-v", "--notify", &notify];
    args.extend(["--notify-on", "always"]);
    args.extend(outputs.iter().flat_map(|name| ["-o", *name]));
    run(&place, search, &args).exits(0);

    // It got there: in headers, in base64, in the path, in a body; and what came back was sent again.
    let asked = target.asked();
    let sent = |what: &dyn Fn(&Asked) -> bool| asked.iter().any(what);
    let has = |line: &str| sent(&|asked| asked.head.contains(&format!("{line}\r\n")));
    let pair = STANDARD.encode(format!("me:{CANARY}"));
    assert!(has(&format!("x-key: {CANARY}")));
    assert!(has(&format!("x-file: key {CANARY}")));
    assert!(has(&format!("authorization: Basic {pair}")));
    assert!(has(&format!("authorization: Bearer {CANARY}")));
    assert!(has(&format!("x-back: {CANARY}")));
    assert!(sent(&|asked| asked.path.contains(&in_a_path())));
    assert!(sent(&|asked| asked.body == format!("<{CANARY}>").as_bytes()));
    let called = hook.asked();
    assert!(called[0].path.ends_with(&in_a_path()), "{}", called[0].path);
    for one in &called {
        search.text("what the hook was told", &one.body);
    }

    // All that can be made of it afterwards.
    for args in [
        &["run", "told", "--dry-run"][..],
        &["validate", "told"],
        &["run", "told", "--json"],
        &["report", "last", "-v"],
        &["report", "last", "-o", "github:-"],
        &["baseline", "save", "told", "--reason", "the first"],
        &["baseline", "show", "told"],
        &[
            "check",
            "told",
            "--max-rounds",
            "2",
            "-v",
            "-o",
            "checked.html",
        ],
        &["compare", "last~1", "last", "--json"],
        &["history", "told"],
        &["diagnose", "last"],
        &["diagnose", "last", "--bundle"],
    ] {
        let code = run(&place, search, args).code;
        let done = matches!(code, Some(0 | 1 | 3 | 4));
        assert!(done, "{args:?} ended with {code:?}");
    }
    let run = plimsoll::store::runs::read(&place.runs()[0]).expect("a run");
    let kept = run.manifest.scenario.contains("{{env.CANARY}}");
    assert!(kept, "the placeholder is kept");
    let scraped = run.samples.iter().flat_map(|sample| &sample.scraped);
    let told: BTreeSet<&str> = scraped
        .filter_map(|one| one.series.labels.get("token"))
        .map(String::as_str)
        .collect();
    assert_eq!(told, BTreeSet::from(["[redacted]"]), "it was said back");
    search.folder(place.path(), &[key]);
    search.is_clean();
    println!(
        "S4: 0 hits of a canary in 12 encodings in {} texts, {:.1} MiB",
        search.texts,
        search.bytes as f64 / f64::from(1 << 20)
    );
}

#[test]
fn what_a_target_says_back_is_not_recorded() {
    let target = parrot();
    let url = format!("url = \"{}\"\nmetrics = [\"/metrics\"]", target.url());
    let (place, key) = place(&url, ALERT);
    let search = &mut Search::default();
    run(&place, search, &["run", "told", "-v"]);
    assert_eq!(place.runs().len(), 1);
    search.folder(place.path(), &[key]);
    search.is_clean();
}

#[test]
fn a_target_that_fails_cannot_tell_what_it_was_told() {
    let shell = |script: &str| {
        format!(
            "command = [\"/bin/sh\", \"-c\", '{script}', \"sh\", \"{{{{env.CANARY}}}}\"]\n\
             url = \"http://127.0.0.1:{{port}}\"\n\
             env = {{ TOLD = \"is {{{{ env.CANARY }}}}\", PORT = \"{{port}}\" }}\n\
             ready = {{ get = \"/health\", within = \"8s\" }}"
        )
    };
    let binary = env!("CARGO_BIN_EXE_plimsoll");
    let dying = format!(
        "echo \"1 $TOLD\"; echo \"2 $1\"; {binary} demo-target --port $PORT & sleep 2; kill $!"
    );
    let search = &mut Search::default();
    for script in [
        // It ends at once, and says why.
        "echo \"1 $TOLD\"; echo \"2 $1\" >&2; sleep 1; exit 3",
        // It never listens.
        "echo \"1 $TOLD\"; printf \"2 %s\" \"$1\"; printf %s \"$1\" | base64; sleep 60",
        // It dies under load.
        &dying,
    ] {
        let scenario = shell(script).replace("8s", if script.contains("60") { "1s" } else { "8s" });
        let (place, key) = place(&scenario, "");
        let path = place.path().join("scenarios/told.toml");
        let text = std::fs::read_to_string(&path).expect("the scenario");
        std::fs::write(&path, text.replace("1500ms", "20s")).expect("the scenario");
        let ended = run(&place, search, &["run", "told", "-v"]).exits(2);
        let shown = ["1 is [redacted]", "2 [redacted]"];
        let said = shown.iter().all(|line| ended.stderr.contains(line));
        assert!(said, "{}", ended.stderr);
        search.folder(place.path(), &[key]);
    }
    search.is_clean();
    println!(
        "S4: 3 of 3 targets that were told by argument and environment failed without telling"
    );
}

#[test]
fn messages_name_a_secret_and_never_show_it() {
    let search = &mut Search::default();
    let target = parrot();
    let url = format!("url = \"{}\"", target.url());
    let ill = "[[health]]\nname = \"part\"\nget = \"/ill\"\n";
    let (place, key) = place(&url, ill);
    let ended = run(&place, search, &["run", "told"]).exits(2);
    let said = ended.stderr.contains("`part` is not healthy");
    assert!(said, "{}", ended.stderr);
    // A hook that is no URL, or is not allowed.
    for notify in [
        "{{env.CANARY}}",
        "ftp://{{env.CANARY}}",
        "http://x.invalid/{{env.HOOK}}",
    ] {
        let ended = run(&place, search, &["run", "told", "--notify", notify]).exits(2);
        assert!(ended.stderr.contains("PL01"), "{}", ended.stderr);
    }
    let ended = place.run(&["run", "told"]).exits(2);
    let named = "the environment variable `CANARY` is not set";
    assert!(ended.stderr.contains(named), "{}", ended.stderr);
    // One that cannot stand in a header.
    let mut command = place.command(&["validate", "told"]);
    command.env("CANARY", format!("{CANARY}\nx"));
    let ended = Ended::from(command.output().expect("it starts")).exits(2);
    let named = "cannot stand in a header";
    assert!(ended.stderr.contains(named), "{}", ended.stderr);
    search.ended("validate", &ended);
    search.folder(place.path(), &[key]);
    search.is_clean();
}

#[test]
fn the_identity_of_a_plan_does_not_hold_its_secrets() {
    let command = "command = [\"shop\", \"--port\", \"{port}\", \"{{env.CANARY}}\"]";
    let file = plimsoll::diagnostic::SourceFile {
        name: "told.toml".to_owned(),
        text: SCENARIO.replace("TARGET", command).into(),
    };
    let folder = tempfile::tempdir().expect("a folder");
    let hash = |secret: &str| {
        std::fs::write(folder.path().join("key.txt"), secret).expect("a file");
        let loaded = plimsoll::scenario::parse(&file, folder.path(), &|_| Some(secret.into()));
        let plan = loaded.expect("a scenario").plan;
        let shown = plan.outline().target.command.expect("a command");
        assert_eq!(shown[3], "{{env.CANARY}}");
        let debug = format!("{plan:?}");
        assert!(found(secret, debug.as_bytes()).is_empty(), "{debug}");
        plan.hash()
    };
    let first = hash(CANARY);
    for other in ["another-one", "7391", "x-y-z"] {
        assert_eq!(hash(other), first, "{other}");
    }
}
