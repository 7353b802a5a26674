//! Change points in histories: what is found, what is not there, and how soon.

use plimsoll::stats;

use crate::chance::Chance;
use crate::data::Series;
use crate::otava;
use crate::table::{Must, Row, Section, share};

/// Points by which a change point may miss the place.
const TOLERANCE: usize = 5;
/// Points after a change within which it should be found.
const PATIENCE: usize = 40;
/// Made-up series of each kind of noise, their length and their scatter.
const NOISE_SERIES: usize = 2000;
const NOISE_LENGTH: usize = 150;
const NOISE_SD: f64 = 0.05;

type Finder = fn(&[f64]) -> Vec<usize>;
type Draw = fn(&mut Chance) -> Vec<f64>;

/// Confirmed change points; a candidate is none yet.
fn ours(values: &[f64]) -> Vec<usize> {
    stats::change_points(values, 0.0)
        .iter()
        .filter(|p| !p.candidate)
        .map(|p| p.index)
        .collect()
}

const FINDERS: [Finder; 2] = [ours, otava::change_points];
const COLUMNS: [&str; 2] = ["ours", "Otava-like"];

/// Measures on histories without a change; nothing without any.
pub(crate) fn sections(series: &[Series]) -> Vec<Section> {
    let mut sections = vec![noise()];
    if !series.is_empty() {
        sections.insert(0, on_histories(series));
    }
    sections
}

fn on_histories(series: &[Series]) -> Section {
    let points: usize = series.iter().map(|s| s.value.len()).sum();
    let mut rows = vec![Row::number(
        "false change points in 1,000 points",
        2,
        Must::AtMost(0.7),
        FINDERS
            .map(|find| {
                let found: usize = series.iter().map(|s| find(&s.value).len()).sum();
                1000.0 * found as f64 / points as f64
            })
            .to_vec(),
    )];
    for (percent, least) in [(2, 0.68), (5, 0.94), (10, 0.97)] {
        rows.push(Row::number(
            format!("F1 for a change of {percent} %"),
            3,
            Must::AtLeast(least),
            FINDERS.map(|find| f1(series, percent, find)).to_vec(),
        ));
    }
    for percent in [5, 10] {
        rows.push(Row::number(
            format!("points until a change of {percent} % is found, median"),
            1,
            Must::AtMost(5.0),
            FINDERS.map(|find| delay(series, percent, find)).to_vec(),
        ));
    }
    Section {
        title: format!(
            "### Change points\n\n{} histories without a change, {points} points; from a known place on \
             × 1.02, 1.05, 1.10. A change counts as found within {TOLERANCE} points of its place.",
            series.len()
        ),
        columns: COLUMNS.to_vec(),
        rows,
    }
}

fn changed(s: &Series, percent: u32, to: usize) -> Vec<f64> {
    let factor = 1.0 + f64::from(percent) / 100.0;
    s.value[..to]
        .iter()
        .enumerate()
        .map(|(i, v)| if i < s.inject_at { *v } else { factor * v })
        .collect()
}

fn hits(found: &[usize], at: usize) -> bool {
    found.iter().any(|i| i.abs_diff(at) <= TOLERANCE)
}

/// Harmonic mean of precision and recall; of several points near the place one is right.
fn f1(series: &[Series], percent: u32, find: Finder) -> f64 {
    let (mut right, mut wrong, mut missed) = (0, 0, 0);
    for s in series {
        let found = find(&changed(s, percent, s.value.len()));
        let hit = usize::from(hits(&found, s.inject_at));
        right += hit;
        wrong += found.len() - hit;
        missed += 1 - hit;
    }
    share(2 * right, 2 * right + wrong + missed)
}

/// Median over the series of the points it takes; infinite where it is not found in time.
fn delay(series: &[Series], percent: u32, find: Finder) -> f64 {
    let mut delays: Vec<f64> = series
        .iter()
        .map(|s| {
            let most = PATIENCE.min(s.value.len().saturating_sub(s.inject_at));
            let found = (1..=most).find(|n| {
                let until_then = changed(s, percent, s.inject_at + n);
                hits(&find(&until_then), s.inject_at)
            });
            found.map_or(f64::INFINITY, |n| n as f64)
        })
        .collect();
    delays.sort_unstable_by(f64::total_cmp);
    let n = delays.len();
    if n.is_multiple_of(2) {
        f64::midpoint(delays[n / 2 - 1], delays[n / 2])
    } else {
        delays[n / 2]
    }
}

fn noise() -> Section {
    let kinds: [(&str, Draw); 3] = [
        ("normal", |c| {
            (0..NOISE_LENGTH).map(|_| c.normal()).collect()
        }),
        ("t with 3 degrees of freedom", |c| {
            (0..NOISE_LENGTH).map(|_| c.t3()).collect()
        }),
        ("autoregressive, ρ = .5", |c| {
            let mut level = c.normal();
            let step = 0.75_f64.sqrt();
            (0..NOISE_LENGTH)
                .map(|_| {
                    level = 0.5 * level + step * c.normal();
                    level
                })
                .collect()
        }),
    ];
    let mut chance = Chance::new(3);
    let rows = kinds
        .into_iter()
        .map(|(name, draw)| {
            let mut flagged = [0; 2];
            for _ in 0..NOISE_SERIES {
                let values: Vec<f64> = draw(&mut chance)
                    .into_iter()
                    .map(|e| (NOISE_SD * e).exp())
                    .collect();
                for (count, find) in flagged.iter_mut().zip(FINDERS) {
                    *count += usize::from(!find(&values).is_empty());
                }
            }
            Row::share(
                format!("series flagged: {name}"),
                Must::AtMost(0.01),
                flagged.map(|n| share(n, NOISE_SERIES)).to_vec(),
            )
        })
        .collect();
    Section {
        title: format!(
            "### Pure noise\n\nSimulated, {NOISE_SERIES} series each of {NOISE_LENGTH} points with a \
             scatter of 5 %."
        ),
        columns: COLUMNS.to_vec(),
        rows,
    }
}
