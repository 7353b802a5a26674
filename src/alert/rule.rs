//! One alert as it was written.

use std::collections::BTreeMap;

use super::expression::Expression;
use super::template::Template;
use super::token::Fault;
use crate::units::Nanos;

/// When it is active, for how long it has to be, and what it says then.
#[derive(Debug, Clone, PartialEq)]
pub struct Alert {
    pub name: String,
    /// Active for each series that it gives.
    pub expr: Expression,
    /// Fires once it was active for so long.
    pub hold: Nanos,
    /// Time between two evaluations: whole seconds.
    pub every: Nanos,
    /// Added to the labels of the series; `severity` is one of them.
    pub labels: Wording,
    pub annotations: Wording,
}

/// Texts by name, with gaps for the value and the labels of a series.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Wording(BTreeMap<String, Template>);

impl Wording {
    /// # Errors
    /// What is wrong with the gaps of the text, and where.
    pub fn add(&mut self, name: &str, text: &str) -> Result<(), Fault> {
        self.0.insert(name.to_owned(), Template::parse(text)?);
        Ok(())
    }

    /// All texts with their gaps filled.
    pub(super) fn render<'a>(
        &'a self,
        value: f64,
        labels: &'a BTreeMap<String, String>,
    ) -> impl Iterator<Item = (String, String)> {
        let filled = move |(name, template): (&String, &Template)| {
            (name.clone(), template.render(value, labels))
        };
        self.0.iter().map(filled)
    }
}
