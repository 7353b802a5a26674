//! Accepted levels: `baselines/<scenario>/levels/` under the project root, append-only.
//!
//! Every acceptance is one JSON file, named by the SHA-256 of its bytes, never changed and never
//! removed. None names another, so two branches add different files and git merges them.

use std::path::{Path, PathBuf};

use super::StoreError;
use super::ledger::BASELINES;
use super::lock::lock;
use super::whole::{
    check_name, check_schema, folder_of, parse, read_whole, sha256_hex, stays_below, sweep,
    write_new,
};
use crate::model::{LEVEL_SCHEMA, LevelAcceptance};

const LEVELS: &str = "levels";
const LIMIT: u64 = 16 << 20;

/// Stores an acceptance and returns its content hash; its schema is filled in here.
///
/// # Errors
/// When the scenario's name is no folder name, a value is not finite, or it cannot be written.
pub fn accept(root: &Path, mut acceptance: LevelAcceptance) -> Result<String, StoreError> {
    let folder = folder(root, &acceptance.scenario)?;
    stays_below(root, &folder)?;
    acceptance.schema = LEVEL_SCHEMA;
    let unfit = |reason: String| StoreError::Unfit {
        path: folder.clone(),
        reason,
    };
    let mut bytes = serde_json::to_vec_pretty(&acceptance).map_err(|e| unfit(e.to_string()))?;
    bytes.push(b'\n');
    // JSON has no infinity: what would not be read back is not written.
    serde_json::from_slice::<LevelAcceptance>(&bytes).map_err(|e| unfit(e.to_string()))?;
    let hash = sha256_hex(&bytes);
    // One lock for all that is accepted of a scenario.
    let _lock = lock(root, folder_of(&folder))?;
    sweep(&folder)?;
    write_new(&folder.join(format!("{hash}.json")), &bytes)?;
    Ok(hash)
}

/// Every acceptance of a scenario with its content hash, oldest first.
///
/// # Errors
/// When a file cannot be read, is newer, or does not have the hash that is its name.
pub fn accepted(root: &Path, scenario: &str) -> Result<Vec<(String, LevelAcceptance)>, StoreError> {
    let folder = folder(root, scenario)?;
    let entries = match std::fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(StoreError::io("list", &folder)(e)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.map_err(StoreError::io("list", &folder))?.path();
        let name = path.file_name().and_then(|n| n.to_str());
        // A half-written file has another ending.
        if let Some(hash) = name.and_then(|n| n.strip_suffix(".json")) {
            found.push((hash.to_owned(), read(&path, hash)?));
        }
    }
    found.sort_by(|(h, a), (i, b)| (&a.accepted_at, h).cmp(&(&b.accepted_at, i)));
    Ok(found)
}

fn read(path: &Path, hash: &str) -> Result<LevelAcceptance, StoreError> {
    let bytes = read_whole(path, LIMIT)?
        .ok_or_else(|| StoreError::io("read", path)(std::io::ErrorKind::NotFound.into()))?;
    if sha256_hex(&bytes) != hash {
        let reason = "the content does not have the hash that is its name";
        return Err(StoreError::damaged(path, 0, reason));
    }
    check_schema(path, &bytes, LEVEL_SCHEMA)?;
    parse(path, &bytes)
}

fn folder(root: &Path, scenario: &str) -> Result<PathBuf, StoreError> {
    check_name("scenario", scenario)?;
    Ok(root.join(BASELINES).join(scenario).join(LEVELS))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Fingerprint, StoredLevel};

    fn acceptance(at: &str, value: f64) -> LevelAcceptance {
        LevelAcceptance {
            schema: 0,
            scenario: "checkout".into(),
            reason: "right".into(),
            accepted_by: "a tester".into(),
            accepted_at: at.into(),
            run: "20261122T090000Z-9f3c1a2b".into(),
            revision: None,
            plan_hash: "00ff".into(),
            fingerprint: Fingerprint::default(),
            levels: vec![StoredLevel {
                metric: "latency.p50".into(),
                values: vec![value],
            }],
        }
    }

    #[test]
    fn levels_are_added_and_come_back_in_the_order_of_their_acceptance() {
        let root = tempfile::tempdir().expect("a folder");
        assert_eq!(accepted(root.path(), "checkout").expect("none"), []);
        let later = acceptance("2026-11-23T09:00:00Z", 2.0);
        let first = acceptance("2026-11-22T09:00:00Z", 0.1 + 0.2);
        let hashes = [
            accept(root.path(), later).expect("stores"),
            accept(root.path(), first).expect("stores"),
        ];
        let found = accepted(root.path(), "checkout").expect("reads");
        assert_eq!(found.len(), 2);
        assert_eq!([&found[1].0, &found[0].0], [&hashes[0], &hashes[1]]);
        assert_eq!(found[0].1.levels[0].values, [0.1 + 0.2]);
        assert_eq!(found[0].1.schema, LEVEL_SCHEMA);
    }

    #[test]
    fn a_level_that_was_changed_is_refused_and_a_value_that_is_none_never_written() {
        let root = tempfile::tempdir().expect("a folder");
        let bad = accept(
            root.path(),
            acceptance("2026-11-22T09:00:00Z", f64::INFINITY),
        );
        assert!(matches!(bad, Err(StoreError::Unfit { .. })));
        let hash = accept(root.path(), acceptance("2026-11-22T09:00:00Z", 2.0)).expect("stores");
        let path = folder(root.path(), "checkout")
            .expect("a name")
            .join(format!("{hash}.json"));
        let text = std::fs::read_to_string(&path).expect("reads");
        std::fs::write(&path, text.replace("2.0", "9.0")).expect("writes");
        let error = accepted(root.path(), "checkout").expect_err("damaged");
        assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
        assert!(matches!(
            accepted(root.path(), "../x"),
            Err(StoreError::Name { .. })
        ));
    }
}
