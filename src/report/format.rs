//! Which format an output is in, and where it goes: `report.html`, `md:-`.

use std::path::PathBuf;

use crate::diagnostic::{Diagnostic, output};
use crate::untrusted::Untrusted;

use super::{TextStyle, View};

/// A format Plimsoll writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    Text,
    Json,
    Markdown,
    Junit,
    Github,
    Csv,
    Html,
}

/// Where an output goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    Stdout,
    File(PathBuf),
}

/// Names before a colon, and extensions.
const NAMES: [(&str, Format); 11] = [
    ("text", Format::Text),
    ("txt", Format::Text),
    ("json", Format::Json),
    ("md", Format::Markdown),
    ("markdown", Format::Markdown),
    ("junit", Format::Junit),
    ("xml", Format::Junit),
    ("github", Format::Github),
    ("csv", Format::Csv),
    ("html", Format::Html),
    ("htm", Format::Html),
];

impl Format {
    /// Reads `report.html`, `junit.xml`, `comment.md`, `run.json`, `run.csv`, `md:-`, `github:-`.
    ///
    /// # Errors
    /// When neither a prefix nor the extension names a format, or the destination is missing.
    pub fn from_name(spec: &str) -> Result<(Self, Destination), Diagnostic> {
        if let Some((prefix, rest)) = spec.split_once(':')
            && let Some(format) = Self::named(prefix)
        {
            return match rest {
                "" => Err(unknown(spec, "nothing stands after the colon")),
                "-" => Ok((format, Destination::Stdout)),
                path => Ok((format, Destination::File(path.into()))),
            };
        }
        if spec == "-" {
            return Err(unknown(spec, "`-` alone does not say which format"));
        }
        let extension = std::path::Path::new(spec)
            .extension()
            .and_then(std::ffi::OsStr::to_str)
            .unwrap_or_default();
        match Self::named(extension) {
            Some(format) => Ok((format, Destination::File(spec.into()))),
            None => Err(unknown(spec, "its ending names no format")),
        }
    }

    fn named(name: &str) -> Option<Self> {
        NAMES
            .iter()
            .find(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, f)| *f)
    }
}

fn unknown(spec: &str, reason: &str) -> Diagnostic {
    let spec = Untrusted::from(spec).terminal();
    Diagnostic::error(
        &output::UNKNOWN_FORMAT,
        format!("`{spec}` names no output format"),
    )
    .because(reason)
    .help(
        "write report.html, run.json, comment.md, junit.xml, run.csv or summary.txt, \
         or put the format before a colon: md:-, github:-, json:out/result",
    )
}

/// Renders in any format; text without colour, 100 columns wide.
pub fn render(view: &View, format: Format) -> String {
    match format {
        Format::Text => super::text(view, TextStyle::default()),
        Format::Json => super::json(view),
        Format::Markdown => super::markdown(view),
        Format::Junit => super::junit(view),
        Format::Github => super::github(view),
        Format::Csv => super::csv(view),
        Format::Html => super::html(view),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_format_is_in_the_name_or_before_the_colon() {
        let file = |name: &str| Destination::File(name.into());
        for (spec, format, destination) in [
            ("report.html", Format::Html, file("report.html")),
            ("out/junit.xml", Format::Junit, file("out/junit.xml")),
            ("comment.md", Format::Markdown, file("comment.md")),
            ("run.json", Format::Json, file("run.json")),
            ("run.csv", Format::Csv, file("run.csv")),
            ("summary.txt", Format::Text, file("summary.txt")),
            ("md:-", Format::Markdown, Destination::Stdout),
            ("github:-", Format::Github, Destination::Stdout),
            ("json:x", Format::Json, file("x")),
            ("a:b.html", Format::Html, file("a:b.html")),
        ] {
            let read = Format::from_name(spec).map_err(|d| d.message);
            assert_eq!(read, Ok((format, destination)), "{spec}");
        }
    }

    #[test]
    fn what_names_no_format_is_refused_with_help() {
        for spec in ["result.xyz", "-", "md:", "", "report", ".html"] {
            let error = Format::from_name(spec).expect_err(spec);
            assert_eq!(error.code.id, "PL0501");
            assert!(error.help.is_some_and(|h| h.contains("md:-")));
        }
    }
}
