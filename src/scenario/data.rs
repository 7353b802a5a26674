//! Checks `[data.NAME]`: rows of a CSV or JSON file, each with all columns.

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;

use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, SeqAccess, Visitor};

use crate::diagnostic::{Diagnostic, scenario as codes};

use super::beside::DATA;
use super::plan::{DataOrder, DataSet};
use super::problems::Problems;
use super::section::{self, Section};
use super::shape::short;
use super::template::{Columns, is_word};
use super::{limits, suggest};

/// Words that placeholders use for something else.
const TAKEN: [&str; 4] = ["env", "file", "row", "visit"];

/// The data sets in the order of the file, None where one is wrong.
pub(super) fn check(
    problems: &mut Problems<'_>,
    root: &Section<'_>,
    base: &Path,
) -> Vec<(String, Option<DataSet>)> {
    let sets = root.named_sections("data");
    let sections: Vec<_> = sets.iter().map(|(_, section)| section.clone()).collect();
    section::count(problems, &sections, "data set");
    sets.iter()
        .take(limits::TABLES)
        .map(|(entry, section)| {
            let name = &entry.key;
            if !is_word(name) || TAKEN.contains(&name.as_str()) {
                let message = format!("`{}` is not a name of a data set", short(name));
                let diagnostic = Diagnostic::error(&codes::BAD_VALUE, message)
                    .because("placeholders call it by this name: {{NAME.COLUMN}}")
                    .help(format!(
                        "a name is letters, digits, `-` and `_`, and not {}",
                        suggest::list(TAKEN)
                    ));
                problems.add(diagnostic, &entry.key_span, "not a name");
            }
            (name.clone(), one(problems, section, name, base))
        })
        .collect()
}

/// The names of the columns, for placeholders.
pub(super) fn columns(sets: &[(String, Option<DataSet>)]) -> Vec<Columns> {
    sets.iter()
        .map(|(name, set)| Columns {
            name: name.clone(),
            columns: set.as_ref().map(|set| set.columns.clone()),
        })
        .collect()
}

fn one(
    problems: &mut Problems<'_>,
    section: &Section<'_>,
    name: &str,
    base: &Path,
) -> Option<DataSet> {
    let order = match section.text("order") {
        Some(("random", _)) => DataOrder::Random,
        Some(("unique", _)) => DataOrder::Unique,
        _ => DataOrder::Sequential,
    };
    let (file, span) = section.text("file")?;
    let rows = rows(base, file).map_err(|diagnostic| problems.add(diagnostic, span, "this file"));
    let Rows { columns, rows } = rows.ok()?;
    Some(DataSet {
        name: name.to_owned(),
        columns,
        rows,
        order,
    })
}

#[derive(Debug, Default, PartialEq)]
struct Rows {
    columns: Vec<String>,
    rows: Vec<Vec<String>>,
}

fn rows(base: &Path, file: &str) -> Result<Rows, Diagnostic> {
    let is = |extension: &str| {
        Path::new(file)
            .extension()
            .is_some_and(|e| e.eq_ignore_ascii_case(extension))
    };
    let read: fn(&str, &str) -> Result<Rows, Diagnostic> = match () {
        () if is("csv") => csv,
        () if is("json") => json,
        () => {
            return Err(DATA
                .bad(file, "is neither CSV nor JSON by its name")
                .help("name a file that ends in .csv or .json"));
        }
    };
    let rows = read(file, &DATA.text_below(base, file)?)?;
    if rows.rows.is_empty() {
        return Err(DATA
            .bad(file, "has no rows")
            .because("there would be nothing to fill placeholders with")
            .help("write at least one row below the names of the columns"));
    }
    Ok(rows)
}

fn csv(file: &str, text: &str) -> Result<Rows, Diagnostic> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let bad = |error: &csv::Error| csv_error(file, error);
    let columns: Vec<String> = reader
        .headers()
        .map_err(|error| bad(&error))?
        .iter()
        .map(|name| name.trim().to_owned())
        .collect();
    let mut seen = BTreeSet::new();
    for column in &columns {
        if column.is_empty() {
            return Err(DATA
                .bad_line(file, 1, "a column has no name")
                .help("the first line names the columns: id,owner"));
        }
        if !seen.insert(column) {
            let what = format!("two columns are named `{}`", short(column));
            return Err(DATA
                .bad_line(file, 1, &what)
                .help("give each a name of its own"));
        }
    }
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| bad(&error))?;
        if rows.len() == limits::ROWS {
            let line = record.position().map_or(0, csv::Position::line);
            return Err(too_many(file, line));
        }
        rows.push(record.iter().map(str::to_owned).collect());
    }
    Ok(Rows { columns, rows })
}

fn too_many(file: &str, line: u64) -> Diagnostic {
    DATA.bad_line(file, line, "more than 1,000,000 rows")
        .help("keep fewer rows; they are used again from the beginning")
}

/// A problem of the CSV reader, at its line.
fn csv_error(file: &str, error: &csv::Error) -> Diagnostic {
    let line = error.position().map_or(1, csv::Position::line);
    match error.kind() {
        csv::ErrorKind::UnequalLengths {
            expected_len, len, ..
        } => DATA
            .bad_line(
                file,
                line,
                &format!("a row of {len} where there are {expected_len} columns"),
            )
            .help("write every value; one that holds a comma is written in quotes"),
        _ => DATA
            .bad_line(file, line, "not CSV")
            .because(error.to_string())
            .help("write comma-separated values, a row a line"),
    }
}

fn json(file: &str, text: &str) -> Result<Rows, Diagnostic> {
    serde_json::from_str(text).map_err(|error| {
        let text = error.to_string();
        // The line is said in front.
        let what = text.split(" at line ").next().unwrap_or(&text);
        DATA.bad_line(file, error.line() as u64, what)
            .help("write a list of flat objects: [{\"id\": 1, \"owner\": \"a\"}, ...]")
    })
}

impl<'de> Deserialize<'de> for Rows {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(RowsVisitor)
    }
}

struct RowsVisitor;

impl<'de> Visitor<'de> for RowsVisitor {
    type Value = Rows;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of objects")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Rows, A::Error> {
        let mut all = Rows::default();
        while let Some(Row(mut cells)) = seq.next_element::<Row>()? {
            if all.rows.is_empty() {
                all.columns = cells.iter().map(|(name, _)| name.clone()).collect();
            }
            if all.rows.len() == limits::ROWS {
                return Err(de::Error::custom("more than 1,000,000 rows"));
            }
            let mut row = Vec::with_capacity(all.columns.len());
            for column in &all.columns {
                let at = cells.iter().position(|(name, _)| name == column);
                let at = at.ok_or_else(|| {
                    de::Error::custom(format!("this object has no `{}`", short(column)))
                })?;
                row.push(cells.swap_remove(at).1);
            }
            if let Some((name, _)) = cells.first() {
                let message = format!("objects before this one have no `{}`", short(name));
                return Err(de::Error::custom(message));
            }
            all.rows.push(row);
        }
        Ok(all)
    }
}

/// The values of an object with their names, in order.
struct Row(Vec<(String, String)>);

impl<'de> Deserialize<'de> for Row {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(RowVisitor)
    }
}

struct RowVisitor;

impl<'de> Visitor<'de> for RowVisitor {
    type Value = Row;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a flat object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Row, A::Error> {
        let mut cells = Vec::new();
        while let Some((name, value)) = map.next_entry::<String, serde_json::Value>()? {
            let text = match value {
                serde_json::Value::Null => String::new(),
                serde_json::Value::String(text) => text,
                flat @ (serde_json::Value::Bool(_) | serde_json::Value::Number(_)) => {
                    flat.to_string()
                }
                serde_json::Value::Array(_) | serde_json::Value::Object(_) => {
                    let message = format!("`{}` is a list or an object", short(&name));
                    return Err(de::Error::custom(message));
                }
            };
            if cells.iter().any(|(known, _)| *known == name) {
                let message = format!("`{}` is given twice", short(&name));
                return Err(de::Error::custom(message));
            }
            cells.push((name, text));
        }
        if cells.is_empty() {
            return Err(de::Error::custom("an object without values"));
        }
        Ok(Row(cells))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(read: fn(&str, &str) -> Result<Rows, Diagnostic>, text: &str) -> String {
        match read("f", text) {
            Ok(rows) => format!("{:?} {:?}", rows.columns, rows.rows),
            Err(diagnostic) => diagnostic.message,
        }
    }

    #[test]
    fn csv_has_named_columns_and_whole_rows() {
        insta::assert_snapshot!(said(csv, "\u{feff}id, owner\n1,\"a, b\"\n2,\n"), @r#"["id", "owner"] [["1", "a, b"], ["2", ""]]"#);
        insta::assert_snapshot!(said(csv, "id,owner\n1,a\n2\n"), @"f:3: a row of 1 where there are 2 columns");
        insta::assert_snapshot!(said(csv, "id,id\n1,2\n"), @"f:1: two columns are named `id`");
        insta::assert_snapshot!(said(csv, "id,\n1,2\n"), @"f:1: a column has no name");
    }

    #[test]
    fn json_is_a_list_of_flat_objects_with_the_same_names() {
        insta::assert_snapshot!(
            said(json, r#"[{"id":1,"b":null},{"b":1.5,"id":"x"},{"id":true,"b":""}]"#),
            @r#"["id", "b"] [["1", ""], ["x", "1.5"], ["true", ""]]"#
        );
        insta::assert_snapshot!(said(json, "[{\"id\":1},\n{\"no\":2}]"), @"f:2: this object has no `id`");
        insta::assert_snapshot!(said(json, "[{\"id\":1},\n\n{\"id\":1,\"no\":2}]"), @"f:3: objects before this one have no `no`");
        insta::assert_snapshot!(said(json, "[{\"id\":\n[1]}]"), @"f:2: `id` is a list or an object");
        insta::assert_snapshot!(said(json, "{}"), @"f:1: invalid type: map, expected a list of objects");
        insta::assert_snapshot!(said(json, "[{}\n,"), @"f:1: an object without values");
        insta::assert_snapshot!(said(json, "[{\"a\":1,\n"), @"f:2: EOF while parsing a value");
    }
}
