//! The rows that name runs and metrics, and the checksums that hold them to what was written.

use super::IndexedRun;
use crate::model::{MetricRounds, Standing};

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
    let (standing, rounds) = (text_of(run.standing), run.rounds.to_string());
    sum_of_texts(&[
        scenario,
        &run.id,
        &run.started_at,
        &run.version,
        &run.revision,
        &run.plan_hash,
        &run.machine,
        standing.as_deref().unwrap_or("\u{1}"),
        &rounds,
        run.left_out.as_deref().unwrap_or("\u{1}"),
        stamp.unwrap_or("\u{1}"),
    ])
}

/// A standing as the table has it.
pub(super) fn text_of(standing: Option<Standing>) -> Option<String> {
    standing.and_then(|standing| serde_json::to_string(&standing).ok())
}

/// The standing that a text of the table stands for; what is none there fails by the checksum.
pub(super) fn standing(text: Option<&str>) -> Option<Standing> {
    text.and_then(|text| serde_json::from_str(text).ok())
}

/// Checksum over what names a metric.
pub(super) fn sum_of_metric(scenario: &str, name: &str, number: i64) -> i64 {
    sum_of_texts(&[scenario, name, &number.to_string()])
}

fn sum_of_texts(texts: &[&str]) -> i64 {
    let mut all = String::with_capacity(texts.iter().map(|text| text.len() + 1).sum());
    for text in texts {
        all.push_str(text);
        all.push('\0');
    }
    i64::from(crc32c::crc32c(all.as_bytes()))
}
