//! Why the run may show what it shows, ready to be told.

use crate::model::{Diagnosis, Evidence, Strength};
use crate::untrusted::Untrusted;

/// A symptom with its evidence.
#[derive(Debug, Clone)]
pub(in crate::report) struct DiagnosisView {
    pub(in crate::report) symptom: &'static str,
    pub(in crate::report) title: &'static str,
    pub(in crate::report) strength: Strength,
    pub(in crate::report) score: f64,
    pub(in crate::report) evidence: Vec<EvidenceView>,
    pub(in crate::report) causes: &'static [&'static str],
    pub(in crate::report) actions: &'static [&'static str],
    pub(in crate::report) rules_out: &'static [&'static str],
}

/// An observation; names of series and threads in it come from outside.
#[derive(Debug, Clone)]
pub(in crate::report) struct EvidenceView {
    pub(in crate::report) text: Untrusted,
    pub(in crate::report) series: Untrusted,
    pub(in crate::report) from: f64,
    pub(in crate::report) to: f64,
}

impl DiagnosisView {
    pub(super) fn new(diagnosis: &Diagnosis) -> Self {
        Self {
            symptom: diagnosis.symptom,
            title: diagnosis.title,
            strength: diagnosis.strength,
            score: diagnosis.score,
            evidence: diagnosis.evidence.iter().map(EvidenceView::new).collect(),
            causes: diagnosis.causes,
            actions: diagnosis.actions,
            rules_out: diagnosis.rules_out,
        }
    }

    /// True when it is worth a line in a summary.
    pub(in crate::report) fn is_telling(&self) -> bool {
        self.strength >= Strength::Likely
    }

    /// `likely: connection pool exhausted (pool utilisation 41 % → 97 %, …)`
    pub(in crate::report) fn in_short(&self) -> Untrusted {
        let evidence = self.evidence.iter().map(|e| e.text.raw());
        Untrusted::new(format!(
            "{}: {} ({})",
            self.strength.name(),
            self.title,
            evidence.collect::<Vec<_>>().join("; ")
        ))
    }
}

impl EvidenceView {
    fn new(evidence: &Evidence) -> Self {
        Self {
            text: Untrusted::new(evidence.text.as_str()),
            series: Untrusted::new(evidence.series.as_str()),
            from: evidence.from,
            to: evidence.to,
        }
    }

    /// `second 10 to 25`
    pub(in crate::report) fn when(&self) -> String {
        format!("second {:.0} to {:.0}", self.from, self.to)
    }
}
