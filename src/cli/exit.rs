//! How the process ends: one enum, and the only two maps into it.

use std::path::Path;
use std::process::ExitCode;

use crate::diagnostic::{Diagnostic, environment};
use crate::model::{Run, RunState, Verdict};
use crate::scenario::Inconclusive;
use crate::session::SessionError;

/// Every exit code there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exit {
    Passed,
    Failed,
    CannotDo,
    NoReference,
    NotMeasured,
    Interrupted,
}

impl Exit {
    pub(super) const ALL: [Self; 6] = [
        Self::Passed,
        Self::Failed,
        Self::CannotDo,
        Self::NoReference,
        Self::NotMeasured,
        Self::Interrupted,
    ];

    pub(super) const fn code(self) -> u8 {
        match self {
            Self::Passed => 0,
            Self::Failed => 1,
            Self::CannotDo => 2,
            Self::NoReference => 3,
            Self::NotMeasured => 4,
            Self::Interrupted => 130,
        }
    }

    pub(super) const fn meaning(self) -> &'static str {
        match self {
            Self::Passed => {
                "passed: no regression, no broken limit (an inconclusive metric is warned of)"
            }
            Self::Failed => "regressed, an absolute limit broken, or the guard opened",
            Self::CannotDo => "could not do it: usage, file, store, or the target is unreachable",
            Self::NoReference => {
                "no baseline to compare with (unless --allow-missing-baseline), or inconclusive under --on-inconclusive fail"
            }
            Self::NotMeasured => "invalid or incomparable: the numbers may not be trusted",
            Self::Interrupted => "interrupted by a signal; the report is still written",
        }
    }

    /// What a measured and judged run means for the caller. Fails closed: a run that is not
    /// complete, or was never judged, does not pass.
    pub(super) fn of(run: &Run, inconclusive: OnInconclusive) -> Self {
        match run.state {
            RunState::Interrupted => return Self::Interrupted,
            RunState::Partial => return Self::NotMeasured,
            RunState::Complete => {}
        }
        let Some(comparison) = &run.comparison else {
            return Self::NotMeasured;
        };
        match comparison.decision.verdict {
            Verdict::Improved | Verdict::Unchanged | Verdict::Kept => Self::Passed,
            Verdict::Inconclusive => match inconclusive {
                OnInconclusive::Warn => Self::Passed,
                OnInconclusive::Fail => Self::NoReference,
            },
            Verdict::Regressed | Verdict::Broken => Self::Failed,
            Verdict::Incomparable | Verdict::Invalid => Self::NotMeasured,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// What an inconclusive gate does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(super) enum OnInconclusive {
    /// Pass with a warning
    #[default]
    Warn,
    /// Exit 3
    Fail,
}

impl From<Inconclusive> for OnInconclusive {
    fn from(said: Inconclusive) -> Self {
        match said {
            Inconclusive::Warn => Self::Warn,
            Inconclusive::Fail => Self::Fail,
        }
    }
}

/// A verb that could not be carried out.
#[derive(Debug)]
pub(super) enum Failure {
    /// Problems in what the user wrote or asked.
    Input(Vec<Diagnostic>),
    Session(SessionError),
    /// Standard output or a file of the user's choice cannot be written.
    Output(Diagnostic),
}

impl Failure {
    pub(super) fn no_folder(root: &Path) -> Self {
        Self::Input(vec![
            Diagnostic::error(
                &environment::NO_ROOT,
                format!("the folder {} does not exist", root.display()),
            )
            .help("--root names the folder that holds scenarios/, baselines/ and reports/"),
        ])
    }

    pub(super) fn diagnostics(&self) -> Vec<Diagnostic> {
        match self {
            Self::Input(diagnostics) => diagnostics.clone(),
            Self::Session(error) => vec![error.diagnostic()],
            Self::Output(diagnostic) => vec![diagnostic.clone()],
        }
    }

    pub(super) fn exit(&self) -> Exit {
        match self {
            Self::Input(_) | Self::Output(_) => Exit::CannotDo,
            Self::Session(error) => Self::exit_of(error),
        }
    }

    fn exit_of(error: &SessionError) -> Exit {
        match error {
            SessionError::Store(_)
            | SessionError::Launch(_)
            | SessionError::Engine(_)
            | SessionError::NoScratch(_)
            | SessionError::Users(_)
            | SessionError::NoPort(_)
            | SessionError::Tls(_)
            | SessionError::NeverRun { .. }
            | SessionError::NoHistory { .. }
            | SessionError::NotFollowed { .. }
            | SessionError::NoLevel { .. }
            | SessionError::Unresolved { .. }
            | SessionError::Forbidden { .. }
            | SessionError::Elsewhere { .. }
            | SessionError::OneSided { .. }
            | SessionError::SearchInBudget
            | SessionError::BudgetTooShort { .. }
            | SessionError::PortTaken { .. }
            | SessionError::NoProcess { .. }
            | SessionError::Limit(_)
            | SessionError::Unhealthy { .. }
            | SessionError::Unconfirmed { .. }
            | SessionError::ReasonNeeded { .. }
            | SessionError::NoAcceptance { .. }
            | SessionError::NoCalibration
            | SessionError::ShardOfCommand
            | SessionError::TooManyShards { .. }
            | SessionError::StartIsPast { .. }
            | SessionError::RoundIsLate { .. } => Exit::CannotDo,
            SessionError::InRound { source, .. } => Self::exit_of(source),
            SessionError::NoBaseline { .. } => Exit::NoReference,
            SessionError::NotComplete { .. }
            | SessionError::NotAcceptable { .. }
            | SessionError::NotPromotable { .. }
            | SessionError::NotFoldable { .. }
            | SessionError::OnlyAPart { .. }
            | SessionError::Faults(_)
            | SessionError::NotMergeable { .. } => Exit::NotMeasured,
        }
    }
}

impl From<Vec<Diagnostic>> for Failure {
    fn from(diagnostics: Vec<Diagnostic>) -> Self {
        Self::Input(diagnostics)
    }
}

impl From<Diagnostic> for Failure {
    fn from(diagnostic: Diagnostic) -> Self {
        Self::Input(vec![diagnostic])
    }
}

impl From<SessionError> for Failure {
    fn from(error: SessionError) -> Self {
        Self::Session(error)
    }
}
