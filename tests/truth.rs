//! Known truths over a real wire: stalls are charged in full, and nothing leaves the population.
//!
//! The bounds are wide enough for a machine that loses half its time to others; the exact figures
//! belong to a benchmark on a quiet one.

mod common;

use std::time::Duration;

use common::{Manner, Server, Workplace};

fn scenario(url: &str, total: &str, threshold: &str) -> String {
    format!(
        r#"
name = "truth"

[target]
url = "{url}"
timeouts = {{ total = "{total}", first-byte = "{total}" }}

[[step]]
name = "home"
request = "GET /"

[[phase]]
name = "steady"
rate = "200/s"
arrivals = "constant"
duration = "5s"

{threshold}
"#
    )
}

/// The metric's value on the "now" side, in milliseconds.
fn now_ms(json: &serde_json::Value, metric: &str) -> f64 {
    let row = row(json, metric);
    row["now"]["value"]
        .as_f64()
        .unwrap_or_else(|| panic!("{metric} has no value: {row:#}"))
        / 1e6
}

fn row<'a>(json: &'a serde_json::Value, metric: &str) -> &'a serde_json::Value {
    json["metrics"]
        .as_array()
        .and_then(|rows| rows.iter().find(|r| r["metric"] == metric))
        .unwrap_or_else(|| panic!("{metric} is not in {json:#}"))
}

#[test]
fn a_stall_is_charged_to_every_request_that_was_due_in_it() {
    let server = Server::start(Manner::Freezing {
        at: Duration::from_secs(2),
        lasts: Duration::from_millis(500),
    });
    let place = Workplace::new();
    let file = place.write("truth.toml", &scenario(&server.url(), "20s", ""));
    let ended = place
        .run(&["run", &file.to_string_lossy(), "--json"])
        .exits(0);
    let json = ended.json();
    // A tenth of all requests was due in the stall, evenly, and answered at its end: the worst
    // twentieth of the run waited 250 ms or more, the worst hundredth 450 ms or more.
    assert!(now_ms(&json, "latency.p95") > 200.0, "{json:#}");
    assert!(now_ms(&json, "latency.p99") > 400.0, "{json:#}");
    assert!(now_ms(&json, "latency.p50") < 200.0, "{json:#}");
    assert_eq!(json["summary"]["now"]["answered"], 1000);
}

#[test]
fn timeouts_stay_in_the_percentiles_as_lower_bounds() {
    let server = Server::start(Manner::Hanging { every: 50 });
    let place = Workplace::new();
    let limit = "[[threshold]]\nmetric = \"latency.p99\"\nmax = \"100ms\"\n";
    let file = place.write("truth.toml", &scenario(&server.url(), "1s", limit));
    let ended = place
        .run(&["run", &file.to_string_lossy(), "--json"])
        .exits(1);
    let json = ended.json();
    let p99 = row(&json, "latency.p99");
    assert_eq!(p99["now"]["kind"], "at-least", "{p99:#}");
    assert!(now_ms(&json, "latency.p99") >= 1000.0, "{p99:#}");
    assert_eq!(p99["limit"], "broken", "{p99:#}");
    assert_eq!(
        json["summary"]["now"]["failed"]["timeout-total"], 20,
        "{json:#}"
    );
    assert_eq!(server.requests(), 1000);
}
