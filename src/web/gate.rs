//! Which requests are let in. Pure: a request's first line and fields go in, what it asks for comes out.

use http::header::{HOST, ORIGIN};
use http::request::Parts;
use http::{Method, StatusCode};

use crate::mutant::{self, Mutant};

/// Names by which a browser on this machine may know us.
const HOSTS: [&str; 2] = ["127.0.0.1", "localhost"];

/// What a browser says of who asks, and what for.
const SITE: &str = "sec-fetch-site";
const MODE: &str = "sec-fetch-mode";
const DESTINATION: &str = "sec-fetch-dest";

/// What every request must hold.
#[derive(Debug)]
pub(super) struct Gate {
    port: u16,
    token: String,
}

/// Why a request is turned away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// It is meant for a host of another name, which leads to this machine.
    Host,
    /// A page of somebody else sends it.
    Origin,
    Token,
    Method,
}

impl Refused {
    pub(super) const fn status(self) -> StatusCode {
        match self {
            Self::Host => StatusCode::MISDIRECTED_REQUEST,
            Self::Origin | Self::Token => StatusCode::FORBIDDEN,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
        }
    }

    pub(super) const fn reason(self) -> &'static str {
        match self {
            Self::Host => {
                "This server answers to 127.0.0.1 and localhost, each with its port. Through a tunnel, forward the same port.\n"
            }
            Self::Origin => {
                "Another page asked for this, and only you may: open the address yourself.\n"
            }
            Self::Token => {
                "The address lacks the token. Open the one that `plimsoll serve` has printed.\n"
            }
            Self::Method => "These pages can be read, and nothing else: GET or HEAD.\n",
        }
    }
}

impl Gate {
    pub(super) const fn new(port: u16, token: String) -> Self {
        Self { port, token }
    }

    /// The address of the first page.
    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}{}", self.port, self.path())
    }

    /// Its path, with the slash that links within it count from.
    pub(super) fn path(&self) -> String {
        format!("/{}/", self.token)
    }

    /// The segments of the path behind the token; none where not even a slash is.
    pub(super) fn admit<'a>(&self, head: &'a Parts) -> Result<Vec<&'a str>, Refused> {
        if !self.is_meant_for_us(head) && !mutant::is_on(Mutant::AnyHostServed) {
            return Err(Refused::Host);
        }
        if !self.is_from_us(head) && !mutant::is_on(Mutant::AnyOriginServed) {
            return Err(Refused::Origin);
        }
        let path = head.uri.path().strip_prefix('/').unwrap_or_default();
        let (token, rest) = match path.split_once('/') {
            Some((token, rest)) => (token, Some(rest)),
            None => (path, None),
        };
        if !is_same(token, &self.token) && !mutant::is_on(Mutant::TokenUnasked) {
            return Err(Refused::Token);
        }
        if !matches!(head.method, Method::GET | Method::HEAD) {
            return Err(Refused::Method);
        }
        Ok(rest
            .map(|rest| rest.split('/').collect())
            .unwrap_or_default())
    }

    /// A name that somebody has lead to this machine is not one of ours, so that a page under it cannot
    /// read what we say.
    fn is_meant_for_us(&self, head: &Parts) -> bool {
        let mut hosts = head.headers.get_all(HOST).iter();
        let (Some(host), None) = (hosts.next(), hosts.next()) else {
            return false;
        };
        let named = head.uri.authority().map(http::uri::Authority::as_str);
        self.is_ours(host.as_bytes()) && named.is_none_or(|name| self.is_ours(name.as_bytes()))
    }

    /// True where no page sends it, or one of ours does; also where somebody follows a link to us.
    fn is_from_us(&self, head: &Parts) -> bool {
        let is_ours = |origin: &http::HeaderValue| {
            let rest = origin.as_bytes().strip_prefix(b"http://");
            rest.is_some_and(|authority| self.is_ours(authority))
        };
        let is =
            |name: &str, value: &str| head.headers.get(name).is_some_and(|found| found == value);
        let is_alone =
            !head.headers.contains_key(SITE) || is(SITE, "none") || is(SITE, "same-origin");
        let is_followed = is(MODE, "navigate") && is(DESTINATION, "document");
        head.headers.get_all(ORIGIN).iter().all(is_ours) && (is_alone || is_followed)
    }

    /// `127.0.0.1:8080`, with our port.
    fn is_ours(&self, authority: &[u8]) -> bool {
        let names = HOSTS.map(|host| format!("{host}:{}", self.port));
        names.iter().any(|name| authority.eq_ignore_ascii_case(name.as_bytes()))
            // A browser leaves out the port that is the usual one.
            || self.port == 80 && HOSTS.iter().any(|h| authority.eq_ignore_ascii_case(h.as_bytes()))
    }
}

/// Compares in a time that does not tell how much agrees.
fn is_same(given: &str, token: &str) -> bool {
    let differing = given
        .bytes()
        .zip(token.bytes())
        .fold(0, |all, (a, b)| all | (a ^ b));
    given.len() == token.len() && differing == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(method: &str, uri: &str, fields: &[(&str, &str)]) -> Parts {
        let mut request = http::Request::builder().method(method).uri(uri);
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        request.body(()).expect("a request").into_parts().0
    }

    const US: (&str, &str) = ("host", "127.0.0.1:8080");

    fn check(method: &str, uri: &str, fields: &[(&str, &str)]) -> Result<Vec<String>, Refused> {
        let gate = Gate::new(8080, "0123abcd".to_owned());
        let head = asked(method, uri, fields);
        let segments = gate.admit(&head)?;
        Ok(segments.into_iter().map(str::to_owned).collect())
    }

    #[test]
    fn who_knows_the_token_reads_what_is_behind_it() {
        for (uri, segments) in [
            ("/0123abcd/", &[""][..]),
            ("/0123abcd", &[]),
            ("/0123abcd?x=/", &[]),
            (
                "/0123abcd/shop/x/report.html?y",
                &["shop", "x", "report.html"],
            ),
            ("/0123abcd/../etc/passwd", &["..", "etc", "passwd"]),
        ] {
            for host in ["127.0.0.1:8080", "localhost:8080", "LOCALHOST:8080"] {
                let found = check("GET", uri, &[("host", host)]);
                assert_eq!(
                    found.as_deref(),
                    Ok(&segments.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>()[..])
                );
            }
        }
        assert!(check("HEAD", "/0123abcd/", &[US]).is_ok());
    }

    #[test]
    fn who_does_not_know_the_token_is_told_nothing() {
        for uri in [
            "/",
            "/0123abc",
            "/0123abcde/",
            "/0123ABCD/",
            "//0123abcd/",
            "/x/0123abcd/",
            "/?0123abcd",
            "/%30123abcd/",
            "/shop/x/report.html",
        ] {
            for method in ["GET", "HEAD", "POST", "OPTIONS"] {
                assert_eq!(
                    check(method, uri, &[US]),
                    Err(Refused::Token),
                    "{method} {uri}"
                );
            }
        }
    }

    #[test]
    fn a_name_that_leads_here_is_not_ours() {
        for fields in [
            &[][..],
            &[("host", "evil.example:8080")],
            &[("host", "127.0.0.1")],
            &[("host", "127.0.0.1:8081")],
            &[("host", "127.0.0.1.evil.example:8080")],
            &[("host", "evil.example"), US],
            &[US, US],
            &[("host", "127.0.0.1:8080, evil.example")],
            &[("host", "0.0.0.0:8080")],
            &[("host", "[::1]:8080")],
            &[("host", "user@127.0.0.1:8080")],
        ] {
            let found = check("GET", "/0123abcd/", fields);
            assert_eq!(found, Err(Refused::Host), "{fields:?}");
        }
        let absolute = "http://evil.example/0123abcd/";
        assert_eq!(check("GET", absolute, &[US]), Err(Refused::Host));
        assert!(check("GET", "http://127.0.0.1:8080/0123abcd/", &[US]).is_ok());
    }

    #[test]
    fn a_page_of_somebody_else_gets_nothing() {
        for origin in [
            "http://evil.example",
            "https://127.0.0.1:8080",
            "http://127.0.0.1:8081",
            "http://localhost",
            "null",
            "",
        ] {
            let found = check("GET", "/0123abcd/", &[US, ("origin", origin)]);
            assert_eq!(found, Err(Refused::Origin), "{origin}");
        }
        let own = ("origin", "http://127.0.0.1:8080");
        assert!(check("GET", "/0123abcd/", &[US, own]).is_ok());
        let two = [US, own, ("origin", "http://evil.example")];
        assert_eq!(check("GET", "/0123abcd/", &two), Err(Refused::Origin));
    }

    #[test]
    fn a_page_of_somebody_else_may_link_and_not_embed() {
        let fetched = |site: &str, mode: &str, destination: &str| {
            let fields = [
                US,
                ("sec-fetch-site", site),
                ("sec-fetch-mode", mode),
                ("sec-fetch-dest", destination),
            ];
            check("GET", "/0123abcd/", &fields).is_ok()
        };
        assert!(fetched("none", "navigate", "document"));
        assert!(fetched("cross-site", "navigate", "document"));
        assert!(fetched("same-origin", "cors", "empty"));
        assert!(!fetched("cross-site", "navigate", "iframe"));
        assert!(!fetched("cross-site", "no-cors", "image"));
        assert!(!fetched("same-site", "no-cors", "script"));
        assert!(!fetched("same-site", "cors", "empty"));
    }

    #[test]
    fn nothing_can_be_changed() {
        for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"] {
            let found = check(method, "/0123abcd/", &[US]);
            assert_eq!(found, Err(Refused::Method), "{method}");
        }
    }
}
