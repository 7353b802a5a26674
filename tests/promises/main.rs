//! The promises of RELIABILITY.md, each by a test that tries to break it.
//!
//! A file belongs to one kind of promise. What takes minutes is `#[ignore]`d and run by
//! `just promises-long`, or `just promises-quiet` where a busy machine decides the result; the rest is
//! part of `cargo test`. With `--features mutants` each protection
//! is taken away in turn, and the test of its promise must fail.

#[path = "../common/mod.rs"]
mod common;
#[path = "../common/history.rs"]
mod runs_made;
#[path = "../common/served.rs"]
mod served;

mod budgets;
mod cost;
mod crash;
mod decode;
mod entries;
mod forms;
mod fuzzed;
mod hostile;
mod hosts;
mod ledger;
mod limits;
mod made;
#[cfg(feature = "mutants")]
mod mutants;
mod plan;
mod policy;
mod reports;
mod secrets;
mod serve;
mod signals;
mod sinks;
mod surface;
mod suspect;
mod verdict;
