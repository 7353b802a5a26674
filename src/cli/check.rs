//! `plimsoll check`.

use super::alerts::AlertArgs;
use super::exit::{Exit, Failure, OnInconclusive};
use super::load::{self, HostArgs, quantity};
use super::notify::NotifyArgs;
use super::output::OutputArgs;
use super::policy::{self, PolicyArgs};
use super::{Context, show};
use crate::diagnostic::{Diagnostic, scenario as codes};
use crate::model::Judge;
use crate::progress::Hands;
use crate::scenario::plan::{Load, Phase, Plan};
use crate::scenario::{self, Gate};
use crate::session::{self, Against, ArmTarget, CheckOptions, Command, Policy, ProfilerChoice};
use crate::units::Nanos;
use crate::untrusted::Untrusted;

/// Measure, compare, pass or fail: the gate for CI
///
/// Compares with the scenario's accepted baseline, or better, with another build measured now,
/// round by round in random order, so that the machine is the same for both. Measures until the
/// answer is known, at most --max-rounds.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// A scenario's file or name
    scenario: String,
    /// Compare with a stored baseline [default: the scenario's own]
    #[arg(long, value_name = "@NAME", conflicts_with_all = ["against_command", "against_url"])]
    against: Option<String>,
    /// Compare with another build, started for every round: a command line with {port}
    #[arg(long, value_name = "COMMAND", conflicts_with = "against_url")]
    against_command: Option<String>,
    /// Compare with another target that is already running
    #[arg(long, value_name = "URL")]
    against_url: Option<String>,
    /// Measure this command instead of the scenario's own
    #[arg(long, value_name = "COMMAND", conflicts_with = "url")]
    command: Option<String>,
    /// Measure this URL instead of the scenario's own
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// Rounds per side at most [default: 10, or as many as the budget holds]
    #[arg(long, value_name = "N", env = "PLIMSOLL_MAX_ROUNDS", value_parser = clap::value_parser!(u16).range(1..=MOST_ROUNDS))]
    max_rounds: Option<u16>,
    /// Begin no round that cannot end within this time, and say first what can be seen in it
    #[arg(long, value_name = "TIME", env = "PLIMSOLL_TIME_BUDGET", value_parser = quantity::<Nanos>)]
    time_budget: Option<Nanos>,
    /// Measure both targets at once, each under half of the load: for latency and throughput
    #[arg(long)]
    duet: bool,
    /// Who decides about changes [default: round-t]
    #[arg(long, value_enum, env = "PLIMSOLL_JUDGE")]
    judge: Option<JudgeName>,
    /// Fail only when a change exceeds what is allowed beyond doubt
    #[arg(long, env = "PLIMSOLL_STRICT", value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    strict: Option<bool>,
    /// Without a baseline, judge absolute limits only instead of exit 3
    #[arg(long, env = "PLIMSOLL_ALLOW_MISSING_BASELINE", value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    allow_missing_baseline: Option<bool>,
    /// Compare in spite of another machine or plan
    #[arg(long)]
    allow_mismatch: bool,
    /// When it regresses, run both sides again under a profiler and show where the time went
    #[arg(long, value_enum, value_name = "PROFILER", num_args = 0..=1, require_equals = true, default_missing_value = "auto")]
    profile_on_regression: Option<ProfilerName>,
    /// What an inconclusive result does [default: warn]
    #[arg(long, value_enum, env = "PLIMSOLL_ON_INCONCLUSIVE")]
    on_inconclusive: Option<OnInconclusive>,
    /// Print what would be done and send nothing
    #[arg(long)]
    dry_run: bool,
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
}

/// The most rounds per side, as clap takes it.
const MOST_ROUNDS: i64 = 50;
const _: () = assert!(
    session::MOST_ROUNDS == 50,
    "the argument's range is that of the looks"
);

/// What may look where the time goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum ProfilerName {
    /// perf where it is permitted, else sampling
    Auto,
    /// perf record: which functions run
    Perf,
    /// /proc alone: which threads run, and what the others wait for
    Sampling,
}

impl From<ProfilerName> for ProfilerChoice {
    fn from(name: ProfilerName) -> Self {
        match name {
            ProfilerName::Auto => Self::Auto,
            ProfilerName::Perf => Self::Perf,
            ProfilerName::Sampling => Self::Sampling,
        }
    }
}

/// The rules by which a change can be judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum JudgeName {
    /// Student's t over rounds
    RoundT,
    /// The mean against the reference's 95th percentile; 10 rounds of the reference
    BaselineP95,
    /// Exact ranks of rounds; 4 a side
    MannWhitney,
}

impl From<JudgeName> for Judge {
    fn from(name: JudgeName) -> Self {
        match name {
            JudgeName::RoundT => Self::RoundT,
            JudgeName::BaselineP95 => Self::BaselineP95,
            JudgeName::MannWhitney => Self::MannWhitney,
        }
    }
}

const EXAMPLES: &str = "\
Examples:
  plimsoll check checkout
  plimsoll check checkout --time-budget 5m
  plimsoll check checkout --policy-from origin/main
  plimsoll check checkout --against-command './main/shop --port {port}'
  plimsoll check checkout --against-command './main/shop --port {port}' --profile-on-regression
  plimsoll check checkout -o report.html -o comment.md -o junit.xml";

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let policy = args.policy.read(context, &args.scenario)?;
    let allowed = args.hosts.allowed(context, policy.as_ref())?;
    let project = context.project()?;
    // A change may not loosen what it is judged by.
    let gate = &policy.as_ref().map_or(&project, Policy::project).gate;
    let outputs = args.output.parse_or(&allowed, &project.outputs)?;
    let hook = args.notify.hook(context, &allowed)?;
    let mut plan = load::plan(context, &args.scenario, None, &allowed)?;
    policy::rule(context, policy.as_ref(), &mut plan)?;
    args.alerts.add_to(&mut plan, gate.fail_on_alert)?;
    let name = policy.as_ref().map_or(plan.name.as_str(), Policy::name);
    let mut options = args.options(&plan, gate, name, &allowed)?;
    if let Against::Baseline(name) = &options.against {
        options.baselines = policy::baselines(context, policy.as_ref(), name, &mut plan)?;
    }
    if args.dry_run {
        context.terminal.tell(&describe(&plan, &options))?;
        return Ok(Exit::Passed);
    }
    let measured = show::watched(context, Hands::Rounds, |watcher| {
        session::check(&context.session, plan, &options, watcher)
    });
    let outcome = measured??;
    let kept = show::keep_html(context, &outcome);
    let shown = show::outcome(context, &outcome, &outputs);
    let inconclusive = args
        .on_inconclusive
        .or(gate.on_inconclusive.map(Into::into))
        .unwrap_or_default();
    let exit = Exit::of(&outcome.run, inconclusive);
    if let Some(hook) = hook {
        hook.tell(context, &outcome, exit);
    }
    shown?;
    kept?;
    Ok(exit)
}

/// The plan of the target that would be measured, for as long as it can take, and its reference.
fn describe(plan: &Plan, options: &CheckOptions) -> String {
    let (reference, sides) = match &options.against {
        Against::Baseline(name) => (format!("@{name}"), 1),
        Against::Other { named, .. } if options.duet => (
            format!("{named}  measured now, at once, each under half of the load"),
            1,
        ),
        Against::Other { named, .. } => (format!("{named}  measured now"), 2),
    };
    let own = ArmTarget::of(plan);
    let target = options.now.as_ref().unwrap_or(&own);
    format!(
        "{}  against    {}\n",
        load::describe(plan, target, sides * options.most_rounds()),
        Untrusted::new(&reference).terminal()
    )
}

impl Args {
    /// What is said by flags and variables, else by the gate; `name`: of the scenario whose baseline is
    /// meant when nothing is said.
    fn options(
        &self,
        plan: &Plan,
        gate: &Gate,
        name: &str,
        allowed: &[String],
    ) -> Result<CheckOptions, Failure> {
        let max_rounds = self.max_rounds.or(gate.max_rounds).map(usize::from);
        self.duet_can_be(max_rounds)?;
        // A search ends by itself, and takes no budget.
        let is_search = |phase: &Phase| matches!(phase.load, Load::Search(_));
        let budget = gate
            .time_budget
            .filter(|_| !plan.phases.iter().any(is_search));
        let before = other(
            plan,
            self.against_command.as_deref(),
            self.against_url.as_deref(),
            allowed,
        )?;
        let now = other(plan, self.command.as_deref(), self.url.as_deref(), allowed)?;
        let against = match before {
            Some((target, named)) => Against::Other { target, named },
            None => Against::Baseline(match self.against.as_ref().or(gate.against.as_ref()) {
                Some(name) => name.trim_start_matches('@').to_owned(),
                None => name.to_owned(),
            }),
        };
        Ok(CheckOptions {
            against,
            baselines: None,
            now: now.map(|(target, _)| target),
            max_rounds,
            budget: self.time_budget.or(budget),
            duet: self.duet,
            rule: session::Rule {
                judge: self
                    .judge
                    .map(Into::into)
                    .or(gate.judge)
                    .unwrap_or_default(),
                strict: self.strict.or(gate.strict).unwrap_or_default(),
            },
            allow_missing: self
                .allow_missing_baseline
                .or(gate.allow_missing_baseline)
                .unwrap_or_default(),
            allow_mismatch: self.allow_mismatch,
            profiler: self.profile_on_regression.map(Into::into),
        })
    }

    /// Refuses a duet that could not tell anything.
    fn duet_can_be(&self, max_rounds: Option<usize>) -> Result<(), Failure> {
        let few = max_rounds.is_some_and(|n| n < session::LEAST_OF_DUET);
        if !self.duet {
            return Ok(());
        }
        if self.against_command.is_none() && self.against_url.is_none() {
            return Err(Diagnostic::error(
                &codes::CONFLICT,
                "a duet needs another target to measure at the same time",
            )
            .because("a stored baseline was measured alone, under all of the load")
            .help("name one with --against-command or --against-url")
            .into());
        }
        if few {
            let least = session::LEAST_OF_DUET;
            let message = format!("a duet needs {least} rounds a side");
            return Err(Diagnostic::error(&codes::CONFLICT, message)
                .because(
                    "each side must have each place twice, so that what the place costs is known",
                )
                .help(format!("--max-rounds {least}, or leave it out"))
                .into());
        }
        Ok(())
    }
}

/// The target that a command line or a URL names, with how to call it.
fn other(
    plan: &Plan,
    command: Option<&str>,
    url: Option<&str>,
    allowed: &[String],
) -> Result<Option<(ArmTarget, String)>, Failure> {
    if let (Some(place), true) = (elsewhere(plan), command.is_some() || url.is_some()) {
        let message = format!("the scenario connects to {place}, whatever the target is");
        return Err(Diagnostic::error(&codes::CONFLICT, message)
            .because("both targets would be measured at the same place")
            .help("leave `unix` and `connect-to` out of the scenario to compare targets")
            .into());
    }
    if let Some(line) = command {
        let target = commanded(plan, line)?;
        return Ok(Some((target, line.to_owned())));
    }
    let Some(text) = url else { return Ok(None) };
    let url = scenario::parse_url(text)?;
    scenario::check_host(&url, allowed)?;
    Ok(Some((ArmTarget { url, command: None }, text.to_owned())))
}

/// The one place that all connections of a plan lead to, apart from the address of a target.
fn elsewhere(plan: &Plan) -> Option<String> {
    let socket = plan.target.unix.as_ref();
    let place = plan.target.http.connect_to.as_ref();
    socket
        .map(|path| path.display().to_string())
        .or_else(|| place.map(|(host, port)| format!("{host} port {port}")))
}

/// A target started by a command line; it must say where the port goes.
fn commanded(plan: &Plan, line: &str) -> Result<ArmTarget, Failure> {
    let argv = load::command_line(line)?;
    if !argv.iter().any(|word| word.contains("{port}")) {
        return Err(
            Diagnostic::error(&codes::BAD_COMMAND, format!("`{line}` has no {{port}}"))
                .because("each round starts the command afresh on a free port of its own")
                .help("write {port} where the command takes its port: 'shop --port {port}'")
                .into(),
        );
    }
    let own = ArmTarget::of(plan);
    let (env, limits, secrets) = own
        .command
        .map_or_else(Default::default, |c| (c.env, c.limits, c.secrets));
    let mut url = own.url;
    url.port = 0;
    "127.0.0.1".clone_into(&mut url.host);
    Ok(ArmTarget {
        url,
        command: Some(Command {
            argv,
            env,
            limits,
            secrets,
        }),
    })
}
