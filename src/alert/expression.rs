//! An expression as others see it.

use std::collections::BTreeMap;

use super::eval::{Moment, milliseconds};
use super::functions::Type;
use super::parser;
use super::syntax::Expr;
use super::token::Fault;
use super::value::{NoValue, Value};
use crate::series::Table;
use crate::units::Nanos;

/// An expression that can be evaluated over any table.
#[derive(Debug, Clone)]
pub struct Expression {
    text: String,
    root: Expr,
}

impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

/// One series of an answer. The name is the label `__name__`.
pub type Answer = (BTreeMap<String, String>, f64);

impl Expression {
    /// Reads an expression whose value is a number or series.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        let root = parser::parse(text)?;
        let is = root.gives();
        if !matches!(is, Type::Scalar | Type::Vector) {
            let message = format!("the expression is {}, which is no value", is.words());
            let fault = Fault::new(root.span.clone(), message, "not a value");
            return Err(match is {
                Type::Range => fault.help("put it into a function: rate(...), max_over_time(...)"),
                _ => fault,
            });
        }
        Ok(Self {
            text: text.to_owned(),
            root,
        })
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    /// How far before a moment it looks.
    pub fn reach(&self) -> Nanos {
        Nanos::from_millis(u64::try_from(self.root.reach()).unwrap_or_default())
    }

    /// Its value at a moment in seconds: several series, or one without labels for a number.
    ///
    /// # Errors
    /// When the series there are do not go together, such as several for one to be matched with.
    pub fn at(&self, table: &Table, seconds: f64) -> Result<Vec<Answer>, NoValue> {
        let moment = Moment {
            table,
            at: milliseconds(seconds),
        };
        Ok(match moment.value(&self.root)? {
            Value::Scalar(value) => vec![(BTreeMap::new(), value)],
            Value::Vector(elements) => elements.into_iter().map(|e| (e.labels, e.value)).collect(),
        })
    }
}
