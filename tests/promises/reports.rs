//! Reports never fail because of what they report.

#![expect(
    clippy::print_stdout,
    reason = "the figures of a promise are told where it is tested"
)]

use std::iter;
use std::num::NonZero;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use plimsoll::diagnose::diagnose;
use plimsoll::model::Run;
use plimsoll::report::{
    Format, TextStyle, Verbosity, View, diagnosis_json, diagnosis_text, notification, render, text,
};

use crate::made::Dice;

/// Most bytes of a report, and what each step and each second of a round may add.
const ROOM: usize = 1 << 20;
const OF_A_STEP: usize = 4096;

const FORMATS: [Format; 9] = [
    Format::Text,
    Format::Json,
    Format::Markdown,
    Format::Junit,
    Format::Github,
    Format::CodeQuality,
    Format::Prometheus,
    Format::Csv,
    Format::Html,
];

/// A number that is none, as any of our formats would write it.
fn is_no_number(word: &str) -> bool {
    ["nan", "inf", "infinity"]
        .iter()
        .any(|none| word.eq_ignore_ascii_case(none))
}

/// What is wrong with a report.
fn wrong(format: Format, out: &str, run: &Run) -> Option<String> {
    let told = |line: &str| line.split(|c: char| !c.is_alphanumeric()).any(is_no_number);
    if let Some(line) = out.lines().find(|line| told(line)) {
        return Some(format!("a number that is none: {line:.300}"));
    }
    let most = ROOM + OF_A_STEP * run.manifest.outline.steps.len();
    if out.len() > most {
        return Some(format!("{} bytes", out.len()));
    }
    match format {
        Format::Html | Format::Junit => {
            let options = roxmltree::ParsingOptions {
                allow_dtd: true,
                ..roxmltree::ParsingOptions::default()
            };
            let parsed = roxmltree::Document::parse_with_options(out, options);
            parsed.err().map(|e| e.to_string())
        }
        Format::Json => match serde_json::from_str::<serde_json::Value>(out) {
            Ok(value) if value["verdict"]["word"].is_string() => None,
            other => Some(format!("{other:?}")),
        },
        Format::CodeQuality => serde_json::from_str::<Vec<serde_json::Value>>(out)
            .err()
            .map(|e| e.to_string()),
        Format::Prometheus => {
            let gauges = out.lines().filter(|line| !line.starts_with('#'));
            let fit = |line: &&str| {
                let value = line
                    .rsplit_once("} ")
                    .map(|(_, value)| value.parse::<f64>());
                matches!(value, Some(Ok(value)) if value.is_finite())
            };
            gauges
                .into_iter()
                .find(|line| !fit(line))
                .map(str::to_owned)
        }
        Format::Csv => {
            let mut rows = csv::Reader::from_reader(out.as_bytes());
            let row = rows
                .records()
                .find(|row| row.as_ref().map_or(0, csv::StringRecord::len) != 18);
            row.map(|row| format!("{row:?}"))
        }
        Format::Github => (out.lines().count() > 10).then(|| "more than ten lines".to_owned()),
        Format::Markdown => (out.len() > 65_536).then(|| format!("{} bytes", out.len())),
        Format::Text => out.trim().is_empty().then(|| "nothing".to_owned()),
    }
}

/// The longest report of a run, or what is wrong with one of them.
fn reported(run: &Run) -> Result<usize, String> {
    let view = View::new(run, None).explained(&diagnose(run));
    let mut longest = 0;
    for format in FORMATS {
        let out = render(&view, format);
        if let Some(wrong) = wrong(format, &out, run) {
            return Err(format!("{format:?}: {wrong}"));
        }
        longest = longest.max(out.len());
    }
    for (width, verbosity) in [(60, Verbosity::Verbose), (120, Verbosity::Quiet)] {
        let style = TextStyle {
            width,
            colour: true,
            unicode: false,
            verbosity,
        };
        let told = diagnosis_text(&view, style) + &text(&view, style);
        if let Some(wrong) = wrong(Format::Text, &told, run) {
            return Err(format!("{verbosity:?}: {wrong}"));
        }
    }
    for json in [diagnosis_json(&view), notification(&view, 1)] {
        serde_json::from_str::<serde_json::Value>(&json).map_err(|e| e.to_string())?;
    }
    Ok(longest)
}

/// The longest report of the run that a seed makes, or what is wrong with one of them.
fn reported_of(seed: u64) -> Result<usize, String> {
    let run = Dice::new(seed).run(seed);
    let done = std::panic::catch_unwind(|| reported(&run));
    done.unwrap_or_else(|_| Err("a panic".to_owned()))
        .map_err(|what| format!("seed {seed}: {what}"))
}

/// Made by all cores; whoever is done with one takes the next.
fn every_report(runs: u64) {
    let next = AtomicU64::new(0);
    let take = || Some(next.fetch_add(1, Ordering::Relaxed)).filter(|seed| *seed < runs);
    let make = || iter::from_fn(take).map(reported_of).collect::<Vec<_>>();
    let all: Vec<_> = thread::scope(|scope| {
        let cores = thread::available_parallelism().map_or(1, NonZero::get);
        let makers: Vec<_> = (0..cores).map(|_| scope.spawn(make)).collect();
        let made = makers.into_iter();
        made.flat_map(|m| m.join().expect("panics are caught"))
            .collect()
    });
    let mut longest = 0;
    let mut wrong = Vec::new();
    for one in all {
        match one {
            Ok(length) => longest = longest.max(length),
            Err(what) => wrong.push(what),
        }
    }
    wrong.truncate(20);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    println!(
        "A13: {runs} runs in {} formats: 0 panics, 0 numbers that are none, all well-formed, at most {} KiB",
        FORMATS.len(),
        longest >> 10
    );
}

#[test]
fn any_run_can_be_reported() {
    every_report(300);
}

#[test]
#[ignore = "minutes: just promises-long"]
fn any_run_can_be_reported_long() {
    every_report(10_000);
}
