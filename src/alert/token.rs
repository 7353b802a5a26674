//! The words of an expression, each with its place.

use std::ops::Range;

use crate::diagnostic::{Diagnostic, scenario as codes};

/// The longest expression that is read, in bytes.
pub(super) const LONGEST: usize = 16 * 1024;

/// Why a text is no expression, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// In bytes.
    pub span: Range<usize>,
    /// What is wrong, in one line.
    pub message: String,
    /// A few words beside the caret.
    pub label: &'static str,
    /// What can be written instead.
    pub help: Option<String>,
    /// True for what Prometheus knows and this does not.
    pub unsupported: bool,
}

impl Fault {
    pub(super) fn new(span: Range<usize>, message: impl Into<String>, label: &'static str) -> Self {
        Self {
            span,
            message: message.into(),
            label,
            help: None,
            unsupported: false,
        }
    }

    pub(super) fn unsupported(span: Range<usize>, what: &str) -> Self {
        Self {
            unsupported: true,
            ..Self::new(span, format!("{what} is not supported"), "not supported")
        }
    }

    /// As a problem to be shown, without its place.
    pub fn diagnostic(&self) -> Diagnostic {
        let code = if self.unsupported {
            &codes::EXPRESSION_UNSUPPORTED
        } else {
            &codes::BAD_EXPRESSION
        };
        let help = self.help.as_deref().unwrap_or(if self.unsupported {
            "docs/reference.md says what can be written"
        } else {
            "write it as for Prometheus: sum(rate(plimsoll_failed_total[10s])) > 1"
        });
        Diagnostic::error(code, self.message.clone()).help(help)
    }

    /// Its place in a file that holds the text somewhere in `outer`. Where the text is not written as
    /// it is meant, with escapes or over several lines, the same word is looked for; else it is all.
    pub fn within(&self, file: &str, outer: &Range<usize>, text: &str) -> Range<usize> {
        let part = file.get(outer.clone()).unwrap_or_default();
        if let Some(at) = part.find(text) {
            let start = outer.start + at;
            // What is missing at the end is shown under the last that is there.
            let last = text.trim_end().char_indices().next_back();
            let from = last.map_or(0, |(at, _)| at).min(self.span.start);
            return start + from
                ..start + self.span.end.clamp(from, text.trim_end().len().max(from));
        }
        let word = text.get(self.span.clone()).unwrap_or_default();
        let mut places = part.match_indices(word).map(|(at, _)| outer.start + at);
        match (places.next(), places.next()) {
            (Some(at), None) if !word.is_empty() => at..at + word.len(),
            _ => outer.clone(),
        }
    }

    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    Number(f64),
    /// In milliseconds.
    Duration(i64),
    Name(String),
    Text(String),
    Symbol(&'static str),
    End,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Placed {
    pub(super) token: Token,
    pub(super) span: Range<usize>,
}

/// The longest of those that begin alike stand first.
const SYMBOLS: [&str; 24] = [
    "==", "!=", ">=", "<=", "=~", "!~", "+", "-", "*", "/", "%", "^", ">", "<", "=", "(", ")", "{",
    "}", "[", "]", ",", "@", ":",
];

/// Units of durations, in milliseconds; those that begin alike as above.
const UNITS: [(&str, i64); 7] = [
    ("ms", 1),
    ("s", 1000),
    ("m", 60_000),
    ("h", 3_600_000),
    ("d", 86_400_000),
    ("w", 7 * 86_400_000),
    ("y", 365 * 86_400_000),
];

pub(super) fn tokens(text: &str) -> Result<Vec<Placed>, Fault> {
    if text.len() > LONGEST {
        let message = format!("the expression is longer than {LONGEST} bytes");
        return Err(Fault::new(0..0, message, "too long"));
    }
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        if c.is_whitespace() {
            at += c.len_utf8();
            continue;
        }
        if c == '#' {
            at += text[at..].find('\n').unwrap_or(text.len() - at);
            continue;
        }
        let (token, length) = token(&text[at..], c).map_err(|mut fault| {
            fault.span = at + fault.span.start..at + fault.span.end;
            fault
        })?;
        tokens.push(Placed {
            token,
            span: at..at + length,
        });
        at += length;
    }
    tokens.push(Placed {
        token: Token::End,
        span: text.len()..text.len(),
    });
    Ok(tokens)
}

/// The token that a text begins with, and its length.
fn token(rest: &str, first: char) -> Result<(Token, usize), Fault> {
    let next_is_digit = || rest[1..].starts_with(|c: char| c.is_ascii_digit());
    if first.is_ascii_digit() || (first == '.' && next_is_digit()) {
        return number(rest);
    }
    if first.is_ascii_alphabetic() || first == '_' || (first == ':' && is_name(&rest[1..])) {
        let name: String = rest.chars().take_while(|c| in_name(*c)).collect();
        let length = name.len();
        let token = match name.to_ascii_lowercase().as_str() {
            "inf" => Token::Number(f64::INFINITY),
            "nan" => Token::Number(f64::NAN),
            _ => Token::Name(name),
        };
        return Ok((token, length));
    }
    if matches!(first, '"' | '\'' | '`') {
        return quoted(rest, first);
    }
    match SYMBOLS.iter().find(|s| rest.starts_with(**s)) {
        Some(symbol) => Ok((Token::Symbol(symbol), symbol.len())),
        None => Err(Fault::new(
            0..first.len_utf8(),
            format!("`{}` has no meaning in an expression", first.escape_debug()),
            "not understood",
        )),
    }
}

fn is_name(rest: &str) -> bool {
    rest.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_' || c == ':')
}

fn in_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == ':'
}

fn number(rest: &str) -> Result<(Token, usize), Fault> {
    let mut length = 0;
    let hex = rest.starts_with("0x") || rest.starts_with("0X");
    let mut before = ' ';
    for c in rest.chars() {
        let signs_exponent = matches!(c, '+' | '-')
            && matches!(before, 'e' | 'E')
            && !hex
            && rest[..length - 1]
                .chars()
                .all(|c| c.is_ascii_digit() || c == '.');
        if !(c.is_ascii_alphanumeric() || c == '.' || signs_exponent) {
            break;
        }
        length += c.len_utf8();
        before = c;
    }
    let word = &rest[..length];
    if let Some(duration) = duration(word) {
        return Ok((Token::Duration(duration), length));
    }
    let value = if hex {
        u64::from_str_radix(&word[2..], 16).ok().map(|n| n as f64)
    } else {
        let plain = word
            .chars()
            .all(|c| c.is_ascii_digit() || ".eE+-".contains(c));
        plain.then(|| word.parse().ok()).flatten()
    };
    let fault = || {
        let message = format!("`{word}` is neither a number nor a duration");
        Fault::new(0..length, message, "not understood")
            .help("a duration is written 30s, 5m, 1h30m")
    };
    Ok((Token::Number(value.ok_or_else(fault)?), length))
}

/// Milliseconds of `1h30m`; None of anything else. Units descend, as Prometheus wants it.
pub(super) fn duration(text: &str) -> Option<i64> {
    let mut rest = text;
    let mut sum: i64 = 0;
    let mut above = i64::MAX;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let number: i64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let (unit, length) = UNITS.iter().find(|(unit, _)| rest.starts_with(unit))?;
        if *length >= above {
            return None;
        }
        above = *length;
        rest = &rest[unit.len()..];
        sum = sum.checked_add(number.checked_mul(*length)?)?;
    }
    (!text.is_empty()).then_some(sum)
}

/// A text in quotes, with the escapes of Go; between backquotes there are none.
fn quoted(rest: &str, quote: char) -> Result<(Token, usize), Fault> {
    let mut text = String::new();
    let mut chars = rest.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        if c == quote {
            return Ok((Token::Text(text), at + 1));
        }
        if c != '\\' || quote == '`' {
            text.push(c);
            continue;
        }
        let wrong = |end: usize| Fault::new(at..end, "this escape does not exist", "no escape");
        let (_, kind) = chars.next().ok_or_else(|| wrong(rest.len()))?;
        let digits = match kind {
            'x' => 2,
            'u' => 4,
            'U' => 8,
            _ => 0,
        };
        if digits > 0 {
            let hex: String = chars.by_ref().take(digits).map(|(_, c)| c).collect();
            let code = u32::from_str_radix(&hex, 16)
                .ok()
                .filter(|_| hex.len() == digits);
            let end = (at + 2 + hex.len()).min(rest.len());
            text.push(code.and_then(char::from_u32).ok_or_else(|| wrong(end))?);
            continue;
        }
        text.push(match kind {
            'n' => '\n',
            't' => '\t',
            'r' => '\r',
            'a' => '\u{7}',
            'b' => '\u{8}',
            'f' => '\u{c}',
            'v' => '\u{b}',
            '\\' | '"' | '\'' => kind,
            _ => return Err(wrong(at + 1 + kind.len_utf8())),
        });
    }
    Err(Fault::new(
        0..quote.len_utf8(),
        "a text that begins here has no end",
        "the quote",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_descend() {
        for (text, ms) in [
            ("5m", Some(300_000)),
            ("1h30m", Some(5_400_000)),
            ("1m500ms", Some(60_500)),
            ("30m1h", None),
            ("5", None),
            ("", None),
            ("99999999999999999999s", None),
        ] {
            assert_eq!(duration(text), ms, "{text}");
        }
    }

    #[test]
    fn a_text_becomes_words() {
        let words = |text: &str| -> Vec<Token> {
            let all = tokens(text).expect("understood");
            all.into_iter().map(|p| p.token).collect()
        };
        let name = |n: &str| Token::Name(n.to_owned());
        assert_eq!(
            words("a:b{x=~'y\\n'}[5m] >= .5e+3 # c"),
            [
                name("a:b"),
                Token::Symbol("{"),
                name("x"),
                Token::Symbol("=~"),
                Token::Text("y\n".to_owned()),
                Token::Symbol("}"),
                Token::Symbol("["),
                Token::Duration(300_000),
                Token::Symbol("]"),
                Token::Symbol(">="),
                Token::Number(500.0),
                Token::End,
            ]
        );
        assert_eq!(words("0x1F")[0], Token::Number(31.0));
        for (wrong, span) in [("a $ b", 2..3), ("5parsecs", 0..8), ("x{y=\"z", 4..5)] {
            assert_eq!(tokens(wrong).expect_err("wrong").span, span, "{wrong}");
        }
    }
}
