//! Reading and appending: what is current, what ever was, and the compare-and-set on both.

use std::collections::BTreeSet;
use std::path::Path;

use super::files::Folder;
use super::head::Head;
use crate::model::{Acceptance, BASELINE_SCHEMA, Baseline, BaselineId};
use crate::mutant::{self, Mutant};
use crate::store::StoreError;
use crate::store::lock::{doubtful, lock};
use crate::store::whole::{check_name, file_names, sweep};

pub(in crate::store) const BASELINES: &str = "baselines";

/// The baselines of one scenario.
#[derive(Debug, Clone)]
pub struct Ledger {
    pub(super) folder: Folder,
}

/// Which state of the ledger a change may follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    /// The one the user has seen; 0 when there was none.
    Revision(u64),
    /// Whatever is current when the lock is taken.
    Any,
}

/// A change that is on disk.
#[derive(Debug)]
pub struct Saved {
    pub revision: u64,
    /// Content hash of the entry: its name.
    pub hash: String,
    /// Why what follows from the entry could not be written. It is derived, so nothing is lost: who
    /// reads works it out, and `baseline verify --repair` writes it.
    pub unfinished: Option<StoreError>,
}

/// What becomes of the acceptances that were current.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Others<'a> {
    Replaced,
    Kept,
    /// Only these stay beside it.
    Only(&'a [String]),
}

impl Ledger {
    /// The ledger of a scenario below the project root; nothing is read or made yet.
    ///
    /// # Errors
    /// When the scenario's name is no folder name.
    pub fn new(root: &Path, scenario: &str) -> Result<Self, StoreError> {
        check_name("scenario", scenario)?;
        Ok(Self {
            folder: Folder {
                scenario: scenario.to_owned(),
                root: root.to_owned(),
                dir: root.join(BASELINES).join(scenario),
            },
        })
    }

    /// The scenarios below the project root that have a ledger.
    ///
    /// # Errors
    /// When the folder cannot be listed.
    pub fn scenarios(root: &Path) -> Result<BTreeSet<String>, StoreError> {
        let folder = root.join(BASELINES);
        Ok(file_names(&folder)?
            .into_iter()
            .filter(|name| folder.join(name).is_dir() && check_name("scenario", name).is_ok())
            .collect())
    }

    /// All ledgers below the project root that hold anything, by scenario.
    ///
    /// # Errors
    /// When one cannot be read.
    pub fn list(root: &Path) -> Result<Vec<Baseline>, StoreError> {
        Self::scenarios(root)?
            .iter()
            .filter_map(|name| Self::new(root, name).ok())
            .filter_map(|ledger| ledger.load().transpose())
            .collect()
    }

    /// The current baseline; None when nothing was ever accepted.
    ///
    /// # Errors
    /// When a file cannot be read, is newer, damaged, or missing.
    pub fn load(&self) -> Result<Option<Baseline>, StoreError> {
        self.folder.settled(|| {
            let head = self.folder.head()?;
            if head.members.is_empty() {
                return Ok(None);
            }
            let id = BaselineId {
                scenario: self.folder.scenario.clone(),
                revision: head.revision,
                members: head.members,
            };
            self.at(&id).map(Some)
        })
    }

    /// An earlier state, or the current one.
    ///
    /// # Errors
    /// When a file cannot be read, is newer or damaged, or was pruned.
    pub fn at(&self, id: &BaselineId) -> Result<Baseline, StoreError> {
        let members = id
            .members
            .iter()
            .map(|hash| Ok((hash.clone(), self.folder.acceptance(hash)?)))
            .collect::<Result<_, StoreError>>()?;
        Ok(Baseline {
            scenario: self.folder.scenario.clone(),
            revision: id.revision,
            members,
        })
    }

    /// Makes an acceptance the only current one, unless somebody else saved in the meantime.
    ///
    /// Schema, scenario and parents are filled in here.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the revision is not the expected one; nothing is written then.
    pub fn save(&self, acceptance: Acceptance, expect: Expect) -> Result<Saved, StoreError> {
        self.append(acceptance, Others::Replaced, expect)
    }

    /// Adds an acceptance to those that are current, unless somebody else saved in the meantime.
    ///
    /// # Errors
    /// As [`Ledger::save`].
    pub fn promote(&self, acceptance: Acceptance, expect: Expect) -> Result<Saved, StoreError> {
        self.append(acceptance, Others::Kept, expect)
    }

    /// Adds an acceptance that follows all that are current, of which only `keeps` stay beside it.
    ///
    /// # Errors
    /// As [`Ledger::save`].
    pub fn fold(
        &self,
        acceptance: Acceptance,
        keeps: &[String],
        expect: Expect,
    ) -> Result<Saved, StoreError> {
        self.append(acceptance, Others::Only(keeps), expect)
    }

    /// The file system that the ledger lies on, or will, where its lock cannot be relied on.
    pub fn doubtful_lock(&self) -> Option<&'static str> {
        doubtful(&self.folder.dir)
    }

    /// The acceptances that none follows, oldest first: more than one where git merged branches that
    /// both changed the baseline.
    ///
    /// # Errors
    /// When a file cannot be read, is newer, damaged, or missing.
    pub fn ends(&self) -> Result<Vec<String>, StoreError> {
        let entries = self.folder.settled(|| self.folder.entries())?;
        Ok(entries.ends().into_iter().cloned().collect())
    }

    fn append(
        &self,
        mut acceptance: Acceptance,
        others: Others<'_>,
        expect: Expect,
    ) -> Result<Saved, StoreError> {
        let _lock = lock(&self.folder.root, &self.folder.dir)?;
        sweep(&self.folder.dir)?;
        let head = self.folder.head()?;
        self.expect(expect, &head)?;
        acceptance.schema = BASELINE_SCHEMA;
        acceptance.scenario.clone_from(&self.folder.scenario);
        acceptance.keeps = match others {
            Others::Replaced => Vec::new(),
            Others::Kept => head.members.clone(),
            Others::Only(keeps) => keeps.to_vec(),
        };
        acceptance.parents = head.members;
        let hash = self.folder.write_acceptance(&acceptance)?;
        let mut members = acceptance.keeps;
        members.push(hash.clone());
        let head = Head {
            schema: BASELINE_SCHEMA,
            revision: head.revision + 1,
            pruned: head.pruned,
            members,
        };
        Ok(Saved {
            revision: head.revision,
            hash,
            // The entry is there: whatever becomes of HEAD, it is saved.
            unfinished: self.folder.write_head(&head).err(),
        })
    }

    pub(super) fn expect(&self, expect: Expect, head: &Head) -> Result<(), StoreError> {
        match expect {
            _ if mutant::is_on(Mutant::LedgerWithoutCompare) => Ok(()),
            Expect::Revision(expected) if expected != head.revision => Err(StoreError::Conflict {
                scenario: self.folder.scenario.clone(),
                expected,
                found: head.revision,
            }),
            _ => Ok(()),
        }
    }

    /// Every acceptance that was not pruned with its content hash, parents before children.
    ///
    /// # Errors
    /// When a file cannot be read, is newer or damaged.
    pub fn history(&self) -> Result<Vec<(String, Acceptance)>, StoreError> {
        let entries = self.folder.settled(|| self.folder.entries())?;
        let order: Vec<String> = entries.in_order().into_iter().cloned().collect();
        let mut all = entries.acceptances;
        let in_order = order.into_iter().filter_map(|hash| all.remove_entry(&hash));
        Ok(in_order.collect())
    }
}
