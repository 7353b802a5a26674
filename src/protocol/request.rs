//! HTTP/1.1 requests, rendered once before the first is sent.

use crate::scenario::plan::{Request, Url};

/// Methods whose requests carry a body, so an empty one is said to be empty.
const WITH_BODY: [&str; 3] = ["POST", "PUT", "PATCH"];

/// The bytes of a request to `url`. Headers of the request replace those added by default
/// (`host`, `user-agent`, `accept`, `content-length`).
pub fn render(request: &Request, url: &Url) -> Vec<u8> {
    let mut defaults = vec![
        ("host", url.authority()),
        (
            "user-agent",
            concat!("plimsoll/", env!("CARGO_PKG_VERSION")).to_owned(),
        ),
        ("accept", "*/*".to_owned()),
    ];
    if !request.body.is_empty() || WITH_BODY.contains(&request.method.as_str()) {
        defaults.push(("content-length", request.body.len().to_string()));
    }
    let given = |name: &str| {
        request
            .headers
            .iter()
            .any(|(n, _)| n.eq_ignore_ascii_case(name))
    };
    defaults.retain(|(name, _)| !given(name));

    let mut text = format!(
        "{} {}{} HTTP/1.1\r\n",
        request.method, url.base, request.path
    );
    let headers = defaults
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .chain(
            request
                .headers
                .iter()
                .map(|(n, v)| (n.as_str(), v.as_str())),
        );
    for (name, value) in headers {
        text.push_str(name);
        text.push_str(": ");
        text.push_str(value);
        text.push_str("\r\n");
    }
    text.push_str("\r\n");
    let mut bytes = text.into_bytes();
    bytes.extend_from_slice(&request.body);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(method: &str, headers: &[(&str, &str)], body: &str) -> String {
        let owned = |(n, v): &(&str, &str)| ((*n).to_owned(), (*v).to_owned());
        let request = Request {
            method: method.to_owned(),
            path: "/pay?x=1".to_owned(),
            headers: headers.iter().map(owned).collect(),
            body: body.as_bytes().to_vec(),
        };
        let url = Url {
            host: "::1".to_owned(),
            port: 8080,
            base: "/api".to_owned(),
        };
        String::from_utf8(render(&request, &url))
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
