//! `-o`: which formats are wanted, and where they go.

use std::path::PathBuf;

use crate::diagnostic::{Diagnostic, output};
use crate::report::{self, Format, View};
use crate::scenario::{self, Outputs as Wanted, plan::Url};
use crate::session::{self, Export, Outcome, SessionError};
use crate::untrusted::Untrusted;

use super::Context;
use super::exit::Failure;

/// Where results go besides the run folder.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Output")]
pub(super) struct OutputArgs {
    /// Write a report, its format by name: report.html, junit.xml, comment.md, run.json, codequality.json, metrics.prom, run.csv, run.hlog, md:-, otlp:URL; repeatable
    #[arg(short, long = "output", value_name = "FILE")]
    output: Vec<String>,
    /// The machine summary as JSON on standard output
    #[arg(long)]
    json: bool,
}

/// What is wanted of a run.
#[derive(Debug)]
pub(super) struct Outputs(Vec<Output>);

#[derive(Debug, PartialEq, Eq)]
struct Output {
    form: Form,
    destination: Destination,
}

/// A report says what a run means, an export what was seen in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Report(Format),
    Export(Export),
}

#[derive(Debug, PartialEq, Eq)]
enum Destination {
    Stdout,
    File(PathBuf),
    /// Below the root of the project, which asks for it.
    OfProject(PathBuf),
    Receiver(Box<Url>),
}

impl OutputArgs {
    /// Formats and destinations, refused before anything is measured when they make no sense, or go to
    /// a host that may not be spoken to.
    ///
    /// Standard output can hold one of them: whoever reads it could not tell two apart.
    pub(super) fn parse(&self, hosts: &[String]) -> Result<Outputs, Failure> {
        self.parse_or(hosts, &Wanted::default())
    }

    /// The same, and what the project asks for where no -o is given.
    pub(super) fn parse_or(&self, hosts: &[String], usual: &Wanted) -> Result<Outputs, Failure> {
        let given = self.output.iter().map(|spec| Output::parse(spec, hosts));
        let mut outputs: Vec<_> = given.collect::<Result<_, _>>()?;
        if self.output.is_empty() {
            let usual = usual.names().map(|spec| {
                let output = Output::parse(spec, hosts);
                output
                    .map(Output::of_project)
                    .map_err(|d| usual.blame(spec, d))
            });
            outputs = usual.collect::<Result<_, _>>()?;
        }
        if self.json {
            outputs.push(Output {
                form: Form::Report(Format::Json),
                destination: Destination::Stdout,
            });
        }
        let outputs = Outputs(outputs);
        match outputs.to_stdout() {
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

impl OutputArgs {
    /// The one file for what is a page and nothing else; None: its usual place.
    pub(super) fn page(&self) -> Result<Option<PathBuf>, Failure> {
        let [spec] = self.output.as_slice() else {
            return match self.output.get(1) {
                None => Ok(None),
                Some(second) => Err(no_page(second, "there is one page")),
            };
        };
        match Output::parse(spec, &[])? {
            Output {
                form: Form::Report(Format::Html),
                destination: Destination::File(path),
            } => Ok(Some(path)),
            _ => Err(no_page(spec, "the list of runs is a page in a file")),
        }
    }
}

impl Outputs {
    fn to_stdout(&self) -> usize {
        let stdout = |o: &&Output| o.destination == Destination::Stdout;
        self.0.iter().filter(stdout).count()
    }

    /// Whether standard output belongs to data: then no summary may be mixed into it.
    pub(super) fn take_stdout(&self) -> bool {
        self.to_stdout() > 0
    }

    /// Whether one of them is a page.
    pub(super) fn have_page(&self) -> bool {
        let page = Form::Report(Format::Html);
        self.0.iter().any(|o| o.form == page)
    }

    /// Writes every one of them; one that cannot be written does not keep the others back.
    pub(super) fn write(
        &self,
        context: &Context,
        outcome: &Outcome,
        view: &View,
    ) -> Result<(), Failure> {
        let written = self.0.iter().map(|o| o.write(context, outcome, view));
        written.fold(Ok(()), Result::and)
    }
}

impl Output {
    /// Reads `report.html`, `junit.xml`, `md:-`, `otlp:http://127.0.0.1:4318/v1/metrics`.
    fn parse(spec: &str, hosts: &[String]) -> Result<Self, Diagnostic> {
        let prefixed = spec.split_once(':');
        if let Some((form, rest)) = prefixed.and_then(|(p, rest)| Some((Form::named(p)?, rest))) {
            let destination = match rest {
                "" => return Err(unknown(spec, "nothing stands after the colon")),
                "-" => Destination::Stdout,
                url if url.starts_with("http://") || url.starts_with("https://") => {
                    Destination::Receiver(receiver(form, url, hosts)?)
                }
                path => Destination::File(path.into()),
            };
            return Ok(Self { form, destination });
        }
        if spec == "-" {
            return Err(unknown(spec, "`-` alone does not say which format"));
        }
        match Form::of_file(spec) {
            Some(form) => Ok(Self {
                form,
                destination: Destination::File(spec.into()),
            }),
            None => Err(unknown(spec, "its ending names no format")),
        }
    }

    fn of_project(mut self) -> Self {
        if let Destination::File(path) = self.destination {
            self.destination = Destination::OfProject(path);
        }
        self
    }

    fn write(&self, context: &Context, outcome: &Outcome, view: &View) -> Result<(), Failure> {
        match &self.destination {
            Destination::Receiver(url) => send(context, url, self.form, outcome),
            Destination::Stdout => context.terminal.out_bytes(&self.form.bytes(outcome, view)),
            Destination::File(path) => session::write_output(path, &self.form.bytes(outcome, view))
                .map_err(|e| unwritable(&e)),
            Destination::OfProject(path) => {
                let bytes = self.form.bytes(outcome, view);
                session::write_below(&context.session.root, path, &bytes)
                    .map_err(|e| unwritable(&e))
            }
        }
    }
}

impl Form {
    fn named(name: &str) -> Option<Self> {
        let is = |known: &str| known.eq_ignore_ascii_case(name);
        let mut reports = Format::NAMES.iter().filter(|(n, _)| is(n));
        let mut exports = Export::ALL.iter().filter(|(n, _)| is(n));
        let report = reports.next().map(|(_, f)| Self::Report(*f));
        report.or_else(|| exports.next().map(|(_, e)| Self::Export(*e)))
    }

    /// By the ending; of JSON there are several documents, one of which is known by its whole name.
    fn of_file(spec: &str) -> Option<Self> {
        let path = std::path::Path::new(spec);
        let part = |p: Option<&std::ffi::OsStr>| p.and_then(|p| p.to_str().map(str::to_lowercase));
        let (stem, ending) = (part(path.file_stem())?, part(path.extension())?);
        if ending == "json" && matches!(stem.as_str(), "codequality" | "gl-code-quality-report") {
            return Some(Self::Report(Format::CodeQuality));
        }
        Self::named(&ending)
    }

    fn bytes(self, outcome: &Outcome, view: &View) -> Vec<u8> {
        match self {
            Self::Report(format) => report::render(view, format).into_bytes(),
            // Several documents are for receivers; in one file they follow each other, a line each.
            Self::Export(export) => export.documents(&outcome.run).join(&b'\n'),
        }
    }
}

fn receiver(form: Form, url: &str, hosts: &[String]) -> Result<Box<Url>, Diagnostic> {
    if !matches!(form, Form::Export(Export::Otlp | Export::RemoteWrite)) {
        return Err(unknown(
            url,
            "only otlp: and remote-write: are sent to a URL",
        ));
    }
    let url = scenario::parse_url(url)?;
    scenario::check_host(&url, hosts).map_err(|told| Diagnostic {
        message: format!(
            "a run may not be sent to `{}`",
            Untrusted::new(url.authority()).terminal()
        ),
        ..told
    })?;
    Ok(Box::new(url))
}

fn send(context: &Context, url: &Url, form: Form, outcome: &Outcome) -> Result<(), Failure> {
    let Form::Export(export) = form else {
        return Ok(());
    };
    let host = Untrusted::new(url.authority()).terminal();
    for document in export.documents(&outcome.run) {
        session::deliver(url, export.headers(), &document).map_err(|reason| {
            let reason = Untrusted::new(reason).terminal();
            Failure::Output(
                Diagnostic::error(&output::UNWRITABLE, format!("{host} did not take the run"))
                    .because(reason)
                    .help("the run is stored: plimsoll report last -o FORMAT:URL sends it again"),
            )
        })?;
    }
    context.terminal.say(&format!("sent to {host}"));
    Ok(())
}

fn no_page(spec: &str, reason: &str) -> Failure {
    unknown(spec, reason).help("write -o index.html").into()
}

fn unknown(spec: &str, reason: &str) -> Diagnostic {
    let spec = Untrusted::from(spec).terminal();
    Diagnostic::error(
        &output::UNKNOWN_FORMAT,
        format!("`{spec}` names no output format"),
    )
    .because(reason)
    .help(
        "write report.html, run.json, comment.md, junit.xml, codequality.json, metrics.prom, run.csv, \
         run.jsonl, run.hlog or summary.txt, or put the format before a colon: md:-, github:-, \
         json:out/result, otlp:http://127.0.0.1:4318/v1/metrics",
    )
}

fn unwritable(error: &SessionError) -> Failure {
    Failure::Output(
        Diagnostic::error(&output::UNWRITABLE, error.to_string())
            .because("the run is stored all the same")
            .help("plimsoll report last -o FILE writes it elsewhere"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_format_is_in_the_name_or_before_the_colon() {
        let file = |name: &str| Destination::File(name.into());
        for (spec, form, destination) in [
            (
                "report.html",
                Form::Report(Format::Html),
                file("report.html"),
            ),
            (
                "out/junit.xml",
                Form::Report(Format::Junit),
                file("out/junit.xml"),
            ),
            (
                "comment.md",
                Form::Report(Format::Markdown),
                file("comment.md"),
            ),
            ("run.json", Form::Report(Format::Json), file("run.json")),
            (
                "out/codequality.json",
                Form::Report(Format::CodeQuality),
                file("out/codequality.json"),
            ),
            (
                "metrics.prom",
                Form::Report(Format::Prometheus),
                file("metrics.prom"),
            ),
            ("run.csv", Form::Report(Format::Csv), file("run.csv")),
            ("run.hlog", Form::Export(Export::Hlog), file("run.hlog")),
            (
                "run.jsonl",
                Form::Export(Export::JsonLines),
                file("run.jsonl"),
            ),
            (
                "summary.txt",
                Form::Report(Format::Text),
                file("summary.txt"),
            ),
            ("md:-", Form::Report(Format::Markdown), Destination::Stdout),
            (
                "github:-",
                Form::Report(Format::Github),
                Destination::Stdout,
            ),
            ("json:x", Form::Report(Format::Json), file("x")),
            (
                "otlp:run.otlp.json",
                Form::Export(Export::Otlp),
                file("run.otlp.json"),
            ),
            ("a:b.html", Form::Report(Format::Html), file("a:b.html")),
        ] {
            let read = Output::parse(spec, &[]).map_err(|d| d.message);
            assert_eq!(read, Ok(Output { form, destination }), "{spec}");
        }
    }

    #[test]
    fn what_names_no_format_is_refused_with_help() {
        for spec in [
            "result.xyz",
            "-",
            "md:",
            "",
            "report",
            ".html",
            "html:http://127.0.0.1/",
        ] {
            let error = Output::parse(spec, &[]).expect_err(spec);
            assert_eq!(error.code.id, "PL0501");
            assert!(error.help.is_some_and(|h| h.contains("md:-")));
        }
    }

    #[test]
    fn a_receiver_elsewhere_needs_permission() {
        let spec = "otlp:http://collector.example:4318/v1/metrics";
        assert!(Output::parse(spec, &[]).is_err());
        assert!(Output::parse(spec, &["collector.example".to_owned()]).is_ok());
        assert!(Output::parse("remote-write:http://127.0.0.1:9090/api/v1/write", &[]).is_ok());
    }
}
