//! Latency by percentile. The axis is log 1/(1−q): every nine is as wide as the one before.

use crate::model::{Estimate, Latencies};
use crate::units::Unit;

use super::Ink;
use super::axis::Axis;
use super::canvas::{Anchor, Canvas};
use super::chart::{Chart, Key};
use super::lines::dashes;

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
    let now_curve = Curve::of(now)?;
    let before_curve = before.and_then(Curve::of);
    let mut key = vec![Key::new(Ink::Now, "line", "now")];
    if before_curve.is_some() {
        key.push(Key::new(Ink::Before, "dashed", "before"));
    }
    if !now_curve.bounds.is_empty() {
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
    let mut chart = Chart {
        id: "percentiles",
        title: "Latency by percentile".to_owned(),
        finding: finding(now, before),
        key,
        drawings: Vec::new(),
        head,
        rows: rows(now, before),
        note: "To the right every step is ten times rarer. A percentile is shown only where at \
               least ten requests lie beyond it."
            .to_owned(),
    };
    chart.draw([290.0, 250.0], |canvas| {
        paint(canvas, &now_curve, before_curve.as_ref());
    });
    Some(chart)
}

impl Curve {
    fn of(latencies: &Latencies) -> Option<Self> {
        let n = latencies.population() as f64;
        let end = (n / 10.0).log10();
        if end <= 0.0 {
            return None;
        }
        let (mut known, mut bounds) = (Vec::new(), Vec::new());
        for i in 0..=POINTS {
            let nines = end * i as f64 / POINTS as f64;
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

fn rows(now: &Latencies, before: Option<&Latencies>) -> Vec<Vec<String>> {
    let show = |e| crate::report::words::estimate(e, Unit::Time);
    let mut rows: Vec<_> = TICKS
        .iter()
        .skip(1)
        .filter(|(q, _)| !matches!(now.quantile(*q), Estimate::TooFew { .. }))
        .map(|&(q, name)| {
            let mut row = vec![name.to_owned(), show(now.quantile(q))];
            row.extend(before.map(|b| show(b.quantile(q))));
            row
        })
        .collect();
    let mut max = vec!["max".to_owned(), show(now.max())];
    max.extend(before.map(|b| show(b.max())));
    rows.push(max);
    rows
}

fn paint(canvas: &Canvas<'_>, now: &Curve, before: Option<&Curve>) {
    let sheet = canvas.sheet();
    let left = sheet.letters * 5.6;
    let (right, top, bottom) = (sheet.width - 16.0, 14.0, sheet.height - 30.0);
    let all = || now.all().chain(before.into_iter().flat_map(Curve::all));
    let end = all().map(|p| p.0).fold(0.0, f64::max);
    let low = all()
        .map(|p| p.1)
        .filter(|v| *v > 0.0)
        .fold(f64::INFINITY, f64::min);
    let high = all().map(|p| p.1).fold(0.0, f64::max);
    let x = Axis::linear(0.0, end, (left, right));
    let y = if high / low > 8.0 {
        Axis::logarithmic(low * 0.9, high * 1.15, (bottom, top))
    } else {
        Axis::linear(0.0, high * 1.08, (bottom, top))
    };
    for (value, label) in y.ticks(Unit::Time, 6) {
        let at = y.at(value);
        canvas.line(&[(left, at), (right, at)], Ink::Grid, 1.0);
        let label = if value == 0.0 { "0".to_owned() } else { label };
        canvas.text((left - 8.0, at), &label, Anchor::End, Ink::Muted);
    }
    let mut free_from = f64::NEG_INFINITY;
    for (q, name) in TICKS {
        let nines = (1.0 / (1.0_f64 - q)).log10();
        if nines > end + 1e-9 {
            break;
        }
        let at = x.at(nines);
        canvas.line(&[(at, top), (at, bottom)], Ink::Grid, 1.0);
        let half = name.len() as f64 * sheet.letters * 0.3;
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
        if begins >= free_from + 6.0 {
            canvas.text((place, bottom + 16.0), name, anchor, Ink::Muted);
            free_from = place + half;
        }
    }
    canvas.line(&[(left, bottom), (right, bottom)], Ink::Muted, 1.0);
    let places = |points: &[(f64, f64)]| -> Vec<(f64, f64)> {
        points.iter().map(|p| (x.at(p.0), y.at(p.1))).collect()
    };
    if let Some(before) = before {
        let all: Vec<_> = before.all().copied().collect();
        dashes(canvas, &places(&all), Ink::Before);
    }
    if now.bounds.len() > 1 {
        canvas.line(&places(&now.bounds), Ink::Bad, 2.0);
    }
    if now.known.len() > 1 {
        canvas.line(&places(&now.known), Ink::Now, 2.0);
    }
}
