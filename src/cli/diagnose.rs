//! `plimsoll diagnose`.

use super::exit::{Exit, Failure};
use super::{Context, show};
use crate::report::{diagnosis_json, diagnosis_text};
use crate::session;

/// Name the likely cause of what a run shows, with its evidence
///
/// Looks at what was recorded each second: requests, the target's processes, its own metrics and
/// health, the machine and the generator. An interleaved check is compared with the reference, any
/// other run with its own better seconds. Exits 0 whatever it finds: the gate is `check`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  plimsoll diagnose                    the latest run\n  plimsoll diagnose last~1 --json\n  plimsoll explain pool-exhausted      what a symptom is and what would rule it out"
)]
pub(super) struct Args {
    /// `last`, `last~1`, a prefix of the id, or the folder
    #[arg(default_value = "last")]
    run: String,
    /// As JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let outcome = session::reread(&context.session, &args.run)?;
    let view = show::view(&outcome);
    if args.json {
        context.terminal.out(&diagnosis_json(&view))?;
    } else {
        context
            .terminal
            .out(&diagnosis_text(&view, context.terminal.style))?;
    }
    Ok(Exit::Passed)
}
