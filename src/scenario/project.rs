//! `plimsoll.toml` at the root of a project: what holds for all its scenarios.

use std::net::IpAddr;
use std::path::Path;

use crate::diagnostic::{Diagnostic, SourceFile, scenario as codes};

use super::file::read;
use super::grammar::{Kind, Table};
use super::kinds::{optional, text};
use super::problems::Problems;
use super::section::Section;
use super::shape::{self, short};
use super::tree::{self, Value};
use super::url;

/// Its name.
pub const PROJECT_FILE: &str = "plimsoll.toml";

static PROJECT: Table = Table {
    noun: "plimsoll.toml",
    keys: &[optional(
        "allow-hosts",
        Kind::List(&HOST),
        "Hosts beyond loopback that the scenarios of this project may load: `host` or `host:port`.",
    )],
    rules: &[],
};

const HOST: Kind = text("a host", None, "shop.example");

/// What holds for all scenarios.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Project {
    /// `host` or `host:port`, beyond loopback.
    pub allow_hosts: Vec<String>,
}

/// Reads the file of the project below `root`; without one nothing is said.
///
/// # Errors
/// Why it cannot be read, or everything that is wrong with it.
pub fn project(root: &Path) -> Result<Project, Vec<Diagnostic>> {
    let root = root.strip_prefix(".").unwrap_or(root);
    let path = root.join(PROJECT_FILE);
    if path.symlink_metadata().is_err() {
        return Ok(Project::default());
    }
    let text = read(&path).map_err(|diagnostic| vec![diagnostic])?;
    let file = SourceFile {
        name: path.display().to_string(),
        text: text.into(),
    };
    let tree = tree::parse(&file)?;
    let mut problems = Problems::new(&file);
    shape::table(&mut problems, &PROJECT, &tree, &(0..0));
    let section = Section::new(&PROJECT, &tree, &(0..0));
    let mut project = Project::default();
    for item in section.items("allow-hosts") {
        if let Value::Text(text) = &item.value {
            match host(text) {
                Ok(()) => project.allow_hosts.push(text.clone()),
                Err(diagnostic) => problems.add(diagnostic, &item.span, "not a host"),
            }
        }
    }
    let found = problems.finish();
    if found.is_empty() {
        Ok(project)
    } else {
        Err(found)
    }
}

/// Refuses what no host is called, so that a pattern is not taken for one.
fn host(text: &str) -> Result<(), Diagnostic> {
    let bare = text.parse::<IpAddr>().is_ok() || url::server_name(text).is_ok();
    if bare || url::host_port(text).is_ok() {
        return Ok(());
    }
    let message = format!("`{}` is not a host", short(text));
    Err(Diagnostic::error(&codes::BAD_VALUE, message)
        .because("each host that may be loaded is named; there are no patterns")
        .help("write \"shop.example\", \"shop.example:8080\" or \"10.0.0.7\""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::render;

    fn read(text: &str) -> Result<Project, String> {
        let root = tempfile::tempdir().unwrap();
        std::fs::write(root.path().join(PROJECT_FILE), text).unwrap();
        let shown = root.path().join("").display().to_string();
        project(root.path()).map_err(|found| render(&found, false).replace(&shown, ""))
    }

    #[test]
    fn hosts_are_read_and_nothing_is_said_without_a_file() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(project(root.path()).unwrap(), Project::default());
        assert_eq!(read("# nothing\n").unwrap(), Project::default());
        let project =
            read("allow-hosts = [\"shop.example\", \"10.0.0.7:80\", \"::1\", \"[fd00::1]:80\"]\n");
        assert_eq!(project.unwrap().allow_hosts.len(), 4);
    }

    #[test]
    fn what_is_no_host_or_no_key_is_refused() {
        insta::assert_snapshot!(
            read("allow-hosts = [\"*.example\"]\nallow-host = [\"x\"]\n").unwrap_err(),
            @r#"
        error[PL0107]: `*.example` is not a host
         --> plimsoll.toml:1:16
          |
        1 | allow-hosts = ["*.example"]
          |                ^^^^^^^^^^^ not a host
          |
          = note: each host that may be loaded is named; there are no patterns
          = help: write "shop.example", "shop.example:8080" or "10.0.0.7"

        error[PL0102]: unknown key `allow-host`
         --> plimsoll.toml:2:1
          |
        2 | allow-host = ["x"]
          | ^^^^^^^^^^ not a key of plimsoll.toml
          |
          = help: did you mean `allow-hosts`?
        "#
        );
    }
}
