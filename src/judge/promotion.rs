//! What must be answered before the rounds of a run are added to the baseline they were judged by.
//!
//! A baseline decides about everything that comes later, so it may drift neither way unnoticed: what
//! got better is confirmed by another measurement first, what got worse needs a reason.

use std::collections::BTreeSet;

use crate::model::{Comparison, MetricResult, Verdict};

/// The metrics of a run that stand apart from the baseline, by name and scope.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Admission {
    /// Gating metrics that improved, and any that improved by more than half.
    pub better: BTreeSet<String>,
    /// Gating metrics that regressed, or broke a limit.
    pub worse: BTreeSet<String>,
}

/// Reads a comparison with the baseline as a question of admission.
pub fn admission(comparison: &Comparison) -> Admission {
    let names = |is: &dyn Fn(&MetricResult) -> bool| {
        let results = comparison.results.iter().filter(|r| is(r));
        results.map(MetricResult::name).collect()
    };
    let gates = |r: &MetricResult, verdict| r.gating && r.verdict == Some(verdict);
    Admission {
        better: names(&|r| gates(r, Verdict::Improved) || r.suspicious),
        worse: names(&|r| {
            gates(r, Verdict::Regressed) || (r.gating && r.limit == Some(Verdict::Broken))
        }),
    }
}

/// The improvements that a second comparison with the same baseline does not show.
pub fn unconfirmed(better: &BTreeSet<String>, second: &Comparison) -> Vec<String> {
    let shown: BTreeSet<String> = second
        .results
        .iter()
        .filter(|r| r.verdict == Some(Verdict::Improved))
        .map(MetricResult::name)
        .collect();
    better.difference(&shown).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::builder::{Build, outline, question, rounds};
    use crate::judge::judge;
    use crate::model::{Design, Round};

    fn compared(before: f64, now: f64) -> Comparison {
        let o = outline(&["pay"], vec![]);
        let side = |ms: f64| -> Vec<Round> {
            let scatter = [0.99, 1.0, 1.01, 1.005, 0.995];
            rounds(
                scatter
                    .iter()
                    .enumerate()
                    .map(|(i, s)| Build::of(i, ms * s)),
            )
        };
        let (a, b) = (side(before), side(now));
        let (a, b): (Vec<&Round>, Vec<&Round>) = (a.iter().collect(), b.iter().collect());
        judge(&question(&o, Design::Unpaired, &a, &b))
    }

    #[test]
    fn what_stands_apart_is_named_and_confirmed_metric_by_metric() {
        let same = admission(&compared(10.0, 10.0));
        assert_eq!(same, Admission::default());
        let faster = compared(10.0, 8.0);
        let found = admission(&faster);
        assert!(found.better.contains("latency.p50"), "{found:?}");
        assert!(found.worse.is_empty());
        assert!(unconfirmed(&found.better, &faster).is_empty());
        let all: Vec<String> = found.better.iter().cloned().collect();
        assert_eq!(unconfirmed(&found.better, &compared(10.0, 10.0)), all);
        let slower = admission(&compared(10.0, 13.0));
        assert!(slower.worse.contains("latency.p50") && slower.better.is_empty());
    }

    #[test]
    fn what_improved_by_more_than_half_counts_even_where_it_does_not_gate() {
        let found = admission(&compared(10.0, 4.0));
        assert!(found.better.contains("latency.mean"), "{found:?}");
    }
}
