//! Whole files: written in one step or not at all, read with a limit.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::StoreError;
use crate::mutant::{self, Mutant};

pub(super) const PREFIX: &str = ".write-";
pub(super) const SUFFIX: &str = ".tmp";

/// Replaces a file in one step: readers see the old bytes or the new ones, also after a crash.
///
/// The bytes go to a temporary file in the same folder, which is synced, renamed and made durable by
/// syncing the folder. Missing folders are made.
///
/// # Errors
/// When any step fails; the old file is intact then.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let folder = folder_of(path);
    make_folder(folder)?;
    let failed = || StoreError::io("write", path);
    if mutant::is_on(Mutant::WholeInPlace) {
        return fs::write(path, bytes).map_err(failed());
    }
    let mut builder = tempfile::Builder::new();
    builder.prefix(PREFIX).suffix(SUFFIX);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // The default of a temporary file is private; the umask still applies to this.
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    let mut file = builder.tempfile_in(folder).map_err(failed())?;
    file.write_all(bytes).map_err(failed())?;
    if !mutant::is_on(Mutant::WholeWithoutSync) {
        file.as_file().sync_all().map_err(failed())?;
    }
    file.persist(path).map_err(|e| failed()(e.error))?;
    sync_folder(folder)
}

/// The same for a path below a root, out of which no link may lead.
///
/// # Errors
/// When one does, or any step fails.
pub fn write_below(root: &Path, path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let path = root.join(path);
    stays_below(root, folder_of(&path))?;
    write_whole(&path, bytes)
}

/// Writes a file whose name is new: after an error it is not there.
///
/// # Errors
/// When any step fails.
pub(super) fn write_new(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    write_whole(path, bytes).inspect_err(|_| {
        // The last step may have failed, when it has its name already.
        if !mutant::is_on(Mutant::NewFileStaysAfterError) {
            let _ = fs::remove_file(path);
        }
    })
}

/// Removes from a folder what killed processes had not finished there. Only for who holds the lock under
/// which it is written, so that nobody is writing now.
pub(super) fn sweep(folder: &Path) -> Result<(), StoreError> {
    if mutant::is_on(Mutant::LedgerWithoutSweep) {
        return Ok(());
    }
    for name in file_names(folder)?.iter().filter(|name| is_temporary(name)) {
        let path = folder.join(name);
        fs::remove_file(&path).map_err(StoreError::io("remove", &path))?;
    }
    Ok(())
}

/// True for the name of a file that [`write_whole`] had not finished when the process was killed.
pub(super) fn is_temporary(name: &str) -> bool {
    name.starts_with(PREFIX) && name.ends_with(SUFFIX)
}

/// Refuses a folder that a link leads out of the project, whose root is given; neither need be there.
pub(super) fn stays_below(root: &Path, folder: &Path) -> Result<(), StoreError> {
    if mutant::is_on(Mutant::LinksFollowed) {
        return Ok(());
    }
    let root = or_here(root);
    let Ok(real) = root.canonicalize() else {
        return Ok(());
    };
    // What is not there yet cannot be a link.
    let there = folder
        .ancestors()
        .find_map(|f| or_here(f).canonicalize().ok());
    match there {
        Some(there) if !there.starts_with(&real) => Err(StoreError::Outside {
            path: folder.to_owned(),
            leads_to: there,
        }),
        _ => Ok(()),
    }
}

/// `.` for the empty path.
fn or_here(path: &Path) -> &Path {
    if path.as_os_str().is_empty() {
        Path::new(".")
    } else {
        path
    }
}

/// Makes a folder and its parents durably.
pub(super) fn make_folder(folder: &Path) -> Result<(), StoreError> {
    let missing: Vec<PathBuf> = folder
        .ancestors()
        .take_while(|f| !f.as_os_str().is_empty() && !f.exists())
        .map(Path::to_owned)
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    fs::create_dir_all(folder).map_err(StoreError::io("make the folder", folder))?;
    missing.iter().try_for_each(|f| sync_folder(folder_of(f)))
}

/// Makes the names in a folder durable.
pub(super) fn sync_folder(folder: &Path) -> Result<(), StoreError> {
    if mutant::is_on(Mutant::FolderWithoutSync) {
        return Ok(());
    }
    File::open(folder)
        .and_then(|f| f.sync_all())
        .map_err(StoreError::io("sync the folder", folder))
}

/// The folder a path lies in, `.` for a bare name.
pub(super) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Names in a folder; none when there is no such folder.
pub(super) fn file_names(folder: &Path) -> Result<Vec<String>, StoreError> {
    let failed = || StoreError::io("list", folder);
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(failed()(e)),
    };
    let mut names = Vec::new();
    for entry in entries {
        names.extend(entry.map_err(failed())?.file_name().into_string());
    }
    Ok(names)
}

/// Reads a whole file of at most `limit` bytes; None when there is none.
pub(super) fn read_whole(path: &Path, limit: u64) -> Result<Option<Vec<u8>>, StoreError> {
    let failed = || StoreError::io("read", path);
    let file = match File::open(path) {
        Ok(file) => file,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(failed()(e)),
    };
    let mut bytes = Vec::new();
    let limit = if mutant::is_on(Mutant::TooLargeFilesRead) {
        u64::MAX - 1
    } else {
        limit
    };
    file.take(limit + 1)
        .read_to_end(&mut bytes)
        .map_err(failed())?;
    if bytes.len() as u64 > limit {
        return Err(StoreError::Unfit {
            path: path.to_owned(),
            reason: format!("is larger than {} MiB", limit >> 20),
        });
    }
    Ok(Some(bytes))
}

/// SHA-256 in hexadecimal.
pub(super) fn sha256_hex(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |hex, byte| {
            hex + &format!("{byte:02x}")
        })
}

/// Refuses a name that could leave its folder or hide in it.
pub(super) fn check_name(what: &'static str, name: &str) -> Result<(), StoreError> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let good = name.len() <= 80
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.chars().all(allowed);
    if good || mutant::is_on(Mutant::NamesUnchecked) {
        Ok(())
    } else {
        Err(StoreError::Name {
            what,
            name: name.to_owned(),
        })
    }
}

/// The number beside `"schema"`, before anything else of a file is believed; it is returned.
pub(super) fn check_schema(path: &Path, bytes: &[u8], known: u32) -> Result<u64, StoreError> {
    #[derive(serde::Deserialize)]
    struct Versioned {
        schema: u64,
    }
    let found = parse::<Versioned>(path, bytes)?.schema;
    if found == 0 {
        return Err(StoreError::damaged(path, 0, "there never was a schema 0"));
    }
    if found > u64::from(known) && !mutant::is_on(Mutant::NewerSchemasRead) {
        return Err(StoreError::Newer {
            path: path.to_owned(),
            found,
            known,
        });
    }
    Ok(found)
}

/// Parses JSON; an error names the byte.
pub(super) fn parse<T: serde::de::DeserializeOwned>(
    path: &Path,
    bytes: &[u8],
) -> Result<T, StoreError> {
    serde_json::from_slice(bytes).map_err(|e| {
        let before: usize = bytes
            .split_inclusive(|&b| b == b'\n')
            .take(e.line().saturating_sub(1))
            .map(<[u8]>::len)
            .sum();
        StoreError::damaged(
            path,
            before + e.column().saturating_sub(1),
            reason_without_place(&e),
        )
    })
}

/// The message of a JSON error without its line and column, which mean nothing in one long line.
pub(super) fn reason_without_place(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rfind(" at line ") {
        Some(end) => text[..end].to_owned(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_and_nothing_is_left_beside_it() {
        let root = tempfile::tempdir().expect("a folder");
        let path = root.path().join("a/b/x.json");
        write_whole(&path, b"old").expect("writes");
        write_whole(&path, b"new").expect("writes");
        assert_eq!(fs::read(&path).expect("reads"), b"new");
        let names = fs::read_dir(root.path().join("a/b"))
            .expect("lists")
            .count();
        assert_eq!(names, 1);
    }

    #[test]
    fn a_failed_write_leaves_the_old_file_and_no_temporary_one() {
        let root = tempfile::tempdir().expect("a folder");
        // A folder cannot be replaced by a file, so the rename fails after everything was written.
        let path = root.path().join("x.json");
        fs::create_dir(&path).expect("a folder in the way");
        let error = write_whole(&path, b"new").expect_err("cannot replace a folder");
        assert!(matches!(
            error,
            StoreError::Io {
                action: "write",
                ..
            }
        ));
        assert_eq!(fs::read_dir(root.path()).expect("lists").count(), 1);
    }

    #[test]
    fn names_that_leave_their_folder_are_refused() {
        for good in ["checkout", "v1.8_a-b", "20261122T090000Z-9f3c1a2b"] {
            assert!(check_name("scenario", good).is_ok(), "{good}");
        }
        let long = "a".repeat(81);
        for bad in [
            "", ".", "..", "../x", "a/b", ".hidden", "-x", "a b", "ä", "a\0", &long,
        ] {
            assert!(check_name("scenario", bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_parse_error_names_the_byte() {
        let error = parse::<Vec<u8>>(Path::new("x"), b"[1,\n2,\n!]").expect_err("no JSON");
        assert_eq!(error.to_string(), "x is damaged at byte 7: expected value");
    }
}
