//! What is wrong with a file, collected while reading goes on.

use crate::diagnostic::{Diagnostic, Severity, SourceFile, scenario as codes};

use super::limits;
use super::tree::{Span, inside};

/// The diagnostics of one file.
#[derive(Debug)]
pub(super) struct Problems<'a> {
    file: &'a SourceFile,
    found: Vec<Diagnostic>,
}

impl<'a> Problems<'a> {
    pub(super) fn new(file: &'a SourceFile) -> Self {
        Self {
            file,
            found: Vec::new(),
        }
    }

    /// Adds a diagnostic at a place, with a few words beside the caret.
    pub(super) fn add(&mut self, diagnostic: Diagnostic, span: &Span, label: impl Into<String>) {
        let span = inside(&self.file.text, span.clone());
        self.found.push(diagnostic.at(self.file, span, label));
    }

    /// The file itself, that places point into.
    pub(super) fn text(&self) -> &'a str {
        &self.file.text
    }

    /// The part of a place that holds a word, or all of it when the word is not written there.
    pub(super) fn narrowed(&self, span: &Span, word: &str) -> Span {
        let span = inside(&self.file.text, span.clone());
        match self.file.text[span.clone()].find(word) {
            Some(at) => span.start + at..span.start + at + word.len(),
            None => span,
        }
    }

    /// Line of a place, from 1.
    pub(super) fn line(&self, span: &Span) -> usize {
        let start = inside(&self.file.text, span.clone()).start;
        1 + self.file.text[..start].matches('\n').count()
    }

    /// All of them in the order of the file, warnings last, the hundredth standing for the rest.
    pub(super) fn finish(mut self) -> Vec<Diagnostic> {
        self.found.sort_by_key(|d| {
            let start = d.place.as_ref().map_or(0, |(_, label)| label.span.start);
            (d.severity == Severity::Warning, start)
        });
        let more = self.found.len().saturating_sub(limits::PROBLEMS);
        if more > 0 {
            self.found.truncate(limits::PROBLEMS);
            self.found.push(
                Diagnostic::error(&codes::MORE, format!("and {more} more problems"))
                    .help("correct the ones above and look again"),
            );
        }
        self.found
    }
}
