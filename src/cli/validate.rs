//! `plimsoll validate`.

use super::Context;
use super::exit::{Exit, Failure};
use super::load::{self, HostArgs};
use crate::scenario::plan::{Load, Plan};
use crate::session::{self, ArmTarget};
use crate::units::Nanos;

/// Check scenario files without sending a request
///
/// Shows all errors of all files at once, and warns of what could never be decided: percentiles with too
/// few requests, changes of a share that they cannot show, steps too rare to be sent for sure, and, where a calibration
/// of this machine tells, changes too small for the rounds of a check. Warnings do not change the exit code.
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
    let rounds = context.project()?.gate.max_rounds.map(usize::from);
    let rounds = rounds.unwrap_or(session::USUAL_ROUNDS);
    let mut exit = Exit::Passed;
    for (i, name) in args.scenarios.iter().enumerate() {
        match load::plan(context, name, None, &allowed) {
            Ok(plan) => {
                context
                    .terminal
                    .warn(&session::doubts(&context.session, &plan, rounds));
                let gap = if i == 0 { "" } else { "\n" };
                let text = load::describe(&plan, &ArmTarget::of(&plan), 1);
                context.terminal.tell(&format!("{gap}{text}"))?;
                if args.scenarios.len() == 1 {
                    let (command, when) = next(name, &plan);
                    context.terminal.next(&command, when);
                }
            }
            Err(failure) => {
                context.terminal.problems(&failure.diagnostics());
                exit = failure.exit();
            }
        }
    }
    Ok(exit)
}

/// Longest time of all rounds that is proposed without being asked.
const PATIENCE: Nanos = Nanos::from_secs(600);

/// Rounds from which a baseline sees small changes.
const ROUNDS: u64 = 5;

/// What to do with a scenario that is in order, and when.
fn next(name: &str, plan: &Plan) -> (String, &'static str) {
    let name = shlex::try_quote(name).unwrap_or(name.into());
    let run = format!("plimsoll run {name}");
    let is_search = |load: &Load| matches!(load, Load::Search(_));
    if plan.phases.iter().any(|phase| is_search(&phase.load)) {
        return (run, "searches the highest rate that holds");
    }
    let all = Nanos(plan.outline().duration().0.saturating_mul(ROUNDS));
    if all > PATIENCE {
        return (run, "");
    }
    (format!("{run} --rounds {ROUNDS}"), "enough for a baseline")
}
