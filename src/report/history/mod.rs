//! A history for a terminal and for other programs, and its words for the page.

mod cells;
mod json;
mod spark;
mod text;

pub use json::{SCHEMA as HISTORY_JSON_SCHEMA, history_json};
pub use text::history_text;

#[cfg(test)]
mod tests;
