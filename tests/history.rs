//! `plimsoll history`, end to end, on runs made by the project's own writer.

mod common;
#[path = "common/history.rs"]
mod made;

use common::Workplace;
use made::{Ending, Made, scatter, write_many};
use plimsoll::model::Mode;

/// Forty runs of 8 ms, then 8.8 ms.
fn place() -> Workplace {
    let place = Workplace::new();
    write_many(place.path(), "shop", 40);
    place
}

#[test]
fn a_change_is_shown_with_its_date_and_commit() {
    let place = place();
    let ended = place.run(&["history", "shop"]).exits(0);
    insta::assert_snapshot!(ended.stdout);
    assert!(
        ended.stderr.contains("plimsoll history accept shop"),
        "{}",
        ended.stderr
    );
    let ascii = place
        .command(&["history", "shop"])
        .env("LANG", "C")
        .output()
        .expect("the binary starts");
    assert!(
        ascii.stdout.is_ascii(),
        "{}",
        String::from_utf8_lossy(&ascii.stdout)
    );
}

#[test]
fn a_history_is_information_unless_it_is_to_fail() {
    let place = place();
    let fails = ["history", "shop", "--fail-on-change"];
    place.run(&fails).exits(1);
    let accept = [
        "history",
        "accept",
        "shop",
        "--reason",
        "the new index costs this",
    ];
    let said = place.run(&accept).exits(0).stdout;
    assert!(
        said.contains("latency.p50") && said.contains("over 10 runs"),
        "{said}"
    );
    place.run(&fails).exits(0);
    let json = place
        .run(&["history", "shop", "--metric", "latency.p50", "--json"])
        .exits(0)
        .json();
    assert_eq!(json["schema"], 1);
    let metric = &json["metrics"][0];
    assert_eq!(metric["accepted"]["reason"], "the new index costs this");
    assert_eq!(metric["accepted"]["by"], "tester");
    assert_eq!(metric["against_accepted"]["verdict"], "unchanged");
    let change = &metric["changes"][0];
    assert_eq!(change["run"], Made::of("shop", 20, 0.0).id());
    assert_eq!(change["commit"], Made::of("shop", 20, 0.0).commit());
    assert_eq!(
        (&change["accepted"], &change["worse"]),
        (&true.into(), &true.into())
    );
    // A step that nobody accepted, and too young to be sure of: the level already tells.
    for number in 40..44 {
        Made::of("shop", number, 11e6 * scatter(number)).write(place.path());
    }
    place.run(&fails).exits(1);
}

#[test]
fn an_acceptance_adds_a_file_and_changes_none() {
    let place = place();
    let levels = place.path().join("baselines/shop/levels");
    let read = || {
        let mut all: Vec<_> = std::fs::read_dir(&levels)
            .map(|all| all.flatten().map(|e| e.path()).collect())
            .unwrap_or_default();
        all.sort();
        all
    };
    for (n, reason) in ["first", "second"].into_iter().enumerate() {
        let args = [
            "history",
            "accept",
            "shop",
            "--metric",
            "latency.p99",
            "--reason",
            reason,
        ];
        place.run(&args).exits(0);
        assert_eq!(read().len(), n + 1);
    }
    // The ledger of baselines in the same folder does not mind.
    place.run(&["baseline", "list"]).exits(0);
}

#[test]
fn what_is_not_of_the_target_does_not_enter() {
    let place = place();
    let ordinary = place.run(&["history", "shop", "--json"]).exits(0).json();
    let root = place.path();
    let slow = |number| Made::of("shop", number, 50e6);
    Made {
        ending: Ending::Interrupted,
        ..slow(50)
    }
    .write(root);
    Made {
        ending: Ending::Killed,
        ..slow(51)
    }
    .write(root);
    // Its latency is left out and its CPU is not.
    Made {
        spoiled: true,
        cpu: 0.88e6,
        ..slow(52)
    }
    .write(root);
    let json = place.run(&["history", "shop", "--json"]).exits(0).json();
    let left_out: Vec<_> = json["left_out"]
        .as_array()
        .expect("a list")
        .iter()
        .collect();
    assert_eq!(left_out.len(), 2, "{left_out:?}");
    let of = |json: &serde_json::Value, name: &str| {
        let metrics = json["metrics"].as_array().expect("a list").clone();
        metrics
            .into_iter()
            .find(|m| m["metric"] == name)
            .expect("the metric")
    };
    let values = of(&json, "latency.p50")["values"]
        .as_array()
        .expect("values")
        .clone();
    assert_eq!(values.len(), 41);
    assert!(values[40].is_null());
    assert!(of(&json, "cpu.per-request")["values"][40].is_number());
    assert_eq!(
        of(&json, "latency.p50")["changes"],
        of(&ordinary, "latency.p50")["changes"]
    );
}

#[test]
fn an_interleaved_run_adds_its_new_side_only() {
    let place = Workplace::new();
    for number in 0..12 {
        let mode = if number % 2 == 0 {
            Mode::Interleaved
        } else {
            Mode::Measure
        };
        let run = Made::of("shop", number, 8e6 * scatter(number));
        Made {
            mode,
            rounds: 2,
            ..run
        }
        .write(place.path());
    }
    let json = place
        .run(&["history", "shop", "--metric", "latency.p50", "--json"])
        .exits(0)
        .json();
    let values = json["metrics"][0]["values"].as_array().expect("values");
    assert_eq!(values.len(), 12);
    for value in values {
        let value = value.as_f64().expect("a number");
        assert!((7.5e6..8.5e6).contains(&value), "{value}");
    }
}

#[test]
fn another_plan_or_machine_begins_a_new_series() {
    let place = Workplace::new();
    for number in 0..30 {
        let run = Made::of("shop", number, 4e6 * scatter(number));
        match number {
            0..10 => Made {
                plan_hash: "other".into(),
                ..run
            }
            .write(place.path()),
            10..15 => Made {
                cores: 2,
                latency: 16e6,
                ..run
            }
            .write(place.path()),
            _ => Made {
                latency: 8e6 * scatter(number),
                ..run
            }
            .write(place.path()),
        }
    }
    let ended = place
        .run(&["history", "shop", "--metric", "latency.p50"])
        .exits(0);
    insta::assert_snapshot!(ended.stdout);
}

#[test]
fn a_part_of_a_history_can_be_asked_for() {
    let place = place();
    let points = |args: &[&str]| {
        let mut words = vec!["history", "shop", "--json"];
        words.extend(args);
        let json = place.run(&words).exits(0).json();
        json["points"].as_array().map(Vec::len).expect("points")
    };
    assert_eq!(points(&["--last", "7"]), 7);
    assert_eq!(points(&["--since", "2026-01-01T09:00:00Z"]), 4);
    assert_eq!(points(&["--since", "2027-01-01"]), 0);
    place
        .run(&["history", "shop", "--since", "2027-01-01"])
        .exits(0);
    place
        .run(&["history", "shop", "--since", "yesterday"])
        .exits(2);
    let unknown = place
        .run(&["history", "shop", "--metric", "latency.p98"])
        .exits(2);
    assert!(unknown.stderr.contains("PL0231"), "{}", unknown.stderr);
}

#[test]
fn a_scenario_without_runs_says_so() {
    let place = Workplace::new();
    let ended = place.run(&["history", "shop"]).exits(2);
    assert!(ended.stderr.contains("PL0230"), "{}", ended.stderr);
    let run = Made::of("shop", 0, 8e6);
    Made {
        ending: Ending::Killed,
        ..run
    }
    .write(place.path());
    let ended = place.run(&["history", "shop"]).exits(2);
    assert!(ended.stderr.contains("1 partial"), "{}", ended.stderr);
    place.run(&["history"]).exits(2);
}

#[test]
fn a_file_of_values_is_answered_without_any_run() {
    let place = Workplace::new();
    let rows: String = (0..30)
        .map(|i| {
            let level = if i < 15 { 8.0 } else { 9.0 };
            format!(
                "2026-11-{:02},{i:02}c0ffee,{:.3}ms,{}\n",
                i + 1,
                level * scatter(i),
                40
            )
        })
        .collect();
    place.write(
        "values.csv",
        &format!("date,commit,latency.p50,threads.peak\n{rows}"),
    );
    let ended = place.run(&["history", "--series", "values.csv"]).exits(0);
    insta::assert_snapshot!(ended.stdout);
    assert!(!place.path().join("reports").exists());
    let fails = ["history", "--series", "values.csv", "--fail-on-change"];
    place.run(&fails).exits(1);
    place.write("bad.csv", "date,latency.p50\n2026-11-22,fast\nsoon,1ms\n");
    let ended = place.run(&["history", "--series", "bad.csv"]).exits(2);
    insta::assert_snapshot!(ended.stderr);
    place.run(&["history", "--series", "missing.csv"]).exits(2);
    place
        .run(&["history", "shop", "--series", "values.csv"])
        .exits(2);
}

#[test]
fn a_deleted_index_changes_no_byte_of_the_answer() {
    let place = place();
    let first = place.run(&["history", "shop", "--json"]).exits(0).stdout;
    let index = place.path().join("reports/.history.sqlite");
    std::fs::remove_file(&index).expect("there is an index");
    assert_eq!(
        place.run(&["history", "shop", "--json"]).exits(0).stdout,
        first
    );
    std::fs::write(&index, b"garbage").expect("writes");
    assert_eq!(
        place.run(&["history", "shop", "--json"]).exits(0).stdout,
        first
    );
}

/// What the page of a run says of the runs before it.
fn past(place: &Workplace, run: &str) -> Option<String> {
    place.run(&["report", run, "-o", "report.html"]).exits(0);
    let page = std::fs::read_to_string(place.path().join("report.html")).expect("written");
    let section = page.split_once("<section id=\"runs\"")?.1;
    Some(
        section
            .split_once("</section>")
            .expect("its end")
            .0
            .to_owned(),
    )
}

#[test]
fn the_page_of_a_run_has_the_runs_up_to_it_and_none_after() {
    let place = place();
    let last = past(&place, "last").expect("a history");
    assert!(
        last.contains("40 runs, 2026-01-01 … 2026-01-01: "),
        "{last:.2000}"
    );
    assert!(last.contains("Changes of level") && last.contains("latency.p50"));
    let tenth = Made::of("shop", 9, 0.0).id();
    let early = past(&place, &tenth).expect("a history");
    assert!(early.contains("10 runs, ") && early.contains("no change of level was found"));
    assert!(early.contains("none accepted"), "{early:.2000}");
    // What came later changes nothing.
    place
        .run(&["history", "accept", "shop", "--reason", "later"])
        .exits(0);
    Made::of("shop", 40, 20e6).write(place.path());
    assert_eq!(past(&place, &tenth), Some(early));
    assert!(past(&place, "last").expect("a history").contains("41 runs"));
    // The first run has none before it, and a copy elsewhere is none of this project's.
    assert_eq!(past(&place, &Made::of("shop", 0, 0.0).id()), None);
    let elsewhere = Workplace::new();
    let folder = Made::of("shop", 9, 0.0).folder(place.path());
    assert_eq!(past(&elsewhere, &folder.to_string_lossy()), None);
    assert!(
        !elsewhere.path().join("reports").exists(),
        "nothing is left behind"
    );
}
