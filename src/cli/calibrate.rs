//! `plimsoll calibrate`.

use std::path::PathBuf;

use super::exit::{Exit, Failure};
use super::load::{self, HostArgs};
use super::{Context, show};
use crate::model::{RunState, Verdict};
use crate::progress::Hands;
use crate::report;
use crate::session::{self, ArmTarget, CalibrateOptions};
use crate::units::Nanos;

/// Measure the same target against itself: what this machine can tell apart, and what it cannot
///
/// Shows how much each metric scatters when nothing changed, the smallest change that 3, 5, 10 and 20
/// rounds would see, and thresholds that fit, as TOML. Later checks say when a change lies below the
/// noise floor found here.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// A scenario's file or name
    scenario: String,
    /// Rounds in all, half of them on either side [default: what the time allows]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(6..=1000))]
    rounds: Option<u16>,
    /// How long it may take; at least 6 rounds are measured, at most 40 [default: 5m]
    #[arg(long, value_name = "TIME", conflicts_with = "rounds", value_parser = load::quantity::<Nanos>)]
    time_budget: Option<Nanos>,
    /// Write the proposed thresholds to this file
    #[arg(short, long, value_name = "FILE.toml")]
    output: Option<PathBuf>,
    /// The calibration as JSON on standard output
    #[arg(long)]
    json: bool,
    /// Print what would be done and send nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    hosts: HostArgs,
}

const EXAMPLES: &str = "\
Examples:
  plimsoll calibrate checkout
  plimsoll calibrate checkout --rounds 20 -o thresholds.toml";

/// Its time, where nobody says another.
const BUDGET: Nanos = Nanos::from_secs(300);

/// Rounds that a calibration by time has at most.
const MOST: usize = 40;

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let allowed = args.hosts.allowed(context, None)?;
    let usual = context.project()?.calibration;
    let plan = load::plan(context, &args.scenario, None, &allowed)?;
    let rounds = args.rounds.map(usize::from);
    if args.dry_run {
        let most = rounds.unwrap_or(MOST);
        let text = load::describe(&plan, &ArmTarget::of(&plan), most);
        context.terminal.tell(&text)?;
        return Ok(Exit::Passed);
    }
    let options = CalibrateOptions {
        rounds,
        time_budget: args.time_budget.or(usual).unwrap_or(BUDGET),
    };
    let measured = show::watched(context, Hands::Rounds, |watcher| {
        session::calibrate(&context.session, plan, options, watcher)
    });
    let found = measured??;
    show::keep_html(context, &found.outcome)?;
    let run = &found.outcome.run;
    let Some(comparison) = &run.comparison else {
        return Ok(Exit::NotMeasured);
    };
    let patch = report::calibration_patch(&found.calibration, &run.manifest.outline);
    if args.json {
        let json = serde_json::to_string_pretty(&found.calibration).unwrap_or_default();
        let json = crate::untrusted::json(&json);
        context.terminal.out(&format!("{json}\n"))?;
    } else {
        let style = context.terminal.style;
        let text = report::calibration(&found.calibration, comparison, style);
        context.terminal.out(&text)?;
        context.terminal.tell_whole(&format!("\n{patch}"))?;
    }
    if let Some(path) = &args.output {
        session::write_output(path, patch.as_bytes())?;
    }
    // A false alarm of the judge is a finding of the calibration, and no failure of the target.
    Ok(match (run.state, comparison.decision.verdict) {
        (RunState::Interrupted, _) => Exit::Interrupted,
        (RunState::Partial, _) | (_, Verdict::Invalid | Verdict::Incomparable) => Exit::NotMeasured,
        (RunState::Complete, _) => Exit::Passed,
    })
}
