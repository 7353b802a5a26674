//! Finds the values that a step captures from an answer.

use serde_json::Value;

use super::jar::set_cookies;
use super::{Reply, plain_body};
use crate::model::ErrorClass;
use crate::scenario::plan::Find;

/// An answer that is searched, its body unpacked and parsed once at most.
pub(super) struct Searched<'r, 'a> {
    reply: &'r Reply<'a>,
    /// True when the step asked for gzip.
    gzip: bool,
    body: Option<std::borrow::Cow<'a, [u8]>>,
    json: Option<Value>,
}

impl<'r, 'a> Searched<'r, 'a> {
    pub(super) fn new(reply: &'r Reply<'a>, gzip: bool) -> Self {
        Self {
            reply,
            gzip,
            body: None,
            json: None,
        }
    }

    /// Writes what is found over `into`.
    ///
    /// # Errors
    /// `CaptureFailed` when it is not there; `Protocol` when the body does not unpack.
    pub(super) fn find(&mut self, find: &Find, into: &mut Vec<u8>) -> Result<(), ErrorClass> {
        into.clear();
        let found = match find {
            Find::Json(pointer) => self
                .json()?
                .pointer(pointer)
                .is_some_and(|value| write_value(value, into)),
            Find::Header(name) => {
                let value = self.reply.all(name).next();
                value
                    .map(|v| into.extend_from_slice(v.trim_ascii()))
                    .is_some()
            }
            Find::Regex(regex) => {
                let body = self.body()?;
                let group = regex.captures(body).and_then(|c| {
                    let group = usize::from(c.len() > 1);
                    c.get(group)
                });
                group
                    .map(|g| into.extend_from_slice(g.as_bytes()))
                    .is_some()
            }
            Find::Cookie(name) => {
                let set = set_cookies(self.reply).filter(|c| c.name == name.as_bytes());
                let last = set.last().filter(|c| !c.removes);
                last.map(|c| into.extend_from_slice(c.value)).is_some()
            }
        };
        if found {
            Ok(())
        } else {
            Err(ErrorClass::CaptureFailed)
        }
    }

    fn body(&mut self) -> Result<&[u8], ErrorClass> {
        if self.body.is_none() {
            self.body = Some(plain_body(self.reply, self.gzip)?);
        }
        Ok(self.body.as_deref().unwrap_or_default())
    }

    /// The body as JSON; a body that is none has no value anywhere.
    fn json(&mut self) -> Result<&Value, ErrorClass> {
        if self.json.is_none() {
            let parsed = serde_json::from_slice(self.body()?);
            self.json = Some(parsed.map_err(|_| ErrorClass::CaptureFailed)?);
        }
        Ok(self.json.as_ref().unwrap_or(&Value::Null))
    }
}

/// Strings without quotes, all else as JSON writes it; false for null, which is no value.
fn write_value(value: &Value, into: &mut Vec<u8>) -> bool {
    match value {
        Value::Null => return false,
        Value::String(text) => into.extend_from_slice(text.as_bytes()),
        other => into.extend_from_slice(other.to_string().as_bytes()),
    }
    true
}

#[cfg(test)]
mod tests {
    use regex::bytes::Regex;

    use super::*;

    fn found(find: &Find, fields: &[(&str, &str)], body: &str) -> Result<String, ErrorClass> {
        let fields = fields.iter().map(|(n, v)| (n.as_bytes(), v.as_bytes()));
        let reply = Reply {
            status: 200,
            fields: fields.collect(),
            body: body.as_bytes(),
        };
        let mut into = b"what was there before".to_vec();
        Searched::new(&reply, true)
            .find(find, &mut into)
            .map(|()| String::from_utf8(into).expect("text"))
    }

    const MISSING: Result<String, ErrorClass> = Err(ErrorClass::CaptureFailed);

    #[test]
    fn json_gives_strings_bare_and_all_else_as_written() {
        let body = r#"{"id":17,"name":"a \"b\"","ok":true,"list":[1,{"x":2.5}],"none":null}"#;
        let json = |pointer: &str| found(&Find::Json(pointer.to_owned()), &[], body);
        assert_eq!(json("/id").as_deref(), Ok("17"));
        assert_eq!(json("/name").as_deref(), Ok("a \"b\""));
        assert_eq!(json("/ok").as_deref(), Ok("true"));
        assert_eq!(json("/list").as_deref(), Ok(r#"[1,{"x":2.5}]"#));
        assert_eq!(json("/list/1/x").as_deref(), Ok("2.5"));
        assert_eq!(json("/none"), MISSING);
        assert_eq!(json("/other"), MISSING);
        assert_eq!(found(&Find::Json(String::new()), &[], "{"), MISSING);
    }

    #[test]
    fn a_pattern_gives_its_first_group_or_the_whole_match() {
        let regex = |pattern: &str| {
            let find = Find::Regex(Regex::new(pattern).expect("a pattern"));
            found(&find, &[], r#"<input name="csrf" value="t0k">"#)
        };
        assert_eq!(regex(r#"value="([^"]*)""#).as_deref(), Ok("t0k"));
        assert_eq!(regex("t.k").as_deref(), Ok("t0k"));
        assert_eq!(regex("absent"), MISSING);
        assert_eq!(regex("input|(absent)"), MISSING);
    }

    #[test]
    fn fields_and_cookies_are_found_by_name() {
        let fields = [
            ("X-Request-Id", " 9 "),
            ("set-cookie", "s=old"),
            ("Set-Cookie", "s=new; Path=/"),
            ("set-cookie", "gone=1; Max-Age=0"),
        ];
        let header = Find::Header("x-request-id".to_owned());
        assert_eq!(found(&header, &fields, "").as_deref(), Ok("9"));
        assert_eq!(
            found(&Find::Header("etag".to_owned()), &fields, ""),
            MISSING
        );
        let cookie = |name: &str| found(&Find::Cookie(name.to_owned()), &fields, "");
        assert_eq!(cookie("s").as_deref(), Ok("new"));
        assert_eq!(cookie("S"), MISSING);
        assert_eq!(cookie("gone"), MISSING);
    }

    #[test]
    fn a_body_that_does_not_unpack_breaks_the_protocol() {
        let find = Find::Json("/id".to_owned());
        let broken = found(&find, &[("content-encoding", "gzip")], "{\"id\":1}");
        assert_eq!(broken, Err(ErrorClass::Protocol));
    }
}
