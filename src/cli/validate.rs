//! `plimsoll validate`.

use super::Context;
use super::exit::{Exit, Failure};
use super::load::{self, HostArgs};
use crate::session::ArmTarget;

/// Check scenario files without sending a request
///
/// Shows all errors of all files at once, and warns of what could never be decided.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Files or names
    #[arg(required = true)]
    scenarios: Vec<String>,
    #[command(flatten)]
    hosts: HostArgs,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let allowed = args.hosts.allowed(context, None)?;
    let mut exit = Exit::Passed;
    for (i, name) in args.scenarios.iter().enumerate() {
        match load::plan(context, name, None, &allowed) {
            Ok(plan) => {
                let gap = if i == 0 { "" } else { "\n" };
                let text = load::describe(&plan, &ArmTarget::of(&plan), 1);
                context.terminal.tell(&format!("{gap}{text}"))?;
            }
            Err(failure) => {
                context.terminal.problems(&failure.diagnostics());
                exit = failure.exit();
            }
        }
    }
    Ok(exit)
}
