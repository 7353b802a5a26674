//! Where a redirect leads, as long as it leads back to the target.
//!
//! The load is meant for one address, so a redirect elsewhere is a failure and never followed: not
//! to another host, port or scheme, and to nothing that is no HTTP.

use super::Reply;
use super::encoding::escape;
use crate::mutant::{self, Mutant};
use crate::scenario::plan::Url;

/// The request that a redirect asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redirection {
    pub method: String,
    /// Path and query from the root of the host, the target's base included.
    pub path: String,
    /// True when the body of the request is sent again.
    pub keeps_body: bool,
}

/// Value of `location` in an answer that redirects.
pub(super) fn location<'a>(reply: &Reply<'a>) -> Option<&'a [u8]> {
    matches!(reply.status, 301 | 302 | 303 | 307 | 308)
        .then(|| reply.all("location").next())
        .flatten()
        .map(<[u8]>::trim_ascii)
}

/// Method of the request that follows on `method` after an answer with `status`.
pub(super) fn method_after(status: u16, method: &str) -> &str {
    match (status, method) {
        (303, "HEAD") => "HEAD",
        (301 | 302, "POST") | (303, _) => "GET",
        _ => method,
    }
}

/// Path and query that `location` means, seen from `current` (a path and query from the root);
/// None when it leads elsewhere or nowhere.
pub(super) fn resolve(location: &[u8], current: &str, url: &Url) -> Option<String> {
    let location = printable(location)?;
    let location = location.split('#').next().unwrap_or_default();
    let rest = match scheme(location) {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case(url.scheme.name()) => {
            rest.strip_prefix("//").and_then(|rest| same(rest, url))?
        }
        Some(_) => return None,
        None => match location.strip_prefix("//") {
            Some(rest) => same(rest, url)?,
            None => return Some(relative(location, current)),
        },
    };
    Some(match rest.as_bytes().first() {
        Some(b'/') => tidy(rest),
        // An authority may be followed by a query at once.
        _ => format!("/{rest}"),
    })
}

/// The text with spaces and all that is not ASCII percent-encoded; None when it has controls.
fn printable(location: &[u8]) -> Option<String> {
    let mut out = Vec::with_capacity(location.len());
    for &byte in location {
        match byte {
            b' ' | 0x80.. => escape(byte, &mut out),
            _ if byte.is_ascii_control() => return None,
            _ => out.push(byte),
        }
    }
    String::from_utf8(out).ok()
}

/// Splits at the colon after a scheme, if there is one.
fn scheme(location: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = location.split_once(':')?;
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
    is_scheme.then_some((scheme, rest))
}

/// What follows the authority, if that is the target's.
fn same<'a>(rest: &'a str, url: &Url) -> Option<&'a str> {
    // Some read a backslash as a slash, so whose authority it ends is not certain.
    let end = rest.find(['/', '?', '\\']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let (host, port) = match authority.strip_prefix('[') {
        Some(bracketed) => {
            let (host, port) = bracketed.split_once(']')?;
            (host, port.strip_prefix(':').unwrap_or(port))
        }
        None => authority.split_once(':').unwrap_or((authority, "")),
    };
    let port = if port.is_empty() {
        match url.scheme.name() {
            "https" => 443,
            _ => 80,
        }
    } else {
        port.parse().ok()?
    };
    let here = host.eq_ignore_ascii_case(&url.host) && port == url.port;
    let here = here || mutant::is_on(Mutant::RedirectsAnywhere);
    (here && !path.starts_with('\\')).then_some(path)
}

/// RFC 3986, 5.2, for a reference without scheme and authority.
fn relative(reference: &str, current: &str) -> String {
    let path = current.split('?').next().unwrap_or_default();
    if reference.is_empty() {
        current.to_owned()
    } else if reference.starts_with('/') {
        tidy(reference)
    } else if reference.starts_with('?') {
        format!("{path}{reference}")
    } else {
        let folder = path.rfind('/').map_or("/", |slash| &path[..=slash]);
        tidy(&format!("{folder}{reference}"))
    }
}

/// Takes `.` and `..` out of the path; `text` begins with a slash.
fn tidy(text: &str) -> String {
    let (path, query) = match text.find('?') {
        Some(at) => text.split_at(at),
        None => (text, ""),
    };
    let mut segments: Vec<&str> = Vec::new();
    let mut rest = path.split('/').skip(1).peekable();
    while let Some(segment) = rest.next() {
        let is_last = rest.peek().is_none();
        match segment {
            "." | ".." => {
                if segment == ".." {
                    segments.pop();
                }
                if is_last {
                    segments.push("");
                }
            }
            _ => segments.push(segment),
        }
    }
    format!("/{}{query}", segments.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::plan::Scheme;

    fn to(location: &str) -> Option<String> {
        let url = Url {
            base: "/api".to_owned(),
            ..Url::http("shop.test", 8080)
        };
        resolve(location.as_bytes(), "/api/cart/items?page=2", &url)
    }

    #[test]
    fn a_location_on_the_target_is_followed() {
        for (location, path) in [
            ("/login", "/login"),
            ("/login?next=/a/../b#top", "/login?next=/a/../b"),
            ("http://shop.test:8080/x?y", "/x?y"),
            ("HTTP://SHOP.TEST:8080", "/"),
            ("http://shop.test:8080?y=1", "/?y=1"),
            ("//shop.test:8080/z", "/z"),
            ("done", "/api/cart/done"),
            ("./done/", "/api/cart/done/"),
            ("../..", "/"),
            ("../../../../etc/passwd", "/etc/passwd"),
            ("?page=3", "/api/cart/items?page=3"),
            ("", "/api/cart/items?page=2"),
            ("#top", "/api/cart/items?page=2"),
            ("/a b/é", "/a%20b/%C3%A9"),
            ("/a//b/./c/..", "/a//b/"),
            ("item:9/view", ""),
        ] {
            let expected = (!path.is_empty()).then(|| path.to_owned());
            assert_eq!(to(location), expected, "{location}");
        }
    }

    #[test]
    fn a_location_elsewhere_is_refused() {
        for location in [
            "https://shop.test:8080/",
            "http://shop.test/",
            "http://shop.test:80/",
            "http://evil.test:8080/",
            "http://shop.test:8080@evil.test/",
            "http://shop.test:8080.evil.test/",
            "http://user@shop.test:8080/",
            "http://shop.test:8080\\@evil.test/",
            "//evil.test/",
            "http:/login",
            "file:///etc/passwd",
            "gopher://shop.test:8080/",
            "javascript:alert(1)",
            "data:text/html,x",
            "http://[::1]:8080/",
            "http://[::1/",
            "/x\r\nset-cookie: a=b",
            "/x\0",
        ] {
            assert_eq!(to(location), None, "{location:?}");
        }
    }

    #[test]
    fn the_port_of_the_scheme_may_be_left_out_and_ipv6_is_compared_without_brackets() {
        let mut url = Url::http("::1", 443);
        url.scheme = Scheme::Https;
        let to = |location: &str| resolve(location.as_bytes(), "/", &url);
        assert_eq!(to("https://[::1]/a").as_deref(), Some("/a"));
        assert_eq!(to("https://[::1]:443/a").as_deref(), Some("/a"));
        assert_eq!(to("https://[::1]:444/a"), None);
    }

    #[test]
    fn the_method_follows_the_status() {
        let methods = |status| ["GET", "POST", "PUT", "HEAD"].map(|m| method_after(status, m));
        assert_eq!(methods(301), ["GET", "GET", "PUT", "HEAD"]);
        assert_eq!(methods(302), ["GET", "GET", "PUT", "HEAD"]);
        assert_eq!(methods(303), ["GET", "GET", "GET", "HEAD"]);
        assert_eq!(methods(307), ["GET", "POST", "PUT", "HEAD"]);
        assert_eq!(methods(308), ["GET", "POST", "PUT", "HEAD"]);
    }

    #[test]
    fn only_a_redirect_with_a_location_redirects() {
        let reply = |status, field: &'static [u8]| Reply {
            status,
            fields: vec![(field, b" /x ")],
            body: b"",
        };
        assert_eq!(location(&reply(302, b"Location")), Some(&b"/x"[..]));
        assert_eq!(location(&reply(304, b"location")), None);
        assert_eq!(location(&reply(200, b"location")), None);
        assert_eq!(location(&reply(302, b"refresh")), None);
    }
}
