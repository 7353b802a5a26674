//! An accepted set of rounds: what `check --against @name` compares with.

use serde::{Deserialize, Serialize};

use super::{Capacity, Fingerprint, Outline, Round};

/// Version of the ledger on disk.
pub const SCHEMA: u32 = 2;

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
    /// Those of the parents that stay current beside it; none when it begins anew.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keeps: Vec<String>,
    /// The run that showed the same improvement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirmed_by: Option<String>,
}

impl Acceptance {
    /// When and where it was measured: the boot of the machine, and the day.
    pub fn session(&self) -> (&str, &str) {
        let day = self.rounds.first().map_or("", |r| &r.started_at);
        // RFC 3339 begins with the ten characters of the date.
        (&self.fingerprint.boot_id, day.get(..10).unwrap_or(day))
    }
}

/// Acceptances that were removed from a ledger, and by whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pruning {
    pub schema: u32,
    pub scenario: String,
    pub reason: String,
    pub pruned_by: String,
    /// RFC 3339, UTC.
    pub pruned_at: String,
    pub pruned: Vec<Pruned>,
}

/// What is remembered of an acceptance that was removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pruned {
    /// Content hash.
    pub hash: String,
    pub accepted_at: String,
    pub label: Option<String>,
    pub run: String,
    pub rounds: usize,
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
    /// Current acceptances with their content hashes, oldest first. `save` leaves one,
    /// `promote` adds one.
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
        self.by_session()
            .into_iter()
            .max()
            .map_or(0, |last| last + 1)
    }

    /// The session of each round, in the order of [`Baseline::rounds`], numbered from 0.
    pub fn session_of_rounds(&self) -> Vec<usize> {
        let members = self.members.iter().zip(self.by_session());
        members
            .flat_map(|((_, a), session)| a.rounds.iter().map(move |_| session))
            .collect()
    }

    /// Hashes of the members that were measured in the newest `count` sessions, of one at least.
    pub fn newest_sessions(&self, count: usize) -> Vec<&String> {
        let by_session = self.by_session();
        let mut newest: Vec<usize> = Vec::new();
        for session in by_session.iter().rev() {
            if newest.len() < count.max(1) && !newest.contains(session) {
                newest.push(*session);
            }
        }
        let members = self.members.iter().zip(by_session);
        members
            .filter(|(_, session)| newest.contains(session))
            .map(|((hash, _), _)| hash)
            .collect()
    }

    /// The session of each member, numbered from 0 as they appear.
    fn by_session(&self) -> Vec<usize> {
        let mut known: Vec<(&str, &str)> = Vec::new();
        let members = self.members.iter();
        members
            .map(|(_, a)| {
                let session = a.session();
                known.iter().position(|k| *k == session).unwrap_or_else(|| {
                    known.push(session);
                    known.len() - 1
                })
            })
            .collect()
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
