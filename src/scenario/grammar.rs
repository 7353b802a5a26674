//! What a table of the file may hold: keys, the kinds of their values, and rules between them.
//!
//! The table itself is [`keys`](super::keys). [`shape`](super::shape) holds a file to it,
//! [`schema`](super::schema) writes it down for editors, and the checks may only ask for keys it
//! has, so the three cannot disagree.

use crate::diagnostic::Code;
use crate::units::Unit;

/// The keys of one table of the file.
#[derive(Debug)]
pub(super) struct Table {
    /// For messages: `a step`.
    pub noun: &'static str,
    pub keys: &'static [Key],
    pub rules: &'static [Rule],
}

/// One key.
#[derive(Debug)]
pub(super) struct Key {
    pub name: &'static str,
    pub kind: Kind,
    pub required: bool,
    /// What it does, for editors; of a key that is not taken, what to do instead.
    pub describe: &'static str,
}

impl Key {
    /// True for a key that may be written here.
    pub(super) const fn is_taken(&self) -> bool {
        !matches!(self.kind, Kind::Elsewhere)
    }
}

/// What a key takes.
#[derive(Debug)]
pub(super) enum Kind {
    Text(Text),
    Whole {
        min: u64,
        max: u64,
        example: u64,
    },
    Flag,
    /// Any number, for limits of counts.
    Number,
    /// A text with a number and a unit.
    Quantity {
        unit: Unit,
        zero: bool,
        example: &'static str,
    },
    Choice(&'static [Choice]),
    /// At least one.
    List(&'static Kind),
    Table(&'static Table),
    /// The name of a metric.
    Metric,
    /// `[[key]]`, at least one.
    Tables(&'static Table),
    /// Free keys.
    Map(&'static Kind),
    /// Any value that JSON can hold.
    Json,
    Either(&'static [Kind]),
    /// A key of another table that is easily written here.
    Elsewhere,
}

/// A text with its form.
#[derive(Debug)]
pub(super) struct Text {
    /// What it is, for messages: `a path`.
    pub noun: &'static str,
    /// For editors only; the reader's own checks say precisely what is wrong.
    pub pattern: Option<&'static str>,
    pub example: &'static str,
}

/// One of a few words.
#[derive(Debug)]
pub(super) struct Choice {
    pub word: &'static str,
    /// Designed, not built.
    pub later: bool,
}

/// What keys demand of each other.
#[derive(Debug)]
pub(super) enum Rule {
    AtMostOne {
        keys: &'static [&'static str],
        help: &'static str,
    },
    AtLeastOne {
        keys: &'static [&'static str],
        code: &'static Code,
        help: &'static str,
    },
    Needs {
        key: &'static str,
        other: &'static str,
        help: &'static str,
    },
    NeedsAny {
        key: &'static str,
        others: &'static [&'static str],
        help: &'static str,
    },
}

impl Table {
    pub(super) fn key(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|key| key.name == name)
    }
}
