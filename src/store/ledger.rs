//! Baselines: `baselines/<scenario>/` under the project root, an append-only ledger.
//!
//! Every acceptance is one JSON file named by the SHA-256 of its bytes and never changed or removed;
//! it names the acceptances that were current before it. The moment its file appears under its name
//! is the moment it is saved. `HEAD.json` is derived: its revision is the number of acceptances, so a
//! HEAD that is behind (a crash between the two writes, two branches merged by git) shows itself and
//! is worked out anew from the files: current are those that no other has as a parent.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::plausible;
use super::whole::{
    check_name, check_schema, is_temporary, make_folder, parse, read_whole, sha256_hex,
};
use super::{StoreError, write_whole};
use crate::model::{Acceptance, BASELINE_SCHEMA, Baseline, BaselineId};

pub(super) const BASELINES: &str = "baselines";
const HEAD: &str = "HEAD.json";
const LOCK: &str = ".lock";
const ACCEPTANCE_LIMIT: u64 = 256 << 20;
const HEAD_LIMIT: u64 = 1 << 20;

/// The baselines of one scenario.
#[derive(Debug, Clone)]
pub struct Ledger {
    scenario: String,
    dir: PathBuf,
}

/// Which state of the ledger a save may follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    /// The one the user has seen; 0 when there was none.
    Revision(u64),
    /// Whatever is current when the lock is taken.
    Any,
}

/// A save that is on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Saved {
    pub revision: u64,
    /// Content hash of the acceptance: its name.
    pub hash: String,
}

/// `HEAD.json`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
struct Head {
    schema: u32,
    /// Number of acceptances.
    revision: u64,
    /// Content hashes of the current ones, oldest first.
    members: Vec<String>,
}

impl Ledger {
    /// The ledger of a scenario below the project root; nothing is read or made yet.
    ///
    /// # Errors
    /// When the scenario's name is no folder name.
    pub fn new(root: &Path, scenario: &str) -> Result<Self, StoreError> {
        check_name("scenario", scenario)?;
        Ok(Self {
            scenario: scenario.to_owned(),
            dir: root.join(BASELINES).join(scenario),
        })
    }

    /// All ledgers below the project root that hold anything, by scenario.
    ///
    /// # Errors
    /// When one cannot be read.
    pub fn list(root: &Path) -> Result<Vec<Baseline>, StoreError> {
        let folder = root.join(BASELINES);
        let names: BTreeSet<String> = file_names(&folder)?
            .into_iter()
            .filter(|name| folder.join(name).is_dir())
            .collect();
        names
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
        let head = self.head()?;
        if head.members.is_empty() {
            return Ok(None);
        }
        let id = BaselineId {
            scenario: self.scenario.clone(),
            revision: head.revision,
            members: head.members,
        };
        self.at(&id).map(Some)
    }

    /// An earlier state, or the current one.
    ///
    /// # Errors
    /// When a file cannot be read, is newer or damaged.
    pub fn at(&self, id: &BaselineId) -> Result<Baseline, StoreError> {
        let members = id
            .members
            .iter()
            .map(|hash| Ok((hash.clone(), self.acceptance(hash)?)))
            .collect::<Result<_, StoreError>>()?;
        Ok(Baseline {
            scenario: self.scenario.clone(),
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
    pub fn save(&self, mut acceptance: Acceptance, expect: Expect) -> Result<Saved, StoreError> {
        let _lock = self.lock()?;
        self.sweep()?;
        let head = self.head()?;
        if let Expect::Revision(expected) = expect
            && expected != head.revision
        {
            return Err(StoreError::Conflict {
                scenario: self.scenario.clone(),
                expected,
                found: head.revision,
            });
        }
        acceptance.schema = BASELINE_SCHEMA;
        acceptance.scenario.clone_from(&self.scenario);
        acceptance.parents = head.members;
        let bytes = self.encode(&acceptance)?;
        let hash = sha256_hex(&bytes);
        write_whole(&self.path_of(&hash), &bytes)?;
        let head = Head {
            schema: BASELINE_SCHEMA,
            revision: head.revision + 1,
            members: vec![hash.clone()],
        };
        write_whole(&self.dir.join(HEAD), &self.json(HEAD, &head)?)?;
        Ok(Saved {
            revision: head.revision,
            hash,
        })
    }

    /// Every acceptance there ever was with its content hash, parents before children.
    ///
    /// # Errors
    /// When a file cannot be read, is newer or damaged.
    pub fn history(&self) -> Result<Vec<(String, Acceptance)>, StoreError> {
        let mut rest = self.all()?;
        let mut history: Vec<(String, Acceptance)> = Vec::with_capacity(rest.len());
        // A content hash cannot name itself, so each turn finds one whose parents are all listed.
        while let Some(hash) = rest
            .iter()
            .filter(|(_, a)| !a.parents.iter().any(|p| rest.contains_key(p)))
            .min_by_key(|(hash, a)| (&a.accepted_at, *hash))
            .map(|(hash, _)| hash.clone())
        {
            history.extend(rest.remove_entry(&hash));
        }
        Ok(history)
    }

    /// Waits until no other process saves here; unlocks when dropped.
    fn lock(&self) -> Result<File, StoreError> {
        make_folder(&self.dir)?;
        let path = self.dir.join(LOCK);
        OpenOptions::new()
            .create(true)
            .append(true)
            .open(&path)
            .and_then(|file| file.lock().map(|()| file))
            .map_err(StoreError::io("lock", &path))
    }

    /// Removes what a killed save left half written; with the lock held nobody else is writing.
    fn sweep(&self) -> Result<(), StoreError> {
        for name in file_names(&self.dir)?.iter().filter(|n| is_temporary(n)) {
            let path = self.dir.join(name);
            fs::remove_file(&path).map_err(StoreError::io("remove", &path))?;
        }
        Ok(())
    }

    /// `HEAD.json` if it is up to date, else what it should say.
    fn head(&self) -> Result<Head, StoreError> {
        // Read before the folder is listed: a save that runs now can only add to the list.
        let head = self.stored_head()?;
        let hashes = self.hashes()?;
        match head {
            Some(head) if head.revision > hashes.len() as u64 => Err(self.missing(format!(
                "counts {} acceptances, and {} are there",
                head.revision,
                hashes.len()
            ))),
            Some(head) if head.revision == hashes.len() as u64 => {
                match head.members.iter().find(|m| !hashes.contains(*m)) {
                    Some(member) => {
                        Err(self.missing(format!("names {member}.json, which is not there")))
                    }
                    None if head.members.is_empty() && !hashes.is_empty() => self.derived_head(),
                    None => Ok(head),
                }
            }
            _ if hashes.is_empty() => Ok(Head::default()),
            _ => self.derived_head(),
        }
    }

    /// None when it is lost, or is no JSON: git leaves conflict marks in it.
    fn stored_head(&self) -> Result<Option<Head>, StoreError> {
        let path = self.dir.join(HEAD);
        let Some(bytes) = read_whole(&path, HEAD_LIMIT)? else {
            return Ok(None);
        };
        match check_schema(&path, &bytes, BASELINE_SCHEMA) {
            Err(error @ StoreError::Newer { .. }) => Err(error),
            _ => Ok(parse(&path, &bytes).ok()),
        }
    }

    fn derived_head(&self) -> Result<Head, StoreError> {
        let all = self.all()?;
        let mut parents = BTreeSet::new();
        for (hash, acceptance) in &all {
            for parent in &acceptance.parents {
                if !all.contains_key(parent) {
                    return Err(StoreError::Missing {
                        path: self.path_of(hash),
                        what: format!("follows {parent}.json, which is not there"),
                    });
                }
                parents.insert(parent);
            }
        }
        let mut members: Vec<_> = all
            .iter()
            .filter(|(hash, _)| !parents.contains(hash))
            .map(|(hash, a)| (&a.accepted_at, hash))
            .collect();
        members.sort();
        Ok(Head {
            schema: BASELINE_SCHEMA,
            revision: all.len() as u64,
            members: members.into_iter().map(|(_, hash)| hash.clone()).collect(),
        })
    }

    fn all(&self) -> Result<BTreeMap<String, Acceptance>, StoreError> {
        self.hashes()?
            .into_iter()
            .map(|hash| Ok((hash.clone(), self.acceptance(&hash)?)))
            .collect()
    }

    /// Reads one acceptance and holds it to its name.
    fn acceptance(&self, hash: &str) -> Result<Acceptance, StoreError> {
        if !is_hash(hash) {
            return Err(self.missing(format!("names `{hash}`, which is no content hash")));
        }
        let path = self.path_of(hash);
        let bytes = read_whole(&path, ACCEPTANCE_LIMIT)?
            .ok_or_else(|| StoreError::io("read", &path)(std::io::ErrorKind::NotFound.into()))?;
        if sha256_hex(&bytes) != hash {
            return Err(StoreError::damaged(
                &path,
                0,
                "the content does not have the hash that is its name",
            ));
        }
        check_schema(&path, &bytes, BASELINE_SCHEMA)?;
        let acceptance: Acceptance = parse(&path, &bytes)?;
        check(&acceptance).map_err(|reason| StoreError::damaged(&path, 0, reason))?;
        Ok(acceptance)
    }

    fn encode(&self, acceptance: &Acceptance) -> Result<Vec<u8>, StoreError> {
        let unfit = |reason| StoreError::Unfit {
            path: self.dir.clone(),
            reason,
        };
        check(acceptance).map_err(unfit)?;
        let bytes = self.json("acceptance", acceptance)?;
        // JSON has no infinity: what would not be read back is not written.
        serde_json::from_slice::<Acceptance>(&bytes).map_err(|e| unfit(e.to_string()))?;
        Ok(bytes)
    }

    fn json(&self, what: &str, content: &impl Serialize) -> Result<Vec<u8>, StoreError> {
        let mut bytes = serde_json::to_vec_pretty(content).map_err(|e| StoreError::Unfit {
            path: self.dir.join(what),
            reason: e.to_string(),
        })?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    fn hashes(&self) -> Result<BTreeSet<String>, StoreError> {
        Ok(file_names(&self.dir)?
            .into_iter()
            .filter_map(|name| name.strip_suffix(".json").map(str::to_owned))
            .filter(|stem| is_hash(stem))
            .collect())
    }

    fn path_of(&self, hash: &str) -> PathBuf {
        self.dir.join(format!("{hash}.json"))
    }

    fn missing(&self, what: String) -> StoreError {
        StoreError::Missing {
            path: self.dir.join(HEAD),
            what,
        }
    }
}

fn check(acceptance: &Acceptance) -> Result<(), String> {
    if let Some(parent) = acceptance.parents.iter().find(|p| !is_hash(p)) {
        return Err(format!("`{parent}` is no content hash"));
    }
    acceptance
        .rounds
        .iter()
        .try_for_each(|round| plausible::round(round, &acceptance.outline))
}

fn is_hash(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

/// Names in a folder; none when there is no such folder.
fn file_names(folder: &Path) -> Result<Vec<String>, StoreError> {
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::store::sample;

    fn empty() -> (tempfile::TempDir, Ledger) {
        let root = tempfile::tempdir().expect("a folder");
        let ledger = Ledger::new(root.path(), "checkout").expect("a good name");
        (root, ledger)
    }

    fn save(ledger: &Ledger, reason: &str, expect: Expect) -> Result<Saved, StoreError> {
        ledger.save(sample::acceptance(reason), expect)
    }

    fn current(ledger: &Ledger) -> (u64, Vec<String>) {
        let baseline = ledger.load().expect("loads").expect("is there");
        let reasons = baseline.members.into_iter().map(|(_, a)| a.reason);
        (baseline.revision, reasons.collect())
    }

    #[test]
    fn a_save_follows_the_one_before_and_history_keeps_both() {
        let (root, ledger) = empty();
        assert_eq!(ledger.load().expect("loads"), None);
        assert!(ledger.history().expect("reads").is_empty());
        let first = save(&ledger, "first", Expect::Revision(0)).expect("saves");
        let second = save(&ledger, "second", Expect::Any).expect("saves");
        assert_eq!((first.revision, second.revision), (1, 2));
        assert_eq!(current(&ledger), (2, vec!["second".into()]));
        let history = ledger.history().expect("reads");
        assert_eq!(history[0].0, first.hash);
        assert_eq!(history[1].1.parents, [first.hash]);
        assert_eq!(history[1].1.rounds, [sample::round(0)]);
        let listed = Ledger::list(root.path()).expect("lists");
        assert_eq!(listed, [ledger.load().expect("loads").expect("is there")]);
    }

    #[test]
    fn who_saw_an_old_revision_is_told_and_changes_nothing() {
        let (_root, ledger) = empty();
        save(&ledger, "first", Expect::Revision(0)).expect("saves");
        let error = save(&ledger, "late", Expect::Revision(0)).expect_err("a conflict");
        assert!(matches!(
            error,
            StoreError::Conflict {
                expected: 0,
                found: 1,
                ..
            }
        ));
        assert_eq!(error.diagnostic().code.id, "PL0207");
        assert_eq!(current(&ledger), (1, vec!["first".into()]));
        assert_eq!(ledger.history().expect("reads").len(), 1);
    }

    #[test]
    fn of_many_saves_at_once_each_is_recorded_or_told_conflict() {
        const WRITERS: u64 = 6;
        const SAVES: u64 = 15;
        let (_root, ledger) = empty();
        let mut saved = std::thread::scope(|scope| {
            let writers: Vec<_> = (0..WRITERS)
                .map(|w| {
                    let ledger = &ledger;
                    scope.spawn(move || {
                        let mut saved = Vec::new();
                        for i in 0..SAVES {
                            let reason = format!("{w}-{i}");
                            let expect = if w % 2 == 0 {
                                Expect::Any
                            } else {
                                let seen = ledger.load().expect("loads");
                                Expect::Revision(seen.map_or(0, |b| b.revision))
                            };
                            match save(ledger, &reason, expect) {
                                Ok(s) => saved.push((s.revision, s.hash, reason)),
                                Err(StoreError::Conflict { .. }) => {
                                    assert_ne!(expect, Expect::Any);
                                }
                                Err(other) => panic!("{other}"),
                            }
                        }
                        saved
                    })
                })
                .collect();
            writers
                .into_iter()
                .flat_map(|w| w.join().expect("no panic"))
                .collect::<Vec<_>>()
        });
        saved.sort();
        let revisions: Vec<_> = saved.iter().map(|s| s.0).collect();
        assert_eq!(revisions, (1..=saved.len() as u64).collect::<Vec<_>>());
        assert!(saved.len() as u64 >= SAVES * WRITERS / 2);
        let history: BTreeSet<_> = ledger
            .history()
            .expect("reads")
            .into_iter()
            .map(|(hash, a)| (hash, a.reason))
            .collect();
        let told: BTreeSet<_> = saved.iter().map(|s| (s.1.clone(), s.2.clone())).collect();
        assert_eq!(history, told);
        let last = saved.last().expect("some").clone();
        assert_eq!(current(&ledger), (last.0, vec![last.2]));
    }

    #[test]
    fn a_lost_or_broken_head_is_worked_out_from_the_files() {
        let (_root, ledger) = empty();
        for reason in ["first", "second", "third"] {
            save(&ledger, reason, Expect::Any).expect("saves");
        }
        let head = ledger.dir.join(HEAD);
        fs::remove_file(&head).expect("removes");
        assert_eq!(current(&ledger), (3, vec!["third".into()]));
        fs::write(&head, "<<<<<<< ours\n{").expect("writes");
        assert_eq!(current(&ledger), (3, vec!["third".into()]));
        let saved = save(&ledger, "fourth", Expect::Revision(3)).expect("saves");
        assert_eq!(saved.revision, 4);
        assert_eq!(
            ledger
                .stored_head()
                .expect("reads")
                .expect("valid")
                .revision,
            4
        );
    }

    #[test]
    fn a_save_cut_off_before_the_head_is_complete() {
        let (_root, ledger) = empty();
        save(&ledger, "first", Expect::Any).expect("saves");
        let head = fs::read(ledger.dir.join(HEAD)).expect("reads");
        save(&ledger, "second", Expect::Any).expect("saves");
        fs::write(ledger.dir.join(HEAD), head).expect("writes");
        assert_eq!(current(&ledger), (2, vec!["second".into()]));
        let error = save(&ledger, "late", Expect::Revision(1)).expect_err("a conflict");
        assert!(matches!(error, StoreError::Conflict { found: 2, .. }));
    }

    #[test]
    fn what_a_killed_save_left_half_written_is_swept_away() {
        let (_root, ledger) = empty();
        save(&ledger, "first", Expect::Any).expect("saves");
        let left = ledger.dir.join(".write-a1b2c3.tmp");
        fs::write(&left, "{").expect("writes");
        assert_eq!(current(&ledger), (1, vec!["first".into()]));
        save(&ledger, "second", Expect::Revision(1)).expect("saves");
        assert!(!left.exists());
    }

    #[test]
    fn two_branches_that_git_merged_are_both_current() {
        let (_root, ours) = empty();
        save(&ours, "common", Expect::Any).expect("saves");
        let (_root, theirs) = empty();
        save(&theirs, "common", Expect::Any).expect("saves");
        save(&ours, "ours", Expect::Any).expect("saves");
        let saved = save(&theirs, "theirs", Expect::Any).expect("saves");
        fs::copy(theirs.path_of(&saved.hash), ours.path_of(&saved.hash)).expect("copies");
        let (revision, mut reasons) = current(&ours);
        reasons.sort();
        assert_eq!(
            (revision, reasons),
            (3, vec!["ours".into(), "theirs".into()])
        );
        save(&ours, "joined", Expect::Revision(3)).expect("saves");
        assert_eq!(current(&ours), (4, vec!["joined".into()]));
        assert_eq!(ours.history().expect("reads")[3].1.parents.len(), 2);
    }

    #[test]
    fn a_missing_acceptance_is_never_replaced_by_an_older_one() {
        let (_root, ledger) = empty();
        let first = save(&ledger, "first", Expect::Any).expect("saves");
        let second = save(&ledger, "second", Expect::Any).expect("saves");
        fs::remove_file(ledger.path_of(&second.hash)).expect("removes");
        let error = ledger.load().expect_err("missing");
        assert!(
            error
                .to_string()
                .ends_with("HEAD.json counts 2 acceptances, and 1 are there")
        );
        save(&ledger, "third", Expect::Any).expect_err("missing");

        let (_root, ledger) = empty();
        save(&ledger, "first", Expect::Any).expect("saves");
        save(&ledger, "second", Expect::Any).expect("saves");
        fs::remove_file(ledger.path_of(&first.hash)).expect("removes");
        fs::remove_file(ledger.dir.join(HEAD)).expect("removes");
        let error = ledger.load().expect_err("missing");
        assert!(matches!(error, StoreError::Missing { .. }), "{error}");
    }

    #[test]
    fn no_flipped_bit_and_no_cut_is_accepted() {
        let (_root, ledger) = empty();
        let saved = save(&ledger, "first", Expect::Any).expect("saves");
        let path = ledger.path_of(&saved.hash);
        let good = fs::read(&path).expect("reads");
        let mut damaged = good.clone();
        for bit in 0..good.len() * 8 {
            // One bit of each byte: the hash does not care which.
            if bit % 8 != bit / 8 % 8 {
                continue;
            }
            damaged[bit / 8] ^= 1 << (bit % 8);
            fs::write(&path, &damaged).expect("writes");
            let error = ledger.load().expect_err("damaged");
            assert!(matches!(&error, StoreError::Damaged { path: p, .. } if *p == path));
            damaged[bit / 8] ^= 1 << (bit % 8);
        }
        for length in (0..good.len()).step_by(7) {
            fs::write(&path, &good[..length]).expect("writes");
            assert!(matches!(ledger.load(), Err(StoreError::Damaged { .. })));
        }
    }

    #[test]
    fn no_flipped_bit_of_the_head_changes_what_is_current() {
        let (_root, ledger) = empty();
        save(&ledger, "first", Expect::Any).expect("saves");
        save(&ledger, "second", Expect::Any).expect("saves");
        let path = ledger.dir.join(HEAD);
        let good = fs::read(&path).expect("reads");
        for bit in 0..good.len() * 8 {
            let mut damaged = good.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            fs::write(&path, &damaged).expect("writes");
            match ledger.load() {
                Ok(_) => assert_eq!(current(&ledger), (2, vec!["second".into()]), "bit {bit}"),
                Err(StoreError::Missing { .. } | StoreError::Newer { .. }) => {}
                Err(other) => panic!("bit {bit}: {other}"),
            }
        }
    }

    #[test]
    fn what_could_not_be_read_back_is_not_saved() {
        let (_root, ledger) = empty();
        let mut acceptance = sample::acceptance("endless");
        acceptance.rounds[0].trust.own_cpu = f64::NAN;
        let error = ledger.save(acceptance, Expect::Any).expect_err("unfit");
        assert!(matches!(error, StoreError::Unfit { .. }));
        assert_eq!(ledger.load().expect("loads"), None);
        assert!(Ledger::new(Path::new("."), "../x").is_err());
    }

    #[test]
    fn schema_one_is_read_for_ever() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/store/v1");
        let ledger = Ledger::new(&root, "checkout").expect("a good name");
        assert_eq!(current(&ledger), (2, vec!["the second".into()]));
        let history = ledger.history().expect("reads");
        assert_eq!(history[0].1, sample::acceptance("the first"));
        assert_eq!(history[1].1.parents, [history[0].0.clone()]);
    }
}
