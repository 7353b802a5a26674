//! `--policy-from`: the gate of another commit.

use std::path::PathBuf;

use super::Context;
use super::exit::Failure;
use crate::diagnostic::{Diagnostic, scenario as codes};
use crate::scenario::{self, plan::Plan};
use crate::session::Policy;

/// Where the gate comes from.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct PolicyArgs {
    /// Take thresholds, alerts, allow-hosts, baselines and [check] of plimsoll.toml from this commit, such as
    /// origin/main
    ///
    /// The load is that of the checkout. Where the checkout says other than the commit is listed in every
    /// report, and not followed, so a change cannot pass by loosening its own gate.
    #[arg(long, value_name = "REF")]
    policy_from: Option<String>,
}

impl PolicyArgs {
    /// What the commit says of a scenario; None when no commit is named.
    pub(super) fn read(&self, context: &Context, name: &str) -> Result<Option<Policy>, Failure> {
        let Some(reference) = &self.policy_from else {
            return Ok(None);
        };
        if name.contains("://") {
            return Err(Diagnostic::error(&codes::CONFLICT, "a URL has no policy")
                .because("a commit says what a scenario is held to, and there is none")
                .help("write a scenario (plimsoll init), or leave --policy-from out")
                .into());
        }
        let path = scenario::locate(name, &context.session.root)?;
        Ok(Some(Policy::read(&context.session, reference, &path)?))
    }
}

/// Lets a policy, if there is one, judge in the place of the plan's own limits.
pub(super) fn rule(
    context: &Context,
    policy: Option<&Policy>,
    plan: &mut Plan,
) -> Result<(), Failure> {
    match policy {
        Some(policy) => Ok(policy.rule(&context.session, plan)?),
        None => Ok(()),
    }
}

/// The folder whose baselines count, where it is not the project's own.
pub(super) fn baselines(
    context: &Context,
    policy: Option<&Policy>,
    name: &str,
    plan: &mut Plan,
) -> Result<Option<PathBuf>, Failure> {
    let folder = policy.map(|policy| policy.baselines(&context.session, name, plan));
    Ok(folder.transpose()?)
}
