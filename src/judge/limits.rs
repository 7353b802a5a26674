//! Absolute limits: is a value kept below `max`?
//!
//! With three rounds or more the mean over rounds is tested: broken when its lower one-sided
//! bound exceeds the limit, kept when its upper one does not. With fewer the values speak for
//! themselves. A request without an answer counts as slower than any limit, so a quantile that
//! falls on failures breaks it, on a noisy machine too.

use super::evidence::{Row, Scale, few_note, not_measured, scale_of, too_few};
use super::shares;
use super::values::Reading;
use crate::model::{Better, Estimate, Metric, Verdict};
use crate::stats::{Contrast, Counts, one_sample};

/// Rounds from which the interval decides.
const ROUNDS: usize = 3;

/// What became of a limit.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Limit {
    pub(super) verdict: Verdict,
    pub(super) confidence: Option<f64>,
    pub(super) note: Option<String>,
    /// It could not be looked at: for want of values, of requests, or of a quiet machine.
    pub(super) unjudged: bool,
}

impl Limit {
    fn of(verdict: Verdict) -> Self {
        Self {
            verdict,
            confidence: None,
            note: None,
            unjudged: false,
        }
    }

    fn unjudged(verdict: Verdict, note: String) -> Self {
        Self {
            unjudged: true,
            ..Self::because(verdict, note)
        }
    }

    fn because(verdict: Verdict, note: String) -> Self {
        Self {
            note: Some(note),
            ..Self::of(verdict)
        }
    }
}

/// What one round alone says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Alone {
    Broken,
    Kept,
    /// A lower bound below the limit.
    Open,
}

/// Judges the limit of a row; None without one. `now` are the readings in the row's scope; `alpha`
/// is the one-sided level of each bound.
pub(super) fn judge(row: &Row, now: &[Reading], alpha: f64) -> Option<Limit> {
    let max = row.ask.max?;
    let metric = row.ask.metric;
    let used: Vec<&Reading> = row
        .selection
        .now
        .iter()
        .filter_map(|&i| now.get(i))
        .collect();
    let values = &row.now.rounds;
    if values.is_empty() || values.contains(&Estimate::Missing) {
        return Some(Limit::unjudged(Verdict::Invalid, not_measured(metric)));
    }
    if let Some((have, need)) = values.iter().find_map(too_few) {
        return Some(Limit::unjudged(
            Verdict::Inconclusive,
            few_note(&row.ask, have, need),
        ));
    }
    let alone: Vec<Alone> = values
        .iter()
        .map(|e| by_itself(*e, max, metric.better()))
        .collect();
    let all = |what| alone.iter().all(|a| *a == what);
    let censored = values.iter().all(|e| e.exact().is_none());
    // No noise of the machine makes every round of an honest target fail its requests.
    if censored && all(Alone::Broken) {
        return Some(Limit::of(Verdict::Broken));
    }
    if values.len() < ROUNDS {
        return Some(few_rounds(metric, &alone));
    }
    if let Some(noise) = &row.selection.noise {
        return Some(Limit::unjudged(
            Verdict::Inconclusive,
            format!("the machine is too noisy ({noise})"),
        ));
    }
    if max == 0.0 && metric.better() == Better::Lower && metric != Metric::RssSlope {
        // Nothing at all is allowed: one is too many.
        return Some(Limit::of(if alone.contains(&Alone::Broken) {
            Verdict::Broken
        } else {
            Verdict::Kept
        }));
    }
    Some(by_interval(row, &used, max, alpha))
}

pub(super) fn by_itself(value: Estimate, max: f64, better: Better) -> Alone {
    let over = |v: f64| match better {
        Better::Lower => v > max,
        Better::Higher => v < max,
    };
    match value {
        Estimate::Exact(v) if over(v) => Alone::Broken,
        Estimate::Exact(_) => Alone::Kept,
        Estimate::AtLeast(v) if v > max => Alone::Broken,
        Estimate::Undetermined => Alone::Broken,
        _ => Alone::Open,
    }
}

fn few_rounds(metric: Metric, alone: &[Alone]) -> Limit {
    if alone.iter().all(|a| *a == Alone::Broken) {
        Limit::of(Verdict::Broken)
    } else if alone.iter().all(|a| *a == Alone::Kept) {
        Limit::of(Verdict::Kept)
    } else if alone.contains(&Alone::Open) {
        Limit::because(Verdict::Inconclusive, lower_bound_only(metric))
    } else {
        Limit::because(
            Verdict::Inconclusive,
            "the rounds disagree; at least 3 are needed".to_owned(),
        )
    }
}

fn lower_bound_only(metric: Metric) -> String {
    match metric {
        Metric::RecoveryTime => {
            "not recovered by the end: only a lower bound, which is within the limit".to_owned()
        }
        _ => "timeouts leave only a lower bound, which is within the limit".to_owned(),
    }
}

/// The t interval of the mean over rounds against the limit, + being the wrong side.
fn by_interval(row: &Row, used: &[&Reading], max: f64, alpha: f64) -> Limit {
    let metric = row.ask.metric;
    let Some(bounds) = used
        .iter()
        .map(|r| r.bound(row.ask.quantity()))
        .collect::<Option<Vec<f64>>>()
    else {
        return Limit::because(
            Verdict::Inconclusive,
            "no answer at all in some rounds".to_owned(),
        );
    };
    let scale = if max > 0.0 {
        scale_of(metric, None, &bounds)
    } else {
        Scale::Linear
    };
    let sign = match metric.better() {
        Better::Lower => 1.0,
        Better::Higher => -1.0,
    };
    let distances: Vec<f64> = bounds
        .iter()
        .map(|v| {
            sign * match scale {
                Scale::Log => (v / max).ln(),
                Scale::Linear => v - max,
            }
        })
        .collect();
    let counts: Option<Vec<Counts>> = used.iter().map(|r| r.counts(row.ask.quantity())).collect();
    let Some(contrast) = one_sample(&distances, 0.0).map(|c| Contrast {
        se: counts.map_or(c.se, |counts| shares::standard_error(&counts)),
        ..c
    }) else {
        return Limit::because(Verdict::Inconclusive, "not a number".to_owned());
    };
    let (low, high) = contrast.interval(1.0 - 2.0 * alpha);
    let at_least = used
        .iter()
        .any(|r| r.value(row.ask.quantity()).exact().is_none());
    let confidence = |p: f64| p.is_finite().then_some(p);
    if low > 0.0 {
        Limit {
            confidence: confidence(1.0 - contrast.p_greater(0.0)),
            ..Limit::of(Verdict::Broken)
        }
    } else if at_least {
        Limit::because(Verdict::Inconclusive, lower_bound_only(metric))
    } else if high <= 0.0 {
        Limit {
            confidence: confidence(1.0 - contrast.p_less(0.0)),
            ..Limit::of(Verdict::Kept)
        }
    } else {
        Limit::because(
            Verdict::Inconclusive,
            "too close to the limit to tell".to_owned(),
        )
    }
}
