//! `plimsoll generate`.

use clap_complete::Shell;

use super::Context;
use super::exit::{Exit, Failure};
use crate::diagnostic::{Diagnostic, output};
use crate::scenario;

/// Shell completions, man pages, JSON schemas of scenario files and of plimsoll.toml
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    #[command(subcommand)]
    what: What,
}

const EXAMPLES: &str = "\
Examples:
  plimsoll generate completions bash > ~/.local/share/bash-completion/completions/plimsoll
  plimsoll generate man > plimsoll.1
  plimsoll generate man check > plimsoll-check.1
  plimsoll generate schema project > plimsoll.schema.json";

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Completions for a shell, on standard output
    Completions { shell: Shell },
    /// The man page of plimsoll or of one of its verbs, on standard output
    Man {
        /// A verb, such as check, or several: baseline save
        verb: Vec<String>,
    },
    /// The JSON schema (draft-07) of a kind of file, on standard output
    Schema {
        #[arg(value_enum, default_value_t)]
        of: File,
    },
}

/// Files that are written by hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
enum File {
    /// scenarios/NAME.toml
    #[default]
    Scenario,
    /// plimsoll.toml
    Project,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let mut bytes = Vec::new();
    match &args.what {
        What::Completions { shell } => {
            clap_complete::generate(*shell, &mut super::command(), "plimsoll", &mut bytes);
        }
        // Writing to memory cannot fail.
        What::Man { verb } => drop(clap_mangen::Man::new(page(verb)?).render(&mut bytes)),
        What::Schema { of: File::Scenario } => bytes = scenario::schema_text().into_bytes(),
        What::Schema { of: File::Project } => bytes = scenario::project_schema_text().into_bytes(),
    }
    context.terminal.out(&String::from_utf8_lossy(&bytes))?;
    Ok(Exit::Passed)
}

/// The command that a page is about, under the name that pages refer to it by.
fn page(verbs: &[String]) -> Result<clap::Command, Failure> {
    let mut page = super::command();
    page.build();
    for verb in verbs {
        let found = page
            .get_subcommands()
            .find(|c| c.get_name() == verb && !c.is_hide_set());
        let Some(found) = found.cloned() else {
            let known: Vec<&str> = page
                .get_subcommands()
                .filter(|c| !c.is_hide_set())
                .map(clap::Command::get_name)
                .collect();
            let help = match known.as_slice() {
                [] => format!("`{}` has no verbs of its own", page.get_name()),
                known => format!("there is {}", known.join(", ")),
            };
            let message = format!("there is no verb `{verb}` that has a page");
            return Err(Diagnostic::error(&output::NO_TOPIC, message)
                .help(help)
                .into());
        };
        page = found;
    }
    Ok(page)
}
