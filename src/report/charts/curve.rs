//! Latency by percentile. The axis is log 1/(1−q): every nine is as wide as the one before.

use crate::model::{Estimate, Latencies};
use crate::units::Unit;

use super::Ink;
use super::axis::Axis;
use super::canvas::{Anchor, Canvas};
use super::chart::{Chart, Key};

/// Points of a curve.
const POINTS: usize = 120;

/// Percentiles with a tick and a row in the table.
const TICKS: [(f64, &str); 8] = [
    (0.0, "least"),
    (0.5, "p50"),
    (0.9, "p90"),
    (0.95, "p95"),
    (0.99, "p99"),
    (0.999, "p99.9"),
    (0.9999, "p99.99"),
    (0.99999, "p99.999"),
];

/// Both sides.
pub(super) struct Pair {
    now: Curve,
    before: Option<Curve>,
}

/// The axes that curves share.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame {
    /// log10 1/(1−q) of the rarest percentile.
    end: f64,
    low: f64,
    high: f64,
}

struct Curve {
    /// log10 1/(1−q) and the value known there.
    known: Vec<(f64, f64)>,
    /// From the first percentile that is only a lower bound.
    bounds: Vec<(f64, f64)>,
}

/// Draws both sides over each other; None when nothing was answered.
pub(in crate::report) fn percentile_curve(
    now: &Latencies,
    before: Option<&Latencies>,
) -> Option<Chart> {
    let curves = Pair::of(now, before, POINTS)?;
    let mut key = vec![Key::new(Ink::Now, "line", "now")];
    if curves.before.is_some() {
        key.push(Key::new(Ink::Before, "dashed", "before"));
    }
    if !curves.now.bounds.is_empty() {
        key.push(Key::new(
            Ink::Bad,
            "line",
            "at least: requests without an answer",
        ));
    }
    let mut head = vec!["percentile".to_owned(), "now".to_owned()];
    if before.is_some() {
        head.push("before".to_owned());
    }
    let frame = Frame::around([&curves]);
    let (rows, at) = rows(now, before);
    let across = Axis::linear(0.0, frame.end, (0.0, 1.0));
    let mut chart = Chart {
        id: "percentiles",
        title: "Latency by percentile".to_owned(),
        finding: finding(now, before),
        key,
        drawings: Vec::new(),
        head,
        rows,
        places: Chart::places(at.into_iter().map(|nines| across.at(nines))),
        note: "To the right every step is ten times rarer. A percentile is shown only where at \
               least ten requests lie beyond it."
            .to_owned(),
    };
    chart.draw([290.0, 250.0], |canvas| {
        frame.paint(canvas);
        frame.paint_curves(canvas, &curves);
    });
    Some(chart)
}

impl Pair {
    pub(super) fn of(now: &Latencies, before: Option<&Latencies>, points: usize) -> Option<Self> {
        Some(Self {
            now: Curve::of(now, points)?,
            before: before.and_then(|before| Curve::of(before, points)),
        })
    }

    fn all(&self) -> impl Iterator<Item = &(f64, f64)> {
        let before = self.before.iter().flat_map(Curve::all);
        self.now.all().chain(before)
    }
}

impl Curve {
    fn of(latencies: &Latencies, points: usize) -> Option<Self> {
        let n = latencies.population() as f64;
        let end = (n / 10.0).log10();
        if end <= 0.0 {
            return None;
        }
        let (mut known, mut bounds) = (Vec::new(), Vec::new());
        for i in 0..=points {
            let nines = end * i as f64 / points as f64;
            match latencies.quantile(1.0 - 10_f64.powf(-nines)) {
                Estimate::Exact(v) => known.push((nines, v)),
                Estimate::AtLeast(v) => bounds.push((nines, v)),
                _ => {}
            }
        }
        (known.len() + bounds.len() > 1).then_some(Self { known, bounds })
    }

    fn all(&self) -> impl Iterator<Item = &(f64, f64)> {
        self.known.iter().chain(&self.bounds)
    }
}

fn finding(now: &Latencies, before: Option<&Latencies>) -> String {
    let show = |l: &Latencies, q| crate::report::words::estimate(l.quantile(q), Unit::Time);
    let told = |l: &Latencies, q| !matches!(l.quantile(q), Estimate::TooFew { .. });
    let (tail, name) = [(0.99, "p99"), (0.95, "p95")]
        .into_iter()
        .find(|(q, _)| told(now, *q) && before.is_none_or(|b| told(b, *q)))
        .unwrap_or((0.9, "p90"));
    let mut text = format!(
        "Now p50 is {} and {name} {}",
        show(now, 0.5),
        show(now, tail)
    );
    if let Some(before) = before {
        text += &format!(
            "; before, p50 was {} and {name} {}",
            show(before, 0.5),
            show(before, tail)
        );
    }
    text + "."
}

/// The rows of the table, and where across the plot each lies.
fn rows(now: &Latencies, before: Option<&Latencies>) -> (Vec<Vec<String>>, Vec<f64>) {
    let show = |e| crate::report::words::estimate(e, Unit::Time);
    let told = |q: f64| !matches!(now.quantile(q), Estimate::TooFew { .. });
    let (mut rows, mut at) = (Vec::new(), Vec::new());
    for (q, name) in TICKS.into_iter().skip(1).filter(|(q, _)| told(*q)) {
        let mut row = vec![name.to_owned(), show(now.quantile(q))];
        row.extend(before.map(|b| show(b.quantile(q))));
        rows.push(row);
        at.push(nines(q));
    }
    let mut max = vec!["max".to_owned(), show(now.max())];
    max.extend(before.map(|b| show(b.max())));
    rows.push(max);
    at.push(f64::INFINITY);
    (rows, at)
}

/// log10 1/(1−q).
fn nines(q: f64) -> f64 {
    (1.0 / (1.0 - q)).log10()
}

impl Frame {
    /// Axes on which all of these have room.
    pub(super) fn around<'a>(curves: impl IntoIterator<Item = &'a Pair>) -> Self {
        let none = Self {
            end: 0.0,
            low: f64::INFINITY,
            high: 0.0,
        };
        let points = curves.into_iter().flat_map(Pair::all);
        points.fold(none, |frame, &(nines, value)| Self {
            end: frame.end.max(nines),
            low: if value > 0.0 {
                frame.low.min(value)
            } else {
                frame.low
            },
            high: frame.high.max(value),
        })
    }

    /// Where the plot lies.
    fn places(canvas: &Canvas<'_>) -> (f64, f64, f64, f64) {
        let sheet = canvas.sheet();
        (
            sheet.letters * 5.6,
            sheet.width - 16.0,
            14.0,
            sheet.height - 30.0,
        )
    }

    fn axes(self, canvas: &Canvas<'_>) -> (Axis, Axis) {
        let (left, right, top, bottom) = Self::places(canvas);
        let y = if self.high / self.low > 8.0 {
            Axis::logarithmic(self.low * 0.9, self.high * 1.15, (bottom, top))
        } else {
            Axis::linear(0.0, self.high * 1.08, (bottom, top))
        };
        (Axis::linear(0.0, self.end, (left, right)), y)
    }

    /// The axes with their ticks.
    pub(super) fn paint(self, canvas: &Canvas<'_>) {
        let sheet = canvas.sheet();
        let (left, right, top, bottom) = Self::places(canvas);
        let (x, y) = self.axes(canvas);
        canvas.plot_spans(left, right);
        let most = if sheet.height < 200.0 { 4 } else { 6 };
        for (value, label) in y.ticks(Unit::Time, most) {
            let at = y.at(value);
            canvas.line(&[(left, at), (right, at)], Ink::Grid, 1.0);
            let label = if value == 0.0 { "0".to_owned() } else { label };
            canvas.text((left - 8.0, at), &label, Anchor::End, Ink::Muted);
        }
        let ticks = TICKS.map(|(q, name)| (nines(q), name));
        let ticks = ticks.into_iter().filter(|(at, _)| *at <= self.end + 1e-9);
        named_ticks(canvas, ticks, &x, (left, right), (top, bottom));
    }

    pub(super) fn paint_curves(self, canvas: &Canvas<'_>, curves: &Pair) {
        let (x, y) = self.axes(canvas);
        let places = |points: &[(f64, f64)]| -> Vec<(f64, f64)> {
            points.iter().map(|p| (x.at(p.0), y.at(p.1))).collect()
        };
        if let Some(before) = &curves.before {
            let all: Vec<_> = before.all().copied().collect();
            canvas.dashes(&places(&all), Ink::Before);
        }
        let now = &curves.now;
        if now.bounds.len() > 1 {
            canvas.line(&places(&now.bounds), Ink::Bad, 2.0);
        }
        if now.known.len() > 1 {
            canvas.line(&places(&now.known), Ink::Now, 2.0);
        }
    }
}

/// Upright rules at named places, and as many of the names as there is room for.
pub(super) fn named_ticks<'a>(
    canvas: &Canvas<'_>,
    ticks: impl IntoIterator<Item = (f64, &'a str)>,
    x: &Axis,
    (left, right): (f64, f64),
    (top, bottom): (f64, f64),
) {
    let letters = canvas.sheet().letters;
    let mut free_from = f64::NEG_INFINITY;
    for (value, name) in ticks {
        let at = x.at(value);
        canvas.line(&[(at, top), (at, bottom)], Ink::Grid, 1.0);
        let half = name.len() as f64 * letters * 0.3;
        let (place, anchor) = if at + half > right {
            (at.min(right), Anchor::End)
        } else {
            (at, Anchor::Middle)
        };
        let begins = if anchor == Anchor::End {
            place - 2.0 * half
        } else {
            place - half
        };
        if !name.is_empty() && begins >= free_from + 6.0 {
            canvas.text((place, bottom + 16.0), name, anchor, Ink::Muted);
            free_from = place + half;
        }
    }
    canvas.line(&[(left, bottom), (right, bottom)], Ink::Muted, 1.0);
}
