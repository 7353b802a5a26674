//! TOML text as a tree in which every key and value knows its place.
//!
//! toml's own tree is turned into one that keeps the order of the file (headers are sent in the
//! order written) and whose numbers are numbers. Syntax errors are all collected, not only the first.

use std::borrow::Cow;
use std::ops::Range;

use serde_json::Value as Json;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::limits;
use crate::diagnostic::{Diagnostic, SourceFile, scenario as codes};
use crate::mutant::{self, Mutant};

/// A place in the file, in bytes.
pub(super) type Span = Range<usize>;

/// A value and its place.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub span: Span,
    pub value: Value,
}

/// A value.
#[derive(Debug, Clone)]
pub(super) enum Value {
    Text(String),
    /// Saturated far beyond what any key allows.
    Whole(i128),
    Float(f64),
    Flag(bool),
    Date(String),
    List(Vec<Node>),
    /// In the order of the file.
    Table(Vec<Entry>),
}

/// A key with its value.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub key: String,
    pub key_span: Span,
    pub node: Node,
}

impl Value {
    /// The value as JSON; None when it holds a number that JSON cannot.
    pub(super) fn json(&self) -> Option<Json> {
        Some(match self {
            Self::Text(text) | Self::Date(text) => Json::from(text.as_str()),
            Self::Whole(number) => Json::from(i64::try_from(*number).ok()?),
            Self::Float(number) => Json::Number(serde_json::Number::from_f64(*number)?),
            Self::Flag(flag) => Json::from(*flag),
            Self::List(items) => Json::Array(
                items
                    .iter()
                    .map(|item| item.value.json())
                    .collect::<Option<_>>()?,
            ),
            Self::Table(entries) => Json::Object(
                entries
                    .iter()
                    .map(|entry| Some((entry.key.clone(), entry.node.value.json()?)))
                    .collect::<Option<_>>()?,
            ),
        })
    }

    /// What it is, for messages.
    pub(super) fn noun(&self) -> &'static str {
        match self {
            Self::Text(_) => "a text",
            Self::Whole(_) | Self::Float(_) => "a number",
            Self::Flag(_) => "true or false",
            Self::Date(_) => "a date",
            Self::List(_) => "a list",
            Self::Table(_) => "a table",
        }
    }
}

/// Reads a file as TOML: the entries of its root, in the order of the file.
///
/// # Errors
/// Every place where the syntax does not hold.
pub(super) fn parse(file: &SourceFile) -> Result<Vec<Entry>, Vec<Diagnostic>> {
    let (tree, errors) = DeTable::parse_recoverable(&file.text);
    let mut too_deep = None;
    let tree = table(tree.into_inner(), 1, &mut too_deep);
    let shown = errors.iter().take(limits::PROBLEMS);
    let mut problems: Vec<_> = shown.map(|e| syntax_error(file, e)).collect();
    problems.extend(too_deep.map(|span| {
        let message = format!("nested deeper than {} levels", limits::DEPTH);
        let span = inside(&file.text, span);
        Diagnostic::error(&codes::TOO_MUCH, message)
            .at(file, span.start..span.start, "from here")
            .because("nothing in a scenario is, so this is no scenario")
            .help("write tables as [[step]] and [target], not within each other")
    }));
    if problems.is_empty() {
        Ok(tree)
    } else {
        Err(problems)
    }
}

fn syntax_error(file: &SourceFile, error: &toml::de::Error) -> Diagnostic {
    let span = inside(&file.text, error.span().unwrap_or(0..0));
    let bare = file.text[span.start..]
        .chars()
        .take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '/' | '.' | '%'))
        .collect::<String>();
    let message = error.message();
    let diagnostic = Diagnostic::error(&codes::SYNTAX, format!("not valid TOML: {message}"));
    let help = if message.contains("duplicate key") {
        Cow::Borrowed(
            "keep one of the two; further requests and phases are written as [[step]] and [[phase]]",
        )
    } else if message.contains("string values must be quoted") && !bare.is_empty() {
        Cow::Owned(format!(
            "texts and quantities are written in quotes: \"{bare}\""
        ))
    } else {
        Cow::Borrowed("the rest of the file is checked once its syntax holds")
    };
    diagnostic.at(file, span, "here").help(help)
}

/// The span cut to the text, and to whole characters.
pub(super) fn inside(text: &str, span: Span) -> Span {
    let mut start = span.start.min(text.len());
    while !text.is_char_boundary(start) {
        start -= 1;
    }
    let mut end = span.end.clamp(start, text.len());
    while !text.is_char_boundary(end) {
        end += 1;
    }
    start..end
}

/// `depth` is that of the table; where the first is that is too deep is told by `too_deep`.
fn table(entries: DeTable<'_>, depth: usize, too_deep: &mut Option<Span>) -> Vec<Entry> {
    let mut entries: Vec<_> = entries
        .into_iter()
        .map(|(key, value)| Entry {
            key_span: key.span(),
            key: key.into_inner().into_owned(),
            node: Node {
                span: value.span(),
                value: convert(value, depth, too_deep),
            },
        })
        .collect();
    entries.sort_by_key(|entry| entry.key_span.start);
    entries
}

fn convert(value: Spanned<DeValue<'_>>, depth: usize, too_deep: &mut Option<Span>) -> Value {
    if depth > limits::DEPTH && !mutant::is_on(Mutant::NestedTooDeep) {
        too_deep.get_or_insert(value.span());
        take_apart(value.into_inner());
        return Value::List(Vec::new());
    }
    match value.into_inner() {
        DeValue::String(text) => Value::Text(text.into_owned()),
        DeValue::Integer(number) => {
            let parsed = i128::from_str_radix(number.as_str(), number.radix());
            Value::Whole(parsed.unwrap_or(i128::MAX))
        }
        DeValue::Float(number) => Value::Float(number.as_str().parse().unwrap_or(f64::NAN)),
        DeValue::Boolean(flag) => Value::Flag(flag),
        DeValue::Datetime(date) => Value::Date(date.to_string()),
        DeValue::Array(values) => Value::List(
            values
                .into_iter()
                .map(|value| Node {
                    span: value.span(),
                    value: convert(value, depth + 1, too_deep),
                })
                .collect(),
        ),
        DeValue::Table(entries) => Value::Table(table(entries, depth + 1, too_deep)),
    }
}

/// Drops a value level by level: dotted keys nest as deep as a file is long, and the stack does not.
fn take_apart(value: DeValue<'_>) {
    let mut rest = vec![value];
    while let Some(value) = rest.pop() {
        match value {
            DeValue::Array(values) => rest.extend(values.into_iter().map(Spanned::into_inner)),
            DeValue::Table(entries) => {
                rest.extend(entries.into_iter().map(|(_, value)| value.into_inner()));
            }
            _ => {}
        }
    }
}
