//! Alerts: expressions of `PromQL` over a round as named series, evaluated each second.
//!
//! An expression is read (`token`, `parser`) into a checked tree (`syntax`, `functions`), and has a
//! value over a [`Table`](crate::series::Table) at a moment (`eval` and its parts). A [`Watch`]
//! follows a round, live or from its record, and says when an alert is pending, fires, is resolved:
//! the same of the same round, since a second is judged only when all that can belong to it is there.
//! Everything that the language has and this has not is refused when it is read.

mod aggregate;
mod binary;
mod eval;
mod expression;
mod functions;
mod histogram;
mod number;
mod over_time;
mod parser;
mod rule;
mod rules_file;
mod syntax;
mod template;
mod token;
mod value;
mod watch;

pub use expression::{Answer, Expression};
pub use rule::{Alert, Wording};
pub use rules_file::parse as parse_rules;
pub use token::Fault;
pub use value::NoValue;
pub use watch::Watch;
