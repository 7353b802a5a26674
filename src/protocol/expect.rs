//! Is the answer the one a step expects?

use serde_json::Value;

use crate::model::ErrorClass;
use crate::scenario::plan::Expect;

/// Compares a complete answer with the expectation. `body` is needed where
/// [`Expect::needs_body`] says so.
///
/// # Errors
/// The class under which the request has failed.
pub fn check(expect: &Expect, status: u16, body: &[u8]) -> Result<(), ErrorClass> {
    if !expect.allows(status) {
        return Err(match status {
            429 => ErrorClass::Status429,
            400..=499 => ErrorClass::Status4xx,
            500..=599 => ErrorClass::Status5xx,
            _ => ErrorClass::StatusOther,
        });
    }
    let good = expect
        .body_contains
        .as_deref()
        .is_none_or(|text| contains(body, text.as_bytes()))
        && (expect.json.is_empty() || holds(body, &expect.json));
    if good {
        Ok(())
    } else {
        Err(ErrorClass::ExpectFailed)
    }
}

fn contains(body: &[u8], text: &[u8]) -> bool {
    text.is_empty() || body.windows(text.len()).any(|w| w == text)
}

fn holds(body: &[u8], wanted: &[(String, Value)]) -> bool {
    serde_json::from_slice::<Value>(body).is_ok_and(|value| {
        wanted
            .iter()
            .all(|(pointer, wanted)| value.pointer(pointer).is_some_and(|v| equal(v, wanted)))
    })
}

/// Equality of values, numbers by value and not by notation: `1` is `1.0`.
fn equal(a: &Value, b: &Value) -> bool {
    match (a.as_f64(), b.as_f64()) {
        (Some(x), Some(y)) if a.is_f64() != b.is_f64() => x.total_cmp(&y).is_eq(),
        _ => a == b,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expect(status: &[u16], text: Option<&str>, json: &[(&str, Value)]) -> Expect {
        Expect {
            status: status.to_vec(),
            body_contains: text.map(str::to_owned),
            json: json
                .iter()
                .map(|(p, v)| ((*p).to_owned(), v.clone()))
                .collect(),
        }
    }

    #[test]
    fn a_status_that_is_not_allowed_has_its_class() {
        let any = expect(&[], None, &[]);
        let class = |status| check(&any, status, b"").err();
        assert_eq!(class(200), None);
        assert_eq!(class(302), None);
        assert_eq!(class(429), Some(ErrorClass::Status429));
        assert_eq!(class(404), Some(ErrorClass::Status4xx));
        assert_eq!(class(503), Some(ErrorClass::Status5xx));
        assert_eq!(class(700), Some(ErrorClass::StatusOther));
        let created = expect(&[201], None, &[]);
        assert_eq!(check(&created, 200, b""), Err(ErrorClass::StatusOther));
        assert_eq!(check(&expect(&[404], None, &[]), 404, b""), Ok(()));
    }

    #[test]
    fn the_body_must_hold_what_is_expected() {
        let text = expect(&[], Some("ok"), &[]);
        assert_eq!(check(&text, 200, b"all ok"), Ok(()));
        assert_eq!(
            check(&text, 200, b"all is well"),
            Err(ErrorClass::ExpectFailed)
        );
        let json = expect(&[], None, &[("/ok", true.into()), ("/n", 1.into())]);
        assert_eq!(check(&json, 200, br#"{"ok":true,"n":1.0}"#), Ok(()));
        assert_eq!(
            check(&json, 200, br#"{"ok":true}"#),
            Err(ErrorClass::ExpectFailed)
        );
        assert_eq!(check(&json, 200, b"{"), Err(ErrorClass::ExpectFailed));
    }
}
