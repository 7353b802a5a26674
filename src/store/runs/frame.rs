//! One frame of the run log: to bytes and back.

use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use serde::{Deserialize, Serialize};

use super::super::whole::reason_without_place;
use crate::model::{Arm, Comparison, Interval, Round, Sample, Seal};
use crate::mutant::{self, Mutant};

/// Length of `len | crc | seq | type`.
pub(super) const HEAD: usize = 17;

/// Neither a payload nor what it unpacks to is larger: a wrong length cannot take the memory.
pub(super) const MOST: usize = 64 << 20;

/// A payload of up to this length cannot unpack to a third of that: deflate makes 1032 bytes of one.
const SMALL: usize = 16 << 10;

const TOO_MUCH: &str = "unpacks to more than any frame holds";

/// What a session appends to the log of a run.
#[derive(Debug, Clone, PartialEq)]
pub enum Frame {
    /// A round begins. Without it a round that never ended is taken for one of the target itself.
    Begin(Begin),
    Interval(Interval),
    Sample(Sample),
    Round(Box<Round>),
}

/// Which round begins.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Begin {
    pub index: usize,
    pub arm: Arm,
    pub pair: usize,
    /// RFC 3339, UTC.
    pub started_at: String,
    /// Rate of the round in a search for capacity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<f64>,
}

/// Everything a log can hold.
#[derive(Debug, PartialEq)]
pub(super) enum Record {
    Frame(Box<Frame>),
    Comparison(Box<Comparison>),
    Seal(Seal),
}

/// The `type` byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Interval = 1,
    Sample = 2,
    Round = 3,
    Begin = 4,
    Comparison = 5,
    Seal = 255,
}

impl Kind {
    fn of(byte: u8) -> Option<Self> {
        [
            Self::Interval,
            Self::Sample,
            Self::Round,
            Self::Begin,
            Self::Comparison,
            Self::Seal,
        ]
        .into_iter()
        .find(|kind| *kind as u8 == byte)
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Interval => "interval",
            Self::Sample => "sample",
            Self::Round => "round",
            Self::Begin => "begin",
            Self::Comparison => "comparison",
            Self::Seal => "seal",
        }
    }
}

/// The bytes of a frame, or why a reader would refuse it.
pub(super) fn encode(seq: u64, kind: Kind, content: &impl Serialize) -> Result<Vec<u8>, String> {
    let json = serde_json::to_vec(content).map_err(|e| e.to_string())?;
    if json.len() > MOST {
        return Err(too_large(json.len()));
    }
    let mut deflate = DeflateEncoder::new(vec![0; HEAD], Compression::fast());
    deflate.write_all(&json).map_err(|e| e.to_string())?;
    let mut bytes = deflate.finish().map_err(|e| e.to_string())?;
    let payload = bytes.len() - HEAD;
    let len = u32::try_from(payload)
        .ok()
        .filter(|_| payload <= MOST)
        .ok_or_else(|| too_large(payload))?;
    bytes[..4].copy_from_slice(&len.to_le_bytes());
    bytes[8..16].copy_from_slice(&seq.to_le_bytes());
    bytes[16] = kind as u8;
    let crc = checksum(&bytes);
    bytes[4..8].copy_from_slice(&crc.to_le_bytes());
    Ok(bytes)
}

fn too_large(bytes: usize) -> String {
    format!(
        "a record of {} MiB is larger than the limit of {} MiB",
        bytes >> 20,
        MOST >> 20
    )
}

fn checksum(frame: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&frame[..4]), &frame[8..])
}

/// A frame whose checksum is right.
#[derive(Debug)]
pub(super) struct Whole<'a> {
    pub(super) seq: u64,
    pub(super) kind: u8,
    payload: &'a [u8],
    /// With its head.
    pub(super) length: usize,
}

/// Why there is no whole frame at a place: it may be a torn tail or damage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Broken {
    /// The bytes end before the frame does.
    Short,
    /// It claims to be larger than any frame.
    Length,
    Checksum,
}

impl Broken {
    pub(super) const fn reason(self) -> &'static str {
        match self {
            Self::Short => "a frame reaches beyond the end",
            Self::Length => "a frame claims to be larger than any can be",
            Self::Checksum => "wrong checksum",
        }
    }
}

/// Takes the frame at the beginning of `bytes`.
pub(super) fn split(bytes: &[u8]) -> Result<Whole<'_>, Broken> {
    let (head, rest) = bytes.split_first_chunk::<HEAD>().ok_or(Broken::Short)?;
    let [l0, l1, l2, l3, c0, c1, c2, c3, seq @ .., kind] = *head;
    let length = u32::from_le_bytes([l0, l1, l2, l3]) as usize;
    if length > MOST {
        return Err(Broken::Length);
    }
    let payload = rest.get(..length).ok_or(Broken::Short)?;
    let expected = u32::from_le_bytes([c0, c1, c2, c3]);
    if checksum(&bytes[..HEAD + length]) != expected && !mutant::is_on(Mutant::BrokenFramesBelieved)
    {
        return Err(Broken::Checksum);
    }
    Ok(Whole {
        seq: u64::from_le_bytes(seq),
        kind,
        payload,
        length: HEAD + length,
    })
}

/// True when a whole frame with a sequence number after `seq` begins anywhere behind the first byte.
pub(super) fn another_follows(bytes: &[u8], seq: u64) -> bool {
    // A torn frame may hide others only within the bytes, each at least a head long.
    let latest = seq.saturating_add((bytes.len() / HEAD) as u64);
    (1..bytes.len()).any(|at| {
        let rest = &bytes[at..];
        // The number alone rules out almost every place before a checksum is computed.
        rest.get(8..16).is_some_and(|s| {
            let number = s.try_into().map_or(0, u64::from_le_bytes);
            number > seq && number <= latest
        }) && split(rest).is_ok_and(|f| Kind::of(f.kind).is_some())
    })
}

impl Whole<'_> {
    /// What it is, and its content as JSON.
    pub(super) fn unpack(&self) -> Result<(Kind, Vec<u8>), String> {
        let kind = Kind::of(self.kind).ok_or_else(|| format!("unknown type {}", self.kind))?;
        let failed = |e: std::io::Error| format!("cannot be unpacked: {e}");
        let unpacked = || DeflateDecoder::new(self.payload).take(MOST as u64 + 1);
        let mut json = Vec::new();
        if self.payload.len() > SMALL && !mutant::is_on(Mutant::BigFramesUnpacked) {
            // Counted first, so that no more is ever asked for than a frame may hold.
            let length = std::io::copy(&mut unpacked(), &mut std::io::sink()).map_err(failed)?;
            if length > MOST as u64 {
                return Err(TOO_MUCH.to_owned());
            }
            json.reserve_exact(usize::try_from(length).unwrap_or(MOST) + 1);
        }
        unpacked().read_to_end(&mut json).map_err(failed)?;
        if json.len() > MOST {
            return Err(TOO_MUCH.to_owned());
        }
        Ok((kind, json))
    }

    /// Unpacks the content.
    pub(super) fn decode(&self) -> Result<Record, String> {
        let (kind, json) = self.unpack()?;
        let frame = |frame| Record::Frame(Box::new(frame));
        Ok(match kind {
            Kind::Begin => frame(Frame::Begin(parse(&json)?)),
            Kind::Interval => frame(Frame::Interval(parse(&json)?)),
            Kind::Sample => frame(Frame::Sample(parse(&json)?)),
            Kind::Round => frame(Frame::Round(Box::new(parse(&json)?))),
            Kind::Comparison => Record::Comparison(parse(&json)?),
            Kind::Seal => Record::Seal(parse(&json)?),
        })
    }
}

fn parse<T: serde::de::DeserializeOwned>(json: &[u8]) -> Result<T, String> {
    serde_json::from_slice(json).map_err(|e| reason_without_place(&e))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_that_unpacks_to_too_much_is_refused_without_unpacking_it_all() {
        let mut deflate = DeflateEncoder::new(vec![0; HEAD], Compression::best());
        for _ in 0..=64 {
            deflate.write_all(&vec![b' '; 1 << 20]).expect("in memory");
        }
        let mut bytes = deflate.finish().expect("in memory");
        let len = u32::try_from(bytes.len() - HEAD).expect("small");
        bytes[..4].copy_from_slice(&len.to_le_bytes());
        bytes[16] = Kind::Sample as u8;
        let crc = checksum(&bytes);
        bytes[4..8].copy_from_slice(&crc.to_le_bytes());
        let frame = split(&bytes).expect("a whole frame");
        assert_eq!(frame.decode().expect_err("too much"), TOO_MUCH);
    }

    #[test]
    fn a_length_beyond_the_limit_is_no_torn_frame() {
        let mut bytes = encode(0, Kind::Sample, &Sample::default()).expect("encodes");
        bytes[3] = 0xff;
        assert_eq!(split(&bytes).expect_err("too long"), Broken::Length);
    }

    #[test]
    fn zeros_are_no_frame() {
        assert_eq!(split(&[0; 64]).expect_err("zeros"), Broken::Checksum);
    }
}
