//! Reads body files, and only from where a scenario may read.

use std::path::{Component, Path};

use crate::diagnostic::{Diagnostic, scenario as codes};

use super::shape::short;
use super::{limits, request};

fn bad(name: &str, what: &str) -> Diagnostic {
    Diagnostic::error(
        &codes::BODY_FILE,
        format!("the body file `{}` {what}", short(name)),
    )
}

/// The contents of `name` below `base`.
///
/// # Errors
/// Why it may not or cannot be read, without a place.
pub(super) fn read(base: &Path, name: &str) -> Result<Vec<u8>, Diagnostic> {
    let outside = || {
        bad(name, "lies outside the folder of the scenario")
            .because("a scenario from somebody else must not send your files to its target")
            .help("copy the file beside the scenario and write its name")
    };
    let below = |component| matches!(component, Component::Normal(_) | Component::CurDir);
    if name.is_empty() || !Path::new(name).components().all(below) {
        return Err(outside());
    }
    let path = base.join(name);
    let cannot = |error: std::io::Error| {
        bad(name, "cannot be read")
            .because(error.to_string())
            .help(format!("it is looked for at {}", path.display()))
    };
    // A link may lead out, so the real places are compared.
    let real = path.canonicalize().map_err(cannot)?;
    if !real.starts_with(base.canonicalize().map_err(cannot)?) {
        return Err(outside());
    }
    let about = real.metadata().map_err(cannot)?;
    if !about.is_file() {
        return Err(bad(name, "is not a file").help("name a regular file"));
    }
    if about.len() > limits::BODY {
        return Err(bad(name, "is larger than 16 MiB").help("send a smaller body"));
    }
    let bytes = std::fs::read(&real).map_err(cannot)?;
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
