//! `--notify`: tells a web hook how it ended. It never changes how it ended.

use crate::diagnostic::Diagnostic;
use crate::redaction::Redactor;
use crate::report;
use crate::scenario::{self, plan::Url};
use crate::session::{self, Outcome};
use crate::untrusted::Untrusted;

use super::exit::{Exit, Failure};
use super::load;
use super::{Context, show};

const JSON: &[(&str, &str)] = &[("Content-Type", "application/json")];

/// Whom to tell, and when.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Notification")]
pub(super) struct NotifyArgs {
    /// Post the verdict as JSON to this http or https URL, once everything is stored; what is secret in
    /// it as {{env.NAME}}
    #[arg(
        long,
        value_name = "URL",
        env = "PLIMSOLL_NOTIFY",
        hide_env_values = true
    )]
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
    /// Takes out of messages what is secret in the URL.
    redactor: Redactor,
}

impl NotifyArgs {
    /// The hook, refused before anything is measured when it may not be called.
    pub(super) fn hook(
        &self,
        context: &Context,
        allowed: &[String],
    ) -> Result<Option<Hook>, Failure> {
        let Some(text) = &self.notify else {
            return Ok(None);
        };
        let filled = scenario::disclosed(text, &context.session.root, &load::environment)?;
        let url = scenario::parse_url(&filled.text).map_err(|told| {
            if filled.secrets.is_empty() {
                return told;
            }
            // What is wrong with it would be shown with what it is.
            let message = format!("`{text}` does not stand for a URL that can be called");
            Diagnostic::error(told.code, message)
                .because("what it stands for is not shown")
                .help("the whole is http://HOST:PORT/PATH or https://, without a query")
        })?;
        scenario::check_host(&url, allowed)?;
        Ok(Some(Hook {
            url,
            when: self.notify_on,
            redactor: Redactor::new(filled.secrets.iter().map(String::as_str)),
        }))
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
            let shown = |text: &str| Untrusted::new(self.redactor.text(text)).terminal();
            let (host, reason) = (shown(&self.url.authority()), shown(&reason));
            let line = format!("warning: {host} was not notified: {reason}");
            context.terminal.say(&line);
        }
    }
}
