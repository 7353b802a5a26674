//! What goes back to the client.

use std::borrow::Cow;

use http::{HeaderValue, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Bytes;

use super::exposition;

/// Status, text, and what the text is.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    text: Cow<'static, str>,
    content_type: &'static str,
    /// Seconds after which the client may come again.
    retry_after: Option<&'static str>,
}

impl Answer {
    pub(super) fn json(status: StatusCode, text: impl Into<Cow<'static, str>>) -> Self {
        Self {
            status,
            text: text.into(),
            content_type: "application/json",
            retry_after: None,
        }
    }

    pub(super) fn refused(status: StatusCode) -> Self {
        Self::json(status, r#"{"ok":false}"#)
    }

    pub(super) fn too_many() -> Self {
        Self {
            retry_after: Some("1"),
            ..Self::refused(StatusCode::TOO_MANY_REQUESTS)
        }
    }

    pub(super) fn metrics(page: String) -> Self {
        Self {
            content_type: exposition::CONTENT_TYPE,
            ..Self::json(StatusCode::OK, page)
        }
    }
}

impl From<Answer> for Response<Full<Bytes>> {
    fn from(answer: Answer) -> Self {
        let body = match answer.text {
            Cow::Borrowed(text) => Bytes::from_static(text.as_bytes()),
            Cow::Owned(text) => Bytes::from(text),
        };
        let mut response = Response::new(Full::new(body));
        *response.status_mut() = answer.status;
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static(answer.content_type),
        );
        if let Some(seconds) = answer.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static(seconds));
        }
        response
    }
}
