//! What a round showed, as named series on one time axis: the language of alerts and diagnosis.
//!
//! Our own numbers are named as Prometheus would have them, counters with `_total` and in base units,
//! so that an alert reads the same whether it looks at the target's own metrics or at ours. What was
//! scraped keeps its name. All times are seconds from the beginning of the round's first phase.

mod follower;
mod generator;
mod looks;
mod machine;
mod requests;
mod table;

use crate::model::{Interval, Outline, Sample};

use looks::Source;

pub use follower::Follower;
pub use table::{Point, Series, Table};

/// Everything that was seen of one round.
pub fn of_round(
    round: usize,
    outline: &Outline,
    intervals: &[Interval],
    samples: &[Sample],
) -> Table {
    let mut follower = Follower::new(&outline.steps);
    for interval in intervals.iter().filter(|i| i.round == round) {
        follower.interval(interval);
    }
    for sample in samples.iter().filter(|s| s.round == round) {
        follower.sample(sample);
    }
    let mut table = follower.into_table();
    table.sort();
    table
}

/// Adds one look at target and machine; for who follows a round while it runs.
pub fn add_sample(table: &mut Table, sample: &Sample) {
    generator::add(table, sample);
    machine::add(table, sample);
}
