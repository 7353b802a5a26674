//! The instrument's own error: `reports/.instrument.json`, until it is measured again.

use std::path::{Path, PathBuf};

use super::StoreError;
use super::runs::REPORTS;
use super::whole::{check_schema, parse, read_whole, write_whole};
use crate::model::{INSTRUMENT_SCHEMA, InstrumentError};

/// Hidden, and no name of a scenario.
const FILE: &str = ".instrument.json";
const LIMIT: u64 = 64 << 10;

/// Keeps it in place of what was kept before.
///
/// # Errors
/// When it cannot be written.
pub fn keep(root: &Path, error: &InstrumentError) -> Result<(), StoreError> {
    let path = path(root);
    let mut bytes = serde_json::to_vec_pretty(error).map_err(|e| StoreError::Unfit {
        path: path.clone(),
        reason: e.to_string(),
    })?;
    bytes.push(b'\n');
    write_whole(&path, &bytes)
}

/// What was kept for this kind of machine. One that cannot be read is as good as none: it only
/// informs, and is measured again in a minute.
pub fn kept(root: &Path, machine: &str) -> Option<InstrumentError> {
    let path = path(root);
    let bytes = read_whole(&path, LIMIT).ok().flatten()?;
    check_schema(&path, &bytes, INSTRUMENT_SCHEMA).ok()?;
    let error: InstrumentError = parse(&path, &bytes).ok()?;
    (error.machine == machine).then_some(error)
}

fn path(root: &Path) -> PathBuf {
    root.join(REPORTS).join(FILE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Nanos;

    #[test]
    fn it_is_kept_for_its_machine_and_a_damaged_one_is_none() {
        let root = tempfile::tempdir().expect("a folder");
        let error = InstrumentError {
            schema: INSTRUMENT_SCHEMA,
            measured_at: "2026-11-26T10:00:00Z".into(),
            machine: "two cores".into(),
            errors: [("p99".to_owned(), Nanos(50_000))].into(),
        };
        assert_eq!(kept(root.path(), "two cores"), None);
        keep(root.path(), &error).expect("kept");
        assert_eq!(kept(root.path(), "two cores"), Some(error));
        assert_eq!(kept(root.path(), "three cores"), None);
        for damaged in ["", "{}", "{\"schema\": 2}"] {
            std::fs::write(path(root.path()), damaged).expect("written");
            assert_eq!(kept(root.path(), "two cores"), None, "{damaged}");
        }
    }
}
