//! From a recording to the load of a phase: its times, its distinct requests, and their steps.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use crate::diagnostic::{Diagnostic, scenario as codes};
use crate::units::Nanos;

use super::beside::RECORDING;
use super::plan::{Entry, Load, Phase, Recording, Request, Step, Template};
use super::problems::Problems;
use super::recording::{self, Format, Row};
use super::section::{Placed, Section};
use super::tree::{Span, Value};
use super::{limits, name};

/// Where requests beyond the greatest number of groups are counted.
const OTHERS: &str = "others";
/// Parts of a path that a group is named by.
const DEPTH: usize = 4;
/// Slowest and fastest replay.
const SPEED: std::ops::RangeInclusive<f64> = 0.001..=1000.0;

/// The steps that recordings count under.
#[derive(Debug)]
pub(super) struct Recorded<'a> {
    base: &'a Path,
    /// Of all steps, in the order of the plan.
    names: Vec<String>,
    /// Those beyond the declared ones.
    steps: Vec<Step>,
    /// Declared steps that a recording names.
    used: BTreeSet<usize>,
}

/// What is read from the table of a replay.
struct Replay<'a> {
    file: &'a str,
    span: &'a Span,
    format: Format,
    speed: f64,
    /// The phase is over by then.
    end: Option<Nanos>,
}

/// The load and the length of a replay; None when it is wrong.
pub(super) fn check(
    problems: &mut Problems<'_>,
    section: &Section<'_>,
    duration: Option<Placed<'_, Nanos>>,
    recorded: &mut Recorded<'_>,
) -> Option<(Load, Nanos)> {
    let replay = keys(problems, section, duration)?;
    let read = |file| {
        let text = RECORDING.text_below(recorded.base, file)?;
        recording::read(file, &text, replay.format)
    };
    let rows = read(replay.file)
        .map_err(|diagnostic| problems.add(diagnostic, replay.span, "this recording"))
        .ok()?;
    let mut timed = times(rows, replay.speed);
    let whole = timed.last().map_or(Nanos::ZERO, |(at, _)| length(*at));
    let end = replay.end.unwrap_or(whole);
    let kept = timed.partition_point(|(at, _)| *at < end);
    if kept < timed.len() {
        let message = format!(
            "{} of {} recorded requests lie beyond {end} and are not sent",
            timed.len() - kept,
            timed.len()
        );
        let diagnostic = Diagnostic::warning(&codes::RECORDING_CUT, message)
            .because(format!("the recording lasts {whole} at this speed"))
            .help("give the phase that long, or take the later requests out of the recording");
        problems.add(diagnostic, replay.span, "cut off");
        timed.truncate(kept);
    }
    let last = timed.last().map_or(Nanos::ZERO, |(at, _)| *at);
    let duration = duration.map_or_else(|| length(last).min(end), |(duration, _)| duration);
    let recording = recorded
        .add(replay.file, timed)
        .map_err(|diagnostic| problems.add(diagnostic, replay.span, "this recording"))
        .ok()?;
    Some((Load::Replay(recording), duration))
}

/// The time that holds an entry at `at`: whole milliseconds, and one more.
const fn length(at: Nanos) -> Nanos {
    Nanos::from_millis(at.0.div_ceil(1_000_000) + 1)
}

fn keys<'a>(
    problems: &mut Problems<'_>,
    section: &Section<'a>,
    duration: Option<Placed<'a, Nanos>>,
) -> Option<Replay<'a>> {
    let table = section.section("replay");
    let (file, span) = match &table {
        Some(table) => table.text("file")?,
        None => section.text("replay")?,
    };
    let named = table.as_ref().and_then(|table| table.text("format"));
    let format = match named {
        Some(("csv", _)) => Some(Format::Csv),
        Some(("jsonl", _)) => Some(Format::JsonLines),
        Some(("clf", _)) => Some(Format::CommonLog),
        Some(_) => return None,
        None => Format::of(file),
    };
    let Some(format) = format else {
        let diagnostic = RECORDING
            .bad(file, "does not say by its name how it is written")
            .help(format!(
                "write replay = {{ file = \"{}\", format = \"clf\" }}, or \"csv\" or \"jsonl\"",
                super::shape::short(file)
            ));
        problems.add(diagnostic, span, "which format?");
        return None;
    };
    let speed = table.as_ref().and_then(|table| table.number("speed"));
    if let Some((speed, span)) = speed
        && !SPEED.contains(&speed)
    {
        let message = format!("a recording cannot be replayed at {speed} times its speed");
        let diagnostic = Diagnostic::error(&codes::BAD_VALUE, message)
            .help("write a factor from 0.001 to 1000; 2.0 is twice as fast");
        problems.add(diagnostic, span, "out of range");
        return None;
    }
    let most = table.as_ref().and_then(|table| table.time("max-duration"));
    if let (Some((_, span)), Some(_)) = (most, duration) {
        let diagnostic = Diagnostic::error(
            &codes::CONFLICT,
            "`duration` and `max-duration` exclude each other",
        )
        .because("both say when the phase ends")
        .help("keep `duration` for an exact length, or `max-duration` for at most that");
        problems.add(diagnostic, span, "`duration` is already given");
    }
    Some(Replay {
        file,
        span,
        format,
        speed: speed.map_or(1.0, |(speed, _)| speed),
        end: duration.or(most).map(|(end, _)| end),
    })
}

/// The rows by time from the first one on. Where all times are whole seconds, as in access logs,
/// the requests of a second are spread evenly over it.
fn times(mut rows: Vec<Row>, speed: f64) -> Vec<(Nanos, Row)> {
    const SECOND: i128 = 1_000_000_000;
    rows.sort_by_key(|row| row.at);
    let start = rows.first().map_or(0, |row| row.at.nanos());
    let coarse = rows.iter().all(|row| row.at.nanos() % SECOND == 0);
    let mut times: Vec<i128> = rows.iter().map(|row| row.at.nanos() - start).collect();
    if coarse {
        for second in times.chunk_by_mut(|a, b| a == b) {
            let n = second.len() as i128;
            for (k, at) in (0..).zip(second) {
                *at += k * SECOND / n;
            }
        }
    }
    times
        .into_iter()
        .map(|at| Nanos::from_secs_f64(at as f64 / 1e9 / speed))
        .zip(rows)
        .collect()
}

/// What makes two recorded requests the same.
#[derive(PartialEq, Eq, Hash)]
struct Identity {
    method: String,
    path: String,
    body: Option<String>,
    content_type: Option<String>,
}

impl<'a> Recorded<'a> {
    /// `names` are those of the declared steps.
    pub(super) fn new(base: &'a Path, names: Vec<String>) -> Self {
        Self {
            base,
            names,
            steps: Vec::new(),
            used: BTreeSet::new(),
        }
    }

    fn add(&mut self, file: &str, rows: Vec<(Nanos, Row)>) -> Result<Recording, Diagnostic> {
        let groups = Groups::of(&rows);
        let mut known: HashMap<Identity, usize> = HashMap::new();
        let mut requests = Vec::new();
        let mut entries = Vec::with_capacity(rows.len());
        for (at, row) in rows {
            let name = match &row.step {
                Some(name) => explicit(file, &row, name)?,
                None => groups.name(&row),
            };
            let identity = Identity {
                method: row.method,
                path: row.path,
                body: row.body,
                content_type: row.content_type,
            };
            let request = known.get(&identity).copied().unwrap_or_else(|| {
                requests.push(identity.request());
                known.insert(identity, requests.len() - 1);
                requests.len() - 1
            });
            let step = self.step(file, row.line, name, &requests[request])?;
            entries.push(Entry { at, step, request });
        }
        Ok(Recording {
            file: file.to_owned(),
            requests,
            entries: entries.into(),
        })
    }

    /// Number of a step in the plan, made when there is none of this name.
    fn step(
        &mut self,
        file: &str,
        line: u64,
        name: String,
        request: &Request,
    ) -> Result<usize, Diagnostic> {
        let declared = self.names.len() - self.steps.len();
        if let Some(number) = self.names.iter().position(|known| *known == name) {
            if number < declared {
                self.used.insert(number);
            }
            return Ok(number);
        }
        if self.names.len() >= limits::TABLES {
            let what = format!("`{name}` is one step too many, of {}", limits::TABLES);
            return Err(RECORDING
                .bad_line(file, line, &what)
                .because("every step is recorded and judged on its own")
                .help("name fewer steps in the column `step`"));
        }
        self.steps.push(Step::new(&name, request.clone()));
        self.names.push(name);
        Ok(self.names.len() - 1)
    }

    /// Reports phases without anything to send, and steps that nothing sends.
    pub(super) fn check(
        &self,
        problems: &mut Problems<'_>,
        root: &Section<'_>,
        phases: &[Option<Phase>],
    ) {
        let sections = root.sections("phase");
        let made = ["step", "journey"].into_iter().any(|key| {
            // What is there but wrong has its own message.
            root.node(key)
                .is_some_and(|node| !matches!(&node.value, Value::List(items) if items.is_empty()))
        });
        let visiting = sections.iter().any(|phase| phase.node("replay").is_none());
        if !made && (visiting || sections.is_empty()) {
            let diagnostic =
                Diagnostic::error(&codes::MISSING_KEY, "a scenario needs `step` or `journey`")
                    .because("only a phase that replays a recording brings its requests along")
                    .help("add a [[step]] table, or a [[journey]] of several");
            problems.add(diagnostic, &root.span, "none of them is given");
        }
        if !visiting && phases.iter().all(Option::is_some) && !sections.is_empty() {
            let declared = self.names.len() - self.steps.len();
            for number in (0..declared).filter(|number| !self.used.contains(number)) {
                let name = &self.names[number];
                let message = format!("nothing sends the step `{name}`");
                let diagnostic = Diagnostic::error(&codes::CONFLICT, message)
                    .because("all phases replay recordings, and none of them names it")
                    .help("leave it out, name it in the column `step` of a recording, or add a phase with a rate");
                problems.add(diagnostic, &place(root, name), "never sent");
            }
        }
    }

    /// The steps beyond the declared ones.
    pub(super) fn into_steps(self) -> Vec<Step> {
        self.steps
    }
}

/// Where a step is named.
fn place(root: &Section<'_>, name: &str) -> Span {
    let journeys = root.sections("journey");
    let steps = journeys.iter().flat_map(|journey| journey.sections("step"));
    root.sections("step")
        .into_iter()
        .chain(steps)
        .filter_map(|step| step.text("name"))
        .find(|(known, _)| *known == name)
        .map_or_else(|| root.span.clone(), |(_, span)| span.clone())
}

impl Identity {
    fn request(&self) -> Request {
        let kind = self.content_type.iter();
        Request {
            headers: kind
                .map(|kind| ("content-type".to_owned(), Template::fixed(kind.as_str())))
                .collect(),
            body: Template::fixed(self.body.clone().unwrap_or_default()),
            ..Request::new(&self.method, &self.path)
        }
    }
}

/// The name that a row gives its step.
fn explicit(file: &str, row: &Row, given: &str) -> Result<String, Diagnostic> {
    if name::is_slug(given) {
        return Ok(given.to_owned());
    }
    let what = format!("`{}` is not a name of a step", super::shape::short(given));
    let better = name::slugged(given);
    let help = if better.is_empty() {
        "a name is small letters, digits, `-`, `_` and `.`".to_owned()
    } else {
        format!("did you mean `{better}`?")
    };
    Err(RECORDING.bad_line(file, row.line, &what).help(help))
}

/// The most frequent kinds of requests that name no step.
#[derive(Debug)]
struct Groups {
    kept: BTreeSet<String>,
}

impl Groups {
    fn of(rows: &[(Nanos, Row)]) -> Self {
        let mut counts: HashMap<String, usize> = HashMap::new();
        for (_, row) in rows.iter().filter(|(_, row)| row.step.is_none()) {
            *counts.entry(group(row)).or_default() += 1;
        }
        let mut counts: Vec<_> = counts.into_iter().collect();
        counts.sort_by(|(a, n), (b, m)| m.cmp(n).then_with(|| a.cmp(b)));
        if counts.len() > limits::GROUPS {
            counts.truncate(limits::GROUPS - 1);
        }
        Self {
            kept: counts.into_iter().map(|(name, _)| name).collect(),
        }
    }

    fn name(&self, row: &Row) -> String {
        let group = group(row);
        if self.kept.contains(&group) {
            group
        } else {
            OTHERS.to_owned()
        }
    }
}

/// `GET /items/17?a=b` as `get.items.id`: method and beginning of the path, what counts things left
/// out.
fn group(row: &Row) -> String {
    let path = row.path.split('?').next().unwrap_or_default();
    let parts = path
        .split('/')
        .filter(|part| !part.is_empty())
        .take(DEPTH)
        .map(|part| {
            if is_identity(part) {
                "id".to_owned()
            } else {
                name::slugged(&without_escapes(part))
            }
        });
    let mut group = name::slugged(&row.method);
    for part in parts.filter(|part| !part.is_empty()) {
        group.push('.');
        group.push_str(&part);
    }
    group.truncate(64);
    if name::is_slug(&group) {
        group
    } else {
        OTHERS.to_owned()
    }
}

/// `red%20shoes` as `red-shoes`.
fn without_escapes(part: &str) -> String {
    let mut pieces = part.split('%');
    let first = pieces.next().unwrap_or_default().to_owned();
    pieces.fold(first, |text, piece| {
        text + "-" + piece.get(2..).unwrap_or_default()
    })
}

/// True for a number, and for what looks like a hash or a UUID.
fn is_identity(part: &str) -> bool {
    let number = part.bytes().all(|b| b.is_ascii_digit());
    let hex = part.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
    number || (hex && part.len() >= 8 && part.bytes().any(|b| b.is_ascii_digit()))
}
