//! TOML text as a tree in which every key and value knows its place.
//!
//! toml's own tree is turned into one that keeps the order of the file (headers are sent in the
//! order written) and whose numbers are numbers. Syntax errors are all collected, not only the first.

use std::borrow::Cow;
use std::ops::Range;

use serde_json::Value as Json;
use toml::de::{DeTable, DeValue};

use crate::diagnostic::{Diagnostic, SourceFile, scenario as codes};

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
    if errors.is_empty() {
        return Ok(table(tree.into_inner()));
    }
    Err(errors.iter().map(|e| syntax_error(file, e)).collect())
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

fn table(entries: DeTable<'_>) -> Vec<Entry> {
    let mut entries: Vec<_> = entries
        .into_iter()
        .map(|(key, value)| Entry {
            key_span: key.span(),
            key: key.into_inner().into_owned(),
            node: Node {
                span: value.span(),
                value: convert(value.into_inner()),
            },
        })
        .collect();
    entries.sort_by_key(|entry| entry.key_span.start);
    entries
}

fn convert(value: DeValue<'_>) -> Value {
    match value {
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
                    value: convert(value.into_inner()),
                })
                .collect(),
        ),
        DeValue::Table(entries) => Value::Table(table(entries)),
    }
}
