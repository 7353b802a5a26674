//! Takes the content coding off a body that is looked at.
//!
//! A small body may unpack to anything, so what comes out is limited in size and in proportion.

use std::borrow::Cow;
use std::io::Read;

use flate2::bufread::MultiGzDecoder;

use super::Reply;
use crate::model::ErrorClass;
use crate::mutant::{self, Mutant};

/// Most bytes that a body may unpack to.
const MOST_BYTES: usize = 64 << 20;

/// Most bytes out for each byte in, where more than [`FREE_BYTES`] come out.
const MOST_RATIO: usize = 100;

/// Repetitive texts of a few kilobytes pack better than any sensible ratio and harm nobody.
const FREE_BYTES: usize = 1 << 20;

/// Bytes unpacked at once.
const PIECE: usize = 16 * 1024;

/// The body without gzip, if that was asked for; what nobody asked for is left as it is.
///
/// # Errors
/// [`ErrorClass::Protocol`] for gzip that is broken, or unpacks to more than 64 MiB or, beyond one
/// MiB, to more than a hundred times its size so far.
pub fn plain_body<'a>(reply: &Reply<'a>, asked: bool) -> Result<Cow<'a, [u8]>, ErrorClass> {
    if !asked && !mutant::is_on(Mutant::GzipUnasked) {
        return Ok(Cow::Borrowed(reply.body));
    }
    let packed = reply.all("content-encoding").any(|coding| {
        let coding = coding.trim_ascii();
        coding.eq_ignore_ascii_case(b"gzip") || coding.eq_ignore_ascii_case(b"x-gzip")
    });
    // An answer to HEAD says how it would be coded, and has nothing to unpack.
    if !packed || reply.body.is_empty() {
        return Ok(Cow::Borrowed(reply.body));
    }
    unpack(reply.body)
        .map(Cow::Owned)
        .ok_or(ErrorClass::Protocol)
}

/// None for what is no gzip, or too much. It is told from what was read so far, so that a bomb has done
/// no harm by then.
fn unpack(packed: &[u8]) -> Option<Vec<u8>> {
    let mut plain = Vec::new();
    // One that buffers would have read far ahead of what it unpacks, and the bomb gone as much further.
    let mut decoder = MultiGzDecoder::new(packed);
    let mut piece = [0; PIECE];
    loop {
        match decoder.read(&mut piece).ok()? {
            0 => return Some(plain),
            n => plain.extend_from_slice(&piece[..n]),
        }
        let taken = packed.len() - decoder.get_ref().len();
        let limit = taken
            .saturating_mul(MOST_RATIO)
            .clamp(FREE_BYTES, MOST_BYTES);
        if plain.len() > limit && !mutant::is_on(Mutant::GzipWithoutEnd) {
            return None;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;
    use crate::random::Uniform;

    fn gzip(plain: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(plain).expect("memory");
        encoder.finish().expect("memory")
    }

    fn reply<'a>(coding: &'a [u8], body: &'a [u8]) -> Reply<'a> {
        Reply {
            status: 200,
            fields: vec![(b"Content-Encoding", coding)],
            body,
        }
    }

    #[test]
    fn gzip_is_taken_off_and_all_else_is_left() {
        let packed = gzip(b"all ok");
        for coding in [&b"gzip"[..], b" GZIP", b"x-gzip"] {
            let plain = plain_body(&reply(coding, &packed), true).expect("it unpacks");
            assert_eq!(&*plain, b"all ok");
        }
        for coding in [&b"identity"[..], b"br", b""] {
            assert_eq!(
                plain_body(&reply(coding, b"as it is"), true),
                Ok(Cow::Borrowed(&b"as it is"[..]))
            );
        }
        assert_eq!(
            plain_body(&reply(b"gzip", b""), true),
            Ok(Cow::Borrowed(&b""[..]))
        );
    }

    #[test]
    fn gzip_that_nobody_asked_for_stays_as_it_is() {
        let packed = gzip(b"all ok");
        let body = plain_body(&reply(b"gzip", &packed), false);
        assert_eq!(body, Ok(Cow::Borrowed(&packed[..])));
    }

    #[test]
    fn gzip_that_is_broken_or_cut_off_is_a_breach_of_the_protocol() {
        let packed = gzip(b"all ok and more of it");
        for body in [&packed[..packed.len() - 3], b"no gzip at all", &packed[..5]] {
            let plain = plain_body(&reply(b"gzip", body), true);
            assert_eq!(plain, Err(ErrorClass::Protocol), "{body:?}");
        }
    }

    #[test]
    fn a_body_that_unpacks_to_far_more_than_it_is_is_refused() {
        let packed = gzip(&vec![b'a'; FREE_BYTES]);
        assert!(packed.len() * MOST_RATIO < FREE_BYTES);
        assert_eq!(
            plain_body(&reply(b"gzip", &packed), true).map(|b| b.len()),
            Ok(FREE_BYTES)
        );
        let bomb = gzip(&vec![0; 4 << 20]);
        assert!(bomb.len() * MOST_RATIO < 4 << 20);
        assert_eq!(
            plain_body(&reply(b"gzip", &bomb), true),
            Err(ErrorClass::Protocol)
        );
    }

    #[test]
    fn what_lies_behind_a_bomb_does_not_count_for_it() {
        let mut random = Uniform::new(1, 0);
        let ballast: Vec<u8> = (0..5 << 10)
            .flat_map(|_| random.draw().to_bits().to_le_bytes())
            .collect();
        let mut body = gzip(&vec![0; 2 << 20]);
        body.extend(gzip(&ballast));
        assert!(body.len() * MOST_RATIO > 2 << 20);
        assert_eq!(
            plain_body(&reply(b"gzip", &body), true),
            Err(ErrorClass::Protocol)
        );
        // Behind the ballast the ratio has been earned.
        let mut earned = gzip(&ballast);
        earned.extend(gzip(&vec![0; 2 << 20]));
        assert!(plain_body(&reply(b"gzip", &earned), true).is_ok());
    }
}
