//! The table of codes. One file per family; `plimsoll explain CODE` prints an entry.

pub mod environment;
pub mod foreign;
pub mod output;
pub mod scenario;
pub mod store;
pub mod target;
pub mod validity;

/// A stable error code with its explanation.
#[derive(Debug, PartialEq, Eq)]
pub struct Code {
    /// `PL0102`
    pub id: &'static str,
    /// One line.
    pub title: &'static str,
    /// What it means, why it matters and what to do, in a few sentences.
    pub explanation: &'static str,
    /// What it looks like: a wrong input, a command, an output line.
    pub example: &'static str,
}

impl Code {
    /// Every code, by family and number.
    pub fn all() -> impl Iterator<Item = &'static Self> {
        [
            scenario::ALL,
            store::ALL,
            validity::ALL,
            target::ALL,
            output::ALL,
            environment::ALL,
            foreign::ALL,
        ]
        .into_iter()
        .flatten()
        .copied()
    }

    /// Finds a code by its id, ignoring case.
    pub fn find(id: &str) -> Option<&'static Self> {
        Self::all().find(|code| code.id.eq_ignore_ascii_case(id))
    }
}

/// Declares the codes of one family and their list.
macro_rules! codes {
    ($($name:ident = $id:literal, $title:literal, $explanation:literal, $example:literal;)*) => {
        $(pub static $name: $crate::diagnostic::Code = $crate::diagnostic::Code {
            id: $id, title: $title, explanation: $explanation, example: $example,
        };)*
        /// All codes of this family.
        pub static ALL: &[&$crate::diagnostic::Code] = &[$(&$name),*];
    };
}
use codes;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_ordered_and_explained() {
        let ids: Vec<_> = Code::all().map(|c| c.id).collect();
        let mut sorted = ids.clone();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(
            ids, sorted,
            "ids ascend within and across families, each once"
        );
        for code in Code::all() {
            assert!(code.explanation.len() > 40, "{} is explained", code.id);
            assert!(!code.example.is_empty(), "{} has an example", code.id);
        }
    }
}
