//! A history for a terminal and for other programs, and its words for the page.

mod cells;
mod json;
mod spark;
mod text;

pub(super) use cells::{
    LEVEL_COLUMNS, SHIFT_COLUMNS, commit, footnotes, level_cells, shift_cells, shifts, shown,
    since, span,
};
pub use json::{SCHEMA as HISTORY_JSON_SCHEMA, history_json};
pub use text::history_text;

#[cfg(test)]
mod tests;
