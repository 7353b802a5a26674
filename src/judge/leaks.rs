//! Does the target's memory grow while it is under load?
//!
//! The slope of resident memory within each round (Theil–Sen, after the warm-up) is one value a
//! round. Their t test against zero says whether memory grows at all, and the one against the
//! reference whether it grows more than it did. It is a finding beside the verdicts; a threshold on
//! `memory.rss.slope` makes it count.

use super::question::Question;
use super::rounds::Readings;
use super::values::Reading;
use crate::model::{Finding, Metric, Scope};
use crate::stats::{Contrast, mean, one_sample, paired, two_sample};
use crate::units::Unit;

/// Rounds below which nothing is said.
const LEAST_ROUNDS: usize = 3;

/// Growth during the measured time below this share of the peak is no leak worth a word.
const LEAST_GROWTH: f64 = 0.01;

/// Two-sided level of both tests.
const LEVEL: f64 = 0.95;

/// The finding; None when memory is steady, or grows no more than it did.
pub(super) fn leak(q: &Question, readings: &Readings) -> Option<Finding> {
    let (before, now) = readings.of(&Scope::default());
    let slopes = values(now, Metric::RssSlope)?;
    let peak = mean(&values(now, Metric::RssPeak)?);
    if slopes.len() < LEAST_ROUNDS {
        return None;
    }
    let growth = one_sample(&slopes, 0.0)?;
    let seconds = q.outline.measured().as_secs_f64();
    if !grows(growth) || growth.estimate * seconds < LEAST_GROWTH * peak {
        return None;
    }
    let more = match values(before, Metric::RssSlope) {
        Some(before) if before.len() >= 2 => {
            let more = if q.design.is_paired() {
                paired(&before, &slopes, 0.0)?
            } else {
                two_sample(&before, &slopes, 0.0)?.contrast
            };
            if !grows(more) {
                return None;
            }
            format!(", {} more than before", rate(more.estimate))
        }
        _ => String::new(),
    };
    let (low, high) = growth.interval(LEVEL);
    Some(Finding {
        code: None,
        text: format!(
            "memory grows under load: {} (95 % interval {} to {}){more}",
            rate(growth.estimate),
            rate(low),
            rate(high)
        ),
        hint: Some(
            "look for memory that is kept; a threshold on `memory.rss.slope` makes this count"
                .to_owned(),
        ),
    })
}

fn values(readings: &[Reading], metric: Metric) -> Option<Vec<f64>> {
    readings.iter().map(|r| r.value(metric).exact()).collect()
}

fn grows(c: Contrast) -> bool {
    c.interval(LEVEL).0 > 0.0
}

fn rate(bytes: f64) -> String {
    Unit::BytesPerSecond.format(bytes)
}
