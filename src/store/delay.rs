//! How long the disk of the reports takes until what is written is durable.

use std::io::Write;
use std::path::Path;

use super::runs::REPORTS;
use super::whole::stays_below;
use crate::clock::{Clock, Monotonic};
use crate::model::DiskDelay;
use crate::units::Nanos;

/// Writes that are timed, unless the disk is so slow that fewer have to do.
const WRITES: usize = 20;
const LONG_ENOUGH: Nanos = Nanos::from_secs(2);
/// What a second of a small run takes.
const BLOCK: [u8; 4096] = [0; 4096];

/// Writes as the record of a run does, a block a time, into a file without a name that nothing is left of;
/// None where nothing may be written.
pub fn disk_delay(root: &Path) -> Option<DiskDelay> {
    let reports = root.join(REPORTS);
    stays_below(root, &reports).ok()?;
    let folder = if reports.is_dir() { &reports } else { root };
    let mut file = tempfile::tempfile_in(folder).ok()?;
    let mut took = Vec::with_capacity(WRITES);
    let ends = Monotonic.now() + LONG_ENOUGH;
    while took.len() < WRITES && (took.is_empty() || Monotonic.now() < ends) {
        let began = Monotonic.now();
        file.write_all(&BLOCK)
            .and_then(|()| file.sync_data())
            .ok()?;
        took.push(Monotonic.now() - began);
    }
    took.sort_unstable();
    Some(DiskDelay {
        median: took[took.len() / 2],
        worst: *took.last()?,
        writes: took.len(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_timed_and_nothing_is_left_of_it() {
        let root = tempfile::tempdir().unwrap();
        let delay = disk_delay(root.path()).expect("a folder to write in");
        assert!(delay.writes > 0 && delay.worst >= delay.median, "{delay:?}");
        assert!(delay.median > Nanos::ZERO);
        assert_eq!(std::fs::read_dir(root.path()).unwrap().count(), 0);
        assert_eq!(disk_delay(&root.path().join("nowhere")), None);
    }

    #[test]
    fn a_link_that_leads_out_of_the_project_is_not_written_through() {
        let (root, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        std::os::unix::fs::symlink(other.path(), root.path().join(REPORTS)).unwrap();
        assert_eq!(disk_delay(root.path()), None);
    }
}
