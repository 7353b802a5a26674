//! Reports: one [`View`] of a run, and a small writer for every format.
//!
//! A writer sees the view only, so the verdict and its wording are the same in every format. Text
//! that came from a scenario file or a target is held as [`Untrusted`](crate::untrusted::Untrusted)
//! until the writer escapes it for its own format. Nothing here reads a clock, a file or the
//! environment: the same run gives the same bytes.

#![expect(
    clippy::format_push_string,
    reason = "writers put texts together from formatted pieces, and none is on a hot path"
)]

mod calibration;
mod changes;
mod charts;
mod checkup;
mod codequality;
mod csv;
mod diagnosis;
mod findings;
mod format;
mod github;
mod history;
mod html;
mod json;
mod junit;
mod markdown;
mod notification;
mod prometheus;
mod table;
mod text;
mod view;
mod words;

#[cfg(test)]
pub(crate) mod fixture;

pub use calibration::{calibration, calibration_patch};
pub use changes::changes;
pub use checkup::{checkup_json, checkup_text};
pub use codequality::codequality;
pub use csv::csv;
pub use diagnosis::{diagnosis_json, diagnosis_text};
pub use format::{Format, render};
pub use github::github;
pub use history::{HISTORY_JSON_SCHEMA, history_json, history_text};
pub use html::{IndexPlace, html, html_served, index, live};
pub use json::{SCHEMA as JSON_SCHEMA, json};
pub use junit::junit;
pub use markdown::markdown;
pub use notification::notification;
pub use prometheus::prometheus;
pub use table::{fold, width, wrap};
pub use text::{TextStyle, Verbosity, text};
pub use view::{Standing, Tone, View};
pub use words::{count, plural};
