//! The mathematics of comparison: pure functions on slices of numbers, each with its source.
//!
//! Nothing here knows what a round or a metric is. Inputs that cannot carry an answer (too few
//! values, none finite) give `None` or NaN, never a panic; a NaN never makes a comparison true.
//! `tests/stats.rs` holds every function to values that `scipy` and others computed.

mod boundary;
mod changepoints;
mod contrast;
mod distributions;
mod evalue;
mod isotonic;
mod multiple;
mod planning;
mod position;
mod proportion;
mod rank;
mod resample;
mod sessions;
mod slope;
mod usl;

pub use boundary::Boundary;
pub use changepoints::{ChangePoint, change_points};
pub use contrast::{
    Contrast, TwoSample, mean, one_sample, paired, pooled, tost, two_sample, welch,
};
pub use distributions::{
    chi_square_quantile, f_cdf, f_quantile, normal_cdf, normal_quantile, t_cdf, t_quantile,
};
pub use evalue::{PRIOR_PRECISION, e_value};
pub use isotonic::isotonic;
pub use multiple::{benjamini_hochberg, holm};
pub use planning::{POCOCK_FOUR_LOOKS, minimal_detectable, rounds_needed};
pub use position::{Positioned, positioned};
pub use proportion::{
    Counts, Dispersion, fisher_greater, miettinen_nurminen, score, standard_error,
};
pub use rank::{MannWhitney, common_language, hodges_lehmann, mann_whitney};
pub use resample::{RESAMPLES, block_bootstrap};
pub use sessions::{Sessions, sessions};
pub use slope::theil_sen;
pub use usl::{Usl, usl};
