//! The mathematics of comparison: pure functions on slices of numbers, each with its source.
//!
//! Nothing here knows what a round or a metric is. Inputs that cannot carry an answer (too few
//! values, none finite) give `None` or NaN, never a panic; a NaN never makes a comparison true.

mod contrast;
mod distributions;
mod multiple;
mod planning;
mod position;
mod proportion;
mod rank;
mod slope;
mod usl;

pub use contrast::{Contrast, TwoSample, mean, one_sample, paired, pooled, two_sample, welch};
pub use distributions::{
    f_cdf, f_quantile, ln_choose, normal_cdf, normal_quantile, t_cdf, t_quantile,
};
pub use multiple::{benjamini_hochberg, holm};
pub use planning::{POCOCK_FOUR_LOOKS, minimal_detectable, rounds_needed};
pub use position::{Positioned, positioned};
pub use proportion::{Counts, fisher_greater, newcombe};
pub use rank::{MannWhitney, common_language, hodges_lehmann, mann_whitney};
pub use slope::theil_sen;
pub use usl::{Usl, usl};
