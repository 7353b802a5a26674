//! Names of scenarios, steps, journeys and phases.

use crate::diagnostic::{Diagnostic, scenario as codes};

use super::problems::Problems;
use super::section::{Placed, Section};
use super::shape::short;

/// Checks that names can be told apart and written in a path.
pub(super) fn check(problems: &mut Problems<'_>, sections: &[Section<'_>], noun: &str) {
    let mut seen = std::collections::BTreeSet::new();
    for section in sections {
        let Some((name, span)) = slug_placed(problems, section, "name") else {
            continue;
        };
        if !seen.insert(name) {
            let diagnostic =
                Diagnostic::error(&codes::DUPLICATE, format!("two {noun}s are named `{name}`"))
                    .because(format!("results and thresholds name their {noun}"))
                    .help("give each a name of its own");
            problems.add(diagnostic, span, "named before");
        }
    }
}

/// The name of a table, when it is one.
pub(super) fn slug<'a>(
    problems: &mut Problems<'_>,
    section: &Section<'a>,
    key: &str,
) -> Option<&'a str> {
    slug_placed(problems, section, key).map(|(name, _)| name)
}

/// A name that can be a folder, a column and a word on a command line.
fn slug_placed<'a>(
    problems: &mut Problems<'_>,
    section: &Section<'a>,
    key: &str,
) -> Option<Placed<'a, &'a str>> {
    let (name, span) = section.text(key)?;
    if is_slug(name) {
        return Some((name, span));
    }
    let better = slugged(name);
    let help = if better.is_empty() {
        "a name is small letters, digits, `-`, `_` and `.`, at most 64, a letter or digit first"
            .to_owned()
    } else {
        format!("did you mean \"{better}\"?")
    };
    let message = if name.is_empty() {
        "the name is empty".to_owned()
    } else {
        format!("`{}` is not a name", short(name))
    };
    let diagnostic = Diagnostic::error(&codes::BAD_VALUE, message)
        .because("a name becomes a folder and a word on the command line")
        .help(help);
    problems.add(diagnostic, span, "not small letters, digits, `-`, `_`, `.`");
    None
}

/// True for a name that can be a folder.
pub(super) fn is_slug(name: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    (1..=64).contains(&name.len())
        && allowed(name.as_bytes()[0])
        && name.bytes().all(|b| allowed(b) || b"-_.".contains(&b))
}

/// The name nearest to a text; empty when nothing of it can be kept.
pub fn slugged(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars().take(64) {
        let c = c.to_ascii_lowercase();
        if c.is_ascii_lowercase() || c.is_ascii_digit() {
            out.push(c);
        } else if !out.is_empty() && !out.ends_with('-') {
            out.push(if c == '_' || c == '.' { c } else { '-' });
        }
    }
    out.trim_end_matches('-').to_owned()
}
