//! `plimsoll demo`, the target it measures, and the guard that ties a target's life to ours.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::process::ExitCode;

use super::exit::{Exit, Failure, OnInconclusive};
use super::output::OutputArgs;
use super::{Context, show};
use crate::diagnostic::{Diagnostic, target as codes};
use crate::model::ResourceLimits;
use crate::model::Verdict;
use crate::progress::Hands;
use crate::session::demo::{self, Ailment, DemoError, TargetEnded, TargetOptions};
use crate::units::{Bytes, Nanos};

/// See a regression caught, offline, in under a minute
///
/// Starts the built-in demo target twice over, once as it is and once with one step slowed by
/// 20 %, and lets the gate find out. Exits 0 when it did, 3 when it could not be sure, 4 when
/// nothing could be measured.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    output: OutputArgs,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let outputs = args.output.parse(&[])?;
    let (step, by) = demo::SLOWED;
    context.terminal.say(&format!(
        "demo: the built-in shop against itself with step `{step}` made {by} slower; nothing leaves this machine"
    ));
    let measured = show::watched(context, Hands::Rounds, |watcher| {
        demo::demo(&context.session, watcher)
    });
    let outcome = measured?.map_err(|error| match error {
        DemoError::Scenario(diagnostics) => Failure::Input(diagnostics),
        DemoError::Session(error) => Failure::Session(error),
    })?;
    let kept = show::keep_html(context, &outcome);
    show::outcome(context, &outcome, &outputs)?;
    kept?;
    let gate = Exit::of(&outcome.run, OnInconclusive::Warn);
    if matches!(gate, Exit::Interrupted | Exit::NotMeasured) {
        return Ok(gate);
    }
    let verdict = outcome.run.comparison.as_ref().map(|c| c.decision.verdict);
    let caught = verdict == Some(Verdict::Regressed);
    let dir = outcome.dir.strip_prefix(".").unwrap_or(&outcome.dir);
    let report = dir.join("report.html").display().to_string();
    context.terminal.say(&after(caught, gate, &report));
    Ok(if caught {
        Exit::Passed
    } else {
        Exit::NoReference
    })
}

/// What to do next.
fn after(caught: bool, gate: Exit, report: &str) -> String {
    let said = if caught {
        format!(
            "The slow-down was caught: as a gate in CI this would have exited {}.",
            gate.code()
        )
    } else {
        "The slow-down was not caught for sure: this machine is too noisy just now (plimsoll doctor says why)."
            .to_owned()
    };
    format!(
        "\n{said}\nThe report to look at: {report}\n\nThe same at home, where your own server listens; \
         each command says the next:\n  plimsoll init http://127.0.0.1:8080/"
    )
}

/// Serve the demo target: an HTTP server with known work and faults to inject
///
/// Endpoints: GET /health, GET /health/database, /cache, /pool and /queue, GET /metrics, GET /, GET
/// /items, GET /search, POST /pay, GET /wait?ms=N, and GET /slot?ms=N, which holds one of the workers
/// for so long.
/// Prints its address and serves until it is stopped.
#[derive(Debug, clap::Args)]
#[command(after_long_help = faults())]
pub(super) struct TargetArgs {
    /// Port on 127.0.0.1; 0 for a free one
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    port: u16,
    /// Workers behind GET /slot: workers / (ms/1000) is the greatest rate it answers
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    workers: u16,
    /// Multiply all work by this
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0)]
    scale: f64,
    /// Something to go wrong: slow=pay:20%, stall=5s:2s (at, for), hang=2%, or a name that
    /// --help lists; repeatable
    #[arg(long = "fault", value_name = "FAULT")]
    faults: Vec<String>,
    /// Serve as a process that a supervisor started, so long after the faults' time line began
    #[arg(long, hide = true, value_name = "TIME")]
    elapsed: Option<Nanos>,
    /// Serve a target of known truth instead, for `doctor --instrument`
    #[arg(long, hide = true, value_name = "BEHAVIOUR", conflicts_with_all = ["scale", "faults"])]
    truth: Option<demo::Behaviour>,
}

/// The table of ailments.
fn faults() -> String {
    let mut table = "Faults, as NAME or NAME:at=10s,for=20s,strength=0.8. `at` counts from the first \
                     request other than /health and /metrics; without `for` it goes on to the end:\n"
        .to_owned();
    for ailment in Ailment::ALL {
        let traits = ailment.traits();
        // Writing to memory cannot fail.
        let _ = write!(
            table,
            "\n  {:<22} {}\n  {:22} strength 1: {}; if not said: {}",
            traits.name, traits.does, "", traits.full, traits.strength
        );
    }
    table
}

pub(super) fn target(args: &TargetArgs, context: &Context) -> Result<ExitCode, Failure> {
    let start = TargetOptions {
        port: args.port,
        workers: usize::from(args.workers),
        scale: args.scale,
        elapsed: args.elapsed.filter(|elapsed| *elapsed > Nanos::ZERO),
        ..TargetOptions::default()
    };
    let options = args.faults.iter().try_fold(start, |options, fault| {
        demo::parse_fault(fault)
            .map(|fault| options.with(fault))
            .map_err(|d| Failure::from(*d))
    })?;
    let announce = |address: SocketAddr| {
        // Who started us may have closed our output; serving goes on.
        drop(
            context
                .terminal
                .out(&format!("listening on http://{address}\n")),
        );
    };
    let crashes = options
        .injected
        .iter()
        .any(|i| i.ailment == Ailment::CrashLoop);
    let served = match args.truth {
        Some(behaviour) => demo::serve_truth(behaviour, args.port, announce).map(|_| 0),
        None if crashes && args.elapsed.is_none() => supervise(args, &options, context),
        None => {
            demo::serve_target(options, announce, std::future::pending()).map(|ended| match ended {
                TargetEnded::Stopped => 0,
                TargetEnded::Crashed => demo::CRASHED,
            })
        }
    };
    let status = served.map_err(|e| {
        Diagnostic::error(
            &codes::NOT_SERVING,
            format!("the demo target cannot serve: {e}"),
        )
        .help("is the port taken? --port 0 takes a free one")
    })?;
    Ok(u8::try_from(status).map_or(ExitCode::FAILURE, ExitCode::from))
}

/// Has the target served by a process of its own, which may crash; gives its last exit status.
fn supervise(args: &TargetArgs, options: &TargetOptions, context: &Context) -> io::Result<i32> {
    let program = context.session.executable.as_deref();
    let program = program.ok_or_else(|| io::Error::other("the program's own path is not known"))?;
    let arguments = |port: u16, elapsed: Nanos| {
        let mut words = vec![
            "demo-target".to_owned(),
            format!("--port={port}"),
            format!("--workers={}", args.workers),
            format!("--scale={}", args.scale),
            format!("--elapsed={}ns", elapsed.0),
        ];
        words.extend(args.faults.iter().map(|fault| format!("--fault={fault}")));
        words.into_iter().map(OsString::from).collect()
    };
    let status = demo::supervise_target(options, program, &arguments)?;
    // Ended by a signal, it has no code.
    Ok(status.code().unwrap_or(demo::CRASHED))
}

/// Becomes the given program, and dies when the process that started this one does
#[derive(Debug, clap::Args)]
pub(super) struct GuardArgs {
    parent: u32,
    /// Bytes of private writable memory of a process
    #[arg(long)]
    memory: Option<u64>,
    /// Descriptors of a process
    #[arg(long)]
    open_files: Option<u64>,
    #[arg(last = true, required = true)]
    argv: Vec<OsString>,
}

impl GuardArgs {
    fn limits(&self) -> ResourceLimits {
        ResourceLimits {
            memory: self.memory.map(Bytes),
            open_files: self.open_files,
        }
    }
}

/// Returns only when the program could not be started, with the status its launcher understands.
pub(super) fn guard(args: &GuardArgs) -> ExitCode {
    let error = demo::exec_guarded(args.parent, args.limits(), &args.argv);
    match error.kind() {
        io::ErrorKind::NotFound => ExitCode::from(demo::NOT_FOUND),
        _ => ExitCode::from(demo::CANNOT_EXECUTE),
    }
}

/// Starts the given program, and stays until it and all it started have ended with the round.
pub(super) fn watch(args: &GuardArgs, context: &Context) -> ExitCode {
    let executable = context.session.executable.as_deref();
    let executable = executable.ok_or_else(|| io::ErrorKind::NotFound.into());
    let watched = executable.and_then(|executable| {
        demo::watch_target(demo::Watched {
            parent: args.parent,
            executable,
            limits: args.limits(),
            argv: &args.argv,
            output: io::stderr().as_fd().try_clone_to_owned()?,
            tales: io::stdout(),
        })
    });
    match watched {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            context
                .terminal
                .say(&format!("cannot watch the target: {error}"));
            ExitCode::FAILURE
        }
    }
}
