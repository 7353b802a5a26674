//! Reads the files that a scenario names, and only from where it may read.

use std::path::{Component, Path};

use crate::diagnostic::{Code, Diagnostic, scenario as codes};
use crate::units::Bytes;

use super::shape::short;
use super::{limits, request};

/// A kind of file that a scenario names.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    /// For messages: `body file`.
    pub noun: &'static str,
    pub code: &'static Code,
    /// Most bytes of it.
    pub most: u64,
    /// Why it must not lie elsewhere.
    pub reason: &'static str,
}

const BODY: Wanted = Wanted {
    noun: "body file",
    code: &codes::BODY_FILE,
    most: limits::BODY,
    reason: "a scenario from somebody else must not send your files to its target",
};

impl Wanted {
    /// What is wrong with the file of this name.
    pub(super) fn bad(&self, name: &str, what: &str) -> Diagnostic {
        let message = format!("the {} `{}` {what}", self.noun, short(name));
        Diagnostic::error(self.code, message)
    }

    /// The contents of `name` below `base`.
    ///
    /// # Errors
    /// Why it may not or cannot be read, without a place.
    pub(super) fn below(&self, base: &Path, name: &str) -> Result<Vec<u8>, Diagnostic> {
        let outside = || {
            self.bad(name, "lies outside the folder of the scenario")
                .because(self.reason)
                .help("copy the file beside the scenario and write its name")
        };
        let below = |component| matches!(component, Component::Normal(_) | Component::CurDir);
        if name.is_empty() || !Path::new(name).components().all(below) {
            return Err(outside());
        }
        let path = base.join(name);
        // A link may lead out, so the real places are compared.
        let real = path
            .canonicalize()
            .map_err(|e| self.cannot(name, &path, &e))?;
        let base = base
            .canonicalize()
            .map_err(|e| self.cannot(name, &path, &e))?;
        if !real.starts_with(base) {
            return Err(outside());
        }
        self.at(name, &real)
    }

    /// The contents of the file at a path that the user, not a scenario, has named.
    ///
    /// # Errors
    /// Why it cannot be read, without a place.
    pub(super) fn at(&self, name: &str, path: &Path) -> Result<Vec<u8>, Diagnostic> {
        let about = path.metadata().map_err(|e| self.cannot(name, path, &e))?;
        if !about.is_file() {
            return Err(self.bad(name, "is not a file").help("name a regular file"));
        }
        if about.len() > self.most {
            let limit = Bytes(self.most);
            return Err(self
                .bad(name, &format!("is larger than {limit}"))
                .help("name a smaller file"));
        }
        std::fs::read(path).map_err(|e| self.cannot(name, path, &e))
    }

    fn cannot(&self, name: &str, path: &Path, error: &std::io::Error) -> Diagnostic {
        self.bad(name, "cannot be read")
            .because(error.to_string())
            .help(format!("it is looked for at {}", path.display()))
    }
}

/// The body in the file `name` below `base`.
///
/// # Errors
/// Why it may not or cannot be sent, without a place.
pub(super) fn read(base: &Path, name: &str) -> Result<Vec<u8>, Diagnostic> {
    let bytes = BODY.below(base, name)?;
    if let Ok(text) = std::str::from_utf8(&bytes) {
        request::no_placeholder(text)?;
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_below_the_scenario_are_read() {
        let root = tempfile::tempdir().unwrap();
        let base = root.path().join("scenarios");
        std::fs::create_dir_all(base.join("bodies")).unwrap();
        std::fs::write(base.join("bodies/order.json"), "{}").unwrap();
        std::fs::write(root.path().join("secret"), "s").unwrap();
        std::os::unix::fs::symlink(root.path().join("secret"), base.join("link")).unwrap();

        assert_eq!(read(&base, "bodies/order.json").unwrap(), b"{}");
        let absolute = base.join("bodies/order.json");
        for outside in [
            "../secret",
            "bodies/../../secret",
            "link",
            "",
            absolute.to_str().unwrap(),
        ] {
            let message = read(&base, outside).unwrap_err().message;
            assert!(message.contains("outside"), "{outside}: {message}");
        }
        assert!(
            read(&base, "bodies")
                .unwrap_err()
                .message
                .contains("is not a file")
        );
        assert!(
            read(&base, "none")
                .unwrap_err()
                .message
                .contains("cannot be read")
        );
    }
}
