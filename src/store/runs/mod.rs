//! Runs: `reports/<scenario>/<run-id>/` under the project root.
//!
//! | file | what |
//! |---|---|
//! | `manifest.json` | the plan and the environment, written before the first request |
//! | `run.plog` | everything measured and concluded, appended as it happens (format below) |
//! | `profile.json`, `profile-*.folded` | of rounds that were run again under a profiler |
//! | `summary.json` | rounds and comparison for other programs; derived, never read back |
//!
//! # The run log
//!
//! All numbers are little-endian. A header, then frames, then a seal:
//!
//! ```text
//! header   magic 8 | version u32 | sha256 of manifest.json 32 | crc32c u32 of the 44 bytes before
//! frame    len u32 | crc32c u32 | seq u64 | type u8 | payload
//! ```
//!
//! `len` counts the payload; the checksum covers `len`, `seq`, `type` and payload; `seq` counts from
//! 0. The payload is JSON, deflated. Types: 1 interval, 2 sample, 3 round, 4 begin of a round,
//! 5 comparison, 255 seal. The [`Seal`](crate::model::Seal) is last and repeats the number of frames,
//! the SHA-256 of all bytes before it and the sums of the rounds.
//!
//! Each frame is one `write`, so killing the process loses at most the frame being written, and a
//! power cut at most what was not yet synced. A log that ends early is a partial run; damage that is
//! followed by a good frame is refused.

mod follow;
mod frame;
mod listing;
mod log;
mod profiles;
mod read;
mod tail;
#[cfg(test)]
mod tests;
mod write;

pub use follow::{Follow, is_running};
pub use frame::{Begin, Frame};
pub use listing::{RunEntry, exact, find, folder, list, new_id, pulse, reports, scenarios};
pub use profiles::{read_profiles, write_profiles};
pub use read::{manifest, parse_run, read};
pub use tail::{Tail, tail};
pub use write::{REPORT, RunWriter, has_report, write_index, write_report};

pub(super) const MANIFEST: &str = "manifest.json";
pub(super) const LOG: &str = "run.plog";
const SUMMARY: &str = "summary.json";
/// Folder of all runs below the project root.
pub(super) const REPORTS: &str = "reports";
