//! What a request carries: JSON, a text, a file, or a form.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use crate::diagnostic::{Diagnostic, scenario as codes};

use super::beside::BODY;
use super::plan::{Part, Secret, Template};
use super::problems::Problems;
use super::section::{Placed, Section};
use super::template::{Known, Place, Writer};
use super::tree::{Entry, Node, Value};

/// What is sent, and the content type that goes with it.
#[derive(Debug, Default)]
pub(super) struct Body {
    pub template: Template,
    pub content_type: Option<ContentType>,
}

/// A content type.
#[derive(Debug)]
pub(super) struct ContentType {
    pub value: String,
    /// True: another one would be wrong.
    pub fixed: bool,
}

/// The body of a request, empty where none is given; None where it cannot be read.
pub(super) fn check(
    problems: &mut Problems<'_>,
    section: &Section<'_>,
    known: &Known<'_>,
) -> Option<Body> {
    let typed = |template, value: &str| Body {
        template,
        content_type: Some(ContentType {
            value: value.to_owned(),
            fixed: false,
        }),
    };
    if let Some(node) = section.node("json") {
        let mut writer = Writer::default();
        json(problems, known, node, &mut writer)?;
        return Some(typed(writer.finish(), "application/json"));
    }
    if let Some((text, span)) = section.text("body") {
        let template = known.compile(problems, text, span, Place::Body);
        return Some(Body {
            template,
            content_type: None,
        });
    }
    if let Some((name, span)) = section.text("body-file") {
        let bytes = BODY
            .below(known.sources.base, name)
            .map_err(|diagnostic| problems.add(diagnostic, span, "this file"))
            .ok()?;
        let template = match std::str::from_utf8(&bytes) {
            Ok(text) => known.compile(problems, text, span, Place::Body),
            Err(_) => Template::fixed(bytes),
        };
        return Some(Body {
            template,
            content_type: None,
        });
    }
    if section.node("form").is_some() {
        let mut writer = Writer::default();
        for (i, pair) in pairs(problems, known, section.map("form"))
            .into_iter()
            .enumerate()
        {
            writer.fixed(if i > 0 { b"&" } else { b"" });
            writer.template(pair);
        }
        let template = writer.finish();
        return Some(typed(template, "application/x-www-form-urlencoded"));
    }
    if section.node("multipart").is_some() {
        return multipart(problems, section, known);
    }
    Some(Body::default())
}

/// `key=value` for each value of each entry, percent-encoded.
pub(super) fn pairs(
    problems: &mut Problems<'_>,
    known: &Known<'_>,
    entries: &[Entry],
) -> Vec<Template> {
    let mut pairs = Vec::new();
    for entry in entries {
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
            let mut writer = Writer::default();
            writer.fixed(super::request::percent(&entry.key).as_bytes());
            writer.fixed(b"=");
            writer.template(known.compile(problems, &text, &node.span, Place::Parameter));
            pairs.push(writer.finish());
        }
    }
    pairs
}

/// Writes a value as JSON, the keys of objects in order; None for numbers that JSON cannot hold,
/// which the shape has reported.
fn json(
    problems: &mut Problems<'_>,
    known: &Known<'_>,
    node: &Node,
    writer: &mut Writer,
) -> Option<()> {
    match &node.value {
        Value::Text(text) => string(problems, known, (text, &node.span), writer),
        Value::List(items) => {
            writer.fixed(b"[");
            for (i, item) in items.iter().enumerate() {
                writer.fixed(if i > 0 { b"," } else { b"" });
                json(problems, known, item, writer)?;
            }
            writer.fixed(b"]");
        }
        Value::Table(entries) => {
            let mut entries: Vec<_> = entries.iter().collect();
            entries.sort_by(|a, b| a.key.cmp(&b.key));
            writer.fixed(b"{");
            for (i, entry) in entries.into_iter().enumerate() {
                writer.fixed(if i > 0 { b"," } else { b"" });
                string(problems, known, (&entry.key, &entry.key_span), writer);
                writer.fixed(b":");
                json(problems, known, &entry.node, writer)?;
            }
            writer.fixed(b"}");
        }
        scalar => writer.fixed(scalar.json()?.to_string().as_bytes()),
    }
    Some(())
}

fn string(
    problems: &mut Problems<'_>,
    known: &Known<'_>,
    (text, span): Placed<'_, &str>,
    writer: &mut Writer,
) {
    writer.fixed(b"\"");
    writer.template(known.compile(problems, text, span, Place::Json));
    writer.fixed(b"\"");
}

/// The parts of a form. Their boundary is a hash of them, so that the same scenario sends the same
/// bytes.
fn multipart(
    problems: &mut Problems<'_>,
    section: &Section<'_>,
    known: &Known<'_>,
) -> Option<Body> {
    let mut parts = Some(Vec::new());
    for part in section.sections("multipart") {
        match (one_part(problems, &part, known), &mut parts) {
            (Some(part), Some(parts)) => parts.push(part),
            (None, _) => parts = None,
            (Some(_), None) => {}
        }
    }
    let parts: Vec<(String, Template)> = parts?;
    let boundary = boundary(&parts);
    let mut writer = Writer::default();
    for (head, content) in parts {
        writer.fixed(format!("--{boundary}\r\n{head}\r\n").as_bytes());
        writer.template(content);
        writer.fixed(b"\r\n");
    }
    writer.fixed(format!("--{boundary}--\r\n").as_bytes());
    Some(Body {
        template: writer.finish(),
        content_type: Some(ContentType {
            value: format!("multipart/form-data; boundary={boundary}"),
            fixed: true,
        }),
    })
}

/// Head and content of a part.
fn one_part(
    problems: &mut Problems<'_>,
    section: &Section<'_>,
    known: &Known<'_>,
) -> Option<(String, Template)> {
    let name = section.text("name").map(|(name, _)| name);
    let kind = section.text("content-type");
    if let Some((kind, span)) = kind
        && let Err(diagnostic) = super::request::header_value("content-type", kind)
    {
        problems.add(diagnostic, span, "in this part");
    }
    let content = match (section.text("file"), section.text("text")) {
        (Some((file, span)), _) => BODY
            .below(known.sources.base, file)
            .map_err(|diagnostic| problems.add(diagnostic, span, "this file"))
            .ok()
            .map(Template::fixed),
        (None, text) => text.map(|(text, span)| known.compile(problems, text, span, Place::Body)),
    };
    let mut head = format!("content-disposition: form-data; name=\"{}\"", quoted(name?));
    let mut kind = kind.map(|(kind, _)| kind);
    if let Some((file, _)) = section.text("file") {
        let base = file.rsplit('/').next().unwrap_or(file);
        let _ = write!(head, "; filename=\"{}\"", quoted(base));
        kind = kind.or(Some("application/octet-stream"));
    }
    head.push_str("\r\n");
    if let Some(kind) = kind {
        let _ = write!(head, "content-type: {kind}\r\n");
    }
    Some((head, content?))
}

/// A name inside quotes, as browsers write it.
fn quoted(name: &str) -> String {
    name.replace('"', "%22")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

/// A text that occurs in none of the parts. Secrets take part by their names only.
fn boundary(parts: &[(String, Template)]) -> String {
    let mut hasher = Sha256::new();
    for (head, content) in parts {
        hasher.update(head);
        for part in &content.parts {
            match part {
                Part::Fixed(bytes) => hasher.update(bytes),
                Part::Secret(Secret { name, .. }) | Part::Gap { name, .. } => hasher.update(name),
            }
        }
    }
    let mut digest = hasher.finalize();
    loop {
        let boundary = digest[..16]
            .iter()
            .fold("plimsoll-".to_owned(), |hex, byte| {
                hex + &format!("{byte:02x}")
            });
        let occurs = |part: &Part| match part {
            Part::Fixed(bytes) => bytes
                .windows(boundary.len())
                .any(|window| window == boundary.as_bytes()),
            Part::Secret(_) | Part::Gap { .. } => false,
        };
        if !parts.iter().any(|(_, t)| t.parts.iter().any(occurs)) {
            return boundary;
        }
        digest = Sha256::digest(digest);
    }
}

/// Refuses a header that contradicts the body.
pub(super) fn other_content_type() -> Diagnostic {
    Diagnostic::error(
        &codes::CONFLICT,
        "`multipart` writes its own header `content-type`",
    )
    .because("it names the boundary between the parts")
    .help("leave the header out")
}
