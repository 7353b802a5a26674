//! What CI systems read is of the form that they document, whatever a run holds.
//!
//! Each form is held by somebody else's reading of it: a schema and a validator, or the grammar of the reader
//! written here anew. Each test also shows its validator a document that is wrong.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use plimsoll::model::Run;
use plimsoll::report::{self, View};
use plimsoll::untrusted::Untrusted;

use crate::made::{Dice, golden, named};
use crate::sinks::PAYLOADS;

/// Runs by chance.
const BY_CHANCE: u64 = 60;

/// The golden run, one with each hostile name, and some by chance.
fn runs() -> impl Iterator<Item = Run> {
    let hostile = PAYLOADS.iter().map(|payload| named(payload));
    let by_chance = (0..BY_CHANCE).map(|seed| Dice::new(seed).run(seed));
    std::iter::once(golden()).chain(hostile).chain(by_chance)
}

fn data(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/forms");
    folder.join(name)
}

/// What is wrong with these documents by the schema; None where there is no xmllint.
fn by_schema(documents: &[PathBuf]) -> Option<Result<(), String>> {
    let mut command = Command::new("xmllint");
    command.args(["--noout", "--schema"]).arg(data("junit.xsd"));
    let output = command.args(documents).output().ok()?;
    let said = String::from_utf8_lossy(&output.stderr);
    let wrong: Vec<&str> = said
        .lines()
        .filter(|l| !l.ends_with(" validates"))
        .collect();
    Some(if output.status.success() {
        Ok(())
    } else {
        Err(wrong.join("\n"))
    })
}

#[test]
fn junit_is_valid_by_the_schema() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("a document");
        path
    };
    let documents: Vec<PathBuf> = runs()
        .enumerate()
        .map(|(i, run)| {
            let xml = report::junit(&View::new(&run, None));
            write(&format!("{i}.xml"), &xml)
        })
        .collect();
    let Some(found) = by_schema(&documents) else {
        println!("skipped: there is no xmllint (Debian: libxml2-utils)");
        return;
    };
    found.expect("all are valid");
    let right = report::junit(&View::new(&golden(), None));
    for (from, to) in [
        (" hostname=\"localhost\"", ""),
        ("<testsuites>", "<testsuites tests=\"1\">"),
        (
            "    <system-out>",
            "    <system-other>x</system-other><system-out>",
        ),
        (" time=\"", " zeit=\""),
    ] {
        assert!(right.contains(from), "{from}: {right}");
        let wrong = write("wrong.xml", &right.replacen(from, to, 1));
        let found = by_schema(&[wrong]).expect("it was there");
        assert!(found.is_err(), "{from} → {to} was not noticed");
    }
    println!("A13: {} JUnit documents are valid", documents.len());
}

#[test]
fn a_suite_counts_its_cases() {
    for run in runs() {
        let xml = report::junit(&View::new(&run, None));
        let document = roxmltree::Document::parse(&xml).expect("well-formed");
        let all = || document.descendants();
        let suite = all().find(|n| n.has_tag_name("testsuite")).expect("one");
        for (attribute, tag) in [
            ("tests", "testcase"),
            ("failures", "failure"),
            ("errors", "error"),
            ("skipped", "skipped"),
        ] {
            let count = all().filter(|n| n.has_tag_name(tag)).count();
            assert_eq!(
                suite.attribute(attribute),
                Some(&*count.to_string()),
                "{xml}"
            );
        }
    }
}

#[test]
fn a_code_quality_report_is_as_gitlab_documents_it() {
    let text = std::fs::read_to_string(data("codequality.schema.json")).expect("the schema");
    let schema: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let validator = jsonschema::draft7::new(&schema).expect("a schema");
    let mut findings = 0;
    for run in runs() {
        let text = report::codequality(&View::new(&run, None));
        let report: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        if let Err(wrong) = validator.validate(&report) {
            panic!("{wrong}\n{text}");
        }
        let issues = report.as_array().expect("an array");
        let prints: BTreeSet<&str> = issues
            .iter()
            .filter_map(|issue| issue["fingerprint"].as_str())
            .collect();
        assert_eq!(
            prints.len(),
            issues.len(),
            "of two alike one is shown: {text}"
        );
        findings += issues.len();
    }
    let wrong = serde_json::json!([{
        "description": "x", "check_name": "x", "fingerprint": "0".repeat(32), "severity": "bad",
        "location": { "path": "a", "lines": { "begin": 1 } },
    }]);
    assert!(!validator.is_valid(&wrong));
    println!("A13: {findings} findings are as GitLab documents them");
}

/// A metrics report as GitLab reads it: of each line the part before a `#`, in words as a shell would have
/// them; the first is the name, the second the value.
fn metrics(text: &str) -> Result<BTreeMap<String, String>, String> {
    let mut read = BTreeMap::new();
    for line in text.lines() {
        let told = line.split('#').next().unwrap_or_default();
        let words = shlex::split(told).ok_or_else(|| format!("no words: {line}"))?;
        match &words[..] {
            [] => {}
            [name, value] => {
                if read.insert(name.clone(), value.clone()).is_some() {
                    return Err(format!("twice: {name}"));
                }
            }
            _ => return Err(format!("no name and value: {line}")),
        }
    }
    Ok(read)
}

#[test]
fn a_metrics_report_is_as_gitlab_reads_it() {
    let mut told = 0;
    for run in runs() {
        let text = report::prometheus(&View::new(&run, None));
        let read = metrics(&text).unwrap_or_else(|wrong| panic!("{wrong}\n{text}"));
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        assert_eq!(read.len(), lines.count(), "{text}");
        for value in read.values() {
            let number: f64 = value.parse().expect(value);
            assert!(number.is_finite(), "{value}");
        }
        told += read.len();
    }
    for wrong in ["a{b=\"#\"} 1", "a b 1", "a 1\na 2", "a{b=\"} 1"] {
        assert!(metrics(wrong).is_err(), "{wrong}");
    }
    println!("A13: {told} metrics are read as they were written");
}

/// A command as GitHub's runner reads it from a line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct RunnerCommand {
    pub(crate) name: String,
    pub(crate) properties: BTreeMap<String, String>,
    pub(crate) message: String,
}

/// Reads a line by the documented grammar: `::name key=value,key=value::message`, blanks before it let be,
/// each value and the message with escapes of their own.
pub(crate) fn runner_command(line: &str) -> Option<RunnerCommand> {
    let rest = line.trim_start().strip_prefix("::")?;
    let (head, message) = rest.split_once("::")?;
    let (name, listed) = head.split_once(' ').unwrap_or((head, ""));
    let unescaped = |text: &str, escapes: &[(&str, &str)]| {
        escapes.iter().fold(text.to_owned(), |text, (code, sign)| {
            text.replace(code, sign)
        })
    };
    let of_message = [("%0D", "\r"), ("%0A", "\n"), ("%25", "%")];
    let of_value = [
        ("%0D", "\r"),
        ("%0A", "\n"),
        ("%3A", ":"),
        ("%2C", ","),
        ("%25", "%"),
    ];
    let pairs = listed.trim().split(',').filter_map(|p| p.split_once('='));
    Some(RunnerCommand {
        name: name.to_owned(),
        properties: pairs
            .filter(|(_, value)| !value.is_empty())
            .map(|(key, value)| (key.to_owned(), unescaped(value, &of_value)))
            .collect(),
        message: unescaped(message, &of_message),
    })
}

#[test]
fn the_grammar_of_the_runner_is_read() {
    let read =
        runner_command(" ::error file=a%2Cb.js,line=7,title=x%3Ay::50 %25, a%0Ab::c").expect("one");
    assert_eq!(read.name, "error");
    assert_eq!(read.properties["file"], "a,b.js");
    assert_eq!(read.properties["line"], "7");
    assert_eq!(read.properties["title"], "x:y");
    assert_eq!(read.message, "50 %, a\nb::c");
    assert_eq!(runner_command("error::x"), None);
    assert_eq!(runner_command("::error file=x"), None);
}

#[test]
fn annotations_are_read_as_they_were_meant() {
    let rank = |name: &str| {
        ["error", "warning", "notice"]
            .iter()
            .position(|n| *n == name)
    };
    let mut read = 0;
    for run in runs() {
        let text = report::github(&View::new(&run, None));
        let commands: Vec<RunnerCommand> = text
            .lines()
            .map(|line| runner_command(line).unwrap_or_else(|| panic!("no command: {line}")))
            .collect();
        assert!((1..=10).contains(&commands.len()), "{text}");
        let ranks: Vec<_> = commands.iter().map(|c| rank(&c.name)).collect();
        assert!(ranks.iter().all(Option::is_some), "{text}");
        assert!(ranks.is_sorted(), "the worst comes first: {text}");
        for command in &commands {
            let keys: BTreeSet<&str> = command.properties.keys().map(String::as_str).collect();
            let known = BTreeSet::from(["file", "line", "title"]);
            assert!(keys.is_subset(&known), "{command:?}");
            assert!(command.message.chars().count() <= 4_096, "{command:?}");
        }
        read += commands.len();
    }
    println!("A13: {read} annotations are read as they were meant");
}

#[test]
fn an_annotation_stands_at_the_line_of_its_threshold() {
    for payload in PAYLOADS {
        let run = named(payload);
        let text = report::github(&View::new(&run, None));
        let shown = |text: &str| Untrusted::from(text).terminal();
        let at_line = text
            .lines()
            .filter_map(runner_command)
            .find(|c| c.properties.get("line").is_some_and(|line| line == "3"))
            .unwrap_or_else(|| panic!("{payload:?}: {text}"));
        assert_eq!(at_line.name, "error");
        // The runner trims the list of properties, which the file does not end.
        let file = shown(payload.trim_start_matches("./"));
        assert_eq!(
            at_line.properties["file"].trim(),
            file.trim(),
            "{payload:?}"
        );
        let title = &at_line.properties["title"];
        assert!(
            title.contains(shown(payload).trim()),
            "{payload:?}: {title}"
        );
        assert!(at_line.message.contains(&shown(payload)), "{payload:?}");
    }
}

#[test]
fn a_comment_says_first_whether_to_read_it_and_is_taken_by_both_places() {
    for run in runs() {
        let comment = report::markdown(&View::new(&run, None));
        let told = ["Please read: ", "No action needed: "];
        assert!(told.iter().any(|t| comment.starts_with(t)), "{comment}");
        // Of a comment the most are 65,536 characters, of a job summary 1 MiB.
        assert!(comment.len() <= 65_536, "{}", comment.len());
    }
}
