//! The cookies of one visit.
//!
//! Read leniently (RFC 6265, 5.2), as targets write them. A visit talks to one address, so a cookie
//! is kept by its name alone and sent back everywhere: `path`, `domain`, `secure` and `same-site`
//! are not looked at.

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;

use super::Reply;

/// Most cookies kept; the oldest makes room.
const MOST_COOKIES: usize = 100;

/// Most bytes of a name and a value; what is longer is not kept.
const MOST_BYTES: usize = 4096;

/// What a `set-cookie` field asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SetCookie<'a> {
    pub(super) name: &'a [u8],
    pub(super) value: &'a [u8],
    /// It has expired as it comes, which is how a cookie is taken back.
    pub(super) removes: bool,
}

/// The cookies that an answer sets or takes back, in order; what is no cookie is passed over.
pub(super) fn set_cookies<'a>(reply: &Reply<'a>) -> impl Iterator<Item = SetCookie<'a>> {
    let now = reply.all("date").next().and_then(date);
    reply
        .all("set-cookie")
        .filter_map(move |field| parse(field, now))
}

/// `now` is the time of the answer, as the target tells it.
fn parse(field: &[u8], now: Option<Timestamp>) -> Option<SetCookie<'_>> {
    let mut parts = field.split(|&b| b == b';');
    let pair = parts.next()?;
    let equals = pair.iter().position(|&b| b == b'=')?;
    let name = pair[..equals].trim_ascii();
    let value = pair[equals + 1..].trim_ascii();
    // What is sent back must not become a header of its own.
    let clean = !name.iter().chain(value).any(u8::is_ascii_control);
    if name.is_empty() || !clean || name.len() + value.len() > MOST_BYTES {
        return None;
    }
    let (mut max_age, mut expires) = (None, None);
    for part in parts {
        let (key, value) = match part.iter().position(|&b| b == b'=') {
            Some(equals) => (&part[..equals], part[equals + 1..].trim_ascii()),
            None => (part, &b""[..]),
        };
        let key = key.trim_ascii();
        if key.eq_ignore_ascii_case(b"max-age") {
            max_age = is_over(value).or(max_age);
        } else if key.eq_ignore_ascii_case(b"expires") {
            expires = date(value)
                .map(|at| at <= now.unwrap_or(LONG_AGO))
                .or(expires);
        }
    }
    Some(SetCookie {
        name,
        value,
        removes: max_age.or(expires).unwrap_or(false),
    })
}

/// Stands for the present when an answer has no date: whoever takes a cookie back writes 1970.
const LONG_AGO: Timestamp = Timestamp::constant(946_684_800, 0);

/// True for a `max-age` that is zero or less; None when it is no number.
fn is_over(max_age: &[u8]) -> Option<bool> {
    let (negative, digits) = match max_age.strip_prefix(b"-") {
        Some(digits) => (true, digits),
        None => (false, max_age),
    };
    let is_number = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    is_number.then(|| negative || digits.iter().all(|&d| d == b'0'))
}

/// `Thu, 01 Jan 1970 00:00:00 GMT`, or with dashes as in times of old.
fn date(text: &[u8]) -> Option<Timestamp> {
    const PARSER: DateTimeParser = DateTimeParser::new().relaxed_weekday(true);
    let text = std::str::from_utf8(text).ok()?.trim().replace('-', " ");
    PARSER.parse_timestamp(&text).ok()
}

/// Names and values, and the header they make.
#[derive(Debug, Clone, Default)]
pub(super) struct Jar {
    cookies: Vec<(Vec<u8>, Vec<u8>)>,
    header: Vec<u8>,
}

impl Jar {
    pub(super) fn clear(&mut self) {
        self.cookies.clear();
        self.header.clear();
    }

    /// Value of the `cookie` header; empty when there is none.
    pub(super) fn header(&self) -> &[u8] {
        &self.header
    }

    /// Keeps what an answer sets and forgets what it takes back.
    pub(super) fn take(&mut self, reply: &Reply<'_>) {
        let mut changed = false;
        for cookie in set_cookies(reply) {
            changed = true;
            let known = self.cookies.iter().position(|(n, _)| n == cookie.name);
            match known {
                Some(at) if cookie.removes => drop(self.cookies.remove(at)),
                Some(at) => cookie.value.clone_into(&mut self.cookies[at].1),
                None if cookie.removes => {}
                None => {
                    if self.cookies.len() == MOST_COOKIES {
                        self.cookies.remove(0);
                    }
                    self.cookies
                        .push((cookie.name.to_owned(), cookie.value.to_owned()));
                }
            }
        }
        if changed {
            self.render();
        }
    }

    fn render(&mut self) {
        self.header.clear();
        for (name, value) in &self.cookies {
            if !self.header.is_empty() {
                self.header.extend_from_slice(b"; ");
            }
            self.header.extend_from_slice(name);
            self.header.push(b'=');
            self.header.extend_from_slice(value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(fields: &[(&str, &str)]) -> String {
        let mut jar = Jar::default();
        for (name, value) in fields {
            jar.take(&Reply {
                status: 200,
                fields: vec![
                    (b"Date", b"Tue, 10 Nov 2026 08:00:00 GMT"),
                    (name.as_bytes(), value.as_bytes()),
                ],
                body: b"",
            });
        }
        String::from_utf8(jar.header().to_owned()).expect("text")
    }

    #[test]
    fn cookies_are_sent_back_in_the_order_they_came() {
        let fields = [
            ("Set-Cookie", "sid=a=b; Path=/; HttpOnly; SameSite=Lax"),
            ("set-cookie", " theme = \"dark\" "),
            ("SET-COOKIE", "sid=c"),
            ("etag", "x=1"),
        ];
        assert_eq!(after(&fields), "sid=c; theme=\"dark\"");
    }

    #[test]
    fn an_expired_cookie_is_forgotten() {
        for attribute in [
            "Max-Age=0",
            "max-age=-1",
            "Expires=Thu, 01 Jan 1970 00:00:00 GMT",
            "expires=Thu, 01-Jan-1970 00:00:01 GMT",
            "Expires=Mon, 09 Nov 2026 08:00:00 GMT",
            "Expires=Fri, 01 Jan 2100 00:00:00 GMT; Max-Age=0",
        ] {
            let gone = format!("a=; {attribute}");
            let fields = [("set-cookie", "a=1"), ("set-cookie", gone.as_str())];
            assert_eq!(after(&fields), "", "{attribute}");
        }
        for attribute in [
            "Max-Age=60",
            "Max-Age=soon",
            "Expires=Wed, 11 Nov 2026 08:00:00 GMT",
            "Expires=some day",
            "Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=9",
        ] {
            let kept = format!("a=1; {attribute}");
            assert_eq!(after(&[("set-cookie", &kept)]), "a=1", "{attribute}");
        }
    }

    #[test]
    fn without_a_date_only_the_distant_past_is_past() {
        let mut jar = Jar::default();
        let fields: [&[u8]; 2] = [
            b"a=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
            b"b=2; Expires=Mon, 09 Nov 2026 08:00:00 GMT",
        ];
        jar.take(&Reply {
            status: 200,
            fields: fields.map(|f| (&b"set-cookie"[..], f)).to_vec(),
            body: b"",
        });
        assert_eq!(jar.header(), b"b=2");
    }

    #[test]
    fn what_is_no_cookie_is_passed_over() {
        let long = format!("a={}", "x".repeat(5000));
        for field in [
            "",
            "=x",
            "naked",
            ";a=1",
            "a=1\r\nhost: evil",
            "a=\0",
            &long,
        ] {
            assert_eq!(after(&[("set-cookie", field)]), "", "{field:?}");
        }
    }

    #[test]
    fn a_flood_of_cookies_does_not_grow_the_jar() {
        let fields: Vec<String> = (0..150).map(|i| format!("c{i}=x")).collect();
        let fields: Vec<_> = fields.iter().map(|f| ("set-cookie", f.as_str())).collect();
        let header = after(&fields);
        assert_eq!(header.split("; ").count(), MOST_COOKIES);
        assert!(header.starts_with("c50=x; ") && header.ends_with("; c149=x"));
    }
}
