//! Holds the code to `ARCHITECTURE.md`: its tables are read here as rules.
//!
//! Every rule is tried twice: on the project, which must keep it, and on a few lines that break
//! it, so that a rule which cannot fail is found out.

mod architecture {
    pub(crate) mod rules;
    pub(crate) mod source;
    pub(crate) mod table;
}

use std::fs;
use std::path::Path;

use architecture::rules;
use architecture::source::Tree;
use architecture::table::{LayerTable, crate_homes};

const TABLE: &str = "\
| layer | modules | job | may import |
|---|---|---|---|
| ground | `units` `clock` | | ground |
| meaning | `scenario` `judge` | | ground; `judge` → `scenario::plan` |
| user | `cli` | | `scenario` |
";

#[test]
fn every_import_is_granted_by_the_layer_table() {
    holds(&rules::imports(&project(), &layers()));
}

#[test]
fn an_import_that_breaks_the_table_is_found() {
    let tree = tree(&[
        ("units.rs", "use std::fmt; use crate::clock::Clock;"),
        ("clock.rs", "fn f() { let x = crate::cli::run(); }"),
        (
            "scenario/mod.rs",
            "pub mod plan; use self::plan::Plan; use super::judge::Judge;",
        ),
        (
            "scenario/plan.rs",
            "use super::super::{units::Nanos, cli::{self, run}};",
        ),
        (
            "judge.rs",
            "use crate::scenario::plan::Plan;
             use crate::{scenario, units};
             fn f() { format!(\"{}\", plimsoll::cli::run()) }
             mod inner { use super::helper; use super::super::cli; }
             macro_rules! m { () => { $crate::cli::x!() } }",
        ),
        (
            "cli.rs",
            "use crate::*; use crate as root; pub(crate) fn f() {}",
        ),
    ]);
    insta::assert_snapshot!(rules::imports(&tree, &LayerTable::parse(TABLE)).join("\n"), @r"
    cli.rs:1: `cli` may not import `*`
    cli.rs:1: `cli` may not import `as`
    clock.rs:1: `clock` may not import `cli::run`
    judge.rs:2: `judge` may not import `scenario`
    judge.rs:3: `judge` may not import `cli::run`
    judge.rs:4: `judge` may not import `cli`
    judge.rs:5: `judge` may not import `cli::x!`
    scenario/mod.rs:1: `scenario` may not import `judge::Judge`
    scenario/plan.rs:1: `scenario` may not import `cli`
    scenario/plan.rs:1: `scenario` may not import `cli::run`
    ");
}

#[test]
fn test_code_may_import_anything() {
    let tree = tree(&[
        (
            "units.rs",
            "#[cfg(test)] use crate::cli::run;
             #[cfg(test)] mod samples;
             #[cfg(test)]
             #[allow(dead_code)]
             mod tests { use crate::cli; fn f() { println!() } }
             #[cfg(not(test))] mod real { use crate::cli::here; }",
        ),
        ("units/samples.rs", "use crate::cli::run;"),
    ]);
    let found = rules::imports(&tree, &LayerTable::parse(TABLE));
    assert_eq!(found, ["units.rs:6: `units` may not import `cli::here`"]);
}

#[test]
fn the_layer_table_names_every_module_and_only_rows_above() {
    holds(&rules::coverage(&project(), &layers()));
    holds(&layers().faults());
}

#[test]
fn a_layer_table_that_is_wrong_is_found() {
    let table = LayerTable::parse(&TABLE.replace("| ground |\n", "| meaning; `judge` → `cli` |\n"));
    let tree = tree(&[("units.rs", ""), ("diagnose/mod.rs", "")]);
    insta::assert_snapshot!([table.faults(), rules::coverage(&tree, &table)].concat().join("\n"), @r"
    row `ground`: no layer `meaning` above it
    row `ground`: no module `cli` above it
    row `ground`: `judge` is not in it
    module `diagnose` is not in the layer table
    module `cli` of the layer table does not exist
    module `clock` of the layer table does not exist
    module `judge` of the layer table does not exist
    module `scenario` of the layer table does not exist
    ");
}

#[test]
fn imports_form_no_ring() {
    holds(&rules::cycles(&project()));
}

#[test]
fn a_ring_of_imports_is_found() {
    let tree = tree(&[
        ("units.rs", "use crate::clock::A;"),
        ("clock.rs", "use crate::scenario::plan::A;"),
        ("scenario/mod.rs", "pub use raw::A; use crate::units::A;"),
        ("scenario/raw.rs", "use super::plan::{A, B};"),
        (
            "scenario/plan.rs",
            "use crate::scenario::raw; use super::A;",
        ),
        ("judge/mod.rs", "pub use welch::A; pub use pocock::B;"),
        ("judge/welch.rs", "use super::B;"),
        ("judge/pocock.rs", "use super::welch::A;"),
    ]);
    insta::assert_snapshot!(rules::cycles(&tree).join("\n"), @r"
    in the crate: clock → scenario → units → clock
    in `scenario`: plan → raw → plan
    ");
}

#[test]
fn no_file_is_too_long() {
    holds(&rules::lengths(&project()));
}

#[test]
fn a_file_that_is_too_long_is_found() {
    let lines = |n| "// a line\n".repeat(n);
    let tests = format!("#[cfg(test)]\nmod tests {{\n{}}}\n", lines(500));
    let tree = tree(&[
        ("cli.rs", &format!("{}{tests}", lines(rules::MOST_LINES))),
        ("judge.rs", &lines(rules::MOST_LINES + 1)),
        ("main.rs", &lines(rules::MOST_MAIN_LINES + 1)),
    ]);
    assert_eq!(
        rules::lengths(&tree),
        ["judge.rs: 601 lines", "main.rs: 21 lines"]
    );
}

#[test]
fn every_file_begins_with_its_purpose() {
    holds(&rules::documentation(&project()));
}

#[test]
fn a_file_without_a_purpose_is_found() {
    let note = format!("//! Reads plans.\n// {}: later", ["TO", "DO"].concat());
    let tree = tree(&[("cli.rs", "// Prints.\n"), ("judge.rs", &note)]);
    insta::assert_snapshot!(rules::documentation(&tree).join("\n"), @r"
    cli.rs: does not begin with `//!`
    judge.rs:2: // TODO: later
    ");
}

#[test]
fn only_cli_prints_reads_the_environment_and_exits() {
    holds(&rules::terminal(&project()));
}

#[test]
fn printing_and_exiting_elsewhere_is_found() {
    let tree = tree(&[
        (
            "cli/mod.rs",
            "fn f() { println!(\"x\"); std::process::exit(1); }",
        ),
        (
            "main.rs",
            "fn main() { std::env::args_os(); std::env::vars(); }",
        ),
        (
            "judge.rs",
            "use std::{env, process::*};
             use std::io as terminal;
             /// Never `println!(\"text\")`.
             fn f() -> std::process::ExitCode { env::var(\"println!\"); eprintln!(); x.exit() }",
        ),
    ]);
    insta::assert_snapshot!(rules::terminal(&tree).join("\n"), @r"
    judge.rs:1: ends the process: `std::process::*`
    judge.rs:2: prints: `std::io::as`
    judge.rs:4: reads the environment: `env::var`
    judge.rs:4: prints: `eprintln!`
    main.rs:1: reads the environment: `std::env::vars`
    ");
}

#[test]
fn only_store_and_init_write_files() {
    holds(&rules::writing(&project()));
}

#[test]
fn writing_files_elsewhere_is_found() {
    let write = "fn f() { std::fs::write(a, b); fs::File::create(a); fs::read(a); }";
    let tree = tree(&[
        ("store/mod.rs", write),
        ("cli/init.rs", write),
        ("cli/run.rs", write),
        ("report.rs", "use std::fs::{OpenOptions, read_to_string};"),
    ]);
    insta::assert_snapshot!(rules::writing(&tree).join("\n"), @r"
    cli/run.rs:1: writes files: `std::fs::write`
    cli/run.rs:1: writes files: `fs::File::create`
    report.rs:1: writes files: `std::fs::OpenOptions`
    ");
}

#[test]
fn the_centre_is_pure() {
    holds(&rules::purity(&project()));
}

#[test]
fn an_impure_centre_is_found() {
    let clock = "use std::time::Duration; fn f() { std::time::Instant::now(); }";
    let tree = tree(&[
        ("engine.rs", clock),
        ("judge.rs", clock),
        ("stats.rs", "use std::fs;"),
    ]);
    insta::assert_snapshot!(rules::purity(&tree).join("\n"), @r"
    judge.rs:1: is not pure: `std::time::Instant::now`
    stats.rs:1: is not pure: `std::fs`
    ");
}

#[test]
fn libraries_stay_at_home() {
    holds(&rules::homes(&project(), &crate_homes(&document())));
}

#[test]
fn a_library_away_from_home_is_found() {
    let homes = crate_homes(
        "| library | named only in |\n|---|---|\n| `statrs` | `stats` |\n| `criterion` | – |\n",
    );
    let tree = tree(&[
        ("stats/t.rs", "use statrs::distribution::StudentsT;"),
        (
            "judge.rs",
            "fn f() { let statrs = 1; statrs::function::gamma(1.0); }",
        ),
        ("cli.rs", "use criterion::Criterion;"),
    ]);
    insta::assert_snapshot!(rules::homes(&tree, &homes).join("\n"), @r"
    cli.rs:1: `criterion` is not at home here
    judge.rs:1: `statrs` is not at home here
    ");
}

#[test]
fn no_file_points_outside_the_project() {
    holds(&rules::words(&text_files(), &outside()));
}

#[test]
fn a_file_that_points_outside_is_found() {
    let files = [
        (
            "README.md".to_owned(),
            format!("see\n../{}/x.md", outside()[0]),
        ),
        (
            "tests/data.rs".to_owned(),
            "\"../shared/data/flat.json\"".to_owned(),
        ),
    ];
    assert_eq!(rules::words(&files, &outside()).len(), 1);
}

/// Places that are only on the machines of those who build the project.
fn outside() -> [String; 2] {
    [
        ["shared", "design"].join("/"),
        ["", "work", "shared"].join("/"),
    ]
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn project() -> Tree {
    Tree::read(&root().join("src"))
}

fn document() -> String {
    fs::read_to_string(root().join("ARCHITECTURE.md")).expect("ARCHITECTURE.md")
}

fn layers() -> LayerTable {
    LayerTable::parse(&document())
}

fn tree(files: &[(&str, &str)]) -> Tree {
    let owned = files.iter().map(|&(n, t)| (n.to_owned(), t.to_owned()));
    Tree::parse(owned.collect())
}

fn holds(breaches: &[String]) {
    assert!(breaches.is_empty(), "\n{}\n", breaches.join("\n"));
}

/// Every text file of the project, with its path from the root.
fn text_files() -> Vec<(String, String)> {
    let mut files = Vec::new();
    let mut folders = vec![root().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a readable directory") {
            let path = entry.expect("a readable entry").path();
            let name = path.strip_prefix(root()).expect("below the root");
            let name = name.to_string_lossy().into_owned();
            if path.is_dir() {
                if !["target", ".git", "reports"].contains(&name.as_str()) {
                    folders.push(path);
                }
            } else if let Ok(text) = fs::read_to_string(&path) {
                files.push((name, text));
            }
        }
    }
    assert!(files.iter().any(|(name, _)| name == "README.md"));
    files
}
