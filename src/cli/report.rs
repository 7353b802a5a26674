//! `plimsoll report`.

use super::Context;
use super::exit::{Exit, Failure};
use super::show::{self, OutputArgs};
use crate::session;

/// Render a saved run: html, md, json, junit, csv, github
///
/// Shows any run, also a partial one that was killed. Always exits 0 when it could be read:
/// rendering is no gate.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// `last`, `last~1`, a prefix of the id, or the folder
    #[arg(default_value = "last")]
    run: String,
    #[command(flatten)]
    output: OutputArgs,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    args.output.parse()?;
    let outcome = session::reread(&context.session, &args.run)?;
    show::outcome(context, &outcome, &args.output)?;
    Ok(Exit::Passed)
}
