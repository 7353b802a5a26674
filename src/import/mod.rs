//! What others measured: files of round values, and what other tools leave behind.
//!
//! One file, or one folder of criterion, is what one invocation of a tool measured, and becomes one
//! round. Parsers are pure, from bytes to [`Measured`]; any bytes give a round or a reason, never a
//! panic, and no file takes more memory than its size warrants. Where a tool states figures only,
//! these are the values of the round as they stand; where it keeps its times or histograms, they
//! become distributions like our own. Times are taken for service times: what a foreign clock counts
//! from is a send, as far as anybody knows.

mod assemble;
mod benchmarks;
mod counted;
mod files;
mod hlog;
mod hyperfine;
mod jmeter;
mod k6;
mod kind;
mod measured;
mod oha;
#[cfg(test)]
mod tests;
pub mod values;
mod wrk;

pub use assemble::{Imported, assemble};
pub use files::{Rounds, read, text};
pub use kind::Kind;
pub use measured::{Measured, Reason};
