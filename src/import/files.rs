//! Files and folders to be read, within limits.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::diagnostic::{Diagnostic, SourceFile, foreign as codes};
use crate::untrusted::Untrusted;

/// The most bytes of one import, all its files together.
pub(super) const MOST: u64 = 64 << 20;

/// Reads a file of at most `limit` bytes.
///
/// # Errors
/// When it cannot be read or is larger.
pub(super) fn bytes(path: &Path, limit: u64) -> Result<Vec<u8>, Diagnostic> {
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

pub(super) fn unreadable(path: &Path, reason: &str) -> Diagnostic {
    let name = Untrusted::new(path.display().to_string()).terminal();
    Diagnostic::error(&codes::UNREADABLE, format!("cannot read {name}"))
        .because(reason)
        .help("check the path")
}
