//! Pruning: what may go, and removing it so that nobody takes it for lost.

use std::collections::BTreeSet;

use super::book::{Expect, Ledger, Saved};
use super::head::{Entries, Head};
use crate::model::{Acceptance, BASELINE_SCHEMA, Baseline, Pruned, Pruning};
use crate::store::StoreError;
use crate::store::lock::lock;
use crate::store::whole::sweep;

/// What a pruning would keep and remove, each with its content hash, oldest first.
#[derive(Debug, Default)]
pub struct Prunable {
    pub kept: Vec<(String, Acceptance)>,
    pub removed: Vec<(String, Acceptance)>,
    pub revision: u64,
}

impl Ledger {
    /// What would go: all that was replaced, and of what is current the oldest sessions beyond the
    /// newest `keep`. The newest session always stays.
    ///
    /// # Errors
    /// When a file cannot be read, is newer, damaged, or missing.
    pub fn prunable(&self, keep: usize) -> Result<Prunable, StoreError> {
        self.folder.settled(|| {
            let head = self.folder.head()?;
            Ok(divide(self.folder.entries()?, &head, keep))
        })
    }

    /// Removes what [`Ledger::prunable`] names and records it; None when there is nothing to remove.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the revision is not the expected one; nothing is removed then.
    pub fn prune(
        &self,
        keep: usize,
        mut pruning: Pruning,
        expect: Expect,
    ) -> Result<Option<Saved>, StoreError> {
        let folder = &self.folder;
        let _lock = lock(&folder.root, &folder.dir)?;
        sweep(&folder.dir)?;
        let head = folder.head()?;
        self.expect(expect, &head)?;
        let divided = divide(folder.entries()?, &head, keep);
        if divided.removed.is_empty() {
            return Ok(None);
        }
        pruning.schema = BASELINE_SCHEMA;
        pruning.scenario.clone_from(&folder.scenario);
        pruning.pruned = divided.removed.iter().map(remembered).collect();
        let gone: BTreeSet<&String> = divided.removed.iter().map(|(hash, _)| hash).collect();
        let members = head.members.iter().filter(|m| !gone.contains(m));
        let after = Head {
            schema: BASELINE_SCHEMA,
            revision: head.revision + 1,
            pruned: head.pruned + gone.len() as u64,
            members: members.cloned().collect(),
        };
        // In this order a crash leaves files that are known to be pruned, and never a hole.
        let hash = folder.write(&pruning)?;
        let finished = folder
            .write_head(&after)
            .and_then(|()| folder.remove(gone.into_iter()));
        Ok(Some(Saved {
            revision: after.revision,
            hash,
            unfinished: finished.err(),
        }))
    }
}

fn remembered((hash, a): &(String, Acceptance)) -> Pruned {
    Pruned {
        hash: hash.clone(),
        accepted_at: a.accepted_at.clone(),
        label: a.label.clone(),
        run: a.run.clone(),
        rounds: a.rounds.len(),
    }
}

fn divide(entries: Entries, head: &Head, keep: usize) -> Prunable {
    let order: Vec<String> = entries.in_order().into_iter().cloned().collect();
    let mut all = entries.acceptances;
    let members = head.members.iter();
    let current = Baseline {
        scenario: String::new(),
        revision: head.revision,
        members: members.filter_map(|m| all.remove_entry(m)).collect(),
    };
    let kept: BTreeSet<String> = current.newest_sessions(keep).into_iter().cloned().collect();
    all.extend(current.members);
    let in_order = order.into_iter().filter_map(|hash| all.remove_entry(&hash));
    let (kept, removed) = in_order.partition(|(hash, _)| kept.contains(hash));
    Prunable {
        kept,
        removed,
        revision: head.revision,
    }
}
