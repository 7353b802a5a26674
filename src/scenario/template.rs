//! Texts with placeholders, compiled once: `{{item}}`, `{{carts.id}}`, `{{visit}}`, `{{env.TOKEN}}`.
//!
//! What stands between placeholders becomes fixed bytes. A secret is read here and encoded for its
//! place; it is named, never quoted, in every message.

use std::ffi::OsString;
use std::path::Path;

use crate::diagnostic::{Diagnostic, scenario as codes};

use super::beside::SECRET;
use super::plan::{Encoding, Part, Secret, Source, Template};
use super::problems::Problems;
use super::shape::short;
use super::tree::Span;
use super::{request, suggest};

/// Looks a variable of the environment up by its name.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<OsString>;

/// What every step may name.
pub(super) struct Sources<'a> {
    pub base: &'a Path,
    pub environment: Environment<'a>,
    /// In the order of the plan.
    pub data: Vec<Columns>,
}

/// The columns of a data set; None when it could not be read.
#[derive(Debug)]
pub(super) struct Columns {
    pub name: String,
    pub columns: Option<Vec<String>>,
}

/// A value that a journey captures.
#[derive(Debug)]
pub(super) struct Variable {
    pub name: String,
    /// Number and name of the first step that captures it.
    pub step: usize,
    pub step_name: String,
}

/// What one step may name.
pub(super) struct Known<'a> {
    pub sources: &'a Sources<'a>,
    /// Of the whole journey, by number.
    pub variables: &'a [Variable],
    /// Number of the step in its journey.
    pub step: usize,
}

/// Where a text is sent, which decides how it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// As written, its placeholders percent-encoded.
    Path,
    /// Percent-encoded, as in queries and forms.
    Parameter,
    /// Inside the quotes of a JSON string.
    Json,
    Header,
    Body,
}

impl Place {
    const fn encoding(self) -> Encoding {
        match self {
            Self::Path | Self::Parameter => Encoding::Percent,
            Self::Json => Encoding::Json,
            Self::Header => Encoding::Header,
            Self::Body => Encoding::Plain,
        }
    }

    fn fixed(self, text: &str) -> String {
        match self {
            Self::Parameter => request::percent(text),
            Self::Json => json_inner(text),
            Self::Path | Self::Header | Self::Body => text.to_owned(),
        }
    }

    /// The value of a secret as it is sent; None where it cannot be.
    fn secret(self, value: &str) -> Option<String> {
        match self {
            Self::Path | Self::Parameter => Some(request::percent(value)),
            Self::Json => Some(json_inner(value)),
            Self::Header => {
                let carried = |c: char| c.is_ascii_graphic() || c == ' ' || c == '\t';
                value.chars().all(carried).then(|| value.to_owned())
            }
            Self::Body => Some(value.to_owned()),
        }
    }
}

/// A text as it stands between the quotes of a JSON string.
fn json_inner(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

/// Collects the parts of a template; what is fixed becomes one part.
#[derive(Debug, Default)]
pub(super) struct Writer {
    parts: Vec<Part>,
}

impl Writer {
    pub(super) fn fixed(&mut self, bytes: &[u8]) {
        match self.parts.last_mut() {
            _ if bytes.is_empty() => {}
            Some(Part::Fixed(last)) => last.extend_from_slice(bytes),
            _ => self.parts.push(Part::Fixed(bytes.to_vec())),
        }
    }

    pub(super) fn template(&mut self, template: Template) {
        for part in template.parts {
            match part {
                Part::Fixed(bytes) => self.fixed(&bytes),
                part => self.parts.push(part),
            }
        }
    }

    pub(super) fn finish(self) -> Template {
        Template { parts: self.parts }
    }
}

enum Piece<'a> {
    Text(&'a str),
    /// What stands between the braces.
    Name(&'a str),
}

/// Cuts a text at its placeholders. `\{{name}}` is a text, and loses its backslash.
fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let (mut from, mut at) = (0, 0);
    while let Some(open) = text[at..].find("{{").map(|found| at + found) {
        let name = text[open + 2..]
            .find("}}")
            .map(|length| (&text[open + 2..open + 2 + length], open + length + 4));
        match name.filter(|(inner, _)| is_name(inner.trim())) {
            None => at = open + 1,
            Some((_, end)) if text[from..open].ends_with('\\') => {
                pieces.push(Piece::Text(&text[from..open - 1]));
                (from, at) = (open, end);
            }
            Some((inner, end)) => {
                pieces.push(Piece::Text(&text[from..open]));
                pieces.push(Piece::Name(inner.trim()));
                (from, at) = (end, end);
            }
        }
    }
    pieces.push(Piece::Text(&text[from..]));
    pieces
}

fn is_name(inner: &str) -> bool {
    let is_file = inner.starts_with("file.");
    !inner.is_empty()
        && inner.chars().all(|c| {
            c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-') || (is_file && c == '/')
        })
}

/// True for a name that a placeholder can call a captured value or a data set by.
pub(super) fn is_word(name: &str) -> bool {
    is_name(name) && !name.contains('.')
}

/// The text, which must be the same for every visit.
///
/// # Errors
/// When it has a placeholder.
pub(super) fn constant(text: &str) -> Result<String, Diagnostic> {
    let mut out = String::new();
    for piece in pieces(text) {
        match piece {
            Piece::Text(text) => out.push_str(text),
            Piece::Name(name) => {
                let message = format!("{{{{{}}}}} has no place here", short(name));
                return Err(Diagnostic::error(&codes::PLACEHOLDER, message)
                    .because("what is expected is the same for every visit")
                    .help("write a fixed value"));
            }
        }
    }
    Ok(out)
}

impl Known<'_> {
    /// The text as a template; what its placeholders name wrongly is reported.
    pub(super) fn compile(
        &self,
        problems: &mut Problems<'_>,
        text: &str,
        span: &Span,
        place: Place,
    ) -> Template {
        let mut writer = Writer::default();
        for piece in pieces(text) {
            match piece {
                Piece::Text(text) => writer.fixed(place.fixed(text).as_bytes()),
                Piece::Name(name) => match self.part(name, place) {
                    Ok(part) => writer.parts.push(part),
                    Err(diagnostic) => {
                        let span = problems.narrowed(span, name);
                        problems.add(diagnostic, &span, "this placeholder");
                    }
                },
            }
        }
        writer.finish()
    }

    fn part(&self, name: &str, place: Place) -> Result<Part, Diagnostic> {
        let source = match name.split_once('.') {
            None if name == "visit" => Source::Visit,
            None => Source::Variable(self.variable(name)?),
            Some((set, column)) => match self.sources.outside(name) {
                Some(plain) => return secret(name, place, &plain?),
                None => self.field(name, set, column)?,
            },
        };
        Ok(Part::Gap {
            name: name.to_owned(),
            source,
            encoding: place.encoding(),
        })
    }

    fn variable(&self, name: &str) -> Result<usize, Diagnostic> {
        let number = self.variables.iter().position(|v| v.name == name);
        if let Some(number) = number {
            let variable = &self.variables[number];
            if variable.step < self.step {
                return Ok(number);
            }
            let by = if variable.step == self.step {
                "from the answer to this very request".to_owned()
            } else {
                format!("only by the later step `{}`", short(&variable.step_name))
            };
            let message = format!("`{name}` is captured {by}");
            return Err(Diagnostic::error(&codes::PLACEHOLDER, message)
                .because("a value is there after the answer that it is taken from")
                .help("capture it in an earlier step of the journey"));
        }
        let set = self.sources.data.iter().find(|set| set.name == name);
        let bad = unknown(
            name,
            "names a value that no earlier step of the same journey captures",
        );
        if let Some(set) = set {
            let column = set.columns.as_deref().unwrap_or_default().first();
            let column = column.map_or("column", String::as_str);
            return Err(bad.help(format!("did you mean `{{{{{name}.{column}}}}}`?")));
        }
        let earlier = self.variables.iter().filter(|v| v.step < self.step);
        let known: Vec<_> = earlier.map(|v| v.name.as_str()).chain(["visit"]).collect();
        Err(match suggest::nearest(name, known.iter().copied()) {
            None if known.len() == 1 => bad.help(
                "capture it in an earlier [[journey.step]]; {{visit}} is the number of the visit",
            ),
            _ => bad.help(near(name, &known)),
        })
    }

    fn field(&self, name: &str, set: &str, column: &str) -> Result<Source, Diagnostic> {
        let sets = &self.sources.data;
        let number = if set == "row" {
            match &sets[..] {
                [_] => 0,
                [] => {
                    return Err(unknown(name, "needs a data set, and there is none")
                        .help("add one: [data.rows] with file = \"rows.csv\""));
                }
                [first, ..] => {
                    return Err(unknown(name, "could be of several data sets").help(format!(
                        "name the one you mean: `{{{{{}.{column}}}}}`",
                        first.name
                    )));
                }
            }
        } else {
            let Some(number) = sets.iter().position(|s| s.name == set) else {
                let known: Vec<_> = sets
                    .iter()
                    .map(|s| s.name.as_str())
                    .chain(["row", "env", "file"])
                    .collect();
                let what = format!("names the data set `{set}`, which is not there");
                return Err(unknown(name, &what).help(near(set, &known)));
            };
            number
        };
        let gap = |column| Source::Field {
            data: number,
            column,
        };
        let Some(columns) = &sets[number].columns else {
            // What is wrong with the data set is said there.
            return Ok(gap(0));
        };
        columns
            .iter()
            .position(|c| c == column)
            .map(gap)
            .ok_or_else(|| {
                let what = format!(
                    "names a column that the data set `{}` has not",
                    sets[number].name
                );
                let known: Vec<_> = columns.iter().map(String::as_str).collect();
                unknown(name, &what).help(near(column, &known))
            })
    }
}

impl Sources<'_> {
    /// A text for a program, its placeholders of secrets tidied, with what these stand for. All other
    /// braces are left as they are.
    pub(super) fn told(
        &self,
        problems: &mut Problems<'_>,
        text: &str,
        span: &Span,
        secrets: &mut Vec<Secret>,
    ) -> String {
        let mut out = String::new();
        for piece in pieces(text) {
            match piece {
                Piece::Text(text) => out.push_str(&escaped(text)),
                Piece::Name(name) => {
                    placeholder(name, &mut out);
                    match self.outside(name) {
                        Some(Ok(plain)) => secrets.push(as_it_is(name, plain)),
                        Some(Err(diagnostic)) => {
                            let span = problems.narrowed(span, name);
                            problems.add(diagnostic, &span, "this placeholder");
                        }
                        None => {}
                    }
                }
            }
        }
        out
    }

    /// The value of a secret; None for another name.
    fn outside(&self, name: &str) -> Option<Result<String, Diagnostic>> {
        match name.split_once('.') {
            Some(("env", variable)) => Some(self.environment(variable)),
            Some(("file", file)) => Some(self.file(file)),
            _ => None,
        }
    }

    fn environment(&self, variable: &str) -> Result<String, Diagnostic> {
        let bad = |what: &str| {
            let message = format!("the environment variable `{}` {what}", short(variable));
            Diagnostic::error(&codes::SECRET, message)
                .because("a request without it would be refused, which measures nothing")
                .help(format!("export {}=...", short(variable)))
        };
        let value = (self.environment)(variable).ok_or_else(|| bad("is not set"))?;
        let value = value
            .into_string()
            .map_err(|_| bad("holds what is no text"))?;
        if value.is_empty() {
            return Err(bad("is empty"));
        }
        Ok(value)
    }

    fn file(&self, name: &str) -> Result<String, Diagnostic> {
        let text = SECRET.text_below(self.base, name)?;
        let value = text.strip_suffix('\n').unwrap_or(&text);
        let value = value.strip_suffix('\r').unwrap_or(value);
        if value.contains('\0') {
            return Err(SECRET
                .bad(name, "holds a NUL")
                .help("write the secret into it as text"));
        }
        if value.is_empty() {
            return Err(SECRET
                .bad(name, "is empty")
                .help("write the secret into it, on one line"));
        }
        Ok(value.to_owned())
    }
}

/// Writes a placeholder, without spaces around its name.
fn placeholder(name: &str, out: &mut String) {
    for part in ["{{", name, "}}"] {
        out.push_str(part);
    }
}

/// What is no placeholder, so that it will not be taken for one.
fn escaped(text: &str) -> String {
    text.replace("{{env.", "\\{{env.")
        .replace("{{file.", "\\{{file.")
}

/// A secret that is passed on without being encoded.
fn as_it_is(name: &str, plain: String) -> Secret {
    Secret {
        name: name.to_owned(),
        value: plain.clone(),
        plain: vec![plain],
    }
}

/// A text with its secrets in place, and these.
#[derive(Clone, PartialEq, Eq)]
pub struct Disclosed {
    pub text: String,
    pub secrets: Vec<String>,
}

impl std::fmt::Debug for Disclosed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Disclosed { .. }")
    }
}

/// Puts secrets into a text of the command line; files are looked for below `base`.
///
/// # Errors
/// When a secret is not there, without a place.
pub fn disclosed(
    text: &str,
    base: &Path,
    environment: Environment<'_>,
) -> Result<Disclosed, Diagnostic> {
    let sources = Sources {
        base,
        environment,
        data: Vec::new(),
    };
    let mut out = Disclosed {
        text: String::new(),
        secrets: Vec::new(),
    };
    for piece in pieces(text) {
        match piece {
            Piece::Text(text) => out.text.push_str(text),
            Piece::Name(name) => match sources.outside(name) {
                Some(plain) => {
                    let plain = plain?;
                    out.text.push_str(&plain);
                    out.secrets.push(plain);
                }
                None => placeholder(name, &mut out.text),
            },
        }
    }
    Ok(out)
}

fn secret(name: &str, place: Place, plain: &str) -> Result<Part, Diagnostic> {
    let value = place.secret(plain).ok_or_else(|| {
        let message = format!(
            "the value of {{{{{}}}}} cannot stand in a header",
            short(name)
        );
        Diagnostic::error(&codes::SECRET, message)
            .because("it holds a line break or another character that is not printable ASCII")
            .help("remove line breaks from the value")
    })?;
    Ok(Part::Secret(Secret {
        name: name.to_owned(),
        value,
        plain: vec![plain.to_owned()],
    }))
}

fn unknown(name: &str, what: &str) -> Diagnostic {
    let message = format!("{{{{{}}}}} {what}", short(name));
    Diagnostic::error(&codes::PLACEHOLDER, message)
}

fn near(word: &str, known: &[&str]) -> String {
    suggest::nearest(word, known.iter().copied()).map_or_else(
        || format!("there is {}", suggest::list(known.iter().copied())),
        |near| format!("did you mean `{near}`?"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(text: &str) -> String {
        let shown = pieces(text).into_iter().map(|piece| match piece {
            Piece::Text(text) => text.to_owned(),
            Piece::Name(name) => format!("<{name}>"),
        });
        shown.collect::<Vec<_>>().join("|")
    }

    #[test]
    fn only_what_looks_like_a_placeholder_is_one() {
        for (text, expected) in [
            ("", ""),
            ("a {{ item.id }} b", "a |<item.id>| b"),
            ("{{a}}{{b}}", "|<a>||<b>|"),
            ("{{{a}}}", "{|<a>|}"),
            ("{{x}", "{{x}"),
            ("{{}} {{ a b }} {{a/b}}", "{{}} {{ a b }} {{a/b}}"),
            ("{{file.keys/a.txt}}", "|<file.keys/a.txt>|"),
            (r#"{"a":{"b":{}}}"#, r#"{"a":{"b":{}}}"#),
            (r"\{{a}} {{b}}", "|{{a}} |<b>|"),
            (r"\\{{a}}", r"\|{{a}}"),
            ("ä{{ä}}{{a}}ä", "ä{{ä}}|<a>|ä"),
        ] {
            assert_eq!(cut(text), expected, "{text}");
        }
    }

    #[test]
    fn a_secret_is_encoded_for_its_place_or_refused() {
        let sent = |place: Place, value| place.secret(value);
        assert_eq!(sent(Place::Path, "a/b").as_deref(), Some("a%2Fb"));
        assert_eq!(sent(Place::Parameter, "a&b").as_deref(), Some("a%26b"));
        assert_eq!(sent(Place::Json, "a\"\n").as_deref(), Some("a\\\"\\n"));
        assert_eq!(sent(Place::Body, "ä\n").as_deref(), Some("ä\n"));
        assert_eq!(sent(Place::Header, "a b~").as_deref(), Some("a b~"));
        for refused in ["a\r\nevil: 1", "ä", "\0"] {
            assert_eq!(sent(Place::Header, refused), None);
        }
    }

    #[test]
    fn fixed_parts_are_one() {
        let mut writer = Writer::default();
        writer.fixed(b"");
        writer.fixed(b"a");
        writer.template(Template::fixed("b"));
        writer.fixed(b"c");
        assert_eq!(writer.finish(), Template::fixed("abc"));
    }
}
