//! The evidence for a change of one metric: values of both sides, difference, interval, p.
//!
//! Differences are taken on logarithms, oriented so that + is worse; on shares and slopes, which
//! can be zero, on the values themselves. A lower bound on the side under test can show a
//! regression and nothing else; one on the side of the reference shows nothing.

use std::collections::BTreeMap;

use super::asks::Ask;
use super::by_rank::{self, ByRank};
use super::question::{Question, SESSIONS, STATED, distinct, too_few_sessions};
use super::ranks::{RankEvidence, ranks};
use super::rounds::{Readings, Rounds, Selection};
use super::shares;
use super::values::{Quantity, Reading};
use super::wording;
use crate::model::{Better, Change, Design, Estimate, Judge, Metric, Side, Verdict};
use crate::stats::{
    Contrast, Counts, Sessions, mean, minimal_detectable, paired, positioned, rounds_needed,
    sessions as by_session, tost, two_sample,
};

/// Relative step of a latency histogram: 1024 buckets to a doubling.
pub(super) const RESOLUTION: f64 = 0.001;

/// Rounds of the reference from which it predicts the next one.
const PREDICTING: usize = 3;

/// What a difference is taken of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scale {
    /// Differences of logarithms: ratios.
    Log,
    /// Differences of the values.
    Linear,
}

/// A difference between the sides; + is worse.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Evidence {
    pub(super) scale: Scale,
    pub(super) contrast: Contrast,
    /// At 1 − α of the look.
    pub(super) interval: (f64, f64),
    pub(super) p_worse: f64,
    pub(super) p_better: f64,
    /// Of the hypothesis that the change is beyond the margin on either side.
    pub(super) p_beyond: f64,
    /// What ranks say beside it; None when values are only lower bounds.
    pub(super) ranks: Option<RankEvidence>,
    /// Allowed change on the scale of the contrast.
    pub(super) margin: f64,
    /// Mean of the reference, arithmetic, for differences shown relative to it.
    pub(super) base: f64,
    /// Some values of now are lower bounds.
    pub(super) at_least: bool,
    /// Neither side had a single error, in so many requests of now.
    pub(super) faultless: Option<u64>,
    pub(super) spread_changed: bool,
    /// The sessions of the baseline differ so much that no number of rounds would show the margin.
    pub(super) sessions_differ: bool,
    /// Greatest confidence the design can give.
    pub(super) cap: f64,
    /// Rounds per arm in all until the margin would show.
    pub(super) rounds_needed: Option<usize>,
    pub(super) detectable: f64,
    /// The same by ranks, where those decide.
    pub(super) by_rank: Option<ByRank>,
    /// What the second place of a duet costs.
    pub(super) place: Option<Contrast>,
}

/// A row with its values, and either evidence or the reason why there is no verdict.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) ask: Ask,
    pub(super) before: Option<Side>,
    pub(super) now: Side,
    pub(super) selection: Selection,
    pub(super) evidence: Option<Evidence>,
    /// A verdict that follows without looking at the change, and why.
    pub(super) blocked: Option<(Verdict, String)>,
}

/// Gathers what the rounds say about one row.
pub(super) fn gather(q: &Question, ask: Ask, rounds: &Rounds, readings: &Readings) -> Row {
    let selection = rounds.select(ask.metric);
    let (before, now) = readings.of(&ask.scope);
    let before = picked(before, &selection.before);
    let now = picked(now, &selection.now);
    let mut row = Row {
        before: (q.design != Design::Absolute)
            .then(|| side(ask.quantity(), &before, selection.spoiled_before)),
        now: side(ask.quantity(), &now, selection.spoiled_now),
        ask,
        selection,
        evidence: None,
        blocked: None,
    };
    if q.design == Design::Absolute {
        return row;
    }
    row.blocked = unusable(&row);
    if row.blocked.is_none() {
        let of_before = row.selection.before.iter();
        let sessions: Vec<usize> = of_before
            .filter_map(|&i| rounds.sessions.get(i).copied())
            .collect();
        let second: Vec<bool> = row
            .selection
            .now
            .iter()
            .zip(&row.selection.before)
            .map(|(&b, &a)| {
                rounds.now.get(b).map(|r| r.index) > rounds.before.get(a).map(|r| r.index)
            })
            .collect();
        let sides = Sides {
            before: &before,
            now: &now,
            sessions: &sessions,
            second: &second,
        };
        row.evidence = weigh(q, &row.ask, &sides);
        row.blocked = blocked(q, &row, before.len(), now.len());
    }
    row
}

fn picked<'a>(side: &'a [Reading], which: &[usize]) -> Vec<&'a Reading> {
    which.iter().filter_map(|&i| side.get(i)).collect()
}

fn side(quantity: Quantity, readings: &[&Reading], spoiled: usize) -> Side {
    let rounds: Vec<Estimate> = readings.iter().map(|r| r.value(quantity)).collect();
    Side {
        value: typical(quantity.metric, &rounds),
        rounds,
        spoiled,
    }
}

/// The geometric mean of the rounds; the arithmetic where values may be zero.
///
/// It is only as good as the worst round: one lower bound makes it a lower bound.
fn typical(metric: Metric, rounds: &[Estimate]) -> Estimate {
    let worst = rounds.iter().copied().find(|e| e.lower_bound().is_none());
    if let Some(worst) = worst.or_else(|| rounds.is_empty().then_some(Estimate::Missing)) {
        return worst;
    }
    let values: Vec<f64> = rounds.iter().filter_map(|e| e.lower_bound()).collect();
    // Through logarithm and back even a single value would come out a little changed.
    let value = if values.iter().all(|v| v.total_cmp(&values[0]).is_eq()) {
        values[0]
    } else if scale_of(metric, None, &values) == Scale::Log {
        mean(&values.iter().map(|v| v.ln()).collect::<Vec<_>>()).exp()
    } else {
        mean(&values)
    };
    if rounds.iter().all(|e| e.exact().is_some()) {
        Estimate::Exact(value)
    } else {
        Estimate::AtLeast(value)
    }
}

/// Logarithms where they exist and mean something.
pub(super) fn scale_of(metric: Metric, allowed: Option<Change>, values: &[f64]) -> Scale {
    let additive = metric.is_share_of_requests()
        || metric == Metric::RssSlope
        || matches!(allowed, Some(Change::Points(_)));
    if additive || values.iter().any(|v| *v <= 0.0) {
        Scale::Linear
    } else {
        Scale::Log
    }
}

/// Values that no test can use.
fn unusable(row: &Row) -> Option<(Verdict, String)> {
    let metric = row.ask.metric;
    let before = row.before.as_ref().map_or(&[][..], |s| &s.rounds);
    let missing = |rounds: &[Estimate]| rounds.contains(&Estimate::Missing) || rounds.is_empty();
    if missing(&row.now.rounds) {
        return Some((Verdict::Invalid, not_measured(metric)));
    }
    if missing(before) {
        return Some((
            Verdict::Incomparable,
            format!("the reference has no {metric}"),
        ));
    }
    let few = row.now.rounds.iter().chain(before).find_map(too_few);
    if let Some((have, need)) = few {
        return Some((Verdict::Inconclusive, few_note(&row.ask, have, need)));
    }
    before.iter().any(|e| e.exact().is_none()).then(|| {
        (
            Verdict::Inconclusive,
            "the reference itself is only known to be slower than its timeouts".to_owned(),
        )
    })
}

/// Why a metric is not there at all.
pub(super) fn not_measured(metric: Metric) -> String {
    if metric == Metric::RecoveryTime {
        "not measured: there was no steady state before a fault, or nothing was seen after it"
            .to_owned()
    } else if metric.needs_process() {
        "not measured: the target's process was not observed".to_owned()
    } else if metric == Metric::HealthScore {
        "not measured: no component was asked for its health".to_owned()
    } else {
        "not measured: no request in this scope".to_owned()
    }
}

pub(super) const fn too_few(e: &Estimate) -> Option<(u64, u64)> {
    match *e {
        Estimate::TooFew { have, need } => Some((have, need)),
        _ => None,
    }
}

/// `p99.9 needs 10,000 requests a round; here 3,000`
pub(super) fn few_note(ask: &Ask, have: u64, need: u64) -> String {
    let stretch = ask
        .over
        .map_or_else(|| "a round".to_owned(), |over| format!("in {over}"));
    format!(
        "{} needs {} {stretch}; here {}",
        ask.metric,
        wording::count(need, "request"),
        wording::grouped(have)
    )
}

/// Evidence that may be shown and cannot decide.
fn blocked(q: &Question, row: &Row, before: usize, now: usize) -> Option<(Verdict, String)> {
    let inconclusive = |note: String| Some((Verdict::Inconclusive, note));
    if let Some(noise) = &row.selection.noise {
        return inconclusive(format!("the machine is too noisy ({noise})"));
    }
    if let (Design::Unpaired, true, 1, Some(e)) =
        (q.design, before >= PREDICTING, now, &row.evidence)
    {
        return inconclusive(suspected(e).to_owned());
    }
    if before < 2 || now < 2 {
        return inconclusive(format!(
            "one round cannot tell: {before} against {now}, at least 2 a side are needed"
        ));
    }
    if let (Judge::MannWhitney, Some(e)) = (q.rule.judge, &row.evidence)
        && e.by_rank.is_none()
        && !is_share(row.ask.metric)
    {
        return inconclusive(format!(
            "ranks need {} rounds a side; here {before} against {now}",
            by_rank::LEAST_ROUNDS
        ));
    }
    if row.evidence.is_none() {
        let why = if q.design.is_paired() && before != now {
            "the pairs do not match"
        } else if q.design == Design::Duet {
            "each side must have had either place, in 3 pairs or more"
        } else {
            "no answer at all in some rounds"
        };
        return inconclusive(why.to_owned());
    }
    None
}

/// Errors are counts, and are judged as such whoever judges the rest.
const fn is_share(metric: Metric) -> bool {
    matches!(metric, Metric::ErrorsRate | Metric::Errors(_))
}

/// One round against a prediction interval: suspect at most.
fn suspected(e: &Evidence) -> &'static str {
    if e.interval.0 > 0.0 && e.contrast.estimate >= e.margin {
        "suspect: worse than one more round of the reference would be; at least 2 are needed to tell"
    } else if e.interval.1 < 0.0 && e.contrast.estimate <= -e.margin {
        "perhaps better: beyond what one more round of the reference would be; at least 2 are needed to tell"
    } else {
        "one round, as another of the reference might be; at least 2 are needed to tell"
    }
}

/// Usable values of both sides, and how they were measured.
struct Sides<'a> {
    before: &'a [&'a Reading],
    now: &'a [&'a Reading],
    /// Of each value before the session; none where both sides are of one.
    sessions: &'a [usize],
    /// Of each pair whether now had the second place.
    second: &'a [bool],
}

/// The contrast of two sides.
fn weigh(
    q: &Question,
    ask: &Ask,
    &Sides {
        before,
        now,
        sessions,
        second,
    }: &Sides<'_>,
) -> Option<Evidence> {
    let alpha = q.looks.alpha();
    let bounds = |side: &[&Reading]| -> Option<Vec<f64>> {
        side.iter().map(|r| r.bound(ask.quantity())).collect()
    };
    let (a, b) = (bounds(before)?, bounds(now)?);
    let at_least = now
        .iter()
        .any(|r| r.value(ask.quantity()).exact().is_none());
    let all: Vec<f64> = a.iter().chain(&b).copied().collect();
    let scale = scale_of(ask.metric, ask.allowed, &all);
    let orient = |side: &[f64]| -> Vec<f64> {
        let sign = match ask.metric.better() {
            Better::Lower => 1.0,
            Better::Higher => -1.0,
        };
        side.iter()
            .map(|v| sign * if scale == Scale::Log { v.ln() } else { *v })
            .collect()
    };
    let counts = |side: &[&Reading]| -> Option<Vec<Counts>> {
        side.iter().map(|r| r.counts(ask.quantity())).collect()
    };
    let is_paired = q.design.is_paired();
    let (ya, yb) = (orient(&a), orient(&b));
    let mut spread_changed = false;
    let mut spread = None;
    let mut faultless = None;
    let mut place = None;
    let base = mean(&a);
    let margin = margin(ask, scale, base);
    let (contrast, interval, p_worse, p_better, p_beyond);
    if let (Some(ca), Some(cb)) = (counts(before), counts(now)) {
        let c = shares::compare(&ca, &cb, is_paired, 1.0 - alpha)?;
        (contrast, interval, p_worse, p_better) = (c.contrast, c.interval, c.p_greater, c.p_less);
        p_beyond = c.p_equivalent(margin);
        let (ta, tb) = (Counts::sum(&ca), Counts::sum(&cb));
        faultless = (ta.hits + tb.hits == 0).then_some(tb.trials);
    } else {
        let resolution = if scale == Scale::Log { RESOLUTION } else { 0.0 };
        contrast = if q.design == Design::Duet {
            let both = positioned(&ya, &yb, second, resolution)?;
            place = Some(both.place);
            both.contrast
        } else if is_paired {
            paired(&ya, &yb, resolution)?
        } else if distinct(sessions) >= SESSIONS {
            let across = across(&ya, sessions, &yb, resolution)?;
            spread = Some(across);
            across.contrast
        } else {
            let two = two_sample(&ya, &yb, resolution)?;
            spread_changed = two.spread_changed;
            two.contrast
        };
        interval = contrast.interval(1.0 - alpha);
        (p_worse, p_better) = (contrast.p_greater(0.0), contrast.p_less(0.0));
        p_beyond = tost(&contrast, -margin, margin);
    }
    // Twice the variance of one arm, or the variance of a pair's difference.
    let variance = match &spread {
        Some(across) => 2.0 * across.within,
        None if is_paired => contrast.se.powi(2) * b.len() as f64,
        None => contrast.se.powi(2) / f64::midpoint(1.0 / a.len() as f64, 1.0 / b.len() as f64),
    };
    // What stays however many rounds are measured now.
    let sessions_differ = spread.is_some_and(|across| {
        let stays = contrast.se.powi(2) - across.within / b.len() as f64;
        minimal_detectable(stays.max(0.0).sqrt(), contrast.df, alpha) >= margin
    });
    let needed = rounds_needed(variance, if is_paired { 1 } else { 2 }, alpha, margin);
    Some(Evidence {
        scale,
        contrast,
        interval,
        p_worse,
        p_better,
        p_beyond,
        ranks: (!at_least).then(|| ranks(&ya, &yb)),
        margin,
        base,
        at_least,
        faultless,
        spread_changed,
        sessions_differ,
        cap: match too_few_sessions(sessions) {
            Some(_) => STATED,
            None => 1.0,
        },
        rounds_needed: needed.filter(|_| !sessions_differ),
        detectable: minimal_detectable(contrast.se, contrast.df, alpha),
        by_rank: (q.rule.judge == Judge::MannWhitney && !is_share(ask.metric))
            .then(|| ByRank::of(&ya, &yb, margin))
            .flatten(),
        place,
    })
}

/// The contrast of now, a session of its own, with the sessions of the reference.
fn across(before: &[f64], sessions: &[usize], now: &[f64], resolution: f64) -> Option<Sessions> {
    let mut each: BTreeMap<usize, Vec<f64>> = BTreeMap::new();
    for (value, session) in before.iter().zip(sessions) {
        each.entry(*session).or_default().push(*value);
    }
    let each: Vec<Vec<f64>> = each.into_values().collect();
    by_session(&each, now, resolution)
}

/// The allowed change on the scale of the contrast; `min-change` is a floor under it.
fn margin(ask: &Ask, scale: Scale, base: f64) -> f64 {
    let floor = ask.min_change.unwrap_or(0.0);
    let allowed = ask.allowed.unwrap_or_else(|| ask.metric.default_change());
    match (scale, allowed) {
        (Scale::Log, Change::Relative(share) | Change::Points(share)) => {
            let share = share.max(floor / base);
            match ask.metric.better() {
                Better::Lower => share.ln_1p(),
                // A fall of 3 % is more on this scale than a rise of 3 %; all of it is infinite.
                Better::Higher => -(-share.min(1.0)).ln_1p(),
            }
        }
        (Scale::Linear, Change::Relative(share)) => (share * base.abs()).max(floor),
        (Scale::Linear, Change::Points(points)) => points.max(floor),
    }
}
