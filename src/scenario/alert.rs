//! Checks `[[alert]]`: that each expression can be evaluated and each text be filled in.

use crate::alert::{Alert, Expression, Fault, Wording};
use crate::diagnostic::{Diagnostic, scenario as codes};
use crate::units::Nanos;

use super::limits;
use super::problems::Problems;
use super::section::{self, Section};
use super::tree::{Span, Value};

/// All alerts; None when one is wrong.
pub(super) fn check(problems: &mut Problems<'_>, root: &Section<'_>) -> Option<Vec<Alert>> {
    let sections = root.sections("alert");
    section::count(problems, &sections, "alert");
    let sections = sections.iter().take(limits::TABLES);
    let alerts: Vec<Option<Alert>> = sections.map(|s| one(problems, s)).collect();
    alerts.into_iter().collect()
}

fn one(problems: &mut Problems<'_>, section: &Section<'_>) -> Option<Alert> {
    let expr = section
        .text("expr")
        .and_then(|(text, span)| match Expression::parse(text) {
            Ok(expr) => Some(expr),
            Err(fault) => {
                add(problems, &fault, span, text);
                None
            }
        });
    let hold = section.time("for").map(|(hold, span)| {
        if hold.0 % Nanos::SECOND.0 != 0 {
            let message = format!("`for` is whole seconds, and this is {hold}");
            let diagnostic = Diagnostic::error(&codes::BAD_VALUE, message)
                .because("alerts are evaluated second by second")
                .help("write for = \"30s\"");
            problems.add(diagnostic, span, "not whole seconds");
        }
        hold
    });
    let mut labels = Wording::default();
    if let Some((severity, span)) = section.text("severity")
        && let Err(fault) = labels.add("severity", severity)
    {
        add(problems, &fault, span, severity);
    }
    let mut annotations = Wording::default();
    for entry in section.map("annotations") {
        if let Value::Text(text) = &entry.node.value
            && let Err(fault) = annotations.add(&entry.key, text)
        {
            add(problems, &fault, &entry.node.span, text);
        }
    }
    Some(Alert {
        name: section.text("name")?.0.to_owned(),
        expr: expr?,
        hold: hold.unwrap_or(Nanos::ZERO),
        every: Nanos::SECOND,
        labels,
        annotations,
    })
}

fn add(problems: &mut Problems<'_>, fault: &Fault, span: &Span, text: &str) {
    let place = fault.within(problems.text(), span, text);
    problems.add(fault.diagnostic(), &place, fault.label);
}
