//! Every round as a dot: how far the rounds scatter is how sure a verdict can be.

use crate::model::Arm;
use crate::report::view::Strip;
use crate::report::words;

use super::Ink;
use super::axis::Axis;
use super::canvas::{Anchor, Canvas};
use super::change::clipped;
use super::chart::{Chart, Key};

/// Height of one metric's strip.
const STRIP: f64 = 118.0;

/// Draws one strip for each metric; None without any.
pub(in crate::report) fn round_plot(strips: &[Strip]) -> Option<Chart> {
    let longest = strips.iter().map(|s| s.dots.len()).max()?;
    let any = |f: fn(&(Arm, bool, f64)) -> bool| strips.iter().flat_map(|s| &s.dots).any(f);
    let mut key = vec![Key::new(Ink::Now, "dot", "now")];
    if any(|d| d.0 == Arm::Before) {
        key.push(Key::new(Ink::Before, "dot", "before"));
    }
    if any(|d| !d.1) {
        key.push(Key::new(Ink::Now, "ring", "spoiled by noise"));
    }
    let mut chart = Chart {
        id: "rounds",
        title: "Every round".to_owned(),
        finding: finding(strips),
        key,
        drawings: Vec::new(),
        head: std::iter::once("round".to_owned())
            .chain(strips.iter().map(|s| s.label.terminal()))
            .collect(),
        rows: (0..longest).map(|i| cells(strips, i)).collect(),
        places: Chart::places((0..longest).map(|i| across(longest, (0.0, 1.0)).at(i as f64))),
        note: "One dot is one round with a fresh target, in the order measured. Times of a \
               spoiled round do not count; its CPU and memory do."
            .to_owned(),
    };
    let height = STRIP * strips.len() as f64;
    chart.draw([height; 2], |canvas| paint(canvas, strips));
    Some(chart)
}

/// Rounds in the order measured.
fn across(rounds: usize, places: (f64, f64)) -> Axis {
    Axis::linear(-0.5, rounds as f64 - 0.5, places)
}

fn finding(strips: &[Strip]) -> String {
    let spreads: Vec<_> = strips
        .iter()
        .filter_map(|s| spread(s).map(|spread| format!("{spread} in {}", s.label.terminal())))
        .collect();
    if spreads.is_empty() {
        return "Each metric has too few rounds now to see how they scatter.".to_owned();
    }
    format!("The clean rounds now differ by {}.", spreads.join(", "))
}

/// Greatest minus least of the clean rounds now, as a share of their mean.
fn spread(strip: &Strip) -> Option<String> {
    let values: Vec<f64> = strip
        .dots
        .iter()
        .filter(|d| d.0 == Arm::Now && d.1)
        .map(|d| d.2)
        .collect();
    let mean = values.iter().sum::<f64>() / values.len().max(1) as f64;
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    (values.len() > 1 && mean > 0.0).then(|| crate::units::Unit::Share.format((high - low) / mean))
}

fn cells(strips: &[Strip], i: usize) -> Vec<String> {
    let known = strips.iter().find_map(|s| s.dots.get(i));
    let name = known.map_or_else(String::new, |(arm, clean, _)| {
        let spoiled = if *clean { "" } else { ", spoiled" };
        format!("{} {}{spoiled}", i + 1, arm.name())
    });
    let values = strips.iter().map(|s| {
        s.dots.get(i).map_or_else(
            || "–".to_owned(),
            |d| words::estimate(crate::model::Estimate::Exact(d.2), s.metric.unit()),
        )
    });
    std::iter::once(name).chain(values).collect()
}

fn paint(canvas: &Canvas<'_>, strips: &[Strip]) {
    let sheet = canvas.sheet();
    let left = sheet.letters * 5.6;
    let right = sheet.width - 12.0;
    canvas.plot_spans(left, right);
    for (i, strip) in strips.iter().enumerate() {
        let head = STRIP * i as f64;
        let (top, bottom) = (head + 30.0, head + STRIP - 14.0);
        let values = || strip.dots.iter().map(|d| d.2);
        let low = values().fold(f64::INFINITY, f64::min);
        let high = values().fold(f64::NEG_INFINITY, f64::max);
        // A scatter of a hair's breadth shall not fill the strip.
        let margin = ((high - low) * 0.15).max(high.abs() * 0.02);
        let y = Axis::linear((low - margin).max(0.0), high + margin, (bottom, top));
        let x = across(strip.dots.len(), (left, right));
        let title = clipped(&strip.label.terminal(), 44);
        canvas.text((left, head + 12.0), &title, Anchor::Start, Ink::Text);
        for (value, label) in y.ticks(strip.metric.unit(), 3) {
            let at = y.at(value);
            canvas.line(&[(left, at), (right, at)], Ink::Grid, 1.0);
            canvas.text((left - 8.0, at), &label, Anchor::End, Ink::Muted);
        }
        for (j, &(arm, clean, value)) in strip.dots.iter().enumerate() {
            let ink = match arm {
                Arm::Now => Ink::Now,
                Arm::Before => Ink::Before,
            };
            canvas.dot((x.at(j as f64), y.at(value)), 5.5, ink, !clean);
        }
    }
}
