//! `plimsoll baseline`.

use std::fmt::Write as _;

use super::Context;
use super::exit::{Exit, Failure};
use crate::model::{Baseline, Verdict};
use crate::session::{self, Provenance};
use crate::untrusted::Untrusted;

/// Accept runs as the reference, and see what was accepted
///
/// Baselines live in baselines/SCENARIO/ as an append-only ledger that is meant to be committed.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Accept a run: from now on `check` compares with its rounds
    Save(SaveArgs),
    /// The current baseline of every scenario
    List,
    /// One scenario's baseline and everything ever accepted for it
    Show {
        /// Name of the scenario
        scenario: String,
    },
}

#[derive(Debug, clap::Args)]
struct SaveArgs {
    /// Name of the scenario
    scenario: String,
    /// The run to accept [default: the scenario's latest]
    #[arg(long, value_name = "RUN")]
    run: Option<String>,
    /// Why these numbers are right
    #[arg(long)]
    reason: String,
    /// A name for it, such as a version
    #[arg(long)]
    label: Option<String>,
    /// Who accepts it
    #[arg(long, value_name = "NAME", env = "USER", default_value = "unknown")]
    by: String,
    /// Only if the ledger still stands at this revision
    #[arg(long, value_name = "REVISION")]
    expect_revision: Option<u64>,
}

pub(super) fn run(args: Args, context: &Context) -> Result<Exit, Failure> {
    match args.what {
        What::Save(args) => save(args, context),
        What::List => {
            let all = session::baselines(&context.session)?;
            context.terminal.tell(&list(&all))?;
            Ok(Exit::Passed)
        }
        What::Show { scenario } => {
            let name = scenario.trim_start_matches('@');
            let (baseline, history) = session::ledger_history(&context.session, name)?;
            context.terminal.tell(&show(&baseline, &history))?;
            Ok(Exit::Passed)
        }
    }
}

fn save(args: SaveArgs, context: &Context) -> Result<Exit, Failure> {
    let provenance = Provenance {
        reason: args.reason,
        label: args.label,
        accepted_by: args.by,
    };
    let accepted = session::accept(
        &context.session,
        args.scenario.trim_start_matches('@'),
        args.run.as_deref(),
        provenance,
        args.expect_revision,
    )?;
    if accepted.rounds < 5 {
        context.terminal.say(&format!(
            "warning: {} is few; a baseline of 5 rounds or more sees smaller changes (plimsoll run {} --rounds 5)",
            rounds(accepted.rounds),
            accepted.scenario
        ));
    }
    if accepted.verdict > Verdict::Inconclusive {
        context.terminal.say(&format!(
            "warning: this run was {}, and what was found is the reference from now on: {}",
            accepted.verdict,
            Untrusted::new(&accepted.headline).terminal()
        ));
    }
    context.terminal.tell(&format!(
        "baseline @{} is now revision {}: {} of run {} ({})\n",
        accepted.scenario,
        accepted.revision,
        rounds(accepted.rounds),
        accepted.run,
        &accepted.hash[..12]
    ))?;
    context.terminal.say(&format!(
        "next: commit baselines/{}/, then plimsoll check {}",
        accepted.scenario, accepted.scenario
    ));
    Ok(Exit::Passed)
}

fn rounds(n: usize) -> String {
    if n == 1 {
        "1 round".to_owned()
    } else {
        format!("{n} rounds")
    }
}

fn list(all: &[Baseline]) -> String {
    if all.is_empty() {
        return "no baselines yet: plimsoll run SCENARIO --rounds 5, then plimsoll baseline save SCENARIO --reason \"...\"\n"
            .to_owned();
    }
    let width = all.iter().map(|b| b.scenario.len()).max().unwrap_or(0) + 1;
    let mut text = String::new();
    for b in all {
        let latest = b.latest();
        let field = |f: fn(&session::Acceptance) -> &str| {
            Untrusted::new(latest.map(f).unwrap_or_default()).terminal()
        };
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "@{:width$}  revision {}  {}  {}  {}",
            b.scenario,
            b.revision,
            rounds(b.rounds().count()),
            field(|a| &a.accepted_at),
            field(|a| &a.reason),
        );
    }
    text
}

fn show(baseline: &Baseline, history: &[(String, session::Acceptance)]) -> String {
    let mut text = format!("@{}  revision {}\n", baseline.scenario, baseline.revision);
    for (hash, a) in history.iter().rev() {
        let current = baseline.members.iter().any(|(h, _)| h == hash);
        let _ = write!(
            text,
            "\n{} {}{}\n  accepted  {} by {}\n  reason    {}\n  run       {}  {}\n  plan      {}\n  machine   {}, {} cores\n",
            if current { "▶" } else { " " },
            &hash[..12],
            a.label
                .as_ref()
                .map(|l| format!("  {}", Untrusted::new(l).terminal()))
                .unwrap_or_default(),
            a.accepted_at,
            Untrusted::new(&a.accepted_by).terminal(),
            Untrusted::new(&a.reason).terminal(),
            a.run,
            rounds(a.rounds.len()),
            a.plan_hash.get(..12).unwrap_or(&a.plan_hash),
            Untrusted::new(&a.fingerprint.cpu_model).terminal(),
            a.fingerprint.cores,
        );
    }
    text
}
