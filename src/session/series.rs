//! `history --series`: the same questions to a file of values, without any run.
//!
//! CSV: a line with names, then a line for every run, oldest first. `date`, `commit` and `version`
//! say what a run was; every other column is a metric. Everything that is wrong is said at once.

use std::ops::Range;

use crate::diagnostic::{Diagnostic, SourceFile, store as codes};
use crate::judge::trace;
use crate::model::{History, Measure, Point, Series, Trend};

use super::history::Excerpt;

/// Most columns and rows of a file.
const COLUMNS: usize = 256;
const ROWS: usize = 1_000_000;
/// Problems that are shown.
const SHOWN: usize = 20;

/// The history in a file of values.
///
/// # Errors
/// All that is wrong with the file, each with its line; never empty.
pub fn history_of(file: &SourceFile, excerpt: &Excerpt) -> Result<History, Vec<Diagnostic>> {
    let sheet = Sheet::read(file)?;
    let mut history = sheet.history(file, excerpt)?;
    excerpt.cut(&mut history);
    let points = &history.points;
    history.trends = history
        .trends
        .into_iter()
        .map(|trend| trace(trend.series, points))
        .collect();
    Ok(history)
}

/// What a column says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Column {
    Date,
    Commit,
    Version,
    Metric,
}

impl Column {
    fn named(name: &str) -> Self {
        match name.to_ascii_lowercase().as_str() {
            "date" => Self::Date,
            "commit" => Self::Commit,
            "version" => Self::Version,
            _ => Self::Metric,
        }
    }
}

struct Sheet {
    points: Vec<Point>,
    series: Vec<Series>,
}

impl Sheet {
    fn read(file: &SourceFile) -> Result<Self, Vec<Diagnostic>> {
        let mut problems = Problems {
            file,
            found: Vec::new(),
        };
        let mut reader = csv::ReaderBuilder::new()
            .trim(csv::Trim::All)
            .from_reader(file.text.as_bytes());
        let header = match reader.headers() {
            Ok(header) => header.clone(),
            Err(e) => return Err(problems.unreadable(&e)),
        };
        let columns: Vec<Column> = header.iter().map(Column::named).collect();
        problems.header(&header, &columns);
        let mut sheet = Self {
            points: Vec::new(),
            series: header
                .iter()
                .zip(&columns)
                .filter(|(_, column)| **column == Column::Metric)
                .map(|(name, _)| Series {
                    measure: Measure::named(name),
                    values: Vec::new(),
                    accepted: None,
                })
                .collect(),
        };
        for row in reader.records() {
            match row {
                Ok(row) if sheet.points.len() < ROWS => sheet.row(&row, &columns, &mut problems),
                Ok(_) => {
                    problems.add(0..0, "more than 1,000,000 rows", "too many", "cut the file");
                    break;
                }
                Err(e) => return Err(problems.unreadable(&e)),
            }
        }
        if sheet.points.is_empty() && problems.found.is_empty() {
            let message = "there is a header and no row of values";
            problems.add(
                0..0,
                message,
                "nothing follows",
                "write a row for every run",
            );
        }
        problems.none()?;
        Ok(sheet)
    }

    fn row(&mut self, row: &csv::StringRecord, columns: &[Column], problems: &mut Problems<'_>) {
        let line = row.position().map_or(0, csv::Position::line);
        let mut point = Point {
            run: format!("line {line}"),
            at: String::new(),
            version: "".into(),
            revision: "".into(),
        };
        let mut series = self.series.iter_mut();
        for (column, cell) in columns.iter().zip(row) {
            match column {
                Column::Date if !cell.is_empty() && !is_date(cell) => problems.add(
                    problems.line(line),
                    &format!("`{cell}` is no date"),
                    "in the column `date`",
                    "write it as 2026-11-22 or 2026-11-22T09:00:00Z",
                ),
                Column::Date => cell.clone_into(&mut point.at),
                Column::Commit => point.revision = cell.into(),
                Column::Version => point.version = cell.into(),
                Column::Metric => {
                    let Some(series) = series.next() else {
                        continue;
                    };
                    let value = value(cell, &series.measure);
                    if value.is_none() {
                        problems.add(
                            problems.line(line),
                            &format!("`{cell}` is no value of `{}`", series.measure.name),
                            &format!("in the column `{}`", series.measure.name),
                            &format!(
                                "write a number, or one with its unit such as {}; leave it empty if it was not measured",
                                series.measure.unit.example()
                            ),
                        );
                    }
                    series.values.push(value.unwrap_or(f64::NAN));
                }
            }
        }
        self.points.push(point);
    }

    /// The columns that are asked for, not traced yet.
    fn history(self, file: &SourceFile, excerpt: &Excerpt) -> Result<History, Vec<Diagnostic>> {
        let known: Vec<String> = self.series.iter().map(|s| s.measure.name.clone()).collect();
        if let Some(metric) = excerpt.metrics.iter().find(|m| !known.contains(m)) {
            let message = format!("no column of {} is named `{metric}`", file.name);
            return Err(vec![
                Diagnostic::error(&codes::NOT_FOLLOWED, message)
                    .help(format!("there is {}", known.join(", "))),
            ]);
        }
        let trend = |series| Trend {
            series,
            shifts: Vec::new(),
            present: None,
            note: None,
        };
        let is_asked =
            |s: &Series| excerpt.metrics.is_empty() || excerpt.metrics.contains(&s.measure.name);
        Ok(History {
            name: file.name.clone(),
            points: self.points,
            trends: self
                .series
                .into_iter()
                .filter(is_asked)
                .map(trend)
                .collect(),
            others: Vec::new(),
            left_out: Vec::new(),
        })
    }
}

/// A number in the unit of the metric, or one with its unit; NaN of an empty cell.
fn value(cell: &str, measure: &Measure) -> Option<f64> {
    if cell.is_empty() {
        return Some(f64::NAN);
    }
    let number = cell.parse::<f64>().ok().filter(|v| v.is_finite());
    number.or_else(|| measure.unit.parse(cell).ok())
}

/// Begins with year, month and day, so that dates sort as texts.
pub fn is_date(text: &str) -> bool {
    let bytes = text.as_bytes();
    let is_day = bytes.len() >= 10
        && (0..10).all(|i| match i {
            4 | 7 => bytes[i] == b'-',
            _ => bytes[i].is_ascii_digit(),
        });
    is_day && matches!(bytes.get(10), None | Some(b'T' | b' '))
}

struct Problems<'a> {
    file: &'a SourceFile,
    found: Vec<Diagnostic>,
}

impl Problems<'_> {
    fn header(&mut self, header: &csv::StringRecord, columns: &[Column]) {
        let place = self.line(1);
        let names = "the names stand in the first line, such as date,commit,latency.p50";
        if !columns.contains(&Column::Metric) {
            self.add(
                place.clone(),
                "no column holds a metric",
                "only these",
                names,
            );
        }
        if header.len() > COLUMNS {
            self.add(
                place.clone(),
                "more than 256 columns",
                "too many",
                "cut the file",
            );
        }
        let mut seen: Vec<&str> = Vec::new();
        for name in header {
            if name.is_empty() {
                self.add(place.clone(), "a column has no name", "here", names);
            } else if seen.contains(&name) {
                let message = format!("two columns are named `{name}`");
                self.add(place.clone(), &message, "here", "rename one of them");
            }
            seen.push(name);
        }
        let numbers = header.iter().filter(|n| n.parse::<f64>().is_ok()).count();
        if numbers > 0 && numbers == header.len() {
            self.add(
                place,
                "the first line holds numbers, not names",
                "here",
                names,
            );
        }
    }

    fn add(&mut self, place: Range<usize>, message: &str, label: &str, help: &str) {
        if self.found.len() < SHOWN {
            self.found.push(
                Diagnostic::error(&codes::BAD_SERIES, message)
                    .at(self.file, place, label)
                    .help(help),
            );
        }
    }

    /// The bytes of a line, from 1.
    fn line(&self, number: u64) -> Range<usize> {
        let mut start = 0;
        for (line, at) in self.file.text.split_inclusive('\n').zip(1..) {
            if at == number {
                return start..start + line.trim_end().len();
            }
            start += line.len();
        }
        start..start
    }

    fn unreadable(&mut self, error: &csv::Error) -> Vec<Diagnostic> {
        let line = error.position().map_or(1, csv::Position::line);
        let message = match error.kind() {
            csv::ErrorKind::UnequalLengths {
                expected_len, len, ..
            } => format!("line {line} has {len} cells, and the first line names {expected_len}"),
            csv::ErrorKind::Utf8 { .. } => format!("line {line} is not UTF-8"),
            _ => format!("line {line} is no CSV"),
        };
        let help = "give every line as many cells as there are names; an empty one is not measured";
        self.add(self.line(line), &message, "here", help);
        std::mem::take(&mut self.found)
    }

    fn none(self) -> Result<(), Vec<Diagnostic>> {
        if self.found.is_empty() {
            Ok(())
        } else {
            Err(self.found)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::render;

    fn file(text: &str) -> SourceFile {
        SourceFile {
            name: "values.csv".into(),
            text: text.into(),
        }
    }

    fn read(text: &str) -> Result<History, String> {
        history_of(&file(text), &Excerpt::default()).map_err(|d| render(&d, false))
    }

    #[test]
    fn columns_say_what_a_run_was_and_what_it_measured() {
        let history =
            read("Date,latency.p50,commit,size\n2026-11-22,1.5ms,9f3c,\n2026-11-23,2e6,,7\n")
                .expect("a good file");
        assert_eq!(history.points[0].at, "2026-11-22");
        assert_eq!(&*history.points[0].revision, "9f3c");
        assert_eq!(history.points[1].run, "line 3");
        assert_eq!(history.trends[0].series.values, [1.5e6, 2e6]);
        assert!(history.trends[1].series.values[0].is_nan());
        assert_eq!(history.trends[1].series.values[1..], [7.0]);
    }

    #[test]
    fn everything_wrong_is_said_with_its_line() {
        let said = read("date,latency.p50,latency.p50\n22.11.2026,fast,1\n2026-11-23,1,inf\n")
            .expect_err("a bad file");
        insta::assert_snapshot!(said);
        insta::assert_snapshot!(read("date,latency.p50\n2026-11-22\n").expect_err("short"));
        insta::assert_snapshot!(read("date,commit\n2026-11-22,9f\n").expect_err("no metric"));
        insta::assert_snapshot!(read("latency.p50\n").expect_err("no row"));
        insta::assert_snapshot!(read("1,2\n3,4\n").expect_err("no names"));
    }

    #[test]
    fn an_excerpt_is_cut_by_number_and_by_date() {
        let text: String = (1..=9).map(|i| format!("2026-11-0{i},{i}\n")).collect();
        let cut = |excerpt: Excerpt| {
            let text = format!("date,size\n{text}");
            let history = history_of(&file(&text), &excerpt).expect("a good file");
            history.trends[0].series.values.clone()
        };
        let last = Excerpt {
            last: Some(2),
            ..Excerpt::default()
        };
        assert_eq!(cut(last), [8.0, 9.0]);
        let since = Excerpt {
            since: Some("2026-11-08".into()),
            ..Excerpt::default()
        };
        assert_eq!(cut(since), [8.0, 9.0]);
    }

    #[test]
    fn a_column_that_is_not_there_is_refused() {
        let excerpt = Excerpt {
            metrics: vec!["latency.p98".into()],
            ..Excerpt::default()
        };
        let found = history_of(&file("latency.p99\n1\n"), &excerpt).expect_err("unknown");
        assert_eq!(found[0].code.id, "PL0231");
        assert_eq!(found[0].help.as_deref(), Some("there is latency.p99"));
    }
}
