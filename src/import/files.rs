//! Files and folders to be read, within limits.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::diagnostic::{Diagnostic, SourceFile, foreign as codes};
use crate::units::Nanos;
use crate::untrusted::Untrusted;

use super::benchmarks::{self, Files};
use super::{Kind, Measured};

/// The most bytes of one import, all its files together.
const MOST: u64 = 64 << 20;

/// Folders of criterion that are looked into.
const DEEPEST: usize = 8;
const MOST_ENTRIES: usize = 100_000;

/// Reads a file of at most `limit` bytes.
///
/// # Errors
/// When it cannot be read or is larger.
fn bytes(path: &Path, limit: u64) -> Result<Vec<u8>, Diagnostic> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(limit + 1).read_to_end(&mut bytes));
    match read {
        Err(e) => Err(unreadable(path, &e.to_string())),
        Ok(_) if bytes.len() as u64 > limit => Err(unreadable(
            path,
            &format!("it is larger than {} MiB", MOST >> 20),
        )),
        Ok(_) => Ok(bytes),
    }
}

/// Reads a text.
///
/// # Errors
/// When it cannot be read, is larger than the limit, or is no UTF-8.
pub fn text(path: &Path) -> Result<SourceFile, Diagnostic> {
    let text = String::from_utf8(bytes(path, MOST)?)
        .map_err(|_| unreadable(path, "it is not text in UTF-8"))?;
    Ok(SourceFile {
        name: path.display().to_string(),
        text: text.into(),
    })
}

/// What one import reads.
#[derive(Debug)]
pub struct Rounds {
    /// Of the first; whether they belong together is seen later.
    pub kind: Kind,
    /// With the names of their files.
    pub rounds: Vec<(String, Measured)>,
}

/// Reads one round from each path, of the kind named or the one their contents tell; tells before each
/// how many are read.
///
/// # Errors
/// All files that cannot be read, or are not what their tool writes; never empty.
pub fn read(
    kind: Option<Kind>,
    paths: &[PathBuf],
    unit: Nanos,
    reading: &mut dyn FnMut(usize),
) -> Result<Rounds, Vec<Diagnostic>> {
    let mut budget = MOST;
    let mut rounds = Vec::new();
    let mut kinds = Vec::new();
    let mut found = Vec::new();
    for (done, path) in paths.iter().enumerate() {
        reading(done);
        match one(kind, path, unit, &mut budget) {
            Ok((kind, measured)) => {
                kinds.push(kind);
                rounds.push((name(path), measured));
            }
            Err(d) => found.push(d),
        }
    }
    match kinds.first() {
        Some(&kind) if found.is_empty() => Ok(Rounds { kind, rounds }),
        _ => Err(found),
    }
}

fn one(
    kind: Option<Kind>,
    path: &Path,
    unit: Nanos,
    budget: &mut u64,
) -> Result<(Kind, Measured), Diagnostic> {
    let broken = |kind: Kind, reason: &str| {
        let message = format!("{} is not what {} leaves", name(path), kind.name());
        Diagnostic::error(&codes::BROKEN_IMPORT, message)
            .because(reason)
            .help("measure again, or name the tool with --from")
    };
    if path.is_dir() {
        let kind = kind.unwrap_or(Kind::Criterion);
        if kind != Kind::Criterion {
            return Err(broken(kind, "it is a folder"));
        }
        let measured = benchmarks::parse(&estimates_below(path, budget)?);
        return Ok((kind, measured.map_err(|reason| broken(kind, &reason))?));
    }
    let bytes = within(path, budget)?;
    let Some(kind) = kind.or_else(|| Kind::of(&bytes)) else {
        let names = Kind::ALL.map(Kind::name).join(", ");
        return Err(Diagnostic::error(
            &codes::UNKNOWN_KIND,
            format!("{} is of no tool that is known", name(path)),
        )
        .because(format!("known are {names}"))
        .help("name the tool with --from"));
    };
    let measured = kind.parse(&bytes, unit);
    Ok((kind, measured.map_err(|reason| broken(kind, &reason))?))
}

/// Reads a file out of what is left of the budget.
fn within(path: &Path, budget: &mut u64) -> Result<Vec<u8>, Diagnostic> {
    let bytes = bytes(path, *budget)?;
    *budget -= bytes.len() as u64;
    Ok(bytes)
}

/// The latest estimates of every benchmark below a folder.
fn estimates_below(folder: &Path, budget: &mut u64) -> Result<Vec<Files>, Diagnostic> {
    let mut found = Vec::new();
    let mut open = vec![(folder.to_owned(), 0)];
    let mut seen = 0;
    while let Some((folder, depth)) = open.pop() {
        let entries = fs::read_dir(&folder).map_err(|e| unreadable(&folder, &e.to_string()))?;
        for entry in entries.flatten() {
            seen += 1;
            // A link is no folder here, so there is no way round in circles.
            let is_folder = entry.file_type().is_ok_and(|t| t.is_dir());
            if !is_folder || depth >= DEEPEST {
                continue;
            }
            if seen > MOST_ENTRIES {
                return Err(unreadable(
                    &folder,
                    "there are more than 100,000 entries below it",
                ));
            }
            let path = entry.path();
            let (benchmark, estimates) = (path.join("benchmark.json"), path.join("estimates.json"));
            if entry.file_name() == "new" && benchmark.is_file() && estimates.is_file() {
                found.push(Files {
                    benchmark: within(&benchmark, budget)?,
                    estimates: within(&estimates, budget)?,
                });
            } else {
                open.push((path, depth + 1));
            }
        }
    }
    Ok(found)
}

fn unreadable(path: &Path, reason: &str) -> Diagnostic {
    Diagnostic::error(&codes::UNREADABLE, format!("cannot read {}", name(path)))
        .because(reason)
        .help("check the path")
}

fn name(path: &Path) -> String {
    Untrusted::new(path.display().to_string()).terminal()
}
