//! Redaction, held against secrets of every kind, and the files of a whole bundle.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use super::*;
use crate::model::{Author, Exhibit, ProcessSeen, ResourceLimits, Snapshot, ThreadSeen, Unread};
use crate::redaction::Redactor;
use crate::scenario::plan::{
    Command, DataOrder, DataSet, Part, Plan, Request, Secret, Step, Target, Template, Url,
};
use crate::untrusted::Untrusted;

const SECRET: &str = "s3cr\"t/<é>&+ %41";

/// A plan with one header that is a secret.
fn plan(value: &str) -> Plan {
    let mut plan = Plan::new("shop", Target::at(Url::http("127.0.0.1", 80)));
    let mut request = Request::new("GET", "/");
    let secret = Secret {
        name: "env.KEY".to_owned(),
        value: value.to_owned(),
        plain: vec![value.to_owned()],
    };
    let parts = vec![Part::Secret(secret)];
    request
        .headers
        .push(("x-key".to_owned(), Template { parts }));
    plan.set_steps(vec![(Step::new("root", request), 1)]);
    plan
}

#[track_caller]
fn scrubbed(secret: &str, text: &str) -> String {
    let redactor = Redactor::new(Secrets::of(&plan(secret)).values());
    let clean = redactor.scrub(text.as_bytes()).expect("it can be freed");
    String::from_utf8(clean.bytes).expect("text")
}

fn json(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

fn percent(text: &str, lower: bool) -> String {
    let byte = |b: u8| match b {
        _ if b.is_ascii_alphanumeric() => char::from(b).to_string(),
        _ if lower => format!("%{b:02x}"),
        _ => format!("%{b:02X}"),
    };
    text.bytes().map(byte).collect()
}

#[test]
fn a_secret_is_found_however_it_is_written() {
    let markup = Untrusted::from(SECRET).markup();
    let decimal: String = SECRET.chars().map(|c| format!("&#{};", c as u32)).collect();
    let escaped: String = SECRET
        .encode_utf16()
        .map(|u| format!("\\u{u:04x}"))
        .collect();
    for written in [
        SECRET.to_owned(),
        percent(SECRET, false),
        percent(SECRET, true),
        percent(SECRET, false).replace("%20", "+"),
        json(SECRET),
        json(&json(SECRET)),
        escaped,
        markup.clone(),
        decimal,
        json(&markup),
        Untrusted::new(json(SECRET)).markup(),
        json(&percent(SECRET, false)),
        SECRET.bytes().map(|b| format!("{b:02x}")).collect(),
    ] {
        let text = format!("before {written} after");
        assert_eq!(
            scrubbed(SECRET, &text),
            "before [redacted] after",
            "{written}"
        );
    }
}

#[test]
fn base64_is_found_at_any_alignment_and_goes_as_a_whole() {
    for user in ["", "u", "us", "use", "user"] {
        for after in ["", "x", "xy"] {
            let pair = format!("{user}:{SECRET}{after}");
            for encoded in [STANDARD.encode(&pair), URL_SAFE_NO_PAD.encode(&pair)] {
                let text = format!("authorization: Basic {encoded}\n");
                assert_eq!(scrubbed(SECRET, &text), "authorization: Basic [redacted]\n");
                let text = percent(&encoded, false);
                assert_eq!(scrubbed(SECRET, &text), "[redacted]", "percent-encoded");
            }
        }
    }
}

#[test]
fn what_is_short_is_a_secret_as_a_word_only() {
    assert_eq!(
        scrubbed("abc", "abc abcd xabc (abc)"),
        "[redacted] abcd xabc ([redacted])"
    );
    assert_eq!(scrubbed("abcdef", "xabcdefx"), "x[redacted]x");
}

#[test]
fn secrets_that_overlap_leave_no_piece_of_each_other() {
    let mut plan = plan("abcDEF");
    let other = plan_step("DEFghi");
    plan.set_steps(vec![(plan.steps[0].clone(), 1), (other, 1)]);
    let redactor = Redactor::new(Secrets::of(&plan).values());
    let clean = redactor.scrub(b"1 abcDEFghi 2").expect("it can be freed");
    assert_eq!(clean.bytes, b"1 [redacted] 2");
}

fn plan_step(secret: &str) -> Step {
    let mut step = plan(secret).steps[0].clone();
    "other".clone_into(&mut step.name);
    step
}

#[test]
fn what_cannot_be_freed_is_not_given_out() {
    // What stands in its place holds it again.
    let redactor = Redactor::new(Secrets::of(&plan("redacted")).values());
    assert_eq!(redactor.scrub(b"it is redacted"), None);
}

#[test]
fn literals_are_secrets_by_where_they_stand() {
    let mut plan = Plan::new("shop", Target::at(Url::http("127.0.0.1", 80)));
    let header = |name: &str, value: &str| (name.to_owned(), Template::fixed(value));
    let request = Request {
        headers: vec![
            header(
                "authorization",
                &format!("Basic {}", STANDARD.encode("me:basic-pw")),
            ),
            header("cookie", "sid=cookie-1; theme=cookie-2"),
            header("x-anything", "header-value"),
            header("accept", "application/json"),
        ],
        body: Template::fixed(r#"{"login":{"password":"json\"pw"},"name":"plain-name"}"#),
        ..Request::new("POST", "/login?token=query%2Fpw&page=page-seven")
    };
    plan.set_steps(vec![(Step::new("login", request), 1)]);
    plan.data = vec![DataSet {
        name: "users".to_owned(),
        columns: vec!["name".to_owned(), "password".to_owned()],
        rows: vec![vec!["row-name".to_owned(), "row-pw-1".to_owned()]],
        order: DataOrder::Sequential,
    }];
    plan.target.command = Some(Command {
        argv: ["shop", "--db", "pg://u:url-pw@h/d", "--token", "arg-token"]
            .map(str::to_owned)
            .into(),
        env: [
            ("LEVEL", "info"),
            ("ANY", "env-value"),
            ("PWD_TOKEN", "t1"),
            ("HOME", "/home/x"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into(),
        limits: ResourceLimits::default(),
        secrets: Vec::new(),
    });
    let redactor = Redactor::new(Secrets::of(&plan).values());
    let clean = |text: &str| {
        let clean = redactor.scrub(text.as_bytes()).expect("it can be freed");
        String::from_utf8(clean.bytes).expect("text")
    };
    for secret in [
        "basic-pw",
        "cookie-1",
        "cookie-2",
        "header-value",
        "json\"pw",
        "query/pw",
        "row-pw-1",
        "url-pw",
        "arg-token",
        "env-value",
        "t1",
    ] {
        assert_eq!(clean(secret), "[redacted]", "{secret}");
    }
    for kept in [
        "application/json",
        "plain-name",
        "page-seven",
        "row-name",
        "info",
        "/home/x",
        "shop",
    ] {
        assert_eq!(clean(kept), kept);
    }
}

fn thread(
    tid: u32,
    name: &str,
    state: char,
    channel: Option<&str>,
    address: Option<&str>,
) -> ThreadSeen {
    ThreadSeen {
        pid: 7,
        tid,
        name: name.into(),
        pool: name.into(),
        state,
        ticks: 1,
        channel: channel.map(str::to_owned),
        syscall: address.map(|_| "futex".to_owned()),
        address: address.map(str::to_owned),
        stack: Vec::new(),
    }
}

#[test]
fn threads_that_wait_for_the_same_are_one_sentence() {
    let futex = |tid, name, address| thread(tid, name, 'S', Some("futex_do_wait"), Some(address));
    let mut threads = vec![
        thread(1, "main", 'R', None, None),
        thread(2, "flush", 'D', Some("io_schedule"), None),
        thread(3, "old", 'Z', None, None),
        thread(4, "idle", 'S', None, None),
    ];
    threads.extend((10..14).map(|tid| futex(tid, "worker", "0x10")));
    threads.extend([futex(20, "transfer", "0x10"), futex(21, "transfer", "0x20")]);
    let sentences: Vec<_> = waiting(&threads).iter().map(Waiting::sentence).collect();
    insta::assert_snapshot!(sentences.join("\n"), @r"
    6 threads wait in futex_do_wait (futex), for 2 locks: worker 4, transfer 2
    1 thread waits uninterruptibly in io_schedule: flush 1
    1 thread runs: main 1
    1 thread waits, the kernel does not say where: idle 1
    1 thread has ended: old 1
    ");
    assert_eq!(
        waiting(&threads)[0].addresses,
        [("0x10".to_owned(), 5), ("0x20".to_owned(), 1)]
    );
}

fn snapshot() -> Snapshot {
    let mut cut = Exhibit::new("host/stat", "cut off", "whole line\nhalf a li");
    cut.cut = true;
    let arguments = ["shop", "--token", "arg-token"]
        .map(Untrusted::from)
        .to_vec();
    Snapshot {
        processes: vec![ProcessSeen {
            pid: 7,
            parent: 1,
            name: "<b>shop</b>".into(),
            state: 'S',
            threads: 1,
            resident: None,
            descriptors: Some(4),
            arguments,
        }],
        threads: vec![thread(7, "<i>\n", 'S', None, None)],
        exhibits: vec![
            Exhibit::new(
                "target/output.txt",
                "what it wrote",
                "my password=unknown-pw, arg-token\n",
            )
            .by(Author::Others),
            Exhibit::new("run/log.jsonl", "its log", "{\"password\":5}\n").by(Author::Quoted),
            cut,
        ],
        unread: vec![Unread::new("/proc/7/<stack>", "permission denied")],
    }
}

fn occasion() -> Occasion {
    Occasion {
        taken_at: "2026-11-26T10:00:00Z".to_owned(),
        why: "alert <script>alert(1)</script> fired".to_owned(),
        subject: "http://127.0.0.1:80".to_owned(),
        version: "0.1.0".to_owned(),
    }
}

fn text<'a>(files: &'a [File], name: &str) -> &'a str {
    let found = files.iter().find(|(path, _)| path == name);
    let (_, bytes) = found.unwrap_or_else(|| panic!("no {name}"));
    std::str::from_utf8(bytes).expect("text")
}

#[test]
fn a_bundle_lists_all_it_has_and_says_what_it_has_not() {
    let files = assemble(&occasion(), snapshot(), Secrets::default());
    let names: Vec<_> = files.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        [
            "index.html",
            "summary.json",
            "host/stat",
            "process-7/command-line.txt",
            "process-7/threads.txt",
            "run/log.jsonl",
            "target/output.txt",
            "threads.txt",
        ]
    );
    let page = text(&files, "index.html");
    for name in &names[2..] {
        assert!(page.contains(&format!("<a href=\"{name}\">")), "{name}");
    }
    assert!(page.contains("<td>/proc/7/&lt;stack&gt;</td><td>permission denied</td>"));
    for markup in ["<script", "<b>", "<i>"] {
        assert!(!page.contains(markup), "{markup} is text from outside");
    }
    roxmltree::Document::parse(page.trim_start_matches("<!DOCTYPE html>\n")).expect("well-formed");
    let summary: serde_json::Value =
        serde_json::from_str(text(&files, "summary.json")).expect("JSON");
    assert_eq!(summary["files"].as_array().map(Vec::len), Some(6));
    assert_eq!(summary["left_out"][0]["what"], "/proc/7/<stack>");
    assert_eq!(summary["waiting"][0]["threads"], 1);
    // What an argument tells is a secret everywhere, and a telling name is one in the words of others.
    assert_eq!(
        text(&files, "process-7/command-line.txt"),
        "shop\n--token\n[redacted]\n"
    );
    assert_eq!(
        text(&files, "target/output.txt"),
        "my password=[redacted], [redacted]\n"
    );
    assert_eq!(text(&files, "run/log.jsonl"), "{\"password\":5}\n");
    assert_eq!(
        text(&files, "host/stat"),
        "whole line\n",
        "a half may be half a secret"
    );
    assert_eq!(
        text(&files, "process-7/threads.txt").lines().count(),
        2,
        "no line of its own"
    );
}

#[test]
fn where_not_all_secrets_are_known_nothing_of_others_is_kept() {
    let mut secrets = Secrets::default();
    secrets.more_unknown();
    let files = assemble(&occasion(), snapshot(), secrets);
    let names: Vec<_> = files.iter().map(|(name, _)| name.as_str()).collect();
    assert!(
        !names
            .iter()
            .any(|n| n.starts_with("run/") || n.starts_with("target/")),
        "{names:?}"
    );
    assert!(names.contains(&"host/stat"));
    let page = text(&files, "index.html");
    assert!(page.contains(
        "<td>target/output.txt</td><td>it may hold a secret that is not known here</td>"
    ));
}

#[test]
fn a_secret_is_not_hidden_by_how_control_characters_are_shown() {
    let mut snapshot = snapshot();
    let told = Untrusted::from("told line\nbreak");
    snapshot.processes[0].name = told.clone();
    snapshot.processes[0].arguments.push(told.clone());
    snapshot.threads[0].pool = told.clone();
    snapshot.threads[0].name = told.clone();
    snapshot.unread[0].why = told.raw().to_owned();
    let occasion = Occasion {
        why: told.raw().to_owned(),
        ..occasion()
    };
    let files = assemble(&occasion, snapshot, Secrets::of(&plan("line\nbreak")));
    for (name, bytes) in &files {
        let text = String::from_utf8_lossy(bytes);
        assert!(!text.contains("break"), "{name}:\n{text}");
    }
    assert!(text(&files, "index.html").contains("<p>told [redacted]</p>"));
}
