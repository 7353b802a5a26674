//! The cache of `GET /items`: the least recently used goes first.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::exposition::Exposition;
use super::fault::part;
use crate::random::mix;

/// Shelves of the shop, one of which each request looks at; all of them fit.
const SHELVES: u32 = 100;
/// Weight of the last look in what is remembered of all.
const MEMORY: f64 = 0.02;
/// Decides in which order shelves are looked at, the same in every process.
const SEED: u64 = 0xCACE;

pub(super) struct Cache(Mutex<Shelves>);

struct Shelves {
    /// When each was used last.
    held: HashMap<u32, u64>,
    room: u32,
    looks: u64,
    hits: u64,
    evictions: u64,
    /// Moving average of the last looks.
    recent: f64,
}

impl Cache {
    /// With everything in it already, so that a healthy target waits for nothing.
    pub(super) fn warm() -> Self {
        Self(Mutex::new(Shelves {
            held: (0..SHELVES).map(|shelf| (shelf, 0)).collect(),
            room: SHELVES,
            looks: 0,
            hits: 0,
            evictions: 0,
            recent: 1.0,
        }))
    }

    /// Looks for the next shelf; gives it when it is not there.
    pub(super) fn miss(&self) -> Option<u32> {
        self.shelves().look()
    }

    /// Puts in what was missed.
    pub(super) fn fill(&self, shelf: u32) {
        self.shelves().fill(shelf);
    }

    /// Empties it, and leaves no room for this share of the shelves.
    pub(super) fn chill(&self, share: f64) {
        let mut shelves = self.shelves();
        shelves.evictions += shelves.held.len() as u64;
        shelves.held.clear();
        shelves.room = part(SHELVES, 1.0 - share).max(1);
    }

    /// Gives it room for everything again.
    pub(super) fn widen(&self) {
        self.shelves().room = SHELVES;
    }

    /// Share of the last looks that found what they looked for.
    pub(super) fn hit_rate(&self) -> f64 {
        self.shelves().recent
    }

    pub(super) fn expose(&self, page: &mut Exposition) {
        let shelves = self.shelves();
        let misses = shelves.looks - shelves.hits;
        for (name, help, n) in [
            ("cache_hits_total", "Looks that found it.", shelves.hits),
            ("cache_misses_total", "Looks that did not.", misses),
            (
                "cache_evictions_total",
                "Entries that made room.",
                shelves.evictions,
            ),
        ] {
            page.one(name, "counter", help, n as f64);
        }
        let held = shelves.held.len() as f64;
        page.one("cache_entries", "gauge", "Entries in the cache.", held);
    }

    fn shelves(&self) -> MutexGuard<'_, Shelves> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shelves {
    fn look(&mut self) -> Option<u32> {
        self.looks += 1;
        let shelf = u32::try_from(mix(SEED, self.looks) % u64::from(SHELVES)).unwrap_or_default();
        let found = self.held.get_mut(&shelf);
        let hit = found.is_some();
        if let Some(used) = found {
            *used = self.looks;
        }
        self.hits += u64::from(hit);
        self.recent += MEMORY * (f64::from(u8::from(hit)) - self.recent);
        (!hit).then_some(shelf)
    }

    fn fill(&mut self, shelf: u32) {
        while self.held.len() >= self.room as usize && !self.held.contains_key(&shelf) {
            let oldest = self.held.iter().min_by_key(|(_, used)| **used);
            let Some((&oldest, _)) = oldest else { break };
            self.held.remove(&oldest);
            self.evictions += 1;
        }
        self.held.insert(shelf, self.looks);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hits of the last thousand of two thousand looks.
    fn hits(cache: &Cache) -> u64 {
        let mut hits = 0;
        for i in 0..2_000 {
            match cache.miss() {
                Some(shelf) => cache.fill(shelf),
                None => hits += u64::from(i >= 1_000),
            }
        }
        hits
    }

    #[test]
    fn what_was_only_emptied_warms_again_and_what_is_too_small_does_not() {
        let cache = Cache::warm();
        assert_eq!(hits(&cache), 1_000);
        cache.chill(0.0);
        assert_eq!(hits(&cache), 1_000);
        cache.chill(0.8);
        assert!((150..250).contains(&hits(&cache)));
        cache.chill(1.0);
        assert!(hits(&cache) < 30);
        cache.widen();
        assert_eq!(hits(&cache), 1_000);
    }
}
