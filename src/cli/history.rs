//! `plimsoll history`.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::exit::{Exit, Failure};
use super::{Context, show};
use crate::diagnostic::{Diagnostic, SourceFile, store as codes};
use crate::model::Trend;
use crate::report;
use crate::session::{self, Excerpt, LevelClaim};

/// Find where a scenario's numbers changed, over all its runs; accept a level
///
/// Shows the changes of level of each metric with date and commit, and how the present level stands
/// against the one that was accepted last, so that slow drift adds up.
#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    after_help = "Examples:
  plimsoll history checkout
  plimsoll history checkout --metric latency.p99 --since 2026-11-01 --json
  plimsoll history --series values.csv
  plimsoll history accept checkout --metric latency.p99 --reason \"the new index costs this\"

A history is information and exits with 0, whatever it shows, unless --fail-on-change is given."
)]
pub(super) struct Args {
    #[command(subcommand)]
    what: Option<What>,
    /// Name of the scenario
    #[arg(required_unless_present = "series")]
    scenario: Option<String>,
    /// A CSV file instead: a column for each metric, a row for each run; `date`, `commit` and
    /// `version` may be columns too
    #[arg(long, value_name = "FILE", conflicts_with = "scenario")]
    series: Option<PathBuf>,
    /// Only this metric; repeatable
    #[arg(long = "metric", value_name = "METRIC")]
    metrics: Vec<String>,
    /// Only the latest N runs
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    last: Option<u32>,
    /// Only runs from this date on, such as 2026-11-01
    #[arg(long, value_name = "DATE", value_parser = date)]
    since: Option<String>,
    /// The history as JSON on standard output
    #[arg(long)]
    json: bool,
    /// Exit 1 when a confirmed change or the present level is worse than what was accepted
    #[arg(long)]
    fail_on_change: bool,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Record the present level as right: later runs are compared with it
    Accept(AcceptArgs),
}

#[derive(Debug, clap::Args)]
struct AcceptArgs {
    /// Name of the scenario
    scenario: String,
    /// Only this metric; repeatable [default: those that `history` shows]
    #[arg(long = "metric", value_name = "METRIC")]
    metrics: Vec<String>,
    /// Why this level is right
    #[arg(long)]
    reason: String,
    /// Who accepts it
    #[arg(long, value_name = "NAME", env = "USER", default_value = "unknown")]
    by: String,
}

pub(super) fn run(args: Args, context: &Context) -> Result<Exit, Failure> {
    if let Some(What::Accept(args)) = args.what {
        return accept(args, context);
    }
    let excerpt = Excerpt {
        metrics: args.metrics,
        last: args.last.and_then(|n| usize::try_from(n).ok()),
        since: args.since,
        until: None,
    };
    let history = match (&args.series, &args.scenario) {
        (Some(path), _) => session::history_of(&read(path)?, &excerpt)?,
        (None, scenario) => {
            let name = scenario.as_deref().unwrap_or_default();
            let name = name.trim_start_matches('@');
            show::analysed(context, |watcher| {
                session::history_watched(&context.session, name, &excerpt, watcher)
            })?
        }
    };
    if args.json {
        context.terminal.out(&report::history_json(&history))?;
    } else {
        let text = report::history_text(&history, context.terminal.style);
        context.terminal.out(&text)?;
        next(&history.trends, args.scenario.as_deref(), context);
    }
    if args.fail_on_change && history.trends.iter().any(Trend::is_worse) {
        return Ok(Exit::Failed);
    }
    Ok(Exit::Passed)
}

/// What to do about a level that nobody accepted.
fn next(trends: &[Trend], scenario: Option<&str>, context: &Context) {
    let is_open = |t: &Trend| t.is_worse() || t.series.accepted.is_none();
    if let Some(scenario) = scenario
        && trends.iter().any(is_open)
    {
        context.terminal.next(
            &format!("plimsoll history accept {scenario} --reason \"...\""),
            "if these levels are right",
        );
    }
}

fn accept(args: AcceptArgs, context: &Context) -> Result<Exit, Failure> {
    let scenario = args.scenario.trim_start_matches('@');
    let accepted = session::accept_level(
        &context.session,
        scenario,
        LevelClaim {
            metrics: args.metrics,
            reason: args.reason,
            accepted_by: args.by,
        },
    )?;
    let mut text = format!(
        "accepted the level of {scenario} up to run {} ({})\n",
        accepted.run,
        &accepted.hash[..12]
    );
    let names = accepted
        .levels
        .iter()
        .map(|(measure, ..)| measure.name.len());
    let width = names.max().unwrap_or(0);
    for (measure, level, runs) in &accepted.levels {
        let runs = if *runs == 1 {
            "1 run".to_owned()
        } else {
            format!("{runs} runs")
        };
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "  {:width$}  {} over {runs}",
            measure.name,
            measure.unit.format(*level)
        );
    }
    context.terminal.tell(&text)?;
    context
        .terminal
        .say(&format!("next: commit baselines/{scenario}/"));
    Ok(Exit::Passed)
}

fn read(path: &Path) -> Result<SourceFile, Failure> {
    let text = std::fs::read_to_string(path).map_err(|e| {
        Diagnostic::error(
            &codes::BAD_SERIES,
            format!("cannot read {}: {e}", path.display()),
        )
        .help("--series names a CSV file of text in UTF-8")
    })?;
    Ok(SourceFile {
        name: path.display().to_string(),
        text: text.into(),
    })
}

fn date(text: &str) -> Result<String, String> {
    if session::is_date(text) {
        Ok(text.to_owned())
    } else {
        Err("write it as 2026-11-22 or 2026-11-22T09:00:00Z".to_owned())
    }
}
