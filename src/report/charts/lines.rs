//! Series over the time of a round, with the phases as bands behind them; or over the rates of a
//! search, with the knee as a band.

use crate::units::Unit;

use super::Ink;
use super::axis::Axis;
use super::canvas::{Anchor, Canvas, Sheet};
use super::chart::{Chart, Key};

/// Most rows of the table under a chart; a longer series shows every second, third … point.
const MOST_ROWS: usize = 60;

/// One line.
#[derive(Debug, Clone)]
pub(in crate::report) struct Series {
    pub(in crate::report) label: String,
    pub(in crate::report) ink: Ink,
    /// Dashed: the reference or what was asked for.
    pub(in crate::report) dashed: bool,
    /// Place (seconds, or a rate) and value; None breaks the line.
    pub(in crate::report) points: Vec<(f64, Option<f64>)>,
}

/// A stretch of time with a name.
#[derive(Debug, Clone)]
pub(in crate::report) struct Band {
    pub(in crate::report) from: f64,
    pub(in crate::report) to: f64,
    pub(in crate::report) name: String,
    pub(in crate::report) kind: BandKind,
}

/// What a band stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::report) enum BandKind {
    Phase,
    /// Shaded: it does not count.
    WarmUp,
    /// Shaded: less was sent than the plan asked for.
    Held,
    /// Shaded: the traffic was disturbed on purpose.
    Fault,
    /// An alert fired.
    Alert,
    /// Shaded: where the knee lies, among rates.
    Knee,
}

/// What lies across.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::report) enum Across {
    /// Seconds of a round.
    Time,
    /// Requests per second.
    Rate,
}

impl Across {
    const fn head(self) -> &'static str {
        match self {
            Self::Time => "time",
            Self::Rate => "rate",
        }
    }

    fn format(self, place: f64) -> String {
        match self {
            Self::Time => format!("{} s", Unit::Count.format(place)),
            Self::Rate => Unit::PerSecond.format(place),
        }
    }

    fn ticks(self, axis: &Axis, most: usize) -> Vec<(f64, String)> {
        match self {
            Self::Time => axis.seconds(most),
            Self::Rate => axis.ticks(Unit::PerSecond, most),
        }
    }
}

/// What to draw.
#[derive(Debug, Clone)]
pub(in crate::report) struct LinePlot {
    pub(in crate::report) id: &'static str,
    pub(in crate::report) title: &'static str,
    pub(in crate::report) finding: String,
    pub(in crate::report) note: String,
    pub(in crate::report) unit: Unit,
    pub(in crate::report) across: Across,
    pub(in crate::report) series: Vec<Series>,
    pub(in crate::report) bands: Vec<Band>,
}

/// The upright axis.
#[derive(Debug, Clone, Copy)]
enum Range {
    FromZero(f64),
    Logarithmic(f64, f64),
}

/// What the axes of a plot span.
#[derive(Debug, Clone, Copy)]
struct Extent {
    range: Range,
    /// Of the axis across, which begins at zero.
    end: f64,
}

impl Extent {
    /// None when no series has two points.
    fn of(plot: &LinePlot) -> Option<Self> {
        let values = || {
            plot.series
                .iter()
                .flat_map(|s| &s.points)
                .filter_map(|p| p.1)
                .filter(|v| v.is_finite())
        };
        if values().count() < 2 {
            return None;
        }
        let highest = values().fold(0.0, f64::max);
        let lowest = values().filter(|v| *v > 0.0).fold(highest, f64::min);
        // A stall of seconds over answers of milliseconds: both must be seen.
        let logarithmic = plot.unit == Unit::Time && highest / lowest > 25.0;
        let points = plot.series.iter().flat_map(|s| &s.points).map(|p| p.0);
        let bands = plot.bands.iter().map(|b| b.to);
        Some(Self {
            range: if logarithmic {
                Range::Logarithmic(lowest * 0.8, highest * 1.25)
            } else {
                Range::FromZero(highest * 1.08)
            },
            end: points.chain(bands).fold(0.0, f64::max),
        })
    }
}

/// Draws a plot beside others of its kind; None when no series has two points.
pub(super) fn small_plot(id: &str, title: &str, plot: &LinePlot) -> Option<String> {
    let extent = Extent::of(plot)?;
    let words = (title, plot.finding.as_str());
    Some(Canvas::draw(Sheet::PANEL, id, words, |canvas| {
        paint(canvas, plot, extent);
    }))
}

/// Draws the plot; None when no series has two points.
pub(in crate::report) fn line_plot(plot: &LinePlot) -> Option<Chart> {
    let extent = Extent::of(plot)?;
    let mut note = plot.note.clone();
    if matches!(extent.range, Range::Logarithmic(..)) {
        note += " The scale is logarithmic.";
    }
    let across = Axis::linear(0.0, extent.end, (0.0, 1.0));
    let shown = shown(plot);
    let mut chart = Chart {
        id: plot.id,
        title: plot.title.to_owned(),
        finding: plot.finding.clone(),
        key: key(plot),
        drawings: Vec::new(),
        head: std::iter::once(plot.across.head().to_owned())
            .chain(plot.series.iter().map(|s| s.label.clone()))
            .collect(),
        rows: shown.iter().map(|at| cells(plot, *at)).collect(),
        places: Chart::places(shown.iter().map(|at| across.at(*at))),
        note,
    };
    chart.draw([250.0, 220.0], |canvas| paint(canvas, plot, extent));
    Some(chart)
}

fn key(plot: &LinePlot) -> Vec<Key> {
    let mut key: Vec<_> = plot
        .series
        .iter()
        .map(|s| Key::new(s.ink, if s.dashed { "dashed" } else { "line" }, &s.label))
        .collect();
    let any = |kind| plot.bands.iter().any(|b| b.kind == kind);
    if any(BandKind::WarmUp) {
        key.push(Key::new(Ink::Band, "area", "warm-up, not counted"));
    }
    if any(BandKind::Knee) {
        key.push(Key::new(Ink::Band, "area", "interval of the knee"));
    }
    if any(BandKind::Held) {
        key.push(Key::new(Ink::BadSoft, "area", "held back by the guard"));
    }
    if any(BandKind::Fault) {
        key.push(Key::new(Ink::WarnSoft, "area", "fault of the scenario"));
    }
    if any(BandKind::Alert) {
        key.push(Key::new(Ink::Warn, "dashed", "alert fires"));
    }
    key
}

/// Where the rows of the table lie.
fn shown(plot: &LinePlot) -> Vec<f64> {
    let mut times: Vec<f64> = plot
        .series
        .iter()
        .flat_map(|s| s.points.iter().map(|p| p.0))
        .collect();
    times.sort_by(f64::total_cmp);
    times.dedup();
    let every = times.len().div_ceil(MOST_ROWS).max(1);
    times.into_iter().step_by(every).collect()
}

fn cells(plot: &LinePlot, at: f64) -> Vec<String> {
    let value = |series: &Series| {
        let point = series.points.iter().find(|p| p.0.total_cmp(&at).is_eq());
        point
            .and_then(|p| p.1)
            .map_or_else(|| "–".to_owned(), |v| plot.unit.format(v))
    };
    let place = std::iter::once(plot.across.format(at));
    place.chain(plot.series.iter().map(value)).collect()
}

fn paint(canvas: &Canvas<'_>, plot: &LinePlot, Extent { range, end }: Extent) {
    let sheet = canvas.sheet();
    let left = sheet.letters * 5.6;
    let (right, top, bottom) = (sheet.width - 12.0, 26.0, sheet.height - 30.0);
    let x = Axis::linear(0.0, end, (left, right));
    let y = match range {
        Range::FromZero(high) => Axis::linear(0.0, high, (bottom, top)),
        Range::Logarithmic(low, high) => Axis::logarithmic(low, high, (bottom, top)),
    };
    canvas.plot_spans(left, right);
    bands(canvas, &plot.bands, &x, (top, bottom));
    for (value, label) in y.ticks(plot.unit, 4) {
        let at = y.at(value);
        canvas.line(&[(left, at), (right, at)], Ink::Grid, 1.0);
        let label = if value == 0.0 { "0".to_owned() } else { label };
        canvas.text((left - 8.0, at), &label, Anchor::End, Ink::Muted);
    }
    let most = if sheet.is_narrow() { 4 } else { 8 };
    foot(
        canvas,
        &plot.across.ticks(&x, most),
        &x,
        (left, right),
        bottom,
    );
    for series in &plot.series {
        for run in unbroken(&series.points) {
            let places: Vec<_> = run.iter().map(|&(t, v)| (x.at(t), y.at(v))).collect();
            match places.as_slice() {
                [one] => canvas.dot(*one, 2.0, series.ink, false),
                many if series.dashed => canvas.dashes(many, series.ink),
                many => canvas.line(many, series.ink, 1.75),
            }
        }
    }
}

/// The axis below a plot, with its ticks.
pub(super) fn foot(
    canvas: &Canvas<'_>,
    ticks: &[(f64, String)],
    x: &Axis,
    (left, right): (f64, f64),
    bottom: f64,
) {
    for (value, label) in ticks {
        let at = x.at(*value);
        canvas.line(&[(at, bottom), (at, bottom + 4.0)], Ink::Muted, 1.0);
        let anchor = if at > right - 14.0 {
            Anchor::End
        } else {
            Anchor::Middle
        };
        canvas.text((at, bottom + 16.0), label, anchor, Ink::Muted);
    }
    canvas.line(&[(left, bottom), (right, bottom)], Ink::Muted, 1.0);
}

/// Areas behind lines, with as many of their names as there is room for.
fn bands(canvas: &Canvas<'_>, bands: &[Band], x: &Axis, (top, bottom): (f64, f64)) {
    for band in bands {
        let (from, to) = (x.at(band.from), x.at(band.to));
        // The names of phases stand above the plot, those of what the guard did within it.
        let mut line = top - 9.0;
        match band.kind {
            BandKind::WarmUp | BandKind::Knee => {
                canvas.rectangle((from, top - 18.0), (to, bottom), Ink::Band);
            }
            BandKind::Phase if band.from > 0.0 => {
                canvas.line(&[(from, top - 18.0), (from, bottom)], Ink::Grid, 1.0);
            }
            BandKind::Phase => {}
            BandKind::Held => {
                canvas.rectangle((from, top), (to, bottom), Ink::BadSoft);
                canvas.line(&[(from, top), (from, bottom)], Ink::Bad, 1.0);
                line = top + 9.0;
            }
            BandKind::Fault => {
                canvas.rectangle((from, top), (to, bottom), Ink::WarnSoft);
                canvas.line(&[(from, top), (from, bottom)], Ink::Warn, 1.0);
                line = top + 9.0;
            }
            BandKind::Alert => {
                canvas.dashes(&[(from, top), (from, bottom)], Ink::Warn);
                line = top + 21.0;
            }
        }
        name_of_band(canvas, band, (from, to), line);
    }
}

/// Where bands begin and end, on a plot that fills its ground; the names of phases above it.
pub(super) fn band_edges(canvas: &Canvas<'_>, bands: &[Band], x: &Axis, (top, bottom): (f64, f64)) {
    for band in bands {
        let (from, to) = (x.at(band.from), x.at(band.to));
        let edges = |ends: &[f64], ink| {
            for at in ends {
                canvas.line(&[(*at, top - 18.0), (*at, bottom)], ink, 1.0);
            }
        };
        match band.kind {
            BandKind::WarmUp | BandKind::Knee | BandKind::Phase => {
                if band.from > 0.0 {
                    edges(&[from], Ink::Muted);
                }
                name_of_band(canvas, band, (from, to), top - 9.0);
            }
            BandKind::Held => edges(&[from, to], Ink::Bad),
            BandKind::Fault => edges(&[from, to], Ink::Warn),
            BandKind::Alert => canvas.dashes(&[(from, top), (from, bottom)], Ink::Warn),
        }
    }
}

/// A name that does not fit its band is left to the table of phases.
fn name_of_band(canvas: &Canvas<'_>, band: &Band, (from, to): (f64, f64), line: f64) {
    let room = (to - from - 10.0) / (canvas.sheet().letters * 0.62);
    if crate::report::table::width(&band.name) as f64 <= room {
        canvas.text((from + 6.0, line), &band.name, Anchor::Start, Ink::Muted);
    }
}

/// The stretches without a gap.
fn unbroken(points: &[(f64, Option<f64>)]) -> Vec<Vec<(f64, f64)>> {
    let mut runs = vec![Vec::new()];
    for &(t, value) in points {
        match value.filter(|v| v.is_finite()) {
            Some(v) => runs.last_mut().expect("there is always a run").push((t, v)),
            None => runs.push(Vec::new()),
        }
    }
    runs.retain(|r| !r.is_empty());
    runs
}
