//! What a user sees while a run is measured: lines for a log, one status line for a terminal.
//!
//! Fed by events only; it may miss some without harm to the record. It writes nothing itself.

mod live;

pub use live::Progress;
