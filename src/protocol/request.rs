//! HTTP/1.1 requests as bytes.

use crate::scenario::plan::{Request, Template, Url};

/// Methods whose requests carry a body, so an empty one is said to be empty.
const WITH_BODY: [&str; 3] = ["POST", "PUT", "PATCH"];

/// The bytes of a request to `url`. Headers of the request replace those added by default
/// (`host`, `user-agent`, `accept`, `accept-encoding` with `gzip`, `content-length`, `cookie`).
/// `fill` writes a template out.
pub(super) fn render(
    request: &Request,
    url: &Url,
    cookie: &[u8],
    gzip: bool,
    fill: &mut dyn FnMut(&Template, &mut Vec<u8>),
) -> Vec<u8> {
    let mut body = Vec::new();
    fill(&request.body, &mut body);
    let has_body = !body.is_empty() || WITH_BODY.contains(&request.method.as_str());
    let length = body.len().to_string();
    let authority = url.authority();
    let defaults: [(&str, Option<&[u8]>); 6] = [
        ("host", Some(authority.as_bytes())),
        (
            "user-agent",
            Some(concat!("plimsoll/", env!("CARGO_PKG_VERSION")).as_bytes()),
        ),
        ("accept", Some(b"*/*")),
        ("accept-encoding", gzip.then_some(b"gzip")),
        ("content-length", has_body.then_some(length.as_bytes())),
        ("cookie", Some(cookie).filter(|c| !c.is_empty())),
    ];

    let mut out = Vec::with_capacity(256 + body.len());
    out.extend_from_slice(request.method.as_bytes());
    out.push(b' ');
    out.extend_from_slice(url.base.as_bytes());
    fill(&request.path, &mut out);
    out.extend_from_slice(b" HTTP/1.1\r\n");
    let field = |out: &mut Vec<u8>, name: &str, value: &mut dyn FnMut(&mut Vec<u8>)| {
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(b": ");
        value(out);
        out.extend_from_slice(b"\r\n");
    };
    for (name, value) in defaults {
        let given = request
            .headers
            .iter()
            .any(|(n, _)| n.eq_ignore_ascii_case(name));
        if let (false, Some(value)) = (given, value) {
            field(&mut out, name, &mut |out| out.extend_from_slice(value));
        }
    }
    for (name, value) in &request.headers {
        field(&mut out, name, &mut |out| fill(value, out));
    }
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(&body);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(method: &str, headers: &[(&str, &str)], body: &str) -> String {
        let owned = |(n, v): &(&str, &str)| ((*n).to_owned(), Template::fixed(*v));
        let request = Request {
            headers: headers.iter().map(owned).collect(),
            body: Template::fixed(body),
            ..Request::new(method, "/pay?x=1")
        };
        let url = Url {
            base: "/api".to_owned(),
            ..Url::http("::1", 8080)
        };
        let mut constant = |text: &Template, out: &mut Vec<u8>| out.extend(text.constant());
        String::from_utf8(render(&request, &url, b"", false, &mut constant))
            .expect("text")
            .replace(env!("CARGO_PKG_VERSION"), "VERSION")
            .replace("\r\n", "␍\n")
    }

    #[test]
    fn a_get_has_no_length_and_a_post_has_one() {
        insta::assert_snapshot!(rendered("GET", &[], ""), @"
        GET /api/pay?x=1 HTTP/1.1␍
        host: [::1]:8080␍
        user-agent: plimsoll/VERSION␍
        accept: */*␍
        ␍
        ");
        insta::assert_snapshot!(rendered("POST", &[("content-type", "text/plain")], "hi"), @"
        POST /api/pay?x=1 HTTP/1.1␍
        host: [::1]:8080␍
        user-agent: plimsoll/VERSION␍
        accept: */*␍
        content-length: 2␍
        content-type: text/plain␍
        ␍
        hi
        ");
        assert!(rendered("POST", &[], "").contains("content-length: 0␍"));
    }

    #[test]
    fn given_headers_replace_the_default_ones() {
        let text = rendered("GET", &[("Host", "shop.test"), ("ACCEPT", "text/html")], "");
        insta::assert_snapshot!(text, @"
        GET /api/pay?x=1 HTTP/1.1␍
        user-agent: plimsoll/VERSION␍
        Host: shop.test␍
        ACCEPT: text/html␍
        ␍
        ");
    }
}
