//! `plimsoll compare`.

use std::path::Path;

use super::Context;
use super::exit::{Exit, Failure, OnInconclusive};
use super::output::OutputArgs;
use super::show;
use crate::session::{self, ValuesQuestion};

/// Compare two runs you already have, or two files of round values
///
/// Runs are named by `last`, `last~1`, a prefix of their id, or their folder. Both must be
/// complete; more rounds see smaller changes. With --values both are CSV files: one column for each
/// metric, named in the first line, and one row for each round.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The run, or file of values, to compare with
    before: String,
    /// The run, or file of values, to judge
    now: String,
    /// Compare in spite of another machine or plan
    #[arg(long, conflicts_with = "values")]
    allow_mismatch: bool,
    /// Compare two CSV files of round values
    #[arg(long)]
    values: bool,
    /// Row i of both files was measured next to each other: judge the differences
    #[arg(long, requires = "values")]
    paired: bool,
    /// Allow another change of a column than usual; repeatable
    #[arg(long, value_name = "NAME=CHANGE", requires = "values")]
    allowed: Vec<String>,
    /// What an inconclusive result does
    #[arg(long, value_enum, default_value_t)]
    on_inconclusive: OnInconclusive,
    #[command(flatten)]
    output: OutputArgs,
}

const EXAMPLES: &str = "\
Examples:
  plimsoll compare last~1 last
  plimsoll compare --values before.csv after.csv --allowed 'latency.p99=+20%' --json";

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let outputs = args.output.parse(&[])?;
    let outcome = if args.values {
        session::compare_values(&ValuesQuestion {
            before: Path::new(&args.before),
            now: Path::new(&args.now),
            paired: args.paired,
            allowed: &args.allowed,
        })?
    } else {
        session::compare(
            &context.session,
            &args.before,
            &args.now,
            args.allow_mismatch,
        )?
    };
    show::outcome(context, &outcome, &outputs)?;
    Ok(Exit::of(&outcome.run, args.on_inconclusive))
}
