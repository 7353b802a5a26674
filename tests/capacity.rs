//! A search for capacity on a target whose ceiling is known, from the scenario to the report.

mod common;

use common::Workplace;

/// A short search: it shows the way through the program, and the machine may be busy.
const SCENARIO: &str = r#"
name = "short"

[target]
command = ["plimsoll", "demo-target", "--workers", "4", "--port", "{port}"]
ready = { get = "/health", status = 200, within = "20s" }

[[step]]
name = "slot"
request = "GET /slot?ms=20"

[[phase]]
name = "search"
search = { metric = "latency.p50", under = "100ms", from = "100/s", to = "1600/s", rounds = 1, precision = "20%", max-duration = "8s" }
arrivals = "constant"
duration = "2s"
"#;

fn read(place: &Workplace, name: &str) -> String {
    std::fs::read_to_string(place.path().join(name)).expect(name)
}

#[test]
fn every_round_knows_its_level_and_the_report_shows_the_levels() {
    let place = Workplace::new();
    place.write("scenarios/short.toml", SCENARIO);
    // A machine that is too busy to judge a single level makes it invalid: that is no defect.
    let ended = place.run(&["run", "short", "-o", "run.json", "-o", "comment.md"]);
    let json: serde_json::Value = serde_json::from_str(&read(&place, "run.json")).expect("JSON");
    let levels = json["capacity"]["levels"].as_array().expect("levels");
    assert!(!levels.is_empty(), "{}", ended.stderr);
    let rates: Vec<f64> = levels
        .iter()
        .map(|l| l["rate"].as_f64().expect("a rate"))
        .collect();
    assert!(rates.is_sorted(), "{rates:?}");
    assert!((rates[0] - 100.0).abs() < 1e-9);
    for level in levels {
        for round in level["rounds"].as_array().expect("rounds") {
            let index = usize::try_from(round["round"].as_u64().expect("an index")).expect("small");
            assert_eq!(json["rounds"][index]["rate"], level["rate"]);
        }
    }
    let comment = read(&place, "comment.md");
    assert!(comment.contains("**Knee:**"), "{comment}");
    let again = place.run(&["report", "last", "-o", "md:-"]);
    assert_eq!(again.stdout.trim_end(), comment.trim_end());
}

#[test]
fn two_sides_cannot_be_searched_in_turn() {
    let place = Workplace::new();
    place.write("scenarios/short.toml", SCENARIO);
    let other = "plimsoll demo-target --port {port}";
    let ended = place
        .run(&["check", "short", "--against-command", other])
        .exits(2);
    assert!(ended.stderr.contains("PL0314"), "{}", ended.stderr);
}
