//! Baselines: `baselines/<scenario>/` under the project root, an append-only ledger.
//!
//! Every acceptance is one JSON file named by the SHA-256 of its bytes and never changed; it names
//! the acceptances that were current before it, and which of them stay current beside it. The moment
//! its file appears under its name is the moment it is saved.
//!
//! Pruning is an entry like any other: a file that names what was removed, so that a reader can tell
//! a removed acceptance from a lost one.
//!
//! `HEAD.json` is derived: its revision is the number of entries there ever were, so a HEAD that is
//! behind (a crash between two writes, two branches merged by git) shows itself and is worked out
//! anew from the files.

mod book;
mod files;
mod head;
mod prune;
#[cfg(test)]
mod tests;
mod verify;

pub(super) use book::BASELINES;
pub use book::{Expect, Ledger, Saved};
pub use files::parse_entry;
pub use prune::Prunable;
pub use verify::{Fault, Verified};
