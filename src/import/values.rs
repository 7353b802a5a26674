//! A file of round values: names in the first line, then a row for every round.
//!
//! Comma separated, without line breaks in cells. Everything that is wrong with a file is said at
//! once, with its place.

use std::ops::Range;

use crate::diagnostic::{Code, Diagnostic, SourceFile, foreign as codes};
use crate::model::{Better, Custom, Metric, Values};
use crate::units::Unit;
use crate::untrusted::Untrusted;

/// Most columns and rows of a file.
const COLUMNS: usize = 256;
const ROWS: usize = 100_000;

/// Problems that are shown; the rest is counted.
const SHOWN: usize = 20;

/// The values of a file, with the places of its names.
#[derive(Debug)]
pub struct Sheet {
    file: SourceFile,
    columns: Vec<Column>,
    rows: Vec<Vec<f64>>,
}

#[derive(Debug, Clone)]
struct Column {
    metric: Metric,
    /// Its first value has no unit, so that none has.
    bare: bool,
    place: Range<usize>,
}

/// A trimmed part of the text, where it stands.
#[derive(Debug, Clone)]
struct Cell<'a> {
    text: &'a str,
    place: Range<usize>,
}

impl Sheet {
    /// Reads a file of values.
    ///
    /// # Errors
    /// All that is wrong with it; never empty.
    pub fn read(file: SourceFile) -> Result<Self, Vec<Diagnostic>> {
        let text = file.text.clone();
        let mut problems = Problems::new(&file);
        let mut lines = lines(&text);
        while lines.last().is_some_and(|line| line.text.is_empty()) {
            lines.pop();
        }
        let Some((head, body)) = lines.split_first() else {
            problems.whole(&codes::NO_VALUES, "is empty");
            return Err(problems.finish());
        };
        let names = cells(head);
        if names.len() > COLUMNS || body.len() > ROWS {
            problems.whole(
                &codes::UNREADABLE,
                "has more than 256 columns or 100,000 rows",
            );
            return Err(problems.finish());
        }
        if body.is_empty() {
            let d = Diagnostic::error(&codes::NO_VALUES, "there is a header and no row of values");
            problems.add(
                d,
                head.place.clone(),
                "nothing follows",
                "write a row for every round",
            );
        }
        let table: Vec<Vec<Cell<'_>>> = body.iter().map(cells).collect();
        let columns: Vec<Option<Column>> = names
            .iter()
            .enumerate()
            .map(|(i, name)| {
                let first = table
                    .first()
                    .and_then(|row| row.get(i))
                    .map_or("", |c| c.text);
                column(&mut problems, name, first)
            })
            .collect();
        duplicates(&mut problems, &columns);
        let rows = body
            .iter()
            .zip(&table)
            .map(|(line, row)| values(&mut problems, &columns, line, row))
            .collect();
        problems.none()?;
        Ok(Self {
            columns: columns.into_iter().flatten().collect(),
            rows,
            file,
        })
    }

    /// The values, as the judge takes them.
    pub fn values(&self) -> Values {
        Values {
            metrics: self.columns.iter().map(|c| c.metric).collect(),
            rows: self.rows.clone(),
        }
    }

    /// The metric that heads a column of this name.
    pub fn metric(&self, name: &str) -> Option<Metric> {
        let metrics = self.columns.iter().map(|c| c.metric);
        metrics.into_iter().find(|m| m.name() == name)
    }

    /// The names of all columns.
    pub fn names(&self) -> Vec<String> {
        self.columns.iter().map(|c| c.metric.name()).collect()
    }

    /// Its name, without control characters.
    pub fn name(&self) -> String {
        shown(&self.file.name)
    }
}

/// Sees whether two files can be compared: the same columns, and for pairs as many rows.
///
/// # Errors
/// All that forbids it; never empty.
pub fn comparable(before: &Sheet, now: &Sheet, paired: bool) -> Result<(), Vec<Diagnostic>> {
    let mut found = Vec::new();
    for (here, there) in [(before, now), (now, before)] {
        for column in &here.columns {
            let name = column.metric.name();
            let message = match there.metric(&name) {
                Some(metric) if metric == column.metric => continue,
                // Said once, of the file under test.
                Some(_) if std::ptr::eq(here, before) => continue,
                Some(_) => format!("`{name}` has another unit or direction in {}", there.name()),
                None => format!("`{name}` is in {} and not in {}", here.name(), there.name()),
            };
            let d = Diagnostic::error(&codes::ONE_SIDED_COLUMN, message)
                .because("what only one side has cannot be compared, and is not passed over")
                .help("give both files the same columns, or take this one out");
            found.push(d.at(
                &here.file,
                column.place.clone(),
                "no match in the other file",
            ));
        }
    }
    if paired && before.rows.len() != now.rows.len() {
        found.push(
            Diagnostic::error(
                &codes::UNPAIRED,
                format!(
                    "{} and {} have {} and {} rows",
                    before.name(),
                    now.name(),
                    before.rows.len(),
                    now.rows.len()
                ),
            )
            .because("row i of both is a pair, and a row without a partner is none")
            .help("leave --paired out if the rounds were not measured in turn"),
        );
    }
    if found.is_empty() { Ok(()) } else { Err(found) }
}

/// The lines, without their ends and a byte order mark.
fn lines(text: &str) -> Vec<Cell<'_>> {
    let mut at = 0;
    text.split_inclusive('\n')
        .map(|line| {
            let start = at;
            at += line.len();
            let bare = line.trim_end_matches(['\n', '\r']);
            let bare = if start == 0 {
                bare.trim_start_matches('\u{feff}')
            } else {
                bare
            };
            trimmed(
                bare,
                start + (line.trim_end_matches(['\n', '\r']).len() - bare.len()),
            )
        })
        .collect()
}

/// The cells of a line; quotes around one are taken off.
fn cells<'a>(line: &Cell<'a>) -> Vec<Cell<'a>> {
    let mut at = line.place.start;
    line.text
        .split(',')
        .map(|cell| {
            let start = at;
            at += cell.len() + 1;
            let cell = trimmed(cell, start);
            match cell
                .text
                .strip_prefix('"')
                .and_then(|t| t.strip_suffix('"'))
            {
                Some(inner) => trimmed(inner, cell.place.start + 1),
                None => cell,
            }
        })
        .collect()
}

fn trimmed(text: &str, start: usize) -> Cell<'_> {
    let bare = text.trim();
    let start = start + (text.len() - text.trim_start().len()).min(text.len() - bare.len());
    Cell {
        text: bare,
        place: start..start + bare.len(),
    }
}

/// The metric that a name of the header means; `first` is the first value below it.
fn column(problems: &mut Problems<'_>, name: &Cell<'_>, first: &str) -> Option<Column> {
    let place = name.place.clone();
    let mut refuse = |message: String, help: &str| {
        let d = Diagnostic::error(&codes::BAD_COLUMN, message);
        problems.add(d, place.clone(), "names no column", help);
        None
    };
    let (text, better) = match name.text.rsplit_once(':') {
        None => (name.text, None),
        Some((text, "higher")) => (text.trim_end(), Some(Better::Higher)),
        Some((text, "lower")) => (text.trim_end(), Some(Better::Lower)),
        Some((text, word)) => {
            let message = format!("`{}` is no direction", shown(word));
            return refuse(
                message,
                &format!("write {0}:higher or {0}:lower", shown(text)),
            );
        }
    };
    let known: Result<Metric, _> = text.parse();
    let metric = match (known, better) {
        (Ok(metric), None) => metric,
        (Ok(metric), Some(_)) => {
            let message = format!("{metric} has its own direction");
            return refuse(message, &format!("write {metric} alone"));
        }
        (Err(_), better) => {
            let better = better.unwrap_or(Better::Lower);
            match Custom::new(text, unit_of(first), better) {
                Some(custom) => Metric::Custom(custom),
                None if text.is_empty() => {
                    return refuse("a column has no name".to_owned(), "name every column");
                }
                None => {
                    return refuse(
                        format!("`{}` cannot be the name of a column", shown(text)),
                        "use letters, digits, blanks, `-`, `_`, `.` and `/`, at most 48 bytes",
                    );
                }
            }
        }
    };
    Some(Column {
        metric,
        bare: is_bare(first),
        place: name.place.clone(),
    })
}

fn is_bare(value: &str) -> bool {
    value.parse::<f64>().is_ok()
}

/// The unit that a value is written in; a number alone counts something.
fn unit_of(value: &str) -> Unit {
    if is_bare(value) {
        return Unit::Count;
    }
    let units = Unit::ALL.into_iter();
    units
        .into_iter()
        .find(|u| u.parse(value).is_ok())
        .unwrap_or(Unit::Count)
}

fn duplicates(problems: &mut Problems<'_>, columns: &[Option<Column>]) {
    for (i, column) in columns.iter().enumerate() {
        let Some(column) = column else { continue };
        let name = column.metric.name();
        let before = columns[..i].iter().flatten();
        if before.into_iter().any(|c| c.metric.name() == name) {
            let message = format!("two columns are named `{name}`");
            let d = Diagnostic::error(&codes::DUPLICATE_COLUMN, message)
                .because("a metric has one value in a round");
            problems.add(d, column.place.clone(), "the second one", "name each once");
        }
    }
}

/// The values of a row; what is wrong is said, and stands as a zero that nobody will see.
fn values(
    problems: &mut Problems<'_>,
    columns: &[Option<Column>],
    line: &Cell<'_>,
    row: &[Cell<'_>],
) -> Vec<f64> {
    if row.len() != columns.len() {
        let message = format!("this row has {} of {} cells", row.len(), columns.len());
        let d = Diagnostic::error(&codes::RAGGED, message)
            .because("which metric the others belong to would be a guess");
        problems.add(
            d,
            line.place.clone(),
            "another number of cells",
            "give every row one cell a column",
        );
        return Vec::new();
    }
    row.iter()
        .zip(columns)
        .map(|(cell, column)| {
            let Some(column) = column else { return 0.0 };
            value(cell.text, column).unwrap_or_else(|reason| {
                let message = if cell.text.is_empty() {
                    format!("{} has no value in this row", column.metric)
                } else {
                    format!("`{}` is not a value of {}", shown(cell.text), column.metric)
                };
                let unit = column.metric.unit();
                let d = Diagnostic::error(&codes::NOT_A_VALUE, message).because(reason);
                let help = format!(
                    "write a value such as {}, or all of the column as {}",
                    unit.example(),
                    unit.base()
                );
                problems.add(d, cell.place.clone(), "not a value", &help);
                0.0
            })
        })
        .collect()
}

/// A number with the unit of the metric, or alone, in the base of that unit.
fn value(text: &str, column: &Column) -> Result<f64, String> {
    let metric = column.metric;
    let unit = metric.unit();
    let value = match text.parse::<f64>() {
        Ok(value) => value,
        Err(_) if text.is_empty() => {
            return Err("a round without its value is no evidence".to_owned());
        }
        Err(_) => unit.parse(text).map_err(|e| e.reason)?,
    };
    if !value.is_finite() {
        return Err("it is not a finite number".to_owned());
    }
    // A number without its unit among others would be taken for a million times less.
    match (column.bare, is_bare(text)) {
        (true, false) => return Err("the first value of this column has no unit".to_owned()),
        (false, true) => return Err("the first value of this column has a unit".to_owned()),
        _ => {}
    }
    let may_fall_below_zero = matches!(metric, Metric::Custom(_) | Metric::RssSlope);
    if value < 0.0 && !may_fall_below_zero {
        return Err(format!("{metric} is never negative"));
    }
    let is_share_of_requests = matches!(metric, Metric::ErrorsRate | Metric::Errors(_));
    if is_share_of_requests && value > 1.0 {
        return Err("more than all requests cannot fail".to_owned());
    }
    Ok(value)
}

fn shown(text: &str) -> String {
    const MOST: usize = 60;
    let text = Untrusted::from(text).terminal();
    match text.char_indices().nth(MOST) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}

/// What is wrong with one file.
struct Problems<'a> {
    file: &'a SourceFile,
    found: Vec<Diagnostic>,
    more: usize,
}

impl<'a> Problems<'a> {
    fn new(file: &'a SourceFile) -> Self {
        Self {
            file,
            found: Vec::new(),
            more: 0,
        }
    }

    fn add(&mut self, d: Diagnostic, place: Range<usize>, label: &str, help: &str) {
        if self.found.len() < SHOWN {
            self.found.push(d.at(self.file, place, label).help(help));
        } else {
            self.more += 1;
        }
    }

    /// Something that is wrong with the file as a whole.
    fn whole(&mut self, code: &'static Code, what: &str) {
        let message = format!("{} {what}", shown(&self.file.name));
        let help = "write a line of names, then a line of values for every round";
        self.found.push(Diagnostic::error(code, message).help(help));
    }

    fn none(self) -> Result<(), Vec<Diagnostic>> {
        if self.found.is_empty() {
            Ok(())
        } else {
            Err(self.finish())
        }
    }

    fn finish(mut self) -> Vec<Diagnostic> {
        if self.more > 0
            && let Some(last) = self.found.last_mut()
        {
            let more = format!("and {} more like these", self.more);
            last.help = Some(match last.help.take() {
                Some(help) => format!("{help}; {more}"),
                None => more,
            });
        }
        self.found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::render;

    fn file(name: &str, text: &str) -> SourceFile {
        SourceFile {
            name: name.into(),
            text: text.into(),
        }
    }

    fn read(text: &str) -> Sheet {
        Sheet::read(file("x.csv", text)).expect("reads")
    }

    fn refused(text: &str) -> String {
        let found = Sheet::read(file("x.csv", text)).expect_err("refused");
        assert!(!found.is_empty());
        render(&found, false)
    }

    #[test]
    fn values_have_the_unit_of_their_metric_or_none() {
        let sheet = read(
            "\u{feff}latency.p50, throughput.ok ,\"errors.rate\",build,jobs done:higher\r\n\
             12.5ms,200,1%,3.5 s,5120\r\n\
             13ms,2e2,2%,3500ms,5.2e3\r\n\r\n",
        );
        let values = sheet.values();
        let names = [
            "latency.p50",
            "throughput.ok",
            "errors.rate",
            "build",
            "jobs done",
        ];
        assert_eq!(sheet.names(), names);
        assert_eq!(values.rows[0], [12.5e6, 200.0, 0.01, 3.5e9, 5120.0]);
        assert_eq!(values.rows[1], [13e6, 200.0, 0.02, 3.5e9, 5200.0]);
        assert_eq!(values.metrics[3].unit(), Unit::Time);
        assert_eq!(values.metrics[3].better(), Better::Lower);
        assert_eq!(values.metrics[4].better(), Better::Higher);
        assert_eq!(read("latency.p50\n12500000\n").values().rows, [[12.5e6]]);
    }

    #[test]
    fn units_are_not_left_out_here_and_there() {
        assert!(refused("latency.p50\n12ms\n13\n").contains("has a unit"));
        assert!(refused("latency.p50\n12\n13ms\n").contains("has no unit"));
    }

    #[test]
    fn everything_wrong_with_a_file_is_said_at_once_with_its_place() {
        insta::assert_snapshot!(refused(
            "latency.p50,latency.p50,a:up,errors.rate,<b>,latency.p99:higher,\n\
             NaN,12ms,1,200%,1,1ms,1\n\
             -3,,1,0.1,1,5/s,1\n\
             1,2\n"
        ));
    }

    #[test]
    fn a_file_without_values_is_refused() {
        assert!(refused("").contains("PL0704"));
        assert!(refused("\n\n").contains("PL0704"));
        assert!(refused("a,b\n").contains("PL0704"));
        assert!(refused("a\n1\n\n2\n").contains("a has no value in this row"));
    }

    #[test]
    fn many_problems_are_counted() {
        let text = format!("a\n{}", "x\n".repeat(50));
        assert!(refused(&text).contains("and 30 more like these"));
    }

    #[test]
    fn both_files_have_the_same_columns() {
        let named = |name, text| Sheet::read(file(name, text)).expect("reads");
        let before = named("before.csv", "a,b,c\n1,2,3ms\n");
        let now = named("now.csv", "c,a,d\n1,2,3\n4,5,6\n");
        let found = comparable(&before, &now, true).expect_err("one-sided");
        insta::assert_snapshot!(render(&found, false));
        let same = read("b,c,a\n1,2ms,3\n");
        assert!(comparable(&before, &same, true).is_ok());
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_or_refused_in_words(text in "[a-c0-9.,:\"\n\r %mshä-]{0,80}|.{0,80}") {
            match Sheet::read(file("x.csv", &text)) {
                Ok(sheet) => assert!(!sheet.rows.is_empty()),
                Err(found) => assert!(!render(&found, false).is_empty()),
            }
        }
    }
}
