//! The promises of RELIABILITY.md, each by a test that tries to break it.
//!
//! A file belongs to one kind of promise. What takes minutes is `#[ignore]`d and run by
//! `just promises-long`; the rest is part of `cargo test`. With `--features mutants` each protection
//! is taken away in turn, and the test of its promise must fail.

#[path = "../common/mod.rs"]
mod common;

mod hosts;
mod ledger;
mod listener;
#[cfg(feature = "mutants")]
mod mutants;
mod plan;
mod policy;
mod secrets;
mod surface;
