//! What only those want who ask for more: every percentile, a histogram, each round.

use std::iter;

use crate::model::{Distribution, Estimate, Metric, Stat};
use crate::report::table::{Column, Table};
use crate::report::view::{Bands, Summary, View};
use crate::report::words;
use crate::units::Unit;

use super::page::Page;

/// Quantiles, those that are no metric among them.
const EVERY: [(&str, f64); 10] = [
    ("p10", 0.1),
    ("p25", 0.25),
    ("p50", 0.5),
    ("p75", 0.75),
    ("p90", 0.9),
    ("p95", 0.95),
    ("p99", 0.99),
    ("p99.5", 0.995),
    ("p99.9", 0.999),
    ("p99.99", 0.9999),
];

/// Rows that a histogram has at least, where the values lie far enough apart, and at most.
const ROWS: (usize, usize) = (8, 24);

/// Edges for each power of ten: about so many, from coarse to fine.
const STEPS: [u32; 6] = [3, 6, 12, 24, 48, 96];

/// Columns of the longest bar, and what stands beside it.
const BAR: usize = 50;
const BESIDE: usize = 44;

/// A row for each statistic that is a metric: latency, service time, wait and lateness.
pub(super) fn usual(page: &Page, now: &Summary) -> Vec<Vec<String>> {
    let row = |stat: Stat| cells(page, stat.name(), of(now, stat));
    Stat::ALL.into_iter().map(row).collect()
}

/// A row for every percentile.
pub(super) fn percentiles(page: &Page, now: &Summary) -> Vec<Vec<String>> {
    let mut rows = vec![cells(page, "mean", of(now, Stat::Mean))];
    for (name, q) in EVERY {
        rows.push(cells(page, name, now.quantiles(q)));
    }
    rows.push(cells(page, "max", of(now, Stat::Max)));
    rows
}

/// The interval of each of these latencies.
pub(super) fn intervals(page: &Page, bands: &Bands) -> Option<Vec<String>> {
    let quantiles = EVERY.iter().map(|(_, q)| Some(*q));
    let cells = bands.in_words(iter::once(None).chain(quantiles).chain([None]))?;
    Some(cells.iter().map(|c| page.letters(c)).collect())
}

fn of(now: &Summary, stat: Stat) -> [Estimate; 4] {
    [
        Metric::Latency(stat),
        Metric::ServiceTime(stat),
        Metric::Wait(stat),
        Metric::Lateness(stat),
    ]
    .map(|metric| now.value(metric))
}

fn cells(page: &Page, name: &str, values: [Estimate; 4]) -> Vec<String> {
    let shown = values.map(|v| page.letters(&words::short_estimate(v, Unit::Time)));
    iter::once(name.to_owned()).chain(shown).collect()
}

/// How the latencies are distributed: a bar for each stretch, the stretches growing with the times.
pub(super) fn histogram(page: &mut Page, now: &Summary) {
    let answered = &now.latency.ok;
    if answered.is_empty() {
        return;
    }
    let population = now.latency.population();
    let mut table = Table::new(&[
        Column::right("from"),
        Column::right("to"),
        Column::right("requests"),
        Column::right("share"),
        Column::left(" "),
    ]);
    let bars = bars(answered);
    let most = bars.iter().map(|bar| bar.count).max().unwrap_or(1);
    let room = page.style.width.saturating_sub(BESIDE).min(BAR);
    let mut row = |from: String, to: String, n: u64, bar: String| {
        let share = Unit::Share.format(n as f64 / population as f64);
        let cells = [from, to, words::count(n), share, bar];
        table.row(cells.iter().map(|c| page.letters(c)).collect());
    };
    for Bar { from, to, count } in bars {
        let time = |v: u64| Unit::Time.format(v as f64);
        row(time(from), time(to), count, drawn(count, most, room));
    }
    // Nothing leaves the population.
    let given_up = now.latency.censored.count();
    if given_up > 0 {
        let least = now.latency.censored.min();
        row(
            format!("≥ {least}"),
            "–".to_owned(),
            given_up,
            "given up".to_owned(),
        );
    }
    if now.latency.failed > 0 {
        row(
            "–".to_owned(),
            "–".to_owned(),
            now.latency.failed,
            "failed".to_owned(),
        );
    }
    page.blank();
    page.labelled("histogram", "of latency");
    page.table(&table);
}

/// A stretch of values, its beginning included.
struct Bar {
    from: u64,
    to: u64,
    count: u64,
}

fn bars(values: &Distribution) -> Vec<Bar> {
    let edges = edges(values.min().0, values.max().0);
    let mut bars: Vec<Bar> = edges
        .windows(2)
        .map(|edge| Bar {
            from: edge[0],
            to: edge[1],
            count: 0,
        })
        .collect();
    for (low, width, n) in values.buckets() {
        let middle = (low + width / 2).clamp(values.min().0, values.max().0);
        let at = bars.partition_point(|bar| bar.to <= middle);
        if let Some(bar) = bars.get_mut(at) {
            bar.count += n;
        }
    }
    bars
}

/// Round values, each about so much greater than the one before, from below the least to above the
/// greatest.
fn edges(least: u64, greatest: u64) -> Vec<u64> {
    let mut chosen = Vec::new();
    for steps in STEPS {
        let edges = series(steps, least, greatest);
        let is_too_fine = edges.len() > ROWS.1 + 1;
        if chosen.is_empty() || !is_too_fine {
            chosen = edges;
        }
        if chosen.len() > ROWS.0 {
            break;
        }
    }
    chosen
}

/// The part of the powers of the steps-th root of ten, rounded, that holds all from the least to the
/// greatest.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "times are at most an hour"
)]
fn series(steps: u32, least: u64, greatest: u64) -> Vec<u64> {
    let digits = if steps > 24 { 3 } else { 2 };
    let edge = |i: u32| {
        let exact = 10_f64.powf(f64::from(i) / f64::from(steps));
        let unit = 10_f64.powf((exact.log10().floor() - f64::from(digits - 1)).max(0.0));
        ((exact / unit).round() * unit) as u64
    };
    // Ten powers of ten are beyond the hour at which every distribution ends.
    let mut edges: Vec<u64> = (0..=14 * steps).map(edge).collect();
    edges.dedup();
    let first = edges.partition_point(|e| *e <= least).saturating_sub(1);
    let last = edges.partition_point(|e| *e <= greatest);
    if edges[first] > least {
        // Less than the first of them.
        edges.insert(0, 0);
        return edges[..=last + 1].to_vec();
    }
    edges[first..=last].to_vec()
}

/// A bar in proportion; what is there is seen.
fn drawn(n: u64, most: u64, room: usize) -> String {
    let columns = (n as f64 / most as f64 * room as f64).round();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "columns of a terminal"
    )]
    let columns = columns as usize;
    match (n, columns) {
        (0, _) => String::new(),
        (_, 0) => "▏".to_owned(),
        _ => "█".repeat(columns),
    }
}

/// Each round, and what became of it.
pub(super) fn rounds(page: &mut Page, view: &View) {
    if view.rounds.len() < 2 {
        return;
    }
    let mut table = Table::new(&[
        Column::right("round"),
        Column::left("side").spare(3),
        Column::right("ok").spare(2),
        Column::right("errors").spare(1),
        Column::right("p50"),
        Column::right("p99"),
        Column::left("state"),
    ]);
    for round in &view.rounds {
        let show =
            |metric: Metric| words::short_estimate(round.summary.value(metric), metric.unit());
        let cells = [
            round.number.to_string(),
            round.arm.name().to_owned(),
            show(Metric::ThroughputOk),
            show(Metric::ErrorsRate),
            show(Metric::Latency(Stat::P50)),
            show(Metric::Latency(Stat::P99)),
            round.state.clone(),
        ];
        table.row(cells.iter().map(|c| page.letters(c)).collect());
    }
    page.blank();
    page.table(&table);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Nanos;

    #[test]
    fn edges_are_round_and_hold_every_value() {
        for (least, greatest) in [
            (0, 0),
            (0, 1),
            (1, 1),
            (3, 900),
            (999, 1_000),
            (8_100_000, 8_400_000),
            (5_000_000, 41_000_000),
            (20_000, 3_600_000_000_000),
            (3_600_000_000_000, 3_600_000_000_000),
        ] {
            let edges = edges(least, greatest);
            assert!(edges.len() >= 2, "{least}..{greatest}: {edges:?}");
            assert!(edges.len() <= ROWS.1 + 16, "{least}..{greatest}: {edges:?}");
            assert!(
                edges[0] <= least && *edges.last().expect("some") > greatest,
                "{edges:?}"
            );
            assert!(edges.is_sorted_by(|a, b| a < b), "{edges:?}");
        }
        let ms = edges(5_000_000, 41_000_000)
            .into_iter()
            .map(|e| e as f64 / 1e6);
        let ms: Vec<String> = ms.map(|e| e.to_string()).collect();
        assert_eq!(ms.join(" "), "4.6 5.6 6.8 8.3 10 12 15 18 22 26 32 38 46");
    }

    #[test]
    fn every_value_is_in_one_bar() {
        let mut values = Distribution::default();
        for i in 0..10_000_u64 {
            values.record(Nanos(i * i * 7));
        }
        let bars = bars(&values);
        assert_eq!(bars.iter().map(|b| b.count).sum::<u64>(), 10_000);
        assert!(bars.iter().all(|b| b.from < b.to));
    }
}
