//! Reads recordings: CSV, JSON lines, and the common log format of web servers.
//!
//! A line that cannot be sent as it was recorded is an error with its number, never skipped.

use std::path::Path;

use serde_json::Value as Json;

use crate::diagnostic::Diagnostic;

use super::beside::RECORDING;
use super::shape::short;
use super::{limits, request, suggest};

/// One recorded request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    pub at: Moment,
    pub method: String,
    /// With its query.
    pub path: String,
    pub step: Option<String>,
    pub body: Option<String>,
    pub content_type: Option<String>,
    /// In the file, from 1.
    pub line: u64,
}

/// When a request was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Moment {
    /// Nanoseconds from any beginning.
    Relative(i128),
    /// Nanoseconds from 1970.
    Epoch(i128),
}

impl Moment {
    pub(super) const fn nanos(self) -> i128 {
        match self {
            Self::Relative(nanos) | Self::Epoch(nanos) => nanos,
        }
    }
}

/// How a recording is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Csv,
    JsonLines,
    CommonLog,
}

impl Format {
    /// By the end of the file's name.
    pub(super) fn of(file: &str) -> Option<Self> {
        let extension = Path::new(file).extension()?.to_str()?.to_ascii_lowercase();
        match extension.as_str() {
            "csv" => Some(Self::Csv),
            "jsonl" | "ndjson" | "json" => Some(Self::JsonLines),
            "log" => Some(Self::CommonLog),
            _ => None,
        }
    }
}

/// The requests in the order of the file; at least one.
///
/// # Errors
/// The first line that cannot be read or sent.
pub(super) fn read(file: &str, text: &str, format: Format) -> Result<Vec<Row>, Diagnostic> {
    let reader = Reader { file };
    let rows = match format {
        Format::Csv => reader.csv(text)?,
        Format::JsonLines => reader.lines(text, |line, text| reader.json(line, text))?,
        Format::CommonLog => reader.lines(text, |line, text| reader.common_log(line, text))?,
    };
    let Some(first) = rows.first() else {
        return Err(RECORDING
            .bad(file, "has no requests")
            .help("write at least one line with a time and a path"));
    };
    let relative = |row: &Row| matches!(row.at, Moment::Relative(_));
    if let Some(other) = rows.iter().find(|row| relative(row) != relative(first)) {
        return Err(reader
            .bad(
                other.line,
                "a date among seconds from the beginning, or the other way round",
            )
            .because("the distance of two such times is unknown")
            .help("write all times in the same way"));
    }
    Ok(rows)
}

struct Reader<'a> {
    file: &'a str,
}

/// What a line says, as text.
#[derive(Debug, Default)]
struct Fields {
    time: Option<String>,
    method: Option<String>,
    path: Option<String>,
    step: Option<String>,
    body: Option<String>,
    content_type: Option<String>,
}

const COLUMNS: [&str; 8] = [
    "time",
    "timestamp",
    "method",
    "path",
    "url",
    "step",
    "body",
    "content-type",
];

impl Fields {
    fn slot(&mut self, name: &str) -> Option<&mut Option<String>> {
        match name {
            "time" | "timestamp" => Some(&mut self.time),
            "method" => Some(&mut self.method),
            "path" | "url" => Some(&mut self.path),
            "step" => Some(&mut self.step),
            "body" => Some(&mut self.body),
            "content-type" | "content_type" => Some(&mut self.content_type),
            _ => None,
        }
    }
}

impl Reader<'_> {
    fn bad(&self, line: u64, what: &str) -> Diagnostic {
        RECORDING.bad_line(self.file, line, what)
    }

    /// Each line that is not blank, by a reader of one.
    fn lines(
        &self,
        text: &str,
        read: impl Fn(u64, &str) -> Result<Row, Diagnostic>,
    ) -> Result<Vec<Row>, Diagnostic> {
        let mut rows = Vec::new();
        for (number, line) in (1..).zip(text.lines()) {
            if !line.trim().is_empty() {
                self.room(rows.len(), number)?;
                rows.push(read(number, line)?);
            }
        }
        Ok(rows)
    }

    fn room(&self, rows: usize, line: u64) -> Result<(), Diagnostic> {
        if rows < limits::ROWS {
            return Ok(());
        }
        Err(self
            .bad(line, "more than 1,000,000 requests")
            .help("replay a part of the recording"))
    }

    fn csv(&self, text: &str) -> Result<Vec<Row>, Diagnostic> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut reader = csv::ReaderBuilder::new()
            .trim(csv::Trim::Headers)
            .from_reader(text.as_bytes());
        let bad = |error: &csv::Error| {
            let line = error.position().map_or(1, csv::Position::line);
            self.bad(line, "not CSV")
                .because(error.to_string())
                .help("write comma-separated values, a request a line")
        };
        let columns = reader.headers().map_err(|error| bad(&error))?.clone();
        let known = |name: &str| Fields::default().slot(name).is_some();
        // Columns of no interest are common, misspelt ones are not to be mistaken for them.
        for column in columns.iter().filter(|column| !known(column)) {
            if let Some(near) = suggest::nearest(column, COLUMNS) {
                return Err(self
                    .bad(1, &format!("unknown column `{}`", short(column)))
                    .help(format!("did you mean `{near}`?")));
            }
        }
        for wanted in [["time", "timestamp"], ["path", "url"]] {
            if !columns.iter().any(|column| wanted.contains(&column)) {
                return Err(self
                    .bad(1, &format!("there is no column `{}`", wanted[0]))
                    .help("the first line names the columns: time,method,path"));
            }
        }
        let mut rows = Vec::new();
        for record in reader.records() {
            let record = record.map_err(|error| bad(&error))?;
            let line = record.position().map_or(0, csv::Position::line);
            self.room(rows.len(), line)?;
            let mut fields = Fields::default();
            for (name, value) in columns.iter().zip(&record) {
                if let (Some(slot), false) = (fields.slot(name), value.is_empty()) {
                    *slot = Some(value.to_owned());
                }
            }
            rows.push(self.row(line, fields)?);
        }
        Ok(rows)
    }

    fn json(&self, line: u64, text: &str) -> Result<Row, Diagnostic> {
        let wanted = "write an object a line: {\"time\": 0.25, \"path\": \"/items\"}";
        let object: serde_json::Map<String, Json> =
            serde_json::from_str(text).map_err(|error| {
                self.bad(line, "not a JSON object")
                    .because(error.to_string())
                    .help(wanted)
            })?;
        let mut fields = Fields::default();
        for (name, value) in object {
            let structured = name == "body" && (value.is_object() || value.is_array());
            if structured && fields.content_type.is_none() {
                fields.content_type = Some("application/json".to_owned());
            }
            let Some(slot) = fields.slot(&name) else {
                continue;
            };
            match value {
                Json::Null => {}
                Json::String(text) => *slot = Some(text),
                Json::Number(number) => *slot = Some(number.to_string()),
                other if structured => *slot = Some(other.to_string()),
                _ => {
                    return Err(self
                        .bad(line, &format!("`{}` is no text", short(&name)))
                        .help(wanted));
                }
            }
        }
        self.row(line, fields)
    }

    /// `127.0.0.1 - - [10/Oct/2000:13:55:36 -0700] "GET /x HTTP/1.0" 200 2326 ...`
    fn common_log(&self, line: u64, text: &str) -> Result<Row, Diagnostic> {
        let bad = || {
            self.bad(line, "not a line of the common log format").help(
                "a line is: HOST - - [10/Oct/2000:13:55:36 -0700] \"GET /items HTTP/1.1\" 200 512",
            )
        };
        let (_, rest) = text.split_once('[').ok_or_else(bad)?;
        let (time, rest) = rest.split_once(']').ok_or_else(bad)?;
        let (_, rest) = rest.split_once('"').ok_or_else(bad)?;
        let (request, _) = rest.split_once('"').ok_or_else(bad)?;
        if request.contains('\\') {
            return Err(self
                .bad(line, "a request with an escaped character")
                .because("web servers write so what is no proper request; what it was is not known")
                .help("take the line out of the recording"));
        }
        let at = jiff::fmt::strtime::parse("%d/%b/%Y:%H:%M:%S %z", time)
            .and_then(|time| time.to_timestamp())
            .map_err(|_| self.no_time(line, time))?;
        let [method, path, ..] = request.split(' ').collect::<Vec<_>>()[..] else {
            return Err(bad());
        };
        let row = Row {
            at: Moment::Epoch(at.as_nanosecond()),
            method: method.to_owned(),
            path: self.path(line, path)?,
            step: None,
            body: None,
            content_type: None,
            line,
        };
        self.sendable(row)
    }

    fn row(&self, line: u64, fields: Fields) -> Result<Row, Diagnostic> {
        let missing = |what: &str| {
            self.bad(line, &format!("there is no {what}"))
                .help("a request has at least a time and a path")
        };
        let time = fields.time.ok_or_else(|| missing("time"))?;
        let path = fields.path.ok_or_else(|| missing("path"))?;
        let row = Row {
            at: moment(&time).ok_or_else(|| self.no_time(line, &time))?,
            method: fields.method.unwrap_or_else(|| "GET".to_owned()),
            path: self.path(line, &path)?,
            step: fields.step,
            body: fields.body,
            content_type: fields.content_type,
            line,
        };
        self.sendable(row)
    }

    fn no_time(&self, line: u64, text: &str) -> Diagnostic {
        self.bad(line, &format!("`{}` is no time", short(text)))
            .help("write seconds (12.25), seconds or milliseconds since 1970, or 2026-01-31T12:00:00Z")
    }

    /// The path of what may be a whole URL.
    fn path(&self, line: u64, text: &str) -> Result<String, Diagnostic> {
        let path = match text.split_once("://") {
            Some((scheme, rest)) if !scheme.contains('/') => {
                rest.find(['/', '?']).map_or("/", |at| &rest[at..])
            }
            _ => text,
        };
        let path = if path.starts_with('?') {
            format!("/{path}")
        } else {
            path.to_owned()
        };
        self.checked(line, request::path(&path)).map(|()| path)
    }

    fn sendable(&self, row: Row) -> Result<Row, Diagnostic> {
        self.checked(row.line, request::method(&row.method))?;
        if let Some(kind) = &row.content_type {
            self.checked(row.line, request::header_value("content-type", kind))?;
        }
        Ok(row)
    }

    /// A problem of a request as a problem of the recording's line.
    fn checked(&self, line: u64, result: Result<(), Diagnostic>) -> Result<(), Diagnostic> {
        result.map_err(|problem| {
            let bad = self.bad(line, &problem.message);
            let bad = match problem.reason {
                Some(reason) => bad.because(reason),
                None => bad,
            };
            bad.help("correct the line, or take it out of the recording")
        })
    }
}

/// Seconds, seconds or milliseconds since 1970 by their size, or RFC 3339.
fn moment(text: &str) -> Option<Moment> {
    const SECOND: i128 = 1_000_000_000;
    let text = text.trim();
    let Some(nanos) = decimal(text).or_else(|| scientific(text)) else {
        let time: jiff::Timestamp = text.parse().ok()?;
        return Some(Moment::Epoch(time.as_nanosecond()));
    };
    Some(match nanos / SECOND {
        ..1_000_000_000 => Moment::Relative(nanos),
        1_000_000_000..1_000_000_000_000 => Moment::Epoch(nanos),
        _ => Moment::Epoch(nanos / 1000),
    })
}

/// A decimal number, times a thousand million.
fn decimal(text: &str) -> Option<i128> {
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !digits(part) || whole.len() > 18 {
        return None;
    }
    let part: String = part.chars().chain("000000000".chars()).take(9).collect();
    Some(whole.parse::<i128>().ok()? * 1_000_000_000 + part.parse::<i128>().ok()?)
}

/// A number such as `1e-5`, as JSON writers put very small ones.
fn scientific(text: &str) -> Option<i128> {
    let (mantissa, _) = text.split_once(['e', 'E'])?;
    decimal(mantissa)?;
    let seconds: f64 = text.parse().ok()?;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "seconds within this bound fit in nanoseconds"
    )]
    (0.0..1e15)
        .contains(&seconds)
        .then(|| (seconds * 1e9).round() as i128)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(format: Format, text: &str) -> String {
        match read("r", text, format) {
            Ok(rows) => rows
                .iter()
                .map(|r| {
                    let extra = [&r.step, &r.body, &r.content_type].map(|x| x.as_deref());
                    format!("{:?} {} {} {extra:?}\n", r.at, r.method, r.path)
                })
                .collect(),
            Err(diagnostic) => diagnostic.message,
        }
    }

    #[test]
    fn csv_rows_have_a_time_and_a_path() {
        insta::assert_snapshot!(said(Format::Csv, "time,method,path,status,step,body,content-type\n0.25,,/a,200,,,\n1,POST,/b?c=1,,pay,\"x,y\",text/plain\n"), @r#"
        Relative(250000000) GET /a [None, None, None]
        Relative(1000000000) POST /b?c=1 [Some("pay"), Some("x,y"), Some("text/plain")]
        "#);
        insta::assert_snapshot!(said(Format::Csv, "time,metod,path\n"), @"r:1: unknown column `metod`");
        insta::assert_snapshot!(said(Format::Csv, "method,path\n"), @"r:1: there is no column `time`");
        insta::assert_snapshot!(said(Format::Csv, "time,path\n1,/a\nx,/a\n"), @"r:3: `x` is no time");
        insta::assert_snapshot!(said(Format::Csv, "time,path\n1,\n"), @"r:2: there is no path");
        insta::assert_snapshot!(said(Format::Csv, "time,path\n1,/a b\n"), @"r:2: the path `/a b` contains a space");
        insta::assert_snapshot!(said(Format::Csv, "time,path\n1,/a,/b\n"), @"r:2: not CSV");
        insta::assert_snapshot!(said(Format::Csv, "time,path,method\n1,/a,get\n"), @"r:2: `get` is not a method");
        insta::assert_snapshot!(said(Format::Csv, "time,path\n"), @"the recording `r` has no requests");
        insta::assert_snapshot!(said(Format::Csv, "time,path\n1,/a\n2026-01-01T00:00:00Z,/a\n"), @"r:3: a date among seconds from the beginning, or the other way round");
    }

    #[test]
    fn json_lines_have_the_same_keys() {
        let text = "{\"timestamp\": 1767225600123, \"url\": \"https://shop.example:8/a?b=1\", \"x\": {}}\n\n{\"time\": \"2026-01-01T00:00:01.5+00:00\", \"path\": \"/p\", \"method\": \"PUT\", \"body\": {\"a\": 1}}\n";
        insta::assert_snapshot!(said(Format::JsonLines, text), @r#"
        Epoch(1767225600123000000) GET /a?b=1 [None, None, None]
        Epoch(1767225601500000000) PUT /p [None, Some("{\"a\":1}"), Some("application/json")]
        "#);
        insta::assert_snapshot!(said(Format::JsonLines, "{\"time\":1,\"path\":\"/\"}\n[1]\n"), @"r:2: not a JSON object");
        insta::assert_snapshot!(said(Format::JsonLines, "{\"time\":1,\"path\":[]}\n"), @"r:1: `path` is no text");
        insta::assert_snapshot!(said(Format::JsonLines, "{\"time\":1,\"url\":\"http://h?q\"}\n"), @"Relative(1000000000) GET /?q [None, None, None]");
    }

    #[test]
    fn access_logs_have_whole_seconds() {
        let text = "127.0.0.1 - frank [10/Oct/2000:13:55:36 -0700] \"GET /x?y HTTP/1.0\" 200 2326 \"http://r\" \"agent [en]\"\n";
        insta::assert_snapshot!(said(Format::CommonLog, text), @"Epoch(971211336000000000) GET /x?y [None, None, None]");
        insta::assert_snapshot!(said(Format::CommonLog, "h - - [10/Okt/2000:13:55:36 -0700] \"GET / HTTP/1.0\" 200 1"), @"r:1: `10/Okt/2000:13:55:36 -0700` is no time");
        insta::assert_snapshot!(said(Format::CommonLog, "h - - [10/Oct/2000:13:55:36 -0700] \"-\" 408 0"), @"r:1: not a line of the common log format");
        insta::assert_snapshot!(said(Format::CommonLog, "h - - [10/Oct/2000:13:55:36 -0700] \"\\x16\\x03 \\x01\" 400 0"), @"r:1: a request with an escaped character");
    }

    #[test]
    fn a_number_says_by_its_size_what_it_is() {
        assert_eq!(moment("0"), Some(Moment::Relative(0)));
        assert_eq!(
            moment("999999999.9999999999"),
            Some(Moment::Relative(999_999_999_999_999_999))
        );
        assert_eq!(
            moment("1000000000.5"),
            Some(Moment::Epoch(1_000_000_000_500_000_000))
        );
        assert_eq!(
            moment("1000000000000.5"),
            Some(Moment::Epoch(1_000_000_000_000_500_000))
        );
        assert_eq!(moment("1.5e-5"), Some(Moment::Relative(15_000)));
        for wrong in ["", "-1", "1e99", "e3", ".5", "1.", "12:00", "1 2"] {
            assert_eq!(moment(wrong), None, "{wrong}");
        }
    }
}
