//! Reads a table of the tree by key.
//!
//! A value of the wrong shape reads as absent: [`shape`](super::shape) has already complained.
//! Asking for a key that the grammar does not have is a mistake of the program.

use crate::diagnostic::{Diagnostic, scenario as codes};
use crate::units::{Nanos, Rate, Share};

use super::grammar::{Kind, Table};
use super::limits;
use super::problems::Problems;
use super::shape;
use super::tree::{Entry, Node, Span, Value};

/// One table, with the grammar it follows.
#[derive(Debug, Clone)]
pub(super) struct Section<'a> {
    grammar: &'static Table,
    entries: &'a [Entry],
    /// Its header, or the braces.
    pub span: Span,
}

/// A value with its place.
pub(super) type Placed<'a, T> = (T, &'a Span);

impl<'a> Section<'a> {
    pub(super) fn new(grammar: &'static Table, entries: &'a [Entry], span: &Span) -> Self {
        Self {
            grammar,
            entries,
            span: span.clone(),
        }
    }

    fn of(grammar: &'static Table, node: &'a Node) -> Option<Self> {
        match &node.value {
            Value::Table(entries) => Some(Self::new(grammar, entries, &node.span)),
            _ => None,
        }
    }

    pub(super) fn node(&self, key: &str) -> Option<&'a Node> {
        debug_assert!(self.grammar.key(key).is_some(), "no key `{key}`");
        let entry = self.entries.iter().find(|entry| entry.key == key)?;
        Some(&entry.node)
    }

    pub(super) fn text(&self, key: &str) -> Option<Placed<'a, &'a str>> {
        let node = self.node(key)?;
        match &node.value {
            Value::Text(text) => Some((text, &node.span)),
            _ => None,
        }
    }

    pub(super) fn whole(&self, key: &str) -> Option<Placed<'a, u64>> {
        let node = self.node(key)?;
        match &node.value {
            Value::Whole(number) => Some((u64::try_from(*number).ok()?, &node.span)),
            _ => None,
        }
    }

    pub(super) fn number(&self, key: &str) -> Option<Placed<'a, f64>> {
        let node = self.node(key)?;
        match &node.value {
            Value::Whole(number) => Some((*number as f64, &node.span)),
            Value::Float(number) => Some((*number, &node.span)),
            _ => None,
        }
    }

    pub(super) fn flag(&self, key: &str) -> bool {
        matches!(self.node(key), Some(node) if matches!(node.value, Value::Flag(true)))
    }

    /// A flag that is true when nothing is said.
    pub(super) fn flag_unless(&self, key: &str) -> bool {
        !matches!(self.node(key), Some(node) if matches!(node.value, Value::Flag(false)))
    }

    pub(super) fn share(&self, key: &str) -> Option<Placed<'a, f64>> {
        let (text, span) = self.text(key)?;
        let share: Share = text.parse().ok()?;
        Some((share.0, span))
    }

    pub(super) fn time(&self, key: &str) -> Option<Placed<'a, Nanos>> {
        let (text, span) = self.text(key)?;
        Some((text.parse().ok()?, span))
    }

    pub(super) fn rate(&self, key: &str) -> Option<Placed<'a, Rate>> {
        let (text, span) = self.text(key)?;
        Some((text.parse().ok()?, span))
    }

    /// The entries of a map with free keys; none when it is absent.
    pub(super) fn map(&self, key: &str) -> &'a [Entry] {
        match self.node(key).map(|node| &node.value) {
            Some(Value::Table(entries)) => entries,
            _ => &[],
        }
    }

    /// The items of a list, or the one item given without brackets; none when it is absent.
    pub(super) fn items(&self, key: &str) -> &'a [Node] {
        match self.node(key) {
            None => &[],
            Some(node) => match &node.value {
                Value::List(items) => items,
                _ => std::slice::from_ref(node),
            },
        }
    }

    /// A table below this one.
    pub(super) fn section(&self, key: &str) -> Option<Self> {
        let node = self.node(key)?;
        Self::of(table_of(&self.grammar.key(key)?.kind, &node.value)?, node)
    }

    /// True when its grammar has the key, where a table can be written in several ways.
    pub(super) fn knows(&self, key: &str) -> bool {
        self.grammar.key(key).is_some()
    }

    /// The tables of a map with free keys, each with its key.
    pub(super) fn named_sections(&self, key: &str) -> Vec<(&'a Entry, Self)> {
        let Some(Kind::Map(Kind::Table(grammar))) = self.grammar.key(key).map(|key| &key.kind)
        else {
            return Vec::new();
        };
        self.map(key)
            .iter()
            .filter_map(|entry| Some((entry, Self::of(grammar, &entry.node)?)))
            .collect()
    }

    /// The tables of `[[key]]`, or of a list.
    pub(super) fn sections(&self, key: &str) -> Vec<Self> {
        match (self.grammar.key(key).map(|key| &key.kind), self.node(key)) {
            (
                Some(Kind::Tables(grammar) | Kind::List(Kind::Table(grammar))),
                Some(Node {
                    value: Value::List(items),
                    ..
                }),
            ) => items
                .iter()
                .filter_map(|node| Self::of(grammar, node))
                .collect(),
            _ => Vec::new(),
        }
    }
}

/// The grammar a value follows when it is a table.
fn table_of(kind: &'static Kind, value: &Value) -> Option<&'static Table> {
    match kind {
        Kind::Table(table) => Some(table),
        Kind::Either(kinds) => table_of(shape::alternative(kinds, value)?, value),
        _ => None,
    }
}

/// Checks that there are not too many tables of a kind.
pub(super) fn count(problems: &mut Problems<'_>, sections: &[Section<'_>], noun: &str) {
    if let Some(beyond) = sections.get(limits::TABLES) {
        let message = format!("more than {} {noun}s", limits::TABLES);
        let diagnostic = Diagnostic::error(&codes::TOO_MUCH, message)
            .because("every step, phase and threshold is recorded and judged on its own")
            .help("split the scenario into several files");
        problems.add(diagnostic, &beyond.span, "one too many");
    }
}
