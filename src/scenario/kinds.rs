//! The words in which the tables of keys are written: keys, and kinds of values that recur.

use crate::units::Unit;

use super::grammar::{Choice, Key, Kind, Text};

pub(super) const fn required(name: &'static str, kind: Kind, describe: &'static str) -> Key {
    Key {
        name,
        kind,
        required: true,
        describe,
    }
}

pub(super) const fn optional(name: &'static str, kind: Kind, describe: &'static str) -> Key {
    Key {
        name,
        kind,
        required: false,
        describe,
    }
}

pub(super) const fn elsewhere(name: &'static str, instead: &'static str) -> Key {
    optional(name, Kind::Elsewhere, instead)
}

pub(super) const fn text(
    noun: &'static str,
    pattern: Option<&'static str>,
    example: &'static str,
) -> Kind {
    Kind::Text(Text {
        noun,
        pattern,
        example,
    })
}

pub(super) const fn time(example: &'static str) -> Kind {
    Kind::Quantity {
        unit: Unit::Time,
        zero: false,
        example,
    }
}

/// A time that may be zero.
pub(super) const fn moment(example: &'static str) -> Kind {
    Kind::Quantity {
        unit: Unit::Time,
        zero: true,
        example,
    }
}

/// More than nothing.
pub(super) const fn share(example: &'static str) -> Kind {
    Kind::Quantity {
        unit: Unit::Share,
        zero: false,
        example,
    }
}

pub(super) const fn rate(example: &'static str, zero: bool) -> Kind {
    Kind::Quantity {
        unit: Unit::PerSecond,
        zero,
        example,
    }
}

pub(super) const fn whole(min: u64, max: u64, example: u64) -> Kind {
    Kind::Whole { min, max, example }
}

/// A name that can be a folder.
pub(super) const fn slug(example: &'static str) -> Kind {
    text("a name", Some("^[a-z0-9][a-z0-9._-]{0,63}$"), example)
}

pub(super) const fn now(word: &'static str) -> Choice {
    Choice { word, later: false }
}

pub(super) const fn not_now(word: &'static str) -> Choice {
    Choice { word, later: true }
}

pub(super) const ANY: Kind = text("a text", None, "text");
pub(super) const PATH: Kind = text("a path", Some(r#"^/[!"$-~]*$"#), "/health");
pub(super) const STATUS: Kind = whole(100, 599, 200);
pub(super) const WORD: Kind = text("a word", None, "./server");
/// A number with the unit of the metric, or a bare one for counts.
pub(super) const LIMIT: Kind = Kind::Either(&[
    text(
        "a limit with the unit of the metric",
        Some(
            "^ *[0-9._]+ *(ns|us|µs|ms|s|m|min|h|/ *s|/ *m|/ *min|/ *h|%|B|kB|KB|MB|GB|KiB|MiB|GiB|(B|kB|KB|MB|GB|KiB|MiB|GiB)/s)? *$",
        ),
        "250ms",
    ),
    Kind::Number,
]);
pub(super) const MOST_CONNECTIONS: u64 = super::limits::CONNECTIONS as u64;
pub(super) const MOST_USERS: u64 = super::limits::USERS as u64;
