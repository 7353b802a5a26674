//! The values of a metric, of many runs in a row of the table: a history reads them all at once.
//!
//! A page is a checksum over its key and what follows, then the runs by their number, each with the
//! count of its rounds and their values. All numbers are little-endian.

use std::collections::BTreeMap;

/// Runs that share a page: each new run writes one page of each metric again.
const RUNS: i64 = 256;
/// Bytes of the checksum.
const SUM: usize = 4;

/// Number of the page that has the values of a run.
pub(super) const fn page_of(run: i64) -> i64 {
    run.div_euclid(RUNS)
}

/// What names a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) metric: i64,
    pub(super) page: i64,
}

/// The values of some runs, by their number.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Page(BTreeMap<i64, Vec<f64>>);

impl Page {
    /// None when the bytes are not those that were packed under this key.
    pub(super) fn unpack(key: Key, bytes: &[u8]) -> Option<Self> {
        let mut runs = BTreeMap::new();
        each(key, bytes, &mut Vec::new(), &mut |run, values| {
            runs.insert(run, values.to_vec());
        })?;
        Some(Self(runs))
    }

    pub(super) fn pack(&self, key: Key) -> Vec<u8> {
        let mut bytes = vec![0; SUM];
        for (run, values) in &self.0 {
            bytes.extend(run.to_le_bytes());
            bytes.extend((values.len() as u64).to_le_bytes());
            bytes.extend(values.iter().flat_map(|v| v.to_le_bytes()));
        }
        let sum = sum(key, &bytes[SUM..]);
        bytes[..SUM].copy_from_slice(&sum.to_le_bytes());
        bytes
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn put(&mut self, run: i64, values: Vec<f64>) {
        self.0.insert(run, values);
    }

    /// Whether it had values of the run.
    pub(super) fn remove(&mut self, run: i64) -> bool {
        self.0.remove(&run).is_some()
    }
}

/// Hands over the runs of a page and their values, in order, and says how many there were; None when
/// the bytes are not those that were packed under this key. `values` is used again for each run.
pub(super) fn each(
    key: Key,
    bytes: &[u8],
    values: &mut Vec<f64>,
    take: &mut dyn FnMut(i64, &[f64]),
) -> Option<usize> {
    let (stated, mut rest) = bytes.split_first_chunk::<SUM>()?;
    if u32::from_le_bytes(*stated) != sum(key, rest) {
        return None;
    }
    let mut runs = 0;
    while !rest.is_empty() {
        let (run, after) = rest.split_first_chunk::<8>()?;
        let (count, after) = after.split_first_chunk::<8>()?;
        let count = usize::try_from(u64::from_le_bytes(*count)).ok()?;
        let (packed, after) = after.split_at_checked(count.checked_mul(8)?)?;
        values.clear();
        let (numbers, _) = packed.as_chunks::<8>();
        values.extend(numbers.iter().map(|v| f64::from_le_bytes(*v)));
        take(i64::from_le_bytes(*run), values);
        runs += 1;
        rest = after;
    }
    Some(runs)
}

fn sum(key: Key, body: &[u8]) -> u32 {
    let sum = crc32c::crc32c(&key.metric.to_le_bytes());
    let sum = crc32c::crc32c_append(sum, &key.page.to_le_bytes());
    crc32c::crc32c_append(sum, body)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: Key = Key { metric: 3, page: 0 };

    fn page() -> Page {
        let mut page = Page::default();
        page.put(9, vec![3.5]);
        page.put(7, vec![1.5, 2.5]);
        page.put(8, Vec::new());
        page
    }

    #[test]
    fn a_page_gives_back_what_was_put_into_it() {
        let packed = page().pack(KEY);
        assert_eq!(Page::unpack(KEY, &packed), Some(page()));
        let mut seen = Vec::new();
        let runs = each(KEY, &packed, &mut Vec::new(), &mut |run, values| {
            seen.push((run, values.to_vec()));
        });
        assert_eq!(runs, Some(3));
        assert_eq!(seen, [(7, vec![1.5, 2.5]), (8, vec![]), (9, vec![3.5])]);
        let mut less = page();
        assert!(less.remove(7) && !less.remove(7) && !less.is_empty());
        assert!(less.remove(8) && less.remove(9) && less.is_empty());
    }

    #[test]
    fn any_byte_that_changed_is_noticed() {
        let packed = page().pack(KEY);
        for i in 0..packed.len() {
            let mut bytes = packed.clone();
            bytes[i] ^= 1;
            assert_eq!(Page::unpack(KEY, &bytes), None, "byte {i}");
            assert_eq!(Page::unpack(KEY, &packed[..i]), None, "cut at {i}");
        }
        assert_eq!(Page::unpack(Key { metric: 4, ..KEY }, &packed), None);
        assert_eq!(Page::unpack(Key { page: 1, ..KEY }, &packed), None);
    }
}
