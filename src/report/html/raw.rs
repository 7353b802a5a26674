//! The section of numbers for other programs: how to get all of them, and the series behind the charts
//! of time as CSV.

use serde::Serialize;

use crate::model::Origin;
use crate::report::view::{Point, Timeline, View};

/// Columns of the series; rates are per second.
const HEAD: &str = "at_s,asked,sent,answered,failed,p50_ns,cpu_cores,rss_bytes";

/// What the template takes.
#[derive(Debug, Serialize)]
pub(super) struct Raw {
    /// What is written, and the command that does it.
    exports: Vec<(&'static str, String)>,
    sides: Vec<Side>,
}

/// What a file of all that was recorded holds, and its name.
const EXPORTS: [(&str, &str); 4] = [
    ("Every second, a line each", "run.jsonl"),
    ("Histograms, as an HdrHistogram log", "run.hlog"),
    ("The summary as a table", "run.csv"),
    ("The summary for machines", "run.json"),
];

#[derive(Debug, Serialize)]
struct Side {
    title: String,
    text: String,
}

/// None of values that were compared and are not stored.
pub(super) fn raw(view: &View) -> Option<Raw> {
    let manifest = &view.facts.manifest;
    if manifest.origin == Some(Origin::Values) {
        return None;
    }
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let run = if manifest.id.chars().all(is_plain) {
        manifest.id.as_str()
    } else {
        "RUN"
    };
    let exports = EXPORTS.map(|(what, file)| (what, format!("plimsoll report {run} -o {file}")));
    let now = side("Now, moment by moment", &view.timeline);
    let before = view.timeline_before.as_ref();
    let before = before.and_then(|t| side("Before, moment by moment", t));
    Some(Raw {
        exports: exports.to_vec(),
        sides: now.into_iter().chain(before).collect(),
    })
}

fn side(title: &str, timeline: &Timeline) -> Option<Side> {
    (!timeline.is_empty()).then(|| {
        let lines = timeline.points.iter().map(line);
        let text: Vec<String> = std::iter::once(HEAD.to_owned()).chain(lines).collect();
        Side {
            title: title.to_owned(),
            text: text.join("\n"),
        }
    })
}

fn line(point: &Point) -> String {
    let known = [
        Some(point.at),
        Some(point.asked),
        Some(point.sent),
        Some(point.answered),
        Some(point.failed),
        point.p50,
        point.cpu,
        point.rss,
    ];
    let cells = known.map(|value| value.map(number).unwrap_or_default());
    cells.join(",")
}

/// Three decimals at most; nothing for what is no number.
fn number(value: f64) -> String {
    if !value.is_finite() {
        return String::new();
    }
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    #[test]
    fn every_moment_has_a_line_of_numbers() {
        let view = View::new(&fixture::run(), None);
        let raw = raw(&view).expect("a stored run");
        assert_eq!(raw.sides.len(), 2);
        assert_eq!(
            raw.exports[0].1,
            "plimsoll report 20261122-091500-9f3c -o run.jsonl"
        );
        let mut reader = csv::Reader::from_reader(raw.sides[0].text.as_bytes());
        let rows: Vec<_> = reader.records().map(|row| row.expect("a row")).collect();
        assert_eq!(rows.len(), 70);
        assert_eq!((&rows[3][0], &rows[3][1]), ("3.5", "200"));
        for cell in rows.iter().flatten() {
            assert!(cell.is_empty() || cell.parse::<f64>().is_ok(), "{cell}");
        }
    }

    #[test]
    fn a_hostile_name_of_a_run_is_in_no_command() {
        let view = View::new(&fixture::hostile_run(), None);
        let raw = raw(&view).expect("a stored run");
        let mut commands = raw.exports.iter().map(|(_, command)| command);
        assert!(commands.all(|c| c.starts_with("plimsoll report RUN -o ")));
    }
}
