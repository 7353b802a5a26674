//! HdrHistogram interval logs, version 1.3, in nanoseconds with three significant digits.
//!
//! A request that was given up is in the log with the least latency it can have had; one that failed
//! with an answer has none and is only counted, in the head. Warm-up is left out. The form is that of
//! <https://github.com/HdrHistogram/HdrHistogram>, `HistogramLogWriter`.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;
use hdrhistogram::serialization::V2DeflateSerializer;
use hdrhistogram::serialization::interval_log::{IntervalLogWriterBuilder, Tag};

use super::exposed::milliseconds;
use crate::model::{Arm, CEILING, Interval, Latencies, Round, Run};

pub(super) fn log(run: &Run) -> Vec<u8> {
    let began = milliseconds(&run.manifest.started_at);
    let mut out = Vec::new();
    let mut serializer = V2DeflateSerializer::new();
    let mut builder = IntervalLogWriterBuilder::new();
    for comment in head(run, began) {
        builder.add_comment(&comment);
    }
    // The column is for people, who think in milliseconds.
    builder.with_max_value_divisor(1e6);
    let mut writer = builder
        .begin_log_with(&mut out, &mut serializer)
        .expect("memory takes every byte");
    for round in &run.rounds {
        let since = milliseconds(&round.started_at).saturating_sub(began);
        let since = Duration::from_millis(u64::try_from(since).unwrap_or(0));
        for interval in run.intervals.iter().filter(|i| i.round == round.index) {
            for (step, latencies) in by_step(run, interval) {
                let tag = tag(run, round, step);
                writer
                    .write_histogram(
                        &histogram(&latencies),
                        since + Duration::from_nanos(interval.start.0),
                        Duration::from_nanos(interval.length.0),
                        Tag::new(&tag),
                    )
                    .expect("memory takes every byte, and every histogram has the same bounds");
            }
        }
    }
    out
}

fn head(run: &Run, began: i64) -> Vec<String> {
    let measured = || run.rounds.iter().flat_map(|round| &round.cells);
    let count = |of: fn(&Latencies) -> u64| measured().map(|c| of(&c.latency)).sum::<u64>();
    let (censored, failed) = (count(|l| l.censored.count()), count(|l| l.failed));
    let seconds = began as f64 / 1e3;
    vec![
        format!("[Histogram log format version 1.3: {}]", run.manifest.id),
        format!("[StartTime: {seconds:.3} (seconds since epoch)]"),
        format!("[BaseTime: {seconds:.3} (seconds since epoch)]"),
        "[Values: nanoseconds from the intended start to the last byte]".to_owned(),
        format!("[Given up, in the log with the time they took at least: {censored}]"),
        format!("[Failed without a latency, not in the log: {failed}]"),
    ]
}

/// The latencies of each step in one second, over its phases without warm-up.
fn by_step(run: &Run, interval: &Interval) -> BTreeMap<usize, Latencies> {
    let phases = &run.manifest.outline.phases;
    let mut steps: BTreeMap<usize, Latencies> = BTreeMap::new();
    for cell in &interval.cells {
        if phases.get(cell.phase).is_some_and(|p| !p.warm_up) {
            steps.entry(cell.step).or_default().merge(&cell.latency);
        }
    }
    steps
}

/// The step, and before it the arm where there are two. A tag has no blanks and no commas.
fn tag(run: &Run, round: &Round, step: usize) -> String {
    let step = run.manifest.outline.steps.get(step).map_or("", |s| s);
    let two = run.rounds.iter().any(|r| r.arm == Arm::Before);
    let arm = if two {
        format!("{}/", round.arm.name())
    } else {
        String::new()
    };
    let plain = |c: char| {
        if c.is_whitespace() || c == ',' {
            '_'
        } else {
            c
        }
    };
    format!("{arm}{step}").chars().map(plain).collect()
}

fn histogram(latencies: &Latencies) -> Histogram<u64> {
    let mut histogram = Histogram::new_with_bounds(1, CEILING.0, 3)
        .expect("the bounds are constants that it accepts");
    for distribution in [&latencies.ok, &latencies.censored] {
        for (low, _, n) in distribution.buckets() {
            // A bucket of ours is one of its own, so every value of it is as good as another.
            histogram
                .record_n(low, n)
                .expect("a distribution holds nothing beyond its ceiling");
        }
    }
    histogram
}
