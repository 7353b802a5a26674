//! Profiles of a run, beside its record: `profile.json`, and the stacks of each arm as
//! `profile-<arm>.folded`, which flame graph tools read as they are.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::super::sealed;
use super::super::whole::{read_whole, sha256_hex};
use crate::model::{Arm, Profile, Profiles, Stacks, Unprofiled};
use crate::store::{StoreError, write_whole};

pub(super) const PROFILES: &str = "profile.json";
/// 2 has a seal.
const SCHEMA: u32 = 2;
const INDEX: sealed::Kind = sealed::Kind {
    schema: SCHEMA,
    sealed_since: 2,
    limit: 1 << 20,
};
const STACKS_LIMIT: u64 = 256 << 20;

/// `profile.json`.
#[derive(Debug, Serialize, Deserialize)]
struct Index {
    schema: u32,
    taken: Vec<Entry>,
    missing: Vec<Unprofiled>,
}

/// A profile with the hash of its stacks.
#[derive(Debug, Serialize, Deserialize)]
struct Entry {
    #[serde(flatten)]
    profile: Profile,
    sha256: String,
}

fn stacks_of(dir: &Path, arm: Arm) -> PathBuf {
    dir.join(format!("profile-{}.folded", arm.name()))
}

/// Writes them into the folder of a run, the index last.
///
/// # Errors
/// When a file cannot be written.
pub fn write_profiles(dir: &Path, profiles: &Profiles) -> Result<(), StoreError> {
    let mut index = Index {
        schema: SCHEMA,
        taken: Vec::new(),
        missing: profiles.missing.clone(),
    };
    for profile in &profiles.taken {
        let folded = profile.stacks.folded();
        write_whole(&stacks_of(dir, profile.arm), folded.as_bytes())?;
        index.taken.push(Entry {
            profile: profile.clone(),
            sha256: sha256_hex(folded.as_bytes()),
        });
    }
    sealed::write(&dir.join(PROFILES), &index)
}

/// Reads the profiles of a run; none where it has none.
///
/// # Errors
/// When a file cannot be read, is newer, or is not what was written.
pub fn read_profiles(dir: &Path) -> Result<Profiles, StoreError> {
    let path = dir.join(PROFILES);
    let Some(index) = sealed::read::<Index>(&path, INDEX)? else {
        return Ok(Profiles::default());
    };
    let mut profiles = Profiles {
        taken: Vec::new(),
        missing: index.missing,
    };
    for entry in index.taken {
        let path = stacks_of(dir, entry.profile.arm);
        let folded = read_whole(&path, STACKS_LIMIT)?
            .ok_or_else(|| StoreError::io("read", &path)(std::io::ErrorKind::NotFound.into()))?;
        if sha256_hex(&folded) != entry.sha256 {
            return Err(StoreError::damaged(
                &path,
                0,
                "is not what was written".to_owned(),
            ));
        }
        let stacks = Stacks::parse(&String::from_utf8_lossy(&folded))
            .map_err(|line| StoreError::damaged(&path, 0, format!("line {line} is no stack")))?;
        profiles.taken.push(Profile {
            stacks,
            ..entry.profile
        });
    }
    Ok(profiles)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Profiler;
    use crate::units::Nanos;

    fn profiles() -> Profiles {
        Profiles {
            taken: vec![Profile {
                arm: Arm::Now,
                profiler: Profiler::Sampling,
                instead_of_perf: Some("perf is not installed".to_owned()),
                per_second: 47.5,
                lasted: Nanos::from_secs(3),
                left_out: 0,
                stacks: Stacks::parse("sh;running 3\nsh;waiting;wait4 100\n").expect("stacks"),
            }],
            missing: vec![Unprofiled {
                arm: Arm::Before,
                reason: "a stored baseline cannot be started".to_owned(),
            }],
        }
    }

    #[test]
    fn profiles_are_read_as_they_were_written() {
        let dir = tempfile::tempdir().expect("a folder");
        assert_eq!(
            read_profiles(dir.path()).expect("none"),
            Profiles::default()
        );
        write_profiles(dir.path(), &profiles()).expect("writes");
        assert_eq!(read_profiles(dir.path()).expect("reads"), profiles());
    }

    #[test]
    fn stacks_that_somebody_changed_are_refused() {
        let dir = tempfile::tempdir().expect("a folder");
        write_profiles(dir.path(), &profiles()).expect("writes");
        let stacks = dir.path().join("profile-now.folded");
        std::fs::write(&stacks, "sh;running 4\n").expect("writes");
        let error = read_profiles(dir.path()).expect_err("changed");
        assert!(
            error.to_string().contains("is not what was written"),
            "{error}"
        );
        std::fs::remove_file(&stacks).expect("removes");
        assert!(read_profiles(dir.path()).is_err(), "its stacks are gone");
    }
}
