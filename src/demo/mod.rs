//! The built-in target of known truth: an HTTP server whose work, waits and faults are set.
//!
//! CPU work is measured by the CPU clock of the thread and not by wall time, so an endpoint that is
//! 20 % slower uses 20 % more CPU on a quiet machine and on a busy one. Everything runs on one
//! thread: a request costs what its work costs, without wake-ups between threads.

mod endpoint;
mod fault;
mod server;
pub mod truth;

pub use endpoint::Endpoint;
pub use fault::{Fault, Options, Stall, parse_fault};
pub use server::serve;
