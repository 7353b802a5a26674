//! The terminal summary: headline, table, where, next; or the whole summary without a reference.

mod detail;
mod page;
mod style;
mod summary;
mod whole;

pub use style::{TextStyle, Verbosity};
pub use whole::text;

pub(super) use summary::category;
