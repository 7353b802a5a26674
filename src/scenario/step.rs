//! Checks a step: the request that is sent, the answer that is expected and what is done with it.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::Value as Json;

use crate::diagnostic::{Diagnostic, scenario as codes};

use super::body::{self, Body};
use super::plan::{Expect, Part, Request, Secret, Step, Template};
use super::problems::Problems;
use super::section::Section;
use super::shape::short;
use super::template::{self, Known, Place, Writer};
use super::tree::{Span, Value};
use super::{follow, limits, request};

pub(super) fn check(
    problems: &mut Problems<'_>,
    section: &Section<'_>,
    known: &Known<'_>,
) -> Option<Step> {
    let name = section.text("name").map(|(name, _)| name.to_owned());
    let line = line(problems, section);
    let path = path(problems, section, known, line.as_ref());
    let headers = headers(problems, section, known);
    let body = body::check(problems, section, known);
    let expect = expect(problems, section);
    let step = Step {
        expect,
        captures: follow::captures(problems, section, known),
        think: follow::think(problems, section),
        retry: follow::retry(problems, section),
        redirects: section
            .whole("redirects")
            .and_then(|(n, _)| u8::try_from(n).ok())
            .unwrap_or(0),
        gzip: section.flag("gzip"),
        ..Step::new(&name?, Request::new("GET", "/"))
    };
    let body = body?;
    let request = Request {
        method: line?.0,
        path: path?,
        headers: typed(problems, section, headers, &body),
        body: body.template,
    };
    Some(Step { request, ..step })
}

fn line(problems: &mut Problems<'_>, section: &Section<'_>) -> Option<(String, String)> {
    let (text, span) = section.text("request")?;
    keep(problems, request::line(text), span, "in this request")
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

/// Path and query.
fn path(
    problems: &mut Problems<'_>,
    section: &Section<'_>,
    known: &Known<'_>,
    line: Option<&(String, String)>,
) -> Option<Template> {
    let pairs = body::pairs(problems, known, section.map("query"));
    let (_, path) = line?;
    let (_, span) = section.text("request")?;
    let mut writer = Writer::default();
    writer.template(known.compile(problems, path, span, Place::Path));
    let mut sign: &[u8] = if path.contains('?') { b"&" } else { b"?" };
    for pair in pairs {
        writer.fixed(sign);
        writer.template(pair);
        sign = b"&";
    }
    let template = writer.finish();
    if let Some(node) = section.node("query") {
        let checked = request::path(&template.to_string());
        keep(problems, checked, &node.span, "with these parameters");
    }
    Some(template)
}

fn has_header(headers: &[(String, Template)], name: &str) -> bool {
    headers
        .iter()
        .any(|(known, _)| known.eq_ignore_ascii_case(name))
}

fn headers(
    problems: &mut Problems<'_>,
    section: &Section<'_>,
    known: &Known<'_>,
) -> Vec<(String, Template)> {
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
        let checked = request::header_value(&entry.key, value);
        keep(problems, checked, &entry.node.span, "in this header");
        let value = known.compile(problems, value, &entry.node.span, Place::Header);
        headers.push((entry.key.clone(), value));
    }
    if let Some(value) = authorization(problems, section, known) {
        if let (true, Some(node)) = (has_header(&headers, "authorization"), section.node("auth")) {
            let message = "the header `authorization` is given twice";
            let diagnostic = Diagnostic::error(&codes::DUPLICATE, message)
                .because("`auth` writes it as well")
                .help("keep `auth` or the header");
            problems.add(diagnostic, &node.span, "given before");
        }
        headers.push(("authorization".to_owned(), value));
    }
    headers
}

/// The headers with the content type of the body.
fn typed(
    problems: &mut Problems<'_>,
    section: &Section<'_>,
    mut headers: Vec<(String, Template)>,
    body: &Body,
) -> Vec<(String, Template)> {
    let Some(kind) = &body.content_type else {
        return headers;
    };
    if !has_header(&headers, "content-type") {
        let value = Template::fixed(kind.value.as_str());
        headers.push(("content-type".to_owned(), value));
    } else if let (true, Some(node)) = (kind.fixed, section.node("headers")) {
        problems.add(
            body::other_content_type(),
            &node.span,
            "with a `content-type`",
        );
    }
    headers
}

/// The header that says who sends the request.
fn authorization(
    problems: &mut Problems<'_>,
    section: &Section<'_>,
    known: &Known<'_>,
) -> Option<Template> {
    let auth = section.section("auth")?;
    let mut writer = Writer::default();
    if let Some((token, span)) = auth.text("bearer") {
        let checked = request::header_value("authorization", token).and_then(|()| {
            if token.is_empty() {
                return Err(Diagnostic::error(&codes::BAD_VALUE, "the token is empty")
                    .help("write the token, best from the environment: \"{{env.SHOP_TOKEN}}\""));
            }
            Ok(())
        });
        keep(problems, checked, span, "this token");
        writer.fixed(b"Bearer ");
        writer.template(known.compile(problems, token, span, Place::Header));
        return Some(writer.finish());
    }
    let basic = auth.section("basic")?;
    let (user, user_span) = basic.text("user")?;
    let (password, span) = basic.text("password")?;
    let user = known.compile(problems, user, user_span, Place::Body);
    let password = known.compile(problems, password, span, Place::Body);
    if user.constant().contains(&b':') {
        let diagnostic = Diagnostic::error(&codes::BAD_VALUE, "the user's name has a colon")
            .because("the first colon ends the name and begins the password")
            .help("leave it out");
        problems.add(diagnostic, user_span, "this name");
    }
    if !user.is_constant() || !password.is_constant() {
        let message = "user and password of `basic` are the same for every visit";
        let diagnostic = Diagnostic::error(&codes::PLACEHOLDER, message)
            .because("they are encoded together, before the load begins")
            .help("put the encoded pair into the data: headers = { authorization = \"Basic {{users.basic}}\" }");
        problems.add(diagnostic, &basic.span, "changes from visit to visit");
    }
    let pair = [user.constant(), b":".to_vec(), password.constant()].concat();
    let encoded = BASE64.encode(pair);
    writer.fixed(b"Basic ");
    let plain: Vec<String> = secrets(&user).chain(secrets(&password)).collect();
    writer.template(if plain.is_empty() {
        Template::fixed(encoded)
    } else {
        Template {
            parts: vec![Part::Secret(Secret {
                name: format!("{user}:{password} in base64"),
                value: encoded,
                plain,
            })],
        }
    });
    Some(writer.finish())
}

/// What the secrets of a text are made of.
fn secrets(template: &Template) -> impl Iterator<Item = String> {
    let parts = template.parts.iter();
    let plain = parts.filter_map(|part| match part {
        Part::Secret(secret) => Some(&secret.plain),
        _ => None,
    });
    plain.flatten().cloned()
}

fn expect(problems: &mut Problems<'_>, section: &Section<'_>) -> Expect {
    let Some(section) = section.section("expect") else {
        return Expect::default();
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
        let text = template::constant(text);
        keep(problems, text, span, "in this text").unwrap_or_default()
    });
    let mut pointers = BTreeMap::new();
    for entry in section.map("json") {
        follow::pointer(problems, &entry.key, &entry.key_span);
        let Some(mut value) = entry.node.value.json() else {
            continue;
        };
        let checked = constants(&mut value);
        keep(problems, checked, &entry.node.span, "in this value");
        pointers.insert(entry.key.clone(), value);
    }
    Expect {
        status,
        body_contains,
        json: pointers.into_iter().collect(),
    }
}

/// Refuses placeholders in the texts of a value.
fn constants(value: &mut Json) -> Result<(), Diagnostic> {
    match value {
        Json::String(text) => *text = template::constant(text)?,
        Json::Array(items) => items.iter_mut().try_for_each(constants)?,
        Json::Object(entries) => entries.values_mut().try_for_each(constants)?,
        Json::Null | Json::Bool(_) | Json::Number(_) => {}
    }
    Ok(())
}
