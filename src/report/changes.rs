//! A comparison as nothing but values and changes: what `baseline diff` shows.

use crate::model::Comparison;

use super::TextStyle;
use super::table::{Column, Table};
use super::words;

/// One row for each metric: both values, the change, and how well it is known. No verdict, since
/// nothing is at stake.
pub fn changes(comparison: &Comparison, style: TextStyle) -> String {
    let mut table = Table::new(&[
        Column::left("metric"),
        Column::right("before"),
        Column::right("after"),
        Column::right("change"),
        Column::right("95 % interval").spare(1),
    ]);
    for r in &comparison.results {
        let unit = r.metric.unit();
        let points = words::is_points(r.metric, r.allowed);
        let before = r.before.as_ref();
        let known = |text: Option<String>| text.unwrap_or_else(|| "–".to_owned());
        let cells = [
            r.name(),
            known(before.map(|side| words::short_estimate(side.value, unit))),
            words::short_estimate(r.now.value, unit),
            known(r.change.map(|change| words::change(change, points))),
            known(r.interval.map(|interval| words::interval(interval, points))),
        ];
        table.row(cells.iter().map(|cell| style.letters(cell)).collect());
    }
    let lines = table.lay_out(style.width, |_, _, text| text);
    lines
        .iter()
        .map(|line| format!("  {}\n", line.trim_end()))
        .collect()
}
