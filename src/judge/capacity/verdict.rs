//! The knee judged: against its limit, and against the knees of a reference.
//!
//! A knee is one number with an interval and not a sample of rounds, so the difference of two is
//! judged by their intervals: on logarithms, with a standard error of the wider half of each. From
//! there on the rules are those of any metric: *regressed* when the interval excludes zero and the
//! change is at least what is allowed, *unchanged* by two one-sided tests, else *inconclusive*.
//!
//! Fails closed: a search without a knee passes nothing that was asked of it, and a search in which
//! nothing could be judged is invalid.

use crate::diagnostic::validity;
use crate::judge::conclusion::{self, Soundness};
use crate::judge::question::STATED;
use crate::judge::question::{Question, too_few_sessions};
use crate::judge::rounds::{Readings, Rounds};
use crate::judge::stopped::Stopped;
use crate::judge::{asks, soundness};
use crate::model::{
    Capacity, Change, Comparison, Design, Estimate, Knee, KneeInterval, Metric, MetricResult,
    Scope, Side, Threshold, Verdict,
};
use crate::stats::{Contrast, mean, normal_quantile};
use crate::units::Unit;

/// Two-sided level at which knees are compared.
const ALPHA: f64 = 0.05;

/// Why a knee that seems to have fallen fails nobody.
const NOISY: &str = "the machine was too noisy: the knee may lie higher";

/// Degrees of freedom of a normal distribution.
const NORMAL: f64 = 1e9;

/// A knee and what it is compared with.
#[derive(Debug)]
pub struct CapacityQuestion<'a> {
    /// Rounds, plans and environment, as for any other judgement.
    pub question: Question<'a>,
    pub now: &'a Capacity,
    /// Those of the stored baseline; not looked at without a reference.
    pub before: Vec<&'a Capacity>,
}

/// Judges the knee of a search.
pub fn judge_capacity(q: &CapacityQuestion<'_>) -> Comparison {
    let question = &q.question;
    let rounds = Rounds::of(question);
    let mut readings = Readings::default();
    // What was lost, starved or never sent makes a search invalid as it does any run. A reference
    // was sound when it was accepted.
    let alone = Question {
        design: Design::Absolute,
        reference: None,
        outline: question.outline,
        before_outline: question.outline,
        before: &[],
        now: question.now,
        environment: question.environment.clone(),
        looks: question.looks,
        final_look: true,
        sessions: &[],
        rule: question.rule,
        suspected: &[],
    };
    let own = Rounds::of(&alone);
    asks::asked(&alone, &own, &mut readings);
    let mut unsound = soundness::unsound(&alone, &own, &readings);
    let knee = &q.now.knee;
    if matches!(knee, Knee::Below { .. } | Knee::Unknown) && !is_broken_below(q) {
        unsound.push(soundness::finding(
            &validity::NO_KNEE,
            format!("no knee was found: capacity is {knee}"),
            "lower `from`, raise `under`, or quieten the machine; the levels table shows what each level did",
        ));
    }
    let results = results(q);
    let mut comparison = conclusion::conclude(
        question,
        &rounds,
        &[],
        results,
        Vec::new(),
        Soundness {
            unsound,
            rate: None,
            unanswered: soundness::unanswered(&readings),
            stopped: stopped(question),
        },
    );
    for finding in &mut comparison.findings {
        if finding.code.as_deref() == Some(validity::METRIC_NOT_MEASURED.id)
            && q.now.knee.estimate().exact().is_none()
        {
            *finding = soundness::finding(
                &validity::NO_KNEE,
                format!(
                    "what was asked cannot be judged: capacity is {}",
                    q.now.knee
                ),
                "a threshold that cannot be judged never passes",
            );
        }
        if finding.code.as_deref() == Some(validity::NOISY_MACHINE.id) {
            let by = finding.text.split(';').next().unwrap_or_default();
            finding.text = format!("{by}; those that did not hold were repeated");
            finding.hint =
                Some("quieten the machine or give the search cores of its own".to_owned());
        }
    }
    comparison.decision.headline = headline(q, &comparison);
    comparison.capacity = Some(Box::new(q.now.clone()));
    comparison
}

/// What ended the search. A guard that opened at a level above the knee has only shown that the level
/// fails, and counts no further.
fn stopped(question: &Question<'_>) -> Stopped {
    if question.now.iter().all(|r| r.halt.is_none()) {
        return Stopped::default();
    }
    Stopped {
        before: Vec::new(),
        ..Stopped::of(question)
    }
}

/// True when the limit is broken by what is known of a knee that lies below the range.
fn is_broken_below(q: &CapacityQuestion<'_>) -> bool {
    let thresholds = &q.question.outline.thresholds;
    thresholds
        .iter()
        .filter(|t| t.metric == Metric::CapacityKnee)
        .filter_map(|t| t.max)
        .any(|least| limit(&q.now.knee, least).0 == Verdict::Broken)
}

/// The rows: the knee first, then thresholds that no search can answer.
fn results(q: &CapacityQuestion<'_>) -> Vec<MetricResult> {
    let thresholds = &q.question.outline.thresholds;
    let of_knee = thresholds
        .iter()
        .find(|t| t.metric == Metric::CapacityKnee && t.scope == Scope::default());
    let others = thresholds
        .iter()
        .filter(|t| of_knee.is_none_or(|of_knee| !std::ptr::eq(*t, of_knee)));
    std::iter::once(knee_row(q, of_knee))
        .chain(others.map(unanswerable))
        .collect()
}

fn knee_row(q: &CapacityQuestion<'_>, threshold: Option<&Threshold>) -> MetricResult {
    let metric = Metric::CapacityKnee;
    let compares = q.question.design != Design::Absolute;
    let allowed = threshold
        .map_or(Some(metric.default_change()), |t| t.max_change)
        .filter(|_| compares);
    let least = threshold.and_then(|t| t.max);
    let mut row = MetricResult {
        gating: threshold.is_some() || compares,
        before: compares.then(|| side(&q.before)),
        now: side(&[q.now]),
        allowed,
        max: least,
        line: threshold.and_then(|t| t.line),
        ..blank(metric, Scope::default())
    };
    if let Some(allowed) = allowed {
        change(q, &mut row, allowed, threshold.and_then(|t| t.min_change));
    }
    if let Some(least) = least {
        let (verdict, note) = limit(&q.now.knee, least);
        let (verdict, note) = if verdict == Verdict::Broken && q.now.noisy {
            (Verdict::Inconclusive, Some(NOISY.to_owned()))
        } else {
            (verdict, note)
        };
        row.limit = Some(verdict);
        row.note = row.note.or(note);
    }
    row
}

fn blank(metric: Metric, scope: Scope) -> MetricResult {
    MetricResult {
        metric,
        scope,
        gating: true,
        before: None,
        now: side(&[]),
        change: None,
        interval: None,
        level: 1.0 - ALPHA,
        allowed: None,
        max: None,
        verdict: None,
        limit: None,
        confidence: None,
        p_worse: None,
        note: None,
        rounds_needed: None,
        detectable: None,
        ranks: None,
        over: None,
        line: None,
        suspicious: false,
        detection: None,
    }
}

/// A threshold on what has no single load to be judged at.
fn unanswerable(threshold: &Threshold) -> MetricResult {
    MetricResult {
        allowed: threshold.max_change,
        max: threshold.max,
        verdict: Some(Verdict::Invalid),
        note: Some("a search has no single load to judge this at; it has capacity.knee".to_owned()),
        line: threshold.line,
        over: threshold.over,
        ..blank(threshold.metric, threshold.scope.clone())
    }
}

fn side(knees: &[&Capacity]) -> Side {
    let rounds: Vec<Estimate> = knees.iter().map(|c| c.knee.estimate()).collect();
    let value = match rounds.as_slice() {
        [one] => *one,
        several => several
            .iter()
            .map(|e| e.exact().map(f64::ln))
            .collect::<Option<Vec<f64>>>()
            .filter(|logs| !logs.is_empty())
            .map_or(Estimate::Missing, |logs| Estimate::Exact(mean(&logs).exp())),
    };
    Side {
        value,
        rounds,
        spoiled: 0,
    }
}

/// The knee against the rate that must hold.
fn limit(knee: &Knee, least: f64) -> (Verdict, Option<String>) {
    match knee {
        Knee::Found(k) if k.low >= least => (Verdict::Kept, None),
        Knee::Found(k) if k.high < least => (Verdict::Broken, None),
        Knee::Found(_) => (
            Verdict::Inconclusive,
            Some("the interval of the knee reaches over the limit".to_owned()),
        ),
        Knee::AtLeast { rate, .. } if *rate >= least => (Verdict::Kept, None),
        Knee::Below { rate } if *rate <= least => (Verdict::Broken, None),
        Knee::AtLeast { because, .. } => (Verdict::Invalid, Some(because.reason().to_owned())),
        Knee::Below { .. } | Knee::Unknown => (Verdict::Invalid, Some(knee.to_string())),
    }
}

/// Fills in the change against the reference, or why there is none.
fn change(
    q: &CapacityQuestion<'_>,
    row: &mut MetricResult,
    allowed: Change,
    min_change: Option<f64>,
) {
    let mut stop = |verdict, note: String| {
        row.verdict = Some(verdict);
        row.note = Some(note);
    };
    let before: Option<Vec<KneeInterval>> = q.before.iter().map(|c| found(&c.knee)).collect();
    let Some(before) = before.filter(|b| !b.is_empty()) else {
        return stop(
            Verdict::Incomparable,
            "the reference has no knee".to_owned(),
        );
    };
    let (a, a_error) = pooled(&before);
    let (Change::Relative(share) | Change::Points(share)) = allowed;
    let share = share.max(min_change.unwrap_or(0.0) / a.exp()).min(1.0);
    // A fall of 3 % is more on this scale than a rise of 3 %.
    let margin = -(-share).ln_1p();
    let now = match &q.now.knee {
        Knee::Found(now) => *now,
        Knee::AtLeast { rate, because } if rate.ln() >= a - margin => {
            let note = format!("at least {}: {}", show(*rate), because.reason());
            return stop(Verdict::Inconclusive, note);
        }
        knee => return stop(Verdict::Invalid, format!("no knee to compare: {knee}")),
    };
    let (b, b_error) = pooled(&[now]);
    // + is worse: the knee fell.
    let contrast = Contrast {
        estimate: a - b,
        se: a_error.hypot(b_error),
        df: NORMAL,
    };
    let (low, high) = contrast.interval(1.0 - ALPHA);
    row.change = Some((-contrast.estimate).exp_m1());
    row.interval = Some(((-high).exp_m1(), (-low).exp_m1()));
    row.p_worse = Some(contrast.p_greater(0.0));
    let cap = match too_few_sessions(q.question.sessions) {
        Some(_) => STATED,
        None => 1.0,
    };
    let theta = contrast.estimate;
    let (verdict, probability) = if low > 0.0 && theta >= margin {
        if q.now.noisy {
            return stop(Verdict::Inconclusive, NOISY.to_owned());
        }
        (Verdict::Regressed, 1.0 - contrast.p_greater(0.0))
    } else if high < 0.0 && theta <= -margin {
        (Verdict::Improved, 1.0 - contrast.p_less(0.0))
    } else if contrast.is_equivalent(margin, ALPHA) {
        (
            Verdict::Unchanged,
            contrast.probability_between(-margin, margin),
        )
    } else {
        let note = "the intervals of both knees are too wide to tell; a finer `precision` or more `rounds` would";
        return stop(Verdict::Inconclusive, note.to_owned());
    };
    row.verdict = Some(verdict);
    row.confidence = Some(probability.min(cap));
}

const fn found(knee: &Knee) -> Option<KneeInterval> {
    match knee {
        Knee::Found(found) => Some(*found),
        _ => None,
    }
}

/// Mean logarithm of the knees with its standard error: the wider half of each interval, or the
/// scatter between them where that is more.
fn pooled(knees: &[KneeInterval]) -> (f64, f64) {
    let n = knees.len() as f64;
    let logs: Vec<f64> = knees.iter().map(|k| k.rate.ln()).collect();
    let center = mean(&logs);
    let within: f64 = knees
        .iter()
        .map(|k| {
            let half = (k.high / k.rate).ln().max((k.rate / k.low).ln());
            (half / normal_quantile(0.5 + k.probability / 2.0)).powi(2)
        })
        .sum();
    let between: f64 = logs.iter().map(|l| (l - center).powi(2)).sum::<f64>() / (n - 1.0).max(1.0);
    (center, (within / (n * n)).max(between / n).sqrt())
}

fn show(rate: f64) -> String {
    Unit::PerSecond.format(rate)
}

/// The verdict's own sentence, and the knee in every case.
fn headline(q: &CapacityQuestion<'_>, comparison: &Comparison) -> String {
    let limit = format!(
        "{} under {}",
        q.now.metric,
        q.now.metric.unit().format(q.now.under)
    );
    let said = match &q.now.knee {
        Knee::Found(knee) => format!(
            "holds up to {} ({} interval {} to {}) with {limit}",
            show(knee.rate),
            Unit::Share.format(knee.probability),
            show(knee.low),
            show(knee.high)
        ),
        Knee::AtLeast { rate, because } => format!(
            "holds at least {} with {limit}: {}",
            show(*rate),
            because.reason()
        ),
        Knee::Below { .. } | Knee::Unknown => format!("capacity is {}", q.now.knee),
    };
    let decision = &comparison.decision;
    let judged = comparison
        .results
        .iter()
        .any(|r| r.gating && (r.verdict.is_some() || r.limit.is_some()));
    let no_knee = comparison
        .findings
        .first()
        .filter(|f| f.code.as_deref() == Some(validity::NO_KNEE.id));
    if let (Verdict::Invalid, Some(finding)) = (decision.verdict, no_knee) {
        return finding.text.clone();
    }
    match decision.verdict {
        Verdict::Kept | Verdict::Unchanged => said,
        _ if judged || decision.verdict > Verdict::Inconclusive => {
            format!("{}; {said}", decision.headline)
        }
        _ => said,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::builder::{Build, outline, question, rounds};
    use crate::model::{Censored, Outline, Stat};

    fn found(rate: f64) -> Knee {
        Knee::Found(KneeInterval {
            rate,
            low: 0.98 * rate,
            high: 1.02 * rate,
            probability: 0.95,
        })
    }

    fn capacity(knee: Knee) -> Capacity {
        Capacity {
            metric: Metric::Latency(Stat::P99),
            under: 250e6,
            precision: 0.05,
            levels: Vec::new(),
            knee,
            noisy: false,
            law: None,
        }
    }

    fn threshold(metric: Metric, least: Option<f64>) -> Threshold {
        Threshold {
            metric,
            scope: Scope::default(),
            max: least,
            max_change: least.is_none().then_some(Change::Relative(0.05)),
            min_change: None,
            over: None,
            abort: false,
            line: Some(7),
        }
    }

    fn judged(outline: &Outline, now: &Capacity, before: Option<&Capacity>) -> Comparison {
        let measured = rounds([Build::of(0, 5.0)]);
        let measured: Vec<_> = measured.iter().collect();
        let design = if before.is_some() {
            Design::Unpaired
        } else {
            Design::Absolute
        };
        judge_capacity(&CapacityQuestion {
            question: question(outline, design, &measured, &measured),
            now,
            before: before.into_iter().collect(),
        })
    }

    fn against(now: Knee, before: Knee) -> Comparison {
        let outline = outline(&["pay"], vec![threshold(Metric::CapacityKnee, None)]);
        judged(&outline, &capacity(now), Some(&capacity(before)))
    }

    fn at_least(least: f64, now: Knee) -> Verdict {
        let outline = outline(&["pay"], vec![threshold(Metric::CapacityKnee, Some(least))]);
        judged(&outline, &capacity(now), None).decision.verdict
    }

    #[test]
    fn knees_are_compared_by_their_intervals() {
        let verdict = |now| against(now, found(500.0)).decision.verdict;
        assert_eq!(verdict(found(440.0)), Verdict::Regressed);
        assert_eq!(verdict(found(501.0)), Verdict::Unchanged);
        assert_eq!(verdict(found(480.0)), Verdict::Inconclusive);
        assert_eq!(verdict(found(560.0)), Verdict::Improved);
        let fell = against(found(440.0), found(500.0));
        assert!(
            fell.decision
                .headline
                .starts_with("capacity.knee fell 12.0 % (95 % interval"),
            "{}",
            fell.decision.headline
        );
        assert_eq!(fell.results[0].line, Some(7));
    }

    #[test]
    fn a_knee_found_in_noise_fails_nobody() {
        let outline = outline(&["pay"], vec![threshold(Metric::CapacityKnee, None)]);
        let noisy = Capacity {
            noisy: true,
            ..capacity(found(400.0))
        };
        let before = capacity(found(500.0));
        let verdict = judged(&outline, &noisy, Some(&before)).decision.verdict;
        assert_eq!(verdict, Verdict::Inconclusive);
    }

    #[test]
    fn a_least_rate_is_kept_by_the_whole_interval() {
        assert_eq!(at_least(480.0, found(500.0)), Verdict::Kept);
        assert_eq!(at_least(500.0, found(500.0)), Verdict::Inconclusive);
        assert_eq!(at_least(520.0, found(500.0)), Verdict::Broken);
    }

    #[test]
    fn without_a_knee_nothing_passes_but_what_is_on_the_safe_side() {
        let bound = |rate| Knee::AtLeast {
            rate,
            because: Censored::Generator,
        };
        assert_eq!(at_least(300.0, bound(400.0)), Verdict::Kept);
        assert_eq!(at_least(500.0, bound(400.0)), Verdict::Invalid);
        assert_eq!(
            at_least(500.0, Knee::Below { rate: 100.0 }),
            Verdict::Broken
        );
        assert_eq!(
            at_least(50.0, Knee::Below { rate: 100.0 }),
            Verdict::Invalid
        );
        assert_eq!(at_least(50.0, Knee::Unknown), Verdict::Invalid);
        let verdict = |now| against(now, found(500.0)).decision.verdict;
        assert_eq!(verdict(bound(400.0)), Verdict::Invalid);
        assert_eq!(verdict(bound(600.0)), Verdict::Inconclusive);
        assert_eq!(verdict(Knee::Unknown), Verdict::Invalid);
        let alone = outline(&["pay"], Vec::new());
        let unknown = judged(&alone, &capacity(Knee::Unknown), None);
        assert_eq!(unknown.decision.verdict, Verdict::Invalid);
        assert!(unknown.decision.headline.starts_with("no knee was found"));
    }

    #[test]
    fn a_reference_without_a_knee_and_other_metrics_do_not_pass() {
        let nothing = against(found(500.0), Knee::Unknown);
        assert_eq!(nothing.decision.verdict, Verdict::Incomparable);
        let other = threshold(Metric::Latency(Stat::P99), Some(1e9));
        let outline = outline(&["pay"], vec![other]);
        let judged = judged(&outline, &capacity(found(500.0)), None);
        assert_eq!(judged.decision.verdict, Verdict::Invalid);
    }
}
