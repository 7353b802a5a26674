//! What the target and the machine use while a round runs, read from `/proc`.
//!
//! Reading is kept apart from understanding: `parse` turns the kernel's texts into numbers and knows
//! nothing of files. What a kernel does not offer is absent (`None`, `unknown`), never zero.

mod absence;
mod host;
mod machine;
mod parse;
mod readings;
mod revision;
mod sampler;
mod target;

pub use absence::Absence;
pub use machine::fingerprint;
pub use readings::{Reading, Soundness, machine};
pub use revision::revision;
pub use sampler::{Sampler, Watch, idle_pressure, sample_times};
