//! A metric that Plimsoll does not know: a name somebody else gave to a number.
//!
//! The name is kept inline, so that a [`Metric`](super::Metric) stays a plain value. Written down it
//! carries its direction and unit, `custom:lower:time:build`, and so is never taken for one of ours.

use std::fmt;

use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::{Error, StrDeserializer};

use super::Better;
use crate::units::Unit;

/// The longest name, in bytes.
const LONGEST: usize = 48;

/// What a custom metric is written with.
const PREFIX: &str = "custom:";

/// A metric of others: its name, its unit, and which direction is an improvement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Custom {
    name: Name,
    unit: Unit,
    better: Better,
}

/// A short text without a place on the heap.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Name {
    bytes: [u8; LONGEST],
    length: u8,
}

impl Custom {
    /// None when the name is not one: letters, digits, blanks, `-`, `_`, `.` and `/`, at most 48
    /// bytes, a letter or digit at both ends. It can stand in any report as it is.
    pub fn new(name: &str, unit: Unit, better: Better) -> Option<Self> {
        let allowed = |c: char| c.is_alphanumeric() || " -_./".contains(c);
        let ends = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
        let good =
            name.chars().all(allowed) && ends(name.chars().next()) && ends(name.chars().last());
        let length = u8::try_from(name.len()).ok()?;
        let mut bytes = [0; LONGEST];
        bytes
            .get_mut(..name.len())?
            .copy_from_slice(name.as_bytes());
        good.then_some(Self {
            name: Name { bytes, length },
            unit,
            better,
        })
    }

    pub fn name(&self) -> &str {
        self.name.as_str()
    }

    pub const fn unit(&self) -> Unit {
        self.unit
    }

    pub const fn better(&self) -> Better {
        self.better
    }

    /// `custom:lower:time:build`
    pub(super) fn written(&self) -> String {
        let better = match self.better {
            Better::Lower => "lower",
            Better::Higher => "higher",
        };
        format!("{PREFIX}{better}:{}:{}", self.unit.name(), self.name())
    }

    /// Reads what [`Custom::written`] wrote.
    pub(super) fn read(text: &str) -> Option<Self> {
        let mut parts = text.strip_prefix(PREFIX)?.splitn(3, ':');
        let better = Better::deserialize(word(parts.next()?)).ok()?;
        let unit = Unit::deserialize(word(parts.next()?)).ok()?;
        Self::new(parts.next()?, unit, better)
    }
}

fn word(text: &str) -> StrDeserializer<'_, Error> {
    text.into_deserializer()
}

impl Name {
    fn as_str(&self) -> &str {
        // Always the text it was made of.
        std::str::from_utf8(&self.bytes[..usize::from(self.length)]).unwrap_or_default()
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_that_every_report_can_show() {
        let new = |name| Custom::new(name, Unit::Count, Better::Lower);
        for good in ["build", "fib/20", "größe", "wall clock", "a"] {
            assert_eq!(new(good).expect(good).name(), good);
        }
        let long = "a".repeat(LONGEST + 1);
        for bad in [
            "", " a", "a ", "=1+1", "<b>", "a|b", "a\n", "a:b", "-", &long,
        ] {
            assert_eq!(new(bad), None, "{bad}");
        }
    }

    #[test]
    fn what_is_written_reads_back() {
        let custom = Custom::new("build", Unit::Time, Better::Lower).expect("a name");
        assert_eq!(custom.written(), "custom:lower:time:build");
        assert_eq!(Custom::read(&custom.written()), Some(custom));
        for bad in [
            "build",
            "custom:build",
            "custom:up:time:x",
            "custom:lower:hour:x",
        ] {
            assert_eq!(Custom::read(bad), None, "{bad}");
        }
    }
}
