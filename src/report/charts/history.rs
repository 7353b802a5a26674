//! What became of the usual metrics over the runs of a scenario: a dot for each run, the levels between
//! changes, and the level that was accepted.

use crate::model::{History, Shift, Trend};
use crate::report::history::{commit, shifts, shown, since, span};
use crate::report::words;

use super::Ink;
use super::axis::Axis;
use super::canvas::{Anchor, Canvas};
use super::change::clipped;
use super::chart::{Chart, Key};

/// Height of one metric's strip.
const STRIP: f64 = 112.0;
const FOOT: f64 = 26.0;
/// Most metrics that are drawn; the table of levels has all.
const MOST: usize = 6;
/// Most runs that are drawn, and that have a row: the latest.
const MOST_RUNS: usize = 200;
const MOST_ROWS: usize = 50;

/// Draws a strip for each metric; None when none has two values.
pub(in crate::report) fn history_plot(history: &History) -> Option<Chart> {
    let known = |t: &&Trend| t.series.values.iter().filter(|v| v.is_finite()).count() > 1;
    let trends: Vec<&Trend> = history.trends.iter().filter(known).take(MOST).collect();
    if trends.is_empty() {
        return None;
    }
    let runs = history.points.len();
    let first = runs.saturating_sub(MOST_RUNS);
    let rows: Vec<usize> = (runs.saturating_sub(MOST_ROWS)..runs).rev().collect();
    let names = trends.iter().map(|t| shown(&t.series.measure.name));
    let x = across(first, runs, (0.0, 1.0));
    let mut chart = Chart {
        id: "history",
        title: "Run by run".to_owned(),
        finding: finding(history),
        key: key(&trends, first),
        drawings: Vec::new(),
        head: ["run", "commit"]
            .map(String::from)
            .into_iter()
            .chain(names)
            .collect(),
        rows: rows
            .iter()
            .map(|run| cells(history, &trends, *run))
            .collect(),
        places: Chart::places(rows.iter().map(|run| x.at(*run as f64))),
        note: note(runs),
    };
    let height = STRIP * trends.len() as f64 + FOOT;
    chart.draw([height; 2], |canvas| paint(canvas, history, &trends, first));
    Some(chart)
}

fn note(runs: usize) -> String {
    let mut note =
        "One dot is one run: the mean of its rounds that count. The last is this run, or the \
                    latest before it that counts."
            .to_owned();
    if runs > MOST_ROWS {
        note += &format!(" The table has the latest {MOST_ROWS} runs.");
    }
    note
}

fn key(trends: &[&Trend], first: usize) -> Vec<Key> {
    let mut key = vec![Key::new(Ink::Now, "dot", "a run")];
    let drawn = |s: &&Shift| s.at >= first;
    let any = |worse: bool| {
        let mut all = trends.iter().flat_map(|t| t.shifts.iter().filter(drawn));
        all.any(|s| s.is_worse == worse)
    };
    if any(true) {
        key.push(Key::new(Ink::Bad, "dashed", "changed for the worse"));
    }
    if any(false) {
        key.push(Key::new(Ink::Good, "dashed", "changed for the better"));
    }
    if trends.iter().any(|t| level_accepted(t).is_some()) {
        key.push(Key::new(Ink::Before, "line", "accepted level"));
    }
    key
}

/// The level that the present one is compared with.
fn level_accepted(trend: &Trend) -> Option<f64> {
    let present = trend.present.as_ref()?;
    present.against.as_ref().map(|a| a.level)
}

/// `24 runs, 2026-11-01 … 2026-11-24. latency.p99 rose by 12.5 % to 9 ms on 2026-11-13.`
fn finding(history: &History) -> String {
    const TOLD: usize = 3;
    let found = shifts(history);
    let told = found.iter().rev().take(TOLD).map(|(shift, series)| {
        let verb = if shift.after > shift.before {
            "rose"
        } else {
            "fell"
        };
        let unit = series.measure.unit;
        let (name, since) = (
            shown(&series.measure.name),
            since(&history.points[shift.at]),
        );
        let change = words::change(shift.change().abs(), false);
        format!(
            "{name} {verb} by {} to {} on {since}",
            change.trim_start_matches('+'),
            unit.format(shift.after)
        )
    });
    let mut told: Vec<String> = told.collect();
    if found.len() > TOLD {
        told.push(format!(
            "{} before",
            words::plural(found.len() - TOLD, "change")
        ));
    }
    let told = if told.is_empty() {
        "no change of level was found".to_owned()
    } else {
        told.join("; ")
    };
    format!("{}: {told}.", span(history))
}

fn cells(history: &History, trends: &[&Trend], run: usize) -> Vec<String> {
    let point = &history.points[run];
    let values = trends.iter().map(|t| {
        let value = t.series.values.get(run).filter(|v| v.is_finite());
        value.map_or_else(|| "–".to_owned(), |v| t.series.measure.unit.format(*v))
    });
    [since(point), commit(point)]
        .into_iter()
        .chain(values)
        .collect()
}

fn across(first: usize, runs: usize, places: (f64, f64)) -> Axis {
    Axis::linear(first as f64 - 0.5, runs as f64 - 0.5, places)
}

fn paint(canvas: &Canvas<'_>, history: &History, trends: &[&Trend], first: usize) {
    let sheet = canvas.sheet();
    let (left, right) = (sheet.letters * 5.6, sheet.width - 12.0);
    canvas.plot_spans(left, right);
    let x = across(first, history.points.len(), (left, right));
    for (i, trend) in trends.iter().enumerate() {
        let head = STRIP * i as f64;
        let places = (head + 30.0, head + STRIP - 12.0);
        let name = clipped(&shown(&trend.series.measure.name), 44);
        canvas.text((left, head + 12.0), &name, Anchor::Start, Ink::Text);
        strip(canvas, trend, &x, (left, right), places);
    }
    let bottom = STRIP * trends.len() as f64;
    let ends = [history.points.get(first), history.points.last()];
    for (point, at, anchor) in [
        (ends[0], left, Anchor::Start),
        (ends[1], right, Anchor::End),
    ] {
        let label = point.map(since).unwrap_or_default();
        canvas.text(
            (at, bottom + 10.0),
            &clipped(&label, 24),
            anchor,
            Ink::Muted,
        );
    }
}

fn strip(
    canvas: &Canvas<'_>,
    trend: &Trend,
    x: &Axis,
    (left, right): (f64, f64),
    (top, bottom): (f64, f64),
) {
    let series = &trend.series;
    let first = series.values.len().saturating_sub(MOST_RUNS);
    let values = || series.values.iter().enumerate().skip(first);
    let known = || values().map(|(_, v)| *v).filter(|v| v.is_finite());
    let accepted = level_accepted(trend).filter(|v| v.is_finite());
    let low = known().chain(accepted).fold(f64::INFINITY, f64::min);
    let high = known().chain(accepted).fold(f64::NEG_INFINITY, f64::max);
    // A scatter of a hair's breadth shall not fill the strip.
    let margin = ((high - low) * 0.15).max(high.abs() * 0.02);
    let y = Axis::linear((low - margin).max(0.0), high + margin, (bottom, top));
    for (value, label) in y.ticks(series.measure.unit, 3) {
        let at = y.at(value);
        canvas.line(&[(left, at), (right, at)], Ink::Grid, 1.0);
        canvas.text((left - 8.0, at), &label, Anchor::End, Ink::Muted);
    }
    if let Some(level) = accepted {
        canvas.line(
            &[(left, y.at(level)), (right, y.at(level))],
            Ink::Before,
            1.25,
        );
    }
    for shift in trend.shifts.iter().filter(|s| s.at >= first) {
        let ink = if shift.is_worse { Ink::Bad } else { Ink::Good };
        let at = x.at(shift.at as f64 - 0.5);
        canvas.dashes(&[(at, top), (at, bottom)], ink);
    }
    let radius = if series.values.len() - first > 60 {
        2.5
    } else {
        4.0
    };
    let last = values()
        .filter(|(_, v)| v.is_finite())
        .map(|(i, _)| i)
        .next_back();
    for (i, value) in values().filter(|(_, v)| v.is_finite()) {
        let at = (x.at(i as f64), y.at(*value));
        let radius = if Some(i) == last {
            radius + 2.5
        } else {
            radius
        };
        canvas.dot(at, radius, Ink::Now, false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    #[test]
    fn a_change_of_level_is_told_with_its_day() {
        let chart = history_plot(&fixture::history()).expect("a chart");
        insta::assert_snapshot!(chart.finding);
        assert_eq!(chart.rows.len(), 24);
        assert_eq!(chart.rows[0][0], "2026-11-24", "the latest run first");
        assert!(chart.key.iter().any(|k| k.label == "changed for the worse"));
    }

    #[test]
    fn gaps_and_a_single_value_draw_nothing_impossible() {
        let with = |runs: usize, value: &dyn Fn(usize) -> f64| {
            let values = (0..runs).map(value).collect();
            history_plot(&fixture::history_of(vec![("latency.p99", values)]))
        };
        assert!(with(5, &|_| f64::NAN).is_none());
        assert!(with(5, &|i| if i == 2 { 1e6 } else { f64::NAN }).is_none());
        let chart = with(500, &|i| 1e6 * (1 + i % 2) as f64).expect("a chart");
        assert_eq!(chart.rows.len(), MOST_ROWS);
        assert!(
            chart
                .drawings
                .iter()
                .all(|d| !d.contains("NaN") && d.len() < 60_000)
        );
    }
}
