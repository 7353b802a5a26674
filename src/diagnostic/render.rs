//! Draws diagnostics as text: code, file and line, caret, reason, help.

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use super::{Diagnostic, Severity};
use crate::untrusted::inert;

/// Renders all diagnostics, one blank line apart, with ANSI colours when `colour` is set.
///
/// Control characters of the source are shown, not sent, by the snippet renderer.
pub fn render(diagnostics: &[Diagnostic], colour: bool) -> String {
    let renderer = if colour {
        Renderer::styled()
    } else {
        Renderer::plain()
    };
    let shown = diagnostics
        .iter()
        .map(|d| renderer.render(&report(d)).clone() + "\n");
    // A file that is quoted, or what a program said, may speak to the CI runner that reads this.
    inert(&shown.collect::<Vec<_>>().join("\n"))
}

fn report(d: &Diagnostic) -> Vec<Group<'_>> {
    let level = match d.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let title = level.primary_title(d.message.as_str()).id(d.code.id);
    let mut group = match &d.place {
        Some((file, label)) => title.element(
            Snippet::source(file.text.as_ref())
                .path(file.name.as_str())
                .annotation(
                    AnnotationKind::Primary
                        .span(label.span.clone())
                        .label(label.text.as_str()),
                ),
        ),
        None => Group::with_title(title),
    };
    if let Some(reason) = &d.reason {
        group = group.element(Level::NOTE.message(reason.as_str()));
    }
    if let Some(help) = &d.help {
        group = group.element(Level::HELP.message(help.as_str()));
    }
    vec![group]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::{SourceFile, scenario};

    #[test]
    fn a_diagnostic_shows_code_place_reason_and_help() {
        let file = SourceFile {
            name: "s.toml".into(),
            text: "name = \"x\"\nrte = 5\n".into(),
        };
        let d = Diagnostic::error(&scenario::UNKNOWN_KEY, "unknown key `rte`")
            .at(&file, 11..14, "not a key of a scenario")
            .help("did you mean `rate`?");
        insta::assert_snapshot!(render(&[d], false));
    }

    #[test]
    fn a_diagnostic_without_a_place_is_still_complete() {
        let d = Diagnostic::error(&scenario::NOT_FOUND, "no scenario `shop`")
            .because("scenarios/shop.toml does not exist")
            .help("plimsoll init shop");
        insta::assert_snapshot!(render(&[d], false));
    }
}
