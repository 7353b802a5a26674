//! Every value that a file gives, by its key and line, for those who ask where a value comes from.

use super::problems::Problems;
use super::shape::short;
use super::tree::{Entry, Node, Value};

/// A value of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// With the tables around it: `target.timeouts.total`. Tables of a list go by their names:
    /// `phase.steady.rate`.
    pub key: String,
    /// As it is written, cut where it is long.
    pub value: String,
    /// From 1.
    pub line: usize,
}

/// All of them, in the order of the file.
pub(super) fn said(problems: &Problems<'_>, entries: &[Entry]) -> Vec<Said> {
    let mut all = Vec::new();
    below(problems, "", entries, &mut all);
    all
}

fn below(problems: &Problems<'_>, prefix: &str, entries: &[Entry], all: &mut Vec<Said>) {
    for entry in entries {
        let key = format!("{prefix}{}", short(&entry.key));
        of(problems, &key, &entry.node, all);
    }
}

fn of(problems: &Problems<'_>, key: &str, node: &Node, all: &mut Vec<Said>) {
    match &node.value {
        Value::Table(entries) => below(problems, &format!("{key}."), entries, all),
        Value::List(items)
            if items
                .iter()
                .any(|item| matches!(item.value, Value::Table(_))) =>
        {
            for (i, item) in items.iter().enumerate() {
                let name = name(&item.value).unwrap_or_else(|| (i + 1).to_string());
                of(problems, &format!("{key}.{name}"), item, all);
            }
        }
        value => all.push(Said {
            key: key.to_owned(),
            value: short(&shown(value)),
            line: problems.line(&node.span),
        }),
    }
}

/// What a table of a list goes by.
fn name(value: &Value) -> Option<String> {
    let Value::Table(entries) = value else {
        return None;
    };
    let text = |key: &str| {
        let entry = entries.iter().find(|entry| entry.key == key)?;
        match &entry.node.value {
            Value::Text(text) => Some(short(text)),
            _ => None,
        }
    };
    text("name").or_else(|| text("metric"))
}

fn shown(value: &Value) -> String {
    match value {
        Value::Text(text) | Value::Date(text) => text.clone(),
        Value::Whole(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        Value::Flag(flag) => flag.to_string(),
        Value::List(items) => {
            let items: Vec<String> = items.iter().map(|item| shown(&item.value)).collect();
            items.join(", ")
        }
        Value::Table(_) => "{ … }".to_owned(),
    }
}
