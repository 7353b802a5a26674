//! What stands beside the verdicts: what could be seen, what was not looked at, the guide's detector.

use crate::model::{Comparison, Foresight, Judge, Smallest, Unevaluated};
use crate::report::words;
use crate::untrusted::Untrusted;

/// Names of the columns of [`DetectorRow::cells`].
pub(in crate::report) const DETECTOR_COLUMNS: [&str; 5] = [
    "metric",
    "degradation",
    "allowed",
    "stability",
    "baseline-p95",
];

/// Everything beside the verdicts of a comparison.
#[derive(Debug, Clone, Default)]
pub(in crate::report) struct Beside {
    /// What was said before the check began.
    pub(in crate::report) foreseen: Option<Untrusted>,
    /// The smallest changes that the rounds did show.
    pub(in crate::report) seen: Option<Untrusted>,
    pub(in crate::report) unevaluated: Vec<Unevaluated>,
    pub(in crate::report) detector: Vec<DetectorRow>,
    pub(in crate::report) judge: Judge,
    pub(in crate::report) foresight: Option<Foresight>,
}

/// What the detector says of one metric, in words.
#[derive(Debug, Clone)]
pub(in crate::report) struct DetectorRow {
    label: Untrusted,
    degradation: String,
    threshold: String,
    stability: String,
    word: &'static str,
    advice: String,
}

impl Beside {
    pub(super) fn of(comparison: &Comparison) -> Self {
        let gating = || comparison.results.iter().filter(|r| r.gating);
        let seen: Vec<String> = gating()
            .filter_map(|r| {
                let change = r
                    .detectable
                    .filter(|d| (d * 100.0).is_finite() && *d > 0.0)?;
                let smallest = Smallest {
                    metric: r.name(),
                    change,
                    points: words::is_points(r.metric, r.allowed),
                };
                Some(smallest.words())
            })
            .collect();
        let rounds = words::plural(comparison.now_rounds, "round");
        Self {
            foreseen: comparison
                .foresight
                .as_ref()
                .map(|f| Untrusted::new(f.sentence())),
            seen: (!seen.is_empty()).then(|| {
                Untrusted::new(format!(
                    "{rounds} of now would have shown changes over {}",
                    seen.join(", ")
                ))
            }),
            unevaluated: comparison.unevaluated.clone(),
            judge: comparison.judge,
            foresight: comparison.foresight.as_deref().cloned(),
            detector: gating()
                .filter_map(|r| {
                    let d = r.detection.as_ref()?;
                    Some(DetectorRow {
                        label: Untrusted::new(r.name()),
                        degradation: d
                            .degradation
                            .map_or_else(|| "–".to_owned(), |d| words::change(d, false)),
                        threshold: words::change(d.threshold, false),
                        stability: format!("{:.2}", d.stability),
                        word: d.alarm.name(),
                        advice: d.advice.clone(),
                    })
                })
                .collect(),
        }
    }

    /// Rules not evaluated, those of one reason together: `latency.p50: change +5 % and …: why`.
    pub(in crate::report) fn unjudged(&self) -> Vec<Untrusted> {
        let mut groups: Vec<(&str, Vec<String>)> = Vec::new();
        for u in &self.unevaluated {
            match groups.iter_mut().find(|(reason, _)| *reason == u.reason) {
                Some((_, rules)) => rules.push(u.rule.clone()),
                None => groups.push((&u.reason, vec![u.rule.clone()])),
            }
        }
        groups
            .into_iter()
            .map(|(reason, rules)| Untrusted::new(format!("{} ({reason})", words::listed(&rules))))
            .collect()
    }
}

impl DetectorRow {
    pub(in crate::report) fn label(&self) -> &Untrusted {
        &self.label
    }

    /// All but the label.
    pub(in crate::report) fn cells(&self) -> [String; 4] {
        let word = if self.advice.is_empty() {
            self.word.to_owned()
        } else {
            format!("{}: {}", self.word, self.advice)
        };
        [
            self.degradation.clone(),
            self.threshold.clone(),
            self.stability.clone(),
            word,
        ]
    }
}
