//! Builds the view: which rounds stand for which side, what leads, what follows from it.

use std::collections::BTreeMap;

use crate::diagnostic::scenario::UNVERIFIED;
use crate::model::{
    Arm, Baseline, Comparison, Diagnosis, ErrorClass, HaltCause, History, Metric, Moved, Origin,
    Profiles, Round, Run, RunState, Scope, Standing, Stat, Verdict,
};
use crate::report::words;
use crate::units::Unit;
use crate::untrusted::Untrusted;

use super::beside::Beside;
use super::components::components;
use super::facts::Facts;
use super::first::firsts;
use super::outlook::{Next, next};
use super::remark::Remark;
use super::sides::{Sides, timed};
use super::{
    AlertView, Bands, CapacityView, Component, DiagnosisView, FaultView, First, Heat, Part,
    ProfileView, RoundView, Row, ShiftView, Strip, Summary, Timeline, TrustView, held,
};

/// Everything reporters see: one verdict, one wording, every format.
#[derive(Debug, Clone)]
pub struct View {
    pub(in crate::report) facts: Facts,
    pub(in crate::report) standing: Standing,
    pub(in crate::report) headline: Untrusted,
    pub(in crate::report) reference: Option<Untrusted>,
    /// Empty before a run is judged.
    pub(in crate::report) rows: Vec<Row>,
    pub(in crate::report) moved: Vec<MovedStep>,
    pub(in crate::report) remarks: Vec<Remark>,
    pub(in crate::report) beside: Beside,
    pub(in crate::report) now: Summary,
    pub(in crate::report) before: Option<Summary>,
    /// Intervals of the latency percentiles of now.
    pub(in crate::report) bands: Bands,
    pub(in crate::report) steps: Vec<Part>,
    /// Measured phases; empty when there is only one.
    pub(in crate::report) phases: Vec<Part>,
    /// Where each kind of failure was seen first.
    pub(in crate::report) firsts: BTreeMap<ErrorClass, First>,
    pub(in crate::report) timeline: Timeline,
    pub(in crate::report) timeline_before: Option<Timeline>,
    /// How the percentiles of both sides differ; None where they cannot be compared.
    pub(in crate::report) shift: Option<ShiftView>,
    pub(in crate::report) heat: Option<Heat>,
    pub(in crate::report) heat_before: Option<Heat>,
    /// What the target said of itself.
    pub(in crate::report) components: Vec<Component>,
    /// Of a search for capacity.
    pub(in crate::report) capacity: Option<CapacityView>,
    pub(in crate::report) alerts: Vec<AlertView>,
    pub(in crate::report) faults: Vec<FaultView>,
    pub(in crate::report) rounds: Vec<RoundView>,
    pub(in crate::report) strips: Vec<Strip>,
    pub(in crate::report) trust: TrustView,
    pub(in crate::report) next: Vec<Next>,
    /// The best supported first.
    pub(in crate::report) diagnoses: Vec<DiagnosisView>,
    /// Of rounds that were run again under a profiler.
    pub(in crate::report) profile: Option<ProfileView>,
    /// The runs before it, and it; None where there are none.
    pub(in crate::report) history: Option<History>,
}

/// A step whose numbers moved, with the sentence about it.
#[derive(Debug, Clone)]
pub(in crate::report) struct MovedStep {
    pub(in crate::report) step: Untrusted,
    pub(in crate::report) moved: Moved,
    /// `cpu.per-request +19 %`
    pub(in crate::report) change: String,
}

impl MovedStep {
    pub(in crate::report) const fn kind(&self) -> &'static str {
        if self.moved.journey {
            "journey"
        } else {
            "step"
        }
    }
}

/// Symptoms of generator and machine.
const NOT_THE_TARGET: [&str; 3] = [
    "noisy-machine",
    "generator-overloaded",
    "generator-disturbed",
];

impl View {
    /// Works everything out. A run without a comparison, or one that ended early, passes nothing.
    pub fn new(run: &Run, baseline: Option<&Baseline>) -> Self {
        let outline = &run.manifest.outline;
        let sides = Sides::of(run, baseline);
        let everything = Scope::default();
        let comparison = run.comparison.as_ref();
        let instrument = run.manifest.instrument.as_ref();
        let rows: Vec<Row> = comparison
            .map(|c| c.results.iter().map(|r| Row::new(r, instrument)).collect())
            .unwrap_or_default();
        let summary = |rounds: &[&Round], scope: &Scope| Summary::new(rounds, outline, scope);
        let now = sides.now_summary(run, &everything);
        let standing = standing(run, &now);
        let headline = headline(run, standing, &now, &rows);
        let part = |name: &str, load: &str, scope: Scope| Part {
            name: Untrusted::new(name),
            load: Untrusted::new(load),
            now: sides.now_summary(run, &scope),
            before: sides.has_before().then(|| summary(&sides.before, &scope)),
        };
        let steps = outline.steps.iter().map(|name| {
            let step = Some(name.clone());
            part(
                name,
                "",
                Scope {
                    step,
                    ..Scope::default()
                },
            )
        });
        let measured: Vec<_> = outline.phases.iter().filter(|p| !p.warm_up).collect();
        let phases = measured.iter().filter(|_| measured.len() > 1).map(|p| {
            let phase = Some(p.name.clone());
            part(
                &p.name,
                &p.load,
                Scope {
                    phase,
                    ..Scope::default()
                },
            )
        });
        let indices = |rounds: &[&Round]| rounds.iter().map(|r| r.index).collect::<Vec<_>>();
        let now_rounds = sides.now_indices(run);
        let before_rounds = sides
            .before_is_measured_now
            .then(|| indices(&timed(&sides.before)));
        let (heat, heat_before) = Heat::both(
            &now_rounds,
            before_rounds.as_deref(),
            &run.intervals,
            outline,
        );
        let timeline = |rounds: &[usize]| {
            let shown = run.rounds.iter().filter(|r| rounds.contains(&r.index));
            Timeline {
                held: held(shown, outline),
                ..Timeline::new(rounds, &run.intervals, &run.samples, outline)
            }
        };
        Self {
            standing,
            reference: comparison
                .and_then(|c| c.reference.as_deref())
                .or(run.manifest.reference.as_deref())
                .map(Untrusted::new),
            moved: comparison.map(moved).unwrap_or_default(),
            remarks: remarks(run, &headline, &now),
            beside: comparison.map(Beside::of).unwrap_or_default(),
            headline: Untrusted::new(headline),
            steps: steps.collect(),
            phases: phases.collect(),
            firsts: firsts(run, &sides.all_indices(run)),
            timeline: timeline(&now_rounds),
            timeline_before: before_rounds.as_deref().map(timeline),
            shift: ShiftView::new(&sides, outline, &rows).filter(|_| can_be_compared(comparison)),
            heat,
            heat_before,
            bands: Bands::new(&now_rounds, &run.intervals, outline),
            components: components(&now_rounds, before_rounds.as_deref(), &run.samples, outline),
            capacity: CapacityView::new(run),
            alerts: AlertView::all(run),
            faults: FaultView::all(outline, &timed(&sides.now)),
            rounds: run.rounds.iter().map(|r| round_view(r, run)).collect(),
            strips: strips(run, &rows, &sides),
            trust: TrustView::new(run, &rows),
            next: next(standing, run, &now),
            diagnoses: Vec::new(),
            profile: None,
            history: None,
            facts: Facts::new(run),
            before: sides
                .has_before()
                .then(|| summary(&sides.before, &everything)),
            now,
            rows,
        }
    }

    /// The view with what may explain it.
    #[must_use]
    pub fn explained(self, diagnoses: &[Diagnosis]) -> Self {
        let diagnoses = diagnoses.iter().map(DiagnosisView::new).collect();
        Self { diagnoses, ..self }
    }

    /// The view with what was profiled.
    #[must_use]
    pub fn profiled(self, profiles: &Profiles) -> Self {
        let profile = ProfileView::new(profiles);
        Self { profile, ..self }
    }

    /// The view with what became of the scenario's numbers up to this run; one run alone has no history.
    #[must_use]
    pub fn followed(self, history: History) -> Self {
        let history = (history.points.len() > 1).then_some(history);
        Self { history, ..self }
    }

    /// What is worth a line in a summary; that the machine was noisy may be told already.
    pub(in crate::report) fn telling_diagnoses(&self) -> impl Iterator<Item = &DiagnosisView> {
        let told = |d: &DiagnosisView| NOT_THE_TARGET.contains(&d.symptom) && self.noise_is_told();
        self.diagnoses
            .iter()
            .filter(move |d| d.is_telling() && !told(d))
            .take(2)
    }

    /// The one conclusion.
    pub fn standing(&self) -> Standing {
        self.standing
    }

    /// True when there is a change to speak of, not only absolute numbers.
    pub(in crate::report) fn compares(&self) -> bool {
        self.rows.iter().any(|r| !r.change.is_empty())
    }

    /// The rows that every format shows: what counts, and what moved without counting.
    pub(in crate::report) fn leading_rows(&self) -> Vec<&Row> {
        let leading: Vec<_> = self.rows.iter().filter(|r| r.matters()).collect();
        if leading.is_empty() {
            self.rows.iter().take(8).collect()
        } else {
            leading
        }
    }

    /// Steps that stand out, and those that did not move, in one sentence.
    pub(in crate::report) fn whereabouts(&self) -> Option<Untrusted> {
        let first = self.moved.first()?;
        let standing_out: Vec<_> = self.moved.iter().filter(|m| m.moved.stands_out).collect();
        let quiet: Vec<_> = self
            .steps
            .iter()
            .filter(|s| self.moved.iter().all(|m| m.step != s.name))
            .map(|s| s.name.raw().to_owned())
            .collect();
        let told = if standing_out.is_empty() {
            vec![first]
        } else {
            standing_out
        };
        let mut text = told
            .iter()
            .take(3)
            .map(|m| format!("{} {}: {}", m.kind(), m.step.raw(), m.change))
            .collect::<Vec<_>>()
            .join("; ");
        match quiet.as_slice() {
            [] => {}
            few if few.len() <= 3 => text += &format!("; {} did not move", few.join(", ")),
            many => text += &format!("; {} did not move", words::plural(many.len(), "other step")),
        }
        Some(Untrusted::new(text))
    }
}

/// What describes the generator, or another machine, is not set against the reference.
fn can_be_compared(comparison: Option<&Comparison>) -> bool {
    let verdict = comparison.map(|c| c.decision.verdict);
    !matches!(verdict, Some(Verdict::Invalid | Verdict::Incomparable))
}

fn standing(run: &Run, now: &Summary) -> Standing {
    let failed = now.tally.failures.total();
    let is_part = run.manifest.shard.is_some();
    Standing::of(run.state, run.comparison.as_ref(), is_part, failed)
}

/// The sentence that every format leads with.
fn headline(run: &Run, standing: Standing, now: &Summary, rows: &[Row]) -> String {
    let done = run.rounds.iter().filter(|r| r.complete).count();
    let finished = match done {
        0 => "before a round was finished".to_owned(),
        n => format!("after {}", words::plural(n, "round")),
    };
    match (standing, run.state) {
        (Standing::Partial, RunState::Interrupted) => {
            format!("the run was interrupted {finished}: it can be read, it passes nothing")
        }
        (Standing::Partial, _) => {
            format!("the run broke off {finished}: it can be read, it passes nothing")
        }
        (Standing::Unjudged, _) => "nobody has judged this run: it passes nothing".to_owned(),
        (Standing::Measured | Standing::MeasuredWithErrors, _) if !is_search(run) => {
            match &run.manifest.origin {
                Some(origin) => taken_over(origin, done, rows),
                None => now.in_short(),
            }
        }
        (Standing::Part, _) => {
            let shard = run.manifest.shard.unwrap_or_default();
            format!(
                "{shard} was measured: it passes nothing before `plimsoll merge` has put all parts together"
            )
        }
        (Standing::Measured | Standing::MeasuredWithErrors | Standing::Judged(_), _) => run
            .comparison
            .as_ref()
            .map(|c| c.decision.headline.clone())
            .unwrap_or_default(),
    }
}

/// `3 rounds measured by wrk 4.1.0: service-time.p50 8.1 ms, throughput.ok 200/s`
fn taken_over(origin: &Origin, rounds: usize, rows: &[Row]) -> String {
    const MOST: usize = 3;
    let told: Vec<String> = rows
        .iter()
        .filter(|r| r.result.gating)
        .take(MOST)
        .map(|r| format!("{} {}", r.label.raw(), r.now))
        .collect();
    let rounds = words::plural(rounds, "round");
    format!("{rounds} measured by {origin}: {}", told.join(", "))
}

fn is_search(run: &Run) -> bool {
    let comparison = run.comparison.as_ref();
    comparison.is_some_and(|c| c.capacity.is_some())
}

fn remarks(run: &Run, headline: &str, now: &Summary) -> Vec<Remark> {
    let unverified = run.manifest.outline.target.unverified.then(|| Remark {
        code: Some(Untrusted::new(UNVERIFIED.id)),
        text: Untrusted::new(
            "the certificate of the target was NOT verified: anybody could have answered",
        ),
        hint: Some(Untrusted::new(
            "trust its own certificate authority: tls = { ca = \"ca.pem\" }, or --ca FILE",
        )),
        repeats: false,
    });
    // Where no round was finished, what was concluded is about nothing.
    let concluded = run.state == RunState::Complete || run.rounds.iter().any(|r| r.complete);
    let Some(comparison) = run.comparison.as_ref().filter(|_| concluded) else {
        let part = (!concluded).then(|| Remark::of_part(run, now));
        return part.into_iter().chain(unverified).collect();
    };
    let so_far = (run.state != RunState::Complete).then(|| Remark {
        code: None,
        text: Untrusted::new(format!("so far: {}", comparison.decision.headline)),
        hint: None,
        repeats: false,
    });
    let findings = comparison.findings.iter().map(|f| Remark {
        code: f.code.as_deref().map(Untrusted::new),
        text: Untrusted::new(f.text.as_str()),
        hint: f.hint.as_deref().map(Untrusted::new),
        repeats: headline.ends_with(&f.text),
    });
    so_far
        .into_iter()
        .chain(findings)
        .chain(unverified)
        .collect()
}

fn moved(comparison: &Comparison) -> Vec<MovedStep> {
    comparison
        .moved
        .iter()
        .map(|m| MovedStep {
            step: Untrusted::new(m.step.as_str()),
            change: format!(
                "{} {}{}",
                m.metric,
                words::change(m.change, words::is_points(m.metric, None)),
                match (m.stands_out, m.journey) {
                    (true, false) => " beyond the other steps",
                    (true, true) => " beyond the other journeys",
                    (false, _) => "",
                }
            ),
            moved: m.clone(),
        })
        .collect()
}

fn round_view(round: &Round, run: &Run) -> RoundView {
    let mut state = if let Some(halt) = &round.halt {
        match halt.by {
            HaltCause::Guard => "ended by the guard".to_owned(),
            HaltCause::Threshold(_) => "ended by a limit".to_owned(),
        }
    } else if !round.complete {
        "cut short".to_owned()
    } else if round.is_stopped() {
        "held back by the guard".to_owned()
    } else if run.manifest.origin.is_some() {
        "not watched".to_owned()
    } else if round.contamination.is_empty() {
        "clean".to_owned()
    } else {
        let causes: Vec<_> = round
            .contamination
            .iter()
            .map(ToString::to_string)
            .collect();
        format!("spoiled by {}", causes.join(", "))
    };
    if let Some(rate) = round.level {
        state += &format!(", at {}", Unit::PerSecond.format(rate));
    }
    RoundView {
        number: round.index + 1,
        level: round.level,
        arm: round.arm,
        clean: round.is_clean(),
        guard: round.guard.clone(),
        state,
        summary: Summary::new(&[round], &run.manifest.outline, &Scope::default()),
    }
}

/// The metrics that count, or the usual ones, over the rounds of both sides.
fn strips(run: &Run, rows: &[Row], sides: &Sides<'_>) -> Vec<Strip> {
    const MOST: usize = 4;
    let mut wanted: Vec<(Metric, Scope)> = rows
        .iter()
        .filter(|r| r.result.gating && r.result.over.is_none())
        .map(|r| (r.result.metric, r.result.scope.clone()))
        .collect();
    for usual in [
        Metric::Latency(Stat::P50),
        Metric::Latency(Stat::P99),
        Metric::CpuPerRequest,
    ] {
        if !wanted.contains(&(usual, Scope::default())) {
            wanted.push((usual, Scope::default()));
        }
    }
    let stored = if sides.before_is_measured_now {
        &[]
    } else {
        sides.before.as_slice()
    };
    let stored = stored.iter().map(|&r| (Arm::Before, r));
    let is_search = run.rounds.iter().any(|r| r.level.is_some());
    let measured = run
        .rounds
        .iter()
        .filter(|r| r.complete && (!is_search || sides.now.iter().any(|n| n.index == r.index)))
        .map(|r| (r.arm, r));
    let rounds: Vec<(Arm, &Round)> = stored.chain(measured).collect();
    wanted
        .into_iter()
        .map(|(metric, scope)| {
            let value = |r: &Round| {
                Summary::new(&[r], &run.manifest.outline, &scope)
                    .value(metric)
                    .exact()
            };
            let dots = rounds
                .iter()
                .filter_map(|&(arm, r)| value(r).map(|v| (arm, r.is_clean(), v)))
                .collect();
            Strip {
                metric,
                label: Untrusted::new(format!("{metric}{scope}")),
                dots,
            }
        })
        .filter(|s: &Strip| s.dots.len() > 1)
        .take(MOST)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{self, fixture};

    #[test]
    fn every_report_says_that_the_certificate_was_not_verified() {
        let mut run = fixture::run();
        run.manifest.outline.target.unverified = true;
        for run in [
            &run,
            &Run {
                comparison: None,
                ..run.clone()
            },
        ] {
            let view = View::new(run, None);
            let style = report::TextStyle {
                width: 120,
                colour: false,
                unicode: true,
                verbosity: report::Verbosity::Normal,
            };
            let reports = [
                report::text(&view, style),
                report::html(&view),
                report::markdown(&view),
                report::json(&view),
            ];
            for report in reports {
                assert!(
                    report.contains("of the target was NOT verified"),
                    "{report}"
                );
                assert!(report.contains("PL0133"), "{report}");
            }
        }
    }

    #[test]
    fn a_threshold_on_a_change_is_nothing_to_keep_without_a_reference() {
        let mut run = fixture::plain_run();
        let comparison = run.comparison.as_mut().expect("judged");
        for result in &mut comparison.results {
            result.gating = true;
            result.limit = None;
        }
        let view = View::new(&run, None);
        assert_eq!(view.standing, Standing::MeasuredWithErrors);
        assert!(view.headline.raw().starts_with("11,760 of 12,000 requests"));
    }
}
