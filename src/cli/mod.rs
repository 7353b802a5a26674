//! The command line: one file per verb, and the only place that prints, reads the environment or
//! decides how the process ends.

mod alerts;
mod baseline;
mod calibrate;
mod check;
mod compare;
mod demo;
mod diagnose;
mod doctor;
mod exit;
mod explain;
mod generate;
mod history;
mod import;
mod index;
mod init;
mod keyboard;
mod live;
mod load;
mod merge;
mod notify;
mod output;
mod policy;
mod report;
mod run;
mod serve;
mod show;
mod signals;
mod terminal;
mod validate;
mod voice;

use std::ffi::OsString;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use crate::scenario::{self, Project};
use crate::session::{Session, Stop};
use exit::{Exit, Failure};
use terminal::Terminal;

/// Parses the arguments, does what they ask, and says how it ended.
pub fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    let terminal = Terminal::detect(cli.quiet, cli.verbose);
    let ended = signals::outlive_size_limit()
        .and_then(|()| context(&cli, terminal))
        .and_then(|context| dispatch(cli.verb, &context));
    ended.unwrap_or_else(|failure| {
        terminal.problems(&failure.diagnostics());
        failure.exit().into()
    })
}

/// Performance regression and load testing that suspects itself first
///
/// Runs load against a target, records every latency, compares with an accepted baseline or with
/// another build measured now, and says how sure it is.
#[derive(Debug, Parser)]
#[command(
    name = "plimsoll",
    version,
    max_term_width = 100,
    disable_help_subcommand = true
)]
#[command(
    after_help = "First time here? Try `plimsoll demo`.\nYour own server? `plimsoll init http://127.0.0.1:8080/`, and each command says the next.\nExit codes: `plimsoll explain exit-codes`."
)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
    /// The folder that holds scenarios/, baselines/ and reports/
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        env = "PLIMSOLL_ROOT",
        default_value = "."
    )]
    root: PathBuf,
    /// Only verdicts and errors
    #[arg(short, long, global = true)]
    quiet: bool,
    /// Every percentile, step and round
    #[arg(short, long, global = true, conflicts_with = "quiet")]
    verbose: bool,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Demo(demo::Args),
    Init(init::Args),
    Doctor(doctor::Args),
    Run(run::Args),
    Check(check::Args),
    Compare(compare::Args),
    Calibrate(calibrate::Args),
    Merge(merge::Args),
    Import(import::Args),
    Baseline(baseline::Args),
    History(history::Args),
    Report(report::Args),
    Serve(serve::Args),
    Diagnose(diagnose::Args),
    Validate(validate::Args),
    Explain(explain::Args),
    Generate(generate::Args),
    #[command(name = "demo-target")]
    DemoTarget(demo::TargetArgs),
    #[command(hide = true)]
    Guard(demo::GuardArgs),
    #[command(hide = true)]
    Watch(demo::GuardArgs),
}

/// What a verb works with.
#[derive(Debug)]
struct Context {
    session: Session,
    terminal: Terminal,
}

impl Context {
    /// What holds for all scenarios of the project.
    fn project(&self) -> Result<Project, Failure> {
        Ok(scenario::project(&self.session.root)?)
    }
}

fn context(cli: &Cli, terminal: Terminal) -> Result<Context, Failure> {
    if !cli.root.is_dir() {
        return Err(Failure::no_folder(&cli.root));
    }
    Ok(Context {
        session: Session {
            root: cli.root.clone(),
            executable: std::env::current_exe().ok(),
            stop: Stop::default(),
            workers: None,
        },
        terminal,
    })
}

fn dispatch(verb: Verb, context: &Context) -> Result<ExitCode, Failure> {
    let exit = match verb {
        Verb::Demo(args) => demo::run(&args, context),
        Verb::Init(args) => init::run(&args, context),
        Verb::Doctor(args) => doctor::run(&args, context),
        Verb::Run(args) => run::run(&args, context),
        Verb::Check(args) => check::run(&args, context),
        Verb::Compare(args) => compare::run(&args, context),
        Verb::Calibrate(args) => calibrate::run(&args, context),
        Verb::Merge(args) => merge::run(&args, context),
        Verb::Import(args) => import::run(&args, context),
        Verb::Baseline(args) => baseline::run(args, context),
        Verb::History(args) => history::run(args, context),
        Verb::Report(args) => report::run(&args, context),
        Verb::Serve(args) => serve::run(&args, context),
        Verb::Diagnose(args) => diagnose::run(&args, context),
        Verb::Validate(args) => validate::run(&args, context),
        Verb::Explain(args) => explain::run(&args, context),
        Verb::Generate(args) => generate::run(&args, context),
        Verb::DemoTarget(args) => return demo::target(&args, context),
        Verb::Guard(args) => return Ok(demo::guard(&args)),
        Verb::Watch(args) => return Ok(demo::watch(&args, context)),
    };
    exit.map(ExitCode::from)
}

/// The definition of the command line, for completions and man pages.
fn command() -> clap::Command {
    Cli::command()
}

/// Help and version are results; everything else is a usage error.
fn usage(error: &clap::Error) -> ExitCode {
    let text = error.render().ansi().to_string();
    // Between paragraphs stand lines of blanks alone.
    let text: String = text
        .lines()
        .flat_map(|line| [line.trim_end(), "\n"])
        .collect();
    // Nothing is left to do when even this cannot be printed.
    if error.use_stderr() {
        drop(anstream::stderr().lock().write_all(text.as_bytes()));
        Exit::CannotDo.into()
    } else {
        drop(anstream::stdout().lock().write_all(text.as_bytes()));
        Exit::Passed.into()
    }
}
