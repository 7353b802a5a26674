//! The verbs of the ledger, over runs whose numbers are made: what enters a baseline, what is
//! refused and with which code, and what is left on disk. And a calibration, measured for real.

mod common;

use common::{Ended, Workplace};
use plimsoll::model::{
    Arm, Cell, Comparison, Decision, Design, Fingerprint, Judge, Manifest, Mode, Outline,
    PhaseOutline, RUN_SCHEMA, Round, TargetOutline, Verdict,
};
use plimsoll::store::runs::{Frame, RunWriter};
use plimsoll::units::Nanos;

/// A run of five rounds, or as said.
#[derive(Clone)]
struct Made {
    id: &'static str,
    /// Median latency.
    ms: f64,
    boot: &'static str,
    plan: &'static str,
    cores: u64,
    mode: Mode,
}

impl Made {
    fn new(id: &'static str, ms: f64) -> Self {
        Self {
            id,
            ms,
            boot: "a",
            plan: "00112233445566778899",
            cores: 4,
            mode: Mode::Measure,
        }
    }
}

const SCATTER: [f64; 5] = [0.99, 1.0, 1.01, 1.005, 0.995];

fn outline() -> Outline {
    Outline {
        name: "shop".into(),
        description: String::new(),
        target: TargetOutline {
            url: "http://127.0.0.1:8080".into(),
            command: None,
            unverified: false,
            limits: plimsoll::model::ResourceLimits::default(),
        },
        steps: vec!["pay".into()],
        phases: vec![PhaseOutline {
            name: "steady".into(),
            start: Nanos::ZERO,
            duration: Nanos::from_secs(10),
            warm_up: false,
            load: "30/s even".into(),
            asked: None,
        }],
        ..Outline::default()
    }
}

fn round(index: usize, ms: f64, requests: u64) -> Round {
    let mut cell = Cell::default();
    for i in 0..requests {
        let spread = 0.9 + 0.2 * i as f64 / requests as f64;
        let took = Nanos::from_secs_f64(ms * spread / 1e3);
        cell.latency.ok.record(took);
        cell.service.record(took);
    }
    cell.tally.due = requests;
    cell.tally.sent = requests;
    cell.tally.answered = requests;
    Round {
        cells: vec![cell],
        ..Round::new(index, Arm::Now, index, "2026-11-20T09:00:00Z".into())
    }
}

/// Stores a run as `plimsoll run` would have.
fn store(place: &Workplace, made: &Made, rounds: Vec<Round>) {
    let manifest = Manifest {
        schema: RUN_SCHEMA,
        id: made.id.into(),
        mode: made.mode,
        started_at: "2026-11-20T09:00:00Z".into(),
        version: "0.1.0".into(),
        seed: 1,
        plan_hash: made.plan.into(),
        outline: outline(),
        scenario: String::new(),
        scenario_file: None,
        fingerprint: Fingerprint {
            cpu_model: "A CPU".into(),
            cores: made.cores,
            boot_id: made.boot.into(),
            ..Fingerprint::default()
        },
        instrument: None,
        revision: Some("0123456789abcdef0123".into()),
        reference: None,
        baseline: None,
        shard: None,
        origin: None,
        start_at: None,
        parts: Vec::new(),
    };
    let mut writer = RunWriter::create(place.path(), &manifest).expect("a run");
    for round in rounds {
        writer
            .append(&Frame::Round(Box::new(round)))
            .expect("appends");
    }
    let comparison = Comparison {
        design: Design::Absolute,
        reference: None,
        before_rounds: 0,
        now_rounds: 5,
        results: Vec::new(),
        moved: Vec::new(),
        findings: Vec::new(),
        decision: Decision {
            verdict: Verdict::Kept,
            headline: "measured".into(),
        },
        capacity: None,
        judge: Judge::default(),
        unevaluated: Vec::new(),
        foresight: None,
    };
    writer.write_comparison(&comparison).expect("writes");
    writer.seal(false).expect("seals");
}

fn made(place: &Workplace, run: &Made) {
    let rounds = SCATTER.iter().enumerate();
    let rounds = rounds.map(|(i, s)| round(i, run.ms * s, 300));
    store(place, run, rounds.collect());
}

/// A place with a baseline of one run of 10 ms.
fn with_baseline() -> Workplace {
    let place = Workplace::new();
    made(&place, &Made::new("20261120T0900-first", 10.0));
    let save = [
        "baseline",
        "save",
        "shop",
        "--reason",
        "the first",
        "--label",
        "v1",
    ];
    place.run(&save).exits(0);
    place
}

fn promote(place: &Workplace, args: &[&str]) -> Ended {
    place.run(&[&["baseline", "promote", "shop"], args].concat())
}

/// Takes out what differs from run to run: content hashes and the time of an acceptance.
fn steady(text: &str) -> String {
    let hash = regex::Regex::new("[0-9a-f]{12}").expect("a pattern");
    let time = regex::Regex::new(r"20\d\d-\d\d-\d\dT[0-9:.]+Z").expect("a pattern");
    let text = hash.replace_all(text, "HASH");
    time.replace_all(&text, "TIME").into_owned()
}

#[test]
fn a_promotion_adds_a_session_and_refuses_what_is_no_repetition() {
    let place = with_baseline();
    for (id, boot) in [("20261121T0900-second", "b"), ("20261122T0900-third", "c")] {
        made(
            &place,
            &Made {
                boot,
                ..Made::new(id, 10.0)
            },
        );
    }
    let second = promote(&place, &["20261121"]).exits(0);
    insta::assert_snapshot!(steady(&second.stdout), @"baseline @shop is now revision 2: 5 rounds of run 20261121T0900-second added (HASH), 10 rounds of 2 sessions in all");
    assert!(
        second.stderr.contains("until there are 3 sessions"),
        "{}",
        second.stderr
    );
    let third = promote(&place, &["20261122", "--label", "v1.1"]).exits(0);
    assert!(
        third.stdout.contains("15 rounds of 3 sessions in all"),
        "{}",
        third.stdout
    );
    assert!(third.stderr.is_empty(), "{}", third.stderr);
    let shown = place.run(&["baseline", "show", "shop"]).exits(0);
    insta::assert_snapshot!(steady(&shown.stdout));

    let again = promote(&place, &["20261121"]).exits(4);
    assert!(again.stderr.contains("PL0222"), "{}", again.stderr);
    assert!(
        again.stderr.contains("accepted already"),
        "{}",
        again.stderr
    );
    let others = [
        Made {
            plan: "ff",
            ..Made::new("20261123T0900-plan", 10.0)
        },
        Made {
            cores: 8,
            ..Made::new("20261123T0901-cores", 10.0)
        },
        Made {
            mode: Mode::Interleaved,
            ..Made::new("20261123T0902-turn", 10.0)
        },
    ];
    for other in &others {
        made(&place, other);
        let refused = promote(&place, &[other.id]).exits(4);
        assert!(refused.stderr.contains("PL0222"), "{}", refused.stderr);
        assert!(
            refused.stderr.contains("baseline save"),
            "{}",
            refused.stderr
        );
    }
    let unsealed = Made::new("20261124T0900-partial", 10.0);
    made(&place, &unsealed);
    let log = place
        .path()
        .join("reports/shop")
        .join(unsealed.id)
        .join("run.plog");
    let bytes = std::fs::read(&log).expect("reads");
    std::fs::write(&log, &bytes[..bytes.len() - 40]).expect("writes");
    let refused = promote(&place, &[unsealed.id]).exits(4);
    assert!(refused.stderr.contains("partial"), "{}", refused.stderr);
    let late = promote(&place, &["20261122", "--expect-revision", "1"]);
    assert!(late.exits(4).stderr.contains("PL0222"), "it is in already");
    place.run(&["baseline", "verify"]).exits(0);
}

#[test]
fn nothing_is_added_to_a_baseline_that_is_not_there() {
    let place = Workplace::new();
    made(&place, &Made::new("20261120T0900-first", 10.0));
    let refused = promote(&place, &[]).exits(3);
    assert!(refused.stderr.contains("PL0210"), "{}", refused.stderr);
}

#[test]
fn an_improvement_is_confirmed_first_and_a_regression_explained() {
    let place = with_baseline();
    made(&place, &Made::new("20261121T0900-fast", 8.0));
    made(&place, &Made::new("20261121T0910-same", 10.0));
    made(&place, &Made::new("20261121T0920-fast", 8.02));
    let fast = "20261121T0900-fast";
    let refused = promote(&place, &[fast]).exits(2);
    insta::assert_snapshot!(refused.stderr);
    for other in [fast, "20261121T0910-same"] {
        let refused = promote(&place, &[fast, "--confirmed-by", other]).exits(2);
        assert!(
            refused.stderr.contains("PL0223"),
            "{other}: {}",
            refused.stderr
        );
    }
    let bare = promote(&place, &[fast, "--accept-improvement"]).exits(2);
    assert!(bare.stderr.contains("--reason"), "{}", bare.stderr);
    let conflict = ["--confirmed-by", "20261121T0920", "--expect-revision", "0"];
    let conflict = promote(&place, &[&[fast], &conflict[..]].concat()).exits(2);
    assert!(conflict.stderr.contains("PL0207"), "{}", conflict.stderr);
    let confirmed = promote(&place, &[fast, "--confirmed-by", "20261121T0920"]).exits(0);
    assert!(
        confirmed.stderr.contains("better than the baseline"),
        "{}",
        confirmed.stderr
    );
    let shown = place.run(&["baseline", "show", "shop"]).exits(0).stdout;
    assert!(shown.contains("confirmed by 20261121T0920-fast"), "{shown}");

    let place = with_baseline();
    made(&place, &Made::new("20261121T0900-slow", 13.0));
    let refused = promote(&place, &[]).exits(2);
    assert!(refused.stderr.contains("PL0224"), "{}", refused.stderr);
    assert!(refused.stderr.contains("latency.p50"), "{}", refused.stderr);
    let accepted = promote(&place, &["--reason", "the audit log"]).exits(0);
    assert!(accepted.stderr.contains("WORSE"), "{}", accepted.stderr);

    let place = with_baseline();
    made(&place, &Made::new("20261121T0900-halved", 4.0));
    let taken = ["--accept-improvement", "--reason", "the cache is on now"];
    promote(&place, &taken).exits(0);
}

#[test]
fn a_difference_names_what_changed() {
    let place = with_baseline();
    made(
        &place,
        &Made {
            boot: "b",
            ..Made::new("20261121T0900-slow", 11.0)
        },
    );
    promote(&place, &["--reason", "the audit log", "--label", "v2"]).exits(0);
    let diff = |args: &[&str]| place.run(&[&["baseline", "diff", "shop"], args].concat());
    let latest = diff(&[]).exits(0).stdout;
    insta::assert_snapshot!(steady(&latest));
    assert_eq!(diff(&["v1", "v2"]).exits(0).stdout, latest);
    let with_run = diff(&["v1", "last"]).exits(0).stdout;
    assert!(with_run.contains("run 20261121T0900-slow"), "{with_run}");
    let to_current = diff(&["v1"]).exits(0).stdout;
    assert!(to_current.contains("rounds      5 → 10"), "{to_current}");
    let unknown = diff(&["v9"]).exits(2);
    assert!(unknown.stderr.contains("PL0225"), "{}", unknown.stderr);
}

#[test]
fn pruning_says_first_what_would_go_and_leaves_a_ledger_in_order() {
    let place = with_baseline();
    for (id, boot) in [("20261121T0900-second", "b"), ("20261122T0900-third", "c")] {
        made(
            &place,
            &Made {
                boot,
                ..Made::new(id, 10.0)
            },
        );
        promote(&place, &[id]).exits(0);
    }
    let files = || {
        let folder = place.path().join("baselines/shop");
        std::fs::read_dir(folder).expect("lists").count()
    };
    let before = files();
    let prune = |args: &[&str]| place.run(&[&["baseline", "prune", "shop"], args].concat());
    let said = prune(&["--keep", "2"]).exits(0);
    insta::assert_snapshot!(steady(&said.stdout));
    assert!(
        said.stderr.contains("nothing was removed"),
        "{}",
        said.stderr
    );
    assert_eq!(files(), before);
    let done = prune(&["--keep", "2", "--apply"]).exits(0);
    assert!(done.stdout.contains("is now revision 4"), "{}", done.stdout);
    assert_eq!(files(), before, "one goes, and the record of it comes");
    let verified = place.run(&["baseline", "verify", "shop"]).exits(0);
    insta::assert_snapshot!(verified.stdout, @"@shop  2 acceptances, 1 pruned  in order");
    prune(&["--keep", "0"]).exits(2);
}

#[test]
fn verify_exits_2_with_the_code_of_each_fault_and_repairs_head() {
    let place = with_baseline();
    let head = place.path().join("baselines/shop/HEAD.json");
    std::fs::write(&head, "<<<<<<< ours").expect("writes");
    std::fs::write(place.path().join("baselines/shop/copy.json"), "{}").expect("writes");
    let faulty = place.run(&["baseline", "verify"]).exits(2);
    assert!(faulty.stdout.contains("2 faults"), "{}", faulty.stdout);
    for code in ["PL0220", "PL0221"] {
        assert!(faulty.stderr.contains(code), "{}", faulty.stderr);
    }
    let repaired = place.run(&["baseline", "verify", "--repair"]).exits(2);
    assert!(repaired.stderr.contains("mended:"), "{}", repaired.stderr);
    assert!(!repaired.stderr.contains("PL0220"), "{}", repaired.stderr);
    std::fs::remove_file(place.path().join("baselines/shop/copy.json")).expect("removes");
    place.run(&["baseline", "verify"]).exits(0);
    let unknown = place.run(&["baseline", "verify", "other"]).exits(3);
    assert!(unknown.stderr.contains("PL0210"), "{}", unknown.stderr);
}

#[test]
fn two_promotions_at_once_are_both_kept_or_one_is_told_of_the_conflict() {
    const ATTEMPTS: usize = 50;
    let place = Workplace::new();
    let small = |id: String| {
        let id: &'static str = id.leak();
        store(
            &place,
            &Made::new(id, 10.0),
            vec![round(0, 10.0, 20), round(1, 10.0, 20)],
        );
        id
    };
    small("first".to_owned());
    place
        .run(&["baseline", "save", "shop", "--reason", "the first"])
        .exits(0);
    let mut kept = 1;
    for attempt in 0..ATTEMPTS {
        let runs = ["a", "b"].map(|who| small(format!("{who}{attempt:02}")));
        let children = runs.map(|run| {
            let mut command = place.command(&["baseline", "promote", "shop", run]);
            command
                .stdout(std::process::Stdio::null())
                .stderr(std::process::Stdio::piped());
            command.spawn().expect("starts")
        });
        let ended = children.map(|c| Ended::from(c.wait_with_output().expect("ends")));
        let shown = place.run(&["baseline", "show", "shop"]).exits(0).stdout;
        for (run, ended) in runs.iter().zip(&ended) {
            let is_there = shown.contains(&format!("run       {run}  "));
            match ended.code {
                Some(0) => assert!(is_there, "{run} was accepted and is lost:\n{shown}"),
                Some(2) => {
                    assert!(ended.stderr.contains("PL0207"), "{}", ended.stderr);
                    assert!(!is_there, "{run} was refused and is there");
                }
                other => panic!("exit {other:?}: {}", ended.stderr),
            }
            kept += usize::from(is_there);
        }
    }
    assert!(kept > ATTEMPTS, "one of two succeeds each time: {kept}");
    let verified = place.run(&["baseline", "verify"]).exits(0).stdout;
    assert!(
        verified.contains(&format!("{kept} acceptances  in order")),
        "{verified}"
    );
}

const SHORT: &str = r#"
name = "short"

[target]
command = ["plimsoll", "demo-target", "--port", "{port}"]
ready = { get = "/health", status = 200, within = "20s" }

[[step]]
name = "home"
request = "GET /"

[[phase]]
name = "steady"
rate = "100/s"
duration = "600ms"
"#;

#[test]
fn a_calibration_is_stored_proposes_valid_thresholds_and_makes_a_baseline() {
    let place = Workplace::new();
    place.write("scenarios/short.toml", SHORT);
    let words = [
        "calibrate",
        "short",
        "--rounds",
        "6",
        "-o",
        "thresholds.toml",
    ];
    let ended = place.run(&words);
    // A machine that cannot hold 100 requests a second calibrates nothing, and says so.
    assert!(matches!(ended.code, Some(0 | 4)), "{ended:?}");
    assert!(ended.stdout.contains("noise floor"), "{}", ended.stdout);
    assert!(
        ended.stdout.contains("more rounds are missing"),
        "{}",
        ended.stdout
    );
    let patch = std::fs::read_to_string(place.path().join("thresholds.toml")).expect("a patch");
    assert!(ended.stdout.contains(&patch), "{}\n{patch}", ended.stdout);
    place.write(
        "scenarios/patched.toml",
        &format!("{}{patch}", SHORT.replace("\"short\"", "\"patched\"")),
    );
    place.run(&["validate", "scenarios/patched.toml"]).exits(0);
    let run = place.runs().pop().expect("a stored run");
    let manifest = std::fs::read_to_string(run.join("manifest.json")).expect("reads");
    assert!(manifest.contains("\"mode\": \"calibrate\""), "{manifest}");
    assert!(run.join("report.html").is_file());
    place.run(&["report", "last"]).exits(0);
    if ended.code == Some(0) {
        let saved = place
            .run(&["baseline", "save", "short", "--reason", "calibrated"])
            .exits(0);
        assert!(
            saved.stdout.contains("6 rounds"),
            "both sides are the same target: {}",
            saved.stdout
        );
    }
    let dry = place.run(&["calibrate", "short", "--dry-run"]).exits(0);
    assert!(dry.stdout.contains("40 rounds"), "{}", dry.stdout);
}
