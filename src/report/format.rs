//! The formats of a report by name, and the writer of each.

use super::{TextStyle, View};

/// A format Plimsoll writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    Text,
    Json,
    Markdown,
    Junit,
    Github,
    CodeQuality,
    Prometheus,
    Csv,
    Html,
}

impl Format {
    /// Names before a colon, and extensions. Of several names of a format the first is its own.
    pub const NAMES: [(&str, Self); 14] = [
        ("text", Self::Text),
        ("txt", Self::Text),
        ("json", Self::Json),
        ("md", Self::Markdown),
        ("markdown", Self::Markdown),
        ("junit", Self::Junit),
        ("xml", Self::Junit),
        ("github", Self::Github),
        ("codequality", Self::CodeQuality),
        ("prometheus", Self::Prometheus),
        ("prom", Self::Prometheus),
        ("csv", Self::Csv),
        ("html", Self::Html),
        ("htm", Self::Html),
    ];
}

/// Renders in any format; text without colour, 100 columns wide.
pub fn render(view: &View, format: Format) -> String {
    match format {
        Format::Text => super::text(view, TextStyle::default()),
        Format::Json => super::json(view),
        Format::Markdown => super::markdown(view),
        Format::Junit => super::junit(view),
        Format::Github => super::github(view),
        Format::CodeQuality => super::codequality(view),
        Format::Prometheus => super::prometheus(view),
        Format::Csv => super::csv(view),
        Format::Html => super::html(view),
    }
}
