//! What the target said of itself while it was under load: levels such as a pool's utilisation or a
//! queue's length, on the time axis of a round. Counts that only grow are left to the diagnosis.

use std::collections::BTreeMap;

use crate::model::{Outline, Sample, SeriesName};
use crate::untrusted::Untrusted;

/// Most series that are shown: those that moved most.
const MOST: usize = 12;
/// Most points of one.
const MOST_POINTS: f64 = 120.0;
/// Endings of names of what counts up, or belongs to a histogram.
const COUNTS: [&str; 6] = [
    "_total", "_count", "_sum", "_bucket", "_created", "_seconds",
];

/// Seconds from the beginning of the round, and the value.
type Line = Vec<(f64, f64)>;

/// One level over time.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::report) struct Component {
    /// As Prometheus writes it.
    pub(in crate::report) name: Untrusted,
    pub(in crate::report) now: Line,
    /// Empty where the reference did not say it.
    pub(in crate::report) before: Line,
}

/// The levels that moved most, in the order of their names.
pub(super) fn components(
    now: &[usize],
    before: Option<&[usize]>,
    samples: &[Sample],
    outline: &Outline,
) -> Vec<Component> {
    let step = (outline.duration().as_secs_f64() / MOST_POINTS)
        .ceil()
        .max(1.0);
    let mut before = before.map_or_else(BTreeMap::new, |rounds| lines(rounds, samples, step));
    let mut found: Vec<(f64, Component)> = lines(now, samples, step)
        .into_iter()
        .filter_map(|(series, now)| {
            let component = Component {
                name: Untrusted::new(series.to_string()),
                before: before.remove(series).unwrap_or_default(),
                now,
            };
            Some((component.movement()?, component))
        })
        .collect();
    found.sort_by(|a, b| b.0.total_cmp(&a.0));
    found.truncate(MOST);
    let mut shown: Vec<Component> = found.into_iter().map(|(_, component)| component).collect();
    shown.sort_by(|a, b| a.name.cmp(&b.name));
    shown
}

impl Component {
    /// Least and greatest value of one side.
    pub(in crate::report) fn range(line: &[(f64, f64)]) -> Option<(f64, f64)> {
        let values = line.iter().map(|(_, value)| (*value, *value));
        values.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
    }

    /// How far it moved as a share of the greatest value; None of what stood still, or is below zero.
    fn movement(&self) -> Option<f64> {
        let all: Line = self.now.iter().chain(&self.before).copied().collect();
        let (low, high) = Self::range(&all)?;
        let movement = (high - low) / high;
        (self.now.len() > 1 && low >= 0.0 && movement > 1e-6).then_some(movement)
    }
}

/// The mean of some rounds at each moment.
fn lines<'a>(rounds: &[usize], samples: &'a [Sample], step: f64) -> BTreeMap<&'a SeriesName, Line> {
    let mut sums: BTreeMap<&SeriesName, BTreeMap<u64, (f64, f64)>> = BTreeMap::new();
    for sample in samples.iter().filter(|s| rounds.contains(&s.round)) {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "seconds of a round over a step are a small positive number"
        )]
        let number = (sample.at.as_secs_f64() / step) as u64;
        let levels = sample.scraped.iter().filter(|s| is_level(&s.series));
        for scraped in levels.filter(|s| s.value.is_finite()) {
            let places = sums.entry(&scraped.series).or_default();
            let (sum, n) = places.entry(number).or_default();
            *sum += scraped.value;
            *n += 1.0;
        }
    }
    let line = |places: BTreeMap<u64, (f64, f64)>| -> Line {
        let means = places.into_iter();
        let means = means.map(|(number, (sum, n))| (number as f64 * step, sum / n));
        means.filter(|(_, mean)| mean.is_finite()).collect()
    };
    sums.into_iter()
        .map(|(name, places)| (name, line(places)))
        .collect()
}

fn is_level(series: &SeriesName) -> bool {
    let ends = COUNTS.iter().any(|ending| series.metric.ends_with(ending));
    !ends && !series.labels.contains_key("le") && !series.labels.contains_key("quantile")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Scraped;
    use crate::report::fixture;

    #[test]
    fn what_moved_most_is_shown_and_counts_are_not() {
        let mut run = fixture::run();
        for sample in &mut run.samples {
            let at = sample.at.as_secs_f64();
            let of = |metric: &str, value: f64| Scraped {
                series: SeriesName::new(metric, &[]),
                value,
            };
            let now = f64::from(u8::from(sample.round % 2 == 0));
            sample.scraped = vec![
                of("pool_utilisation", 0.2 + now * at / 100.0),
                of("requests_total", at),
                of("workers", 4.0),
                of("queue_length", at % 7.0),
            ];
        }
        let outline = &run.manifest.outline;
        let found = components(&[0, 2, 4], Some(&[1, 3, 5]), &run.samples, outline);
        let names: Vec<_> = found.iter().map(|c| c.name.raw()).collect();
        assert_eq!(names, ["pool_utilisation", "queue_length"]);
        let pool = &found[0];
        assert_eq!((pool.now.len(), pool.before.len()), (70, 70));
        let (low, high) = Component::range(&pool.now).expect("values");
        assert!(
            (low - 0.2).abs() < 1e-9 && (high - 0.89).abs() < 1e-9,
            "{low} {high}"
        );
        let (low, high) = Component::range(&pool.before).expect("values");
        assert!(
            (low - 0.2).abs() < 1e-9 && (high - 0.2).abs() < 1e-9,
            "{low} {high}"
        );
        assert!(components(&[0], None, &fixture::run().samples, outline).is_empty());
    }

    #[test]
    fn of_many_series_few_are_shown() {
        let mut run = fixture::plain_run();
        for sample in &mut run.samples {
            let at = sample.at.as_secs_f64();
            let level = |i: u32| Scraped {
                series: SeriesName::new("level", &[("of", &i.to_string())]),
                value: 100.0 + at * f64::from(i),
            };
            sample.scraped = (0..50).map(level).collect();
        }
        let found = components(&[0], None, &run.samples, &run.manifest.outline);
        assert_eq!(found.len(), MOST);
        assert!(found.iter().any(|c| c.name.raw() == "level{of=\"49\"}"));
    }
}
