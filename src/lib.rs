//! Plimsoll: a performance regression and load testing harness that suspects itself first.
//!
//! The layers, bottom to top, are in `ARCHITECTURE.md`; a module imports only from rows above its
//! own there, and a test holds the code to it.

pub mod clock;
pub mod diagnostic;
pub mod governor;
pub mod mutant;
pub mod random;
pub mod redaction;
pub mod stop;
pub mod units;
pub mod untrusted;
mod yaml;

pub mod model;
pub mod stats;

pub mod alert;
pub mod bundle;
pub mod diagnose;
pub mod export;
pub mod fitness;
pub mod guard;
pub mod journey;
pub mod judge;
pub mod recorder;
pub mod scenario;
pub mod schedule;
pub mod series;

pub mod demo;
pub mod engine;
pub mod import;
pub mod launch;
pub mod observe;
pub mod protocol;
pub mod proxy;
pub mod store;
pub mod users;
pub mod web;

pub mod session;

pub mod progress;
pub mod report;

pub mod cli;
