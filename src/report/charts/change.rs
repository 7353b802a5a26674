//! The change of every metric with its interval, against what its threshold allows.
//!
//! Each row has its own scale, in units of its allowed change, so that a throughput that may fall
//! by 3 % and a tail that may rise by 15 % can be read on one sheet. Right is always worse.

use crate::model::Better;
use crate::report::view::{Row, Tone};
use crate::report::words;
use crate::untrusted::Untrusted;

use super::Ink;
use super::axis::Axis;
use super::canvas::{Anchor, Canvas};
use super::chart::{Chart, Key};

/// Allowed changes to either side of no change.
const REACH: f64 = 3.0;

/// A row in units of its allowed change, + is worse.
struct Bar<'a> {
    row: &'a Row,
    change: f64,
    interval: Option<(f64, f64)>,
}

/// Draws the rows that have a change; None when there is none.
pub(in crate::report) fn change_plot(rows: &[&Row]) -> Option<Chart> {
    let bars: Vec<_> = rows.iter().filter_map(|row| Bar::of(row)).collect();
    if bars.is_empty() {
        return None;
    }
    let n = bars.len() as f64;
    let mut chart = Chart {
        id: "change",
        title: "Change of every metric".to_owned(),
        finding: finding(&bars),
        key: vec![
            Key::new(Ink::Allowed, "area", "allowed"),
            Key::new(Ink::Bad, "dot", "worse than allowed"),
            Key::new(Ink::Warn, "dot", "not decided"),
            Key::new(Ink::Good, "dot", "unchanged or better"),
        ],
        drawings: Vec::new(),
        head: ["metric", "change", "interval", "allowed", "verdict"]
            .map(String::from)
            .to_vec(),
        rows: bars.iter().map(Bar::cells).collect(),
        places: Vec::new(),
        note: "The dot is the change, the line its interval. Every row has its own scale: the \
               shaded zone is what that metric is allowed, and right is always worse."
            .to_owned(),
    };
    chart.draw([n * 40.0 + 34.0, n * 62.0 + 30.0], |canvas| {
        paint(canvas, &bars);
    });
    Some(chart)
}

impl<'a> Bar<'a> {
    fn of(row: &'a Row) -> Option<Self> {
        let r = &row.result;
        let allowed = words::allowance(r.allowed.unwrap_or(r.metric.default_change())).abs();
        let sign = if r.metric.better() == Better::Higher {
            -1.0
        } else {
            1.0
        };
        let scaled = |v: f64| sign * v / allowed.max(1e-9);
        let change = r.change.filter(|c| c.is_finite()).map(scaled)?;
        let interval = r
            .interval
            .filter(|(low, high)| low.is_finite() && high.is_finite())
            .map(|(low, high)| (scaled(low), scaled(high)))
            .map(|(a, b)| (a.min(b), a.max(b)));
        Some(Self {
            row,
            change,
            interval,
        })
    }

    fn cells(&self) -> Vec<String> {
        vec![
            self.row.label.terminal(),
            self.row.change.clone(),
            self.row.interval.clone(),
            self.row.allowed.clone(),
            self.row.verdict_words(),
        ]
    }

    fn ink(&self) -> Ink {
        match self.row.tone() {
            Tone::Good => Ink::Good,
            Tone::Warn => Ink::Warn,
            Tone::Bad => Ink::Bad,
            Tone::Plain => Ink::Before,
        }
    }
}

fn finding(bars: &[Bar<'_>]) -> String {
    let named = |tone: Tone| -> Vec<String> {
        bars.iter()
            .filter(|b| b.row.tone() == tone)
            .map(|b| format!("{} {}", b.row.label.terminal(), b.row.change))
            .collect()
    };
    let (bad, open) = (named(Tone::Bad), named(Tone::Warn));
    let mut text = match bad.as_slice() {
        [] => "No metric changed for the worse beyond what is allowed".to_owned(),
        some => format!("Worse than allowed: {}", some.join(", ")),
    };
    if !open.is_empty() {
        text += &format!("; not decided: {}", open.join(", "));
    }
    text + "."
}

fn paint(canvas: &Canvas<'_>, bars: &[Bar<'_>]) {
    let sheet = canvas.sheet();
    let (left, right) = if sheet.is_narrow() {
        (8.0, sheet.width - 8.0)
    } else {
        (220.0, sheet.width - 200.0)
    };
    let (step, top) = if sheet.is_narrow() {
        (62.0, 26.0)
    } else {
        (40.0, 30.0)
    };
    let x = Axis::linear(-REACH, REACH, (left, right));
    canvas.text((left, 10.0), "← better", Anchor::Start, Ink::Muted);
    canvas.text((right, 10.0), "worse →", Anchor::End, Ink::Muted);
    canvas.text((x.at(0.0), 10.0), "no change", Anchor::Middle, Ink::Muted);
    for (i, bar) in bars.iter().enumerate() {
        let row = top + step * i as f64;
        let middle = if sheet.is_narrow() {
            row + 42.0
        } else {
            row + step / 2.0
        };
        let half = if sheet.is_narrow() {
            12.0
        } else {
            step / 2.0 - 4.0
        };
        let metric = bar.row.result.metric.name();
        let scope = Untrusted::new(bar.row.result.scope.to_string()).terminal();
        let value = format!("{}  {}", bar.row.change, bar.row.verdict_words());
        if sheet.is_narrow() {
            let label = clipped(&format!("{metric}{scope}"), 26);
            canvas.text((left, row + 16.0), &label, Anchor::Start, Ink::Text);
            canvas.text((right, row + 16.0), &value, Anchor::End, bar.text_ink());
        } else {
            let (edge, lift) = (left - 16.0, if scope.is_empty() { 0.0 } else { 8.0 });
            canvas.text((edge, middle - lift), &metric, Anchor::End, Ink::Text);
            let scope = clipped(scope.trim_matches([' ', '[', ']']), 27);
            if !scope.is_empty() {
                canvas.text((edge, middle + lift), &scope, Anchor::End, Ink::Muted);
            }
            canvas.text(
                (right + 16.0, middle),
                &value,
                Anchor::Start,
                bar.text_ink(),
            );
        }
        canvas.line(&[(left, middle), (right, middle)], Ink::Grid, 1.0);
        canvas.rectangle(
            (x.at(-1.0), middle - half),
            (x.at(1.0), middle + half),
            Ink::Allowed,
        );
        canvas.line(
            &[(x.at(0.0), middle - half), (x.at(0.0), middle + half)],
            Ink::Before,
            1.0,
        );
        bar.mark(canvas, &x, middle);
    }
}

impl Bar<'_> {
    fn text_ink(&self) -> Ink {
        match self.ink() {
            Ink::Bad => Ink::Bad,
            _ => Ink::Text,
        }
    }

    fn mark(&self, canvas: &Canvas<'_>, x: &Axis, y: f64) {
        let ink = self.ink();
        if let Some((low, high)) = self.interval {
            canvas.line(&[(x.at(low), y), (x.at(high), y)], ink, 3.0);
            for end in [low, high] {
                if end.abs() <= REACH {
                    canvas.line(&[(x.at(end), y - 5.0), (x.at(end), y + 5.0)], ink, 1.75);
                } else {
                    beyond(canvas, x, y, end.signum(), ink);
                }
            }
        }
        if self.change.abs() <= REACH {
            canvas.dot((x.at(self.change), y), 6.0, ink, false);
        } else {
            beyond(canvas, x, y, self.change.signum(), ink);
        }
    }
}

/// An arrow head at the edge: it goes on from here.
fn beyond(canvas: &Canvas<'_>, x: &Axis, y: f64, side: f64, ink: Ink) {
    let tip = x.at(side * REACH);
    let back = tip - side * 9.0;
    canvas.polygon(&[(tip, y), (back, y - 6.0), (back, y + 6.0)], ink);
}

pub(super) fn clipped(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let head: String = text.chars().take(most - 1).collect();
    head + "…"
}
