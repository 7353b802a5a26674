//! `plimsoll.toml` at the root of a project: what holds for all its scenarios.
//!
//! Its values are defaults. A scenario's own go before them, then environment variables, then flags.

use std::net::IpAddr;
use std::ops::Range;
use std::path::Path;

use crate::diagnostic::{Diagnostic, SourceFile, scenario as codes};
use crate::model::{AlertGate, Judge};
use crate::units::Nanos;

use super::plan::Timeouts;
use super::problems::Problems;
use super::project_keys::PROJECT;
use super::said::{Said, said};
use super::section::Section;
use super::shape::{self, short};
use super::text::read;
use super::tree::{self, Value};
use super::{target, url};

/// Its name.
pub const PROJECT_FILE: &str = "plimsoll.toml";

/// What holds for all scenarios, where neither they nor a flag or a variable say otherwise.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Project {
    /// `host` or `host:port`, beyond loopback.
    pub allow_hosts: Vec<String>,
    /// What a check goes by.
    pub gate: Gate,
    /// Rounds and workers of `run`.
    pub rounds: Option<u16>,
    pub workers: Option<u16>,
    /// Longest time of a calibration.
    pub calibration: Option<Nanos>,
    pub outputs: Outputs,
    pub timeouts: Timeouts,
    /// Every value as it stands in the file.
    pub said: Vec<Said>,
}

/// How `check` decides; what is not said is None.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Gate {
    /// A baseline, with or without its `@`.
    pub against: Option<String>,
    pub max_rounds: Option<u16>,
    pub time_budget: Option<Nanos>,
    pub judge: Option<Judge>,
    pub strict: Option<bool>,
    pub allow_missing_baseline: Option<bool>,
    pub on_inconclusive: Option<Inconclusive>,
    pub fail_on_alert: Option<AlertGate>,
}

/// What an inconclusive result does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inconclusive {
    Warn,
    Fail,
}

/// What is to be written of every run, with the places where that stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Outputs {
    file: Option<SourceFile>,
    wanted: Vec<(String, Range<usize>)>,
}

impl Outputs {
    /// Each as for `-o`.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.wanted.iter().map(|(name, _)| name.as_str())
    }

    /// A problem with one of them, at its place.
    pub fn blame(&self, name: &str, diagnostic: Diagnostic) -> Diagnostic {
        let span = self.wanted.iter().find(|(n, _)| n == name).map(|(_, s)| s);
        match (&self.file, span) {
            (Some(file), Some(span)) => diagnostic.at(file, span.clone(), "asked for here"),
            _ => diagnostic,
        }
    }
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
    parse_project(&SourceFile {
        name: path.display().to_string(),
        text: text.into(),
    })
}

/// Reads the text of such a file.
///
/// # Errors
/// Everything that is wrong with it.
pub fn parse_project(file: &SourceFile) -> Result<Project, Vec<Diagnostic>> {
    let tree = tree::parse(file)?;
    let mut problems = Problems::new(file);
    shape::table(&mut problems, &PROJECT, &tree, &(0..0));
    let root = Section::new(&PROJECT, &tree, &(0..0));
    let project = Project {
        allow_hosts: hosts(&mut problems, &root),
        gate: root
            .section("check")
            .map_or_else(Gate::default, |check| gate(&check)),
        rounds: small(root.section("run").as_ref(), "rounds"),
        workers: small(root.section("run").as_ref(), "workers"),
        calibration: root
            .section("calibrate")
            .and_then(|section| Some(section.time("time-budget")?.0)),
        outputs: root
            .section("report")
            .map_or_else(Outputs::default, |report| {
                outputs(&mut problems, file, &report)
            }),
        timeouts: root
            .section("target")
            .map_or_else(Timeouts::default, |section| {
                target::timeouts(&mut problems, &section, None, Timeouts::default())
            }),
        said: said(&problems, &tree),
    };
    let found = problems.finish();
    if found.is_empty() {
        Ok(project)
    } else {
        Err(found)
    }
}

fn gate(check: &Section<'_>) -> Gate {
    let word = |key: &str| check.text(key).map(|(word, _)| word);
    // What is not said is another thing than false.
    let flag = |key: &str| check.node(key).map(|_| check.flag(key));
    Gate {
        against: word("against").map(str::to_owned),
        max_rounds: small(Some(check), "max-rounds"),
        time_budget: check.time("time-budget").map(|(time, _)| time),
        judge: word("judge").and_then(|w| Judge::ALL.into_iter().find(|j| j.name() == w)),
        strict: flag("strict"),
        allow_missing_baseline: flag("allow-missing-baseline"),
        on_inconclusive: match word("on-inconclusive") {
            Some("warn") => Some(Inconclusive::Warn),
            Some("fail") => Some(Inconclusive::Fail),
            _ => None,
        },
        fail_on_alert: match word("fail-on-alert") {
            Some("critical") => Some(AlertGate::Critical),
            Some("warning") => Some(AlertGate::Warning),
            Some("any") => Some(AlertGate::Any),
            _ => None,
        },
    }
}

fn small(section: Option<&Section<'_>>, key: &str) -> Option<u16> {
    let (number, _) = section?.whole(key)?;
    u16::try_from(number).ok()
}

fn hosts(problems: &mut Problems<'_>, root: &Section<'_>) -> Vec<String> {
    let mut hosts = Vec::new();
    for item in root.items("allow-hosts") {
        if let Value::Text(text) = &item.value {
            match host(text) {
                Ok(()) => hosts.push(text.clone()),
                Err(diagnostic) => problems.add(diagnostic, &item.span, "not a host"),
            }
        }
    }
    hosts
}

/// Outputs that stay below the root, since the file may come from somebody else.
fn outputs(problems: &mut Problems<'_>, file: &SourceFile, report: &Section<'_>) -> Outputs {
    let mut wanted = Vec::new();
    for item in report.items("outputs") {
        if let Value::Text(text) = &item.value {
            match output(text) {
                Ok(()) => wanted.push((text.clone(), tree::inside(&file.text, item.span.clone()))),
                Err(diagnostic) => problems.add(diagnostic, &item.span, "not here"),
            }
        }
    }
    Outputs {
        file: Some(file.clone()),
        wanted,
    }
}

fn output(text: &str) -> Result<(), Diagnostic> {
    use std::path::Component;
    let (_, target) = text.split_once(':').unwrap_or(("", text));
    let refused = |message: String| Diagnostic::error(&codes::BAD_VALUE, message);
    if target == "-" {
        return Err(
            refused(format!("`{}` would take standard output", short(text)))
                .because("what stands there is for whoever calls, who cannot know of this line")
                .help("write a file's name here, and -o FORMAT:- on the command line"),
        );
    }
    if target.starts_with("http://") || target.starts_with("https://") {
        return Err(refused(format!("`{}` would be sent away", short(text)))
            .because("plimsoll.toml comes with a checkout, and may not choose who gets the results")
            .help("write a file's name here, and -o FORMAT:URL on the command line"));
    }
    let part = |c: Component<'_>| matches!(c, Component::Normal(_) | Component::CurDir);
    let is_below = [text, target]
        .iter()
        .all(|path| Path::new(path).components().all(part));
    if is_below {
        return Ok(());
    }
    Err(
        refused(format!("`{}` leads out of the project", short(text)))
            .because("plimsoll.toml comes with a checkout, and may not choose files outside of it")
            .help("write a name below this folder, such as \"out/report.html\"; -o takes any path"),
    )
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
        let project =
            read("allow-hosts = [\"shop.example\", \"10.0.0.7:80\", \"::1\", \"[fd00::1]:80\"]\n");
        assert_eq!(project.unwrap().allow_hosts.len(), 4);
    }

    #[test]
    fn every_key_is_read() {
        let project = read(
            "[check]\nagainst = \"@main\"\nmax-rounds = 7\ntime-budget = \"5m\"\n\
             judge = \"mann-whitney\"\nstrict = false\nallow-missing-baseline = true\n\
             on-inconclusive = \"fail\"\nfail-on-alert = \"warning\"\n\
             [run]\nrounds = 3\nworkers = 2\n[calibrate]\ntime-budget = \"1m\"\n\
             [report]\noutputs = [\"out/report.html\", \"json:out/result\"]\n\
             [target]\ntimeouts = { total = \"3s\" }\n",
        )
        .unwrap();
        assert_eq!(
            project.gate,
            Gate {
                against: Some("@main".to_owned()),
                max_rounds: Some(7),
                time_budget: Some(Nanos::from_secs(300)),
                judge: Some(Judge::MannWhitney),
                strict: Some(false),
                allow_missing_baseline: Some(true),
                on_inconclusive: Some(Inconclusive::Fail),
                fail_on_alert: Some(AlertGate::Warning),
            }
        );
        assert_eq!((project.rounds, project.workers), (Some(3), Some(2)));
        assert_eq!(project.calibration, Some(Nanos::from_secs(60)));
        assert_eq!(project.outputs.names().count(), 2);
        assert_eq!(project.timeouts.total, Nanos::from_secs(3));
        assert_eq!(project.timeouts.connect, Timeouts::default().connect);
        let said = |key: &str| project.said.iter().find(|s| s.key == key).cloned().unwrap();
        assert_eq!(said("check.max-rounds").line, 3);
        assert_eq!(said("target.timeouts.total").value, "3s");
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

    #[test]
    fn values_of_the_wrong_kind_and_outputs_elsewhere_are_refused_at_their_places() {
        insta::assert_snapshot!(
            read(
                "[check]\nmax-round = 7\non-inconclusive = \"ignore\"\ntime-budget = 300\n\
                 [report]\noutputs = [\"../x.html\", \"html:/etc/x\", \"md:-\", \"otlp:http://x.example/\"]\n\
                 [target]\ntimeouts = { connect = \"20s\" }\n"
            )
            .unwrap_err()
        );
    }
}
