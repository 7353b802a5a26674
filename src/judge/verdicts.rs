//! From evidence to verdicts, over the whole family of gating metrics.
//!
//! - *regressed*: the interval excludes zero, the change is at least what is allowed, and the
//!   one-sided p holds after Holm's correction over the gating metrics;
//! - *improved*: the mirror image;
//! - *unchanged*: two one-sided tests place the change within what is allowed;
//! - *inconclusive*: anything else, which never reads as unchanged.
//!
//! Metrics for information are corrected by Benjamini and Hochberg at .10 among themselves.

use super::by_rank::ByRank;
use super::detector;
use super::evidence::{Evidence, Row, Scale};
use super::question::{Question, STATED};
use super::wording;
use crate::model::{Better, Design, MetricResult, Ranks, Verdict};
use crate::stats::{benjamini_hochberg, holm};

/// Share of false ones tolerated among the changes shown for information.
const FALSE_DISCOVERIES: f64 = 0.10;

/// An improvement beyond this is suspicious until confirmed.
const SUSPICIOUS: f64 = 0.50;

/// More rounds than this are no advice.
const MOST_ROUNDS: usize = 100;

/// A verdict with its probability and the words that go with it.
#[derive(Debug)]
struct Conclusion {
    verdict: Verdict,
    confidence: Option<f64>,
    note: Option<String>,
    rounds_needed: Option<usize>,
    suspicious: bool,
}

impl Conclusion {
    fn of(verdict: Verdict, note: Option<String>) -> Self {
        Self {
            verdict,
            confidence: None,
            note,
            rounds_needed: None,
            suspicious: false,
        }
    }
}

/// Judges all rows against the reference; limits are judged elsewhere.
pub(super) fn conclude(q: &Question, rows: &[Row]) -> Vec<MetricResult> {
    let worse = adjusted(rows, |e| e.by_rank.map_or(e.p_worse, |r| r.p_worse));
    let better = adjusted(rows, |e| e.by_rank.map_or(e.p_better, |r| r.p_better));
    rows.iter()
        .zip(worse.into_iter().zip(better))
        .map(|(row, p)| result(q, row, p))
        .collect()
}

/// True when the row takes part in the test of its family.
fn is_tested(row: &Row) -> bool {
    row.ask.wants_change() && row.blocked.is_none() && row.evidence.is_some()
}

/// p adjusted within the gating rows and within the others; NaN for rows that are not tested.
///
/// Rows are left out by reasons that do not look at the change, so leaving them out costs nothing.
fn adjusted(rows: &[Row], p: impl Fn(&Evidence) -> f64) -> Vec<f64> {
    let mut all = vec![f64::NAN; rows.len()];
    for gating in [true, false] {
        let family: Vec<usize> = (0..rows.len())
            .filter(|&i| rows[i].ask.gating == gating && is_tested(&rows[i]))
            .collect();
        let raw: Vec<f64> = family
            .iter()
            .filter_map(|&i| rows[i].evidence.as_ref().map(&p))
            .collect();
        let adjusted = if gating {
            holm(&raw)
        } else {
            benjamini_hochberg(&raw)
        };
        for (i, p) in family.into_iter().zip(adjusted) {
            all[i] = p;
        }
    }
    all
}

fn result(q: &Question, row: &Row, (worse, better): (f64, f64)) -> MetricResult {
    let ask = &row.ask;
    let shown = row.evidence.as_ref();
    let conclusion = match (&row.blocked, shown) {
        _ if !ask.wants_change() || q.design == Design::Absolute => None,
        // What nobody asked for and cannot be compared is simply not compared.
        (Some((verdict, _)), _) if !ask.gating && *verdict > Verdict::Inconclusive => None,
        (Some((verdict, note)), _) => Some(Conclusion::of(*verdict, Some(note.clone()))),
        (None, Some(e)) => Some(confirmed(q, row, e, decide(q, row, e, (worse, better)))),
        (None, None) => None,
    };
    let suspicious = conclusion.as_ref().is_some_and(|c| c.suspicious);
    let (verdict, confidence, note, rounds_needed) = conclusion
        .map_or((None, None, None, None), |c| {
            (Some(c.verdict), c.confidence, c.note, c.rounds_needed)
        });
    MetricResult {
        metric: ask.metric,
        scope: ask.scope.clone(),
        gating: ask.gating,
        before: row.before.clone(),
        now: row.now.clone(),
        change: shown.and_then(|e| change(row, e, e.contrast.estimate)),
        interval: shown.and_then(|e| interval(row, e)),
        level: 0.95,
        allowed: ask.allowed,
        max: ask.max,
        verdict,
        limit: None,
        confidence,
        p_worse: shown
            .filter(|_| is_tested(row))
            .map(|e| e.p_worse)
            .filter(|p| p.is_finite()),
        note,
        rounds_needed,
        detectable: shown
            .and_then(|e| change_of_size(row, e, e.detectable))
            .filter(|d| d.is_finite()),
        ranks: shown.and_then(|e| ranks(row, e)),
        over: ask.over,
        line: ask.line,
        suspicious,
        detection: detector::detect(row),
    }
}

/// So great a gain is an improvement only when further rounds have confirmed it: more often than not
/// the target has stopped doing its work.
fn confirmed(q: &Question, row: &Row, e: &Evidence, c: Conclusion) -> Conclusion {
    let theta = e.contrast.estimate;
    let suspicious = e.scale == Scale::Log && theta < (1.0 - SUSPICIOUS).ln();
    if c.verdict != Verdict::Improved || !suspicious {
        return c;
    }
    if q.suspected.contains(&row.ask.name()) {
        return Conclusion {
            note: Some("suspiciously better, and confirmed by another measurement".to_owned()),
            ..c
        };
    }
    let by =
        change(row, e, theta).map_or_else(String::new, |c| format!(": {} %", wording::signed(c)));
    Conclusion {
        rounds_needed: Some(1),
        suspicious: true,
        ..Conclusion::of(
            Verdict::Inconclusive,
            Some(format!(
                "suspiciously better{by}; another round must confirm it"
            )),
        )
    }
}

/// By ranks: the exact test in the place of t, and its estimate in the place of the mean.
fn decide_by_ranks(
    q: &Question,
    row: &Row,
    e: &Evidence,
    ranks: ByRank,
    (worse, better): (f64, f64),
) -> Conclusion {
    let alpha = q.looks.alpha();
    let family = family(q, row);
    let beyond = |p: f64, adjusted: f64| p <= alpha / 2.0 && adjusted <= family;
    let is_allowed = q.rule.strict && ranks.p_over_margin > alpha / 2.0;
    if beyond(ranks.p_worse, worse) && ranks.estimate >= e.margin && !is_allowed {
        return Conclusion::of(Verdict::Regressed, None);
    }
    if e.at_least {
        let why = "timeouts or failures leave only a lower bound".to_owned();
        return unknown(q, row, e, why);
    }
    if beyond(ranks.p_better, better) && ranks.estimate <= -e.margin {
        return Conclusion::of(Verdict::Improved, None);
    }
    if ranks.p_differs <= alpha {
        return Conclusion::of(Verdict::Unchanged, None);
    }
    unknown(q, row, e, String::new())
}

/// Level of the family that a row belongs to.
fn family(q: &Question, row: &Row) -> f64 {
    if row.ask.gating {
        q.looks.alpha()
    } else {
        FALSE_DISCOVERIES
    }
}

fn decide(q: &Question, row: &Row, e: &Evidence, (worse, better): (f64, f64)) -> Conclusion {
    if let Some(ranks) = e.by_rank {
        return decide_by_ranks(q, row, e, ranks, (worse, better));
    }
    let family = family(q, row);
    let theta = e.contrast.estimate;
    let stated = |verdict, p: f64, note| Conclusion {
        verdict,
        confidence: p.is_finite().then(|| p.min(e.cap)),
        ..Conclusion::of(verdict, note)
    };
    let beyond = if q.rule.strict {
        e.interval.0 > e.margin
    } else {
        e.interval.0 > 0.0 && theta >= e.margin
    };
    if beyond && worse <= family {
        let p = 1.0 - e.p_worse;
        let note = e
            .at_least
            .then(|| "at least: some requests never got an answer".to_owned());
        return weakened(stated(Verdict::Regressed, p, note));
    }
    if e.at_least {
        return unknown(
            q,
            row,
            e,
            "timeouts or failures leave only a lower bound".to_owned(),
        );
    }
    if e.interval.1 < 0.0 && theta <= -e.margin && better <= family {
        return weakened(stated(Verdict::Improved, 1.0 - e.p_better, None));
    }
    if let Some(requests) = e.faultless {
        // The rule of three: with none seen in n, fewer than 3/n with 95 % confidence.
        let bound = 3.0 / requests as f64;
        // Rounded up: a bound may be loose and not wrong.
        let percent = (bound * 1e4).ceil() / 100.0;
        let seen = format!("no error on either side: below {percent:.2} % now");
        let is_enough = bound <= e.margin;
        return if is_enough {
            Conclusion::of(Verdict::Unchanged, Some(seen))
        } else {
            let more = format!("{seen}; {:.0} requests would tell", (3.0 / e.margin).ceil());
            Conclusion::of(Verdict::Inconclusive, Some(more))
        };
    }
    let same = e.contrast.se == 0.0 && theta == 0.0;
    if same || e.p_beyond <= q.looks.alpha() {
        let p = if same {
            1.0
        } else {
            e.contrast.probability_between(-e.margin, e.margin)
        };
        let note = (p < STATED).then(|| "weak evidence".to_owned());
        return stated(Verdict::Unchanged, p, note);
    }
    unknown(q, row, e, String::new())
}

/// A change that is less probable than a verdict must be does not gate.
fn weakened(c: Conclusion) -> Conclusion {
    match c.confidence {
        Some(p) if p >= STATED => c,
        p => Conclusion::of(
            Verdict::Inconclusive,
            Some(p.map_or_else(
                || "weak evidence".to_owned(),
                |p| format!("weak evidence of a change ({})", wording::confidence(p)),
            )),
        ),
    }
}

/// Inconclusive, with what would help.
fn unknown(q: &Question, row: &Row, e: &Evidence, why: String) -> Conclusion {
    let have = row.now.rounds.len();
    let total = e.rounds_needed.filter(|_| !e.at_least);
    let stored = row.before.as_ref().map_or(0, |s| s.rounds.len());
    let here = match q.design {
        Design::Unpaired => total.and_then(|n| beside(stored, n)),
        Design::Paired | Design::Duet | Design::Absolute => total,
    };
    let more = here
        .or(total)
        .map(|n| n.saturating_sub(have))
        .filter(|n| *n > 0);
    let note = if !why.is_empty() {
        why
    } else if e.sessions_differ {
        "the sessions of the baseline differ by as much: more sessions would tell, not rounds"
            .to_owned()
    } else if let (Some(total), None) = (total, here) {
        if total <= MOST_ROUNDS {
            format!(
                "the baseline's {} are too few: {total} a side would tell",
                wording::count(stored as u64, "round")
            )
        } else {
            format!("too noisy here: over {MOST_ROUNDS} rounds a side would be needed")
        }
    } else if let Some(more) = more.filter(|m| *m <= MOST_ROUNDS) {
        format!("{} would tell", wording::count(more as u64, "more round"))
    } else if more.is_some() {
        format!("too noisy here: over {MOST_ROUNDS} more rounds would be needed")
    } else if q.final_look {
        "too close to what is allowed to tell".to_owned()
    } else {
        "not decided yet".to_owned()
    };
    Conclusion {
        rounds_needed: more,
        ..Conclusion::of(Verdict::Inconclusive, Some(note))
    }
}

/// Rounds now that tell, beside `stored` ones that cannot become more, as much as `each` a side.
///
/// None when no number does: then 1/stored alone exceeds the 2/each that the variance may be.
fn beside(stored: usize, each: usize) -> Option<usize> {
    let spare = (2 * stored).checked_sub(each).filter(|spare| *spare > 0)?;
    Some((stored * each).div_ceil(spare))
}

/// A difference in the form it is shown: a share of the reference, or points; + means greater.
fn change(row: &Row, e: &Evidence, oriented: f64) -> Option<f64> {
    let greater = match row.ask.metric.better() {
        Better::Lower => oriented,
        Better::Higher => -oriented,
    };
    let shown = match e.scale {
        Scale::Log => greater.exp_m1(),
        Scale::Linear if wording::in_points(row.ask.metric, row.ask.allowed) => greater,
        Scale::Linear if greater == 0.0 => 0.0,
        Scale::Linear => greater / e.base.abs(),
    };
    shown.is_finite().then_some(shown)
}

fn change_of_size(row: &Row, e: &Evidence, size: f64) -> Option<f64> {
    match e.scale {
        Scale::Log => Some(size.exp_m1()),
        Scale::Linear => change(row, e, size).map(f64::abs),
    }
}

fn ranks(row: &Row, e: &Evidence) -> Option<Ranks> {
    let ranks = e.ranks.filter(|r| r.worse.is_finite())?;
    Some(Ranks {
        p: ranks.p,
        change: change(row, e, ranks.shift),
        worse: ranks.worse,
    })
}

fn interval(row: &Row, e: &Evidence) -> Option<(f64, f64)> {
    // Above a lower bound the change has no upper end that the rounds could know.
    if e.at_least {
        return None;
    }
    let (a, b) = (change(row, e, e.interval.0)?, change(row, e, e.interval.1)?);
    Some((a.min(b), a.max(b)))
}
