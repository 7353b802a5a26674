//! The section about the runs before this one.

use serde::Serialize;

use super::tables::Grid;
use crate::model::History;
use crate::report::charts::{Chart, history_plot};
use crate::report::history::{
    LEVEL_COLUMNS, SHIFT_COLUMNS, footnotes, level_cells, shift_cells, shifts,
};

/// Changes of level that are listed: the latest.
const MOST_CHANGES: usize = 20;

/// What the template takes.
#[derive(Debug, Serialize)]
pub(super) struct Past {
    plot: Option<Chart>,
    levels: Grid,
    changes: Grid,
    notes: Vec<String>,
}

pub(super) fn history(history: &History) -> Past {
    let found = shifts(history);
    let latest = found.iter().rev().take(MOST_CHANGES);
    let changes =
        latest.map(|(shift, series)| shift_cells(&history.points, **shift, series).to_vec());
    Past {
        plot: history_plot(history),
        levels: Grid {
            head: LEVEL_COLUMNS.to_vec(),
            rows: history
                .trends
                .iter()
                .map(|trend| level_cells(trend).to_vec())
                .collect(),
        },
        changes: Grid {
            head: SHIFT_COLUMNS.to_vec(),
            rows: changes.collect(),
        },
        notes: footnotes(history),
    }
}
