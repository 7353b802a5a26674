//! Writes a text into a gap so that it stays one value, whatever it holds.
//!
//! A captured value is chosen by the target and a row by whoever wrote the file, so neither may end
//! the path, the string or the header it stands in.

use std::fmt::Write as _;

use crate::scenario::plan::Encoding;

/// Appends `text` to `out`, encoded for its place.
pub(super) fn write(text: &[u8], encoding: Encoding, out: &mut Vec<u8>) {
    match encoding {
        Encoding::Plain => out.extend_from_slice(text),
        Encoding::Percent => percent(text, out),
        Encoding::Json => json(text, out),
        Encoding::Header => out.extend(text.iter().filter(|b| !b.is_ascii_control())),
    }
}

/// Everything but the unreserved characters of RFC 3986, so `/`, `?`, `&` and `+` as well.
fn percent(text: &[u8], out: &mut Vec<u8>) {
    for &byte in text {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(byte);
        } else {
            escape(byte, out);
        }
    }
}

/// Appends one byte as `%` and two digits.
pub(super) fn escape(byte: u8, out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    out.extend([
        b'%',
        DIGITS[usize::from(byte >> 4)],
        DIGITS[usize::from(byte & 15)],
    ]);
}

/// What RFC 8259 wants escaped; bytes that are no UTF-8 have no place in JSON and become U+FFFD.
fn json(text: &[u8], out: &mut Vec<u8>) {
    for c in String::from_utf8_lossy(text).chars() {
        match c {
            '"' => out.extend_from_slice(b"\\\""),
            '\\' => out.extend_from_slice(b"\\\\"),
            c if c.is_control() => {
                let mut escaped = String::new();
                // Writing to memory cannot fail; controls are all below U+00A0.
                let _ = write!(escaped, "\\u{:04x}", u32::from(c));
                out.extend_from_slice(escaped.as_bytes());
            }
            c => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(text: &[u8], encoding: Encoding) -> Vec<u8> {
        let mut out = Vec::new();
        write(text, encoding, &mut out);
        out
    }

    #[test]
    fn hostile_values_stay_one_value() {
        let hostile = b"a/../b?x=1&y=%41+\r\nHost: evil \xff\"";
        assert_eq!(
            written(hostile, Encoding::Percent),
            b"a%2F..%2Fb%3Fx%3D1%26y%3D%2541%2B%0D%0AHost%3A%20evil%20%FF%22"
        );
        assert_eq!(
            written(b"x\r\nSet-Admin: 1\0\x7f\ty \xc3\xa9", Encoding::Header),
            b"xSet-Admin: 1y \xc3\xa9"
        );
        assert_eq!(
            written(b"\",\"admin\":true,\"\\\n\x01\xff\xc3\xa9", Encoding::Json),
            "\\\",\\\"admin\\\":true,\\\"\\\\\\u000a\\u0001\u{fffd}é".as_bytes()
        );
        assert_eq!(written(hostile, Encoding::Plain), hostile);
    }

    proptest! {
        #[test]
        fn json_reads_back_what_was_written(text in "\\PC*|[\\x00-\\x7f]*") {
            let mut quoted = vec![b'"'];
            write(text.as_bytes(), Encoding::Json, &mut quoted);
            quoted.push(b'"');
            let read: String = serde_json::from_slice(&quoted).expect("one string");
            prop_assert_eq!(read, text);
        }

        #[test]
        fn percent_leaves_nothing_that_has_a_meaning(text in prop::collection::vec(any::<u8>(), 0..64)) {
            let out = written(&text, Encoding::Percent);
            prop_assert!(out.iter().all(|b| b.is_ascii_alphanumeric() || b"-._~%".contains(b)));
        }
    }
}
