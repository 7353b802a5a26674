//! Rounds that a rule of the scenario held back or ended: they pass no gate, whatever they measured.
//!
//! A guard that opened, or a limit that was seen broken while the load ran, is an absolute failure by
//! itself. A round that was ended has seen only part of its plan, so none of its values are judged.

use std::fmt::Write as _;

use super::question::Question;
use super::soundness::finding;
use super::wording;
use crate::diagnostic::validity;
use crate::model::{Finding, GuardState, HaltCause, MetricResult, Outline, Round, Verdict, label};
use crate::units::Nanos;

/// What was stopped on either side.
#[derive(Debug, Default)]
pub(super) struct Stopped {
    pub(super) now: Vec<Finding>,
    pub(super) before: Vec<Finding>,
    /// Rows whose limit ended the run; a finding of now tells of them.
    pub(super) told: Vec<String>,
}

impl Stopped {
    pub(super) fn of(q: &Question) -> Self {
        let breaches = q.now.iter().filter_map(|r| match &r.halt.as_ref()?.by {
            HaltCause::Threshold(b) => Some(label(b.metric, &b.scope, b.over)),
            HaltCause::Guard => None,
        });
        let mut told: Vec<String> = breaches.collect();
        told.dedup();
        let mut before = findings(q.before, q.before_outline);
        for found in &mut before {
            found.text = format!("the reference: {}", found.text);
        }
        Self {
            now: findings(q.now, q.outline),
            before,
            told,
        }
    }
}

/// Corrects the rows: the limit that ended the run is broken, and what it kept from being measured is
/// unknown rather than missing.
pub(super) fn correct(q: &Question, results: &mut [MetricResult]) {
    let nothing_complete = !q.now.iter().any(|r| r.complete);
    for halt in q.now.iter().filter_map(|r| r.halt.as_ref()) {
        for result in results.iter_mut().filter(|_| nothing_complete) {
            excuse(result);
        }
        let HaltCause::Threshold(b) = &halt.by else {
            continue;
        };
        let is_it = |r: &&mut MetricResult| {
            (r.metric, &r.scope, r.over, r.max) == (b.metric, &b.scope, b.over, Some(b.max))
        };
        if let Some(result) = results.iter_mut().find(is_it) {
            result.limit = Some(Verdict::Broken);
            result.note = Some(format!("ended the run after {}", halt.at));
            if nothing_complete {
                result.now.value = b.value;
            }
        }
    }
}

fn excuse(result: &mut MetricResult) {
    let mut excused = false;
    for verdict in [&mut result.verdict, &mut result.limit] {
        if *verdict == Some(Verdict::Invalid) {
            *verdict = Some(Verdict::Inconclusive);
            excused = true;
        }
    }
    if excused {
        result.note = Some("the run was ended before it could be told".to_owned());
    }
}

/// One for each way of being stopped; further rounds of the same are only counted.
fn findings(side: &[&Round], outline: &Outline) -> Vec<Finding> {
    let mut guarded: Vec<Finding> = Vec::new();
    let mut limited: Vec<Finding> = Vec::new();
    let stopped: Vec<&Round> = side.iter().copied().filter(|r| r.is_stopped()).collect();
    for round in &stopped {
        if let Some(text) = opened(round, outline) {
            guarded.push(finding(
                &validity::GUARD_OPENED,
                text,
                "the errors of the report say what failed; mend that, or ask for less load",
            ));
        } else if let Some(halt) = &round.halt {
            limited.push(finding(
                &validity::LIMIT_ENDED,
                format!("{halt}; the run was ended there"),
                "without `abort` the whole of the plan is measured and judged at its end",
            ));
        }
    }
    let mut found = Vec::new();
    for mut same in [guarded, limited] {
        let more = same.len().saturating_sub(1);
        same.truncate(1);
        if more > 0 {
            let more = wording::count(more as u64, "more round");
            let _ = write!(same[0].text, "; it stopped {more} too");
        }
        found.extend(same);
    }
    found
}

/// `the guard opened after 12 s: 63 % of 1204 requests failed within 10 s; load was held back for 5 s`
fn opened(round: &Round, outline: &Outline) -> Option<String> {
    let mut openings = round.guard.iter().filter(|c| c.state.is_opening());
    let first = openings.next()?;
    let mut text = first.to_string();
    let held = held_back(round, outline);
    if held > Nanos::ZERO {
        let _ = write!(text, "; load was held back for {held}");
    }
    match openings.next_back() {
        Some(last) if last.state == GuardState::Ended => {
            let _ = write!(text, "; the guard ended the run after {}", last.at);
        }
        _ => {}
    }
    Some(text)
}

/// Time in which less was sent than the plan asked for.
fn held_back(round: &Round, outline: &Outline) -> Nanos {
    let end = round.halt.as_ref().map_or(outline.duration(), |h| h.at);
    let ends = round.guard.iter().skip(1).map(|c| c.at).chain([end]);
    round
        .guard
        .iter()
        .zip(ends)
        .filter(|(change, _)| change.state != GuardState::Closed)
        .fold(Nanos::ZERO, |sum, (change, end)| {
            sum + end.saturating_sub(change.at)
        })
}

#[cfg(test)]
mod tests {
    use super::super::builder::{Build, outline, question, rounds};
    use super::super::judge;
    use super::*;
    use crate::model::{
        Breach, Comparison, Design, Estimate, GuardChange, Halt, Metric, Scope, Stat, Threshold,
        Window,
    };

    const P99: Metric = Metric::Latency(Stat::P99);

    fn change(at: u64, state: GuardState, failed: u64, settled: u64) -> GuardChange {
        GuardChange {
            at: Nanos::from_secs(at),
            state,
            failed,
            settled,
            within: Nanos::from_secs(10),
        }
    }

    /// Opened after 12 s, probed 3 s later, closed 2 s after that.
    fn guarded(mut round: Round) -> Round {
        round.guard = vec![
            change(2, GuardState::Open, 630, 1000),
            change(5, GuardState::Probing(10), 0, 0),
            change(7, GuardState::Closed, 0, 0),
        ];
        round
    }

    fn ask(thresholds: Vec<Threshold>, now: &[Round], before: &[Round]) -> Comparison {
        let outline = outline(&["root"], thresholds);
        let (now, before): (Vec<&Round>, Vec<&Round>) =
            (now.iter().collect(), before.iter().collect());
        let design = if before.is_empty() {
            Design::Absolute
        } else {
            Design::Unpaired
        };
        judge(&question(&outline, design, &before, &now))
    }

    fn three() -> Vec<Round> {
        rounds((0..3).map(|i| Build::of(i, 5.0)))
    }

    #[test]
    fn a_round_with_an_opened_guard_passes_nothing() {
        let mut now = three();
        now[1] = guarded(now[1].clone());
        let c = ask(Vec::new(), &now, &[]);
        assert_eq!(c.decision.verdict, Verdict::Broken);
        insta::assert_snapshot!(c.decision.headline, @"the guard opened after 2 s: 63 % of 1000 requests failed within 10 s; load was held back for 5 s");
        assert_eq!(c.findings[0].code.as_deref(), Some("PL0330"));

        let same = ask(Vec::new(), &now, &three());
        assert_eq!(same.decision.verdict, Verdict::Broken, "and not unchanged");
        let reference = ask(Vec::new(), &three(), &now);
        assert_eq!(reference.decision.verdict, Verdict::Incomparable);
        insta::assert_snapshot!(reference.decision.headline, @"the reference: the guard opened after 2 s: 63 % of 1000 requests failed within 10 s; load was held back for 5 s");
    }

    #[test]
    fn a_run_that_the_guard_ended_in_its_first_round_has_failed_and_is_not_invalid() {
        let mut now = rounds([Build::of(0, 5.0)]);
        now[0].complete = false;
        now[0].guard = vec![change(4, GuardState::Ended, 90, 100)];
        now[0].halt = Some(Box::new(Halt {
            at: Nanos::from_secs(4),
            by: HaltCause::Guard,
        }));
        let limit = Threshold {
            max: Some(1e6),
            ..Threshold::on(P99)
        };
        let c = ask(vec![limit.clone()], &now, &[]);
        assert_eq!(c.decision.verdict, Verdict::Broken);
        insta::assert_snapshot!(c.decision.headline, @"the guard ended the run after 4 s: 90 % of 100 requests failed within 10 s");
        assert_eq!(c.results[0].limit, Some(Verdict::Inconclusive));

        // Requests that were lost from the account are worse than any failure of the target.
        now[0].trust.conserved = false;
        let c = ask(vec![limit], &now, &[]);
        assert_eq!(c.decision.verdict, Verdict::Invalid);
    }

    #[test]
    fn the_limit_that_ended_the_run_is_broken_and_the_others_are_unknown() {
        let limit = |metric, max| Threshold {
            max: Some(max),
            ..Threshold::on(metric)
        };
        let mut now = rounds([Build::of(0, 5.0)]);
        now[0].complete = false;
        now[0].halt = Some(Box::new(Halt {
            at: Nanos::from_secs(6),
            by: HaltCause::Threshold(Breach {
                metric: P99,
                scope: Scope::default(),
                over: None,
                value: Estimate::Exact(80e6),
                max: 50e6,
            }),
        }));
        let c = ask(
            vec![limit(P99, 50e6), limit(Metric::ErrorsRate, 0.1)],
            &now,
            &[],
        );
        assert_eq!(c.decision.verdict, Verdict::Broken);
        insta::assert_snapshot!(c.decision.headline, @"latency.p99 was 80 ms after 6 s, over its limit of 50 ms; the run was ended there");
        let rows: Vec<_> = c.results.iter().map(|r| (r.limit, r.now.value)).collect();
        assert_eq!(
            rows[..2],
            [
                (Some(Verdict::Broken), Estimate::Exact(80e6)),
                (Some(Verdict::Inconclusive), Estimate::Missing)
            ]
        );
    }

    #[test]
    fn a_limit_over_windows_is_judged_by_the_worst_window_of_each_round() {
        let over = Some(Nanos::from_secs(2));
        let threshold = Threshold {
            max: Some(50e6),
            over,
            ..Threshold::on(P99)
        };
        let with = |worst: Estimate| {
            let mut now = three();
            for round in &mut now {
                round.windows = vec![Window {
                    metric: P99,
                    scope: Scope::default(),
                    over: Nanos::from_secs(2),
                    at: Nanos::SECOND,
                    worst,
                }];
            }
            ask(vec![threshold.clone()], &now, &[])
        };
        let broken = with(Estimate::Exact(80e6));
        insta::assert_snapshot!(broken.decision.headline, @"latency.p99 (worst 2 s) is 80 ms, over its limit of 50 ms");
        assert_eq!(with(Estimate::Exact(40e6)).decision.verdict, Verdict::Kept);
        let few = with(Estimate::TooFew {
            have: 300,
            need: 1000,
        });
        assert_eq!(few.decision.verdict, Verdict::Inconclusive);
        insta::assert_snapshot!(few.decision.headline, @"no answer yet for 1 of 1 gating metric: latency.p99 (worst 2 s): latency.p99 needs 1,000 requests in 2 s; here 300");
        // A record without windows cannot pass either.
        let none = ask(vec![threshold.clone()], &three(), &[]);
        assert_eq!(none.decision.verdict, Verdict::Invalid);
    }
}
