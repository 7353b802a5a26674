//! What may be sent: methods, paths and headers, and nothing that breaks the framing of HTTP/1.1.
//!
//! Plimsoll renders every request once, byte for byte, so what is let through here is on the wire.

use crate::diagnostic::{Diagnostic, scenario as codes};

use super::limits;
use super::shape::short;

/// Headers that decide where a message ends or whose connection it is: never the scenario's.
const OWN_HEADERS: [&str; 10] = [
    "host",
    "content-length",
    "transfer-encoding",
    "connection",
    "keep-alive",
    "proxy-connection",
    "upgrade",
    "expect",
    "te",
    "trailer",
];
const METHODS: [&str; 8] = [
    "GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH",
];

fn bad(message: impl Into<String>) -> Diagnostic {
    Diagnostic::error(&codes::BAD_REQUEST, message)
}

/// Splits `GET /items` into method and path.
///
/// # Errors
/// What is wrong with it, without a place.
pub(super) fn line(text: &str) -> Result<(String, String), Diagnostic> {
    let words: Vec<_> = text.split(' ').filter(|word| !word.is_empty()).collect();
    match words[..] {
        [method, target] => {
            if target.starts_with("http://") || target.starts_with("https://") {
                return Err(bad("the request names a host")
                    .because("all requests go to the url of [target]")
                    .help("write the path alone: \"GET /items\""));
            }
            self::method(method)?;
            path(target)?;
            Ok((method.to_owned(), target.to_owned()))
        }
        [target] if target.starts_with('/') => Err(bad("the request has no method")
            .help(format!("did you mean \"GET {}\"?", short(target)))),
        [method] if METHODS.contains(&method) => Err(bad("the request has no path")
            .help(format!("did you mean \"{method} /\"?"))),
        [method, target, version] if version.starts_with("HTTP/") => {
            Err(bad("the request names a version").help(format!(
                "write \"{} {}\"; the version is http = {{ version = \"1.1\" }} of [target]",
                short(method),
                short(target)
            )))
        }
        _ if text.contains("{{ ") || text.contains(" }}") => {
            Err(bad(format!("`{}` is not a method and a path", short(text)))
                .because("a path has no spaces, in placeholders neither")
                .help("write placeholders without spaces: \"GET /items/{{item}}\""))
        }
        _ => Err(bad(format!("`{}` is not a method and a path", short(text)))
            .help("write the method, one space and the path: \"GET /items\"; spaces in a path are %20")),
    }
}

/// Accepts the methods of HTTP in capitals, and others that are tokens.
pub(super) fn method(text: &str) -> Result<(), Diagnostic> {
    let capitals = text.to_ascii_uppercase();
    if text != capitals {
        return Err(bad(format!("`{}` is not a method", short(text)))
            .because("methods are case-sensitive and written in capitals")
            .help(format!("did you mean \"{}\"?", short(&capitals))));
    }
    if text == "CONNECT" {
        return Err(
            bad("CONNECT opens a tunnel and cannot be measured as a request")
                .help("use GET, POST or another method that is answered"),
        );
    }
    if text.is_empty() || text.len() > 32 || !text.bytes().all(is_token) {
        return Err(bad(format!("`{}` is not a method", short(text)))
            .help(format!("use {}", super::suggest::list(METHODS))));
    }
    Ok(())
}

/// Accepts a path with its query as it goes on the wire.
pub(super) fn path(text: &str) -> Result<(), Diagnostic> {
    let shown = short(text);
    if !text.starts_with('/') {
        return Err(bad(format!("the path `{shown}` does not begin with /"))
            .help(format!("did you mean \"/{shown}\"?")));
    }
    if text.len() > limits::PATH {
        return Err(bad("the path is longer than 8 KiB").help("send long values in the body"));
    }
    if text.contains('#') {
        return Err(bad(format!("the path `{shown}` has a fragment"))
            .because("a fragment is never sent to a server")
            .help("leave out everything from the #, or write %23 for the character itself"));
    }
    match text.chars().find(|c| !c.is_ascii_graphic()) {
        None => Ok(()),
        Some(c) => Err(bad(format!("the path `{shown}` contains {}", described(c)))
            .because("a path on the wire is printable ASCII")
            .help(format!("write {} in its place", percent(&c.to_string())))),
    }
}

fn described(c: char) -> String {
    match c {
        ' ' => "a space".to_owned(),
        '\r' | '\n' => "a line break".to_owned(),
        c if c.is_control() => "a control character".to_owned(),
        c => format!("`{c}`"),
    }
}

/// Accepts the name of a header that a scenario may set.
pub(super) fn header_name(name: &str) -> Result<(), Diagnostic> {
    let shown = short(name);
    if name.is_empty() || name.len() > 256 || !name.bytes().all(is_token) {
        return Err(bad(format!("`{shown}` is not a header name"))
            .help("a header name is letters, digits and `-`, without spaces or colon"));
    }
    if OWN_HEADERS.iter().any(|own| own.eq_ignore_ascii_case(name)) {
        return Err(bad(format!("the header `{shown}` is written by Plimsoll"))
            .because("it decides how messages are framed and connections are used")
            .help("leave it out"));
    }
    Ok(())
}

/// Accepts the name of a `noun` that an answer may have.
pub(super) fn token(name: &str, noun: &str) -> Result<(), Diagnostic> {
    if !name.is_empty() && name.len() <= 256 && name.bytes().all(is_token) {
        return Ok(());
    }
    Err(
        bad(format!("`{}` is not the name of a {noun}", short(name)))
            .help("a name is letters, digits and `-`, without spaces or colon"),
    )
}

/// Accepts a value that can be sent as it is.
pub(super) fn header_value(name: &str, value: &str) -> Result<(), Diagnostic> {
    let shown = short(name);
    if value.len() > limits::PATH {
        return Err(bad(format!("the header `{shown}` is longer than 8 KiB"))
            .help("send long values in the body"));
    }
    let trimmed = value.trim_matches([' ', '\t']);
    match value
        .chars()
        .find(|&c| c != '\t' && c != ' ' && !c.is_ascii_graphic())
    {
        Some(c) => Err(
            bad(format!("the header `{shown}` contains {}", described(c)))
                .because("a header on the wire is one line of printable ASCII")
                .help("leave the character out, or encode it"),
        ),
        None if trimmed.len() != value.len() => Err(bad(format!(
            "the header `{shown}` begins or ends with a space"
        ))
        .because("receivers remove it, so it means nothing")
        .help(format!("write \"{}\"", short(trimmed)))),
        None => Ok(()),
    }
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// Percent-encodes everything but the unreserved characters of RFC 3986.
pub(super) fn percent(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            const HEX: &[u8; 16] = b"0123456789ABCDEF";
            out.push('%');
            out.push(char::from(HEX[usize::from(byte >> 4)]));
            out.push(char::from(HEX[usize::from(byte & 15)]));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(name: &str, value: &str) -> Result<(), Diagnostic> {
        header_name(name).and_then(|()| header_value(name, value))
    }

    #[test]
    fn a_header_cannot_end_its_line_or_the_message() {
        assert!(header("x-id", "a b\tc").is_ok());
        for (name, value) in [
            ("x", "a\r\nevil: 1"),
            ("x", "a\nb"),
            ("x", "\u{7f}"),
            ("x", "ä"),
            ("x", " a"),
            ("x y", "a"),
            ("x:", "a"),
            ("", "a"),
            ("Content-Length", "5"),
            ("TRANSFER-ENCODING", "chunked"),
        ] {
            assert!(header(name, value).is_err(), "{name}: {value}");
        }
    }

    #[test]
    fn a_request_line_is_a_method_and_a_path() {
        let expected = ("GET".to_owned(), "/items?page=1".to_owned());
        assert_eq!(line("GET  /items?page=1").unwrap(), expected);
        assert!(line("GET /items/{{item}}").is_ok());
        for wrong in [
            "",
            "GET",
            "/items",
            "get /",
            "GET items",
            "GET /a b",
            "GET /a HTTP/1.1",
            "GET /ä",
            "GET /\r\nx",
            "CONNECT /",
            "G(T /",
            "GET /#a",
            "GET /{{ item }}",
        ] {
            assert!(line(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn percent_encoding_keeps_only_the_unreserved() {
        assert_eq!(percent("a b&c=ä~"), "a%20b%26c%3D%C3%A4~");
    }
}
