//! Reads the files that a scenario names, and only from where it may read.

use std::path::{Component, Path};

use crate::diagnostic::{Code, Diagnostic, scenario as codes};
use crate::units::Bytes;

use super::limits;
use super::shape::short;

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

const REASON: &str = "a scenario from somebody else must not send your files to its target";
pub(super) const BODY: Wanted = Wanted {
    noun: "body file",
    code: &codes::BODY_FILE,
    most: limits::BODY,
    reason: REASON,
};
pub(super) const SECRET: Wanted = Wanted {
    noun: "secret file",
    code: &codes::SECRET,
    most: limits::SECRET,
    reason: REASON,
};
pub(super) const DATA: Wanted = Wanted {
    noun: "data file",
    code: &codes::DATA_FILE,
    most: limits::DATA,
    reason: REASON,
};
pub(super) const RECORDING: Wanted = Wanted {
    noun: "recording",
    code: &codes::RECORDING,
    most: limits::RECORDING,
    reason: REASON,
};

impl Wanted {
    /// What is wrong with the file of this name.
    pub(super) fn bad(&self, name: &str, what: &str) -> Diagnostic {
        let message = format!("the {} `{}` {what}", self.noun, short(name));
        Diagnostic::error(self.code, message)
    }

    /// What is wrong with a line of the file of this name.
    pub(super) fn bad_line(&self, name: &str, line: u64, what: &str) -> Diagnostic {
        Diagnostic::error(self.code, format!("{}:{line}: {what}", short(name)))
    }

    /// The contents of `name` below `base`, as text.
    ///
    /// # Errors
    /// Why it may not or cannot be read, or the line that is no text.
    pub(super) fn text_below(&self, base: &Path, name: &str) -> Result<String, Diagnostic> {
        String::from_utf8(self.below(base, name)?).map_err(|error| {
            let sound = error.as_bytes().utf8_chunks().next();
            let line = 1 + sound.map_or(0, |chunk| chunk.valid().matches('\n').count());
            self.bad_line(name, line as u64, "a byte that is no text")
                .help("write the file in UTF-8")
        })
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

        assert_eq!(BODY.below(&base, "bodies/order.json").unwrap(), b"{}");
        let absolute = base.join("bodies/order.json");
        for outside in [
            "../secret",
            "bodies/../../secret",
            "link",
            "",
            absolute.to_str().unwrap(),
        ] {
            let message = BODY.below(&base, outside).unwrap_err().message;
            assert!(message.contains("outside"), "{outside}: {message}");
        }
        assert!(
            BODY.below(&base, "bodies")
                .unwrap_err()
                .message
                .contains("is not a file")
        );
        assert!(
            BODY.below(&base, "none")
                .unwrap_err()
                .message
                .contains("cannot be read")
        );
    }
}
