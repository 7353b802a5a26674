//! A metric over runs in the height of a few lines of text, with its changes of level.

use super::Ink;
use super::axis::Axis;
use super::canvas::{Canvas, Sheet};
use crate::report::history::means;

/// Points of the line; each is the mean of the runs that it stands for.
const POINTS: usize = 240;
const SHEET: Sheet = Sheet::SPARK;
const MARGIN: f64 = 6.0;

/// What to draw.
#[derive(Debug)]
pub(in crate::report) struct Spark<'a> {
    pub(in crate::report) id: String,
    pub(in crate::report) title: String,
    /// What it shows, in a sentence.
    pub(in crate::report) finding: &'a str,
    /// By run, oldest first; NaN where a run has none.
    pub(in crate::report) values: &'a [f64],
    /// Places in `values` at which another level begins.
    pub(in crate::report) shifts: Vec<(usize, Ink)>,
    /// The level that was accepted.
    pub(in crate::report) accepted: Option<f64>,
}

/// Draws it; None when no run has a value.
pub(in crate::report) fn spark(spark: &Spark<'_>) -> Option<String> {
    let known = spark.values.iter().chain(spark.accepted.as_ref());
    let known: Vec<f64> = known.copied().filter(|v| v.is_finite()).collect();
    let low = known.iter().copied().reduce(f64::min)?;
    let high = known.iter().copied().reduce(f64::max)?;
    let words = (spark.title.as_str(), spark.finding);
    Some(Canvas::draw(SHEET, &spark.id, words, |canvas| {
        let y = Axis::linear(low, high, (SHEET.height - MARGIN, MARGIN));
        paint(canvas, spark, &y);
    }))
}

fn paint(canvas: &Canvas<'_>, spark: &Spark<'_>, y: &Axis) {
    let across = (MARGIN, SHEET.width - MARGIN);
    let last = spark.values.len().saturating_sub(1).max(1) as f64;
    let x = Axis::linear(0.0, last, across);
    for (at, ink) in &spark.shifts {
        let at = x.at(*at as f64 - 0.5);
        canvas.line(&[(at, 0.0), (at, SHEET.height)], *ink, 1.0);
    }
    if let Some(level) = spark.accepted.filter(|level| level.is_finite()) {
        let at = y.at(level);
        canvas.dashes(&[(across.0, at), (across.1, at)], Ink::Before);
    }
    let points = means(spark.values, POINTS);
    // A point stands in the middle of its runs.
    let share = spark.values.len() as f64 / points.len().max(1) as f64;
    let places: Vec<Option<(f64, f64)>> = points
        .iter()
        .enumerate()
        .map(|(i, value)| {
            let run = (i as f64 + 0.5) * share - 0.5;
            value.is_finite().then(|| (x.at(run), y.at(*value)))
        })
        .collect();
    for run in places.split(Option::is_none) {
        let run: Vec<(f64, f64)> = run.iter().copied().flatten().collect();
        match run.as_slice() {
            [] => {}
            [one] => canvas.dot(*one, 1.5, Ink::Now, false),
            many => canvas.line(many, Ink::Now, 1.5),
        }
    }
    if let Some(latest) = places.iter().rev().flatten().next() {
        canvas.dot(*latest, 3.0, Ink::Now, false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(values: &[f64]) -> Option<String> {
        spark(&Spark {
            id: "s".to_owned(),
            title: "latency.p50".to_owned(),
            finding: "It rose.",
            values,
            shifts: vec![(2, Ink::Bad)],
            accepted: Some(1.0),
        })
    }

    #[test]
    fn a_line_has_its_gaps_its_changes_and_its_words() {
        let svg = drawn(&[1.0, 1.1, f64::NAN, 2.0, 2.1]).expect("a drawing");
        roxmltree::Document::parse(&svg).expect("well-formed");
        assert_eq!(
            svg.matches("<polyline").count() - dashes_in(&svg),
            3,
            "{svg}"
        );
        assert!(svg.contains("<desc id=\"s-panel-d\">It rose.</desc>"));
        assert!(svg.contains("var(--bad)") && svg.contains("var(--before)"));
    }

    fn dashes_in(svg: &str) -> usize {
        svg.matches("stroke=\"var(--before)\"").count()
    }

    #[test]
    fn many_runs_make_no_long_line_and_none_make_no_drawing() {
        let many: Vec<f64> = (0..20_000).map(f64::from).collect();
        let svg = drawn(&many).expect("a drawing");
        assert!(svg.len() < 8_000, "{}", svg.len());
        assert!(drawn(&[7.0]).is_some());
        let nothing = spark(&Spark {
            id: "s".to_owned(),
            title: String::new(),
            finding: "",
            values: &[f64::NAN],
            shifts: Vec::new(),
            accepted: None,
        });
        assert!(nothing.is_none());
    }
}
