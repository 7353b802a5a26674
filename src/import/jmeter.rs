//! JMeter: a results file (JTL) as CSV with field names. Every label is a step, every line a sample.

use std::collections::BTreeMap;

use super::counted::Counted;
use super::measured::{Measured, Part, Reason, class_of, times_to_judge};
use crate::model::{ErrorClass, Metric};
use crate::units::{Bytes, Nanos};

/// What is known of a label so far.
#[derive(Default)]
struct Label {
    times: Counted,
    answered: u64,
    failed: BTreeMap<ErrorClass, u64>,
    bytes_in: u64,
    bytes_out: u64,
}

/// Reads a results file.
pub(super) fn parse(bytes: &[u8]) -> Result<Measured, Reason> {
    if bytes.trim_ascii_start().starts_with(b"<") {
        return Err("it is XML; write it with -Jjmeter.save.saveservice.output_format=csv".into());
    }
    let mut reader = csv::ReaderBuilder::new().from_reader(bytes);
    let header = reader.byte_headers().map_err(|e| e.to_string())?.clone();
    let column = |name: &str| header.iter().position(|h| h == name.as_bytes());
    let needed = |name: &str| {
        column(name).ok_or_else(|| {
            Reason::from(format!(
                "its first line names no `{name}`; write it with \
                 -Jjmeter.save.saveservice.print_field_names=true"
            ))
        })
    };
    let (stamp, elapsed) = (needed("timeStamp")?, needed("elapsed")?);
    let (label, success) = (needed("label")?, needed("success")?);
    let (status, received, sent) = (column("responseCode"), column("bytes"), column("sentBytes"));
    let mut labels: BTreeMap<String, Label> = BTreeMap::new();
    let mut span: Option<(u64, u64)> = None;
    for (i, record) in reader.byte_records().enumerate() {
        let line = i + 2;
        let record = record.map_err(|e| e.to_string())?;
        let number = |column: usize| -> Result<u64, Reason> {
            let text = record.get(column).unwrap_or_default();
            std::str::from_utf8(text)
                .ok()
                .and_then(|t| t.trim().parse::<u64>().ok())
                // Milliseconds and bytes beyond this are no measurement.
                .filter(|n| *n < 1 << 45)
                .ok_or_else(|| format!("line {line}: a number is missing or wrong").into())
        };
        let (begun, took) = (number(stamp)?, number(elapsed)?);
        let (first, last) = span.unwrap_or((begun, begun));
        span = Some((first.min(begun), last.max(begun + took)));
        let name = String::from_utf8_lossy(record.get(label).unwrap_or_default()).into_owned();
        let entry = labels.entry(name).or_default();
        entry.times.add(Nanos::from_millis(took), 1);
        if record.get(success) == Some(b"true") {
            entry.answered += 1;
        } else {
            let status = status.and_then(|c| number(c).ok());
            let class = status.map_or(ErrorClass::Closed, class_of);
            *entry.failed.entry(class).or_default() += 1;
        }
        let bytes = |column: Option<usize>| column.and_then(|c| number(c).ok()).unwrap_or(0);
        entry.bytes_in = entry.bytes_in.saturating_add(bytes(received));
        entry.bytes_out = entry.bytes_out.saturating_add(bytes(sent));
    }
    let (first, last) = span.ok_or("it has no sample")?;
    let mut parts = Vec::new();
    for (name, label) in labels {
        let failed: Vec<_> = label.failed.into_iter().collect();
        let mut part = Part::counted(&name, label.answered, &failed)?;
        part.cell.service = label.times.finish()?;
        part.cell.tally.bytes_in = Bytes(label.bytes_in);
        part.cell.tally.bytes_out = Bytes(label.bytes_out);
        parts.push(part);
    }
    let count = |of: fn(&Part) -> u64| parts.iter().map(of).sum::<u64>();
    let samples = count(|p| p.cell.tally.due);
    let lasted = Nanos::from_millis(last - first);
    let mut gates = times_to_judge(samples);
    let mut given = Vec::new();
    if lasted > Nanos::ZERO {
        let ok = count(|p| p.cell.tally.answered) as f64 / lasted.as_secs_f64();
        given.push((Metric::ThroughputOk, ok));
        gates.push(Metric::ThroughputOk);
    }
    let started = i64::try_from(first).unwrap_or(i64::MAX);
    Ok(Measured {
        tool: "JMeter",
        started_at: jiff::Timestamp::from_millisecond(started)
            .ok()
            .map(|t| t.to_string()),
        duration: lasted,
        given,
        gates,
        parts,
        ..Measured::default()
    })
}
