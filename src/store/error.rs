//! What can go wrong with stored files: what was tried, on what, and why it failed.

use std::io;
use std::path::{Path, PathBuf};

use crate::diagnostic::{Diagnostic, store};
use crate::units::Bytes;

/// A failure of the store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        action: &'static str,
        path: PathBuf,
        source: io::Error,
    },
    /// The bytes are not what was written.
    #[error("{} is damaged at byte {offset}: {reason}", path.display())]
    Damaged {
        path: PathBuf,
        offset: u64,
        reason: String,
    },
    #[error("{} has schema {found}, and this Plimsoll reads up to {known}", path.display())]
    Newer {
        path: PathBuf,
        found: u64,
        known: u32,
    },
    /// A file names others that are gone.
    #[error("{} {what}", path.display())]
    Missing { path: PathBuf, what: String },
    /// What is derived from the entries of a ledger says otherwise.
    #[error("{} {what}", path.display())]
    Head { path: PathBuf, what: String },
    /// A file that has no place in a ledger.
    #[error("{} does not belong here: {why}", path.display())]
    Stray { path: PathBuf, why: String },
    /// It cannot be written, or not be read with the limits there are.
    #[error("{}: {reason}", path.display())]
    Unfit { path: PathBuf, reason: String },
    /// The index is damaged, of another version, or held by another process.
    #[error("the index {} cannot be used: {reason}", path.display())]
    Index {
        path: PathBuf,
        reason: String,
        busy: bool,
    },
    /// A run would not fit.
    #[error("{} has room for {free}, and the run needs about {needed}", path.display())]
    NoSpace {
        path: PathBuf,
        needed: Bytes,
        free: Bytes,
    },
    /// A link leads there.
    #[error("{} leads out of the project, to {}", path.display(), leads_to.display())]
    Outside { path: PathBuf, leads_to: PathBuf },
    #[error("nothing can be read from `{reference}`: {reason}")]
    Git { reference: String, reason: String },
    #[error("`{name}` cannot be the name of a {what}")]
    Name { what: &'static str, name: String },
    #[error("no run `{name}`")]
    NoRun {
        name: String,
        /// The latest runs there are.
        known: Vec<String>,
    },
    #[error("`{name}` names {} runs", matches.len())]
    AmbiguousRun { name: String, matches: Vec<String> },
    #[error("the baseline of `{scenario}` is at revision {found}, not {expected}")]
    Conflict {
        scenario: String,
        expected: u64,
        found: u64,
    },
}

impl StoreError {
    /// The error as shown to a user, with its code and a way out.
    pub fn diagnostic(&self) -> Diagnostic {
        let d = |code| Diagnostic::error(code, self.to_string());
        match self {
            Self::Io { source, .. } => d(&store::INPUT_OUTPUT).help(match source.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                    "free some space; what was stored before is intact"
                }
                io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                    "make the folder writable for this user, or work in another one"
                }
                io::ErrorKind::FileTooLarge => {
                    "raise the limit on the size of files (ulimit -f); what was stored before is intact"
                }
                io::ErrorKind::NotFound => "check that the path exists",
                _ => "check the disk and the permissions of the path",
            }),
            Self::Damaged { .. } => d(&store::DAMAGED)
                .because("numbers from a damaged file would be wrong, so none are shown")
                .help("restore the file from git or a backup, or measure again"),
            Self::Newer { .. } => {
                d(&store::NEWER).help("update Plimsoll, or use the version that wrote the file")
            }
            Self::Missing { .. } => d(&store::MISSING)
                .because("an older acceptance in its place would be a wrong reference")
                .help("restore the missing file from git or a backup; to begin anew, move the folder away"),
            Self::Head { .. } => d(&store::HEAD_DISAGREES)
                .because("it is worked out from the acceptances, so nothing is lost")
                .help("plimsoll baseline verify --repair writes it anew"),
            Self::Stray { .. } => d(&store::STRAY)
                .help("move it out of the folder; plimsoll baseline verify --repair removes what was pruned"),
            Self::Unfit { .. } => d(&store::UNFIT),
            Self::Index { .. } => d(&store::INDEX)
                .because("it was built anew in memory, and could not be read there either")
                .help("delete the file: it is built again from the run folders"),
            Self::NoSpace { .. } => d(&store::NO_SPACE)
                .because("it would end in the middle, and what was measured until then could not be judged")
                .help("free some space, name another folder with --root, or shorten the phases or the number of rounds"),
            Self::Outside { .. } => d(&store::OUTSIDE)
                .because("a scenario that others wrote could have files written anywhere")
                .help("remove the link; to keep runs elsewhere, mount that place, or run there with --root"),
            Self::Git { .. } => d(&store::NO_COMMIT)
                .because("a gate that is not found would be no gate")
                .help("name a branch, a tag or a commit that this repository has: git fetch origin main, then --policy-from origin/main"),
            Self::Name { .. } => d(&store::BAD_NAME)
                .because("it becomes the name of a folder")
                .help("use letters, digits, `-`, `_` and `.`, at most 80, a letter or digit first"),
            Self::NoRun { known, .. } => d(&store::NO_RUN).help(if known.is_empty() {
                "there are no runs yet: plimsoll run SCENARIO".to_owned()
            } else {
                format!("the latest are {}", known.join(", "))
            }),
            Self::AmbiguousRun { matches, .. } => d(&store::AMBIGUOUS_RUN)
                .because(format!("they are {}", matches.join(", ")))
                .help("write more of the id"),
            Self::Conflict { .. } => d(&store::CONFLICT)
                .because("a conflict: somebody else saved a baseline in the meantime, and theirs is kept")
                .help("look at it with `plimsoll baseline show`, then save again if it is still right"),
        }
    }

    pub(super) fn damaged(path: &Path, offset: usize, reason: impl Into<String>) -> Self {
        Self::Damaged {
            path: path.to_owned(),
            offset: offset as u64,
            reason: reason.into(),
        }
    }

    /// For `map_err`: names what was tried on which path.
    pub(super) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io {
            action,
            path,
            source,
        }
    }
}

impl From<&StoreError> for Diagnostic {
    fn from(error: &StoreError) -> Self {
        error.diagnostic()
    }
}
