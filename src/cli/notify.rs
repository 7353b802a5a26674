//! `--notify`: tells a web hook how it ended. It never changes how it ended.

use crate::report;
use crate::scenario::{self, plan::Url};
use crate::session::{self, Outcome};
use crate::untrusted::Untrusted;

use super::exit::{Exit, Failure};
use super::load::HostArgs;
use super::{Context, show};

const JSON: &[(&str, &str)] = &[("Content-Type", "application/json")];

/// Whom to tell, and when.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Notification")]
pub(super) struct NotifyArgs {
    /// Post the verdict as JSON to this http or https URL, once everything is stored
    #[arg(long, value_name = "URL")]
    notify: Option<String>,
    /// When to post it
    #[arg(
        long,
        value_enum,
        value_name = "WHEN",
        requires = "notify",
        default_value_t
    )]
    notify_on: When,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
enum When {
    /// When the exit code is not 0
    #[default]
    Failure,
    /// Always
    Always,
}

/// A hook that may be called.
#[derive(Debug)]
pub(super) struct Hook {
    url: Url,
    when: When,
}

impl NotifyArgs {
    /// The hook, refused before anything is measured when it may not be called.
    pub(super) fn hook(&self, hosts: &HostArgs) -> Result<Option<Hook>, Failure> {
        let Some(text) = &self.notify else {
            return Ok(None);
        };
        let url = scenario::parse_url(text)?;
        scenario::check_host(&url, &hosts.allow)?;
        let when = self.notify_on;
        Ok(Some(Hook { url, when }))
    }
}

impl Hook {
    /// Tells the hook; that it cannot be told is a warning.
    pub(super) fn tell(&self, context: &Context, outcome: &Outcome, exit: Exit) {
        if self.when == When::Failure && exit == Exit::Passed {
            return;
        }
        let document = report::notification(&show::view(outcome), exit.code());
        if let Err(reason) = session::deliver(&self.url, JSON, document.as_bytes()) {
            let host = Untrusted::new(self.url.authority()).terminal();
            let reason = Untrusted::new(reason).terminal();
            let line = format!("warning: {host} was not notified: {reason}");
            context.terminal.say(&line);
        }
    }
}
