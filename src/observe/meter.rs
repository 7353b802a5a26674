//! Counters of many that come and go, as sums that never go back.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::Hash;

/// Sums by name what the counters of all have grown by, from their beginning.
///
/// What one counts between the last reading of it and its end is not seen.
#[derive(Debug)]
pub(super) struct Meter<K, const N: usize> {
    last: HashMap<K, [u64; N]>,
    sums: BTreeMap<String, [u64; N]>,
}

impl<K, const N: usize> Default for Meter<K, N> {
    fn default() -> Self {
        Self {
            last: HashMap::new(),
            sums: BTreeMap::new(),
        }
    }
}

impl<K: Eq + Hash + Copy, const N: usize> Meter<K, N> {
    /// Takes one reading. Counters that went back are those of another under the same key.
    pub(super) fn count(&mut self, key: K, name: &str, now: [u64; N]) {
        let last = self.last.insert(key, now).unwrap_or([0; N]);
        if !self.sums.contains_key(name) {
            self.sums.insert(name.to_owned(), [0; N]);
        }
        let Some(sums) = self.sums.get_mut(name) else {
            return;
        };
        for ((sum, now), last) in sums.iter_mut().zip(now).zip(last) {
            *sum = sum.saturating_add(now.checked_sub(last).unwrap_or(now));
        }
    }

    /// Forgets all that are not among those that live; what they counted stays.
    pub(super) fn keep(&mut self, living: &HashSet<K>) {
        self.last.retain(|key, _| living.contains(key));
    }

    pub(super) fn by_name(&self) -> impl Iterator<Item = (&str, [u64; N])> {
        self.sums.iter().map(|(name, sums)| (name.as_str(), *sums))
    }

    pub(super) fn total(&self) -> [u64; N] {
        let mut total = [0_u64; N];
        for sums in self.sums.values() {
            for (all, one) in total.iter_mut().zip(sums) {
                *all = all.saturating_add(*one);
            }
        }
        total
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_only_grow_whoever_comes_and_goes() {
        let mut meter = Meter::<u32, 2>::default();
        meter.count(1, "main", [10, 1]);
        meter.count(2, "worker", [5, 0]);
        assert_eq!(meter.total(), [15, 1]);
        meter.keep(&[2].into());
        meter.count(2, "worker", [7, 0]);
        assert_eq!(meter.total(), [17, 1], "1 has gone");
        meter.count(1, "main", [3, 0]);
        assert_eq!(meter.total(), [20, 1], "another under the same id");
        meter.count(2, "renamed", [9, 4]);
        let by_name: Vec<_> = meter.by_name().collect();
        let expect = [("main", [13, 1]), ("renamed", [2, 4]), ("worker", [7, 0])];
        assert_eq!(by_name, expect);
    }
}
