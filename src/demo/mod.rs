//! The built-in target of known truth: an HTTP server whose work, waits and faults are set.
//!
//! CPU work is measured by the CPU clock of the thread and not by wall time, so an endpoint that is
//! 20 % slower uses 20 % more CPU on a quiet machine and on a busy one. Everything runs on one
//! thread: a request costs what its work costs, without wake-ups between threads. Only faults that
//! are made of threads start some.
//!
//! It is also a small shop with the parts that services have: a bounded pool of connections, a
//! database behind it, a cache, a queue with a consumer. They are real, they are counted for
//! `/metrics` and `/health/...`, and faults harm them instead of changing what is said of them.

#[cfg(test)]
mod ailing;
mod ailment;
mod answer;
mod cache;
mod course;
mod database;
mod endpoint;
mod exposition;
mod fault;
mod grammar;
#[cfg(test)]
mod harness;
mod hoard;
mod meters;
mod place;
mod pool;
mod queue;
mod server;
mod shop;
mod site;
mod slots;
mod span;
mod stops;
mod supervise;
mod threads;
pub mod truth;

pub use ailment::{Ailment, Traits};
pub use endpoint::{Component, Endpoint};
pub use fault::{Fault, Injection, Options, Stall};
pub use grammar::parse_fault;
pub use server::{Ended, serve};
pub use span::Span;
pub use supervise::{CRASHED, supervise};
