//! `plimsoll report`.

use std::path::PathBuf;

use super::Context;
use super::exit::{Exit, Failure};
use super::load::HostArgs;
use super::output::OutputArgs;
use super::show;
use crate::session;

/// Render a saved run: html, md, json, junit, csv, github, gitlab, hlog, prometheus, otlp
///
/// Shows any run, also a partial one that was killed. Always exits 0 when it could be read:
/// rendering is no gate.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// `last`, `last~1`, a prefix of the id, or the folder
    #[arg(default_value = "last")]
    run: String,
    /// Evaluate the alerts of this Prometheus rule file over the record; repeatable
    #[arg(long, value_name = "FILE")]
    rules: Vec<PathBuf>,
    #[command(flatten)]
    hosts: HostArgs,
    #[command(flatten)]
    output: OutputArgs,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
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
