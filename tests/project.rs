//! Settings and where they come from: flags, the environment, scenarios, `plimsoll.toml`; and what is generated
//! for editors, shells and readers.

#![expect(clippy::print_stderr, reason = "a test that skips says so")]

mod common;

use std::process::Command;

use common::{Ended, Workplace};

const SHORT: &str = r#"name = "short"

[target]
command = ["plimsoll", "demo-target", "--port", "{port}"]
ready = { get = "/health", within = "20s" }
timeouts = { first-byte = "2s" }

[[step]]
name = "home"
request = "GET /"

[[phase]]
name = "steady"
rate = "50/s"
duration = "300ms"

[[threshold]]
metric = "errors.rate"
max = "50%"
"#;

fn place(project: &str) -> Workplace {
    let place = Workplace::new();
    place.write("scenarios/short.toml", SHORT);
    place.write("plimsoll.toml", project);
    place
}

fn with(place: &Workplace, variables: &[(&str, &str)], args: &[&str]) -> Ended {
    let mut command = place.command(args);
    command.envs(variables.iter().copied());
    Ended::from(command.output().expect("it starts"))
}

#[test]
fn a_flag_goes_before_a_variable_and_that_before_the_file() {
    let check = ["check", "short", "--dry-run"];
    let rounds = |ended: Ended| {
        let text = ended.exits(0).stdout;
        let line = text
            .lines()
            .find(|l| l.starts_with("  time"))
            .expect("the time");
        line.split_whitespace().find_map(|w| w.parse::<u16>().ok())
    };
    let place = place("[check]\nmax-rounds = 7\n\n[run]\nrounds = 3\n");
    let variable = [("PLIMSOLL_MAX_ROUNDS", "5"), ("PLIMSOLL_ROUNDS", "2")];
    assert_eq!(rounds(with(&place, &[], &check)), Some(7));
    assert_eq!(rounds(with(&place, &variable, &check)), Some(5));
    let flag = [&check[..], &["--max-rounds", "4"]].concat();
    assert_eq!(rounds(with(&place, &variable, &flag)), Some(4));
    let run = ["run", "short", "--dry-run"];
    assert_eq!(rounds(with(&place, &[], &run)), Some(3));
    assert_eq!(rounds(with(&place, &variable, &run)), Some(2));
    place.write("plimsoll.toml", "");
    assert_eq!(rounds(with(&place, &[], &check)), Some(10));
    assert_eq!(rounds(with(&place, &[], &run)), Some(1));
}

#[test]
fn the_gate_of_the_file_decides_and_a_flag_takes_it_back() {
    let place = place("[check]\nallow-missing-baseline = true\nmax-rounds = 1\n");
    let ended = place
        .run(&["check", "short", "--allow-missing-baseline=false"])
        .exits(3);
    assert!(ended.stderr.contains("PL0210"), "{}", ended.stderr);
    assert!(place.runs().is_empty(), "nothing was measured");
    place.run(&["check", "short"]).exits(0);
    assert_eq!(place.runs().len(), 1);
    place.write("plimsoll.toml", "[check]\nagainst = \"@other\"\n");
    let ended = place.run(&["check", "short"]).exits(3);
    assert!(ended.stderr.contains("other"), "{}", ended.stderr);
}

#[test]
fn what_the_project_wants_written_stays_below_it() {
    let place = place("[report]\noutputs = [\"out/report.html\", \"junit.xml\"]\n");
    place.run(&["run", "short"]).exits(0);
    for name in ["out/report.html", "junit.xml"] {
        let path = place.path().join(name);
        assert!(
            std::fs::metadata(path).is_ok_and(|m| m.len() > 40),
            "{name}"
        );
    }
    // An -o takes the place of all of them.
    std::fs::remove_file(place.path().join("junit.xml")).expect("removed");
    place.run(&["run", "short", "-o", "run.json"]).exits(0);
    assert!(place.path().join("run.json").exists());
    assert!(!place.path().join("junit.xml").exists());
    // A link that leads out is not written through.
    let other = tempfile::tempdir().expect("a folder");
    std::fs::remove_dir_all(place.path().join("out")).expect("removed");
    std::os::unix::fs::symlink(other.path(), place.path().join("out")).expect("a link");
    let ended = place.run(&["run", "short"]).exits(2);
    assert!(
        ended.stderr.contains("leads out of the project"),
        "{}",
        ended.stderr
    );
    assert_eq!(
        std::fs::read_dir(other.path()).expect("a folder").count(),
        0
    );
    place.write("plimsoll.toml", "[report]\noutputs = [\"x.unknown\"]\n");
    let ended = place.run(&["run", "short"]).exits(2);
    assert!(
        ended.stderr.contains("PL0501") && ended.stderr.contains("plimsoll.toml:2:12"),
        "{}",
        ended.stderr
    );
}

#[test]
fn explain_config_says_where_each_value_comes_from() {
    let place = place(
        "[check]\nmax-rounds = 7\njudge = \"mann-whitney\"\n\n[target]\ntimeouts = { total = \"3s\" }\n",
    );
    let variables = [
        ("PLIMSOLL_JUDGE", "round-t"),
        ("PLIMSOLL_NOTIFY", "http://127.0.0.1:9/?s3cret"),
    ];
    let words = [
        "explain",
        "config",
        "short",
        "--strict",
        "--time-budget",
        "5m",
    ];
    let shown = with(&place, &variables, &words).exits(0).stdout;
    assert!(!shown.contains("s3cret"), "{shown}");
    insta::assert_snapshot!(shown);
    let narrow = [("COLUMNS", "60")];
    let shown = with(&place, &narrow, &["explain", "config"])
        .exits(0)
        .stdout;
    for line in shown.lines() {
        assert!(line.chars().count() <= 60, "{line}");
    }
    let ended = place
        .run(&["explain", "config", "short", "--max-rouns", "5"])
        .exits(2);
    assert!(ended.stderr.contains("--max-rouns"), "{}", ended.stderr);
}

#[test]
fn a_threshold_is_explained_and_a_wrong_one_shown_at_its_place() {
    let place = Workplace::new();
    let words = [
        "explain",
        "latency.p99",
        "max-change",
        "+10%",
        "min-change",
        "2ms",
    ];
    let apart = place.run(&words).exits(0).stdout;
    assert!(apart.contains("may rise by 10 %"), "{apart}");
    let line = words[1..].join(" ");
    assert_eq!(place.run(&["explain", &line]).exits(0).stdout, apart);
    let ended = place
        .run(&["explain", "throughput.ok max-change +3%"])
        .exits(2);
    assert!(ended.stderr.contains("PL0122"), "{}", ended.stderr);
    assert!(ended.stderr.contains("threshold:1:"), "{}", ended.stderr);
}

#[test]
fn init_writes_a_project_file_that_sets_nothing_and_keeps_one_that_is_there() {
    let place = Workplace::new();
    place
        .run(&["init", "shop", "--url", "http://127.0.0.1:9/"])
        .exits(0);
    let path = place.path().join("plimsoll.toml");
    let written = std::fs::read_to_string(&path).expect("written");
    assert!(written.contains("#max-rounds = 10"), "{written}");
    place.run(&["validate", "shop"]).exits(0);
    place.write("plimsoll.toml", "[run]\nrounds = 2\n");
    place.run(&["init", "other"]).exits(0);
    assert_eq!(
        std::fs::read_to_string(&path).expect("kept"),
        "[run]\nrounds = 2\n"
    );
}

#[test]
fn validate_warns_of_what_stays_open_and_passes() {
    let place = Workplace::new();
    let doubtful = SHORT
        .replace("50/s", "200/s")
        .replace("max = \"50%\"", "max = \"50%\"\nmax-change = \"+0.1pp\"")
        + "\n[[threshold]]\nmetric = \"latency.p50\"\nmax-change = \"+0.001%\"\n";
    place.write("scenarios/short.toml", &doubtful);
    let ended = place.run(&["validate", "short"]).exits(0);
    assert!(ended.stderr.contains("PL0134"), "{}", ended.stderr);
    assert!(
        !ended.stderr.contains("PL0137"),
        "nothing is known yet: {}",
        ended.stderr
    );
    // What is known of this machine: whatever it is, no machine shows a hundred-thousandth.
    let calibrated = place.run(&["calibrate", "short", "--rounds", "6"]);
    if calibrated.code != Some(0) {
        eprintln!(
            "skipped: this machine was too busy to calibrate: {}",
            calibrated.stdout
        );
        return;
    }
    let ended = place.run(&["validate", "short"]).exits(0);
    let told = ended.stderr;
    assert!(
        told.contains("PL0137") && told.contains("short.toml:22:1"),
        "{told}"
    );
}

/// Runs a checker over a file; None when the machine has none.
fn checked(program: &str, args: &[&str], file: &std::path::Path) -> Option<Ended> {
    let output = Command::new(program).args(args).arg(file).output();
    if output.is_err() {
        eprintln!("skipped: there is no {program} here");
    }
    output.ok().map(Ended::from)
}

#[test]
fn completions_load_in_their_shells() {
    let place = Workplace::new();
    for (shell, args) in [
        ("bash", &["-n"][..]),
        ("zsh", &["-n"]),
        ("fish", &["--no-execute"]),
        ("elvish", &["-compileonly"]),
    ] {
        let script = place
            .run(&["generate", "completions", shell])
            .exits(0)
            .stdout;
        assert!(script.contains("baseline"), "{shell}");
        let path = place.write(&format!("complete.{shell}"), &script);
        if let Some(ended) = checked(shell, args, &path) {
            ended.exits(0);
        }
    }
}

#[test]
fn man_pages_of_every_verb_are_well_formed() {
    let place = Workplace::new();
    let help = place.run(&["--help"]).exits(0).stdout;
    let (_, verbs) = help.split_once("Commands:\n").expect("a list of verbs");
    let verbs: Vec<&str> = verbs
        .lines()
        .take_while(|line| !line.is_empty())
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert!(
        verbs.contains(&"check") && verbs.contains(&"doctor"),
        "{verbs:?}"
    );
    for words in verbs
        .iter()
        .map(|verb| vec![*verb])
        .chain([vec![], vec!["baseline", "save"]])
    {
        let page = place
            .run(&[&["generate", "man"][..], &words].concat())
            .exits(0)
            .stdout;
        let name = [&["plimsoll"][..], &words].concat().join("-");
        assert!(page.contains(&format!(".TH {name} 1")), "{name}: {page}");
        assert!(page.contains(".SH SYNOPSIS"), "{name}");
        let path = place.write(&format!("{name}.1"), &page);
        if let Some(ended) = checked("mandoc", &["-T", "lint", "-W", "error"], &path) {
            ended.exits(0);
        }
    }
    let page = place.path().join("plimsoll-check.1");
    if let Some(shown) = checked("man", &["-l"], &page)
        && shown.code == Some(0)
        && !shown.stdout.is_empty()
    {
        assert!(shown.stdout.contains("against-command"), "{}", shown.stdout);
    }
    let ended = place.run(&["generate", "man", "chek"]).exits(2);
    assert!(ended.stderr.contains("check"), "{}", ended.stderr);
}
