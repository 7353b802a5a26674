//! What every measuring verb ends with: the report in the run folder, the outputs asked for, the
//! summary on standard output.

use crate::diagnostic::{Diagnostic, output};
use crate::model::Event;
use crate::progress::Progress;
use crate::report::{self, Destination, Format, View};
use crate::session::{self, Outcome, SessionError};

use super::Context;
use super::exit::Failure;

/// Where results go besides the run folder.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Output")]
pub(super) struct OutputArgs {
    /// Write a report, its format by name: report.html, junit.xml, comment.md, run.json, run.csv, md:-; repeatable
    #[arg(short, long = "output", value_name = "FILE")]
    output: Vec<String>,
    /// The machine summary as JSON on standard output
    #[arg(long)]
    json: bool,
}

impl OutputArgs {
    /// Formats and destinations, refused before anything is measured when they make no sense.
    ///
    /// Standard output can hold one of them: whoever reads it could not tell two apart.
    pub(super) fn parse(&self) -> Result<Vec<(Format, Destination)>, Failure> {
        let outputs = self.output.iter().map(|spec| Format::from_name(spec));
        let mut outputs: Vec<_> = outputs.collect::<Result<_, _>>()?;
        if self.json {
            outputs.push((Format::Json, Destination::Stdout));
        }
        match outputs.iter().filter(|(_, d)| is_stdout(d)).count() {
            0 | 1 => Ok(outputs),
            n => Err(Diagnostic::error(
                &output::CROWDED,
                format!("{n} outputs are to go to standard output"),
            )
            .because("--json and every -o with `-` write to it")
            .help("give all but one a file: -o run.json")
            .into()),
        }
    }
}

/// Shows events on standard error as they come.
pub(super) fn watcher(context: &Context) -> impl FnMut(&Event) + '_ {
    let mut progress = Progress::default();
    move |event| {
        if let Some(line) = progress.line(event) {
            context.terminal.say(&line);
        }
        if context.terminal.live {
            context.terminal.status(&progress.status());
        }
    }
}

const fn is_stdout(destination: &Destination) -> bool {
    matches!(destination, Destination::Stdout)
}

/// What every format shows of a run.
pub(super) fn view(outcome: &Outcome) -> View {
    View::new(&outcome.run, outcome.baseline.as_ref())
        .explained(&session::diagnose(&outcome.run))
        .profiled(&outcome.profiles)
}

/// Writes every output of a run; one that cannot be written does not keep the others back.
pub(super) fn outcome(
    context: &Context,
    outcome: &Outcome,
    args: &OutputArgs,
) -> Result<(), Failure> {
    context.terminal.clear_status();
    let outputs = args.parse()?;
    let view = view(outcome);
    let mut failed = None;
    for (format, destination) in &outputs {
        let text = report::render(&view, *format);
        let written = match destination {
            Destination::Stdout => context.terminal.out(&text),
            Destination::File(path) => {
                session::write_output(path, &text).map_err(|e| unwritable(&e))
            }
        };
        failed = failed.or(written.err());
    }
    // Where standard output belongs to data, no summary may be mixed into it.
    if !outputs.iter().any(|(_, d)| is_stdout(d)) {
        context
            .terminal
            .out(&report::text(&view, context.terminal.style))?;
    }
    failed.map_or(Ok(()), Err)
}

fn unwritable(error: &SessionError) -> Failure {
    Failure::Output(
        Diagnostic::error(&output::UNWRITABLE, error.to_string())
            .because("the run is stored all the same")
            .help("plimsoll report last -o FILE writes it elsewhere"),
    )
}

/// Leaves `report.html` in the folder of a run just measured.
pub(super) fn keep_html(outcome: &Outcome) -> Result<(), Failure> {
    let view = view(outcome);
    session::write_report(&outcome.dir, "report.html", &report::html(&view))?;
    Ok(())
}
