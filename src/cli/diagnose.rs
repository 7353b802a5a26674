//! `plimsoll diagnose`.

use std::path::PathBuf;

use super::exit::{Exit, Failure};
use super::load;
use super::{Context, show};
use crate::report::{diagnosis_json, diagnosis_text};
use crate::session::{self, ProcessRule, Subject};

/// Name the likely cause of what a run shows, with its evidence
///
/// Looks at what was recorded each second: requests, the target's processes, its own metrics and
/// health, the machine and the generator. An interleaved check is compared with the reference, any
/// other run with its own better seconds. Exits 0 whatever it finds: the gate is `check`.
/// With --bundle it packs the evidence instead: of processes that run now, or of a stored run.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  plimsoll diagnose                     # the latest run\n  plimsoll diagnose last~1 --json\n  plimsoll explain pool-exhausted       # what a symptom is and what would rule it out\n  plimsoll diagnose --bundle --port 8080 --scenario checkout  # threads, sockets, memory of what listens there"
)]
pub(super) struct Args {
    /// `last`, `last~1`, a prefix of the id, or the folder
    #[arg(default_value = "last")]
    run: String,
    /// As JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    bundle: BundleArgs,
}

/// What to pack, where that is asked.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Diagnostic bundle")]
struct BundleArgs {
    /// Pack the evidence into an archive, without secrets, and print its path
    #[arg(long, conflicts_with = "json")]
    bundle: bool,
    #[command(flatten)]
    live: LiveArgs,
    /// Take out the secrets of this scenario as well
    #[arg(long, value_name = "SCENARIO", requires = "LiveArgs")]
    scenario: Option<String>,
}

/// Processes that run now.
#[derive(Debug, clap::Args)]
#[group(multiple = false, requires = "bundle", conflicts_with = "run")]
struct LiveArgs {
    /// Of this process and its descendants
    #[arg(long, value_name = "ID", value_parser = clap::value_parser!(u32).range(1..))]
    pid: Option<u32>,
    /// Of whoever listens on this TCP port
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    port: Option<u16>,
    /// Of all processes that are called so
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Of the process whose id is in this file
    #[arg(long, value_name = "FILE")]
    pid_file: Option<PathBuf>,
    /// Of all processes of this control group
    #[arg(long, value_name = "PATH")]
    cgroup: Option<String>,
}

impl LiveArgs {
    /// Whom these name, if anybody.
    fn subject(&self) -> Option<Subject> {
        let found = None
            .or_else(|| self.port.map(ProcessRule::Port))
            .or_else(|| self.name.clone().map(ProcessRule::Name))
            .or_else(|| self.pid_file.clone().map(ProcessRule::PidFile))
            .or_else(|| self.cgroup.clone().map(ProcessRule::Cgroup));
        let process = self.pid.map(Subject::Process);
        process.or_else(|| found.map(Subject::Found))
    }
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    if args.bundle.bundle {
        return bundle(args, context);
    }
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

fn bundle(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let path = match args.bundle.live.subject() {
        None => session::bundle_of_run(&context.session, &args.run, &load::environment)?,
        Some(subject) => {
            // Nothing is sent to its target, so any host will do.
            let read = |name: &String| load::scenario(context, name);
            let plan = args.bundle.scenario.as_ref().map(read).transpose()?;
            session::bundle_of_target(&context.session, &subject, plan.as_ref())?
        }
    };
    let shown = path.strip_prefix(".").unwrap_or(&path).display();
    context.terminal.out(&format!("{shown}\n"))?;
    Ok(Exit::Passed)
}
