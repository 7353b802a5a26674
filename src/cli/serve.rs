//! `plimsoll serve`.

use std::sync::{Mutex, PoisonError};

use super::exit::{Exit, Failure};
use super::{Context, show, signals};
use crate::diagnostic::{Diagnostic, output, render};
use crate::report::{self, IndexPlace};
use crate::session::{self, Answer, Asked, Following, Page, Session, SessionError};

/// Runs that are followed at once.
const FOLLOWED: usize = 8;

/// Look at all runs in a browser, and at those being measured while they are
///
/// Shows the list of `report --index` and the report of each run, made when it is asked for, and the
/// charts of a run in progress as its seconds come. It listens on 127.0.0.1 and only reads. The address
/// that it prints has a token, new each time; whoever has the address sees the runs. Ctrl-C ends it.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  plimsoll serve                       prints the address to open
  plimsoll serve --port 8640           from elsewhere: ssh -L 8640:127.0.0.1:8640 HOST")]
pub(super) struct Args {
    /// Port on 127.0.0.1; 0 for a free one. With a new token each time no address can be kept, so a port
    /// of its own is for a tunnel
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    port: u16,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    signals::end_on_first(&context.session.stop)?;
    let desk = Desk::new(context.session.clone());
    let announce = |url: &str| {
        // Who started us may have closed our output; serving goes on.
        drop(context.terminal.out(&format!("{url}\n")));
        context
            .terminal
            .say("whoever has this address, on this machine, sees the runs; Ctrl-C ends it");
    };
    let pages = move |asked: &Asked| desk.answer(asked);
    session::serve_pages(args.port, pages, announce, &context.session.stop).map_err(|e| {
        Diagnostic::error(
            &output::NOT_SERVED,
            format!("the runs cannot be served: {e}"),
        )
        .help("is the port taken? --port 0 takes a free one")
    })?;
    Ok(Exit::Passed)
}

/// Makes the pages.
struct Desk {
    session: Session,
    followed: Mutex<Vec<Followed>>,
}

/// A run that somebody looks at while it is measured.
struct Followed {
    scenario: String,
    id: String,
    run: Following,
}

impl Desk {
    const fn new(session: Session) -> Self {
        Self {
            session,
            followed: Mutex::new(Vec::new()),
        }
    }

    fn answer(&self, asked: &Asked) -> Answer {
        let path: Vec<&str> = asked.path.iter().map(String::as_str).collect();
        let made = match path.as_slice() {
            ["" | "index.html"] => self.list(asked),
            [scenario, id, session::REPORT] => self.report(asked, scenario, id),
            _ => Ok(Answer::Nothing),
        };
        made.unwrap_or_else(|error| Answer::Unshowable(render(&[error.diagnostic()], false)))
    }

    fn list(&self, asked: &Asked) -> Result<Answer, SessionError> {
        let state = session::state_of_runs(&self.session)?;
        page(asked, state, || {
            let overview = session::overview(&self.session)?;
            Ok(report::index(&overview, IndexPlace::Served))
        })
    }

    /// The report of a run, or what there is of it so far.
    fn report(&self, asked: &Asked, scenario: &str, id: &str) -> Result<Answer, SessionError> {
        if let Some((seen, run)) = self.so_far(scenario, id)? {
            return page(asked, format!("seen{seen}"), || Ok(report::live(&run)));
        }
        let Some(outcome) = session::reread_exactly(&self.session, scenario, id)? else {
            return Ok(Answer::Nothing);
        };
        Ok(Answer::Page(Page {
            html: report::html_served(&show::page_view(&self.session, &outcome)),
            state: None,
        }))
    }

    /// A run that is being measured, and how much of it was seen; None when it is not.
    fn so_far(
        &self,
        scenario: &str,
        id: &str,
    ) -> Result<Option<(usize, crate::model::Run)>, SessionError> {
        // What is held is whole between two calls, also when one of them panicked.
        let mut all = self.followed.lock().unwrap_or_else(PoisonError::into_inner);
        let known = all
            .iter()
            .position(|f| f.scenario == scenario && f.id == id);
        let mut followed = match known {
            Some(place) => all.remove(place),
            None => match Following::begin(&self.session, scenario, id)? {
                None => return Ok(None),
                Some(run) => Followed {
                    scenario: scenario.to_owned(),
                    id: id.to_owned(),
                    run,
                },
            },
        };
        if !followed.run.look()? {
            return Ok(None);
        }
        let so_far = (followed.run.seen(), followed.run.run());
        // The one that was looked at last is the last to be let go of.
        all.push(followed);
        let over = all.len().saturating_sub(FOLLOWED);
        all.drain(..over);
        Ok(Some(so_far))
    }
}

/// A page in a state, unless the browser has it.
fn page(
    asked: &Asked,
    state: String,
    make: impl FnOnce() -> Result<String, SessionError>,
) -> Result<Answer, SessionError> {
    if asked.known.as_ref() == Some(&state) {
        return Ok(Answer::Unchanged);
    }
    Ok(Answer::Page(Page {
        html: make()?,
        state: Some(state),
    }))
}
