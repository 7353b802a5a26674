//! `plimsoll compare`.

use super::Context;
use super::exit::{Exit, Failure, OnInconclusive};
use super::show::{self, OutputArgs};
use crate::session;

/// Compare two runs you already have
///
/// Runs are named by `last`, `last~1`, a prefix of their id, or their folder. Both must be
/// complete; more rounds see smaller changes.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The run to compare with
    before: String,
    /// The run to judge
    now: String,
    /// Compare in spite of another machine or plan
    #[arg(long)]
    allow_mismatch: bool,
    /// What an inconclusive result does
    #[arg(long, value_enum, default_value_t)]
    on_inconclusive: OnInconclusive,
    #[command(flatten)]
    output: OutputArgs,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    args.output.parse()?;
    let outcome = session::compare(
        &context.session,
        &args.before,
        &args.now,
        args.allow_mismatch,
    )?;
    show::outcome(context, &outcome, &args.output)?;
    Ok(Exit::of(&outcome.run, args.on_inconclusive))
}
