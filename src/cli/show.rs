//! What every measuring verb ends with: the report in the run folder, the outputs asked for, the
//! summary on standard output.

use crate::progress::Hands;
use crate::report::{self, View};
use crate::session::{self, Outcome, Session, Watcher};

use super::Context;
use super::exit::Failure;
use super::live::Live;
use super::output::Outputs;

/// Measures while events are shown on standard error, signals are heard and keys are heeded.
pub(super) fn watched<T>(
    context: &Context,
    hands: Hands,
    measure: impl FnOnce(&mut Watcher<'_>) -> T,
) -> Result<T, Failure> {
    let live = Live::of_measurement(context, hands)?;
    Ok(measure(&mut |event| live.tell(event)))
}

/// Analyses something that may take long, while it is shown how far it is.
pub(super) fn analysed<T>(context: &Context, analyse: impl FnOnce(&mut Watcher<'_>) -> T) -> T {
    let live = Live::of_analysis(context);
    analyse(&mut |event| live.tell(event))
}

/// What every format but a page shows of a run.
pub(super) fn view(outcome: &Outcome) -> View {
    View::new(&outcome.run, outcome.baseline.as_ref())
        .explained(&session::diagnose(&outcome.run))
        .profiled(&outcome.profiles)
}

/// The same for a page, which has the runs before as well.
pub(super) fn page_view(session: &Session, outcome: &Outcome) -> View {
    let view = view(outcome);
    match session::history_until(session, outcome) {
        Some(history) => view.followed(history),
        None => view,
    }
}

/// Writes every output of a run, and the summary where standard output is free for it.
pub(super) fn outcome(
    context: &Context,
    outcome: &Outcome,
    outputs: &Outputs,
) -> Result<(), Failure> {
    let view = if outputs.have_page() {
        page_view(&context.session, outcome)
    } else {
        view(outcome)
    };
    let written = outputs.write(context, outcome, &view);
    if !outputs.take_stdout() {
        context
            .terminal
            .out(&report::text(&view, context.terminal.style))?;
    }
    written
}

/// Leaves `report.html` in the folder of a run just measured.
pub(super) fn keep_html(context: &Context, outcome: &Outcome) -> Result<(), Failure> {
    let view = page_view(&context.session, outcome);
    session::write_report(&outcome.dir, "report.html", &report::html(&view))?;
    Ok(())
}
