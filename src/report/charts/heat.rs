//! Latencies as a heat map: across lies the time of a round, upwards latency, and the darker a cell the
//! more requests per second it holds. Steps of the ramp are ratios, so that a single slow request
//! can be seen beside a hundred quick ones.

use crate::report::view::Heat;
use crate::units::Unit;

use super::Ink;
use super::axis::Axis;
use super::canvas::{Anchor, Canvas};
use super::chart::{Chart, Key};
use super::lines::{Band, band_edges, foot};

/// Ratio of a step of the ramp to the one below.
const STEP: f64 = 2.5;
/// Columns on a phone.
const NARROW_COLUMNS: usize = 90;
/// Rows and columns of the table, its columns shared by the sides.
const TABLE_ROWS: usize = 40;
const TABLE_COLUMNS: usize = 8;
/// Height of one side, on a page and on a phone, with what stands above it.
const SIDE: [f64; 2] = [200.0, 180.0];
const HEAD: f64 = 26.0;
const FOOT: f64 = 30.0;

/// What to draw.
#[derive(Debug, Clone)]
pub(in crate::report) struct HeatPlot<'a> {
    pub(in crate::report) now: &'a Heat,
    /// Below it, with the same rows.
    pub(in crate::report) before: Option<&'a Heat>,
    pub(in crate::report) finding: String,
    pub(in crate::report) note: String,
    pub(in crate::report) bands: Vec<Band>,
}

/// Draws one map, or two over each other.
pub(in crate::report) fn heat_map(plot: &HeatPlot<'_>) -> Chart {
    let ramp = Ramp {
        top: plot.sides().map(Heat::greatest).fold(0.0, f64::max),
    };
    let across = Axis::linear(0.0, plot.now.end, (0.0, 1.0));
    let table = plot.table();
    let mut chart = Chart {
        id: "heat",
        title: "Every latency over time".to_owned(),
        finding: plot.finding.clone(),
        key: ramp.key(),
        drawings: Vec::new(),
        head: table.head,
        places: Chart::places(table.at.iter().map(|at| across.at(*at))),
        rows: table.rows,
        note: plot.note.clone(),
    };
    let sides = plot.sides().count() as f64;
    let height = |side: f64| side * sides + FOOT;
    chart.draw(SIDE.map(height), |canvas| paint(canvas, plot, ramp));
    chart
}

/// Which rate has which ink.
#[derive(Debug, Clone, Copy)]
struct Ramp {
    /// The greatest rate.
    top: f64,
}

impl Ramp {
    /// The least rate of a step.
    fn least(self, step: usize) -> f64 {
        let below = (Ink::HEAT.len() - 1 - step) as f64;
        self.top / STEP.powf(below + 1.0)
    }

    /// The step of a rate, None of none.
    fn step(self, rate: f64) -> Option<usize> {
        if rate.is_nan() || rate <= 0.0 {
            return None;
        }
        let above = |step: &usize| rate >= self.least(*step);
        Some((0..Ink::HEAT.len()).rev().find(above).unwrap_or(0))
    }

    fn key(self) -> Vec<Key> {
        let steps = Ink::HEAT.iter().enumerate();
        let label = |step: usize| match step {
            0 => format!("fewer than {}", Unit::PerSecond.format(self.least(1))),
            _ => format!("from {}", Unit::PerSecond.format(self.least(step))),
        };
        steps
            .map(|(step, ink)| Key::new(*ink, "area", label(step)))
            .collect()
    }
}

/// The numbers of the cells, neighbours put together.
struct Table {
    head: Vec<String>,
    rows: Vec<Vec<String>>,
    /// Middle of each row, in seconds.
    at: Vec<f64>,
}

impl HeatPlot<'_> {
    fn sides(&self) -> impl Iterator<Item = &Heat> {
        std::iter::once(self.now).chain(self.before)
    }

    fn table(&self) -> Table {
        let bins = self.now.bins;
        let sides = self.sides().count();
        let together = bins.count().div_ceil(TABLE_COLUMNS / sides).max(1);
        let every = self.now.columns.len().div_ceil(TABLE_ROWS).max(1) as u64;
        let sides: Vec<Heat> = self.sides().map(|side| side.coarser(every)).collect();
        let time = |v: f64| Unit::Time.format(v);
        let names = (0..bins.count()).step_by(together).map(|bin| {
            let end = (bin + together).min(bins.count());
            format!("{} to {}", time(bins.edge(bin)), time(bins.edge(end)))
        });
        let names: Vec<String> = names.collect();
        let mut head = vec!["time".to_owned()];
        for which in ["", ", before"].iter().take(sides.len()) {
            head.extend(names.iter().map(|name| format!("{name}{which}")));
        }
        let (mut rows, mut at) = (Vec::new(), Vec::new());
        for (number, _) in &sides[0].columns {
            let (from, to) = sides[0].stretch(*number);
            let seconds = |v: f64| Unit::Count.format(v);
            let mut row = vec![format!("{} to {} s", seconds(from), seconds(to))];
            for side in &sides {
                let found = side.columns.iter().find(|(n, _)| n == number);
                let none = vec![0.0; bins.count()];
                let rates = found.map_or(&none, |(_, rates)| rates);
                row.extend(rates.chunks(together).map(rate_in_words));
            }
            rows.push(row);
            at.push(f64::midpoint(from, to));
        }
        Table { head, rows, at }
    }
}

fn rate_in_words(rates: &[f64]) -> String {
    let rate: f64 = rates.iter().sum();
    if rate > 0.0 {
        Unit::PerSecond.format(rate)
    } else {
        "–".to_owned()
    }
}

fn paint(canvas: &Canvas<'_>, plot: &HeatPlot<'_>, ramp: Ramp) {
    let sheet = canvas.sheet();
    let (left, right) = (sheet.letters * 5.6, sheet.width - 12.0);
    canvas.plot_spans(left, right);
    let x = Axis::linear(0.0, plot.now.end, (left, right));
    let names: &[&str] = if plot.before.is_some() {
        &["now", "before"]
    } else {
        &[""]
    };
    let side_height = (sheet.height - FOOT) / names.len() as f64;
    for (i, (side, name)) in plot.sides().zip(names).enumerate() {
        let top = side_height * i as f64 + HEAD;
        let bottom = side_height * (i + 1) as f64 - 6.0;
        let narrow = side.columns.len().div_ceil(NARROW_COLUMNS).max(1) as u64;
        let coarser = sheet.is_narrow().then(|| side.coarser(narrow));
        cells(
            canvas,
            coarser.as_ref().unwrap_or(side),
            ramp,
            &x,
            (top, bottom),
        );
        latencies(canvas, side, (left, right), (top, bottom));
        band_edges(canvas, &plot.bands, &x, (top, bottom));
        canvas.text((right, top - 9.0), name, Anchor::End, Ink::Text);
        let ticks = if i + 1 == names.len() {
            x.seconds(if sheet.is_narrow() { 4 } else { 8 })
        } else {
            Vec::new()
        };
        foot(canvas, &ticks, &x, (left, right), bottom);
    }
}

/// The cells, those of one ink at once; neighbours in time are one bar.
fn cells(canvas: &Canvas<'_>, heat: &Heat, ramp: Ramp, x: &Axis, (top, bottom): (f64, f64)) {
    let height = (bottom - top) / heat.bins.count() as f64;
    let mut bars: [Vec<(f64, f64, f64)>; Ink::HEAT.len()] = Default::default();
    for row in 0..heat.bins.count() {
        let middle = bottom - height * (row as f64 + 0.5);
        let mut open: Option<(usize, f64, f64)> = None;
        for (number, rates) in &heat.columns {
            let step = rates.get(row).and_then(|rate| ramp.step(*rate));
            let (from, to) = heat.stretch(*number);
            match (&mut open, step) {
                (Some((at, _, end)), Some(step)) if *at == step && (*end - from).abs() < 1e-9 => {
                    *end = to;
                }
                _ => {
                    if let Some((at, from, end)) = open.take() {
                        bars[at].push((x.at(from), x.at(end), middle));
                    }
                    open = step.map(|step| (step, from, to));
                }
            }
        }
        if let Some((at, from, end)) = open {
            bars[at].push((x.at(from), x.at(end), middle));
        }
    }
    for (bars, ink) in bars.iter().zip(Ink::HEAT) {
        // A hair over their height, so that no seam shows between rows.
        canvas.bars(bars, height + 0.25, ink);
    }
}

/// The upright axis.
fn latencies(
    canvas: &Canvas<'_>,
    heat: &Heat,
    (left, right): (f64, f64),
    (top, bottom): (f64, f64),
) {
    let bins = heat.bins;
    let y = Axis::logarithmic(bins.edge(0), bins.edge(bins.count()), (bottom, top));
    for (value, label) in y.ticks(Unit::Time, 6) {
        let at = y.at(value);
        canvas.line(&[(left - 4.0, at), (left, at)], Ink::Muted, 1.0);
        canvas.text((left - 8.0, at), &label, Anchor::End, Ink::Muted);
    }
    canvas.line(&[(left, top), (left, bottom)], Ink::Muted, 1.0);
    canvas.line(&[(left, top), (right, top)], Ink::Grid, 1.0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ramp_has_a_step_for_every_rate() {
        let ramp = Ramp {
            top: 2.5_f64.powi(7),
        };
        let steps = [1.0, 0.401, 0.39, 0.065, 1e-9].map(|share| ramp.step(share * ramp.top));
        assert_eq!(steps, [Some(6), Some(6), Some(5), Some(4), Some(0)]);
        assert_eq!(ramp.step(0.0), None);
        assert_eq!(ramp.step(f64::NAN), None);
        assert_eq!(Ramp { top: 0.0 }.step(0.0), None);
        let key = ramp.key();
        assert_eq!(key[0].label, "fewer than 2.5/s");
        assert_eq!(key[6].label, "from 244.1/s");
    }
}
