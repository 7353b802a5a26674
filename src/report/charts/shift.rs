//! The difference of the percentile curves, in time and as a share, with the interval of each named
//! percentile and what its threshold allows. The axis is the logit, so that both tails have room.

use crate::report::view::{ShiftPoint, ShiftView, Shifted, logit};
use crate::report::words;
use crate::units::Unit;

use super::Ink;
use super::axis::Axis;
use super::canvas::{Anchor, Canvas};
use super::chart::{Chart, Key};
use super::curve::named_ticks;

/// Height of one of the two plots with its title, on a page and on a phone.
const PLOT: [f64; 2] = [160.0, 145.0];
/// Room for the title, and below the last plot for the names of percentiles.
const HEAD: f64 = 28.0;
const FOOT: f64 = 24.0;
/// Half the width of an allowed zone.
const ZONE: f64 = 11.0;
/// How far an axis reaches at least, as a share.
const LEAST_REACH: f64 = 0.02;

/// Draws both differences over each other.
pub(in crate::report) fn shift_plot(shift: &ShiftView) -> Chart {
    let any = |shifted| shift.named().any(|p| p.shifted() == shifted);
    let mut key = vec![
        Key::new(Ink::Now, "line", "now minus before"),
        Key::new(Ink::Before, "ring", "no difference shown"),
    ];
    if any(Shifted::Slower) {
        key.push(Key::new(Ink::Bad, "dot", "slower beyond chance"));
    }
    if any(Shifted::Faster) {
        key.push(Key::new(Ink::Good, "dot", "faster beyond chance"));
    }
    if shift.named().any(|p| p.allowed.is_some()) {
        key.push(Key::new(Ink::Allowed, "area", "allowed by a threshold"));
    }
    let across = across(shift, (0.0, 1.0));
    let mut chart = Chart {
        id: "shift",
        title: "Difference by percentile".to_owned(),
        finding: shift.finding(),
        key,
        drawings: Vec::new(),
        head: [
            "percentile",
            "before",
            "difference",
            "95 % interval",
            "change",
            "95 % interval",
            "allowed",
        ]
        .map(String::from)
        .to_vec(),
        rows: shift.named().map(cells).collect(),
        places: Chart::places(shift.named().map(|p| across.at(logit(p.q)))),
        note: note(shift),
    };
    let height = |plot: f64| 2.0 * plot + FOOT;
    chart.draw(PLOT.map(height), |canvas| paint(canvas, shift));
    chart
}

fn note(shift: &ShiftView) -> String {
    let [before, now] = shift.rounds;
    let rounds = if shift.in_pairs {
        format!("{} of rounds", words::plural(now, "pair"))
    } else {
        format!("{before} rounds before and {now} now")
    };
    let mut note = "Above zero is slower.".to_owned();
    if shift.named().any(|p| p.interval.is_some()) {
        note += &format!(
            " A bar is the 95 % interval of one percentile by {rounds}, cut off at the edge; the verdict \
             allows for many metrics and looks besides."
        );
    }
    note
}

fn cells(point: &ShiftPoint) -> Vec<String> {
    vec![
        point.name.to_owned(),
        Unit::Time.format(point.before),
        point.difference_in_words(),
        point.interval_of_difference(),
        point.change_in_words(),
        point.interval_in_words(),
        point
            .allowed
            .map_or_else(|| "–".to_owned(), |share| words::change(share, false)),
    ]
}

fn across(shift: &ShiftView, places: (f64, f64)) -> Axis {
    let ends = shift.points.first().zip(shift.points.last());
    let (low, high) = ends.map_or((0.0, 1.0), |(a, b)| (logit(a.q), logit(b.q)));
    Axis::linear(low, high, places)
}

/// One of the two plots.
struct Plot {
    unit: Unit,
    title: &'static str,
    /// A share of before in the unit of the plot.
    scaled: fn(&ShiftPoint, f64) -> f64,
}

const PLOTS: [Plot; 2] = [
    Plot {
        unit: Unit::Time,
        title: "as a time",
        scaled: |point, share| point.before * share,
    },
    Plot {
        unit: Unit::Share,
        title: "as a share of before",
        scaled: |_, share| share,
    },
];

fn paint(canvas: &Canvas<'_>, shift: &ShiftView) {
    let sheet = canvas.sheet();
    let (left, right) = (sheet.letters * 5.6, sheet.width - 16.0);
    let height = (sheet.height - FOOT) / 2.0;
    canvas.plot_spans(left, right);
    let x = across(shift, (left, right));
    for (i, plot) in PLOTS.iter().enumerate() {
        let top = height * i as f64 + HEAD;
        let bottom = height * (i + 1) as f64 - 8.0;
        canvas.text((left, top - 14.0), plot.title, Anchor::Start, Ink::Text);
        // Both have the same axis across: its names stand below the second.
        let is_last = i + 1 == PLOTS.len();
        let names = shift.named().map(|p| {
            let name = if is_last { p.name } else { "" };
            (logit(p.q), name)
        });
        named_ticks(canvas, names, &x, (left, right), (top, bottom));
        plot.paint(canvas, shift, &x, (left, right), (top, bottom));
    }
}

impl Plot {
    /// The curve and what is allowed are in it whole; an interval much wider than both is cut off.
    fn reach(&self, shift: &ShiftView) -> (f64, f64) {
        let scaled = |p: &ShiftPoint, share: f64| (self.scaled)(p, share);
        let (mut low, mut high) = (0.0_f64, 0.0_f64);
        for p in &shift.points {
            let least = scaled(p, LEAST_REACH);
            let all = [Some(p.change), p.allowed, p.allowed.map(|a| -a)];
            for value in all.into_iter().flatten().map(|share| scaled(p, share)) {
                low = low.min(value);
                high = high.max(value);
            }
            (low, high) = (low.min(-least), high.max(least));
        }
        let most = 2.0 * low.abs().max(high);
        for (from, to) in shift.named().filter_map(|p| {
            let (from, to) = p.interval?;
            Some((scaled(p, from), scaled(p, to)))
        }) {
            low = low.min(from.max(-most));
            high = high.max(to.min(most));
        }
        let margin = (high - low) * 0.06;
        (low - margin, high + margin)
    }

    fn paint(
        &self,
        canvas: &Canvas<'_>,
        shift: &ShiftView,
        x: &Axis,
        (left, right): (f64, f64),
        (top, bottom): (f64, f64),
    ) {
        let (low, high) = self.reach(shift);
        let y = Axis::linear(low, high, (bottom, top));
        let place = |p: &ShiftPoint, share: f64| (x.at(logit(p.q)), y.at((self.scaled)(p, share)));
        for (value, label) in y.ticks(self.unit, 5) {
            let at = y.at(value);
            canvas.line(&[(left, at), (right, at)], Ink::Grid, 1.0);
            let label = match value {
                v if v > 0.0 => format!("+{label}"),
                v if v < 0.0 => label,
                _ => "0".to_owned(),
            };
            canvas.text((left - 8.0, at), &label, Anchor::End, Ink::Muted);
        }
        for point in &shift.points {
            if let Some(allowed) = point.allowed {
                let ((at, upper), (_, lower)) = (place(point, allowed), place(point, -allowed));
                canvas.rectangle((at - ZONE, upper), (at + ZONE, lower), Ink::Allowed);
            }
        }
        canvas.line(&[(left, y.at(0.0)), (right, y.at(0.0))], Ink::Before, 1.25);
        let curve: Vec<_> = shift.points.iter().map(|p| place(p, p.change)).collect();
        canvas.line(&curve, Ink::Now, 1.75);
        for point in shift.named() {
            mark(canvas, point, |share| place(point, share));
        }
    }
}

/// The interval of a percentile, and its estimate as a dot.
fn mark(canvas: &Canvas<'_>, point: &ShiftPoint, place: impl Fn(f64) -> (f64, f64)) {
    let ink = match point.shifted() {
        Shifted::Slower => Ink::Bad,
        Shifted::Faster => Ink::Good,
        Shifted::NotShown => Ink::Before,
    };
    if let Some((low, high)) = point.interval {
        let (from, to) = (place(low), place(high));
        canvas.line(&[from, to], ink, 2.0);
        for (at, y) in [from, to] {
            canvas.line(&[(at - 4.0, y), (at + 4.0, y)], ink, 1.75);
        }
    }
    let hollow = point.shifted() == Shifted::NotShown;
    canvas.dot(place(point.change), 4.5, ink, hollow);
}
