//! Reading files of `/proc`, many and again and again, without allocating for each.

use std::borrow::Cow;
use std::fmt::{Arguments, Write as _};
use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::path::Path;

/// Reads texts into a buffer that it keeps.
#[derive(Debug, Default)]
pub(super) struct Texts {
    path: String,
    bytes: Vec<u8>,
}

impl Texts {
    /// The text of a file; None when it is not there, or not for us. What is not UTF-8, as names of
    /// processes may be, is replaced.
    pub(super) fn read(&mut self, path: Arguments<'_>) -> Option<Cow<'_, str>> {
        self.path.clear();
        self.path.write_fmt(path).ok()?;
        let mut file = File::open(&self.path).ok()?;
        let mut length = 0;
        loop {
            if length == self.bytes.len() {
                self.bytes.resize((2 * length).max(4096), 0);
            }
            match file.read(&mut self.bytes[length..]) {
                Ok(0) => break,
                Ok(n) => length += n,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return None,
            }
        }
        Some(String::from_utf8_lossy(&self.bytes[..length]))
    }
}

/// The entries of a directory that are numbers: processes, threads or descriptors.
pub(super) fn numbered(directory: impl AsRef<Path>) -> Vec<u32> {
    let Ok(entries) = fs::read_dir(directory) else {
        return Vec::new();
    };
    entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_any_length_are_read_whole_one_after_the_other() {
        let folder = tempfile::tempdir().unwrap();
        let mut texts = Texts::default();
        for length in [0, 5, 4096, 10_000, 3] {
            let path = folder.path().join("x");
            fs::write(&path, "a".repeat(length)).unwrap();
            let read = texts.read(format_args!("{}", path.display())).unwrap();
            assert_eq!(read.len(), length);
        }
        assert!(texts.read(format_args!("/nowhere/at/all")).is_none());
        fs::write(folder.path().join("y"), b"a\xffb").unwrap();
        let path = folder.path().join("y");
        let read = texts.read(format_args!("{}", path.display())).unwrap();
        assert_eq!(read, "a\u{fffd}b");
    }
}
