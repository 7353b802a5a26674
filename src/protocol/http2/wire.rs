//! Requests as HTTP/2 sends them, made ready before they are due.

use bytes::Bytes;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request as Head, Uri, Version};

use crate::scenario::plan::{Request, Template, Url};

/// Methods whose requests carry a body, so an empty one is said to be empty.
const WITH_BODY: [&str; 3] = ["POST", "PUT", "PATCH"];

/// A request with its body. A copy of it shares the body.
#[derive(Debug, Clone)]
pub struct Http2Wire {
    pub(super) head: Head<()>,
    pub(super) body: Bytes,
    /// Bytes of the head's names and values.
    pub(super) head_bytes: u64,
}

impl Http2Wire {
    /// Headers of the request replace those added by default, as in HTTP/1.1. Headers that belong to
    /// a connection are left out, since HTTP/2 forbids them.
    pub(super) fn new(
        request: &Request,
        url: &Url,
        cookie: &[u8],
        gzip: bool,
        fill: &mut dyn FnMut(&Template, &mut Vec<u8>),
    ) -> Self {
        let mut filled = |template: &Template| {
            let mut bytes = Vec::new();
            fill(template, &mut bytes);
            bytes
        };
        let mut authority = url.authority();
        let mut headers = HeaderMap::with_capacity(request.headers.len() + 5);
        let body = Bytes::from(filled(&request.body));
        for (name, template) in &request.headers {
            let value = filled(template);
            if name.eq_ignore_ascii_case("host") {
                authority = String::from_utf8_lossy(&value).into_owned();
            } else if let Some(name) = sendable(name) {
                headers.append(name, field(&value));
            }
        }
        let mut default = |name: &'static str, value: &[u8]| {
            let name = HeaderName::from_static(name);
            if !headers.contains_key(&name) {
                headers.append(name, field(value));
            }
        };
        default(
            "user-agent",
            concat!("plimsoll/", env!("CARGO_PKG_VERSION")).as_bytes(),
        );
        default("accept", b"*/*");
        if gzip {
            default("accept-encoding", b"gzip");
        }
        if !body.is_empty() || WITH_BODY.contains(&request.method.as_str()) {
            default("content-length", body.len().to_string().as_bytes());
        }
        if !cookie.is_empty() {
            default("cookie", cookie);
        }

        let mut path = url.base.clone().into_bytes();
        path.extend(filled(&request.path));
        let path = target(&path);
        let mut head = Head::new(());
        *head.method_mut() = Method::from_bytes(request.method.as_bytes()).unwrap_or_default();
        let pseudo = request.method.len() + path.len() + authority.len() + url.scheme.name().len();
        *head.version_mut() = Version::HTTP_2;
        // A path that visits fill beyond the 64 KiB of a URI leaves none: h2 refuses to send that.
        *head.uri_mut() = Uri::builder()
            .scheme(url.scheme.name())
            .authority(authority)
            .path_and_query(path)
            .build()
            .unwrap_or_default();
        let pseudo = pseudo + ":method:path:authority:scheme".len();
        let head_bytes = size(&headers) + pseudo as u64;
        *head.headers_mut() = headers;
        Self {
            head,
            body,
            head_bytes,
        }
    }
}

/// Bytes of all names and values.
pub(super) fn size(headers: &HeaderMap) -> u64 {
    let fields = headers.iter();
    fields
        .map(|(name, value)| (name.as_str().len() + value.len()) as u64)
        .sum()
}

/// A name that HTTP/2 lets through.
fn sendable(name: &str) -> Option<HeaderName> {
    const OF_A_CONNECTION: [&str; 6] = [
        "connection",
        "keep-alive",
        "proxy-connection",
        "te",
        "transfer-encoding",
        "upgrade",
    ];
    let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
    (!OF_A_CONNECTION.contains(&name.as_str())).then_some(name)
}

/// A value without what would end its line; a plan has none such.
fn field(value: &[u8]) -> HeaderValue {
    HeaderValue::from_bytes(value).unwrap_or_else(|_| {
        let clean: Vec<u8> = value
            .iter()
            .copied()
            .filter(|b| !b.is_ascii_control())
            .collect();
        HeaderValue::from_bytes(&clean).unwrap_or(HeaderValue::from_static(""))
    })
}

const HEX: [&str; 16] = [
    "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "A", "B", "C", "D", "E", "F",
];

/// A path and query, percent-encoded where the `http` crate would refuse what HTTP/1.1 lets pass.
fn target(path: &[u8]) -> String {
    let mut text = String::with_capacity(path.len());
    for &byte in path {
        if byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/?%[]|\"{}".contains(&byte) {
            text.push(char::from(byte));
        } else {
            text.extend([
                "%",
                HEX[usize::from(byte >> 4)],
                HEX[usize::from(byte & 15)],
            ]);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;
    use crate::scenario::plan::Scheme;

    fn made(request: &Request, cookie: &[u8], gzip: bool) -> String {
        let url = Url {
            scheme: Scheme::Https,
            base: "/api".to_owned(),
            ..Url::http("shop.test", 8443)
        };
        let wire = Http2Wire::new(request, &url, cookie, gzip, &mut |template, out| {
            out.extend(template.constant());
        });
        let mut text = format!("{} {}\n", wire.head.method(), wire.head.uri());
        for (name, value) in wire.head.headers() {
            let value = String::from_utf8_lossy(value.as_bytes());
            writeln!(text, "{name}: {value}").expect("a string");
        }
        text + &String::from_utf8_lossy(&wire.body)
    }

    #[test]
    fn a_request_is_the_same_as_in_http_1_but_for_what_belongs_to_a_connection() {
        let mut request = Request::new("POST", "/pay?x=<1>&y=a^b");
        request.headers = ["X-Id", "Connection", "Accept", "Cookie"]
            .map(|name| (name.to_owned(), Template::fixed("one")))
            .to_vec();
        request.body = Template::fixed("hi");
        let text = made(&request, b"s=2", true).replace(env!("CARGO_PKG_VERSION"), "VERSION");
        insta::assert_snapshot!(text, @"
        POST https://shop.test:8443/api/pay?x=%3C1%3E&y=a%5Eb
        x-id: one
        accept: one
        cookie: one
        user-agent: plimsoll/VERSION
        accept-encoding: gzip
        content-length: 2
        hi
        ");
    }

    #[test]
    fn a_host_header_is_the_authority() {
        let mut request = Request::new("GET", "/");
        request.headers = vec![("Host".to_owned(), Template::fixed("other.test"))];
        let text = made(&request, b"", false).replace(env!("CARGO_PKG_VERSION"), "VERSION");
        insta::assert_snapshot!(text, @"
        GET https://other.test/api/
        user-agent: plimsoll/VERSION
        accept: */*
        ");
    }
}
