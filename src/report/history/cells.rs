//! A history in words: its headline, the cells of its tables and its footnotes, whoever lays them out.

use crate::model::{AgainstAccepted, History, Point, Series, Shift, Trend, Verdict};
use crate::report::view::Tone;
use crate::report::words;
use crate::untrusted::Untrusted;

/// Letters of a commit.
const COMMIT: usize = 10;

/// Columns of [`level_cells`].
pub(in crate::report) const LEVEL_COLUMNS: [&str; 6] = [
    "metric",
    "level",
    "accepted",
    "change",
    "95 %",
    "against the accepted level",
];

/// Columns of [`shift_cells`].
pub(in crate::report) const SHIFT_COLUMNS: [&str; 7] = [
    "since", "commit", "version", "metric", "change", "level", " ",
];

pub(in crate::report) fn shown(text: &str) -> String {
    Untrusted::new(text).terminal()
}

/// `24 runs, 2026-11-01 … 2026-11-24`
pub(in crate::report) fn span(history: &History) -> String {
    let runs = words::plural(history.points.len(), "run");
    match (history.points.first(), history.points.last()) {
        (Some(first), Some(last)) if !first.at.is_empty() && !last.at.is_empty() => {
            format!("{runs}, {} … {}", day(&first.at), day(&last.at))
        }
        _ => runs,
    }
}

/// Which metrics are worse, without a sign.
pub(in crate::report) fn conclusion(history: &History) -> (Tone, String) {
    let worse: Vec<String> = history
        .trends
        .iter()
        .filter(|t| t.is_worse())
        .map(|t| shown(&t.series.measure.name))
        .collect();
    if worse.is_empty() {
        return (Tone::Plain, "nothing got worse".to_owned());
    }
    let verb = if worse.len() == 1 { "is" } else { "are" };
    (Tone::Bad, format!("{} {verb} worse", words::listed(&worse)))
}

/// The day of a date; all of it where it is no date.
pub(in crate::report) fn day(at: &str) -> String {
    shown(at.get(..10).unwrap_or(at))
}

/// The date of a point, or else its name.
pub(in crate::report) fn since(point: &Point) -> String {
    if point.at.is_empty() {
        shown(&point.run)
    } else {
        day(&point.at)
    }
}

pub(in crate::report) fn commit(point: &Point) -> String {
    shown(point.revision.get(..COMMIT).unwrap_or(&point.revision))
}

/// How the present level stands against the accepted one.
pub(in crate::report) fn against(trend: &Trend) -> Option<&AgainstAccepted> {
    trend.present.as_ref().and_then(|p| p.against.as_ref())
}

pub(in crate::report) fn level_cells(trend: &Trend) -> [String; LEVEL_COLUMNS.len()] {
    let unit = trend.series.measure.unit;
    let against = against(trend);
    [
        shown(&trend.series.measure.name),
        trend
            .present
            .as_ref()
            .map_or("–".to_owned(), |p| unit.format(p.level)),
        against.map_or(String::new(), |a| unit.format(a.level)),
        against.map_or(String::new(), |a| words::change(a.change, a.is_points)),
        against
            .and_then(|a| Some(words::interval(a.interval?, a.is_points)))
            .unwrap_or_default(),
        standing(trend, against),
    ]
}

/// A sign and a word; what is not accepted has neither.
fn standing(trend: &Trend, against: Option<&AgainstAccepted>) -> String {
    let Some(against) = against else {
        return "none accepted".to_owned();
    };
    let by = trend.series.accepted.as_ref().map_or(String::new(), |a| {
        let how = if a.is_baseline {
            "baseline"
        } else {
            "accepted"
        };
        format!(", {how} {}", day(&a.at))
    });
    format!("{} {}{by}", against.verdict.sign(), against.verdict)
}

/// Every change of level with its series, oldest first.
pub(in crate::report) fn shifts(history: &History) -> Vec<(&Shift, &Series)> {
    let trends = history.trends.iter();
    let all = trends.flat_map(|t| t.shifts.iter().map(move |s| (s, &t.series)));
    let mut found: Vec<_> = all.collect();
    found.sort_by_key(|(s, _)| s.at);
    found
}

pub(in crate::report) const fn tone_of_shift(shift: Shift) -> Tone {
    match (shift.candidate, shift.is_worse) {
        (true, _) => Tone::Warn,
        (false, true) => Tone::Bad,
        (false, false) => Tone::Good,
    }
}

/// `points` are those of the history.
pub(in crate::report) fn shift_cells(
    points: &[Point],
    shift: Shift,
    series: &Series,
) -> [String; SHIFT_COLUMNS.len()] {
    let unit = series.measure.unit;
    let verdict = if shift.is_worse {
        Verdict::Regressed
    } else {
        Verdict::Improved
    };
    let point = &points[shift.at];
    [
        since(point),
        commit(point),
        shown(&point.version),
        shown(&series.measure.name),
        format!(
            "{} {}",
            verdict.sign(),
            words::change(shift.change(), false)
        ),
        format!(
            "{} → {}",
            unit.format(shift.before),
            unit.format(shift.after)
        ),
        state(shift).to_owned(),
    ]
}

const fn state(shift: Shift) -> &'static str {
    match (shift.candidate, shift.accepted) {
        (true, _) => "candidate: fewer than 5 runs yet",
        (false, true) => "accepted",
        (false, false) => "confirmed",
    }
}

/// What was not compared, and why there may be less than a reader looks for.
pub(in crate::report) fn footnotes(history: &History) -> Vec<String> {
    let mut notes = Vec::new();
    for trend in &history.trends {
        if let Some(note) = &trend.note {
            notes.push(format!("{}: {note}", shown(&trend.series.measure.name)));
        }
    }
    notes.extend(not_compared(history));
    notes
}

/// Which runs the levels are not of.
pub(in crate::report) fn not_compared(history: &History) -> Vec<String> {
    let others = history.others.iter().map(|other| {
        format!(
            "a new series began: {} until {} not compared ({})",
            words::plural(other.runs, "run"),
            day(&other.until),
            shown(&other.differs.join(", "))
        )
    });
    let left_out = history
        .left_out
        .iter()
        .map(|(why, n)| format!("left out: {}, {}", words::plural(*n, "run"), shown(why)));
    others.chain(left_out).collect()
}
