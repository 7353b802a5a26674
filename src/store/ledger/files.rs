//! The folder of a ledger: which entries are in it, read with every check, written whole.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::head::{Entries, Head};
use crate::model::{Acceptance, BASELINE_SCHEMA, Pruning};
use crate::mutant::{self, Mutant};
use crate::store::plausible;
use crate::store::whole::{
    check_schema, file_names, parse, read_whole, sha256_hex, sync_folder, write_new,
};
use crate::store::{StoreError, write_whole};

pub(super) const HEAD: &str = "HEAD.json";
const ENTRY_LIMIT: u64 = 256 << 20;
const HEAD_LIMIT: u64 = 1 << 20;

/// One file of the ledger.
#[derive(Debug)]
pub(super) enum Entry {
    Acceptance(Box<Acceptance>),
    Pruning(Pruning),
}

/// Tells a pruning from an acceptance.
#[derive(Deserialize)]
struct Kind {
    pruned: Option<serde::de::IgnoredAny>,
}

/// The folder of one scenario's ledger.
#[derive(Debug, Clone)]
pub(super) struct Folder {
    pub(super) scenario: String,
    /// Of the project.
    pub(super) root: PathBuf,
    pub(super) dir: PathBuf,
}

impl Folder {
    /// Removes entries that a pruning names, where they are still there.
    pub(super) fn remove<'a>(
        &self,
        hashes: impl Iterator<Item = &'a String>,
    ) -> Result<(), StoreError> {
        for hash in hashes {
            let path = self.path_of(hash);
            match fs::remove_file(&path) {
                Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                    return Err(StoreError::io("remove", &path)(e));
                }
                _ => {}
            }
        }
        sync_folder(&self.dir)
    }

    /// Does something again when entries came or went meanwhile: a pruning may have removed what
    /// was listed a moment before.
    pub(super) fn settled<T>(
        &self,
        read: impl Fn() -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut before = self.hashes()?;
        loop {
            let error = match read() {
                Ok(found) => return Ok(found),
                Err(error) => error,
            };
            let now = self.hashes()?;
            if now == before {
                return Err(error);
            }
            before = now;
        }
    }

    /// `HEAD.json` if it is up to date, else what it should say.
    pub(super) fn head(&self) -> Result<Head, StoreError> {
        // Read before the folder is listed: a save that runs now can only add to the list.
        let stored = self.stored_head()?;
        let hashes = self.hashes()?;
        let there = hashes.len() as u64;
        match stored {
            None if hashes.is_empty() => Ok(Head::default()),
            Some(head)
                if head.revision.checked_sub(head.pruned) == Some(there)
                    && (hashes.is_empty() || !head.members.is_empty())
                    && head.members.iter().all(|m| hashes.contains(m)) =>
            {
                Ok(head)
            }
            stored => {
                let entries = self.entries()?;
                let derived = self.derived(&entries)?;
                self.holds(stored.as_ref(), &entries, &derived)?;
                Ok(derived)
            }
        }
    }

    /// None when it is lost, or is no JSON: git leaves conflict marks in it.
    pub(super) fn stored_head(&self) -> Result<Option<Head>, StoreError> {
        let path = self.dir.join(HEAD);
        let Some(bytes) = read_whole(&path, HEAD_LIMIT)? else {
            return Ok(None);
        };
        match check_schema(&path, &bytes, BASELINE_SCHEMA) {
            Err(error @ StoreError::Newer { .. }) => Err(error),
            _ => Ok(parse(&path, &bytes).ok()),
        }
    }

    /// What `HEAD.json` should say.
    pub(super) fn derived(&self, entries: &Entries) -> Result<Head, StoreError> {
        match entries.orphans().first() {
            Some((child, parent)) => Err(self.orphan(child, parent)),
            None => Ok(entries.head()),
        }
    }

    /// Refuses a folder that has lost what its HEAD knew.
    pub(super) fn holds(
        &self,
        stored: Option<&Head>,
        entries: &Entries,
        derived: &Head,
    ) -> Result<(), StoreError> {
        let Some(head) = stored else { return Ok(()) };
        if head.revision > derived.revision {
            return Err(self.missing(format!(
                "counts {} acceptances, and {} are there",
                head.revision, derived.revision
            )));
        }
        let pruned = entries.pruned();
        let is_known = |m: &&String| entries.acceptances.contains_key(*m) || pruned.contains(*m);
        match head.members.iter().find(|m| !is_known(m)) {
            Some(member) => Err(self.missing(format!("names {member}.json, which is not there"))),
            None => Ok(()),
        }
    }

    pub(super) fn orphan(&self, child: &str, parent: &str) -> StoreError {
        StoreError::Missing {
            path: self.path_of(child),
            what: format!("follows {parent}.json, which is not there"),
        }
    }

    /// Reads all there is.
    pub(super) fn entries(&self) -> Result<Entries, StoreError> {
        let mut entries = Entries::default();
        for hash in self.hashes()? {
            entries.add(self.read(&hash)?, hash);
        }
        entries.settle();
        Ok(entries)
    }

    /// Reads one acceptance.
    pub(super) fn acceptance(&self, hash: &str) -> Result<Acceptance, StoreError> {
        if !is_hash(hash) {
            return Err(self.missing(format!("names `{hash}`, which is no content hash")));
        }
        match self.read(hash)? {
            Entry::Acceptance(acceptance) => Ok(*acceptance),
            Entry::Pruning(_) => {
                Err(self.missing(format!("names {hash}.json, which is no acceptance")))
            }
        }
    }

    /// Reads one entry and holds it to its name.
    pub(super) fn read(&self, hash: &str) -> Result<Entry, StoreError> {
        let path = self.path_of(hash);
        let bytes = read_whole(&path, ENTRY_LIMIT)?
            .ok_or_else(|| StoreError::io("read", &path)(std::io::ErrorKind::NotFound.into()))?;
        if sha256_hex(&bytes) != hash && !mutant::is_on(Mutant::EntryByAnyName) {
            return Err(StoreError::damaged(
                &path,
                0,
                "the content does not have the hash that is its name",
            ));
        }
        entry(&path, &bytes)
    }

    /// Writes an acceptance under the name of its content, which is returned.
    pub(super) fn write_acceptance(&self, acceptance: &Acceptance) -> Result<String, StoreError> {
        check(acceptance).map_err(|reason| self.unfit(reason))?;
        self.write(acceptance)
    }

    /// Writes an entry under the name of its content, which is returned.
    pub(super) fn write<T>(&self, entry: &T) -> Result<String, StoreError>
    where
        T: Serialize + serde::de::DeserializeOwned,
    {
        let bytes = self.json("entry", entry)?;
        // JSON has no infinity: what would not be read back is not written.
        serde_json::from_slice::<T>(&bytes).map_err(|e| self.unfit(e.to_string()))?;
        let hash = sha256_hex(&bytes);
        write_new(&self.path_of(&hash), &bytes)?;
        Ok(hash)
    }

    pub(super) fn write_head(&self, head: &Head) -> Result<(), StoreError> {
        write_whole(&self.dir.join(HEAD), &self.json(HEAD, head)?)
    }

    /// Content hashes that entries are named by.
    pub(super) fn hashes(&self) -> Result<BTreeSet<String>, StoreError> {
        Ok(file_names(&self.dir)?
            .into_iter()
            .filter_map(|name| name.strip_suffix(".json").map(str::to_owned))
            .filter(|stem| is_hash(stem))
            .collect())
    }

    pub(super) fn path_of(&self, hash: &str) -> PathBuf {
        self.dir.join(format!("{hash}.json"))
    }

    fn json(&self, what: &str, content: &impl Serialize) -> Result<Vec<u8>, StoreError> {
        let mut bytes = serde_json::to_vec_pretty(content).map_err(|e| StoreError::Unfit {
            path: self.dir.join(what),
            reason: e.to_string(),
        })?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    fn unfit(&self, reason: String) -> StoreError {
        StoreError::Unfit {
            path: self.dir.clone(),
            reason,
        }
    }

    fn missing(&self, what: String) -> StoreError {
        StoreError::Missing {
            path: self.dir.join(HEAD),
            what,
        }
    }
}

impl Entries {
    pub(super) fn add(&mut self, entry: Entry, hash: String) {
        match entry {
            Entry::Acceptance(acceptance) => drop(self.acceptances.insert(hash, *acceptance)),
            Entry::Pruning(pruning) => drop(self.prunings.insert(hash, pruning)),
        }
    }

    /// Takes away what is pruned and still there; returns its hashes.
    pub(super) fn settle(&mut self) -> Vec<String> {
        let pruned: BTreeSet<String> = self.pruned().into_iter().cloned().collect();
        pruned
            .into_iter()
            .filter(|hash| self.acceptances.remove(hash).is_some())
            .collect()
    }
}

/// An entry from its bytes, whatever its name. `path` is for messages only.
fn entry(path: &Path, bytes: &[u8]) -> Result<Entry, StoreError> {
    check_schema(path, bytes, BASELINE_SCHEMA)?;
    if parse::<Kind>(path, bytes)?.pruned.is_some() {
        let pruning: Pruning = parse(path, bytes)?;
        return match pruning.pruned.iter().find(|p| !is_hash(&p.hash)) {
            Some(p) => {
                let reason = format!("`{}` is no content hash", p.hash);
                Err(StoreError::damaged(path, 0, reason))
            }
            None => Ok(Entry::Pruning(pruning)),
        };
    }
    let acceptance: Acceptance = parse(path, bytes)?;
    check(&acceptance).map_err(|reason| StoreError::damaged(path, 0, reason))?;
    Ok(Entry::Acceptance(Box::new(acceptance)))
}

/// An acceptance from the bytes of an entry; None of a pruning. `path` is for messages only.
///
/// # Errors
/// When it is newer or damaged.
pub fn parse_entry(path: &Path, bytes: &[u8]) -> Result<Option<Acceptance>, StoreError> {
    Ok(match entry(path, bytes)? {
        Entry::Acceptance(acceptance) => Some(*acceptance),
        Entry::Pruning(_) => None,
    })
}

fn check(acceptance: &Acceptance) -> Result<(), String> {
    if let Some(parent) = acceptance.parents.iter().find(|p| !is_hash(p)) {
        return Err(format!("`{parent}` is no content hash"));
    }
    if let Some(kept) = acceptance
        .keeps
        .iter()
        .find(|k| !acceptance.parents.contains(k))
    {
        return Err(format!("it keeps `{kept}`, which is none of its parents"));
    }
    acceptance
        .rounds
        .iter()
        .try_for_each(|round| plausible::round(round, &acceptance.outline))
}

pub(super) fn is_hash(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}
