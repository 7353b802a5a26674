//! `plimsoll import`.

use std::path::PathBuf;

use super::Context;
use super::exit::{Exit, Failure, OnInconclusive};
use super::output::OutputArgs;
use super::show;
use crate::session::{self, ImportKind, ImportRequest};
use crate::units::Nanos;

/// Take over what another tool measured, as a run to show and compare
///
/// Knows criterion (its folder), hyperfine, k6, wrk, oha, HdrHistogram logs and JMeter results,
/// mostly by content. Every file is one round: repeat the measurement, and name all files at once.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// Files, or folders of criterion: one for each round
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// The tool that wrote them [default: told by their content]
    #[arg(long, value_name = "KIND", value_parser = kind())]
    from: Option<ImportKind>,
    /// Keep the run under this name [default: the kind]
    #[arg(long, value_name = "NAME")]
    scenario: Option<String>,
    /// The tool's version, which its files do not say
    #[arg(long, value_name = "VERSION", value_parser = version)]
    tool_version: Option<String>,
    /// What one count of an HdrHistogram log stands for: 1ns, 1us, 1ms
    #[arg(long, value_name = "TIME", default_value = "1ns", value_parser = unit)]
    unit: Nanos,
    #[command(flatten)]
    output: OutputArgs,
}

const EXAMPLES: &str = "\
Examples:
  plimsoll import wrk-1.txt wrk-2.txt wrk-3.txt --scenario shop
  plimsoll import --from criterion target/criterion
  plimsoll compare last~1 last";

fn kind() -> impl clap::builder::TypedValueParser<Value = ImportKind> {
    use clap::builder::{PossibleValuesParser, TypedValueParser};
    PossibleValuesParser::new(ImportKind::ALL.map(ImportKind::name)).try_map(|name| {
        let mut all = ImportKind::ALL.into_iter();
        all.find(|k| k.name() == name).ok_or("no such kind")
    })
}

/// A version stands in every report, so it is a word.
fn version(text: &str) -> Result<String, String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._+-".contains(c);
    if !text.is_empty() && text.len() <= 40 && text.chars().all(allowed) {
        Ok(text.to_owned())
    } else {
        Err("a version is letters, digits, `.`, `-`, `_` and `+`, at most 40".to_owned())
    }
}

fn unit(text: &str) -> Result<Nanos, String> {
    let unit: Nanos = text
        .parse()
        .map_err(|e: crate::units::UnitError| e.to_string())?;
    if (1..=Nanos::SECOND.0).contains(&unit.0) {
        Ok(unit)
    } else {
        Err("it lies between 1ns and 1s".to_owned())
    }
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let outputs = args.output.parse(&[])?;
    let request = ImportRequest {
        kind: args.from,
        paths: &args.paths,
        scenario: args.scenario.as_deref(),
        version: args.tool_version.as_deref(),
        unit: args.unit,
    };
    let outcome = show::analysed(context, |watcher| {
        session::import(&context.session, &request, watcher)
    })?;
    let kept = show::keep_html(context, &outcome);
    show::outcome(context, &outcome, &outputs)?;
    kept?;
    Ok(Exit::of(&outcome.run, OnInconclusive::Warn))
}
