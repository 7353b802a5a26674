//! Every verb as it is seen: its help and what it typically says, at 60, 80 and 120 columns, with colour and
//! without, and where the locale has ASCII alone.
//!
//! [`VERBS`] is the table: a line for each command, over the store that [`site`] makes. Each rendering is held
//! to the rules in [`broken`]; what a reader sees of them is in one snapshot for each verb. A verb that has no row
//! is found out.

mod common;
#[path = "common/history.rs"]
mod history;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::{LazyLock, Mutex};

use common::{Ended, Workplace};
use history::Made;
use regex::Regex;
use unicode_width::UnicodeWidthStr;

/// Each verb with its commands, beside its help. A command ends with 0 unless a comment says otherwise. `+` before
/// one has it run in a copy of the store, which it changes; `=` says that what comes out is for machines: any
/// width will do, and it is not kept.
const VERBS: [(&str, &[&str]); 19] = [
    (
        "",
        &[
            "--version",
            "# exit 2",
            "chekc shop # exit 2",
            "run # exit 2",
        ],
    ),
    ("demo", &[]),
    (
        "init",
        &[
            "+ init",
            "+ init cart --command './cart --port {port}'",
            "+ init http://127.0.0.1:9/items",
            "+ init visit.har",
            "+ init cart --command './cart --port {port}' --ci gitlab",
            "init shop # exit 2",
            "init localhost:8080 # exit 2",
        ],
    ),
    // What it says is of this machine.
    ("doctor", &[]),
    // It goes on until it is told to stop.
    ("serve", &[]),
    (
        "run",
        &[
            "run shop --dry-run",
            "run http://127.0.0.1:8080/items?page=1 --connections 8 --dry-run",
            "run http://127.0.0.1:9/ # exit 2",
            "run shpo # exit 2",
        ],
    ),
    ("check", &["check shop --dry-run", "check shop # exit 3"]),
    (
        "compare",
        &[
            "compare 20260101T0215 20260101T0230 # exit 1",
            "compare -v 20260101T0215 20260101T0230 # exit 1",
            "compare -q 20260101T0215 20260101T0230 # exit 1",
            "compare --values before.csv after.csv # exit 1",
            "compare 20260101T0215 20261122 # exit 4",
            "= compare 20260101T0215 20260101T0230 --json # exit 1",
        ],
    ),
    ("calibrate", &["calibrate shop --dry-run"]),
    ("merge", &["merge 20260101T0215 20260101T0230 # exit 4"]),
    (
        "import",
        &[
            "+ import wrk-1.txt wrk-2.txt wrk-3.txt --scenario other",
            "import before.csv # exit 2",
        ],
    ),
    (
        "baseline",
        &[
            "baseline save --help",
            "baseline promote --help",
            "baseline list --help",
            "baseline show --help",
            "baseline diff --help",
            "baseline verify --help",
            "baseline fold --help",
            "baseline prune --help",
            "baseline list",
            "baseline show checkout",
            "baseline diff checkout",
            "baseline verify",
            "baseline prune checkout --keep 1",
            "baseline fold checkout --reason x",
            "+ baseline save shop --reason first",
            "baseline save nothing --reason x # exit 2",
        ],
    ),
    (
        "history",
        &[
            "history accept --help",
            "history shop",
            "history --series history.csv",
            "+ history accept shop --reason 'as released'",
            "history nothing # exit 2",
            "= history shop --json",
        ],
    ),
    (
        "report",
        &[
            "report 20261122",
            "report 20261122 -v",
            "report 20261122 -q",
            "report 20261125",
            "report 20269999 # exit 2",
            "= report 20261122 --json",
            "= report 20261122 -o md:-",
            "= report 20261122 -o junit:-",
            "= report 20261122 -o github:-",
            "= report 20261122 -o codequality:-",
            "= report 20261122 -o prom:-",
            "= report 20261122 -o csv:-",
            "= report 20261122 -o html:-",
            "= report 20261122 -o hlog:-",
            "= report 20261122 -o jsonl:-",
        ],
    ),
    (
        "diagnose",
        &["diagnose 20261122", "= diagnose 20261122 --json"],
    ),
    (
        "validate",
        &["validate shop", "validate wrong.toml # exit 2"],
    ),
    (
        "explain",
        &[
            "explain exit-codes",
            "explain PL0310",
            "explain latency.p99",
            "explain inconclusive",
            "explain pool-exhausted",
            "explain latncy # exit 2",
        ],
    ),
    (
        "generate",
        &[
            "= generate completions bash",
            "= generate man",
            "= generate schema",
        ],
    ),
    ("demo-target", &[]),
];

const SHOP: &str = r#"name = "shop"
description = "A shop."

[target]
url = "http://127.0.0.1:9"
http = { version = "2", connections = 20, streams = 10 }

[[journey]]
name = "buy"
weight = 3
[[journey.step]]
name = "browse"
request = "GET /items?page={{rows.page}}"
[[journey.step]]
name = "pay"
request = "POST /pay"
json = { item = 1 }

[[step]]
name = "home"
request = "GET /"

[data.rows]
file = "rows.csv"

[[phase]]
name = "warm-up"
rate = "50/s"
duration = "2s"
warm-up = true

[[phase]]
name = "steady"
rate = { base = "50/s", peak = "500/s", at = "10s", for = "5s" }
duration = "30s"

[[threshold]]
metric = "latency.p95"
phase = "steady"
step = "pay"
max = "250ms"
max-change = "+10%"
over = "10s"

[[threshold]]
metric = "errors.rate"
max = "0.1%"

[guard]
errors-over = "50%"
within = "5s"

[[fault]]
at = "12s"
for = "2s"
latency = "50ms"
"#;

const WRONG: &str = r#"name = "wrong"
sede = 4

[target]
url = "http://127.0.0.1:8080"

[[step]]
name = "home"
request = "GET /"

[[phase]]
name = "steady"
rate = "100"
duration = "10s"

[[threshold]]
metric = "latency.p98"
max = "250ms"
"#;

/// A project with two scenarios, runs of a service that got slower, a baseline and files of others.
fn site() -> Workplace {
    let place = Workplace::new();
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    common::copy(
        &data.join("store/v1/reports"),
        &place.path().join("reports"),
    );
    common::copy(
        &data.join("store/v2/reports"),
        &place.path().join("reports"),
    );
    common::copy(
        &data.join("store/v2/baselines"),
        &place.path().join("baselines"),
    );
    for number in 0..12 {
        let level = if number < 10 { 8e6 } else { 8.8e6 };
        Made {
            rounds: 6,
            ..Made::of("shop", number, level * history::scatter(number))
        }
        .write(place.path());
    }
    place.write("scenarios/shop.toml", SHOP);
    place.write("scenarios/rows.csv", "page\n1\n2\n");
    place.write("wrong.toml", WRONG);
    place.write(
        "before.csv",
        "latency.p50,build\n10ms,3s\n10.1ms,3.1s\n9.9ms,3.05s\n10ms,3s\n",
    );
    place.write(
        "after.csv",
        "latency.p50,build\n12ms,3s\n12.1ms,3.1s\n11.9ms,3.05s\n12ms,3s\n",
    );
    for i in 1..=3 {
        let name = format!("wrk-{i}.txt");
        let text = std::fs::read_to_string(data.join("import/wrk").join(&name)).expect("a file");
        place.write(&name, &text);
    }
    let har = std::fs::read_to_string(data.join("init/shop.har")).expect("a recording");
    place.write("visit.har", &har);
    let series =
        std::fs::read_to_string(data.join("../../scenarios/history.csv")).expect("a series");
    place.write("history.csv", &series);
    place
}

/// A terminal, as the program is told of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Look {
    columns: usize,
    unicode: bool,
    colour: bool,
}

const fn look(columns: usize, unicode: bool, colour: bool) -> Look {
    Look {
        columns,
        unicode,
        colour,
    }
}

/// Each width, each alphabet, with colour and without; the last is held to the rules and not kept.
const LOOKS: [Look; 6] = [
    look(60, true, false),
    look(80, true, false),
    look(120, true, false),
    look(60, false, false),
    look(80, true, true),
    look(120, false, true),
];

impl Look {
    fn name(self) -> String {
        let alphabet = if self.unicode { "" } else { " in ASCII" };
        let colour = if self.colour { " with colour" } else { "" };
        format!("{} columns{alphabet}{colour}", self.columns)
    }

    fn run(self, place: &Workplace, words: &[String]) -> Ended {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let mut command = place.command(&words);
        command.env("COLUMNS", self.columns.to_string());
        command.env("LANG", if self.unicode { "C.UTF-8" } else { "C" });
        if self.colour {
            command.env("CLICOLOR_FORCE", "1");
        }
        Ended::from(command.output().expect("the binary starts"))
    }
}

/// A line of the table, read.
struct Show {
    command: String,
    words: Vec<String>,
    exit: i32,
    changes: bool,
    for_machines: bool,
}

impl Show {
    fn read(line: &str) -> Self {
        let (command, exit) = line.split_once("# exit ").unwrap_or((line, "0"));
        let bare = command.trim_start_matches(['+', '=']).trim();
        Self {
            command: format!("plimsoll {bare}").trim_end().to_owned(),
            words: shlex::split(bare).expect("words"),
            exit: exit.trim().parse().expect("an exit code"),
            changes: command.starts_with('+'),
            for_machines: command.starts_with('='),
        }
    }

    /// What is wrong with it at one of the looks, and what a reader sees.
    fn render(&self, shared: &Workplace) -> (Vec<String>, String) {
        let mut wrong = Vec::new();
        let seen: Vec<(Look, String)> = LOOKS
            .into_iter()
            .map(|look| {
                let own = self.changes.then(|| {
                    let own = Workplace::new();
                    common::copy(shared.path(), own.path());
                    own
                });
                let ended = look.run(own.as_ref().unwrap_or(shared), &self.words);
                if ended.code != Some(self.exit) {
                    wrong.push(format!("it exits {:?}", ended.code));
                }
                for text in [&ended.stdout, &ended.stderr] {
                    wrong.extend(broken(text, look, self.for_machines));
                }
                let said = match &*ended.stderr {
                    "" => ended.stdout,
                    stderr => format!("{}[standard error]\n{stderr}", ended.stdout),
                };
                (look, steady(&said))
            })
            .collect();
        // Colour repeats what is there.
        let plain = seen[1].1.as_str();
        let stripped = anstream::adapter::strip_str(&seen[4].1).to_string();
        if stripped != plain {
            wrong.push(format!(
                "with colour it says other than without:\n{stripped}\n{plain}"
            ));
        }
        let wrong = wrong.iter().map(|w| format!("{}: {w}", self.command));
        (wrong.collect(), self.snapshot(&seen[..5]))
    }

    /// Those that look alike stand together.
    fn snapshot(&self, seen: &[(Look, String)]) -> String {
        if self.for_machines {
            return String::new();
        }
        let mut groups: Vec<(Vec<String>, &str)> = Vec::new();
        // Of help it is enough that colour changes nothing else.
        let is_help = self.command.ends_with("--help");
        for (look, text) in seen.iter().filter(|(look, _)| !(is_help && look.colour)) {
            match groups.iter_mut().find(|(_, known)| known == text) {
                Some((names, _)) => names.push(look.name()),
                None => groups.push((vec![look.name()], text)),
            }
        }
        let mut out = format!("$ {}\n", self.command);
        for (names, text) in groups {
            let text = text.replace('\u{1b}', "␛");
            let _ = writeln!(out, "\n--- {}\n{text}", names.join(", "));
        }
        out + "\n"
    }
}

/// The rules that a text breaks.
fn broken(text: &str, look: Look, for_machines: bool) -> Vec<String> {
    static COLOUR: LazyLock<Regex> =
        LazyLock::new(|| Regex::new("\u{1b}\\[[0-9;]*m").expect("a pattern"));
    let mut broken = Vec::new();
    let mut found = |rule: &str, line: &str| {
        broken.push(format!("{}: {rule}: {line:?}", look.name()));
    };
    for line in text.lines() {
        let plain = if look.colour && !for_machines {
            COLOUR.replace_all(line, "")
        } else {
            line.into()
        };
        if plain.contains('\u{1b}') {
            found("an escape", line);
        }
        let is_stray = |c: char| c.is_control() && !(for_machines && c == '\t') && c != '\u{1b}';
        if plain.contains(is_stray) {
            found("a control", line);
        }
        if for_machines {
            continue;
        }
        if !look.unicode && !plain.is_ascii() {
            found("beyond ASCII", line);
        }
        if plain.ends_with(' ') {
            found("a blank at the end", line);
        }
        let width = plain.width();
        let longest = plain
            .split(' ')
            .map(UnicodeWidthStr::width)
            .max()
            .unwrap_or(0);
        let unbreakable = longest > look.columns / 2 && width - longest < look.columns;
        if width > look.columns && !unbreakable && !is_command(&plain) {
            found("too wide", line);
        }
    }
    broken
}

/// A command that is there to be copied is not broken, nor is how one is written.
fn is_command(line: &str) -> bool {
    let bare = line.trim_start().trim_start_matches("next:");
    let bare = bare.trim_start_matches("Usage:");
    let bare = bare.trim_start().trim_start_matches("next ");
    bare.trim_start().starts_with("plimsoll ")
}

/// What differs from run to run, in the same width.
fn steady(text: &str) -> String {
    static RUN: LazyLock<Regex> =
        LazyLock::new(|| Regex::new("(20[0-9]{6}T[0-9]{6}Z)-([0-9a-f]{8})").expect("a pattern"));
    static HASH: LazyLock<Regex> =
        LazyLock::new(|| Regex::new("\\([0-9a-f]{12}\\)").expect("a pattern"));
    // Runs of the store are of known days.
    let text = RUN.replace_all(text, |found: &regex::Captures<'_>| {
        let known = ["20260101", "20261122", "20261125T123056Z"];
        if known.iter().any(|day| found[0].starts_with(day)) {
            found[0].to_owned()
        } else {
            "20991231T000000Z-00000000".to_owned()
        }
    });
    HASH.replace_all(&text, "(0123456789ab)").into_owned()
}

/// The names in the help, without those that are hidden.
fn all_verbs(place: &Workplace) -> BTreeSet<String> {
    let help = place.run(&["--help"]).exits(0).stdout;
    let (_, below) = help.split_once("Commands:\n").expect("a list");
    let listed = below.lines().take_while(|line| !line.is_empty());
    let names = listed.filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
    names.filter(|n| !n.is_empty()).map(str::to_owned).collect()
}

#[test]
fn every_verb_fits_every_terminal() {
    /// Verbs looked at side by side.
    const AT_ONCE: usize = 3;
    let place = site();
    // Indexes are written when they are first asked for.
    place.run(&["history", "shop"]).exits(0);
    let (waiting, done) = (Mutex::new(VERBS.iter()), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let next = waiting.lock().expect("no panic").next();
                    let Some((verb, lines)) = next else { return };
                    let help = format!("{verb} --help");
                    let shows = std::iter::once(help.trim()).chain(lines.iter().copied());
                    let seen: Vec<_> = shows.map(|line| Show::read(line).render(&place)).collect();
                    done.lock().expect("no panic").push((verb, seen));
                }
            });
        }
    });
    let mut wrong = Vec::new();
    let mut done = done.into_inner().expect("no panic");
    done.sort_by_key(|(verb, _)| *verb);
    for (verb, seen) in done {
        let (faults, texts): (Vec<_>, Vec<_>) = seen.into_iter().unzip();
        wrong.extend(faults.concat());
        let name = if verb.is_empty() { "plimsoll" } else { *verb };
        insta::with_settings!({ omit_expression => true }, {
            insta::assert_snapshot!(name.to_owned(), texts.concat());
        });
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_verb_is_left_out() {
    let place = Workplace::new();
    let table: BTreeSet<String> = VERBS.iter().map(|(verb, _)| (*verb).to_owned()).collect();
    let left_out: Vec<_> = all_verbs(&place).difference(&table).cloned().collect();
    assert!(
        left_out.is_empty(),
        "give each a row in VERBS: {left_out:?}"
    );
}

#[test]
fn what_breaks_a_rule_is_found() {
    let (plain, coloured, ascii) = (
        look(60, true, false),
        look(60, true, true),
        look(60, false, false),
    );
    let words = "word ".repeat(20);
    for (text, look, rule) in [
        ("\u{1b}[1mx", plain, "an escape"),
        ("\u{1b}[2Jx", coloured, "an escape"),
        ("a\tb", plain, "a control"),
        ("a\rb", coloured, "a control"),
        ("größe", ascii, "beyond ASCII"),
        ("x ", plain, "a blank at the end"),
        (words.trim_end(), plain, "too wide"),
    ] {
        let found = broken(text, look, false);
        assert!(
            found.iter().any(|f| f.contains(rule)),
            "{text:?}: {found:?}"
        );
    }
    let path = format!("wrote {}", "/long".repeat(20));
    let fine = [
        ("\u{1b}[1mx\u{1b}[0m größe", coloured),
        (&*path, plain),
        (
            "next: plimsoll run a-scenario-of-a-long-name --rounds 5 --and more",
            plain,
        ),
    ];
    for (text, look) in fine {
        assert_eq!(broken(text, look, false), [""; 0], "{text:?}");
    }
}

/// By itself, without being forced: colour for a terminal, and none where it is not wanted.
#[test]
fn a_terminal_is_given_colour_and_nobody_else() {
    let place = site();
    let line = format!(
        "{} compare --values before.csv after.csv",
        env!("CARGO_BIN_EXE_plimsoll")
    );
    let at_terminal = |name: &str, value: &str| {
        let mut command = std::process::Command::new("script");
        command.args(["-qec", &line, "/dev/null"]);
        command.current_dir(place.path()).env("TERM", "xterm");
        command.env_remove("NO_COLOR").env_remove("CLICOLOR_FORCE");
        command.env(name, value).stdin(std::process::Stdio::null());
        let output = command.output().ok()?;
        Some(String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let Some(said) = at_terminal("LANG", "C.UTF-8") else {
        println!("skipped: there is no `script` (Debian: bsdutils)");
        return;
    };
    assert!(said.contains("\u{1b}[31m"), "{said:?}");
    for (name, value) in [("NO_COLOR", "1"), ("TERM", "dumb")] {
        let said = at_terminal(name, value).expect("it was there");
        assert!(
            said.contains("REGRESSED") && !said.contains("\u{1b}[3"),
            "{name}: {said:?}"
        );
    }
    let piped = place.run(&["compare", "--values", "before.csv", "after.csv"]);
    assert!(!piped.stdout.contains('\u{1b}'), "{piped:?}");
}
