//! The bytes of a run log: header, frames, seal. Pure, so that every damage can be tried.

use std::path::Path;

use sha2::{Digest, Sha256};

use super::super::plausible;
use super::super::whole::hex;
use super::frame::{self, Frame, Record};
use crate::model::{Comparison, Outline, Seal};
use crate::store::StoreError;

/// Not text, broken by any line-ending conversion.
const MAGIC: [u8; 8] = *b"\x89PLOG\r\n\x1a";
const VERSION: u32 = 1;
/// Length of the header, the same in every version.
pub(super) const HEADER: usize = 48;

/// What a log holds, as far as it is whole.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Log {
    pub(super) frames: Vec<Frame>,
    pub(super) comparison: Option<Comparison>,
    /// None when the log ends early.
    pub(super) seal: Option<Seal>,
}

/// The first bytes of a log that belongs to this manifest.
pub(super) fn header(manifest: &[u8]) -> [u8; HEADER] {
    let mut bytes = [0; HEADER];
    bytes[..8].copy_from_slice(&MAGIC);
    bytes[8..12].copy_from_slice(&VERSION.to_le_bytes());
    bytes[12..44].copy_from_slice(&Sha256::digest(manifest));
    let crc = crc32c::crc32c(&bytes[..44]);
    bytes[44..].copy_from_slice(&crc.to_le_bytes());
    bytes
}

/// Reads a log. `path` is for messages only.
///
/// # Errors
/// When it is newer, or damaged otherwise than by ending early.
pub(super) fn parse(
    path: &Path,
    bytes: &[u8],
    manifest: &[u8],
    outline: &Outline,
) -> Result<Log, StoreError> {
    let expected = header(manifest);
    if bytes.len() < HEADER && expected.starts_with(bytes) {
        return Ok(Log::default());
    }
    check_header(path, bytes, &expected)?;
    let mut log = Log::default();
    let mut sums = Sums::default();
    let mut at = HEADER;
    let mut seq = 0;
    while at < bytes.len() {
        let damaged = |reason: String| StoreError::damaged(path, at, reason);
        if log.seal.is_some() {
            return Err(damaged("something follows the seal".to_owned()));
        }
        let whole = match frame::split(&bytes[at..]) {
            Ok(whole) => whole,
            Err(broken) if frame::another_follows(&bytes[at..], seq) => {
                return Err(damaged(broken.reason().to_owned()));
            }
            Err(_) => return Ok(log),
        };
        if whole.seq != seq {
            return Err(damaged(format!(
                "frame {} stands where {seq} belongs",
                whole.seq
            )));
        }
        match whole.decode().map_err(&damaged)? {
            Record::Frame(frame) => {
                check(&frame, outline).map_err(&damaged)?;
                sums.add(&frame);
                log.frames.push(*frame);
            }
            Record::Comparison(comparison) => log.comparison = Some(*comparison),
            Record::Seal(seal) => {
                let expected = sums.seal(seal.interrupted, seq, &bytes[..at]);
                if seal != expected {
                    return Err(damaged(
                        "the seal does not agree with what it seals".to_owned(),
                    ));
                }
                log.seal = Some(seal);
            }
        }
        at += whole.length;
        seq += 1;
    }
    Ok(log)
}

fn check_header(path: &Path, bytes: &[u8], expected: &[u8; HEADER]) -> Result<(), StoreError> {
    let damaged = |at, reason: &str| Err(StoreError::damaged(path, at, reason));
    let Some((found, _)) = bytes.split_first_chunk::<HEADER>() else {
        return damaged(0, "not a run log");
    };
    if found[..8] != MAGIC {
        return damaged(0, "not a run log");
    }
    if crc32c::crc32c(&found[..44]).to_le_bytes() != found[44..] {
        return damaged(8, "wrong checksum of the header");
    }
    let version = u32::from_le_bytes([found[8], found[9], found[10], found[11]]);
    if version > VERSION {
        return Err(StoreError::Newer {
            path: path.to_owned(),
            found: u64::from(version),
            known: VERSION,
        });
    }
    if found != expected {
        return damaged(12, "manifest.json is not the one this log was begun with");
    }
    Ok(())
}

pub(super) fn check(frame: &Frame, outline: &Outline) -> Result<(), String> {
    match frame {
        Frame::Interval(interval) => plausible::interval(interval, outline),
        Frame::Round(round) => plausible::round(round, outline),
        Frame::Begin(_) | Frame::Sample(_) => Ok(()),
    }
}

/// Sums over the rounds of a log, for its seal.
#[derive(Debug, Default)]
pub(super) struct Sums {
    due: u64,
    answered: u64,
}

impl Sums {
    pub(super) fn add(&mut self, frame: &Frame) {
        if let Frame::Round(round) = frame {
            for cell in &round.cells {
                self.due = self.due.saturating_add(cell.tally.due);
                self.answered = self.answered.saturating_add(cell.tally.answered);
            }
        }
    }

    fn seal(&self, interrupted: bool, frames: u64, before: &[u8]) -> Seal {
        self.seal_hashed(interrupted, frames, &Sha256::digest(before))
    }

    pub(super) fn seal_hashed(&self, interrupted: bool, frames: u64, sha256: &[u8]) -> Seal {
        Seal {
            interrupted,
            frames,
            sha256: hex(sha256),
            due: self.due,
            answered: self.answered,
        }
    }
}
