//! What a user sees while something is measured: lines for a log, a few lines for a terminal.
//!
//! Fed by events and the time they came at; it may miss some without harm to the record. It writes
//! nothing itself, and reads neither clock nor keyboard.

mod frame;
mod live;
mod pieces;
mod round;

pub use frame::{Hands, Next, Wants};
pub use live::Progress;
