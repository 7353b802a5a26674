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
    let body = request.body.constant();
    if !body.is_empty() || WITH_BODY.contains(&request.method.as_str()) {
        defaults.push(("content-length", body.len().to_string()));
    }
    let given = |name: &str| {
        request
            .headers
            .iter()
            .any(|(n, _)| n.eq_ignore_ascii_case(name))
    };
    defaults.retain(|(name, _)| !given(name));

    let mut bytes = format!("{} {}", request.method, url.base).into_bytes();
    bytes.extend(request.path.constant());
    bytes.extend_from_slice(b" HTTP/1.1\r\n");
    let defaults = defaults
        .into_iter()
        .map(|(name, value)| (name, value.into_bytes()));
    let given = request.headers.iter();
    let given = given.map(|(name, value)| (name.as_str(), value.constant()));
    for (name, value) in defaults.chain(given) {
        bytes.extend_from_slice(name.as_bytes());
        bytes.extend_from_slice(b": ");
        bytes.extend(value);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"\r\n");
    bytes.extend(body);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::plan::Template;

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
