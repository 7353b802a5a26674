//! `(Plan, seed) → arrivals`: when each request is due and what it is.
//!
//! Pure and reproducible: the same plan gives the same arrivals on every machine and however the
//! lanes are dealt to workers. Lazy: memory does not grow with the number of requests, and nothing
//! is allocated for each.

mod arrivals;
mod exponential;
mod inverse;
mod lanes;
mod mix;
mod pace;
#[cfg(test)]
pub(crate) mod sample;

pub use crate::model::Shard;
pub use arrivals::{Arrival, Schedule, Task};
pub use lanes::{LANES, Lanes};
pub use mix::Mix;
pub use pace::Pace;
