//! Texts with their escapes undone, each byte with the place it came from.

use std::ops::Range;

/// A way in which a text may be written inside another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Escape {
    Percent,
    /// Percent-encoded, with `+` for a space.
    Form,
    /// JSON, TOML and most languages: `\n`, `\u0041`, `\"`.
    Backslash,
    /// HTML and XML: `&lt;`, `&#65;`, `&#x41;`.
    Markup,
}

impl Escape {
    /// Every way there is.
    pub const ALL: [Self; 4] = [Self::Percent, Self::Form, Self::Backslash, Self::Markup];

    /// Bytes at the beginning of a text that are one escape: what they stand for, and their number.
    fn read(self, rest: &[u8]) -> Option<(char, usize)> {
        match (self, rest.first()?) {
            (Self::Percent | Self::Form, b'%') => {
                let digits = rest.get(1..3)?;
                Some((char::from_u32(hexadecimal(digits)?)?, 3))
            }
            (Self::Form, b'+') => Some((' ', 1)),
            (Self::Backslash, b'\\') => backslash(rest),
            (Self::Markup, b'&') => markup(rest),
            _ => None,
        }
    }
}

/// A text that was decoded.
#[derive(Debug)]
pub struct Decoded {
    /// With its escapes undone.
    pub bytes: Vec<u8>,
    /// Where each byte stands in the text that was given at first.
    places: Vec<(u32, u32)>,
}

impl Decoded {
    /// The text as it is.
    pub fn plain(text: &[u8]) -> Self {
        let places = (0..text.len()).map(|i| (place(i), place(i + 1)));
        Self {
            bytes: text.to_vec(),
            places: places.collect(),
        }
    }

    /// With these escapes undone; None when there are none.
    pub fn undo(&self, escape: Escape) -> Option<Self> {
        let mut out: Option<Self> = None;
        let mut at = 0;
        while at < self.bytes.len() {
            if let Some((character, length)) = escape.read(&self.bytes[at..]) {
                let out = out.get_or_insert_with(|| self.upto(at));
                let whole = (self.places[at].0, self.places[at + length - 1].1);
                let mut buffer = [0; 4];
                let bytes = match escape {
                    // The byte itself, which may be a part of a character.
                    Escape::Percent | Escape::Form => {
                        buffer[0] = u8::try_from(u32::from(character)).unwrap_or_default();
                        &buffer[..1]
                    }
                    _ => character.encode_utf8(&mut buffer).as_bytes(),
                };
                out.bytes.extend_from_slice(bytes);
                out.places.extend(bytes.iter().map(|_| whole));
                at += length;
            } else {
                if let Some(out) = &mut out {
                    out.bytes.push(self.bytes[at]);
                    out.places.push(self.places[at]);
                }
                at += 1;
            }
        }
        out
    }

    /// The bytes of the text given at first that these stand for.
    pub fn origin(&self, range: Range<usize>) -> Range<usize> {
        match (self.places.get(range.start), self.places.get(range.end - 1)) {
            (Some((start, _)), Some((_, end))) => *start as usize..*end as usize,
            _ => 0..0,
        }
    }

    fn upto(&self, end: usize) -> Self {
        Self {
            bytes: self.bytes[..end].to_vec(),
            places: self.places[..end].to_vec(),
        }
    }
}

/// No text in a bundle is as large as 4 GiB.
fn place(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

fn hexadecimal(digits: &[u8]) -> Option<u32> {
    let sound = !digits.is_empty() && digits.iter().all(u8::is_ascii_hexdigit);
    let text = std::str::from_utf8(digits).ok().filter(|_| sound)?;
    u32::from_str_radix(text, 16).ok()
}

fn backslash(rest: &[u8]) -> Option<(char, usize)> {
    let character = match rest.get(1)? {
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'"' => '"',
        b'\'' => '\'',
        b'/' => '/',
        b'\\' => '\\',
        b'x' => return Some((char::from_u32(hexadecimal(rest.get(2..4)?)?)?, 4)),
        b'u' => return unicode(rest),
        _ => return None,
    };
    Some((character, 2))
}

/// `\u0041`, or the two halves of a character beyond them.
fn unicode(rest: &[u8]) -> Option<(char, usize)> {
    let first = hexadecimal(rest.get(2..6)?)?;
    if let Some(character) = char::from_u32(first) {
        return Some((character, 6));
    }
    let second = rest.get(6..8).filter(|next| *next == b"\\u");
    let second = second.and_then(|_| hexadecimal(rest.get(8..12)?))?;
    let code = 0x10000 + ((first & 0x3ff) << 10) + (second & 0x3ff);
    Some((char::from_u32(code)?, 12))
}

fn markup(rest: &[u8]) -> Option<(char, usize)> {
    /// The longest that is read: `&#x10ffff;`.
    const LONGEST: usize = 10;
    let end = rest.iter().take(LONGEST).position(|b| *b == b';')?;
    let character = match &rest[1..end] {
        b"amp" => '&',
        b"lt" => '<',
        b"gt" => '>',
        b"quot" => '"',
        b"apos" => '\'',
        [b'#', b'x' | b'X', digits @ ..] => char::from_u32(hexadecimal(digits)?)?,
        [b'#', digits @ ..] => {
            let text = std::str::from_utf8(digits).ok()?;
            char::from_u32(text.parse().ok()?)?
        }
        _ => return None,
    };
    Some((character, end + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(escape: Escape, text: &str, expected: &str) {
        let decoded = Decoded::plain(text.as_bytes()).undo(escape);
        let decoded = decoded.map(|d| String::from_utf8(d.bytes).unwrap());
        assert_eq!(decoded.as_deref().unwrap_or(text), expected);
    }

    #[test]
    fn escapes_are_undone_and_what_is_none_stays() {
        check(Escape::Percent, "a%2Fb%2fc%C3%A4+%zz%", "a/b/cä+%zz%");
        check(Escape::Form, "a+b%20c", "a b c");
        check(
            Escape::Backslash,
            r#"\"a\\nb\u00e4\ud83d\ude00\x41\q\u12"#,
            "\"a\\nbä😀A\\q\\u12",
        );
        check(
            Escape::Markup,
            "&lt;&amp;lt;&#39;&#x41;&nbsp;&",
            "<&lt;'A&nbsp;&",
        );
        assert!(
            Decoded::plain(b"nothing here")
                .undo(Escape::Markup)
                .is_none()
        );
    }

    #[test]
    fn each_byte_knows_where_it_stood() {
        let text = br"x\u00e4y";
        let decoded = Decoded::plain(text).undo(Escape::Backslash).unwrap();
        assert_eq!(decoded.bytes, "xäy".as_bytes());
        assert_eq!(decoded.origin(1..3), 1..7);
        assert_eq!(decoded.origin(0..4), 0..8);
        // Through two: what was percent-encoded inside of JSON.
        let twice = Decoded::plain(br#"\"%41%42"#);
        let twice = twice.undo(Escape::Backslash).unwrap();
        let twice = twice.undo(Escape::Percent).unwrap();
        assert_eq!(twice.bytes, b"\"AB");
        assert_eq!(twice.origin(1..3), 2..8);
    }
}
