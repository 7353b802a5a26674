//! Holds a tree to the grammar: unknown and missing keys, wrong types, units and ranges.
//!
//! What passes here has the right shape; what it means together is the business of the checks.

use crate::diagnostic::{Diagnostic, scenario as codes};
use crate::units::Unit;

use super::grammar::{Choice, Key, Kind, Rule, Table};
use super::problems::Problems;
use super::suggest::{list, nearest};
use super::tree::{Entry, Node, Span, Value};

/// Collects everything in which a table differs from the grammar; `place` is where what it lacks
/// is said.
pub(super) fn table(
    problems: &mut Problems<'_>,
    grammar: &'static Table,
    entries: &[Entry],
    place: &Span,
) {
    let has = |name: &str| entries.iter().any(|entry| entry.key == name);
    for key in grammar.keys {
        if key.required && !has(key.name) && !misspelt(grammar, entries, &[key.name]) {
            let diagnostic = Diagnostic::error(
                &codes::MISSING_KEY,
                format!("{} needs `{}`", grammar.noun, key.name),
            )
            .help(format!("add {}", sketch(key)));
            problems.add(diagnostic, place, format!("`{}` is missing", key.name));
        }
    }
    for entry in entries {
        match grammar.key(&entry.key) {
            Some(key) => value(problems, grammar, key, entry),
            None => unknown_key(problems, grammar, entry),
        }
    }
    for rule in grammar.rules {
        hold_to_rule(problems, grammar, rule, entries, place);
    }
}

/// True when an unknown key was probably meant as one of these, which is already said there.
fn misspelt(grammar: &Table, entries: &[Entry], names: &[&str]) -> bool {
    entries.iter().any(|entry| {
        grammar.key(&entry.key).is_none()
            && nearest(&entry.key, known(grammar)).is_some_and(|name| names.contains(&name))
    })
}

/// The names of the keys this version honours.
fn known(grammar: &Table) -> impl Iterator<Item = &'static str> {
    grammar
        .keys
        .iter()
        .filter(|key| key.is_taken())
        .map(|key| key.name)
}

/// How a key looks when written down.
fn sketch(key: &Key) -> String {
    match &key.kind {
        Kind::Table(_) => format!("a [{}] table", key.name),
        Kind::Tables(_) => format!("a [[{}]] table", key.name),
        kind => format!("{} = {}", key.name, example(kind)),
    }
}

/// How a value of this kind is written.
pub(super) fn example(kind: &Kind) -> String {
    match kind {
        Kind::Text(text) => format!("\"{}\"", text.example),
        Kind::Whole { example, .. } => example.to_string(),
        Kind::Metric => "\"latency.p99\"".to_owned(),
        Kind::Flag => "true".to_owned(),
        Kind::Number | Kind::Json => "1".to_owned(),
        Kind::Quantity { example, .. } => format!("\"{example}\""),
        Kind::Choice(choices) => choices
            .first()
            .map_or_else(String::new, |choice| format!("\"{}\"", choice.word)),
        Kind::List(item) => format!("[{}]", example(item)),
        Kind::Map(item) => format!("{{ key = {} }}", example(item)),
        Kind::Table(table) | Kind::Tables(table) => {
            let now = || {
                let keys = table.keys.iter();
                keys.filter(|key| key.is_taken())
            };
            let mut shown: Vec<_> = now().filter(|key| key.required).collect();
            if shown.is_empty() {
                shown = now().take(2).collect();
                let exclude = |rule: &Rule| match rule {
                    Rule::AtMostOne { keys, .. } => shown.iter().all(|k| keys.contains(&k.name)),
                    _ => false,
                };
                if table.rules.iter().any(exclude) {
                    shown.truncate(1);
                }
            }
            let keys: Vec<_> = shown
                .iter()
                .map(|key| format!("{} = {}", key.name, example(&key.kind)))
                .collect();
            format!("{{ {} }}", keys.join(", "))
        }
        Kind::Either(kinds) => kinds.first().map_or_else(String::new, example),
        Kind::Elsewhere => String::new(),
    }
}

/// What a key takes, in words.
fn expectation(kind: &Kind) -> String {
    match kind {
        Kind::Text(text) => format!("{} such as \"{}\"", text.noun, text.example),
        Kind::Whole { min, max, .. } if *max > 1 << 53 => format!("a whole number from {min}"),
        Kind::Whole { min, max, .. } => format!("a whole number from {min} to {max}"),
        Kind::Metric => "the name of a metric such as \"latency.p99\"".to_owned(),
        Kind::Flag => "true or false".to_owned(),
        Kind::Number => "a number".to_owned(),
        Kind::Quantity { unit, example, .. } => {
            format!("{} such as \"{example}\"", noun(*unit))
        }
        Kind::Choice(choices) => {
            let words: Vec<_> = choices
                .iter()
                .filter(|choice| !choice.later)
                .map(|choice| format!("\"{}\"", choice.word))
                .collect();
            words.join(" or ")
        }
        Kind::List(_) => format!("a list such as {}", example(kind)),
        Kind::Table(_) | Kind::Map(_) => format!("a table such as {}", example(kind)),
        Kind::Tables(_) => "tables, each under its own header in double brackets".to_owned(),
        Kind::Json => "a value".to_owned(),
        Kind::Either(kinds) => {
            let words: Vec<_> = kinds.iter().map(expectation).collect();
            words.join(", or ")
        }
        Kind::Elsewhere => "nothing here".to_owned(),
    }
}

pub(super) const fn noun(unit: Unit) -> &'static str {
    match unit {
        Unit::Time => "a time",
        Unit::PerSecond => "a rate",
        Unit::Share => "a share",
        Unit::Bytes => "a size",
        Unit::BytesPerSecond => "a size per second",
        Unit::Count => "a count",
    }
}

fn unknown_key(problems: &mut Problems<'_>, grammar: &Table, entry: &Entry) {
    let help = nearest(&entry.key, known(grammar)).map_or_else(
        || format!("{} knows {}", grammar.noun, list(known(grammar))),
        |name| format!("did you mean `{name}`?"),
    );
    let diagnostic = Diagnostic::error(
        &codes::UNKNOWN_KEY,
        format!("unknown key `{}`", short(&entry.key)),
    )
    .help(help);
    let label = format!("not a key of {}", grammar.noun);
    problems.add(diagnostic, &entry.key_span, label);
}

/// A text of the file, for a message of one line.
pub(super) fn short(text: &str) -> String {
    let mut chars = text.chars();
    let mut out: String = chars
        .by_ref()
        .take(60)
        .flat_map(char::escape_debug)
        .collect();
    if chars.next().is_some() {
        out.push('…');
    }
    out
}

fn value(problems: &mut Problems<'_>, grammar: &Table, key: &'static Key, entry: &Entry) {
    if matches!(key.kind, Kind::Elsewhere) {
        let message = format!("`{}` has no place in {}", key.name, grammar.noun);
        let diagnostic = Diagnostic::error(&codes::CONFLICT, message).help(key.describe);
        problems.add(diagnostic, &entry.key_span, "not here");
    } else {
        kind(problems, key.name, &key.kind, &entry.node);
    }
}

/// True when the TOML type of the value is the one the kind is written with.
fn fits(kind: &Kind, value: &Value) -> bool {
    match (kind, value) {
        (
            Kind::Text(_) | Kind::Metric | Kind::Quantity { .. } | Kind::Choice(_),
            Value::Text(_),
        )
        | (Kind::Whole { .. }, Value::Whole(_))
        | (Kind::Flag, Value::Flag(_))
        | (Kind::Number, Value::Whole(_) | Value::Float(_))
        | (Kind::List(_) | Kind::Tables(_), Value::List(_))
        | (Kind::Table(_) | Kind::Map(_), Value::Table(_))
        | (Kind::Json, _) => true,
        (Kind::Either(kinds), value) => kinds.iter().any(|kind| fits(kind, value)),
        _ => false,
    }
}

/// The kind that a value is meant as: the first of its type, and of tables the one that knows most
/// of the keys.
pub(super) fn alternative(kinds: &'static [Kind], value: &Value) -> Option<&'static Kind> {
    let known = |kind: &Kind| match (kind, value) {
        (Kind::Table(table), Value::Table(entries)) => {
            let known = |entry: &&Entry| table.key(&entry.key).is_some();
            entries.iter().filter(known).count()
        }
        _ => 0,
    };
    let fitting = kinds.iter().filter(|kind| fits(kind, value));
    // Of equals `max_by_key` takes the last.
    fitting.rev().max_by_key(|kind| known(kind))
}

fn kind(problems: &mut Problems<'_>, key: &str, wanted: &'static Kind, node: &Node) {
    match (wanted, &node.value) {
        (Kind::Either(kinds), value) => {
            if let Some(fitting) = alternative(kinds, value) {
                return kind(problems, key, fitting, node);
            }
            let quantity = kinds.iter().find(|k| matches!(k, Kind::Quantity { .. }));
            match (quantity, value) {
                (Some(quantity), Value::Whole(_) | Value::Float(_)) => {
                    kind(problems, key, quantity, node);
                }
                _ => wrong_type(problems, key, wanted, node),
            }
        }
        (Kind::Text(_) | Kind::Metric | Kind::Flag | Kind::Number, value)
            if fits(wanted, value) => {}
        (Kind::Quantity { .. }, Value::Text(text)) => {
            quantity(problems, wanted, text, node);
        }
        (Kind::Quantity { .. }, Value::Whole(number)) => {
            quantity(problems, wanted, &number.to_string(), node);
        }
        (Kind::Quantity { .. }, Value::Float(number)) => {
            quantity(problems, wanted, &number.to_string(), node);
        }
        (Kind::Whole { min, max, .. }, Value::Whole(number)) => {
            if *number < i128::from(*min) || *number > i128::from(*max) {
                let diagnostic =
                    Diagnostic::error(&codes::BAD_VALUE, format!("`{key}` cannot be {number}"))
                        .help(format!("write {}", expectation(wanted)));
                problems.add(diagnostic, &node.span, "out of range");
            }
        }
        (Kind::Choice(choices), Value::Text(word)) => choice(problems, key, choices, word, node),
        (Kind::List(item), Value::List(items)) => {
            if items.is_empty() {
                let diagnostic =
                    Diagnostic::error(&codes::BAD_VALUE, format!("`{key}` is an empty list"))
                        .help(format!("write {}, or leave it out", expectation(wanted)));
                problems.add(diagnostic, &node.span, "nothing in it");
            }
            for node in items {
                kind(problems, key, item, node);
            }
        }
        (Kind::Map(item), Value::Table(entries)) => {
            for entry in entries {
                kind(problems, &entry.key, item, &entry.node);
            }
        }
        (Kind::Table(grammar), Value::Table(entries)) => {
            table(problems, grammar, entries, &node.span);
        }
        (Kind::Tables(grammar), Value::List(items)) => {
            tables(problems, key, wanted, grammar, items);
        }
        (Kind::Tables(_), Value::Table(_)) => {
            let diagnostic = Diagnostic::error(
                &codes::WRONG_TYPE,
                format!("`{key}` is written once for each, in double brackets"),
            )
            .help(format!("write [[{key}]] instead of [{key}]"));
            problems.add(diagnostic, &node.span, "a single table");
        }
        (Kind::Json, _) => json(problems, node),
        _ => wrong_type(problems, key, wanted, node),
    }
}

fn tables(
    problems: &mut Problems<'_>,
    key: &str,
    wanted: &Kind,
    grammar: &'static Table,
    items: &[Node],
) {
    for node in items {
        match &node.value {
            Value::Table(entries) => table(problems, grammar, entries, &node.span),
            _ => wrong_type(problems, key, wanted, node),
        }
    }
}

fn wrong_type(problems: &mut Problems<'_>, key: &str, wanted: &Kind, node: &Node) {
    let found = node.value.noun();
    let mut help = format!("write {}", expectation(wanted));
    if matches!(wanted, Kind::Tables(_)) {
        help = format!("write each under its own header: [[{key}]]");
    } else if let (Kind::Whole { .. } | Kind::Flag | Kind::Number, Value::Text(text)) =
        (wanted, &node.value)
        && (text.parse::<i64>().is_ok() || text.parse::<bool>().is_ok())
    {
        help = format!("leave out the quotes: {key} = {text}");
    } else if let (Kind::List(item), Value::Text(text)) = (wanted, &node.value)
        && matches!(**item, Kind::Text(_))
    {
        let words: Vec<_> = text
            .split_whitespace()
            .map(|word| format!("\"{}\"", short(word)))
            .collect();
        help = format!("write each word as an item: {key} = [{}]", words.join(", "));
    }
    let diagnostic = Diagnostic::error(
        &codes::WRONG_TYPE,
        format!("`{}` does not take {found}", short(key)),
    )
    .help(help);
    problems.add(diagnostic, &node.span, format!("this is {found}"));
}

fn quantity(problems: &mut Problems<'_>, wanted: &Kind, text: &str, node: &Node) {
    let Kind::Quantity { unit, zero, .. } = wanted else {
        return;
    };
    let noun = noun(*unit);
    let (diagnostic, label) = match unit.parse(text) {
        Err(error) => {
            let diagnostic = Diagnostic::error(&codes::BAD_QUANTITY, error.reason);
            (diagnostic.help(error.help), format!("not {noun}"))
        }
        Ok(value) if !value.is_finite() => {
            let message = format!("this is too large for {noun}");
            let diagnostic = Diagnostic::error(&codes::BAD_VALUE, message);
            let help = format!("write {}", expectation(wanted));
            (diagnostic.help(help), "too large".to_owned())
        }
        Ok(value) if value <= 0.0 && !zero => {
            let message = format!("{noun} of zero means nothing here");
            let diagnostic = Diagnostic::error(&codes::BAD_VALUE, message);
            let help = format!("write {}", expectation(wanted));
            (diagnostic.help(help), "zero".to_owned())
        }
        Ok(_) => return,
    };
    problems.add(diagnostic, &node.span, label);
}

fn choice(problems: &mut Problems<'_>, key: &str, choices: &[Choice], word: &str, node: &Node) {
    let allowed = || choices.iter().filter(|c| !c.later).map(|c| c.word);
    match choices.iter().find(|choice| choice.word == word) {
        Some(choice) if choice.later => {
            let diagnostic = Diagnostic::error(
                &codes::NOT_YET,
                format!("{key} \"{word}\" is not supported yet"),
            )
            .help(format!(
                "write {key} = \"{}\"",
                allowed().next().unwrap_or_default()
            ));
            problems.add(diagnostic, &node.span, "designed, but not built");
        }
        Some(_) => {}
        None => {
            let help = nearest(word, allowed()).map_or_else(
                || format!("`{key}` is {}", list(allowed())),
                |near| format!("did you mean \"{near}\"?"),
            );
            let diagnostic = Diagnostic::error(
                &codes::BAD_VALUE,
                format!("`{key}` cannot be \"{}\"", short(word)),
            )
            .help(help);
            problems.add(diagnostic, &node.span, "not one of its words");
        }
    }
}

fn json(problems: &mut Problems<'_>, node: &Node) {
    let reason = match &node.value {
        Value::Float(number) if !number.is_finite() => "JSON has no infinite or undefined numbers",
        Value::Whole(number) if i64::try_from(*number).is_err() => {
            "the number does not fit into 64 bits"
        }
        Value::List(items) => return items.iter().for_each(|item| json(problems, item)),
        Value::Table(entries) => {
            return entries.iter().for_each(|entry| json(problems, &entry.node));
        }
        _ => return,
    };
    let diagnostic =
        Diagnostic::error(&codes::BAD_VALUE, reason).help("write it as a text, or leave it out");
    problems.add(diagnostic, &node.span, "cannot be sent as JSON");
}

fn hold_to_rule(
    problems: &mut Problems<'_>,
    grammar: &Table,
    rule: &Rule,
    entries: &[Entry],
    place: &Span,
) {
    let find = |name: &str| entries.iter().find(|entry| entry.key == name);
    match rule {
        Rule::AtMostOne { keys, help } => {
            let mut given = entries.iter().filter(|e| keys.contains(&e.key.as_str()));
            let Some(first) = given.next() else { return };
            for second in given {
                let diagnostic = Diagnostic::error(
                    &codes::CONFLICT,
                    format!("`{}` and `{}` exclude each other", first.key, second.key),
                )
                .help(*help);
                let label = format!("`{}` is already given", first.key);
                problems.add(diagnostic, &second.key_span, label);
            }
        }
        Rule::AtLeastOne { keys, code, help } => {
            // A key that cannot be honoured yet, or a misspelt one, may have been meant.
            let later = |entry: &Entry| grammar.key(&entry.key).is_some_and(|key| !key.is_taken());
            let given = keys.iter().any(|key| find(key).is_some());
            if !given && !entries.iter().any(later) && !misspelt(grammar, entries, keys) {
                let wanted = list(keys.iter().copied());
                let diagnostic =
                    Diagnostic::error(code, format!("{} needs {wanted}", grammar.noun)).help(*help);
                problems.add(diagnostic, place, "none of them is given");
            }
        }
        Rule::Needs { key, other, help } => {
            if let (Some(entry), None) = (find(key), find(other)) {
                let diagnostic = Diagnostic::error(
                    &codes::CONFLICT,
                    format!("`{key}` means nothing without `{other}`"),
                )
                .help(*help);
                problems.add(diagnostic, &entry.key_span, format!("`{other}` is missing"));
            }
        }
        Rule::NeedsAny { key, others, help } => {
            if let Some(entry) = find(key)
                && others.iter().all(|other| find(other).is_none())
            {
                let wanted = list(others.iter().copied());
                let diagnostic = Diagnostic::error(
                    &codes::CONFLICT,
                    format!("`{key}` means nothing without {wanted}"),
                )
                .help(*help);
                problems.add(diagnostic, &entry.key_span, "none of them is given");
            }
        }
    }
}
