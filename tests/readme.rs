//! The commands of the documentation are run, in order, as a reader would type them.
//!
//! A ```` ```console ```` block holds commands and nothing else, each after `$ plimsoll`. All
//! blocks of a file run in one copy of the project's `scenarios/`. A command succeeds unless a
//! comment behind it says otherwise: `# exit 1`, or `# exit 0 or 4`. A block with a file's name, such
//! as ```` ```csv before.csv ````, is what the reader writes into that file when it is reached.

mod common;

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

/// After this a command counts as hanging.
const LONGEST: Duration = Duration::from_secs(180);

/// So many documents are read side by side: most of the time is load at a fixed rate.
const READERS: usize = 4;

/// What the reader of a document does.
#[derive(Debug, PartialEq, Eq)]
enum Act {
    /// Writes a file: its name and its text.
    Write(String, String),
    Run(Example),
}

/// One command of a document.
#[derive(Debug, PartialEq, Eq)]
struct Example {
    /// From 1.
    line: usize,
    /// As typed, for a shell.
    command: String,
    /// Exit codes that are right.
    exits: Vec<i32>,
}

#[test]
fn every_command_of_the_documentation_does_what_it_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut documents: Vec<String> = fs::read_dir(root.join("docs"))
        .expect("docs/")
        .map(|entry| entry.expect("an entry").file_name())
        .map(|name| format!("docs/{}", name.to_string_lossy()))
        .collect();
    documents.sort();
    // Those with most to do are taken first, from the end.
    documents.extend(["docs/tour.md", "README.md"].map(str::to_owned));
    documents.dedup();
    let left = Mutex::new(documents);
    let next = || left.lock().expect("a list").pop();
    let read = || std::iter::from_fn(next).map(|d| run_all(&d)).sum::<usize>();
    let count: usize = thread::scope(|scope| {
        let readers: Vec<_> = (0..READERS).map(|_| scope.spawn(read)).collect();
        let counts = readers.into_iter();
        counts
            .map(|r| r.join().expect("every command is right"))
            .sum()
    });
    assert!(count >= 50, "the tour was found: {count} commands");
}

/// Does what the reader of a document does, and says how many commands that were.
fn run_all(document: &str) -> usize {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(root.join(document)).expect(document);
    let folder = tempfile::tempdir().expect("a temporary folder");
    common::copy(&root.join("scenarios"), &folder.path().join("scenarios"));
    let acts = acts(&text).unwrap_or_else(|e| panic!("{document}: {e}"));
    let mut commands = 0;
    for act in &acts {
        let example = match act {
            Act::Run(example) => example,
            Act::Write(name, text) => {
                let path = folder.path().join(name);
                fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
                fs::write(path, text).expect("a file");
                continue;
            }
        };
        commands += 1;
        let (exit, output) = run(&example.command, folder.path());
        assert!(
            exit.is_some_and(|code| example.exits.contains(&code)),
            "{document}:{}: `{}` ended with {exit:?}, not {:?}:\n{output}",
            example.line,
            example.command,
            example.exits,
        );
    }
    commands
}

#[test]
fn every_scenario_of_the_documentation_is_valid() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/scenario.md"))
        .expect("docs/scenario.md");
    let scenarios: Vec<&str> = text
        .split("\n```toml\n")
        .skip(1)
        .filter_map(|rest| rest.split("\n```\n").next())
        .collect();
    assert!(!scenarios.is_empty());
    for scenario in scenarios {
        fs::write(folder.path().join("example.toml"), scenario).expect("a scenario");
        let (exit, output) = run("plimsoll validate example.toml", folder.path());
        assert_eq!(exit, Some(0), "{output}");
    }
}

#[test]
fn commands_are_taken_from_console_blocks_only() {
    let text = "\
        $ plimsoll not-here\n\
        ```sh\n$ cargo test\n```\n\
        ```csv a/b.csv\nx,y\n1,2\n```\n\
        ```console\n\
        $ plimsoll check a --against-command 'x --port {port}'    # exit 1\n\
        $ plimsoll baseline save a \\\n\
        \u{20}   --reason \"first # one\"\n\
        \n\
        $ plimsoll explain latency.p99   # what it is\n\
        $ plimsoll check b # exit 0 or 4\n\
        ```\n";
    let example = |line, command: &str, exits: &[i32]| {
        Act::Run(Example {
            line,
            command: command.to_owned(),
            exits: exits.to_vec(),
        })
    };
    let expected = [
        Act::Write("a/b.csv".to_owned(), "x,y\n1,2\n".to_owned()),
        example(
            10,
            "plimsoll check a --against-command 'x --port {port}'    # exit 1",
            &[1],
        ),
        example(
            11,
            "plimsoll baseline save a --reason \"first # one\"",
            &[0],
        ),
        example(14, "plimsoll explain latency.p99   # what it is", &[0]),
        example(15, "plimsoll check b # exit 0 or 4", &[0, 4]),
    ];
    assert_eq!(acts(text).expect("sound blocks"), expected);
}

#[test]
fn a_block_that_would_not_be_run_is_refused() {
    let in_block = |lines: &str| acts(&format!("```console\n{lines}```\n"));
    for (lines, complaint) in [
        ("$ cargo run\n", "2: not a plimsoll command: $ cargo run"),
        (
            "plimsoll run x\n",
            "2: not a plimsoll command: plimsoll run x",
        ),
        (
            "$ plimsoll run x\nits output\n",
            "3: not a plimsoll command: its output",
        ),
        ("$ plimsoll run x # exit one\n", "2: no exit code: exit one"),
        ("$ plimsoll run x \\\n", "2: the command has no end"),
    ] {
        assert_eq!(in_block(lines), Err(complaint.to_owned()));
    }
    for open in ["```console\n$ plimsoll run x\n", "```csv a.csv\n1\n"] {
        assert_eq!(acts(open), Err("the last block has no end".to_owned()));
    }
    for outside in ["/a.csv", "../a.csv"] {
        let refused = acts(&format!("```csv {outside}\n```\n"));
        assert_eq!(
            refused,
            Err(format!("1: no file of the reader's: {outside}"))
        );
    }
}

#[test]
fn a_failing_command_is_seen_to_fail() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (exit, output) = run("echo said; echo complained >&2; exit 3", folder.path());
    assert_eq!(exit, Some(3));
    assert_eq!(output, "said\ncomplained\n");
}

/// What all console blocks and all files say to do, or why one of them could not be checked.
fn acts(markdown: &str) -> Result<Vec<Act>, String> {
    let mut found = Vec::new();
    let mut lines = markdown.lines().zip(1..);
    while let Some((text, line)) = lines.next() {
        let Some(opened) = text.trim_end().strip_prefix("```") else {
            continue;
        };
        let block: Vec<(&str, usize)> = lines.by_ref().take_while(|(l, _)| *l != "```").collect();
        let has_end = markdown.lines().nth(line + block.len()).is_some();
        match opened.split_once(' ') {
            _ if !has_end => return Err("the last block has no end".to_owned()),
            None if opened == "console" => {
                found.extend(commands(&block)?.into_iter().map(Act::Run));
            }
            None => {}
            Some((_, name)) if name.starts_with('/') || name.contains("..") => {
                return Err(format!("{line}: no file of the reader's: {name}"));
            }
            Some((_, name)) => {
                let text = block.iter().map(|(text, _)| format!("{text}\n")).collect();
                found.push(Act::Write(name.to_owned(), text));
            }
        }
    }
    Ok(found)
}

/// The commands of a block, whose lines are numbered.
fn commands(block: &[(&str, usize)]) -> Result<Vec<Example>, String> {
    let mut found = Vec::new();
    let mut lines = block.iter().filter(|(text, _)| !text.trim().is_empty());
    while let Some((text, line)) = lines.next() {
        let mut command = text
            .trim_end()
            .strip_prefix("$ ")
            .filter(|c| c.starts_with("plimsoll "))
            .ok_or_else(|| format!("{line}: not a plimsoll command: {text}"))?
            .to_owned();
        while let Some(begun) = command.strip_suffix('\\') {
            let (more, _) = lines
                .next()
                .ok_or_else(|| format!("{line}: the command has no end"))?;
            command = format!("{} {}", begun.trim_end(), more.trim());
        }
        found.push(Example {
            line: *line,
            exits: exits(&command).map_err(|e| format!("{line}: {e}"))?,
            command,
        });
    }
    Ok(found)
}

/// Exit codes that the comment behind a command allows.
fn exits(command: &str) -> Result<Vec<i32>, String> {
    let Some((_, comment)) = command.rsplit_once("# exit ") else {
        return Ok(vec![0]);
    };
    comment
        .split(" or ")
        .map(|code| {
            code.trim()
                .parse()
                .map_err(|_| format!("no exit code: exit {comment}"))
        })
        .collect()
}

/// Runs a shell command with the built binary first in `PATH`; returns its exit code and output.
fn run(command: &str, folder: &Path) -> (Option<i32>, String) {
    let binary = Path::new(env!("CARGO_BIN_EXE_plimsoll"));
    let programs = binary.parent().expect("a folder of programs");
    let path = format!("{}:{}", programs.display(), env!("PATH"));
    let said = folder.join("said.txt");
    let output = File::create(&said).expect("a file for the output");
    let mut child = Command::new("sh")
        .args(["-c", command])
        .current_dir(folder)
        .env("PATH", path)
        .env_remove("CI")
        .stdin(Stdio::null())
        .stdout(output.try_clone().expect("a second handle"))
        .stderr(output)
        .spawn()
        .expect("a shell");
    let started = Instant::now();
    let exit = loop {
        match child.try_wait().expect("a child to wait for") {
            Some(status) => break status.code(),
            None if started.elapsed() > LONGEST => {
                child.kill().expect("a child to stop");
                child.wait().expect("a stopped child");
                break None;
            }
            None => thread::sleep(Duration::from_millis(20)),
        }
    };
    (exit, fs::read_to_string(said).expect("the output"))
}
