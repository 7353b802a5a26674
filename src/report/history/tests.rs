//! A small history in every way it is shown.

use super::{history_json, history_text};
use crate::judge::trace;
use crate::model::{AcceptedLevel, History, Measure, OtherSeries, Point, Series};
use crate::report::TextStyle;
use crate::report::text::Verbosity;

pub(in crate::report) fn history() -> History {
    let points: Vec<Point> = (0..24)
        .map(|i| Point {
            run: format!("202611{:02}T090000Z-0000{i:04x}", i + 1),
            at: format!("2026-11-{:02}T09:00:00Z", i + 1),
            version: "0.1.0".into(),
            revision: format!("{i:02x}3c1a2b7d8e").into(),
        })
        .collect();
    let wobble = [0.3, -1.1, 0.8, -0.2, 1.2, -0.7, 0.1, -0.9, 0.6, -0.1];
    let values = |scale: &dyn Fn(usize) -> f64| -> Vec<f64> {
        (0..24)
            .map(|i| scale(i) * (1.0 + 0.004 * wobble[i * 7 % 10]))
            .collect()
    };
    let accepted = |values: &[f64]| AcceptedLevel {
        values: values[..8].to_vec(),
        at: "2026-11-08T10:00:00Z".into(),
        by: "ada".into(),
        reason: "as \u{1b}[31mreleased".into(),
        run: points[7].run.clone(),
        is_baseline: false,
    };
    let latency = values(&|i| if i < 12 { 8e6 } else { 9e6 });
    let cpu = values(&|i| if i < 21 { 1e5 } else { 9e4 });
    let series = [
        ("latency.p50", latency.clone(), Some(accepted(&latency))),
        ("cpu.per-request", cpu, None),
        ("errors.rate", vec![0.0; 24], Some(accepted(&[0.0; 24]))),
    ];
    History {
        name: "checkout".into(),
        trends: series
            .into_iter()
            .map(|(name, values, accepted)| {
                let measure = Measure::named(name);
                trace(
                    Series {
                        measure,
                        values,
                        accepted,
                    },
                    &points,
                )
            })
            .collect(),
        points,
        others: vec![OtherSeries {
            runs: 40,
            until: "2026-10-30T09:00:00Z".into(),
            differs: vec!["another plan".into()],
        }],
        left_out: vec![("interrupted".into(), 2)],
    }
}

#[test]
fn the_text_at_100_columns() {
    insta::assert_snapshot!(history_text(&history(), TextStyle::default()));
}

#[test]
fn the_text_at_60_columns_in_ascii() {
    let style = TextStyle {
        width: 60,
        unicode: false,
        ..TextStyle::default()
    };
    let text = history_text(&history(), style);
    assert!(text.is_ascii(), "{text}");
    insta::assert_snapshot!(text);
}

#[test]
fn quiet_is_the_headline() {
    let style = TextStyle {
        verbosity: Verbosity::Quiet,
        ..TextStyle::default()
    };
    insta::assert_snapshot!(history_text(&history(), style));
}

#[test]
fn the_json_names_every_change_with_its_run() {
    let mut history = history();
    history.trends.truncate(1);
    let text = history_json(&history);
    let whole: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(whole["points"].as_array().map(Vec::len), Some(24));
    let mut metric = whole["metrics"][0].clone();
    assert_eq!(metric["values"].as_array().map(Vec::len), Some(24));
    metric["values"] = serde_json::Value::Null;
    // The last digits of probabilities are those of the machine's mathematics.
    let p = metric["changes"][0]["p"].take();
    assert!(p.as_f64().is_some_and(|p| p < 1e-5), "{p}");
    for (at, key) in [
        ("level", "value"),
        ("accepted", "value"),
        ("against_accepted", "interval"),
        ("against_accepted", "change"),
    ] {
        assert!(!metric[at][key].is_null(), "{at}.{key}");
        metric[at][key] = serde_json::Value::Null;
    }
    for key in ["before", "after", "change"] {
        assert!(metric["changes"][0][key].take().is_f64(), "{key}");
    }
    insta::assert_snapshot!(format!("{metric:#}"));
}
