//! Series of ourselves.

use super::Table;
use crate::model::Sample;

pub(super) fn add(table: &mut Table, sample: &Sample) {
    let at = sample.at.as_secs_f64();
    let cpu = sample.own_cpu.as_secs_f64();
    table.put("plimsoll_cpu_seconds_total", &[], at, cpu);
}
