//! A scanner for heads of the plain kind, eight bytes at a time.
//!
//! It knows only what well-behaved servers write: `HTTP/1.1`, names of letters, digits and hyphens, values
//! without tabs, CRLF at the end of every line. Whatever else comes it leaves, without judging it,
//! to the parser for all heads; so it can make a head cheaper to read, and never make a head pass.

/// What a head of the plain kind says.
pub(super) struct Scanned {
    /// Bytes up to and including the empty line.
    pub(super) length: usize,
    pub(super) status: u16,
}

/// Scans a head of at most so many fields, giving each to `field`, which says `None` to give up;
/// `None` when the head is not whole, or not of the plain kind.
pub(super) fn scan<'a>(
    bytes: &'a [u8],
    most_fields: usize,
    mut field: impl FnMut(&'a [u8], &'a [u8]) -> Option<()>,
) -> Option<Scanned> {
    let (mark, rest) = bytes.split_first_chunk::<9>()?;
    let ([a, b, c], _) = rest.split_first_chunk::<3>()?;
    if mark != b"HTTP/1.1 " || ![a, b, c].into_iter().all(u8::is_ascii_digit) {
        return None;
    }
    let status = [a, b, c]
        .into_iter()
        .fold(0, |n, digit| n * 10 + u16::from(digit - b'0'));
    let mut at = match bytes.get(12)? {
        b' ' => end_of_line(bytes, 13)?.1,
        b'\r' if bytes.get(13) == Some(&b'\n') => 14,
        _ => return None,
    };
    for _ in 0..=most_fields {
        if bytes.get(at..at + 2)? == b"\r\n" {
            return Some(Scanned {
                length: at + 2,
                status,
            });
        }
        let colon = end_of_name(bytes, at)?;
        let name = &bytes[at..colon];
        let (end, next) = end_of_line(bytes, colon + 1)?;
        field(name, &bytes[colon + 1..end])?;
        at = next;
    }
    None
}

/// Each of eight bytes.
const EACH: u64 = 0x0101_0101_0101_0101;
/// The upper bit of each byte, in which the tests below give their answer.
const TOP: u64 = 0x80 * EACH;

/// The next eight bytes, the first in the lowest place.
fn word(bytes: &[u8], at: usize) -> Option<u64> {
    let word = bytes.get(at..)?.first_chunk::<8>()?;
    Some(u64::from_le_bytes(*word))
}

/// The place of the first byte that a test marked.
const fn first(marks: u64) -> usize {
    (marks.trailing_zeros() / 8) as usize
}

/// The colon after a plain name that begins at `at`; letters and hyphens are eight to a step.
fn end_of_name(bytes: &[u8], at: usize) -> Option<usize> {
    let mut end = at;
    while let Some(word) = word(bytes, end) {
        let others = !simple(word) & TOP;
        if others != 0 {
            end += first(others);
            break;
        }
        end += 8;
    }
    while bytes
        .get(end)
        .is_some_and(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
    {
        end += 1;
    }
    (end > at && bytes.get(end) == Some(&b':')).then_some(end)
}

/// Marks letters and hyphens; no sum carries from byte to byte, since all are below 0x80.
const fn simple(word: u64) -> u64 {
    let low = word & !TOP;
    let lower = low | (0x20 * EACH);
    let letter = (lower + (0x80 - 0x61) * EACH) & !(lower + (0x80 - 0x7b) * EACH);
    let hyphen = !((low ^ (0x2d * EACH)) + 0x7f * EACH);
    (letter | hyphen) & !word
}

/// The end of the printable bytes from `at` on, and the beginning of the next line.
fn end_of_line(bytes: &[u8], at: usize) -> Option<(usize, usize)> {
    let mut end = at;
    while let Some(word) = word(bytes, end) {
        let controls = control(word);
        if controls != 0 {
            end += first(controls);
            break;
        }
        end += 8;
    }
    while bytes.get(end).is_some_and(|b| *b >= 0x20 && *b != 0x7f) {
        end += 1;
    }
    (bytes.get(end..end + 2)? == b"\r\n").then_some((end, end + 2))
}

/// Marks bytes below 0x20 and 0x7f; above the first of them it may mark others too.
const fn control(word: u64) -> u64 {
    let delete = word ^ (0x7f * EACH);
    let below = word.wrapping_sub(0x20 * EACH) & !word;
    let delete = delete.wrapping_sub(EACH) & !delete;
    (below | delete) & TOP
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tests_of_eight_bytes_know_every_byte() {
        for byte in 0..=u8::MAX {
            for place in 0..8 {
                for others in [b'a', b'z', b'Z', b'-'] {
                    let mut eight = [others; 8];
                    eight[place] = byte;
                    let word = u64::from_le_bytes(eight);
                    let is_simple = byte.is_ascii_alphabetic() || byte == b'-';
                    let expected = if is_simple {
                        TOP
                    } else {
                        TOP & !(0x80 << (8 * place))
                    };
                    assert_eq!(simple(word) & TOP, expected, "{byte:#x} at {place}");
                    let is_control = byte < 0x20 || byte == 0x7f;
                    assert_eq!(control(word) != 0, is_control, "{byte:#x} at {place}");
                    if is_control {
                        assert_eq!(first(control(word)), place, "{byte:#x}");
                    }
                }
            }
        }
    }
}
