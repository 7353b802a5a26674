//! `check` within a budget of time and with both targets at once, end to end.

mod common;

use common::{Ended, Workplace};

/// Two steps at 100/s for a second and a half, in the order of a shop.
const SHORT: &str = r#"
name = "short"
seed = 7

[target]
command = ["sh", "-c", "exec PLIMSOLL demo-target --port $1", "sh", "{port}"]
ready = { get = "/health", status = 200, within = "20s" }
http = { connections = 4 }

[[step]]
name = "home"
request = "GET /"

[[step]]
name = "items"
request = "GET /items"

[[phase]]
name = "steady"
rate = "100/s"
duration = "1500ms"

[[threshold]]
metric = "errors.rate"
max = "50%"
max-change = "+50pp"
"#;

fn place() -> Workplace {
    let place = Workplace::new();
    let scenario = SHORT.replace("PLIMSOLL", env!("CARGO_BIN_EXE_plimsoll"));
    place.write("scenarios/short.toml", &scenario);
    place
}

fn other() -> String {
    format!(
        "{} demo-target --port {{port}}",
        env!("CARGO_BIN_EXE_plimsoll")
    )
}

#[track_caller]
fn says(text: &str, what: &str) {
    assert!(text.contains(what), "{what:?} is not in:\n{text}");
}

#[test]
fn a_budget_says_what_it_will_see_and_afterwards_what_it_saw() {
    let place = place();
    place.run(&["run", "short", "--rounds", "3"]).exits(0);
    place
        .run(&["baseline", "save", "short", "--reason", "first"])
        .exits(0);
    let check = ["check", "short", "--time-budget", "14s"];
    let started = std::time::Instant::now();
    let ended = place.run(&check).exits(0);
    // A round takes two seconds or less, and none begins that could not end in time.
    assert!(started.elapsed().as_secs() < 30, "{:?}", started.elapsed());
    let planned = ended
        .stderr
        .lines()
        .find(|l| l.contains("14 s hold"))
        .unwrap_or_else(|| panic!("no plan in:\n{}", ended.stderr));
    says(planned, "of errors.rate");
    says(planned, "the baseline's 3 rounds");
    let first_round = ended.stderr.find("round 1").expect("it measured");
    assert!(ended.stderr.find("14 s hold").expect("planned") < first_round);
    says(&ended.stdout, "foreseen");
    says(&ended.stdout, "seen");

    let json = place
        .run(&["report", "last", "-o", "json:-"])
        .exits(0)
        .json();
    let rounds = json["foresight"]["rounds"].as_u64().expect("a number");
    assert!(
        (2..=4).contains(&rounds),
        "14 s of rounds of 3.7 s: {rounds}"
    );
    assert_eq!(json["judge"], "round-t");
}

#[test]
fn a_budget_without_earlier_rounds_says_that_the_spread_is_unknown() {
    let place = place();
    let other = other();
    let check = [
        "check",
        "short",
        "--against-command",
        &other,
        "--time-budget",
        "18s",
    ];
    let ended = place.run(&check);
    says(&ended.stderr, "unknown until the first look");
    let short = [
        "check",
        "short",
        "--against-command",
        &other,
        "--time-budget",
        "5s",
    ];
    let refused = place.run(&short).exits(2);
    says(&refused.stderr, "PL0315");
    assert_eq!(place.runs().len(), 1, "the second one never began");
}

#[test]
fn a_duet_measures_both_at_once_each_under_half_of_the_load() {
    let place = place();
    let other = other();
    let check = [
        "check",
        "short",
        "--against-command",
        &other,
        "--duet",
        "--max-rounds",
        "4",
        "--json",
    ];
    let json = place.run(&check).json();
    let rounds = json["rounds"].as_array().expect("rounds");
    assert!(
        rounds.len() >= 8 && rounds.len().is_multiple_of(2),
        "{rounds:?}"
    );
    // Of two pairs that follow each other each side has either place once.
    let first: Vec<&str> = rounds
        .chunks(2)
        .map(|pair| pair[0]["arm"].as_str().expect("a side"))
        .collect();
    for two in first.chunks_exact(2) {
        assert_ne!(two[0], two[1], "{first:?}");
    }
    for pair in rounds.chunks(2) {
        assert_ne!(pair[0]["arm"], pair[1]["arm"]);
        // 150 requests of the plan, every second one to either side.
        let due: Vec<u64> = pair.iter().filter_map(|r| r["due"].as_u64()).collect();
        assert_eq!(due, [75, 75]);
    }
    assert_eq!(json["trust"]["conserved"], true);
    let cpu = json["metrics"]
        .as_array()
        .expect("metrics")
        .iter()
        .find(|m| m["metric"] == "cpu.per-request");
    let cpu = cpu.expect("the targets are ours");
    assert_eq!(
        (&cpu["verdict"], &cpu["gating"]),
        (&serde_json::Value::Null, &false.into())
    );
    let reasons = json["unevaluated"].to_string();
    says(&reasons, "errors.rate: limit");
    says(&reasons, "half of the load");
    assert_ne!(
        json["verdict"]["word"], "invalid",
        "{}",
        json["verdict"]["headline"]
    );
}

#[test]
fn a_duet_needs_another_target_and_enough_rounds() {
    let place = place();
    let refused = |ended: Ended| ended.exits(2).stderr;
    let alone = refused(place.run(&["check", "short", "--duet"]));
    says(&alone, "--against-command");
    let other = other();
    let few = [
        "check",
        "short",
        "--against-command",
        &other,
        "--duet",
        "--max-rounds",
        "3",
    ];
    says(&refused(place.run(&few)), "needs 4 rounds");
}
