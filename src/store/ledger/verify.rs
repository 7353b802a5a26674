//! Verifying: every entry is what its name says, nothing is missing, and HEAD agrees.

use std::path::PathBuf;

use super::book::Ledger;
use super::files::{Entry, Folder, HEAD, is_hash};
use super::head::{Entries, Head};
use crate::store::StoreError;
use crate::store::lock::lock;
use crate::store::whole::{file_names, sweep};

/// One thing that is wrong with a ledger.
#[derive(Debug)]
pub struct Fault {
    pub error: StoreError,
    /// It can be worked out from the entries what should be there instead.
    pub is_derivable: bool,
}

/// What was found in a ledger.
#[derive(Debug, Default)]
pub struct Verified {
    pub acceptances: usize,
    pub pruned: usize,
    pub faults: Vec<Fault>,
}

impl Verified {
    /// True when there is no ledger at all.
    pub fn is_empty(&self) -> bool {
        self.acceptances == 0 && self.faults.is_empty()
    }
}

/// Faults and what is needed to mend them.
#[derive(Debug, Default)]
struct Examined {
    verified: Verified,
    /// Set when HEAD is wrong, and this is right.
    head: Option<Head>,
    /// Pruned and still there.
    leftovers: Vec<String>,
}

impl Ledger {
    /// Reads every file and says everything that is wrong.
    ///
    /// # Errors
    /// When the folder cannot be listed.
    pub fn verify(&self) -> Result<Verified, StoreError> {
        // A save or pruning between two readings looks like a fault and is none.
        let mut before = self.folder.hashes()?;
        loop {
            let examined = examine(&self.folder)?;
            let now = self.folder.hashes()?;
            if examined.verified.faults.is_empty() || now == before {
                return Ok(examined.verified);
            }
            before = now;
        }
    }

    /// Mends what can be derived: HEAD, what a killed save left behind, and what a pruning had yet
    /// to remove. Returns the faults that were mended.
    ///
    /// # Errors
    /// When a file cannot be written or removed.
    pub fn repair(&self) -> Result<Vec<Fault>, StoreError> {
        let _lock = lock(&self.folder.root, &self.folder.dir)?;
        sweep(&self.folder.dir)?;
        let examined = examine(&self.folder)?;
        if let Some(head) = &examined.head {
            self.folder.write_head(head)?;
        }
        self.folder.remove(examined.leftovers.iter())?;
        let faults = examined.verified.faults.into_iter();
        Ok(faults.filter(|f| f.is_derivable).collect())
    }
}

fn examine(folder: &Folder) -> Result<Examined, StoreError> {
    let mut examined = Examined::default();
    let fault = |error| Fault {
        error,
        is_derivable: false,
    };
    let mut faults = Vec::new();
    for name in file_names(&folder.dir)? {
        let stem = name.strip_suffix(".json");
        if name != HEAD && stem.is_some_and(|stem| !is_hash(stem)) {
            let path = folder.dir.join(&name);
            faults.push(fault(stray(path, "its name is no content hash")));
        }
    }
    let strays = faults.len();
    let mut entries = Entries::default();
    for hash in folder.hashes()? {
        let entry = folder.read(&hash).and_then(|entry| {
            let scenario = match &entry {
                Entry::Acceptance(a) => &a.scenario,
                Entry::Pruning(p) => &p.scenario,
            };
            if *scenario == folder.scenario {
                return Ok(entry);
            }
            let why = format!("it belongs to the scenario `{scenario}`");
            Err(stray(folder.path_of(&hash), &why))
        });
        match entry {
            Ok(entry) => entries.add(entry, hash),
            Err(error) => faults.push(fault(error)),
        }
    }
    let all_read = faults.len() == strays;
    examined.leftovers = entries.settle();
    for hash in &examined.leftovers {
        faults.push(Fault {
            error: stray(folder.path_of(hash), "it was pruned"),
            is_derivable: true,
        });
    }
    let orphans = entries.orphans();
    for (child, parent) in &orphans {
        faults.push(fault(folder.orphan(child, parent)));
    }
    examined.verified.acceptances = entries.acceptances.len();
    examined.verified.pruned = entries.pruned().len();
    match folder.stored_head() {
        Err(error) => faults.push(fault(error)),
        // From a part of the entries no HEAD can be derived.
        Ok(_) if !all_read || !orphans.is_empty() => {}
        Ok(stored) => {
            let derived = entries.head();
            if let Err(error) = folder.holds(stored.as_ref(), &entries, &derived) {
                faults.push(fault(error));
            } else if let Some(what) = disagrees(stored.as_ref(), &derived) {
                let path = folder.dir.join(HEAD);
                faults.push(Fault {
                    error: StoreError::Head { path, what },
                    is_derivable: true,
                });
                examined.head = Some(derived);
            }
        }
    }
    examined.verified.faults = faults;
    Ok(examined)
}

fn stray(path: PathBuf, why: &str) -> StoreError {
    StoreError::Stray {
        path,
        why: why.to_owned(),
    }
}

/// What HEAD says otherwise than the entries; its schema may be older.
fn disagrees(stored: Option<&Head>, derived: &Head) -> Option<String> {
    let Some(head) = stored else {
        return (derived.revision > 0).then(|| "is lost, or is no JSON".to_owned());
    };
    if head.revision != derived.revision || head.pruned != derived.pruned {
        return Some(format!(
            "is at revision {}, and the entries make {}",
            head.revision, derived.revision
        ));
    }
    (head.members != derived.members)
        .then(|| "names other current acceptances than the entries do".to_owned())
}
