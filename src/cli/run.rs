//! `plimsoll run`.

use super::Context;
use super::alerts::AlertArgs;
use super::exit::{Exit, Failure, OnInconclusive};
use super::load::{self, HostArgs, QuickArgs};
use super::notify::NotifyArgs;
use super::output::OutputArgs;
use super::policy::{self, PolicyArgs};
use super::show;
use crate::clock::Moment;
use crate::model::Shard;
use crate::progress::Hands;
use crate::scenario::plan::{Load, Plan};
use crate::session::{self, ArmTarget, Part};

/// Put a scenario or a URL under load and summarise it
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// A scenario's file or name, or a URL
    scenario: String,
    /// Repetitions, each against a fresh target [default: 1]
    #[arg(long, value_name = "N", env = "PLIMSOLL_ROUNDS", value_parser = clap::value_parser!(u16).range(1..=1000))]
    rounds: Option<u16>,
    /// Print what would be done and send nothing
    #[arg(long)]
    dry_run: bool,
    /// Worker threads of the load engine [default: half the cores]
    #[arg(long, value_name = "N", env = "PLIMSOLL_WORKERS", value_parser = clap::value_parser!(u16).range(1..=64))]
    workers: Option<u16>,
    /// Measure a part of the plan, such as 2/5, while other processes measure the others
    #[arg(long, value_name = "PART", requires = "start_at", conflicts_with_all = ["rules", "fail_on_alert"], value_parser = |text: &str| text.parse::<Shard>())]
    shard: Option<Shard>,
    /// When the first round of every part begins, such as 2026-11-22T12:00:00Z
    #[arg(long, value_name = "TIME", requires = "shard", value_parser = |text: &str| text.parse::<Moment>())]
    start_at: Option<Moment>,
    #[command(flatten)]
    hosts: HostArgs,
    #[command(flatten)]
    policy: PolicyArgs,
    #[command(flatten)]
    alerts: AlertArgs,
    #[command(flatten)]
    notify: NotifyArgs,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    quick: QuickArgs,
}

const EXAMPLES: &str = "\
Examples:
  plimsoll run checkout                                         # scenarios/checkout.toml
  plimsoll run checkout --rounds 5                              # enough for a baseline
  plimsoll run http://127.0.0.1:8080/ --rate 500/s --for 10s    # no file needed
  plimsoll run http://127.0.0.1:8080/ --connections 64          # as fast as it is answered
  plimsoll run https://127.0.0.1:8443/ --http2 --ca ca.pem      # HTTP/2, our own certificates";

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let policy = args.policy.read(context, &args.scenario)?;
    let allowed = args.hosts.allowed(context, policy.as_ref())?;
    let project = context.project()?;
    let outputs = args.output.parse_or(&allowed, &project.outputs)?;
    let hook = args.notify.hook(context, &allowed)?;
    let mut plan = load::plan(context, &args.scenario, Some(&args.quick), &allowed)?;
    policy::rule(context, policy.as_ref(), &mut plan)?;
    args.alerts.add_to(&mut plan, None)?;
    let rounds = usize::from(args.rounds.or(project.rounds).unwrap_or(1));
    if args.dry_run {
        let target = ArmTarget::of(&plan);
        context
            .terminal
            .tell(&load::describe(&plan, &target, rounds))?;
        return Ok(Exit::Passed);
    }
    let mut session = context.session.clone();
    session.workers = args.workers.or(project.workers).map(usize::from);
    let hands = args.hands(&plan, rounds);
    let measured = show::watched(context, hands, |watcher| {
        match (args.shard, args.start_at) {
            (Some(shard), Some(start_at)) => {
                let part = Part { shard, start_at };
                session::measure_part(&session, plan, rounds, part, watcher)
            }
            _ => session::measure(&session, plan, rounds, watcher),
        }
    });
    let outcome = measured??;
    let kept = show::keep_html(context, &outcome);
    let shown = show::outcome(context, &outcome, &outputs);
    let exit = Exit::of(&outcome.run, OnInconclusive::Warn);
    if let Some(hook) = hook {
        hook.tell(context, &outcome, exit);
    }
    shown?;
    kept?;
    Ok(exit)
}

impl Args {
    /// What keys reach: nothing comes after a single round, and a part keeps step with others.
    fn hands(&self, plan: &Plan, rounds: usize) -> Hands {
        let searches = plan
            .phases
            .iter()
            .any(|p| matches!(p.load, Load::Search(_)));
        if self.shard.is_none() && (rounds > 1 || searches) {
            Hands::Rounds
        } else {
            Hands::View
        }
    }
}
