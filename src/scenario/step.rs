//! Checks `[[step]]`: the request that is sent and the answer that is expected.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value as Json;

use crate::diagnostic::{Diagnostic, scenario as codes};

use super::plan::{Expect, Request, Step, Template};
use super::problems::Problems;
use super::section::Section;
use super::shape::short;
use super::tree::{Node, Span, Value};
use super::{body, limits, request};

pub(super) fn check(
    problems: &mut Problems<'_>,
    section: &Section<'_>,
    base: &Path,
) -> Option<(Step, u32)> {
    let name = section.text("name").map(|(name, _)| name.to_owned());
    let weight = section.whole("weight").map_or(1, |(weight, _)| weight);
    let line = line(problems, section);
    let query = query(problems, section);
    let mut headers = headers(problems, section);
    let body = body(problems, section, base);
    if section.node("json").is_some() && !has_header(&headers, "content-type") {
        headers.push(("content-type".to_owned(), "application/json".to_owned()));
    }
    let expect = expect(problems, section);
    let (method, mut path) = line?;
    if !query.is_empty() {
        path.push(if path.contains('?') { '&' } else { '?' });
        path.push_str(&query.join("&"));
    }
    if let (Err(diagnostic), Some(node)) = (request::path(&path), section.node("query")) {
        problems.add(diagnostic, &node.span, "with these parameters");
    }
    let request = Request {
        method,
        path: Template::fixed(path),
        headers: headers
            .into_iter()
            .map(|(name, value)| (name, Template::fixed(value)))
            .collect(),
        body: Template::fixed(body?),
    };
    let step = Step {
        expect,
        ..Step::new(&name?, request)
    };
    Some((step, u32::try_from(weight).ok()?))
}

fn line(problems: &mut Problems<'_>, section: &Section<'_>) -> Option<(String, String)> {
    let (text, span) = section.text("request")?;
    let checked = request::no_placeholder(text).and_then(|()| request::line(text));
    keep(problems, checked, span, "in this request")
}

/// The value, or None with the problem reported at its place.
fn keep<T>(
    problems: &mut Problems<'_>,
    checked: Result<T, Diagnostic>,
    span: &Span,
    label: &str,
) -> Option<T> {
    checked
        .map_err(|diagnostic| problems.add(diagnostic, span, label))
        .ok()
}

fn query(problems: &mut Problems<'_>, section: &Section<'_>) -> Vec<String> {
    let mut pairs = Vec::new();
    for entry in section.map("query") {
        let values = match &entry.node.value {
            Value::List(items) => items.as_slice(),
            _ => std::slice::from_ref(&entry.node),
        };
        for node in values {
            let text = match &node.value {
                Value::Text(text) => text.clone(),
                Value::Whole(number) => number.to_string(),
                Value::Float(number) => number.to_string(),
                Value::Flag(flag) => flag.to_string(),
                _ => continue,
            };
            keep(
                problems,
                request::no_placeholder(&text),
                &node.span,
                "in this parameter",
            );
            let (key, value) = (request::percent(&entry.key), request::percent(&text));
            pairs.push(format!("{key}={value}"));
        }
    }
    pairs
}

fn has_header(headers: &[(String, String)], name: &str) -> bool {
    headers
        .iter()
        .any(|(known, _)| known.eq_ignore_ascii_case(name))
}

fn headers(problems: &mut Problems<'_>, section: &Section<'_>) -> Vec<(String, String)> {
    let mut headers = Vec::new();
    let entries = section.map("headers");
    if let Some(beyond) = entries.get(limits::HEADERS) {
        let message = format!("more than {} headers", limits::HEADERS);
        let diagnostic = Diagnostic::error(&codes::TOO_MUCH, message)
            .because("servers refuse requests with that many")
            .help("send long lists in the body");
        problems.add(diagnostic, &beyond.key_span, "one too many");
    }
    for entry in entries.iter().take(limits::HEADERS) {
        let Value::Text(value) = &entry.node.value else {
            continue;
        };
        if has_header(&headers, &entry.key) {
            let message = format!("the header `{}` is given twice", short(&entry.key));
            let diagnostic = Diagnostic::error(&codes::DUPLICATE, message)
                .because("capitals make no difference in the name of a header")
                .help("keep one; several values are written with commas between them");
            problems.add(diagnostic, &entry.key_span, "given before");
        }
        keep(
            problems,
            request::header_name(&entry.key),
            &entry.key_span,
            "this name",
        );
        let checked =
            request::header_value(&entry.key, value).and_then(|()| request::no_placeholder(value));
        keep(problems, checked, &entry.node.span, "in this header");
        headers.push((entry.key.clone(), value.clone()));
    }
    headers
}

/// The bytes to send; none where no body is given.
fn body(problems: &mut Problems<'_>, section: &Section<'_>, base: &Path) -> Option<Vec<u8>> {
    if let Some(node) = section.node("json") {
        placeholders(problems, node);
        return serde_json::to_vec(&json(node)?).ok();
    }
    if let Some((text, span)) = section.text("body") {
        keep(
            problems,
            request::no_placeholder(text),
            span,
            "in this body",
        );
        return Some(text.as_bytes().to_vec());
    }
    let Some((name, span)) = section.text("body-file") else {
        return Some(Vec::new());
    };
    keep(problems, body::read(base, name), span, "this file")
}

fn placeholders(problems: &mut Problems<'_>, node: &Node) {
    match &node.value {
        Value::Text(text) => {
            keep(
                problems,
                request::no_placeholder(text),
                &node.span,
                "in this body",
            );
        }
        Value::List(items) => items.iter().for_each(|item| placeholders(problems, item)),
        Value::Table(entries) => entries
            .iter()
            .for_each(|entry| placeholders(problems, &entry.node)),
        _ => {}
    }
}

/// The value as JSON; None for numbers that JSON cannot hold, which the shape has reported.
fn json(node: &Node) -> Option<Json> {
    Some(match &node.value {
        Value::Text(text) | Value::Date(text) => Json::from(text.as_str()),
        Value::Whole(number) => Json::from(i64::try_from(*number).ok()?),
        Value::Float(number) => Json::Number(serde_json::Number::from_f64(*number)?),
        Value::Flag(flag) => Json::from(*flag),
        Value::List(items) => Json::Array(items.iter().map(json).collect::<Option<_>>()?),
        Value::Table(entries) => Json::Object(
            entries
                .iter()
                .map(|entry| Some((entry.key.clone(), json(&entry.node)?)))
                .collect::<Option<_>>()?,
        ),
    })
}

fn expect(problems: &mut Problems<'_>, section: &Section<'_>) -> Expect {
    let Some(section) = section.section("expect") else {
        return Expect {
            status: Vec::new(),
            body_contains: None,
            json: Vec::new(),
        };
    };
    let status = section
        .items("status")
        .iter()
        .filter_map(|item| match item.value {
            Value::Whole(status) => u16::try_from(status).ok(),
            _ => None,
        })
        .collect();
    let body_contains = section.text("body-contains").map(|(text, span)| {
        if text.is_empty() {
            let diagnostic = Diagnostic::error(&codes::BAD_VALUE, "an empty text is in every body")
                .help("write the text to look for, or leave `body-contains` out");
            problems.add(diagnostic, span, "empty");
        }
        keep(
            problems,
            request::no_placeholder(text),
            span,
            "in this text",
        );
        text.to_owned()
    });
    let mut pointers = BTreeMap::new();
    for entry in section.map("json") {
        if !is_pointer(&entry.key) {
            let key = short(&entry.key);
            let message = format!("`{key}` is not a JSON pointer");
            let path = key.trim_start_matches(['$', '.']).replace('.', "/");
            let diagnostic = Diagnostic::error(&codes::BAD_VALUE, message)
                .because("a pointer is the way from the top of the document: /order/items/0")
                .help(format!("did you mean \"/{path}\"?"));
            problems.add(diagnostic, &entry.key_span, "does not begin with /");
        }
        placeholders(problems, &entry.node);
        if let Some(value) = json(&entry.node) {
            pointers.insert(entry.key.clone(), value);
        }
    }
    Expect {
        status,
        body_contains,
        json: pointers.into_iter().collect(),
    }
}

/// RFC 6901: empty, or `/`-separated with `~` only in `~0` and `~1`.
fn is_pointer(text: &str) -> bool {
    let escapes = text.split('~').skip(1);
    (text.is_empty() || text.starts_with('/'))
        && escapes
            .into_iter()
            .all(|after| after.starts_with(['0', '1']))
}
