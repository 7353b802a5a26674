//! `(Plan, seed) → arrivals`: when each request is due and which step it is.
//!
//! Pure and reproducible: the same plan gives the same arrivals on every machine and however the
//! lanes are dealt to workers. Lazy: memory does not grow with the number of requests, and nothing
//! is allocated for each.

mod arrivals;
mod inverse;
mod lanes;
mod random;
#[cfg(test)]
pub(crate) mod sample;
mod steps;

pub use arrivals::{Arrival, Schedule};
pub use lanes::{LANES, Lanes};
pub use steps::Steps;
