//! What others measured: files of round values.

mod files;
pub mod values;

pub use files::text;
