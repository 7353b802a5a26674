//! All runs there are, by scenario, as a list of them is shown.

use super::{History, Measure, Point, Standing};

/// Everything below `reports/`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Overview {
    /// The one that was run last comes first.
    pub scenarios: Vec<ScenarioRuns>,
}

/// The runs of one scenario.
#[derive(Debug, Clone, PartialEq)]
pub struct ScenarioRuns {
    pub name: String,
    /// Newest first; never empty.
    pub runs: Vec<ListedRun>,
    /// Of the runs that have the plan and the kind of machine of the latest one, with the metrics that
    /// are gated on, or else the usual ones. None: no run is fit for one.
    pub history: Option<History>,
    /// What [`ListedRun::values`] are of.
    pub measures: Vec<Measure>,
}

/// One run.
#[derive(Debug, Clone, PartialEq)]
pub struct ListedRun {
    /// Its id, when it began, and what was measured.
    pub point: Point,
    pub state: ListedState,
    /// Complete ones, of the side under test.
    pub rounds: u32,
    /// Why its numbers enter no history, in words.
    pub left_out: Option<String>,
    /// A place for each of [`ScenarioRuns::measures`]; NaN where it has none.
    pub values: Vec<f64>,
    /// Its report can be opened.
    pub has_report: bool,
}

/// What has become of a run so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListedState {
    /// It is being measured.
    Running,
    Ended(Standing),
    /// Its record cannot be read.
    Unreadable,
}
