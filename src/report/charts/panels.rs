//! Small drawings beside each other: a percentile curve for each step, all on the same axes, so that
//! steps can be compared at a glance; and what the target said of itself over the time of a round.

use serde::Serialize;

use crate::report::view::{Component, StepView};
use crate::units::Unit;

use super::Ink;
use super::canvas::{Canvas, Sheet};
use super::chart::Key;
use super::curve::{Frame, Pair};
use super::lines::{Across, LinePlot, Series, small_plot};

/// Points of a curve.
const POINTS: usize = 40;

/// One of them: its words, and its drawing where there is one.
#[derive(Debug, Clone, Serialize)]
pub(in crate::report) struct Panel {
    name: String,
    tone: &'static str,
    sign: &'static str,
    word: &'static str,
    why: String,
    times: String,
    /// Markup, safe to insert; empty where there is too little for a drawing.
    drawing: String,
}

/// Panels with their common key, and their numbers where these are in no other table.
#[derive(Debug, Clone, Default, Serialize)]
pub(in crate::report) struct Panels {
    key: Vec<Key>,
    drawn: Vec<Panel>,
    head: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

/// Draws a panel for each of the steps; nothing of a single one, which is the whole.
pub(in crate::report) fn step_panels(steps: &[StepView<'_>]) -> Panels {
    if steps.len() < 2 {
        return Panels::default();
    }
    let curves: Vec<Option<Pair>> = steps
        .iter()
        .map(|step| {
            let before = step.part.before.as_ref().map(|b| &b.latency);
            Pair::of(&step.part.now.latency, before, POINTS)
        })
        .collect();
    let frame = Frame::around(curves.iter().flatten());
    let panels = steps.iter().zip(&curves).enumerate();
    let panels = panels.map(|(i, (step, curves))| panel(i, step, curves.as_ref(), frame));
    Panels {
        key: key(steps.iter().any(|s| s.part.before.is_some())),
        drawn: panels.collect(),
        ..Panels::default()
    }
}

fn key(with_before: bool) -> Vec<Key> {
    let before = with_before.then(|| Key::new(Ink::Before, "dashed", "before"));
    let now = Key::new(Ink::Now, "line", "now");
    std::iter::once(now).chain(before).collect()
}

fn panel(i: usize, step: &StepView<'_>, curves: Option<&Pair>, frame: Frame) -> Panel {
    let name = step.part.name.terminal();
    let why = step.why.terminal();
    let said: Vec<&str> = [step.word, &why]
        .into_iter()
        .filter(|text| !text.is_empty())
        .collect();
    let finding = match said.as_slice() {
        [] => step.times.clone(),
        said => format!("{}: {}", said.join(", "), step.times),
    };
    let title = format!("Latency by percentile of step {name}");
    let drawing = curves.map(|curves| {
        let id = format!("step-{i}");
        Canvas::draw(Sheet::PANEL, &id, (&title, &finding), |canvas| {
            frame.paint(canvas);
            frame.paint_curves(canvas, curves);
        })
    });
    Panel {
        name,
        tone: step.tone.class(),
        sign: step.sign,
        word: step.word,
        why,
        times: step.times.clone(),
        drawing: drawing.unwrap_or_default(),
    }
}

/// Draws a panel for each level that the target told.
pub(in crate::report) fn component_panels(components: &[Component]) -> Panels {
    if components.is_empty() {
        return Panels::default();
    }
    let with_before = components.iter().any(|c| !c.before.is_empty());
    let mut head = vec!["series", "least", "greatest"];
    if with_before {
        head.extend(["least before", "greatest before"]);
    }
    let panels = components.iter().enumerate();
    Panels {
        key: key(with_before),
        drawn: panels.map(|(i, c)| component_panel(i, c)).collect(),
        head,
        rows: components.iter().map(|c| cells(c, with_before)).collect(),
    }
}

fn ends(line: &[(f64, f64)]) -> [String; 2] {
    let range = Component::range(line);
    range.map_or_else(
        || ["–", "–"].map(String::from),
        |(low, high)| [low, high].map(|v| Unit::Count.format(v)),
    )
}

fn cells(component: &Component, with_before: bool) -> Vec<String> {
    let mut cells = vec![component.name.terminal()];
    cells.extend(ends(&component.now));
    if with_before {
        cells.extend(ends(&component.before));
    }
    cells
}

fn component_panel(i: usize, component: &Component) -> Panel {
    let name = component.name.terminal();
    let [low, high] = ends(&component.now);
    let mut times = format!("{low} to {high}");
    if !component.before.is_empty() {
        let [low, high] = ends(&component.before);
        times += &format!("; before {low} to {high}");
    }
    let line = |points: &[(f64, f64)]| points.iter().map(|(at, v)| (*at, Some(*v))).collect();
    let of = |label: &str, ink, dashed, points: &[(f64, f64)]| Series {
        label: label.to_owned(),
        ink,
        dashed,
        points: line(points),
    };
    let plot = LinePlot {
        id: "component",
        title: "",
        finding: format!("{times}."),
        note: String::new(),
        unit: Unit::Count,
        across: Across::Time,
        series: vec![
            of("before", Ink::Before, true, &component.before),
            of("now", Ink::Now, false, &component.now),
        ],
        bands: Vec::new(),
    };
    let title = format!("{name} over time");
    Panel {
        tone: "plain",
        sign: "",
        word: "",
        why: String::new(),
        drawing: small_plot(&format!("component-{i}"), &title, &plot).unwrap_or_default(),
        times,
        name,
    }
}
