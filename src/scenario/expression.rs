//! A threshold on one line, as it is asked about: `latency.p99 max-change +10% min-change 2ms`.
//!
//! The line is put into the form of a table and held to the same grammar and checks as one of a file, so
//! what is accepted here means the same there.

use std::ops::Range;

use crate::diagnostic::{Diagnostic, SourceFile};
use crate::model::Threshold;

use super::problems::Problems;
use super::section::Section;
use super::threshold_keys::THRESHOLD;
use super::tree::{Entry, Node, Value};
use super::{shape, threshold};

/// Reads a line: a metric, then keys of a threshold, each with its value. Signs of equality, commas and
/// quotes, as in a file, are passed over.
///
/// # Errors
/// Everything that is wrong with it, at its place in the line.
pub fn read_threshold(line: &str) -> Result<Threshold, Vec<Diagnostic>> {
    let file = SourceFile {
        name: "threshold".to_owned(),
        text: line.into(),
    };
    let entries = entries(line);
    let whole = 0..line.len();
    let mut problems = Problems::new(&file);
    shape::table(&mut problems, &THRESHOLD, &entries, &whole);
    let section = Section::new(&THRESHOLD, &entries, &whole);
    let threshold = threshold::alone(&mut problems, &section);
    let found = problems.finish();
    match threshold {
        // There is no file whose line it could have.
        Some(threshold) if found.is_empty() => Ok(Threshold {
            line: None,
            ..threshold
        }),
        _ => Err(found),
    }
}

/// True when a line has keys of a threshold.
pub fn is_threshold(line: &str) -> bool {
    words(line)
        .iter()
        .skip(1)
        .any(|word| is_key(&line[word.clone()]))
}

fn is_key(word: &str) -> bool {
    word != "metric" && THRESHOLD.key(word).is_some()
}

/// The parts between blanks, signs of equality and commas, without quotes.
fn words(line: &str) -> Vec<Range<usize>> {
    let mut words = Vec::new();
    let mut start = None;
    let apart = |c: char| c.is_whitespace() || matches!(c, '=' | ',' | '"' | '\'');
    for (at, c) in line.char_indices().chain([(line.len(), ' ')]) {
        match (start, apart(c)) {
            (None, false) => start = Some(at),
            (Some(from), true) => {
                words.push(from..at);
                start = None;
            }
            _ => {}
        }
    }
    words
}

/// The line as a table: each value reaches to the next key, so that it may hold blanks.
fn entries(line: &str) -> Vec<Entry> {
    let mut words = words(line);
    if words
        .first()
        .is_some_and(|word| &line[word.clone()] == "metric")
    {
        words.remove(0);
    }
    let mut words = words.into_iter().peekable();
    let metric = words.next().map(|span| Entry {
        key: "metric".to_owned(),
        key_span: span.clone(),
        node: Node {
            value: Value::Text(line[span.clone()].to_owned()),
            span,
        },
    });
    let mut entries: Vec<Entry> = metric.into_iter().collect();
    while let Some(key_span) = words.next() {
        let mut span: Option<Range<usize>> = None;
        while let Some(word) = words.next_if(|word| !is_key(&line[word.clone()])) {
            span = Some(span.map_or(word.start, |span| span.start)..word.end);
        }
        entries.push(Entry {
            key: line[key_span.clone()].to_owned(),
            node: Node {
                value: value(span.as_ref().map(|span| &line[span.clone()])),
                span: span.unwrap_or_else(|| key_span.clone()),
            },
            key_span,
        });
    }
    entries
}

/// As TOML would have it; a key alone is a flag.
fn value(text: Option<&str>) -> Value {
    match text {
        None | Some("true") => Value::Flag(true),
        Some("false") => Value::Flag(false),
        Some(text) => match (text.parse(), text.parse()) {
            // A sign belongs to a change.
            _ if text.starts_with(['+', '-']) => Value::Text(text.to_owned()),
            (Ok(number), _) => Value::Whole(number),
            (_, Ok(number)) => Value::Float(number),
            _ => Value::Text(text.to_owned()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::render;
    use crate::model::{Change, Metric, Stat};
    use crate::units::Nanos;

    #[test]
    fn a_line_means_what_a_table_means() {
        let read = |line: &str| read_threshold(line).map_err(|found| render(&found, false));
        let asked = read("latency.p99 max-change +10% min-change 2ms").unwrap();
        assert_eq!(asked.metric, Metric::Latency(Stat::P99));
        assert_eq!(asked.max_change, Some(Change::Relative(0.1)));
        assert_eq!(asked.min_change, Some(2e6));
        let as_in_a_file = r#"metric = "latency.p99", max-change = "+10%", min-change = "2 ms""#;
        assert_eq!(read(as_in_a_file), Ok(asked));
        let other = read("errors.rate step pay max 1 % over 10s abort").unwrap();
        assert_eq!(other.scope.step.as_deref(), Some("pay"));
        assert_eq!(
            (other.max, other.over),
            (Some(0.01), Some(Nanos::from_secs(10)))
        );
        assert!(other.abort);
        assert_eq!(read("fds.peak max 64").unwrap().max, Some(64.0));
        let fall = read("throughput.ok max-change -3%").unwrap();
        assert_eq!(fall.max_change, Some(Change::Relative(0.03)));
    }

    #[test]
    fn what_is_wrong_is_shown_in_the_line() {
        let shown = |line: &str| render(&read_threshold(line).unwrap_err(), false);
        insta::assert_snapshot!(
            [
                "latency.p98 max 1s",
                "latency.p99 maks-change +10%",
                "latency.p99 max-change -10% over 1500ms max 250",
                "latency.p99",
            ]
            .map(shown)
            .join("\n")
        );
    }

    #[test]
    fn a_name_alone_is_no_threshold() {
        assert!(is_threshold("latency.p99 max 1s"));
        for other in ["latency.p99", "max", "", "metric", "exit codes"] {
            assert!(!is_threshold(other), "{other}");
        }
    }
}
