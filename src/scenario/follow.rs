//! Checks what a step does with its answer: captures, a pause, further attempts.

use regex::bytes::{Regex, RegexBuilder};

use crate::diagnostic::{Diagnostic, scenario as codes};
use crate::units::Nanos;

use super::plan::{Capture, Find, Retry, RetryOn, Think};
use super::problems::Problems;
use super::request;
use super::section::Section;
use super::shape::short;
use super::template::{self, Known};
use super::tree::{Span, Value};

/// Memory that a compiled expression may take, in bytes.
const REGEX: usize = 1 << 20;
/// Greatest growth of a pause from attempt to attempt.
const FACTOR: f64 = 100.0;

/// The values taken from the answer.
pub(super) fn captures(
    problems: &mut Problems<'_>,
    section: &Section<'_>,
    known: &Known<'_>,
) -> Vec<Capture> {
    let mut captures = Vec::new();
    for (entry, place) in section.named_sections("capture") {
        let name = &entry.key;
        if !template::is_word(name) || name == "visit" {
            let message = format!("`{}` is not a name of a captured value", short(name));
            let diagnostic = Diagnostic::error(&codes::BAD_VALUE, message)
                .because("placeholders call it by this name")
                .help("a name is letters, digits, `-` and `_`, and not `visit`");
            problems.add(diagnostic, &entry.key_span, "not a name");
        }
        let number = known.variables.iter().position(|v| v.name == *name);
        if let (Some(variable), Some(find)) = (number, find(problems, &place)) {
            captures.push(Capture {
                name: name.clone(),
                variable,
                find,
            });
        }
    }
    captures
}

fn find(problems: &mut Problems<'_>, section: &Section<'_>) -> Option<Find> {
    if let Some((text, span)) = section.text("json") {
        pointer(problems, text, span);
        return Some(Find::Json(text.to_owned()));
    }
    if let Some((text, span)) = section.text("regex") {
        return Some(Find::Regex(regex(problems, text, span)?));
    }
    for (key, make) in [
        ("header", Find::Header as fn(String) -> Find),
        ("cookie", Find::Cookie),
    ] {
        if let Some((name, span)) = section.text(key) {
            if let Err(diagnostic) = request::token(name, key) {
                problems.add(diagnostic, span, "this name");
            }
            return Some(make(name.to_owned()));
        }
    }
    None
}

fn regex(problems: &mut Problems<'_>, text: &str, span: &Span) -> Option<Regex> {
    let built = RegexBuilder::new(text).size_limit(REGEX).build();
    built
        .map_err(|error| {
            // The last line says what is wrong; those before it repeat the expression.
            let error = error.to_string();
            let reason = error.lines().last().unwrap_or_default();
            let reason = reason.strip_prefix("error: ").unwrap_or(reason);
            let message = format!("`{}` is not a regular expression", short(text));
            let diagnostic = Diagnostic::error(&codes::BAD_VALUE, message)
                .because(reason)
                .help("in TOML, expressions are best written in single quotes: 'id=(\\d+)'");
            problems.add(diagnostic, span, "this expression");
        })
        .ok()
}

/// Refuses what is no JSON pointer.
pub(super) fn pointer(problems: &mut Problems<'_>, text: &str, span: &Span) {
    if is_pointer(text) {
        return;
    }
    let shown = short(text);
    let path = shown.trim_start_matches(['$', '.']).replace('.', "/");
    let diagnostic = Diagnostic::error(
        &codes::BAD_VALUE,
        format!("`{shown}` is not a JSON pointer"),
    )
    .because("a pointer is the way from the top of the document: /order/items/0")
    .help(format!("did you mean \"/{path}\"?"));
    problems.add(diagnostic, span, "does not begin with /");
}

/// RFC 6901: empty, or `/`-separated with `~` only in `~0` and `~1`.
fn is_pointer(text: &str) -> bool {
    let escapes = text.split('~').skip(1);
    (text.is_empty() || text.starts_with('/'))
        && escapes
            .into_iter()
            .all(|after| after.starts_with(['0', '1']))
}

/// The pause after the answer.
pub(super) fn think(problems: &mut Problems<'_>, section: &Section<'_>) -> Option<Think> {
    if let Some((time, _)) = section.time("think") {
        return Some(Think {
            min: time,
            max: time,
        });
    }
    let section = section.section("think")?;
    let ((min, _), (max, span)) = (section.time("min")?, section.time("max")?);
    if min > max {
        let message = format!("the longest pause of {max} is shorter than the shortest of {min}");
        let diagnostic = Diagnostic::error(&codes::CONFLICT, message)
            .help("exchange the two, or write one time: think = \"500ms\"");
        problems.add(diagnostic, span, "shorter than `min`");
    }
    Some(Think { min, max })
}

/// When and how often a failed request is tried again.
pub(super) fn retry(problems: &mut Problems<'_>, section: &Section<'_>) -> Option<Retry> {
    if let Some((name, _)) = section.text("retry") {
        return Some(preset(name));
    }
    let section = section.section("retry")?;
    let named = section.text("preset").map(|(name, _)| preset(name));
    // Without a name how often is for the scenario to say: the grammar asks for it.
    let most = named.as_ref().map(|retry| retry.max);
    let usual = named.unwrap_or_else(|| preset("api"));
    let base_delay = section.time("base-delay");
    let max_delay = section.time("max-delay");
    let base = base_delay.map_or(usual.base_delay, |(time, _)| time);
    let longest = max_delay.map_or(usual.max_delay.max(base), |(time, _)| time);
    if let (true, Some((_, span))) = (longest < base, max_delay.or(base_delay)) {
        let message = format!("the longest pause of {longest} is shorter than the first of {base}");
        let diagnostic = Diagnostic::error(&codes::CONFLICT, message)
            .help("raise `max-delay`, or lower `base-delay`");
        problems.add(diagnostic, span, "shorter than the first pause");
    }
    let jitter = section.flag_unless("jitter");
    let on = retried(section.items("on"));
    let max = section.whole("max").map(|(max, _)| u32::try_from(max));
    Some(Retry {
        max: max.map_or(most, Result::ok)?,
        base_delay: base,
        factor: factor(problems, &section).unwrap_or(usual.factor),
        max_delay: longest,
        jitter,
        on: if on.is_empty() { usual.on } else { on },
    })
}

/// What a name stands for; the grammar knows no others than these.
fn preset(name: &str) -> Retry {
    let (max, base, longest, factor) = match name {
        "database" => (5, 50, 2, 1.5),
        "redis" => (3, 25, 1, 2.0),
        _ => (3, 100, 5, 2.0),
    };
    Retry {
        max,
        base_delay: Nanos::from_millis(base),
        factor,
        max_delay: Nanos::from_secs(longest),
        jitter: true,
        on: vec![
            RetryOn::Transport,
            RetryOn::Timeout,
            RetryOn::Status(429),
            RetryOn::Status(503),
        ],
    }
}

fn factor(problems: &mut Problems<'_>, section: &Section<'_>) -> Option<f64> {
    let (factor, span) = section.number("factor")?;
    if !(1.0..=FACTOR).contains(&factor) {
        let message = format!("a pause cannot grow by a factor of {factor}");
        let diagnostic = Diagnostic::error(&codes::BAD_VALUE, message)
            .help("write a factor from 1 (always the same) to 100");
        problems.add(diagnostic, span, "out of range");
    }
    Some(factor)
}

fn retried(items: &[super::tree::Node]) -> Vec<RetryOn> {
    items
        .iter()
        .filter_map(|item| match &item.value {
            Value::Text(word) if word == "transport" => Some(RetryOn::Transport),
            Value::Text(word) if word == "timeout" => Some(RetryOn::Timeout),
            Value::Whole(status) => u16::try_from(*status).ok().map(RetryOn::Status),
            _ => None,
        })
        .collect()
}
