//! The lock of a folder, which the kernel takes back from whoever dies; and where it cannot be
//! relied on.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::StoreError;
use super::whole::{make_folder, stays_below};
use crate::mutant::{self, Mutant};

const LOCK: &str = ".lock";

/// File systems on which a lock may be seen by this machine alone, or by nobody, by the number that
/// `statfs` gives them (statfs(2), linux/magic.h).
const DOUBTFUL: &[(i64, &str)] = &[
    (0x6969, "NFS"),
    (0x517b, "SMB"),
    (0xff53_4d42, "SMB"),
    (0xfe53_4d42, "SMB"),
    (0x6573_5546, "FUSE"),
    (0x0102_1997, "9p"),
    (0x5346_414f, "AFS"),
    (0x6b41_4653, "AFS"),
    (0x7375_7245, "Coda"),
    (0x0bd0_0bd0, "Lustre"),
];

/// Waits until no other process writes into this folder; unlocks when dropped, or when we die.
pub(super) fn lock(root: &Path, folder: &Path) -> Result<File, StoreError> {
    stays_below(root, folder)?;
    make_folder(folder)?;
    let path = folder.join(LOCK);
    OpenOptions::new()
        .create(true)
        .append(true)
        .custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed())
        .open(&path)
        .and_then(|file| {
            if !mutant::is_on(Mutant::LedgerWithoutLock) {
                file.lock()?;
            }
            Ok(file)
        })
        .map_err(StoreError::io("lock", &path))
}

/// The file system that a folder lies on, or will, where its lock cannot be relied on.
pub(super) fn doubtful(folder: &Path) -> Option<&'static str> {
    let there = folder.ancestors().find(|folder| folder.is_dir())?;
    doubtful_kind(rustix::fs::statfs(there).ok()?.f_type)
}

fn doubtful_kind(kind: i64) -> Option<&'static str> {
    let found = DOUBTFUL.iter().find(|(number, _)| *number == kind);
    found.map(|(_, name)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_doubted_where_others_may_not_see_it() {
        for (kind, expected) in [
            (0xef53, None),      // ext2, ext3, ext4
            (0x5846_5342, None), // XFS
            (0x9123_683e, None), // Btrfs
            (0x2fc1_2fc1, None), // ZFS
            (0x0102_1994, None), // tmpfs
            (0x794c_7630, None), // overlayfs
            (0x00c3_6400, None), // Ceph, whose servers keep the locks
            (0x6969, Some("NFS")),
            (0xff53_4d42, Some("SMB")),
            (0x6573_5546, Some("FUSE")),
            (0x0102_1997, Some("9p")),
        ] {
            assert_eq!(doubtful_kind(kind), expected, "{kind:#x}");
        }
        let root = tempfile::tempdir().expect("a folder");
        let local = root.path().join("baselines/checkout");
        assert_eq!(doubtful(&local), None, "a temporary folder is local");
    }
}
