//! The conclusion over all rows: one verdict, one sentence, and what else must be known.
//!
//! The worst gating verdict is the verdict of the whole. An unsound measurement overrules every
//! row, and a reference that cannot be compared overrules every change.

use super::evidence::{Row, Scale};
use super::hygiene;
use super::question::{Question, Rule, STATED, too_few_sessions};
use super::rounds::Rounds;
use super::soundness::finding;
use super::stopped::Stopped;
use super::wording;
use crate::diagnostic::validity;
use crate::model::{
    Better, Comparison, Decision, Design, Estimate, Finding, Judge, MetricResult, Moved, Verdict,
};

/// Whether the measurement may be believed at all.
#[derive(Debug)]
pub(super) struct Soundness {
    pub(super) unsound: Vec<Finding>,
    /// The offered rate fell short.
    pub(super) rate: Option<Finding>,
    /// Not one request was answered; bad enough where nothing else says so.
    pub(super) unanswered: Option<Finding>,
    pub(super) stopped: Stopped,
}

/// Puts everything together.
pub(super) fn conclude(
    q: &Question,
    rounds: &Rounds,
    rows: &[Row],
    mut results: Vec<MetricResult>,
    mut moved: Vec<Moved>,
    soundness: Soundness,
) -> Comparison {
    let mut invalid = soundness.unsound;
    invalid.extend(unmeasured(&results));
    let mut incomparable = Vec::new();
    match soundness.rate {
        Some(rate) if q.design == Design::Absolute => invalid.push(rate),
        rate => incomparable.extend(rate),
    }
    let stopped = soundness.stopped;
    incomparable.extend(stopped.before.iter().cloned());
    let judged = if stopped.now.is_empty() {
        overall(&results)
    } else {
        overall(&results).max(Verdict::Broken)
    };
    if judged < Verdict::Broken {
        invalid.extend(soundness.unanswered);
    }
    let mismatch = mismatch(q);
    let mut remarks = Vec::new();
    if q.environment.allow_mismatch {
        remarks.extend(mismatch);
    } else {
        incomparable.extend(mismatch);
    }
    let overruling = if !invalid.is_empty() {
        Some(Verdict::Invalid)
    } else if !incomparable.is_empty() {
        Some(Verdict::Incomparable)
    } else {
        None
    };
    if let Some(verdict) = overruling {
        overrule(&mut results, verdict);
        moved.clear();
    }
    let verdict = overruling.unwrap_or(judged);
    let mut findings = invalid;
    findings.extend(incomparable);
    // A step that is the only one need not be named.
    let blamable = if q.outline.steps.len() > 1 {
        &moved[..]
    } else {
        &[]
    };
    let headline = headline(verdict, &results, blamable, &findings, &stopped);
    findings.extend(stopped.now);
    remarks.extend(remarks_on(q, rounds, rows, &results));
    findings.extend(remarks);
    Comparison {
        design: q.design,
        reference: q.reference.clone(),
        before_rounds: rounds.before.len(),
        now_rounds: rounds.now.len(),
        results,
        moved,
        findings,
        decision: Decision { verdict, headline },
        capacity: None,
        judge: Judge::default(),
        unevaluated: Vec::new(),
        foresight: None,
    }
}

/// The worst gating verdict; a kept limit is no worse than an unchanged metric.
fn overall(results: &[MetricResult]) -> Verdict {
    let gating = || results.iter().filter(|r| r.gating);
    let relative = gating().filter_map(|r| r.verdict).max();
    let limit = gating().filter_map(|r| r.limit).max();
    match (relative, limit) {
        (Some(r), Some(l)) if l > Verdict::Kept => r.max(l),
        (Some(r), _) => r,
        (None, l) => l.unwrap_or(Verdict::Kept),
    }
}

/// Takes back what rows concluded from numbers that mean nothing or nothing in common.
fn overrule(results: &mut [MetricResult], verdict: Verdict) {
    for r in results {
        if r.verdict.is_some() {
            r.verdict = Some(verdict);
            r.confidence = None;
            r.rounds_needed = None;
        }
        if verdict == Verdict::Invalid && r.limit == Some(Verdict::Kept) {
            r.limit = Some(Verdict::Inconclusive);
            r.confidence = None;
        }
    }
}

fn unmeasured(results: &[MetricResult]) -> Option<Finding> {
    let names: Vec<String> = results
        .iter()
        .filter(|r| r.gating && [r.verdict, r.limit].contains(&Some(Verdict::Invalid)))
        .map(name)
        .collect();
    (!names.is_empty()).then(|| {
        finding(
            &validity::METRIC_NOT_MEASURED,
            format!("{} gates and was not measured", listed(&names)),
            "a threshold that cannot be judged never passes; process metrics need `command` or `process` of [target]",
        )
    })
}

fn mismatch(q: &Question) -> Vec<Finding> {
    if q.design == Design::Absolute {
        return Vec::new();
    }
    let mut what = q.environment.hard.clone();
    if q.environment.plan_differs {
        what.push("the plan: another load was asked for".to_owned());
    }
    if what.is_empty() {
        return Vec::new();
    }
    let consequence = if q.environment.allow_mismatch {
        "compared all the same, as advice"
    } else {
        "not comparable with the reference"
    };
    vec![finding(
        &validity::MISMATCH,
        format!("{consequence}: {}", what.join(", ")),
        "measure both sides here with `check --against-command`, or save a new baseline on this machine",
    )]
}

fn remark(text: String, hint: Option<&str>) -> Finding {
    Finding {
        code: None,
        text,
        hint: hint.map(str::to_owned),
    }
}

fn remarks_on(
    q: &Question,
    rounds: &Rounds,
    rows: &[Row],
    results: &[MetricResult],
) -> Vec<Finding> {
    let mut found = Vec::new();
    found.extend(noise(q, rounds, rows));
    if q.design == Design::Unpaired {
        if let Some(sessions) = too_few_sessions(&rounds.sessions) {
            found.push(remark(
                format!(
                    "the baseline spans {}, so the spread between sessions is unknown and no confidence exceeds {STATED}",
                    wording::count(sessions as u64, "session")
                ),
                Some("add runs of other days or boots with `baseline promote`, until there are 3; or compare with `check --against-command`"),
            ));
        }
        if !q.environment.soft.is_empty() {
            found.push(remark(
                format!("the environment differs: {}", q.environment.soft.join(", ")),
                None,
            ));
        }
    }
    let spread: Vec<String> = rows
        .iter()
        .filter(|r| r.ask.gating && r.evidence.as_ref().is_some_and(|e| e.spread_changed))
        .map(|r| r.ask.name())
        .collect();
    if !spread.is_empty() {
        found.push(remark(
            format!("the spread between rounds changed: {}", listed(&spread)),
            Some("something became more or less steady; compared without assuming equal spreads"),
        ));
    }
    let suspicious: Vec<String> = results.iter().filter(|r| r.suspicious).map(name).collect();
    if !suspicious.is_empty() {
        found.push(remark(
            format!(
                "suspicious improvement of more than half: {}",
                listed(&suspicious)
            ),
            Some("check that the target still does the work, then measure again"),
        ));
    }
    found.extend(rule(q));
    found.extend(places(q, rows));
    let errors: u64 = rounds.now.iter().map(|r| r.trust.generator_errors).sum();
    if errors > 0 {
        found.push(remark(
            format!(
                "{} failed for want of local descriptors or ports",
                wording::count(errors, "request")
            ),
            Some("raise `ulimit -n`, lower the rate, or use fewer connections"),
        ));
    }
    found
}

/// Says so when changes are judged otherwise than usual.
fn rule(q: &Question) -> Option<Finding> {
    if q.design == Design::Absolute || q.rule == Rule::default() {
        return None;
    }
    let strict = match (q.rule.strict, q.rule.judge) {
        (true, Judge::RoundT | Judge::MannWhitney) => {
            ", strictly: a regression must exceed what is allowed beyond doubt"
        }
        _ => "",
    };
    Some(remark(
        format!("changes are judged by {}{strict}", q.rule.judge),
        None,
    ))
}

/// What the second place of a duet cost, where it shows.
fn places(q: &Question, rows: &[Row]) -> Option<Finding> {
    if q.design != Design::Duet {
        return None;
    }
    let costs: Vec<String> = rows
        .iter()
        .filter(|r| r.ask.gating)
        .filter_map(|r| {
            let e = r.evidence.as_ref()?;
            let place = e.place?;
            let (low, high) = place.interval(STATED);
            // From the first place to the second is twice the term.
            let cost = (2.0 * place.estimate).exp_m1();
            (e.scale == Scale::Log && (low > 0.0 || high < 0.0))
                .then(|| format!("{} {} %", r.ask.name(), wording::signed(cost)))
        })
        .collect();
    (!costs.is_empty()).then(|| {
        remark(
            format!(
                "the second place of the duet was worse by {}; as many pairs had either order, and this is taken out",
                listed(&costs)
            ),
            None,
        )
    })
}

/// True when the reference was measured under conditions that forbid more than advice.
pub(super) fn is_advice(q: &Question) -> bool {
    let differs = !q.environment.hard.is_empty() || q.environment.plan_differs;
    q.design != Design::Absolute && q.environment.allow_mismatch && differs
}

/// Which rows the machine spoiled, and which it could not.
fn noise(q: &Question, rounds: &Rounds, rows: &[Row]) -> Option<Finding> {
    let all = || rounds.before.iter().chain(&rounds.now).copied();
    let spoiled = all().filter(|r| !r.is_clean()).count();
    if spoiled == 0 {
        return None;
    }
    let observed = rounds.now.iter().any(|r| !r.usage.is_empty());
    let worst = hygiene::worst(all()).unwrap_or_default();
    let of = all().count();
    let names: Vec<String> = rows
        .iter()
        .filter(|r| r.selection.noise.is_some() && (r.ask.gating || q.design == Design::Absolute))
        .map(|r| r.ask.name())
        .collect();
    let rounds_spoiled = format!(
        "the machine spoiled {spoiled} of {}",
        wording::count(of as u64, "round")
    );
    let text = if names.is_empty() {
        format!("{rounds_spoiled} ({worst}); timing metrics use the clean ones")
    } else if q.design == Design::Absolute && rounds.now.len() < 3 {
        format!("{rounds_spoiled} ({worst}): read the times with care")
    } else {
        let untouched = if observed {
            "CPU per request, memory and errors still count"
        } else {
            "errors still count"
        };
        format!(
            "{rounds_spoiled} ({worst}); this leaves nothing to say about {}; {untouched}",
            listed(&names)
        )
    };
    let hint = if observed {
        "quieten the machine or give the check cores of its own; `cpu.per-request` is steady here"
    } else {
        "quieten the machine or give the check cores of its own; of a target whose process is known, `cpu.per-request` would still tell"
    };
    Some(finding(&validity::NOISY_MACHINE, text, hint))
}

/// The sentence a reader sees first.
fn headline(
    verdict: Verdict,
    results: &[MetricResult],
    moved: &[Moved],
    findings: &[Finding],
    stopped: &Stopped,
) -> String {
    let gating = || results.iter().filter(|r| r.gating);
    let having = |v: Verdict| -> Vec<&MetricResult> {
        gating()
            .filter(|r| r.verdict == Some(v) || r.limit == Some(v))
            .collect()
    };
    match verdict {
        Verdict::Invalid => first(findings).to_owned(),
        Verdict::Incomparable => {
            let row = having(Verdict::Incomparable)
                .into_iter()
                .find_map(|r| Some(format!("{}: {}", name(r), r.note.as_ref()?)));
            match findings.first() {
                Some(f) => f.text.clone(),
                None => row.unwrap_or_else(|| "not comparable with the reference".to_owned()),
            }
        }
        Verdict::Regressed | Verdict::Improved => {
            let rows = having(verdict);
            let p = |r: &MetricResult| r.p_worse.unwrap_or(0.5);
            let first = rows.iter().copied().min_by(|a, b| {
                let (a, b) = (p(a), p(b));
                if verdict == Verdict::Regressed {
                    a.total_cmp(&b)
                } else {
                    b.total_cmp(&a)
                }
            });
            let Some(first) = first else {
                return verdict.name().to_owned();
            };
            let mut text = changed(first);
            let others: Vec<String> = rows
                .iter()
                .filter(|r| !std::ptr::eq(**r, first))
                .map(|r| name(r))
                .collect();
            if !others.is_empty() {
                text.push_str("; also ");
                text.push_str(&listed(&others));
            }
            for limit in gating().filter(|r| r.limit == Some(Verdict::Broken)) {
                text.push_str("; ");
                text.push_str(&broken(limit));
            }
            text + &blamed(moved)
        }
        Verdict::Broken => {
            let stops = stopped.now.iter().map(|f| f.text.clone());
            let limits = having(Verdict::Broken)
                .into_iter()
                .filter(|r| !stopped.told.contains(&r.name()))
                .map(broken);
            // What stopped the run comes last, so that its finding is seen to be told.
            limits.chain(stops).collect::<Vec<_>>().join("; ")
        }
        Verdict::Inconclusive => inconclusive(&having(Verdict::Inconclusive), gating().count()),
        Verdict::Unchanged => unchanged(results),
        Verdict::Kept => match gating().filter(|r| r.limit.is_some()).count() {
            0 => "measured; nothing was asked to be kept".to_owned(),
            1 => "the limit is kept".to_owned(),
            n => format!("all {n} limits are kept"),
        },
    }
}

fn first(findings: &[Finding]) -> &str {
    findings.first().map_or("no reason given", |f| &f.text)
}

/// ``; step `pay` stands out: +19.0 % beyond the other steps``
fn blamed(moved: &[Moved]) -> String {
    moved
        .iter()
        .find(|m| m.stands_out)
        .map_or_else(String::new, |m| {
            let what = if m.journey { "journey" } else { "step" };
            format!(
                "; {what} `{}` stands out: {} % beyond the other {what}s",
                m.step,
                wording::signed(m.change)
            )
        })
}

/// `latency.p99 rose 13.7 % (95 % interval +9.8 to +17.9 %, allowed +10 %), confidence 0.998`
fn changed(r: &MetricResult) -> String {
    let Some(change) = r.change else {
        // From zero there is no ratio.
        let before = r.before.as_ref().and_then(|s| s.value.exact());
        let show = |v: Option<f64>| v.map_or("–".to_owned(), |v| r.metric.unit().format(v));
        return format!(
            "{} went from {} to {}",
            name(r),
            show(before),
            show(r.now.value.lower_bound())
        );
    };
    let verb = if change < 0.0 { "fell" } else { "rose" };
    let points = wording::in_points(r.metric, r.allowed);
    let unit = if points { "pp" } else { "%" };
    let least = match r.now.value {
        Estimate::Exact(_) => "",
        _ => "at least ",
    };
    let allowed = r
        .allowed
        .map(|a| wording::allowed(a, r.metric.better() == Better::Higher));
    let mut facts = Vec::new();
    if let Some((low, high)) = r.interval {
        facts.push(format!(
            "95 % interval {} to {} {unit}",
            wording::signed(low),
            wording::signed(high)
        ));
    }
    if let Some(allowed) = allowed.filter(|_| r.verdict == Some(Verdict::Regressed)) {
        facts.push(format!("allowed {allowed}"));
    }
    let facts = if facts.is_empty() {
        String::new()
    } else {
        format!(" ({})", facts.join(", "))
    };
    let sure = r.confidence.map_or_else(String::new, |p| {
        format!(", confidence {}", wording::confidence(p))
    });
    format!(
        "{} {verb} {least}{} {unit}{facts}{sure}",
        name(r),
        wording::percent(change.abs())
    )
}

fn broken(r: &MetricResult) -> String {
    let unit = r.metric.unit();
    let value = match r.now.value {
        Estimate::Exact(v) => unit.format(v),
        Estimate::AtLeast(v) => format!("≥ {}", unit.format(v)),
        _ => "undetermined, because requests failed".to_owned(),
    };
    let side = match r.metric.better() {
        Better::Lower => "over",
        Better::Higher => "below",
    };
    let max = r.max.map_or_else(String::new, |m| unit.format(m));
    format!("{} is {value}, {side} its limit of {max}", name(r))
}

/// Rows grouped by their reason, so that one noisy machine is said once.
fn inconclusive(rows: &[&MetricResult], gating: usize) -> String {
    let mut groups: Vec<(String, Vec<String>)> = Vec::new();
    for r in rows {
        let note = r.note.clone().unwrap_or_else(|| "not decided".to_owned());
        match groups.iter_mut().find(|(n, _)| *n == note) {
            Some((_, names)) => names.push(name(r)),
            None => groups.push((note, vec![name(r)])),
        }
    }
    let texts: Vec<String> = groups
        .into_iter()
        .map(|(note, names)| format!("{}: {note}", listed(&names)))
        .collect();
    format!(
        "no answer yet for {} of {}: {}",
        rows.len(),
        wording::count(gating as u64, "gating metric"),
        texts.join("; ")
    )
}

fn unchanged(results: &[MetricResult]) -> String {
    let judged: Vec<&MetricResult> = results
        .iter()
        .filter(|r| r.gating && r.verdict.is_some())
        .collect();
    let mut text = format!(
        "no change beyond what is allowed in {}",
        wording::count(judged.len() as u64, "gating metric")
    );
    let improved: Vec<String> = judged
        .iter()
        .filter(|r| r.verdict == Some(Verdict::Improved))
        .map(|r| changed(r))
        .collect();
    if !improved.is_empty() {
        text.push_str("; ");
        text.push_str(&improved.join("; "));
    }
    let weak: Vec<String> = judged
        .iter()
        .filter(|r| r.confidence.is_some_and(|p| p < STATED))
        .map(|r| name(r))
        .collect();
    if !weak.is_empty() {
        text.push_str("; weak evidence for ");
        text.push_str(&listed(&weak));
    }
    text
}

/// The metric with its scope.
fn name(r: &MetricResult) -> String {
    r.name()
}

/// `a`, `a and b`, `a, b and c`
fn listed(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}
