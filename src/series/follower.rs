//! Follows a round second by second.

use super::requests::Running;
use super::{Table, add_sample};
use crate::model::{Interval, Sample};

/// The table of a round that grows with what is seen of it; intervals and samples come each in the
/// order of time.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Follower {
    table: Table,
    steps: Vec<String>,
    load: Running,
}

impl Follower {
    /// With nothing seen yet, of a plan with these steps.
    pub fn new(steps: &[String]) -> Self {
        Self {
            steps: steps.to_vec(),
            ..Self::default()
        }
    }

    pub fn interval(&mut self, interval: &Interval) {
        self.load.add(&mut self.table, &self.steps, interval);
    }

    pub fn sample(&mut self, sample: &Sample) {
        add_sample(&mut self.table, sample);
    }

    pub fn table(&self) -> &Table {
        &self.table
    }

    /// Lets go of points before a moment in seconds; counters go on.
    pub fn forget_before(&mut self, at: f64) {
        self.table.forget_before(at);
    }

    pub fn into_table(self) -> Table {
        self.table
    }
}
