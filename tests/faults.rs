//! Faults between the load and a target whose answer to them follows from arithmetic.
//!
//! What is asserted are differences between stretches of one run, so a machine that is slow throughout
//! changes nothing; times are medians over hundreds of requests.

mod common;

use common::Workplace;
use serde_json::Value;

/// How long a request is waited for: far longer than a busy machine takes.
const TIMEOUTS: &str = r#"first-byte = "20s", total = "20s""#;

/// A scenario against the demo target, with constant arrivals.
fn scenario(command: &str, request: &str, (rate, seconds): (u32, u32), rest: &str) -> String {
    format!(
        r#"
name = "faults"

[target]
command = [{command}]
ready = {{ within = "20s" }}
timeouts = {{ {TIMEOUTS} }}

[[step]]
name = "one"
request = "{request}"

[[phase]]
name = "steady"
rate = "{rate}/s"
arrivals = "constant"
duration = "{seconds}s"

{rest}
"#
    )
}

/// Answers after `base`.
fn truth(base: &str) -> String {
    format!(r#""plimsoll", "demo-target", "--port", "{{port}}", "--truth", "base={base}""#)
}

/// Runs it, whatever the exit code: on a busy machine times may be called spoiled.
fn measured(scenario: &str) -> Value {
    let place = Workplace::new();
    let file = place.write("faults.toml", scenario);
    let ended = place.run(&["run", &file.to_string_lossy(), "--json"]);
    ended.json()
}

/// Milliseconds of a state of the first fault.
fn ms(json: &Value, state: &str, metric: &str) -> f64 {
    let value = &json["faults"][0][state][metric]["value"];
    value.as_f64().unwrap_or_else(|| panic!("{json:#}")) / 1e6
}

fn number(json: &Value, state: &str, key: &str) -> f64 {
    let value = &json["faults"][0][state][key];
    value.as_f64().unwrap_or_else(|| panic!("{json:#}"))
}

#[test]
fn two_hundred_milliseconds_of_latency_are_measured_as_such() {
    let fault = "[[fault]]\nat = \"3s\"\nfor = \"4s\"\nlatency = \"200ms\"\n";
    let json = measured(&scenario(&truth("1ms"), "GET /", (100, 11), fault));
    let added = ms(&json, "during", "latency.p50") - ms(&json, "before", "latency.p50");
    assert!((added - 200.0).abs() <= 2.0, "{added} ms: {json:#}");
    // And no longer when it is over.
    let left = ms(&json, "after", "latency.p50") - ms(&json, "before", "latency.p50");
    assert!(left.abs() <= 2.0, "{left} ms: {json:#}");
    assert_eq!(json["faults"][0]["during"]["failed"], 0, "{json:#}");
}

/// Sixteen workers that hold each request for 160 ms answer up to 100/s. In a black hole of 5 s at 50/s 250
/// requests queue up; afterwards they are worked off at the difference between what is answered and what
/// still comes. How long the workers really take is read from the state before, in which nothing waits.
#[test]
fn the_time_to_recover_from_a_black_hole_is_what_the_queue_takes() {
    const RATE: f64 = 50.0;
    const LASTS: f64 = 5.0;
    let command = r#""plimsoll", "demo-target", "--port", "{port}", "--workers", "16""#;
    let rest = "[[fault]]\nat = \"4s\"\nfor = \"5s\"\nblack-hole = true\n\n\
                [[threshold]]\nmetric = \"recovery.time\"\nmax = \"30s\"\n";
    let json = measured(&scenario(command, "GET /slot?ms=160", (50, 22), rest));
    let answered = 16.0 * 1000.0 / ms(&json, "before", "latency.p50");
    let truth = LASTS * RATE / (answered - RATE);
    let told = json["faults"][0]["recovery"][0]["value"].as_f64();
    let told = told.unwrap_or_else(|| panic!("{json:#}")) / 1e9;
    assert!(
        (told / truth - 1.0).abs() <= 0.1,
        "{told} s of {truth} s: {json:#}"
    );
    assert!(number(&json, "during", "throughput.ok") < 10.0, "{json:#}");
    let row = json["metrics"].as_array().expect("rows");
    let row = row.iter().find(|r| r["metric"] == "recovery.time");
    let row = row.unwrap_or_else(|| panic!("{json:#}"));
    assert_eq!(row["now"]["kind"], "exact", "{row:#}");
    // Kept, or not told for a noisy machine; never broken.
    assert_ne!(row["limit"], "broken", "{row:#}");
}

/// The target itself stands still from the time of the fault on.
#[test]
fn what_never_comes_back_is_a_lower_bound_and_breaks_its_limit() {
    let command = r#""plimsoll", "demo-target", "--port", "{port}", "--fault", "stall=4s:60s""#;
    let rest = "[[fault]]\nat = \"4s\"\nfor = \"1s\"\nblack-hole = true\n\n\
                [[threshold]]\nmetric = \"recovery.time\"\nmax = \"1s\"\n";
    let place = Workplace::new();
    let scenario = scenario(command, "GET /", (50, 9), rest);
    // Nothing will be answered any more, however long it is waited for.
    let scenario = scenario.replace(TIMEOUTS, r#"first-byte = "8s", total = "8s""#);
    let file = place.write("faults.toml", &scenario);
    let ended = place.run(&["run", &file.to_string_lossy(), "--json"]);
    let ended = ended.exits(1);
    let json = ended.json();
    let recovery = &json["faults"][0]["recovery"][0];
    assert_eq!(recovery["kind"], "at-least", "{json:#}");
    assert_eq!(recovery["value"], 4e9, "{json:#}");
    let page = place.run(&["report", "last", "-o", "md:-"]);
    let told = "time to recover ≥ 4 s: not back by the end";
    assert!(page.stdout.contains(told), "{}", page.stdout);
}

#[test]
fn connections_are_reset_and_stalled_by_their_share() {
    let resets = "[[fault]]\nat = \"3s\"\nfor = \"3s\"\nreset = \"100%\"\n";
    let json = measured(&scenario(&truth("1ms"), "GET /", (100, 10), resets));
    assert!(number(&json, "during", "errors.rate") > 0.95, "{json:#}");
    let failed = &json["summary"]["now"]["failed"];
    assert!(failed["reset"].as_u64() > Some(280), "{failed:#}");
    assert_eq!(json["faults"][0]["before"]["failed"], 0, "{json:#}");
    assert_eq!(json["faults"][0]["after"]["failed"], 0, "{json:#}");
}
