//! Every export of one run, read back by what reads such things.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;
use hdrhistogram::serialization::Deserializer;
use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};
use prost::Message;
use serde_json::Value;

use super::Export;
use super::remote_write::WriteRequest;
use crate::model::Run;
use crate::report::fixture;

fn one(export: Export, run: &Run) -> Vec<u8> {
    let mut documents = export.documents(run);
    assert_eq!(documents.len(), 1);
    documents.remove(0)
}

fn text(export: Export, run: &Run) -> String {
    String::from_utf8(one(export, run)).expect("text")
}

#[test]
fn a_log_gives_back_every_count_of_every_step() {
    let run = fixture::run();
    let bytes = one(Export::Hlog, &run);
    let mut read: BTreeMap<String, Histogram<u64>> = BTreeMap::new();
    for entry in IntervalLogIterator::new(&bytes) {
        let LogEntry::Interval(line) = entry.expect("a good line") else {
            continue;
        };
        let bytes = base64::Engine::decode(
            &base64::engine::general_purpose::STANDARD,
            line.encoded_histogram(),
        );
        let histogram: Histogram<u64> = Deserializer::new()
            .deserialize(&mut bytes.expect("base64").as_slice())
            .expect("a histogram");
        let tag = line.tag().expect("a tag").as_str().to_owned();
        read.entry(tag)
            .or_insert_with(|| Histogram::new_with_bounds(1, 3_600_000_000_000, 3).expect("bounds"))
            .add(&histogram)
            .expect("the same bounds");
    }
    assert!(!read.is_empty(), "the fixture has intervals");
    let mut counted: BTreeMap<String, u64> = BTreeMap::new();
    for interval in &run.intervals {
        let round = run.rounds.iter().find(|r| r.index == interval.round);
        let arm = round.expect("its round").arm.name();
        let measured = |c: &&crate::model::Cell| !run.manifest.outline.phases[c.phase].warm_up;
        for cell in interval.cells.iter().filter(measured) {
            let step = &run.manifest.outline.steps[cell.step];
            let n = cell.latency.ok.count() + cell.latency.censored.count();
            *counted.entry(format!("{arm}/{step}")).or_default() += n;
        }
    }
    let two = run
        .rounds
        .iter()
        .any(|r| r.arm == crate::model::Arm::Before);
    for (tag, n) in counted {
        let tag = if two { tag } else { tag.replace("now/", "") };
        assert_eq!(read.get(&tag).map_or(0, Histogram::len), n, "{tag}");
    }
}

#[test]
fn what_is_written_to_prometheus_is_what_the_text_says() {
    let run = fixture::run();
    let lines = text(Export::OpenMetrics, &run);
    assert!(lines.ends_with("# EOF\n"));
    let said = lines.lines().filter(|l| !l.starts_with('#')).count();
    let mut sent = 0;
    for body in Export::RemoteWrite.documents(&run) {
        let plain = snap::raw::Decoder::new()
            .decompress_vec(&body)
            .expect("snappy");
        let request = WriteRequest::decode(plain.as_slice()).expect("a request");
        for series in &request.timeseries {
            let names: Vec<_> = series.labels.iter().map(|l| l.name.as_str()).collect();
            assert!(names.is_sorted(), "{names:?}");
            assert_eq!(names[0], "__name__");
            assert!(
                series
                    .samples
                    .is_sorted_by(|a, b| a.timestamp < b.timestamp)
            );
            sent += series.samples.len();
        }
    }
    assert!(sent > 0);
    assert_eq!(said, sent);
}

#[test]
fn every_point_of_otlp_is_a_number_of_a_named_metric() {
    let run = fixture::run();
    let mut buckets = 0;
    for body in Export::Otlp.documents(&run) {
        let value: Value = serde_json::from_slice(&body).expect("JSON");
        let metric = &value["resourceMetrics"][0]["scopeMetrics"][0]["metrics"][0];
        assert!(metric["name"].is_string());
        if let Some(points) = metric["histogram"]["dataPoints"].as_array() {
            for point in points {
                let counts = point["bucketCounts"].as_array().expect("counts");
                let bounds = point["explicitBounds"].as_array().expect("bounds");
                assert_eq!(counts.len(), bounds.len() + 1);
                let number = |v: &Value| v.as_str().expect("text").parse::<u64>().expect("digits");
                assert_eq!(
                    counts.iter().map(number).sum::<u64>(),
                    number(&point["count"])
                );
                buckets += counts.len();
            }
        }
    }
    assert!(buckets > 0);
}

#[test]
fn a_line_is_an_object_and_none_is_lost() {
    let run = fixture::run();
    let text = text(Export::JsonLines, &run);
    let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
    for line in text.lines() {
        let value: Value = serde_json::from_str(line).expect("JSON");
        let kind = value["type"].as_str().expect("a type").to_owned();
        *kinds.entry(kind).or_default() += 1;
    }
    let cells: usize = run.intervals.iter().map(|i| i.cells.len()).sum();
    assert_eq!(kinds.get("run"), Some(&1));
    assert_eq!(kinds.get("round"), Some(&run.rounds.len()));
    assert_eq!(kinds.get("second").copied().unwrap_or(0), cells);
    assert_eq!(kinds.get("sample").copied().unwrap_or(0), run.samples.len());
}

#[test]
fn a_hostile_name_stays_within_its_quotes() {
    let lines = text(Export::OpenMetrics, &fixture::hostile_run());
    for line in lines.lines().filter(|l| !l.starts_with('#')) {
        let (_, rest) = line.rsplit_once("} ").expect("labels, then numbers");
        assert!(rest.split(' ').all(|n| n.parse::<f64>().is_ok()), "{line}");
    }
}
