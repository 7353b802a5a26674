//! The instrument's own error: `reports/.instrument.json`, until it is measured again.

use std::path::{Path, PathBuf};

use super::StoreError;
use super::runs::REPORTS;
use super::sealed::{self, Kind};
use super::whole::stays_below;
use crate::model::{INSTRUMENT_SCHEMA, InstrumentError};

/// Hidden, and no name of a scenario.
const FILE: &str = ".instrument.json";
const KIND: Kind = Kind {
    schema: INSTRUMENT_SCHEMA,
    sealed_since: 2,
    limit: 64 << 10,
};

/// Keeps it in place of what was kept before.
///
/// # Errors
/// When it cannot be written.
pub fn keep(root: &Path, error: &InstrumentError) -> Result<(), StoreError> {
    stays_below(root, &root.join(REPORTS))?;
    sealed::write(&path(root), error)
}

/// What was kept for this kind of machine. One that cannot be read is as good as none: it only
/// informs, and is measured again in a minute.
pub fn kept(root: &Path, machine: &str) -> Option<InstrumentError> {
    let error: InstrumentError = sealed::read(&path(root), KIND).ok().flatten()?;
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
        for damaged in ["", "{}", "{\"schema\": 3}"] {
            std::fs::write(path(root.path()), damaged).expect("written");
            assert_eq!(kept(root.path(), "two cores"), None, "{damaged}");
        }
    }
}
