//! A history for a terminal and for other programs, and its words for the page.

mod cells;
mod json;
mod spark;
mod text;

pub(super) use cells::{
    LEVEL_COLUMNS, SHIFT_COLUMNS, against, commit, footnotes, level_cells, not_compared,
    shift_cells, shifts, shown, since, span, tone_of_shift,
};
pub use json::{SCHEMA as HISTORY_JSON_SCHEMA, history_json};
pub(super) use spark::means;
pub use text::history_text;

#[cfg(test)]
pub(in crate::report) mod tests;
