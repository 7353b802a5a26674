//! Errors and warnings as data: a stable code, a place in a file, the reason and a way out.
//!
//! Every problem a user can see is a [`Diagnostic`]. Modules describe what went wrong; [`render`]
//! alone decides what it looks like, and `plimsoll explain` reads the same [`Code`] table, so a
//! message and its explanation cannot drift apart.

mod codes;
mod render;

use std::ops::Range;
use std::sync::Arc;

pub use codes::{Code, environment, foreign, output, scenario, store, target, validity};
pub use render::render;

/// How bad it is: an error stops the command, a warning is said and passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    Error,
    Warning,
}

/// A text with a name, that spans point into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    pub name: String,
    pub text: Arc<str>,
}

/// Where in a source file a problem sits, in bytes, and what to write beside the caret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    pub span: Range<usize>,
    pub text: String,
}

/// One problem, complete enough to be shown, counted or serialised.
#[derive(Debug, Clone)]
pub struct Diagnostic {
    pub code: &'static Code,
    pub severity: Severity,
    /// One line: what is wrong, in the user's words.
    pub message: String,
    /// The file and the place in it, where the problem has one.
    pub place: Option<(SourceFile, Label)>,
    /// Why it is a problem, when the message alone does not say.
    pub reason: Option<String>,
    /// What to do about it.
    pub help: Option<String>,
}

impl Diagnostic {
    pub fn error(code: &'static Code, message: impl Into<String>) -> Self {
        Self {
            code,
            severity: Severity::Error,
            message: message.into(),
            place: None,
            reason: None,
            help: None,
        }
    }

    pub fn warning(code: &'static Code, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(code, message)
        }
    }

    pub fn at(mut self, file: &SourceFile, span: Range<usize>, label: impl Into<String>) -> Self {
        self.place = Some((
            file.clone(),
            Label {
                span,
                text: label.into(),
            },
        ));
        self
    }

    pub fn because(mut self, reason: impl Into<String>) -> Self {
        self.reason = Some(reason.into());
        self
    }

    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}
