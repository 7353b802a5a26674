//! What a well-formed record must also be before anybody counts with it.
//!
//! Indices lie within the outline, and counts are small enough that sums of many cannot overflow;
//! after this nothing downstream needs to check either.

use crate::model::{Cell, Distribution, Interval, Outline, Round};
use crate::mutant::{self, Mutant};

/// No cell counts more requests or bytes than this: a petabyte.
const MOST: u64 = 1 << 50;

/// Says what is wrong with the cells of an interval.
pub(super) fn interval(interval: &Interval, outline: &Outline) -> Result<(), String> {
    cells(&interval.cells, outline)
}

/// Says what is wrong with the cells and the usage of a round.
pub(super) fn round(round: &Round, outline: &Outline) -> Result<(), String> {
    cells(&round.cells, outline)?;
    let phases = round.usage.iter().map(|u| u.phase);
    let mut phases = phases.chain(round.health.iter().map(|h| h.phase));
    match phases.find(|phase| *phase >= outline.phases.len()) {
        Some(phase) => Err(format!("there is no phase {phase}")),
        None => Ok(()),
    }
}

fn cells(cells: &[Cell], outline: &Outline) -> Result<(), String> {
    if mutant::is_on(Mutant::NumbersUnchecked) {
        return Ok(());
    }
    cells.iter().try_for_each(|cell| {
        if cell.phase >= outline.phases.len() {
            return Err(format!("there is no phase {}", cell.phase));
        }
        if cell.step >= outline.steps.len() {
            return Err(format!("there is no step {}", cell.step));
        }
        match counts(cell).find(|&n| n > MOST) {
            Some(n) => Err(format!("a count of {n} is not plausible")),
            None => Ok(()),
        }
    })
}

fn counts(cell: &Cell) -> impl Iterator<Item = u64> + '_ {
    let t = &cell.tally;
    let l = &cell.latency;
    [
        t.due,
        t.sent,
        t.unsent,
        t.answered,
        t.bytes_in.0,
        t.bytes_out.0,
        l.failed,
    ]
    .into_iter()
    .chain(t.failures.0.values().copied())
    .chain(
        [
            &l.ok,
            &l.censored,
            &cell.service,
            &cell.lateness,
            &cell.wait,
        ]
        .into_iter()
        .map(Distribution::count),
    )
}
