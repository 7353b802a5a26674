//! The text of a file that was written by hand: regular, of a sensible size, and UTF-8.

use std::path::Path;

use crate::diagnostic::{Diagnostic, scenario as codes};

use super::limits;

/// Reads it whole.
///
/// # Errors
/// Why it cannot be read.
pub(super) fn read(path: &Path) -> Result<String, Diagnostic> {
    let shown = path.display();
    let unreadable = |what: &str| {
        Diagnostic::error(&codes::UNREADABLE, format!("{shown} {what}"))
            .help("a scenario is a TOML file: plimsoll init writes one")
    };
    let cannot = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => {
            Diagnostic::error(&codes::NOT_FOUND, format!("there is no file {shown}"))
                .help("plimsoll init writes a scenario")
        }
        _ => unreadable("cannot be read").because(error.to_string()),
    };
    let about = path.metadata().map_err(cannot)?;
    if about.is_dir() {
        return Err(unreadable("is a folder"));
    }
    if !about.is_file() {
        return Err(unreadable("is not a regular file"));
    }
    if about.len() > limits::FILE {
        return Err(unreadable("is larger than 1 MiB")
            .because("scenarios are written by hand; large bodies belong in a body-file"));
    }
    let bytes = std::fs::read(path).map_err(cannot)?;
    String::from_utf8(bytes).map_err(|error| {
        let sound = error.as_bytes().utf8_chunks().next();
        let line = 1 + sound.map_or(0, |chunk| chunk.valid().matches('\n').count());
        unreadable("is not UTF-8").because(format!("line {line} holds a byte that is no text"))
    })
}
