//! Diagnostic bundles: one archive each, beside the run that they are about or below
//! `reports/bundles/`. The latest are kept, over all of `reports/`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;

use super::runs::{REPORTS, new_id};
use super::whole::stays_below;
use super::{StoreError, write_whole};

/// Bundles that are kept.
pub const KEPT: usize = 50;

/// Bytes that a bundle unpacks to, whoever is to unpack it.
const MOST: usize = 64 << 20;

/// Folder of those that belong to no run.
const BY_HAND: &str = "bundles";

const PREFIX: &str = "bundle-";
const SUFFIX: &str = ".tar.gz";

/// Writes a bundle into the folder of a run.
///
/// # Errors
/// When it cannot be written; what is older is intact then.
pub fn write_of_run(
    root: &Path,
    dir: &Path,
    files: &[(String, Vec<u8>)],
) -> Result<PathBuf, StoreError> {
    write(root, dir, files)
}

/// Writes a bundle that was asked for.
///
/// # Errors
/// When it cannot be written; what is older is intact then.
pub fn write_by_hand(root: &Path, files: &[(String, Vec<u8>)]) -> Result<PathBuf, StoreError> {
    write(root, &root.join(REPORTS).join(BY_HAND), files)
}

fn write(root: &Path, dir: &Path, files: &[(String, Vec<u8>)]) -> Result<PathBuf, StoreError> {
    let stem = format!("{PREFIX}{}", new_id());
    let path = dir.join(format!("{stem}{SUFFIX}"));
    stays_below(root, &root.join(REPORTS))?;
    let bytes = packed(&stem, files).map_err(StoreError::io("pack", &path))?;
    write_whole(&path, &bytes)?;
    prune(&root.join(REPORTS), KEPT)?;
    Ok(path)
}

/// A compressed archive of regular files in a folder of its own, in the order given. The same files
/// make the same bytes.
fn packed(folder: &str, files: &[(String, Vec<u8>)]) -> io::Result<Vec<u8>> {
    let size: usize = files.iter().map(|(_, bytes)| bytes.len()).sum();
    if size > MOST {
        let message = format!(
            "{} MiB are more than the {} MiB of a bundle",
            size >> 20,
            MOST >> 20
        );
        return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
    }
    let compressed = GzEncoder::new(Vec::new(), Compression::default());
    let mut archive = tar::Builder::new(compressed);
    for (name, bytes) in files {
        check(name)?;
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Regular);
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        archive.append_data(&mut header, format!("{folder}/{name}"), bytes.as_slice())?;
    }
    archive.into_inner()?.finish()
}

/// Whoever unpacks it gets files below one folder and nowhere else.
fn check(name: &str) -> io::Result<()> {
    let sound = |part: &str| {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        !part.is_empty() && !part.starts_with('.') && part.chars().all(allowed)
    };
    if name.split('/').all(sound) {
        Ok(())
    } else {
        let message = format!("`{name}` cannot be the name of a file in it");
        Err(io::Error::new(io::ErrorKind::InvalidInput, message))
    }
}

/// Removes the oldest bundles below a folder, so that as many are left as are kept. Nothing else is
/// ever touched.
fn prune(reports: &Path, kept: usize) -> Result<(), StoreError> {
    let mut bundles: Vec<PathBuf> = Vec::new();
    // Scenarios, their runs, and what these hold.
    for depth_one in folders(reports) {
        bundles.extend(bundles_in(&depth_one));
        for depth_two in folders(&depth_one) {
            bundles.extend(bundles_in(&depth_two));
        }
    }
    // Their names begin with the time.
    bundles.sort_by(|a, b| b.file_name().cmp(&a.file_name()));
    for old in bundles.iter().skip(kept) {
        match fs::remove_file(old) {
            // Another process tidies up as well.
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            removed => removed.map_err(StoreError::io("remove", old))?,
        }
    }
    Ok(())
}

fn entries(folder: &Path) -> impl Iterator<Item = fs::DirEntry> {
    fs::read_dir(folder).into_iter().flatten().flatten()
}

fn folders(folder: &Path) -> Vec<PathBuf> {
    let is_folder = |e: &fs::DirEntry| e.file_type().is_ok_and(|kind| kind.is_dir());
    entries(folder)
        .filter(is_folder)
        .map(|e| e.path())
        .collect()
}

fn bundles_in(folder: &Path) -> Vec<PathBuf> {
    let is_bundle = |e: &fs::DirEntry| {
        let name = e.file_name();
        let name = name.to_str().unwrap_or_default();
        let id = name
            .strip_prefix(PREFIX)
            .and_then(|n| n.strip_suffix(SUFFIX));
        id.is_some_and(|id| !id.is_empty()) && e.file_type().is_ok_and(|kind| kind.is_file())
    };
    entries(folder)
        .filter(is_bundle)
        .map(|e| e.path())
        .collect()
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    fn files() -> Vec<(String, Vec<u8>)> {
        let file = |name: &str, text: &str| (name.to_owned(), text.as_bytes().to_vec());
        vec![
            file("index.html", "<p>"),
            file("process-1/status", "Name: x\n"),
        ]
    }

    #[test]
    fn an_archive_has_regular_files_below_one_folder_in_order() {
        let root = tempfile::tempdir().expect("a folder");
        let path = write_by_hand(root.path(), &files()).expect("writes");
        assert!(path.starts_with(root.path().join("reports/bundles")));
        let stem = path.file_name().unwrap().to_str().unwrap();
        let stem = stem.strip_suffix(SUFFIX).expect("an archive");
        let bytes = fs::read(&path).expect("reads");
        let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(bytes.as_slice()));
        let mut seen = Vec::new();
        for entry in archive.entries().expect("entries") {
            let mut entry = entry.expect("an entry");
            assert_eq!(entry.header().entry_type(), tar::EntryType::Regular);
            let mut text = String::new();
            entry.read_to_string(&mut text).expect("text");
            seen.push((entry.path().expect("a path").display().to_string(), text));
        }
        let expect = [("index.html", "<p>"), ("process-1/status", "Name: x\n")];
        let expect = expect.map(|(name, text)| (format!("{stem}/{name}"), text.to_owned()));
        assert_eq!(seen, expect);
        assert_eq!(
            packed("x", &files()).unwrap(),
            packed("x", &files()).unwrap()
        );
    }

    #[test]
    fn no_name_leads_out_of_the_folder() {
        for bad in [
            "", "/etc/x", "../x", "a/../b", "a//b", ".x", "a\0", "a b", "a/",
        ] {
            let file = (bad.to_owned(), Vec::new());
            assert!(packed("x", &[file]).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_latest_are_kept_wherever_they_are_and_nothing_else_is_removed() {
        let root = tempfile::tempdir().expect("a folder");
        let reports = root.path().join("reports");
        let put = |name: &str| write_whole(&reports.join(name), b"x").expect("writes");
        put("shop/run-1/bundle-2026-1.tar.gz");
        put("shop/run-1/run.plog");
        put("shop/run-2/bundle-2026-4.tar.gz");
        put("bundles/bundle-2026-2.tar.gz");
        put("bundles/bundle-2026-3.tar.gz");
        put("bundles/bundle-.tar.gz");
        put("bundles/mine.tar.gz");
        prune(&reports, 2).expect("removes");
        let there = |name: &str| reports.join(name).exists();
        assert!(!there("shop/run-1/bundle-2026-1.tar.gz"));
        assert!(!there("bundles/bundle-2026-2.tar.gz"));
        for kept in [
            "shop/run-1/run.plog",
            "shop/run-2/bundle-2026-4.tar.gz",
            "bundles/bundle-2026-3.tar.gz",
            "bundles/bundle-.tar.gz",
            "bundles/mine.tar.gz",
        ] {
            assert!(there(kept), "{kept}");
        }
    }
}
