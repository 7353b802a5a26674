//! What alerts did in a round.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use crate::units::Nanos;
use crate::untrusted::Untrusted;

/// An alert changed its state for one set of labels.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AlertEvent {
    /// From the beginning of the round's first phase.
    pub at: Nanos,
    pub alert: String,
    pub state: AlertState,
    /// Of the series, and those of the rule.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Of the expression; None where it is not finite.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
    /// With their gaps filled.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, Untrusted>,
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AlertState {
    /// The expression holds, not for long enough yet.
    Pending,
    /// It has held for as long as the rule says.
    Firing,
    /// It fired, and no longer holds.
    Resolved,
    /// It no longer holds, and never fired.
    Lapsed,
    /// The expression has no value with the series there are.
    Unevaluated,
}

impl AlertState {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Firing => "firing",
            Self::Resolved => "resolved",
            Self::Lapsed => "lapsed",
            Self::Unevaluated => "not evaluated",
        }
    }
}

impl AlertEvent {
    pub fn severity(&self) -> Option<&str> {
        self.labels.get("severity").map(String::as_str)
    }

    /// `PoolNearlyFull (warning) {pool="main"}`
    pub fn name(&self) -> String {
        let mut name = self.alert.clone();
        if let Some(severity) = self.severity() {
            let _ = write!(name, " ({severity})");
        }
        let labels = self.labels.iter().filter(|(label, _)| *label != "severity");
        let labels: Vec<String> = labels
            .map(|(k, v)| format!("{k}=\"{}\"", Untrusted::from(v.as_str()).label()))
            .collect();
        if !labels.is_empty() {
            let _ = write!(name, " {{{}}}", labels.join(","));
        }
        name
    }

    /// The annotation that says what it is about: `summary`, else `description`, else any.
    pub fn summary(&self) -> Option<&Untrusted> {
        let named = |name: &str| self.annotations.get(name);
        named("summary")
            .or_else(|| named("description"))
            .or_else(|| self.annotations.values().next())
    }
}

/// Which alerts fail a run by firing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AlertGate {
    /// Of severity `critical`.
    Critical,
    /// Of severity `critical` or `warning`.
    Warning,
    Any,
}

impl AlertGate {
    pub fn covers(self, event: &AlertEvent) -> bool {
        event.state == AlertState::Firing
            && match (self, event.severity()) {
                (Self::Any, _) | (_, Some("critical")) => true,
                (Self::Warning, severity) => severity == Some("warning"),
                (Self::Critical, _) => false,
            }
    }
}
