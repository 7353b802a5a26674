//! `plimsoll.toml`, where a project has none yet.

use std::path::{Path, PathBuf};

use crate::scenario::PROJECT_FILE;

/// The file for a project at `root` that may load these hosts beyond this machine; None when there is one.
pub(super) fn project_file(root: &Path, hosts: &[&str]) -> Option<(PathBuf, String)> {
    let path = root.join(PROJECT_FILE);
    if path.symlink_metadata().is_ok() {
        return None;
    }
    let hosts: Vec<String> = hosts.iter().map(|host| super::quoted(host)).collect();
    let line = match &hosts[..] {
        [] => "# allow-hosts = [\"shop.example\", \"shop.example:8080\"]".to_owned(),
        hosts => format!("allow-hosts = [{}]", hosts.join(", ")),
    };
    let text = TEMPLATE.replace("@HOSTS@", &line);
    Some((path, text))
}

const TEMPLATE: &str = r"# What holds for all scenarios of this project.

# Hosts that may be put under load beside this machine. Nobody else is, unless a command says --allow-host;
# services that hand out credentials to the machines of a cloud never are.
@HOSTS@
";
