//! The load engine: share-nothing workers that send what the schedule says is due, when it is due.
//!
//! Each worker is one thread with its own readiness loop, connections and histograms; it hands a
//! filled interval over each second and takes an empty one back, and waits for nobody. A late or
//! blocked generator never thins the schedule: what is due stays due, its latency counts from the
//! intended start, and whatever is not answered stays in the population.

mod account;
mod collect;
mod deadlines;
mod head_start;
mod order;
mod pool;
mod rest;
mod saturation;
mod serve;
#[cfg(test)]
mod tests;
mod timeline;
mod visits;
mod wires;
mod worker;

pub use crate::governor::Governor;
pub use crate::stop::{Stop, StopState};
pub use collect::run;
pub use order::{Ended, EngineError, Order, default_workers};
