//! What `run`, `check` and `report` share about alerts.

use std::path::PathBuf;

use super::exit::Failure;
use crate::model::AlertGate;
use crate::scenario::plan::Plan;
use crate::session;

/// Alerts beyond those of the scenario, and what they decide.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Alerts")]
pub(super) struct AlertArgs {
    /// Evaluate the alerts of this Prometheus rule file as well; repeatable
    #[arg(long, value_name = "FILE")]
    rules: Vec<PathBuf>,
    /// Fail (exit 1) when an alert fires of this severity or above
    #[arg(long, value_name = "SEVERITY", value_enum)]
    fail_on_alert: Option<FailOn>,
}

/// Severities that a run can fail by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum FailOn {
    /// Severity critical
    Critical,
    /// Severity warning or critical
    Warning,
    /// Every alert
    Any,
}

impl From<FailOn> for AlertGate {
    fn from(fail_on: FailOn) -> Self {
        match fail_on {
            FailOn::Critical => Self::Critical,
            FailOn::Warning => Self::Warning,
            FailOn::Any => Self::Any,
        }
    }
}

impl AlertArgs {
    /// Adds what is asked to a plan; the `usual` gate is for plans that have alerts.
    pub(super) fn add_to(&self, plan: &mut Plan, usual: Option<AlertGate>) -> Result<(), Failure> {
        for path in &self.rules {
            plan.alerts.extend(session::alert_rules(path)?);
        }
        if let Some(asked) = self.fail_on_alert {
            session::gate_on_alerts(&plan.alerts)?;
            plan.fail_on_alert = Some(asked.into());
        } else {
            plan.fail_on_alert = usual.filter(|_| !plan.alerts.is_empty());
        }
        Ok(())
    }
}
