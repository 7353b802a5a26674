//! Why a target cannot be loaded.

use std::io;
use std::process::ExitStatus;

use crate::diagnostic::{Diagnostic, target};
use crate::units::Nanos;
use crate::untrusted::Untrusted;

/// What went wrong between starting the target and its first request.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    #[error("`{program}` was not found")]
    NotFound { program: String },
    #[error("cannot start `{program}`: {source}")]
    CannotStart { program: String, source: io::Error },
    #[error("`{program}` cannot be held to its limits: {reason}")]
    Limits { program: String, reason: String },
    #[error("the target ended by itself with {status}")]
    ExitedEarly {
        status: ExitStatus,
        output: Untrusted,
    },
    #[error("the target was not ready within {within}: {last}")]
    NotReady {
        within: Nanos,
        /// What the last probe met.
        last: String,
        /// What the target wrote; None when it was not started by us.
        output: Option<Untrusted>,
    },
}

impl LaunchError {
    /// The error as it is shown.
    pub fn diagnostic(&self) -> Diagnostic {
        let message = Untrusted::new(self.to_string()).terminal();
        match self {
            Self::NotFound { .. } => Diagnostic::error(&target::NOT_FOUND, message).help(
                "build it first, or write its path from this directory, such as \
                 `target/release/shop`",
            ),
            Self::CannotStart { .. } => Diagnostic::error(&target::CANNOT_START, message)
                .help("check that the program may be executed (`chmod +x`) and runs by hand"),
            Self::Limits { .. } => Diagnostic::error(&target::LIMITS, message)
                .because("without them it would be another target than the scenario says")
                .help(
                    "lower `limits` in [target], or raise the hard limit of this shell (ulimit -H)",
                ),
            Self::ExitedEarly { output, .. } => {
                let diagnostic = Diagnostic::error(&target::EXITED_EARLY, message)
                    .help("run the command by hand; it must stay in the foreground");
                with_output(diagnostic, output)
            }
            Self::NotReady { output: None, .. } => Diagnostic::error(&target::NOT_READY, message)
                .because("it is expected to run already: nothing here starts it")
                .help("start it, and check host and port of the URL"),
            Self::NotReady {
                output: Some(output),
                ..
            } => {
                let diagnostic = Diagnostic::error(&target::NOT_READY, message).help(
                    "check `ready` and `{port}` in [target]; a slow start needs a longer `within`",
                );
                with_output(diagnostic, output)
            }
        }
    }
}

/// Adds the last lines the target wrote, harmless for a terminal.
fn with_output(diagnostic: Diagnostic, output: &Untrusted) -> Diagnostic {
    const LINES: usize = 10;
    let lines: Vec<_> = output
        .raw()
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    if lines.is_empty() {
        return diagnostic.because("it wrote nothing");
    }
    let last: Vec<_> = lines[lines.len().saturating_sub(LINES)..]
        .iter()
        .map(|line| Untrusted::from(*line).terminal())
        .collect();
    diagnostic.because(format!("the last it wrote:\n{}", last.join("\n")))
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;

    use super::*;

    #[test]
    fn the_output_of_a_target_that_ended_is_shown_but_cannot_act() {
        let lines: Vec<_> = (0..20).map(|i| format!("line {i}\n\n")).collect();
        let error = LaunchError::ExitedEarly {
            status: ExitStatus::from_raw(1 << 8),
            output: Untrusted::new(lines.concat() + "\u{1b}[2Jaddress in use\r\n"),
        };
        let diagnostic = error.diagnostic();
        assert_eq!(diagnostic.code.id, "PL0404");
        insta::assert_snapshot!(diagnostic.message, @"the target ended by itself with exit status: 1");
        insta::assert_snapshot!(diagnostic.reason.unwrap(), @r"
        the last it wrote:
        line 11
        line 12
        line 13
        line 14
        line 15
        line 16
        line 17
        line 18
        line 19
        ␛[2Jaddress in use
        ");
    }
}
