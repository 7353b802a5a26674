//! How many requests took how long, both sides over each other. The bars are equally wide on the
//! logarithmic scale of latency.

use crate::model::Latencies;
use crate::report::view::Bins;
use crate::report::words;
use crate::units::Unit;

use super::Ink;
use super::axis::Axis;
use super::canvas::{Anchor, Canvas};
use super::chart::{Chart, Key};
use super::lines::foot;

/// Most bars.
const MOST: usize = 72;
/// A peak is at least so high, as a share of the highest.
const LEAST_PEAK: f64 = 0.12;
/// Between two peaks the bars fall to at most such a share of the lower one.
const VALLEY: f64 = 0.6;

/// Shares of all requests of a side by bin.
struct Side {
    shares: Vec<f64>,
    /// Bins that stand out from their neighbourhood, from fast to slow.
    peaks: Vec<usize>,
}

/// Draws the shares of both sides; None when no request has a time.
pub(in crate::report) fn histogram(now: &Latencies, before: Option<&Latencies>) -> Option<Chart> {
    let timed = |l: &Latencies| !l.ok.is_empty() || !l.censored.is_empty();
    let before = before.filter(|b| timed(b));
    let both = || std::iter::once(now).chain(before);
    let bins = Bins::over(both().flat_map(|l| [&l.ok, &l.censored]), MOST)?;
    let now_side = Side::of(now, &bins);
    let before_side = before.map(|b| Side::of(b, &bins));
    let mut key = vec![Key::new(Ink::Now, "line", "now")];
    let mut head = vec!["latency".to_owned(), "now".to_owned()];
    if before.is_some() {
        key.push(Key::new(Ink::Before, "dashed", "before"));
        head.push("before".to_owned());
    }
    let x = axis(&bins, (0.0, 1.0));
    let kept: Vec<usize> = (0..bins.count())
        .filter(|bin| {
            let mut sides = std::iter::once(&now_side).chain(&before_side);
            sides.any(|side| side.shares[*bin] > 0.0)
        })
        .collect();
    let row = |bin: usize| {
        let time = |v: f64| Unit::Time.format(v);
        let range = format!("{} to {}", time(bins.edge(bin)), time(bins.edge(bin + 1)));
        let sides = std::iter::once(&now_side).chain(&before_side);
        let shares = sides.map(|side| Unit::Share.format(side.shares[bin]));
        std::iter::once(range).chain(shares).collect::<Vec<_>>()
    };
    let mut chart = Chart {
        id: "histogram",
        title: "How many requests took how long".to_owned(),
        finding: finding(&bins, &now_side, before_side.as_ref()),
        key,
        drawings: Vec::new(),
        head,
        rows: kept.iter().map(|bin| row(*bin)).collect(),
        places: Chart::places(kept.iter().map(|bin| x.at(bins.middle(*bin)))),
        note:
            "Bars are equally wide on a logarithmic scale. Requests that were given up stand where \
               they were given up."
                .to_owned(),
    };
    chart.draw([240.0, 210.0], |canvas| {
        paint(canvas, &bins, &now_side, before_side.as_ref());
    });
    Some(chart)
}

impl Side {
    fn of(latencies: &Latencies, bins: &Bins) -> Self {
        let mut shares = vec![0.0; bins.count()];
        bins.add(&latencies.ok, &mut shares);
        bins.add(&latencies.censored, &mut shares);
        let population = latencies.population().max(1) as f64;
        for share in &mut shares {
            *share /= population;
        }
        Self {
            peaks: peaks(&shares),
            shares,
        }
    }
}

/// Places where smoothed bars are the highest around, with a valley between any two.
fn peaks(bars: &[f64]) -> Vec<usize> {
    let at = |i: usize| bars.get(i).copied().unwrap_or(0.0);
    let smooth = |i: usize| {
        let before = if i == 0 { 0.0 } else { at(i - 1) };
        (before + 2.0 * at(i) + at(i + 1)) / 4.0
    };
    let smoothed: Vec<f64> = (0..bars.len()).map(smooth).collect();
    let highest = smoothed.iter().copied().fold(0.0, f64::max);
    let mut peaks: Vec<usize> = Vec::new();
    // The least since the last peak.
    let mut valley = f64::INFINITY;
    for (i, &height) in smoothed.iter().enumerate() {
        valley = valley.min(height);
        if height < LEAST_PEAK * highest || height <= 0.0 {
            continue;
        }
        match peaks.last().copied() {
            None => peaks.push(i),
            Some(last) if valley <= VALLEY * smoothed[last].min(height) => peaks.push(i),
            Some(last) if height > smoothed[last] => {
                peaks.pop();
                peaks.push(i);
            }
            Some(_) => continue,
        }
        valley = height;
    }
    peaks
}

/// `The times have 2 peaks, at about 8.1 ms and 13.7 ms; before, one peak, at about 8.2 ms.`
fn finding(bins: &Bins, now: &Side, before: Option<&Side>) -> String {
    let said = |side: &Side| -> String {
        let at = |bin: &usize| Unit::Time.format(bins.middle(*bin));
        words::listed(&side.peaks.iter().map(at).collect::<Vec<_>>())
    };
    let of = |side: &Side| match side.peaks.len() {
        1 => format!("one peak, at about {}", said(side)),
        n => format!("{n} peaks, at about {}", said(side)),
    };
    match before {
        None => format!("The times have {}.", of(now)),
        Some(before) => format!("The times have {}; before, {}.", of(now), of(before)),
    }
}

fn axis(bins: &Bins, places: (f64, f64)) -> Axis {
    Axis::logarithmic(bins.edge(0), bins.edge(bins.count()), places)
}

fn paint(canvas: &Canvas<'_>, bins: &Bins, now: &Side, before: Option<&Side>) {
    let sheet = canvas.sheet();
    let left = sheet.letters * 5.6;
    let (right, top, bottom) = (sheet.width - 16.0, 14.0, sheet.height - 30.0);
    canvas.plot_spans(left, right);
    let x = axis(bins, (left, right));
    let all = now
        .shares
        .iter()
        .chain(before.into_iter().flat_map(|b| &b.shares));
    let y = Axis::linear(0.0, all.copied().fold(0.0, f64::max) * 1.08, (bottom, top));
    let outline = |side: &Side| -> Vec<(f64, f64)> {
        let bars = side.shares.iter().enumerate();
        let tops = bars.flat_map(|(bin, share)| {
            let height = y.at(*share);
            [
                (x.at(bins.edge(bin)), height),
                (x.at(bins.edge(bin + 1)), height),
            ]
        });
        let ends = [(left, bottom), (right, bottom)];
        std::iter::once(ends[0])
            .chain(tops)
            .chain([ends[1]])
            .collect()
    };
    canvas.polygon(&outline(now), Ink::Heat1);
    for (value, label) in y.ticks(Unit::Share, 4) {
        let at = y.at(value);
        canvas.line(&[(left, at), (right, at)], Ink::Grid, 1.0);
        canvas.text((left - 8.0, at), &label, Anchor::End, Ink::Muted);
    }
    let most = if sheet.is_narrow() { 5 } else { 9 };
    foot(
        canvas,
        &x.ticks(Unit::Time, most),
        &x,
        (left, right),
        bottom,
    );
    if let Some(before) = before {
        canvas.dashes(&outline(before), Ink::Before);
    }
    canvas.line(&outline(now), Ink::Now, 1.75);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    #[test]
    fn peaks_have_a_valley_between_them() {
        assert_eq!(peaks(&[0.0, 1.0, 4.0, 9.0, 4.0, 1.0, 0.0]), [3]);
        assert_eq!(peaks(&[1.0, 8.0, 2.0, 1.0, 2.0, 9.0, 1.0]), [1, 5]);
        // A dent is no valley, and a ripple no peak.
        assert_eq!(peaks(&[1.0, 8.0, 7.0, 9.0, 1.0]).len(), 1);
        assert_eq!(peaks(&[0.0, 9.0, 1.0, 0.0, 0.4, 0.0]), [1]);
        assert_eq!(peaks(&[0.0; 5]), [0; 0]);
        assert_eq!(peaks(&[1.0]), [0]);
    }

    #[test]
    fn two_steps_are_two_peaks_and_shares_add_up() {
        let run = fixture::run();
        let view = crate::report::View::new(&run, None);
        let before = view.before.as_ref().map(|b| &b.latency);
        let chart = histogram(&view.now.latency, before).expect("a chart");
        assert!(chart.finding.contains("2 peaks"), "{}", chart.finding);
        assert_eq!(chart.rows.len(), chart.places.len());
        let bins = Bins::over([&view.now.latency.ok], MOST).expect("bins");
        let side = Side::of(&view.now.latency, &bins);
        assert!((side.shares.iter().sum::<f64>() - 1.0).abs() < 1e-9);
        assert!(histogram(&Latencies::default(), None).is_none());
    }
}
