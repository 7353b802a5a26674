//! `plimsoll report`.

use std::path::PathBuf;

use super::Context;
use super::exit::{Exit, Failure};
use super::load::HostArgs;
use super::output::OutputArgs;
use super::{index, show};
use crate::session;

/// Render a saved run: html, md, json, junit, csv, github, gitlab, hlog, prometheus, otlp
///
/// Shows any run, also a partial one that was killed. Always exits 0 when it could be read:
/// rendering is no gate. With --index it lists all runs instead.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// `last`, `last~1`, a prefix of the id, or the folder
    #[arg(default_value = "last")]
    run: String,
    /// Write the list of all runs, with what became of each metric: reports/index.html, or where -o says
    ///
    /// One page that loads nothing, newest runs first, with links to their reports. A run that has no
    /// report.html in its folder gets one.
    #[arg(long, conflicts_with_all = ["run", "rules", "json"])]
    index: bool,
    /// Evaluate the alerts of this Prometheus rule file over the record; repeatable
    #[arg(long, value_name = "FILE")]
    rules: Vec<PathBuf>,
    #[command(flatten)]
    hosts: HostArgs,
    #[command(flatten)]
    output: OutputArgs,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    if args.index {
        return index::write(context, args.output.page()?.as_deref());
    }
    let outputs = args.output.parse(&args.hosts.allowed(context, None)?)?;
    let mut alerts = Vec::new();
    for path in &args.rules {
        alerts.extend(session::alert_rules(path)?);
    }
    let mut outcome = session::reread(&context.session, &args.run)?;
    if !alerts.is_empty() {
        session::evaluate_alerts(&mut outcome, &alerts);
    }
    show::outcome(context, &outcome, &outputs)?;
    Ok(Exit::Passed)
}
