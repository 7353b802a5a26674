//! From what workers and sampler hand over to rounds: merging, never measuring.
//!
//! A [`Slice`] of [`Dense`] histograms is what a worker records into; its interval records arrive at a [`Recorder`] as
//! [`Distribution`](crate::model::Distribution)s. Percentiles are never merged, only counts are, so
//! the sum of the intervals is the round to the last request.

mod confluence;
mod dense;
mod merge;
mod round;
mod seconds;
mod slice;
mod usage;

pub use confluence::Confluence;
pub use dense::Dense;
pub use merge::{Merged, merge};
pub use round::{End, Recorder};
pub use seconds::{of_interval, of_sample};
pub use slice::{Counts, Slice};
