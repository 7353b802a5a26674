//! Naming and finding runs.

use std::hash::{BuildHasher, RandomState};
use std::path::{Path, PathBuf};

use super::super::whole::{check_name, file_names};
use super::follow::is_running;
use super::read::read_manifest;
use super::{MANIFEST, REPORTS};
use crate::store::StoreError;

/// Runs of a scenario that may still be written, for what it costs to look at each.
const LATEST: usize = 16;

/// How many runs a message lists.
const SHOWN: usize = 5;

/// One run there is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunEntry {
    pub id: String,
    pub scenario: String,
    pub dir: PathBuf,
    /// RFC 3339, UTC; empty when the manifest cannot be read.
    pub started_at: String,
}

/// A new id: UTC time to the second, then its fraction and a random part in hexadecimal.
///
/// `20261122T090000Z-9f3c1a2b`: ids sort by time to 1/65536 s.
pub fn new_id() -> String {
    let now = jiff::Timestamp::now();
    let fraction = u64::try_from(now.subsec_nanosecond()).unwrap_or(0) * 65_536 / 1_000_000_000;
    // Keyed from the operating system's randomness.
    let random = RandomState::new().hash_one(std::process::id()) & 0xffff;
    format!(
        "{}-{fraction:04x}{random:04x}",
        now.strftime("%Y%m%dT%H%M%SZ")
    )
}

/// The folder of a run of that name, whether it is there or not.
pub fn folder(root: &Path, scenario: &str, id: &str) -> PathBuf {
    root.join(REPORTS).join(scenario).join(id)
}

/// All runs below the project root, or those of one scenario, newest first.
///
/// A run that cannot be read is listed all the same; reading it by its path says why.
///
/// # Errors
/// When a folder cannot be listed: what is in it may be what was asked for.
pub fn list(root: &Path, scenario: Option<&str>) -> Result<Vec<RunEntry>, StoreError> {
    let mut entries = Vec::new();
    for (name, folder) in folders(&root.join(REPORTS))? {
        if scenario.is_some_and(|s| s != name) {
            continue;
        }
        let runs = folders(&folder)?.into_iter();
        let with_manifest = runs.filter(|(_, dir)| dir.join(MANIFEST).is_file());
        entries.extend(with_manifest.map(|(id, dir)| RunEntry {
            started_at: read_manifest(&dir).map_or_else(|_| String::new(), |m| m.0.started_at),
            id,
            scenario: name.clone(),
            dir,
        }));
    }
    entries.sort_by(|a, b| (&b.id, &b.scenario).cmp(&(&a.id, &a.scenario)));
    Ok(entries)
}

/// The folder of all runs, whether it is there or not.
pub fn reports(root: &Path) -> PathBuf {
    root.join(REPORTS)
}

/// A text that changes whenever a run begins or goes away, or one of the latest ends or gets another file.
///
/// # Errors
/// When a folder cannot be listed.
pub fn pulse(root: &Path) -> Result<String, StoreError> {
    let mut sum = 0;
    let mut add = |text: &str| {
        sum = crc32c::crc32c_append(crc32c::crc32c_append(sum, text.as_bytes()), &[0]);
    };
    for scenario in scenarios(root)? {
        add(&scenario);
        let folder = reports(root).join(&scenario);
        let mut names = file_names(&folder)?;
        names.sort_unstable();
        for name in &names {
            add(name);
        }
        for dir in names.iter().rev().take(LATEST).map(|id| folder.join(id)) {
            let changed = std::fs::metadata(&dir).and_then(|m| m.modified());
            add(&format!("{changed:?} {}", is_running(&dir)));
        }
    }
    Ok(format!("{sum:08x}"))
}

/// Names of the folders below `reports/` that may hold runs, sorted.
///
/// # Errors
/// When the folder cannot be listed.
pub fn scenarios(root: &Path) -> Result<Vec<String>, StoreError> {
    let mut names: Vec<String> = folders(&root.join(REPORTS))?
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    names.sort_unstable();
    Ok(names)
}

/// The folders in a folder whose names Plimsoll could have given; none when it is not there.
fn folders(folder: &Path) -> Result<Vec<(String, PathBuf)>, StoreError> {
    let names = file_names(folder)?.into_iter();
    Ok(names
        .filter(|name| check_name("run", name).is_ok())
        .map(|name| (folder.join(&name), name))
        .filter(|(path, _)| path.is_dir())
        .map(|(path, name)| (name, path))
        .collect())
}

/// The folder of the run with exactly these names, if there is one. What could be no name of a run is
/// not looked for, so that no text leads anywhere else.
pub fn exact(root: &Path, scenario: &str, id: &str) -> Option<PathBuf> {
    check_name("scenario", scenario).ok()?;
    check_name("run", id).ok()?;
    let dir = folder(root, scenario, id);
    dir.join(MANIFEST).is_file().then_some(dir)
}

/// The folder of a run named by `last`, `last~N`, a prefix of its id (or of the part after the
/// time), or a path.
///
/// # Errors
/// When no run matches, or several do.
pub fn find(root: &Path, name: &str) -> Result<PathBuf, StoreError> {
    let entries = list(root, None)?;
    let none = || StoreError::NoRun {
        name: name.to_owned(),
        known: entries.iter().take(SHOWN).map(|e| e.id.clone()).collect(),
    };
    if let Some(back) = steps_back(name) {
        let entry = entries.get(back).ok_or_else(none)?;
        return Ok(entry.dir.clone());
    }
    let path = Path::new(name);
    if !name.is_empty() && path.join(MANIFEST).is_file() {
        return Ok(path.to_owned());
    }
    let matches: Vec<_> = entries
        .iter()
        .filter(|e| !name.is_empty() && is_prefix(name, &e.id))
        .collect();
    match matches.as_slice() {
        [] => Err(none()),
        [one] => Ok(one.dir.clone()),
        several => match several.iter().find(|e| e.id == name) {
            Some(exact) => Ok(exact.dir.clone()),
            None => Err(StoreError::AmbiguousRun {
                name: name.to_owned(),
                matches: several.iter().take(SHOWN).map(|e| e.id.clone()).collect(),
            }),
        },
    }
}

fn is_prefix(name: &str, id: &str) -> bool {
    id.starts_with(name)
        || id
            .split_once('-')
            .is_some_and(|(_, random)| random.starts_with(name))
}

/// 0 for `last`, N for `last~N`.
fn steps_back(name: &str) -> Option<usize> {
    match name.strip_prefix("last")? {
        "" => Some(0),
        rest => rest.strip_prefix('~')?.parse().ok(),
    }
}
