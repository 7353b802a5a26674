//! Standard output and error: what may be sent there, and how wide and colourful.
//!
//! stdout carries results and data; stderr carries progress, warnings and errors.

use std::io::{IsTerminal, Write};

use crate::diagnostic::{Diagnostic, output, render};
use crate::report::{TextStyle, Verbosity};

use super::exit::Failure;

/// Columns when the width is unknown.
const DEFAULT_WIDTH: usize = 100;

/// What this process's terminal can show.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terminal {
    pub style: TextStyle,
    /// stderr is a person's terminal: lines may be redrawn in place.
    pub live: bool,
    pub colour_errors: bool,
    /// By `COLUMNS`.
    pub asked_width: Option<usize>,
}

impl Terminal {
    /// Looks at `NO_COLOR`, `TERM`, `CI`, `COLUMNS` and the locale.
    pub(super) fn detect(quiet: bool, verbose: bool) -> Self {
        let set = |name: &str| std::env::var_os(name).is_some_and(|v| !v.is_empty());
        let dumb = std::env::var("TERM").is_ok_and(|t| t == "dumb");
        let plain = set("NO_COLOR") || dumb;
        let asked_width = std::env::var("COLUMNS")
            .ok()
            .and_then(|c| c.parse().ok())
            .filter(|c| *c > 0);
        let width = asked_width.or_else(|| {
            rustix::termios::tcgetwinsize(std::io::stdout())
                .ok()
                .map(|w| usize::from(w.ws_col))
        });
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
            .into_iter()
            .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()));
        let unicode = locale.is_none_or(|l| {
            let l = l.to_ascii_lowercase();
            l.contains("utf-8") || l.contains("utf8")
        });
        Self {
            style: TextStyle {
                width: width
                    .filter(|w| *w > 0)
                    .unwrap_or(DEFAULT_WIDTH)
                    .clamp(60, 120),
                colour: std::io::stdout().is_terminal() && !plain,
                unicode,
                verbosity: match (quiet, verbose) {
                    (true, _) => Verbosity::Quiet,
                    (_, true) => Verbosity::Verbose,
                    _ => Verbosity::Normal,
                },
            },
            live: std::io::stderr().is_terminal() && !dumb && !set("CI"),
            colour_errors: std::io::stderr().is_terminal() && !plain,
            asked_width,
        }
    }

    /// Writes a result to standard output; a reader that went away is no error.
    pub(super) fn out(&self, text: &str) -> Result<(), Failure> {
        self.out_bytes(text.as_bytes())
    }

    /// The same for what is no text.
    #[expect(
        clippy::unused_self,
        reason = "printing is a right that only the terminal has"
    )]
    pub(super) fn out_bytes(&self, bytes: &[u8]) -> Result<(), Failure> {
        let mut stdout = std::io::stdout().lock();
        match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
            Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => {
                Err(Failure::Output(Diagnostic::error(
                    &output::UNWRITABLE,
                    format!("cannot write to standard output: {e}"),
                )))
            }
            _ => Ok(()),
        }
    }

    /// Writes a result meant for people, in the letters that the terminal has.
    pub(super) fn tell(&self, text: &str) -> Result<(), Failure> {
        self.out(&self.style.letters(text))
    }

    /// Says something on standard error, unless asked to be quiet.
    pub(super) fn say(&self, line: &str) {
        if self.style.verbosity != Verbosity::Quiet {
            let line = self.style.letters(line);
            drop(writeln!(std::io::stderr().lock(), "{line}"));
        }
    }

    /// Shows warnings, unless asked to be quiet.
    pub(super) fn warn(&self, warnings: &[Diagnostic]) {
        if self.style.verbosity != Verbosity::Quiet {
            self.problems(warnings);
        }
    }

    /// Shows errors.
    pub(super) fn problems(&self, diagnostics: &[Diagnostic]) {
        if !diagnostics.is_empty() {
            let text = render(diagnostics, self.colour_errors);
            drop(std::io::stderr().lock().write_all(text.as_bytes()));
        }
    }
}
