//! How good is the judge? Prints false alarms, power, calibration and change points beside their
//! bounds and beside the rules that are in use elsewhere; exits 1 when a bound is missed.
//!
//! `cargo bench --bench judge-quality -- [--rounds FILE]… [--series FILE]…`
//!
//! Without files the development data beside the checkout are used; `data` names the formats.
//! Everything is seeded: the same data give the same output.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program whose result is what it prints"
)]

mod chance;
mod data;
mod forks;
mod history;
mod loopback;
mod otava;
mod ours;
mod sequential;
mod table;
mod usual;

use std::process::ExitCode;

use data::{Data, Files};
use table::Section;

const USAGE: &str = "usage: judge-quality [--rounds FILE.csv|FILE.jsonl]… [--series FILE.json]…";

fn main() -> ExitCode {
    let data = match asked(std::env::args().skip(1)).and_then(data::read) {
        Ok(data) => data,
        Err(why) => {
            eprintln!("{why}");
            return ExitCode::from(2);
        }
    };
    for source in &data.sources {
        eprintln!("{source}");
    }
    if data.is_empty() {
        eprintln!("nothing to judge by\n{USAGE}");
        return ExitCode::from(2);
    }
    let mut missed = Vec::new();
    for section in measured(&data) {
        println!("{}", section.show());
        missed.extend(section.missed().iter().map(ToString::to_string));
    }
    if missed.is_empty() {
        println!("Every bound is met.");
        ExitCode::SUCCESS
    } else {
        println!("Missed: {}.", missed.join("; "));
        ExitCode::FAILURE
    }
}

fn measured(data: &Data) -> Vec<Section> {
    let mut sections = forks::sections(&data.benchmarks);
    sections.push(sequential::section());
    sections.extend(history::sections(&data.series));
    sections.extend(loopback::section(&data.load));
    sections
}

fn asked(mut arguments: impl Iterator<Item = String>) -> Result<Files, String> {
    let mut files = Files::default();
    while let Some(argument) = arguments.next() {
        let to = match argument.as_str() {
            "--rounds" => &mut files.rounds,
            "--series" => &mut files.series,
            // Cargo says so to every benchmark.
            "--bench" => continue,
            other => return Err(format!("unknown argument `{other}`\n{USAGE}")),
        };
        let file = arguments.next();
        to.push(
            file.ok_or_else(|| format!("`{argument}` wants a file\n{USAGE}"))?
                .into(),
        );
    }
    Ok(files)
}
