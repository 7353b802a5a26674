//! `plimsoll merge`.

use super::Context;
use super::exit::{Exit, Failure, OnInconclusive};
use super::output::OutputArgs;
use super::show;
use crate::session;

/// Put the parts of a plan, measured with `run --shard`, together into one run
///
/// All parts must be there, complete, each once, of the same plan, and begun at the same moment.
/// The new run is judged as if one machine had measured it, and can become a baseline.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The runs to put together: prefixes of ids, or folders
    #[arg(required = true, value_name = "RUN")]
    runs: Vec<String>,
    #[command(flatten)]
    output: OutputArgs,
}

const EXAMPLES: &str = "\
Examples:
  plimsoll merge last last~1 last~2
  plimsoll merge part-1/ part-2/ part-3/ -o report.html         # folders copied from other machines";

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let outputs = args.output.parse(&[])?;
    let outcome = session::merge(&context.session, &args.runs)?;
    let kept = show::keep_html(context, &outcome);
    show::outcome(context, &outcome, &outputs)?;
    kept?;
    Ok(Exit::of(&outcome.run, OnInconclusive::Warn))
}
