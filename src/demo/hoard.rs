//! Faults that keep what they should give back: memory and descriptors.

use std::fs::File;
use std::sync::{Mutex, PoisonError};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::fault::part;

/// Memory that one request keeps at most.
const MOST: u32 = 256 * 1024;
/// All that is kept, so that a forgotten target does not take the machine with it.
const CEILING: usize = 2 << 30;
/// Descriptors that the process may have.
const DESCRIPTORS: u32 = 256;

/// Memory that nobody will ask for again.
#[derive(Default)]
pub(super) struct Leak(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    pieces: Vec<Vec<u8>>,
    bytes: usize,
}

impl Leak {
    /// Keeps one more piece, written to, so that it is resident.
    pub(super) fn grow(&self, strength: f64) {
        let size = part(MOST, strength) as usize;
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.bytes + size <= CEILING {
            kept.bytes += size;
            kept.pieces.push(vec![0xA5; size]);
        }
    }
}

/// Descriptors that are held under a lowered limit; dropped, both are as before.
pub(super) struct Descriptors {
    before: Rlimit,
    most: usize,
    held: Vec<File>,
}

impl Descriptors {
    pub(super) fn take(strength: f64) -> Self {
        let before = getrlimit(Resource::Nofile);
        let lowered = u64::from(DESCRIPTORS).min(before.current.unwrap_or(u64::MAX));
        // Lowering one's own soft limit is always allowed.
        let _ = setrlimit(
            Resource::Nofile,
            Rlimit {
                current: Some(lowered),
                maximum: before.maximum,
            },
        );
        let most = part(DESCRIPTORS, strength) as usize;
        let mut taken = Self {
            before,
            most,
            held: Vec::new(),
        };
        taken.top_up();
        taken
    }

    /// Takes those that have become free.
    pub(super) fn top_up(&mut self) {
        while self.held.len() < self.most {
            match File::open("/dev/null") {
                Ok(file) => self.held.push(file),
                Err(_) => break,
            }
        }
    }
}

impl Drop for Descriptors {
    fn drop(&mut self) {
        let _ = setrlimit(Resource::Nofile, self.before);
    }
}
