//! `check --profile-on-regression`, end to end: on the demo target made slower, with perf and without.

mod common;

use std::path::{Path, PathBuf};

use common::Workplace;

/// One costly step; what decides is the share of errors, which no busy machine moves.
const SHOP: &str = r#"
name = "shop"
seed = 7

[target]
command = ["PLIMSOLL", "demo-target", "--port", "{port}"]
ready = { get = "/health", status = 200, within = "20s" }
http = { connections = 4 }

[[step]]
name = "pay"
request = "POST /pay"
expect = { status = 201 }

[[phase]]
name = "steady"
rate = "60/s"
duration = "1500ms"

[[threshold]]
metric = "errors.rate"
max-change = "+5pp"
"#;

const PLIMSOLL: &str = env!("CARGO_BIN_EXE_plimsoll");

fn place() -> Workplace {
    let place = Workplace::new();
    place.write("scenarios/shop.toml", &SHOP.replace("PLIMSOLL", PLIMSOLL));
    place
}

/// Four times the work, and a fifth of the requests refused.
fn slower() -> String {
    format!("{PLIMSOLL} demo-target --port {{port}} --scale 4 --fault rate-limit:strength=0.2")
}

/// A text without the line breaks of the terminal.
fn unwrapped(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[track_caller]
fn says(text: &str, what: &str) {
    assert!(text.contains(what), "{what:?} is not in:\n{text}");
}

/// A folder of programs in which there is no perf.
fn without_perf(place: &Workplace) -> PathBuf {
    let folder = place.path().join("programs");
    std::fs::create_dir(&folder).expect("a folder");
    folder
}

fn stacks(run: &Path, arm: &str) -> Vec<(String, u64)> {
    let path = run.join(format!("profile-{arm}.folded"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let stack = |line: &str| {
        let (stack, n) = line.rsplit_once(' ').expect("a count");
        (stack.to_owned(), n.parse().expect("a number"))
    };
    text.lines().map(stack).collect()
}

#[test]
fn without_perf_both_sides_are_looked_at_and_the_report_says_what_that_cannot_tell() {
    let place = place();
    let unchanged = format!("{PLIMSOLL} demo-target --port {{port}}");
    let ended = place
        .command(&[
            "check",
            "shop",
            "--against-command",
            &unchanged,
            "--command",
            &slower(),
            "--max-rounds",
            "3",
            "--profile-on-regression",
        ])
        .env("PATH", without_perf(&place))
        .output()
        .expect("the binary starts");
    let ended = common::Ended::from(ended).exits(1);
    says(&ended.stderr, "profiling now: one more round");
    says(&ended.stderr, "profiling before: one more round");
    says(&ended.stdout, "REGRESSED");
    let text = unwrapped(&ended.stdout);
    says(
        &text,
        "cannot tell which functions ran: perf is not installed",
    );

    let run = place.runs().pop().expect("a run");
    for arm in ["now", "before"] {
        let stacks = stacks(&run, arm);
        let samples = |of: &str| -> u64 {
            let of = stacks.iter().filter(|(stack, _)| stack.contains(of));
            of.map(|(_, n)| n).sum()
        };
        assert!(samples("plimsoll;") > 0, "{arm}: {stacks:?}");
        assert!(samples(";waiting") > 0, "{arm}: {stacks:?}");
    }
    let page = std::fs::read_to_string(run.join("report.html")).expect("a report");
    for told in [
        "id=\"profile\"",
        "flame-difference-wide",
        "flame-before-narrow",
    ] {
        says(&page, told);
    }

    // What was kept is shown again, and counts as no round.
    let json = |place: &Workplace| {
        place
            .run(&["report", "last", "-o", "json:-"])
            .exits(0)
            .json()
    };
    let whole = json(&place);
    let arms: Vec<_> = whole["rounds"].as_array().expect("rounds").iter().collect();
    assert!(
        arms.len() <= 12 && arms.len().is_multiple_of(2),
        "{}",
        arms.len()
    );
    assert!(whole["profile"]["about"].to_string().contains("/proc"));
    let comment = place.run(&["report", "last", "-o", "md:-"]).exits(0);
    says(&comment.stdout, "**Profile:**");

    // What somebody changed is not believed, and hides nothing else.
    std::fs::write(run.join("profile-now.folded"), "a;b 1\n").expect("writes");
    let changed = json(&place);
    assert_eq!(changed["verdict"], whole["verdict"]);
    says(
        &changed["profile"]["about"].to_string(),
        "is not what was written",
    );
}

#[test]
fn perf_names_functions_and_a_stored_baseline_is_said_to_have_none() {
    let place = place();
    place.run(&["run", "shop", "--rounds", "3"]).exits(0);
    place
        .run(&["baseline", "save", "shop", "--reason", "first"])
        .exits(0);
    let ended = place
        .run(&[
            "check",
            "shop",
            "--command",
            &slower(),
            "--max-rounds",
            "3",
            "--profile-on-regression=perf",
        ])
        .exits(1);
    let text = unwrapped(&ended.stdout);
    says(
        &text,
        "No profile of `before`: a stored baseline cannot be run again",
    );
    let run = place.runs().pop().expect("a run");
    if ended.stderr.contains("no profile of `now`") {
        let reason = ended
            .stderr
            .lines()
            .find(|l| l.contains("no profile of `now`"));
        println!("skipped: {reason:?}");
        assert!(!run.join("profile-now.folded").exists());
        return;
    }
    let stacks = stacks(&run, "now");
    let ours = |(stack, _): &&(String, u64)| stack.contains("plimsoll::demo::");
    assert!(stacks.iter().any(|s| ours(&s)), "{stacks:?}");
    says(&text, "perf, 499 samples in a second of CPU time");
}

#[test]
fn what_did_not_regress_is_not_profiled() {
    let place = place();
    let same = format!("{PLIMSOLL} demo-target --port {{port}}");
    let check = [
        "check",
        "shop",
        "--against-command",
        &same,
        "--max-rounds",
        "2",
        "--profile-on-regression=sampling",
    ];
    let ended = place.run(&check).exits(0);
    assert!(!ended.stderr.contains("profiling"), "{}", ended.stderr);
    let run = place.runs().pop().expect("a run");
    assert!(!run.join("profile.json").exists());
}
