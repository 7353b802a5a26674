//! A baseline of several sessions, judged by the real judge on simulated machines.

use super::builder::{Build, outline, question, rounds};
use super::*;
use crate::model::{Change, Comparison, Design, Metric, Outline, Round, Stat, Threshold, Verdict};
use crate::random::Uniform;
use crate::stats::normal_quantile;

const P50: Metric = Metric::Latency(Stat::P50);

/// Scatter of a round within its session.
const WITHIN: f64 = 0.02;

struct Machine(Uniform);

impl Machine {
    fn normal(&mut self) -> f64 {
        normal_quantile(self.0.draw().min(1.0 - 1e-12))
    }

    /// Five rounds of one session, whose level is off by so many standard deviations of a round.
    fn session(&mut self, between: f64, shift: f64) -> Vec<Build> {
        let level = shift + between * WITHIN * self.normal();
        (0..5)
            .map(|i| Build::of(i, 5.0 * (level + WITHIN * self.normal()).exp()))
            .collect()
    }

    /// Earlier sessions against one of now.
    fn compared(
        &mut self,
        o: &Outline,
        sessions: usize,
        between: f64,
        shift: f64,
    ) -> [Comparison; 2] {
        let before = rounds((0..sessions).flat_map(|_| self.session(between, 0.0)));
        let now = rounds(self.session(between, shift));
        let labels: Vec<usize> = (0..before.len()).map(|i| i / 5).collect();
        let (before, now): (Vec<&Round>, Vec<&Round>) =
            (before.iter().collect(), now.iter().collect());
        let mut q = question(o, Design::Unpaired, &before, &now);
        let naive = judge(&q);
        q.sessions = &labels;
        [judge(&q), naive]
    }
}

/// One metric with this allowance.
fn allowing(change: f64) -> Outline {
    let threshold = Threshold {
        max_change: Some(Change::Relative(change)),
        ..Threshold::on(P50)
    };
    outline(&["op"], vec![threshold])
}

fn verdict(c: &Comparison) -> Verdict {
    c.results[0].verdict.expect("judged")
}

#[test]
fn sessions_that_differ_raise_no_false_alarms_once_there_are_three() {
    let o = allowing(0.0);
    let trials = 250;
    for (sessions, between) in [(3, 1.0), (3, 2.0), (3, 5.0), (5, 1.0), (5, 2.0), (5, 5.0)] {
        let mut machine = Machine(Uniform::new(17, sessions as u64));
        let (mut alarms, mut naive) = (0, 0);
        for _ in 0..trials {
            let [judged, pooled] = machine.compared(&o, sessions, between, 0.0);
            let is_alarm = |c: &Comparison| {
                usize::from(matches!(verdict(c), Verdict::Regressed | Verdict::Improved))
            };
            alarms += is_alarm(&judged);
            naive += is_alarm(&pooled);
        }
        let share = |n: usize| n as f64 / f64::from(trials);
        eprintln!(
            "{sessions} sessions that scatter {between} × as their rounds: {:.3} false alarms, pooled {:.3}",
            share(alarms),
            share(naive)
        );
        assert!(share(alarms) <= 0.05, "{sessions} {between}");
        assert!(share(naive) >= 0.15, "{sessions} {between}");
    }
}

#[test]
fn a_real_change_shows_through_sessions_and_is_stated_without_a_cap() {
    let o = allowing(0.05);
    let mut machine = Machine(Uniform::new(18, 0));
    let found: Vec<Comparison> = (0..60)
        .map(|_| {
            let [judged, _] = machine.compared(&o, 5, 0.5, 0.15);
            judged
        })
        .filter(|c| verdict(c) == Verdict::Regressed)
        .collect();
    assert!(found.len() >= 50, "{} of 60", found.len());
    let stated = found.iter().filter_map(|c| c.results[0].confidence);
    assert!(stated.fold(0.0, f64::max) > 0.99);
    for c in &found {
        assert!(
            !c.findings.iter().any(|f| f.text.contains("session")),
            "{:?}",
            c.findings
        );
    }
}

#[test]
fn where_sessions_differ_by_more_than_is_allowed_more_rounds_are_no_advice() {
    let o = allowing(0.01);
    let mut machine = Machine(Uniform::new(19, 0));
    let mut undecided = 0;
    for _ in 0..20 {
        let [judged, _] = machine.compared(&o, 3, 5.0, 0.03);
        let row = &judged.results[0];
        if row.verdict == Some(Verdict::Inconclusive) {
            undecided += 1;
            assert_eq!(row.rounds_needed, None);
            let note = row.note.as_deref().unwrap_or_default();
            assert!(note.contains("more sessions would tell"), "{note}");
        }
    }
    // Now and then a session is so far off that it counts as a change.
    assert!(undecided >= 17, "{undecided} of 20");
}

#[test]
fn two_sessions_are_pooled_and_capped() {
    let o = allowing(0.05);
    let mut machine = Machine(Uniform::new(20, 0));
    let [judged, pooled] = machine.compared(&o, 2, 0.0, 0.2);
    assert_eq!(verdict(&judged), Verdict::Regressed);
    assert_eq!(judged.results[0].confidence, Some(0.95));
    assert_eq!(judged.results[0].interval, pooled.results[0].interval);
    assert!(
        judged
            .findings
            .iter()
            .any(|f| f.text.contains("2 sessions"))
    );
}
