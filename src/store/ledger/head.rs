//! What is current, worked out from the entries: pure.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::model::{Acceptance, BASELINE_SCHEMA, Pruning};

/// `HEAD.json`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Head {
    pub(super) schema: u32,
    /// Number of entries there ever were.
    pub(super) revision: u64,
    /// How many of them were pruned.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(super) pruned: u64,
    /// Content hashes of the current acceptances, oldest first.
    pub(super) members: Vec<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks by reference")]
const fn is_zero(n: &u64) -> bool {
    *n == 0
}

/// Everything in the folder of a ledger, by content hash.
#[derive(Debug, Default)]
pub(super) struct Entries {
    /// Without those that a pruning names.
    pub(super) acceptances: BTreeMap<String, Acceptance>,
    pub(super) prunings: BTreeMap<String, Pruning>,
}

impl Entries {
    /// Hashes of the acceptances that were pruned.
    pub(super) fn pruned(&self) -> BTreeSet<&String> {
        let all = self.prunings.values().flat_map(|p| &p.pruned);
        all.map(|p| &p.hash).collect()
    }

    /// Parents that are neither there nor pruned, as (child, parent).
    pub(super) fn orphans(&self) -> Vec<(&String, &String)> {
        let pruned = self.pruned();
        let gone =
            |parent: &String| !self.acceptances.contains_key(parent) && !pruned.contains(parent);
        let all = self.acceptances.iter();
        all.flat_map(|(hash, a)| a.parents.iter().map(move |parent| (hash, parent)))
            .filter(|(_, parent)| gone(parent))
            .collect()
    }

    /// Parents before children, else by time and hash.
    pub(super) fn in_order(&self) -> Vec<&String> {
        let mut rest: BTreeMap<&String, &Acceptance> = self.acceptances.iter().collect();
        let mut ordered = Vec::with_capacity(rest.len());
        // A content hash cannot name itself, so each turn finds one whose parents are all listed.
        while let Some(hash) = rest
            .iter()
            .filter(|(_, a)| !a.parents.iter().any(|p| rest.contains_key(p)))
            .min_by_key(|(hash, a)| (&a.accepted_at, **hash))
            .map(|(hash, _)| *hash)
        {
            rest.remove(hash);
            ordered.push(hash);
        }
        ordered
    }

    /// The acceptances that none names as one before it, in their order.
    pub(super) fn ends(&self) -> Vec<&String> {
        let followed: BTreeSet<&String> =
            self.acceptances.values().flat_map(|a| &a.parents).collect();
        let all = self.in_order().into_iter();
        all.filter(|hash| !followed.contains(hash)).collect()
    }

    /// Current are the acceptances that no other replaced.
    pub(super) fn head(&self) -> Head {
        let replaced: BTreeSet<&String> = self
            .acceptances
            .values()
            .flat_map(|a| a.parents.iter().filter(|p| !a.keeps.contains(p)))
            .collect();
        let current = self.in_order().into_iter();
        let pruned = self.pruned().len() as u64;
        let there = self.acceptances.len() + self.prunings.len();
        Head {
            schema: BASELINE_SCHEMA,
            revision: there as u64 + pruned,
            pruned,
            members: current
                .filter(|hash| !replaced.contains(hash))
                .cloned()
                .collect(),
        }
    }
}
