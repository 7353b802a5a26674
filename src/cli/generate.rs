//! `plimsoll generate`.

use clap_complete::Shell;

use super::Context;
use super::exit::{Exit, Failure};
use crate::scenario;

/// Shell completions, man page, JSON schema of scenario files
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Completions for a shell, on standard output
    Completions { shell: Shell },
    /// The man page, on standard output
    Man,
    /// The JSON schema (draft-07) of scenario files, on standard output
    Schema,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let mut bytes = Vec::new();
    match args.what {
        What::Completions { shell } => {
            clap_complete::generate(shell, &mut super::command(), "plimsoll", &mut bytes);
        }
        // Writing to memory cannot fail.
        What::Man => drop(clap_mangen::Man::new(super::command()).render(&mut bytes)),
        What::Schema => bytes = scenario::schema_text().into_bytes(),
    }
    context.terminal.out(&String::from_utf8_lossy(&bytes))?;
    Ok(Exit::Passed)
}
