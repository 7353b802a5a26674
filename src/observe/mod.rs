//! What the target and the machine use while a round runs, read from `/proc`, and what the target says
//! of itself when it is asked.
//!
//! Reading is kept apart from understanding: `parse` turns the kernel's texts into numbers and knows
//! nothing of files. What a kernel does not offer is absent (`None`, `unknown`), never zero.

mod absence;
mod asking;
mod detail;
mod exposition;
mod generator;
mod group;
mod host;
mod limits;
mod machine;
mod members;
mod meter;
mod parse;
mod profile;
mod revision;
#[cfg(test)]
mod running;
mod sampler;
mod snapshot;
mod survey;
mod target;
mod texts;
mod thrift;

pub use absence::Absence;
pub use asking::{Questions, left_out};
pub use exposition::{Exposition, read as read_metrics};
pub use limits::{Limits, reserve_descriptors};
pub use machine::fingerprint;
pub use members::{Subject, found, program_on};
pub use profile::{ProfilerChoice, Profiling, ReadyProfiler};
pub use revision::revision;
pub use sampler::{Sampler, Watch, idle_pressure, sample_times};
pub use snapshot::snapshot;
pub use survey::{Counters, Machine};
