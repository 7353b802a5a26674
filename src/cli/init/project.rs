//! `plimsoll.toml`, where a project has none yet.

use std::path::{Path, PathBuf};

use crate::scenario::{self, PROJECT_FILE};

/// The file for a project at `root` that may load these hosts beyond this machine; None when there is one.
pub(super) fn project_file(root: &Path, hosts: &[&str]) -> Option<(PathBuf, String)> {
    let path = root.join(PROJECT_FILE);
    if path.symlink_metadata().is_ok() {
        return None;
    }
    let mut text = scenario::project_sample();
    if !hosts.is_empty() {
        let hosts: Vec<String> = hosts.iter().map(|host| super::quoted(host)).collect();
        let set = format!("\nallow-hosts = [{}]\n", hosts.join(", "));
        let line = text
            .find("\n#allow-hosts")
            .expect("the sample has each key");
        let end = line + 1 + text[line + 1..].find('\n').expect("a line");
        text.replace_range(line..=end, &set);
    }
    Some((path, text))
}
