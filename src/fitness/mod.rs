//! Is a machine fit to measure on? From what was found on it to what that costs, reading by reading.
//!
//! Pure: a [`Survey`] goes in, a [`Checkup`] comes out. Where a limit exists beyond which a round is
//! contaminated ([`Contaminant`](crate::model::Contaminant)), it is the limit here too. What a machine does
//! not tell is said to be not told, and is no reason against it.

mod activity;
mod hardware;
mod instrument;
mod limits;
mod reading;

#[cfg(test)]
mod tests;

use crate::model::{Checkup, Survey};

/// Judges what was found.
pub fn judge(survey: &Survey) -> Checkup {
    let readings = hardware::readings(&survey.hardware)
        .into_iter()
        .chain(activity::readings(&survey.activity, &survey.hardware))
        .chain(limits::readings(&survey.limits, survey.disk))
        .chain([instrument::reading(survey.instrument.as_ref())]);
    Checkup::of(readings.collect())
}
