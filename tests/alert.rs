//! Expressions have the values that a real Prometheus gives them; `tests/data/alert/generate.py`
//! asks it.

use std::collections::BTreeMap;
use std::fs;

use plimsoll::alert::{Answer, Expression};
use plimsoll::model::SeriesName;
use plimsoll::series::Table;
use proptest::prelude::*;
use serde::Deserialize;

#[derive(Deserialize)]
struct Stored {
    metric: String,
    labels: BTreeMap<String, String>,
    points: Vec<(f64, f64)>,
}

#[derive(Deserialize)]
struct Answers {
    prometheus: String,
    answers: Vec<Asked>,
}

#[derive(Deserialize)]
struct Asked {
    expr: String,
    at: f64,
    #[serde(default)]
    series: Vec<(BTreeMap<String, String>, String)>,
    error: Option<String>,
}

fn table() -> Table {
    let text = fs::read_to_string("tests/data/alert/series.json").expect("series");
    let all: Vec<Stored> = serde_json::from_str(&text).expect("series");
    let mut table = Table::default();
    for series in all {
        let name = SeriesName {
            metric: series.metric,
            labels: series.labels,
        };
        for (at, value) in series.points {
            table.add(name.clone(), at, value);
        }
    }
    table
}

fn close(ours: f64, theirs: f64) -> bool {
    if ours.is_nan() || theirs.is_nan() {
        return ours.is_nan() && theirs.is_nan();
    }
    ours.total_cmp(&theirs).is_eq() || (ours - theirs).abs() <= 1e-9 * theirs.abs().max(1e-300)
}

/// By labels, but in the order given where the expression sorts.
fn differs(asked: &Asked, ours: &[Answer]) -> Option<String> {
    let mut ours = ours.to_vec();
    let mut theirs: Vec<Answer> = asked
        .series
        .iter()
        .map(|(labels, value)| (labels.clone(), value.parse().expect("a number")))
        .collect();
    if !asked.expr.starts_with("sort") {
        ours.sort_by(|a, b| a.0.cmp(&b.0));
        theirs.sort_by(|a, b| a.0.cmp(&b.0));
    }
    let same = ours.len() == theirs.len()
        && ours
            .iter()
            .zip(&theirs)
            .all(|(a, b)| a.0 == b.0 && close(a.1, b.1));
    let shown = || {
        format!(
            "{} at {}\n  ours   {ours:?}\n  theirs {theirs:?}",
            asked.expr, asked.at
        )
    };
    (!same).then(shown)
}

#[test]
fn values_are_those_of_prometheus() {
    let text = fs::read_to_string("tests/data/alert/answers.json").expect("answers");
    let all: Answers = serde_json::from_str(&text).expect("answers");
    assert_eq!(all.prometheus, "2.42.0+ds");
    let table = table();
    let mut wrong = Vec::new();
    let mut expressions: Vec<&str> = Vec::new();
    for asked in &all.answers {
        expressions.push(&asked.expr);
        let expr = match Expression::parse(&asked.expr) {
            Ok(expr) => expr,
            Err(fault) => {
                wrong.push(format!("{}: {}", asked.expr, fault.message));
                continue;
            }
        };
        match (expr.at(&table, asked.at), &asked.error) {
            (Ok(ours), None) => wrong.extend(differs(asked, &ours)),
            (Err(_), Some(_)) => {}
            (Err(error), None) => wrong.push(format!("{} at {}: {error}", asked.expr, asked.at)),
            (Ok(_), Some(error)) => wrong.push(format!("{} at {}: {error}", asked.expr, asked.at)),
        }
    }
    expressions.dedup();
    assert!(expressions.len() >= 50, "{}", expressions.len());
    assert!(
        wrong.is_empty(),
        "{} of {} answers differ:\n{}",
        wrong.len(),
        all.answers.len(),
        wrong.join("\n")
    );
}

#[test]
fn what_is_wrong_is_refused_with_its_place() {
    for (text, at, message) in [
        (
            "",
            "",
            "the expression ends where a series, a number or a function is expected",
        ),
        (
            "sum(x",
            "",
            "the expression ends where `,` or `)` is expected",
        ),
        (
            "a +",
            "",
            "the expression ends where a series, a number or a function is expected",
        ),
        ("a b", "b", "there is `b` where an operator is expected"),
        (
            "rate(x)",
            "x",
            "`rate` takes series over a stretch of time, such as requests_total[1m], and this is series",
        ),
        ("rat(x[1m])", "rat", "there is no function `rat`"),
        (
            "x[5m]",
            "x[5m]",
            "the expression is series over a stretch of time, such as requests_total[1m], which is no value",
        ),
        (
            "holt_winters(x[5m], 1, 1)",
            "holt_winters",
            "`holt_winters` is not supported",
        ),
        (
            "max_over_time(rate(x[1m])[5m:1m])",
            "[",
            "a subquery is not supported",
        ),
        (
            "max_over_time(x[5m:1m])",
            ":",
            "a subquery is not supported",
        ),
        ("x @ 5", "@", "`@` is not supported"),
        ("x offset -5m", "-", "a negative offset is not supported"),
        (
            "count_values(\"a\", x)",
            "count_values",
            "`count_values` is not supported",
        ),
        ("1 > 2", ">", "two numbers are compared without `bool`"),
        (
            "x and 1",
            "and",
            "`and`, `or` and `unless` stand between series",
        ),
        ("x + bool y", "bool", "`bool` belongs to a comparison"),
        (
            "{a=\"\"}",
            "{a=\"\"}",
            "a selector needs a name, or a label that may not be empty",
        ),
        (
            "x{a=~\"(\"}",
            "\"(\"",
            "the pattern cannot be used: unclosed group",
        ),
        (
            "x and on (a) group_left y",
            "group_left",
            "`group_left` has no meaning with and, or and unless",
        ),
        ("topk(x)", "(x)", "`topk` takes 2, not 1"),
        ("clamp(x, 1)", "clamp", "`clamp` takes 3, not 2"),
        (
            "'a'",
            "'a'",
            "the expression is a text in quotes, which is no value",
        ),
        (
            "-x[1m]",
            "x[1m]",
            "a sign stands before series over a stretch of time, such as requests_total[1m]",
        ),
    ] {
        let fault = Expression::parse(text).expect_err(text);
        assert_eq!(fault.message, message, "{text}");
        assert_eq!(&text[fault.span], at, "{text}");
    }
    let deep = format!("{}x{}", "(".repeat(5000), ")".repeat(5000));
    let long = format!("x{}", " + x".repeat(4000));
    for text in [deep, long, "-".repeat(16_000), "x".repeat(20_000)] {
        assert!(Expression::parse(&text).is_err());
    }
}

/// Texts of the pieces that expressions are made of.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "x",
        "requests_total",
        "{",
        "}",
        "(",
        ")",
        "[",
        "]",
        "5m",
        "1",
        "0x",
        "1e",
        "'",
        "\"",
        "\\",
        "=",
        "=~",
        "!~",
        ",",
        "+",
        "-",
        "^",
        "%",
        "and",
        "or",
        "unless",
        "on",
        "ignoring",
        "bool",
        "group_left",
        "offset",
        "by",
        "without",
        "sum",
        "topk",
        "rate",
        "histogram_quantile",
        "label_replace",
        "ä",
        "#",
        "\n",
        " ",
        "NaN",
        "@",
        ":",
        "code",
        "\"5..\"",
    ]);
    prop::collection::vec(piece, 0..20).prop_map(|pieces| pieces.join(" "))
}

fn survives(text: &str) {
    match Expression::parse(text) {
        Ok(expr) => drop(expr.at(&table(), 300.0)),
        Err(fault) => assert!(text.get(fault.span).is_some(), "{text:?}"),
    }
}

proptest! {
    #[test]
    fn any_text_is_read_without_panic(text in "(?s).{0,80}") {
        survives(&text);
    }

    #[test]
    fn any_pieces_are_read_without_panic(text in pieces()) {
        survives(&text);
    }
}

mod common;

use common::Workplace;

const SCENARIO: &str = r#"
name = "watched"

[target]
command = ["plimsoll", "demo-target", "--port", "{port}"]
ready = { get = "/health", status = 200, within = "20s" }

[[step]]
name = "home"
request = "GET /"

[[phase]]
name = "steady"
rate = "100/s"
duration = "3s"

[[alert]]
name = "Answers"
expr = "sum(plimsoll_answered_total) > 1"
for = "1s"
severity = "warning"
annotations = { summary = "it <b>answers</b> {{ printf \"%.0f\" $value }} times" }

[[alert]]
name = "Silence"
expr = "absent(plimsoll_answered_total)"
severity = "critical"
"#;

#[test]
fn an_alert_fires_live_fails_the_run_when_asked_and_is_the_same_from_the_record() {
    let place = Workplace::new();
    place.write("scenarios/watched.toml", SCENARIO);
    place.write(
        "rules.yml",
        r#"groups:
- name: again
  rules:
  - alert: Answers
    expr: sum(plimsoll_answered_total) > 1
    for: 1s
    labels: {severity: warning}
    annotations:
      summary: 'it <b>answers</b> {{ printf "%.0f" $value }} times'
  - alert: Silence
    expr: absent(plimsoll_answered_total)
    labels: {severity: critical}
"#,
    );
    let passed = place.run(&[
        "run",
        "watched",
        "--fail-on-alert",
        "critical",
        "-o",
        "json:-",
    ]);
    let passed = passed.exits(0).json();
    assert_eq!(passed["alerts"][1]["state"], "firing", "{passed}");
    let hint = |json: &serde_json::Value| json["findings"].to_string().contains("PL0340");
    assert!(hint(&passed), "{passed}");

    let args = [
        "run",
        "watched",
        "--fail-on-alert",
        "warning",
        "-o",
        "json:-",
        "-o",
        "report.html",
    ];
    let ended = place.run(&args).exits(1);
    assert!(
        ended
            .stderr
            .contains("alert Answers (warning) firing: it <b>answers</b>")
    );
    let failed = ended.json();
    let headline = failed["verdict"]["headline"].as_str().expect("a headline");
    assert!(
        headline.starts_with("alert Answers (warning) fired at 2 s of round 1: it <b>answers</b>")
    );
    let states = failed["alerts"].as_array().expect("a list").iter();
    let states: Vec<_> = states.map(|a| (&a["at"], a["state"].as_str())).collect();
    assert_eq!(states.len(), 2, "{failed}");
    assert_eq!(states[0].1, Some("pending"));
    assert_eq!(states[1].1, Some("firing"));
    let page = std::fs::read_to_string(place.path().join("report.html")).expect("a page");
    assert!(page.contains("id=\"alerts\""));
    assert!(!page.contains("<b>answers"), "text of a rule is escaped");

    let again = place.run(&["report", "last", "--rules", "rules.yml", "-o", "json:-"]);
    let again = again.exits(0).json();
    assert_eq!(again["alerts"], failed["alerts"]);
    let stored = place
        .run(&["report", "last", "-o", "json:-"])
        .exits(0)
        .json();
    assert_eq!(stored["alerts"], failed["alerts"]);
    assert_eq!(stored["verdict"], failed["verdict"]);
}

#[test]
fn rules_that_cannot_be_used_are_refused_before_anything_is_sent() {
    let place = Workplace::new();
    place.write("scenarios/watched.toml", SCENARIO);
    place.write(
        "bad.yml",
        "groups:\n- name: a\n  rules:\n  - alert: A\n    expr: rate(x)\n",
    );
    let refused = place
        .run(&["run", "watched", "--rules", "bad.yml"])
        .exits(2);
    assert!(
        refused.stderr.contains("bad.yml:5:16"),
        "{}",
        refused.stderr
    );
    let missing = place
        .run(&["check", "watched", "--rules", "none.yml"])
        .exits(2);
    assert!(missing.stderr.contains("PL0720"), "{}", missing.stderr);
    let bare = SCENARIO.split("[[alert]]").next().expect("a beginning");
    place.write("scenarios/bare.toml", bare);
    let nothing = place
        .run(&["run", "bare", "--fail-on-alert", "any"])
        .exits(2);
    assert!(nothing.stderr.contains("has no alert to go by"));
    assert!(place.runs().is_empty());
}

#[test]
fn the_rules_that_come_along_are_read() {
    let text = fs::read_to_string("scenarios/rules/service.yml").expect("rules");
    let file = plimsoll::diagnostic::SourceFile {
        name: "service.yml".to_owned(),
        text: text.into(),
    };
    let alerts = plimsoll::alert::parse_rules(&file).expect("alerts");
    let names: Vec<&str> = alerts.iter().map(|a| a.name.as_str()).collect();
    assert_eq!(
        names,
        ["ConnectionPoolNearlyFull", "ManyRetries", "ManyTimeouts"]
    );
}
