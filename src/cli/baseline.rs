//! `plimsoll baseline`.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::Context;
use super::exit::{Exit, Failure};
use crate::diagnostic::Diagnostic;
use crate::model::{Baseline, Verdict};
use crate::report;
use crate::session::{self, FoldOptions, PromoteOptions, Provenance, PruneOptions, SESSIONS};
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
    /// Accept a run as a new beginning: from now on `check` compares with its rounds alone
    Save(SaveArgs),
    /// Add the rounds of a run to those that are accepted
    Promote(PromoteArgs),
    /// The current baseline of every scenario
    List,
    /// One scenario's baseline and everything ever accepted for it
    Show {
        /// Name of the scenario
        scenario: String,
    },
    /// What changed between two acceptances, or between one and a run
    ///
    /// Each is named by the beginning of its content hash, its label, or `current` for the baseline as
    /// it is; a run by `last`, `last~1` or the beginning of its id.
    Diff {
        /// Name of the scenario
        scenario: String,
        /// The earlier one [default: the acceptance before the latest]
        before: Option<String>,
        /// The later one [default: the baseline as it is]
        after: Option<String>,
    },
    /// Read every file and say all that is wrong
    Verify {
        /// Name of the scenario [default: all]
        scenario: Option<String>,
        /// Mend what can be derived: HEAD.json, and what an interrupted command left behind
        #[arg(long)]
        repair: bool,
    },
    /// Make one baseline of those that git merged from branches
    ///
    /// The current acceptances become repetitions in one baseline, under one new entry that follows the
    /// last of each branch. A run that was accepted on several branches counts once.
    Fold(FoldArgs),
    /// Remove what was replaced, and old sessions of what is current
    Prune(PruneArgs),
}

#[derive(Debug, clap::Args)]
struct FoldArgs {
    /// Name of the scenario
    scenario: String,
    /// Why they belong together, or why those of one branch are right
    #[arg(long)]
    reason: String,
    /// Keep only what the branch had that ends with this acceptance: the beginning of its hash, or its label
    #[arg(long, value_name = "NAME")]
    only: Option<String>,
    /// Who folds them
    #[arg(long, value_name = "NAME", env = "USER", default_value = "unknown")]
    by: String,
    /// Only if the ledger still stands at this revision
    #[arg(long, value_name = "REVISION")]
    expect_revision: Option<u64>,
}

#[derive(Debug, clap::Args)]
struct PromoteArgs {
    /// Name of the scenario
    scenario: String,
    /// The run to add [default: the scenario's latest]
    run: Option<String>,
    /// Why these numbers are right; needed when they are worse
    #[arg(long)]
    reason: Option<String>,
    /// A name for it, such as a version
    #[arg(long)]
    label: Option<String>,
    /// Another run that shows the same improvement
    #[arg(long, value_name = "RUN")]
    confirmed_by: Option<String>,
    /// Take an improvement that no other run confirms
    #[arg(long, requires = "reason", conflicts_with = "confirmed_by")]
    accept_improvement: bool,
    /// Who accepts it
    #[arg(long, value_name = "NAME", env = "USER", default_value = "unknown")]
    by: String,
    /// Only if the ledger still stands at this revision
    #[arg(long, value_name = "REVISION")]
    expect_revision: Option<u64>,
}

#[derive(Debug, clap::Args)]
struct PruneArgs {
    /// Name of the scenario
    scenario: String,
    /// Newest sessions that stay
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..))]
    keep: u16,
    /// Remove it; without this, only say what would go
    #[arg(long)]
    apply: bool,
    /// Why
    #[arg(long, default_value = "pruned")]
    reason: String,
    /// Who removes it
    #[arg(long, value_name = "NAME", env = "USER", default_value = "unknown")]
    by: String,
    /// Only if the ledger still stands at this revision
    #[arg(long, value_name = "REVISION")]
    expect_revision: Option<u64>,
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
        What::Promote(args) => promote(args, context),
        What::Fold(args) => fold(args, context),
        What::Prune(args) => prune(args, context),
        What::Verify { scenario, repair } => verify(scenario.as_deref(), repair, context),
        What::Diff {
            scenario,
            before,
            after,
        } => {
            let found = session::difference(
                &context.session,
                named(&scenario),
                before.as_deref(),
                after.as_deref(),
            )?;
            context.terminal.tell(&diff(&found))?;
            let rows = report::changes(&found.comparison, context.terminal.style);
            context.terminal.out(&rows)?;
            Ok(Exit::Passed)
        }
        What::List => {
            let all = session::baselines(&context.session)?;
            context.terminal.tell(&list(&all))?;
            Ok(Exit::Passed)
        }
        What::Show { scenario } => {
            let (baseline, history) = session::ledger_history(&context.session, named(&scenario))?;
            context.terminal.tell(&show(&baseline, &history))?;
            let ends = session::ends(&context.session, named(&scenario))?;
            if ends > 1 {
                context.terminal.say(&format!(
                    "note: {ends} branches that git merged stand side by side; plimsoll baseline fold {} makes one of them",
                    baseline.scenario
                ));
            }
            Ok(Exit::Passed)
        }
    }
}

/// Warns before a ledger is changed whose lock may not hold.
fn doubt_lock(scenario: &str, context: &Context) -> Result<(), Failure> {
    let doubt = session::doubtful_lock(&context.session, scenario)?;
    context.terminal.warn(doubt.as_slice());
    Ok(())
}

fn save(args: SaveArgs, context: &Context) -> Result<Exit, Failure> {
    doubt_lock(named(&args.scenario), context)?;
    let provenance = Provenance {
        reason: args.reason,
        label: args.label,
        accepted_by: args.by,
    };
    let accepted = session::accept(
        &context.session,
        named(&args.scenario),
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
    context.terminal.warn(accepted.unfinished.as_slice());
    context.terminal.next(
        &format!("plimsoll check {}", accepted.scenario),
        &format!("commit baselines/{}/ with your code", accepted.scenario),
    );
    Ok(Exit::Passed)
}

fn promote(args: PromoteArgs, context: &Context) -> Result<Exit, Failure> {
    let options = PromoteOptions {
        reason: args.reason,
        label: args.label,
        accepted_by: args.by,
        confirmed_by: args.confirmed_by,
        accept_improvement: args.accept_improvement,
        expected: args.expect_revision,
    };
    let scenario = named(&args.scenario);
    doubt_lock(scenario, context)?;
    let promoted = session::promote(&context.session, scenario, args.run.as_deref(), options)?;
    let accepted = &promoted.accepted;
    let names = |of: &BTreeSet<String>| of.iter().cloned().collect::<Vec<_>>().join(", ");
    if !promoted.admission.worse.is_empty() {
        context.terminal.say(&format!(
            "warning: THIS RUN IS WORSE than the baseline it was added to: {}",
            names(&promoted.admission.worse)
        ));
    }
    if !promoted.admission.better.is_empty() {
        context.terminal.say(&format!(
            "note: this run is better than the baseline it was added to: {}",
            names(&promoted.admission.better)
        ));
    }
    context.terminal.tell(&format!(
        "baseline @{} is now revision {}: {} of run {} added ({}), {} of {} in all\n",
        accepted.scenario,
        accepted.revision,
        rounds(accepted.rounds),
        accepted.run,
        &accepted.hash[..12],
        rounds(promoted.rounds),
        counted(promoted.sessions, "session"),
    ))?;
    context.terminal.warn(accepted.unfinished.as_slice());
    if promoted.sessions < SESSIONS {
        context.terminal.say(&format!(
            "next: add runs of other days or boots until there are {SESSIONS} sessions; then the spread between them is known"
        ));
    }
    Ok(Exit::Passed)
}

fn fold(args: FoldArgs, context: &Context) -> Result<Exit, Failure> {
    let scenario = named(&args.scenario);
    doubt_lock(scenario, context)?;
    let options = FoldOptions {
        reason: args.reason,
        folded_by: args.by,
        only: args.only,
        expected: args.expect_revision,
    };
    let Some(folded) = session::fold(&context.session, scenario, options)? else {
        context.terminal.tell(&format!(
            "nothing to fold: the acceptances of @{scenario} follow one another\n"
        ))?;
        return Ok(Exit::Passed);
    };
    for run in &folded.doubled {
        context.terminal.say(&format!(
            "note: run {} was accepted on several branches, and counts once",
            Untrusted::new(run).terminal()
        ));
    }
    context.terminal.tell(&format!(
        "baseline @{scenario} is now revision {}: {} branches folded ({}), {} of {} in all\n",
        folded.revision,
        folded.ends,
        &folded.hash[..12],
        rounds(folded.rounds),
        counted(folded.sessions, "session"),
    ))?;
    context.terminal.warn(folded.unfinished.as_slice());
    context
        .terminal
        .say(&format!("next: commit baselines/{scenario}/"));
    Ok(Exit::Passed)
}

fn verify(scenario: Option<&str>, repair: bool, context: &Context) -> Result<Exit, Failure> {
    let all = session::verify(&context.session, scenario.map(named), repair)?;
    if all.is_empty() {
        context.terminal.tell("no baselines yet\n")?;
    }
    let mut problems: Vec<Diagnostic> = Vec::new();
    for (scenario, verified, mended) in all {
        for what in mended {
            context
                .terminal
                .say(&format!("mended: {}", Untrusted::new(what).terminal()));
        }
        let state = match verified.faults.len() {
            0 => "in order".to_owned(),
            n => counted(n, "fault"),
        };
        let pruned = match verified.pruned {
            0 => String::new(),
            n => format!(", {n} pruned"),
        };
        context.terminal.tell(&format!(
            "@{scenario}  {}{pruned}  {state}\n",
            counted(verified.acceptances, "acceptance")
        ))?;
        problems.extend(verified.faults.iter().map(|f| f.error.diagnostic()));
    }
    if problems.is_empty() {
        Ok(Exit::Passed)
    } else {
        Err(problems.into())
    }
}

fn prune(args: PruneArgs, context: &Context) -> Result<Exit, Failure> {
    let scenario = named(&args.scenario);
    let keep = usize::from(args.keep);
    doubt_lock(scenario, context)?;
    let found = session::prunable(&context.session, scenario, keep)?;
    let mut text = String::new();
    for (what, entries) in [("keeps", &found.kept), ("removes", &found.removed)] {
        for (hash, a) in entries {
            let label = a.label.as_deref().unwrap_or_default();
            let line = format!(
                "{what:8} {}  {}  {}  {}",
                &hash[..12],
                a.accepted_at,
                rounds(a.rounds.len()),
                Untrusted::new(label).terminal()
            );
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{}", line.trim_end());
        }
    }
    context.terminal.tell(&text)?;
    if found.removed.is_empty() {
        context.terminal.say("nothing is old enough to go");
        return Ok(Exit::Passed);
    }
    if !args.apply {
        context
            .terminal
            .say("nothing was removed; --apply removes it");
        return Ok(Exit::Passed);
    }
    let options = PruneOptions {
        keep,
        reason: args.reason,
        pruned_by: args.by,
        // What was shown is what goes.
        expected: Some(args.expect_revision.unwrap_or(found.revision)),
    };
    if let Some(pruned) = session::prune(&context.session, scenario, options)? {
        context.terminal.tell(&format!(
            "baseline @{scenario} is now revision {}\n",
            pruned.revision
        ))?;
        context.terminal.warn(pruned.unfinished.as_slice());
    }
    Ok(Exit::Passed)
}

/// The name of a scenario, which may be written as that of its baseline.
fn named(scenario: &str) -> &str {
    scenario.trim_start_matches('@')
}

fn rounds(n: usize) -> String {
    counted(n, "round")
}

fn counted(n: usize, noun: &str) -> String {
    format!("{n} {noun}{}", if n == 1 { "" } else { "s" })
}

fn diff(found: &session::Difference) -> String {
    let (a, b) = (&found.before, &found.after);
    let mut text = format!("{}  →  {}\n", a.name, b.name);
    let mut line = |what: &str, before: String, after: String| {
        // Writing to a String cannot fail.
        let _ = if before == after {
            writeln!(text, "  {what:12}{before}")
        } else {
            writeln!(text, "  {what:12}{before} → {after}")
        };
    };
    let short = |hash: &str| hash.get(..12).unwrap_or(hash).to_owned();
    let revision = |r: Option<&str>| r.map_or_else(|| "unknown".to_owned(), short);
    line("rounds", a.rounds.to_string(), b.rounds.to_string());
    line("sessions", a.sessions.to_string(), b.sessions.to_string());
    line("measured", a.measured_at.clone(), b.measured_at.clone());
    line(
        "revision",
        revision(a.revision.as_deref()),
        revision(b.revision.as_deref()),
    );
    line("plan", short(&a.plan_hash), short(&b.plan_hash));
    if found.environment.is_empty() {
        text.push_str("  environment the same\n");
    }
    for difference in &found.environment {
        let _ = writeln!(text, "  environment {difference}");
    }
    Untrusted::lines(&text)
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
            "@{:width$}  revision {}  {} of {}  {}  {}",
            b.scenario,
            b.revision,
            rounds(b.rounds().count()),
            counted(b.sessions(), "session"),
            field(|a| &a.accepted_at),
            field(|a| &a.reason),
        );
    }
    text
}

fn show(baseline: &Baseline, history: &[(String, session::Acceptance)]) -> String {
    let mut text = format!(
        "@{}  revision {}  {} of {}\n",
        baseline.scenario,
        baseline.revision,
        rounds(baseline.rounds().count()),
        counted(baseline.sessions(), "session")
    );
    for (hash, a) in history.iter().rev() {
        let current = baseline.members.iter().any(|(h, _)| h == hash);
        let _ = write!(
            text,
            "\n{} {}{}\n  accepted  {} by {}\n  reason    {}\n  run       {}  {}{}\n  plan      {}\n  machine   {}, {} cores\n",
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
            a.confirmed_by
                .as_ref()
                .map(|run| format!("  confirmed by {}", Untrusted::new(run).terminal()))
                .unwrap_or_default(),
            a.plan_hash.get(..12).unwrap_or(&a.plan_hash),
            Untrusted::new(&a.fingerprint.cpu_model).terminal(),
            a.fingerprint.cores,
        );
    }
    text
}
