//! `init --ci`: a job that measures every change against its base, for a forge.

use std::path::{Path, PathBuf};

use crate::diagnostic::{Diagnostic, scenario as codes};
use crate::scenario::plan::Command;

/// Whose jobs are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Forge {
    /// A workflow of GitHub Actions
    Github,
    /// Jobs for GitLab CI, to be included
    Gitlab,
}

impl Forge {
    /// Where its jobs are kept.
    pub(super) fn path(self) -> PathBuf {
        PathBuf::from(match self {
            Self::Github => ".github/workflows/performance.yml",
            Self::Gitlab => ".gitlab/performance.yml",
        })
    }

    const fn template(self) -> &'static str {
        match self {
            Self::Github => include_str!("github.yml"),
            Self::Gitlab => include_str!("gitlab.yml"),
        }
    }

    /// The file for a scenario whose target a command starts, in a project at `root`.
    ///
    /// # Errors
    /// When the scenario starts nothing: of a URL there is one build, and no base to compare it with.
    pub(super) fn jobs(
        self,
        name: &str,
        command: Option<&Command>,
        root: &Path,
    ) -> Result<String, Diagnostic> {
        let Some(command) = command else {
            return Err(Diagnostic::error(
                &codes::CONFLICT,
                format!("`{name}` starts no target, so a job could not build its base"),
            )
            .because("a pull request is compared with another build of the same program")
            .help("name the command that starts it: --command './shop --port {port}'"));
        };
        Ok(self
            .template()
            .replace("@NAME@", name)
            .replace("@PATH@", &self.path().display().to_string())
            .replace("@VERSION@", &format!("@{}", env!("CARGO_PKG_VERSION")))
            .replace("@BUILD@", &super::quoted(build(root)))
            .replace("@AGAINST@", &of_base(command, root)))
    }
}

/// How a project is built, by what lies at its root; `true` does nothing, and is there to be replaced.
fn build(root: &Path) -> &'static str {
    const KNOWN: [(&str, &str); 7] = [
        ("Cargo.toml", "cargo build --release --locked"),
        ("go.mod", "go build ./..."),
        ("package.json", "npm ci"),
        ("pom.xml", "mvn --batch-mode --quiet package -DskipTests"),
        ("gradlew", "./gradlew assemble"),
        ("requirements.txt", "pip install -r requirements.txt"),
        ("Makefile", "make"),
    ];
    let known = KNOWN.iter().find(|(file, _)| root.join(file).exists());
    known.map_or("true", |(_, command)| command)
}

/// The command line with what it takes from the checkout taken from the base's, quoted for a shell.
fn of_base(command: &Command, root: &Path) -> String {
    let from_base = |word: &String| {
        let local = word.trim_start_matches("./");
        let is_path = word.starts_with("./") || local.starts_with("target/");
        let inside = !local.is_empty() && !Path::new(local).is_absolute();
        if inside && (is_path || root.join(local).is_file()) {
            format!("base/{local}")
        } else {
            word.clone()
        }
    };
    let words: Vec<String> = command.argv.iter().map(from_base).collect();
    quoted(
        &words
            .iter()
            .map(|word| quoted(word))
            .collect::<Vec<_>>()
            .join(" "),
    )
}

/// A word for a shell. `{port}` needs no quotes: a pair of braces without a comma is a text.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "{}-_./:=,@+".contains(c);
    if !word.is_empty() && word.chars().all(plain) && !word.contains("{,") {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(words: &[&str]) -> Command {
        Command {
            argv: words.iter().map(|w| (*w).to_owned()).collect(),
            env: std::collections::BTreeMap::new(),
            secrets: Vec::new(),
            limits: crate::model::ResourceLimits::default(),
        }
    }

    #[test]
    fn what_belongs_to_the_checkout_is_taken_from_the_base() {
        let root = tempfile::tempdir().expect("a folder");
        std::fs::write(root.path().join("server.js"), "").expect("a file");
        for (words, expect) in [
            (
                &["target/release/shop", "--port", "{port}"][..],
                "'base/target/release/shop --port {port}'",
            ),
            (&["./run", "a b"], r"'base/run '\''a b'\'''"),
            (
                &["node", "server.js", "{port}"],
                "'node base/server.js {port}'",
            ),
            (&["plimsoll", "demo-target"], "'plimsoll demo-target'"),
        ] {
            assert_eq!(of_base(&command(words), root.path()), expect);
        }
    }

    #[test]
    fn a_line_is_split_into_the_words_it_was_made_of() {
        let words = ["it's", "a \"b\"", "{port}", "$HOME", ""];
        let line = of_base(&command(&words), Path::new("/nowhere"));
        let outer = shlex::split(&line).expect("a line");
        let inner = shlex::split(&outer[0]).expect("a line");
        assert_eq!(inner, words);
    }

    #[test]
    fn jobs_are_yaml_without_a_gap_left() {
        let command = command(&["target/release/shop", "--port", "{port}"]);
        for forge in [Forge::Github, Forge::Gitlab] {
            let text = forge
                .jobs("checkout", Some(&command), Path::new("/nowhere"))
                .expect("jobs");
            let gap = text
                .split('@')
                .find(|part| !part.is_empty() && part.chars().all(|c| c.is_ascii_uppercase()));
            assert_eq!(gap, None);
            for event in saphyr_parser::Parser::new_from_str(&text) {
                event.expect("YAML");
            }
            assert!(text.contains("--against-command 'base/target/release/shop --port {port}'"));
            assert!(text.contains("plimsoll baseline \"$accept\" checkout --reason"));
        }
    }

    #[test]
    fn a_url_has_no_base() {
        let error = Forge::Github
            .jobs("x", None, Path::new("/"))
            .expect_err("no command");
        assert!(error.help.is_some_and(|h| h.contains("--command")));
    }
}
