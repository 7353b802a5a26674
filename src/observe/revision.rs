//! Which commit the working directory stands at, read from the files that git keeps.

use std::fs;
use std::path::{Path, PathBuf};

/// The commit that is checked out in the current folder or one above it; None outside a repository.
pub fn revision() -> Option<String> {
    let here = std::env::current_dir().ok()?;
    let git = here
        .ancestors()
        .find_map(|folder| git_folder(&folder.join(".git")))?;
    resolve(&git)
}

/// A `.git` is the folder itself, or a file that names it (worktrees and submodules).
fn git_folder(path: &Path) -> Option<PathBuf> {
    if path.is_dir() {
        return Some(path.to_owned());
    }
    let text = fs::read_to_string(path).ok()?;
    let named = Path::new(text.strip_prefix("gitdir:")?.trim());
    Some(path.parent()?.join(named))
}

fn resolve(git: &Path) -> Option<String> {
    let head = fs::read_to_string(git.join("HEAD")).ok()?;
    let Some(name) = head.strip_prefix("ref:").map(str::trim) else {
        return commit(&head);
    };
    // The branches of a worktree are kept with the main checkout.
    let common = fs::read_to_string(git.join("commondir"))
        .map_or_else(|_| git.to_owned(), |text| git.join(text.trim()));
    if let Ok(text) = fs::read_to_string(common.join(name)) {
        return commit(&text);
    }
    let packed = fs::read_to_string(common.join("packed-refs")).ok()?;
    packed
        .lines()
        .find_map(|line| line.strip_suffix(name)?.strip_suffix(' '))
        .and_then(commit)
}

/// A full object name, SHA-1 or SHA-256, and nothing else.
fn commit(text: &str) -> Option<String> {
    let text = text.trim();
    let is_name = matches!(text.len(), 40 | 64) && text.bytes().all(|b| b.is_ascii_hexdigit());
    is_name.then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: &str = "0123456789abcdef0123456789abcdef01234567";

    #[test]
    fn a_commit_is_found_loose_packed_and_detached() {
        let git = tempfile::tempdir().expect("a folder");
        let write = |name: &str, text: &str| {
            let path = git.path().join(name);
            fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
            fs::write(path, text).expect("a file");
        };
        write("HEAD", "ref: refs/heads/main\n");
        assert_eq!(resolve(git.path()), None);
        write(
            "packed-refs",
            &format!("# pack-refs\n{NAME} refs/heads/main\n"),
        );
        assert_eq!(resolve(git.path()).as_deref(), Some(NAME));
        write("refs/heads/main", &NAME.replace('0', "f"));
        assert_eq!(resolve(git.path()), Some(NAME.replace('0', "f")));
        write("HEAD", NAME);
        assert_eq!(resolve(git.path()).as_deref(), Some(NAME));
        write("HEAD", "no commit\u{1b}[31m");
        assert_eq!(resolve(git.path()), None);
    }
}
