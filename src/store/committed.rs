//! Files as a commit has them, read through `git` and laid down in a private folder.
//!
//! Nothing of the working tree is looked at, and nothing in the repository is changed: `git` is asked
//! for a name, a listing and the contents of files, without hooks, filters, replaced objects or a
//! network. Only regular files are taken. A symbolic link or a submodule would lead out of what was
//! committed there.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::path::{Component, Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::StoreError;
use super::whole::write_whole;
use crate::mutant::{self, Mutant};

/// Most bytes of a listing.
const LISTING: u64 = 64 << 20;
/// Most bytes of all files together.
const CONTENTS: u64 = 512 << 20;
/// Longest time for one answer of `git`.
const WITHIN: Duration = Duration::from_secs(60);

/// A commit, and the files of it that were taken so far.
#[derive(Debug)]
pub struct Committed {
    repository: PathBuf,
    reference: String,
    commit: String,
    /// Deleted with this value.
    folder: TempDir,
}

/// What a commit has at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Below the root that the commit was opened for.
    pub path: String,
    pub kind: Kind,
    id: String,
    size: u64,
}

/// What an entry of a commit is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    File,
    Symlink,
    Submodule,
}

impl Committed {
    /// Finds the commit that a branch, a tag or a hash names, in the repository that `root` lies in.
    ///
    /// # Errors
    /// When it names none, or `git` cannot be asked.
    pub fn open(root: &Path, reference: &str) -> Result<Self, StoreError> {
        let refused = |reason: &str| StoreError::Git {
            reference: reference.to_owned(),
            reason: reason.to_owned(),
        };
        // What begins with a dash would be an option of git.
        let is_name = |c: char| !c.is_control() && !c.is_whitespace() && c != ':';
        if reference.is_empty() || reference.starts_with('-') || !reference.chars().all(is_name) {
            return Err(refused("that is no name of a branch, a tag or a commit"));
        }
        let mut opened = Self {
            repository: root.to_owned(),
            reference: reference.to_owned(),
            commit: String::new(),
            folder: TempDir::new().map_err(StoreError::io("make", &std::env::temp_dir()))?,
        };
        let wanted = format!("{reference}^{{commit}}");
        let said = opened.git(&["rev-parse", "--verify", &wanted], Vec::new(), 1 << 10)?;
        let commit = String::from_utf8_lossy(&said).trim().to_owned();
        if !matches!(commit.len(), 40 | 64) || !commit.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(refused("git does not know it"));
        }
        opened.commit = commit;
        Ok(opened)
    }

    /// Its full hash.
    pub fn commit(&self) -> &str {
        &self.commit
    }

    /// Where the files lie that were taken, under their own names.
    pub fn root(&self) -> &Path {
        self.folder.path()
    }

    /// What lies at a path and below it; nothing when there is no such path.
    ///
    /// # Errors
    /// When `git` cannot tell.
    pub fn list(&self, path: &str) -> Result<Vec<Listed>, StoreError> {
        let below = format!("./{path}");
        let said = self.git(
            &["ls-tree", "-r", "-z", "-l", &self.commit, &below],
            Vec::new(),
            LISTING,
        )?;
        let entries = said.split(|b| *b == 0).filter(|entry| !entry.is_empty());
        let listed = entries.filter_map(|entry| listed(std::str::from_utf8(entry).ok()?));
        Ok(listed.collect())
    }

    /// Lays files down below [`root`](Self::root); what is no regular file is left out.
    ///
    /// # Errors
    /// When they are too large, `git` does not give them, or they cannot be written.
    pub fn take<'a>(&self, files: impl Iterator<Item = &'a Listed>) -> Result<(), StoreError> {
        let follows = mutant::is_on(Mutant::SymlinksFollowed);
        let files: Vec<_> = files
            .filter(|f| f.kind == Kind::File || follows && f.kind == Kind::Symlink)
            .collect();
        if files.is_empty() {
            return Ok(());
        }
        let all = files
            .iter()
            .fold(0, |sum: u64, f| sum.saturating_add(f.size));
        if all > CONTENTS {
            return Err(self.failed(format!("its files are larger than {} MiB", CONTENTS >> 20)));
        }
        let asked: String = files.iter().map(|f| format!("{}\n", f.id)).collect();
        // Each answer has a line of its own before it, and a line end after it.
        let most = all + 256 * files.len() as u64;
        let said = self.git(&["cat-file", "--batch"], asked.into_bytes(), most)?;
        let contents = contents(&said).ok_or_else(|| self.failed("git answered otherwise"))?;
        for file in files {
            let bytes = contents
                .get(file.id.as_str())
                .ok_or_else(|| self.failed(format!("git does not give `{}`", file.path)))?;
            let path = self.folder.path().join(&file.path);
            if follows && file.kind == Kind::Symlink {
                let to = self.repository.join(&file.path).canonicalize();
                let read = to.and_then(std::fs::read);
                write_whole(&path, &read.map_err(StoreError::io("read", &path))?)?;
                continue;
            }
            write_whole(&path, bytes)?;
        }
        Ok(())
    }

    fn failed(&self, reason: impl Into<String>) -> StoreError {
        StoreError::Git {
            reference: self.reference.clone(),
            reason: reason.into(),
        }
    }

    /// What git answers, of at most so many bytes.
    fn git(&self, words: &[&str], input: Vec<u8>, most: u64) -> Result<Vec<u8>, StoreError> {
        let failed = |error: std::io::Error| {
            self.failed(match error.kind() {
                std::io::ErrorKind::NotFound => "the program `git` is not there".to_owned(),
                _ => format!("git cannot be asked: {error}"),
            })
        };
        let mut child = Command::new("git")
            .current_dir(&self.repository)
            .args(words)
            .env("GIT_NO_REPLACE_OBJECTS", "1")
            .env("GIT_NO_LAZY_FETCH", "1")
            .env("GIT_OPTIONAL_LOCKS", "0")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("LC_ALL", "C")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(failed)?;
        let answer = answer(&mut child, input, most);
        if answer.is_err() {
            // It may still write to us; nobody reads that any more.
            let _ = child.kill();
        }
        let status = child.wait().map_err(failed)?;
        let (said, complaint) = answer.map_err(failed)?;
        if said.len() as u64 > most {
            return Err(self.failed("git says more than can be read"));
        }
        if !status.success() {
            let complaint = String::from_utf8_lossy(&complaint);
            let line = complaint.lines().next().unwrap_or_default();
            let line = line.strip_prefix("fatal: ").unwrap_or(line);
            return Err(self.failed(match line {
                "" => "git ended, and does not say why".to_owned(),
                line => line.to_owned(),
            }));
        }
        Ok(said)
    }
}

/// Gives git its input and reads what it says and complains of, within a time.
fn answer(child: &mut Child, input: Vec<u8>, most: u64) -> std::io::Result<(Vec<u8>, Vec<u8>)> {
    let missing = || std::io::Error::other("it has no pipes");
    let mut stdin = child.stdin.take().ok_or_else(missing)?;
    let stdout = child.stdout.take().ok_or_else(missing)?;
    let stderr = child.stderr.take().ok_or_else(missing)?;
    let pid = Pid::from_child(child);
    let (done, watched) = mpsc::channel::<()>();
    std::thread::scope(|scope| {
        // It is not waited for before this ends, so its id is its own until then.
        scope.spawn(move || {
            if watched.recv_timeout(WITHIN) == Err(mpsc::RecvTimeoutError::Timeout) {
                let _ = kill_process(pid, Signal::KILL);
            }
        });
        // Whoever does not read all of it closes the pipe; that is said by the reader below.
        scope.spawn(move || drop(stdin.write_all(&input)));
        let complaints = scope.spawn(move || {
            let mut complaint = Vec::new();
            stderr
                .take(4 << 10)
                .read_to_end(&mut complaint)
                .map(|_| complaint)
        });
        let mut said = Vec::new();
        let read = stdout.take(most.saturating_add(1)).read_to_end(&mut said);
        let complaint = complaints.join().unwrap_or_else(|_| Ok(Vec::new()));
        drop(done);
        read?;
        Ok((said, complaint?))
    })
}

/// `100644 blob HASH     SIZE\tPATH`; None for what has no place below a folder.
fn listed(entry: &str) -> Option<Listed> {
    let (about, path) = entry.split_once('\t')?;
    let mut words = about.split_whitespace();
    let kind = match words.next()? {
        "100644" | "100755" => Kind::File,
        "120000" => Kind::Symlink,
        _ => Kind::Submodule,
    };
    let (_, id, size) = (words.next()?, words.next()?, words.next()?);
    let below = Path::new(path)
        .components()
        .all(|part| matches!(part, Component::Normal(_)));
    below.then(|| Listed {
        path: path.to_owned(),
        kind,
        id: id.to_owned(),
        size: size.parse().unwrap_or(0),
    })
}

/// The contents by their ids; None when the answer has another form.
fn contents(mut said: &[u8]) -> Option<BTreeMap<&str, &[u8]>> {
    let mut all = BTreeMap::new();
    while !said.is_empty() {
        let end = said.iter().position(|b| *b == b'\n')?;
        let mut words = std::str::from_utf8(&said[..end]).ok()?.split(' ');
        let id = words.next()?;
        let size: usize = (words.next()? == "blob").then(|| words.next()?.parse().ok())??;
        let from = end + 1;
        all.insert(id, said.get(from..from.checked_add(size)?)?);
        said = said.get(from + size + 1..)?;
    }
    Some(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_read_and_one_that_leads_out_is_not() {
        let of = |mode: &str, path: &str| listed(&format!("{mode} blob abc     12\t{path}"));
        let file = of("100644", "scenarios/a b.toml").expect("a file");
        assert_eq!((file.path.as_str(), file.size), ("scenarios/a b.toml", 12));
        assert_eq!(file.kind, Kind::File);
        assert_eq!(of("120000", "a").map(|l| l.kind), Some(Kind::Symlink));
        assert_eq!(of("160000", "a").map(|l| l.kind), Some(Kind::Submodule));
        for out in ["../a", "/etc/passwd", "a/../../b"] {
            assert_eq!(of("100644", out), None, "{out}");
        }
    }

    #[test]
    fn what_git_gives_is_cut_into_files() {
        let said = b"aa blob 3\nx\ny\nbb blob 0\n\n";
        let all = contents(said).expect("well-formed");
        assert_eq!(all["aa"], b"x\ny");
        assert_eq!(all["bb"], b"");
        assert_eq!(contents(b"aa missing\n"), None);
        assert_eq!(contents(b"aa blob 9\nx\n"), None);
    }
}
