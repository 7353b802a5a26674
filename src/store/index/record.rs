//! The rows that name runs and metrics, and the checksums that hold them to what was written.

use super::IndexedRun;
use crate::model::MetricRounds;

/// A run on its way into the index.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) run: IndexedRun,
    /// Of files that may still change.
    pub(super) stamp: Option<String>,
    pub(super) metrics: Vec<MetricRounds>,
}

/// Checksum over all that a row says of a run; its number is the index's own.
pub(super) fn sum(scenario: &str, run: &IndexedRun, stamp: Option<&str>) -> i64 {
    let texts = [
        scenario,
        &run.id,
        &run.started_at,
        &run.version,
        &run.revision,
        &run.plan_hash,
        &run.machine,
        run.left_out.as_deref().unwrap_or("\u{1}"),
        stamp.unwrap_or("\u{1}"),
    ];
    sum_of_texts(&texts)
}

/// Checksum over what names a metric.
pub(super) fn sum_of_metric(scenario: &str, name: &str, number: i64) -> i64 {
    sum_of_texts(&[scenario, name, &number.to_string()])
}

fn sum_of_texts(texts: &[&str]) -> i64 {
    let sum = texts.iter().fold(0, |sum, text| {
        crc32c::crc32c_append(crc32c::crc32c_append(sum, text.as_bytes()), &[0])
    });
    i64::from(sum)
}
