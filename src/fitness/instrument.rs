//! What the measuring itself adds, where that was measured.

use crate::model::{InstrumentError, Reading, Stat, Topic};

const TOPIC: Topic = Topic::Instrument;

pub(super) fn reading(found: Option<&InstrumentError>) -> Reading {
    let name = "error of latencies";
    let Some(found) = found else {
        return Reading {
            value: "not measured here yet".to_owned(),
            ..Reading::untold(TOPIC, name)
        }
        .but(
            "a change below it cannot be told from it",
            "plimsoll doctor --instrument",
        );
    };
    let each: Vec<String> = [Stat::P50, Stat::P99, Stat::P999]
        .into_iter()
        .filter_map(|stat| Some(format!("{} {}", stat.name(), found.of_stat(stat)?)))
        .collect();
    let day = found.measured_at.get(..10).unwrap_or(&found.measured_at);
    Reading::new(
        TOPIC,
        name,
        format!("{}, measured on {day}", each.join(", ")),
    )
}
