//! An accepted set of rounds: what `check --against @name` compares with.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{Capacity, Fingerprint, Outline, Round};

/// Version of the ledger on disk.
pub const SCHEMA: u32 = 1;

/// One acceptance: the rounds of a run, who accepted them and why. Never changed once written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Acceptance {
    pub schema: u32,
    pub scenario: String,
    /// A label such as `v1.8.0`.
    pub label: Option<String>,
    pub reason: String,
    pub accepted_by: String,
    /// RFC 3339, UTC.
    pub accepted_at: String,
    /// The run it was taken from.
    pub run: String,
    pub plan_hash: String,
    pub revision: Option<String>,
    pub fingerprint: Fingerprint,
    pub outline: Outline,
    /// Complete rounds only.
    pub rounds: Vec<Round>,
    /// What a search for capacity found; None of any other plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity: Option<Capacity>,
    /// Content hashes of the acceptances that were current before.
    pub parents: Vec<String>,
}

/// Names one state of a ledger for ever.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BaselineId {
    pub scenario: String,
    pub revision: u64,
    /// Content hashes of the acceptances that were current.
    pub members: Vec<String>,
}

/// A state of a ledger, as a rule the current one.
#[derive(Debug, Clone, PartialEq)]
pub struct Baseline {
    pub scenario: String,
    /// Counts the changes of HEAD: the number compare-and-set is on.
    pub revision: u64,
    /// Current acceptances with their content hashes, oldest first. `save` leaves one.
    pub members: Vec<(String, Acceptance)>,
}

impl Baseline {
    pub fn id(&self) -> BaselineId {
        BaselineId {
            scenario: self.scenario.clone(),
            revision: self.revision,
            members: self.members.iter().map(|(hash, _)| hash.clone()).collect(),
        }
    }

    /// Sessions the rounds were measured in: distinct boots and days of the members.
    pub fn sessions(&self) -> usize {
        let session = |a: &Acceptance| {
            let day = a.rounds.first().map_or("", |r| &r.started_at);
            // RFC 3339 begins with the ten characters of the date.
            let day = day.get(..10).unwrap_or(day).to_owned();
            (a.fingerprint.boot_id.clone(), day)
        };
        let sessions: BTreeSet<_> = self.members.iter().map(|(_, a)| session(a)).collect();
        sessions.len()
    }

    /// The rounds of all members.
    pub fn rounds(&self) -> impl Iterator<Item = &Round> {
        self.members.iter().flat_map(|(_, a)| &a.rounds)
    }

    /// What searches for capacity found, by member.
    pub fn capacities(&self) -> Vec<&Capacity> {
        let members = self.members.iter();
        members.filter_map(|(_, a)| a.capacity.as_ref()).collect()
    }

    /// The latest member, which names plan and environment.
    pub fn latest(&self) -> Option<&Acceptance> {
        self.members.last().map(|(_, a)| a)
    }
}
