//! Series of ourselves.

use super::Table;
use crate::model::Sample;

pub(super) fn add(table: &mut Table, sample: &Sample) {
    let at = sample.at.as_secs_f64();
    let cpu = sample.own_cpu.as_secs_f64();
    table.put("plimsoll_cpu_seconds_total", &[], at, cpu);
    let Some(own) = &sample.generator else {
        return;
    };
    let wall = own.wall.as_secs_f64();
    if wall > 0.0 {
        let shares = [
            ("plimsoll_starved_ratio", own.starved.as_secs_f64()),
            ("plimsoll_throttled_ratio", own.throttled.as_secs_f64()),
            ("plimsoll_major_faults_rate", own.major_faults as f64),
        ];
        for (metric, of_it) in shares {
            table.put(metric, &[], at, of_it / wall);
        }
    }
    let step = own.clock_step.as_secs_f64();
    table.put("plimsoll_clock_step_seconds", &[], at, step);
}
