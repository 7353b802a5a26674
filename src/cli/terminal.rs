//! Standard output and error: what may be sent there, and how wide and colourful.
//!
//! stdout carries results and data; stderr carries progress, warnings and errors.

use std::io::{IsTerminal, Write};

use crate::diagnostic::{Diagnostic, output, render};
use crate::report::{self, TextStyle, Verbosity};

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
    /// Columns of stdout and of stderr; None where nobody knows them, and lines are not broken.
    told_width: Option<usize>,
    said_width: Option<usize>,
    /// By `COLUMNS`.
    pub asked_width: Option<usize>,
}

/// Columns that are laid out for, of those there are.
fn fit(columns: usize) -> usize {
    columns.clamp(60, 120)
}

/// Broken where the width is known.
fn folded(text: &str, width: Option<usize>) -> String {
    width.map_or_else(|| text.to_owned(), |width| report::fold(text, width))
}

fn columns_of(stream: impl std::os::fd::AsFd) -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(stream).ok()?;
    Some(usize::from(size.ws_col)).filter(|columns| *columns > 0)
}

impl Terminal {
    /// Looks at `NO_COLOR`, `CLICOLOR_FORCE`, `TERM`, `CI`, `COLUMNS` and the locale.
    pub(super) fn detect(quiet: bool, verbose: bool) -> Self {
        let set = |name: &str| std::env::var_os(name).is_some_and(|v| !v.is_empty());
        let dumb = std::env::var("TERM").is_ok_and(|t| t == "dumb");
        let plain = set("NO_COLOR") || dumb;
        let forced =
            set("CLICOLOR_FORCE") && std::env::var_os("CLICOLOR_FORCE") != Some("0".into());
        let asked_width = std::env::var("COLUMNS")
            .ok()
            .and_then(|c| c.parse::<usize>().ok())
            .filter(|columns| *columns > 0);
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
            .into_iter()
            .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()));
        let unicode = locale.is_none_or(|l| {
            let l = l.to_ascii_lowercase();
            l.contains("utf-8") || l.contains("utf8")
        });
        let told_width = asked_width
            .or_else(|| columns_of(std::io::stdout()))
            .map(fit);
        Self {
            style: TextStyle {
                width: told_width.unwrap_or(DEFAULT_WIDTH),
                colour: (std::io::stdout().is_terminal() || forced) && !plain,
                unicode,
                verbosity: match (quiet, verbose) {
                    (true, _) => Verbosity::Quiet,
                    (_, true) => Verbosity::Verbose,
                    _ => Verbosity::Normal,
                },
            },
            live: std::io::stderr().is_terminal() && !dumb && !set("CI"),
            colour_errors: (std::io::stderr().is_terminal() || forced) && !plain,
            told_width,
            said_width: asked_width
                .or_else(|| columns_of(std::io::stderr()))
                .map(fit),
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

    /// Writes a result meant for people, in the letters and the width that the terminal has.
    pub(super) fn tell(&self, text: &str) -> Result<(), Failure> {
        self.out(&folded(&self.style.letters(text), self.told_width))
    }

    /// The same for what is there to be copied: its lines stay as they are.
    pub(super) fn tell_whole(&self, text: &str) -> Result<(), Failure> {
        self.out(&self.style.letters(text))
    }

    /// Says which command leads on, and when it does. A command is never broken: it is there to be copied.
    pub(super) fn next(&self, command: &str, when: &str) {
        const HEAD: &str = "next: ";
        let line = format!("{HEAD}{command}   {when}");
        let room = self.said_width.unwrap_or(usize::MAX);
        if line.len() <= room || when.is_empty() {
            self.say_whole(line.trim_end());
        } else {
            self.say_whole(&format!("{HEAD}{command}"));
            self.say(&format!("{:width$}{when}", "", width = HEAD.len()));
        }
    }

    /// Says something on standard error, unless asked to be quiet.
    pub(super) fn say(&self, line: &str) {
        self.say_whole(&folded(&self.style.letters(line), self.said_width));
    }

    fn say_whole(&self, line: &str) {
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
            let fitted: Vec<_> = diagnostics.iter().map(|d| self.fitted(d)).collect();
            let text = render(&fitted, self.colour_errors);
            drop(std::io::stderr().lock().write_all(text.as_bytes()));
        }
    }

    /// A problem in the letters and the width of the terminal; what it quotes of a file stays as it is.
    fn fitted(&self, problem: &Diagnostic) -> Diagnostic {
        /// Columns that code, frame and the word before a text take.
        const FRAME: usize = 20;
        let fit = |text: &str| {
            let room = self.said_width.map(|width| width - FRAME);
            folded(&self.style.letters(text), room)
        };
        let mut fitted = problem.clone();
        fitted.message = fit(&problem.message);
        fitted.reason = problem.reason.as_deref().map(fit);
        fitted.help = problem.help.as_deref().map(fit);
        if let Some((_, label)) = &mut fitted.place {
            label.text = self.style.letters(&label.text);
        }
        fitted
    }
}
