//! Every parser of bytes from outside, by one entry each: any bytes give a value that holds what its
//! kind promises, or an error, and never a panic. Tests feed them here, a fuzzer in `fuzz/`.

use std::io::Write;
use std::path::Path;

use flate2::Compression;
use flate2::write::DeflateEncoder;
use sha2::{Digest, Sha256};

use plimsoll::alert::{Expression, parse_rules};
use plimsoll::diagnostic::{Diagnostic, SourceFile, render};
use plimsoll::import::{Kind, values::Sheet};
use plimsoll::model::{Distribution, Run};
use plimsoll::observe::read_metrics;
use plimsoll::protocol::{Keep, Look, Progress, ProtocolError, ResponseParser};
use plimsoll::report::{Format, View, render as report};
use plimsoll::series::Table;
use plimsoll::store::ledger::parse_entry;
use plimsoll::store::runs::parse_run;
use plimsoll::units::Nanos;

/// A parser of bytes from outside.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry {
    pub(crate) name: &'static str,
    pub(crate) parse: fn(&[u8]),
}

/// All there are.
pub(crate) const ENTRIES: &[Entry] = &[
    Entry {
        name: "run_log",
        parse: run_log,
    },
    Entry {
        name: "baseline",
        parse: baseline,
    },
    Entry {
        name: "scenario",
        parse: scenario,
    },
    Entry {
        name: "http_head",
        parse: http_head,
    },
    Entry {
        name: "prometheus_text",
        parse: prometheus_text,
    },
    Entry {
        name: "promql",
        parse: promql,
    },
    Entry {
        name: "rule_file",
        parse: rule_file,
    },
    Entry {
        name: "import",
        parse: import,
    },
    Entry {
        name: "histogram",
        parse: histogram,
    },
];

/// Feeds a parser by its name.
///
/// # Panics
/// When there is no such parser.
pub(crate) fn parse(name: &str, bytes: &[u8]) {
    let entry = ENTRIES.iter().find(|entry| entry.name == name);
    (entry.expect("a parser of that name").parse)(bytes);
}

const MANIFEST: &[u8] =
    include_bytes!("../data/store/v1/reports/checkout/20261122T090000Z-9f3c1a2b/manifest.json");

/// A log of the golden run: the bytes as they stand, or behind a zero the frames that they name, each
/// a type, JSON and a zero, under checksums that are right.
fn run_log(bytes: &[u8]) {
    let framed;
    let log = match bytes.split_first() {
        Some((0, frames)) => {
            framed = log_of(frames);
            framed.as_slice()
        }
        _ => bytes,
    };
    if let Ok(run) = parse_run(Path::new("run"), MANIFEST, log) {
        let again = parse_run(Path::new("run"), MANIFEST, log).expect("read once more");
        assert_eq!(run, again);
        shown(&run);
    }
}

/// What is accepted can be shown in every format.
fn shown(run: &Run) {
    let view = View::new(run, None);
    for format in [Format::Text, Format::Json, Format::Csv, Format::Html] {
        assert!(!report(&view, format).is_empty());
    }
}

fn log_of(frames: &[u8]) -> Vec<u8> {
    let mut log = b"\x89PLOG\r\n\x1a\x01\0\0\0".to_vec();
    log.extend(Sha256::digest(MANIFEST));
    log.extend(crc32c::crc32c(&log).to_le_bytes());
    for (seq, frame) in frames.split(|b| *b == 0).enumerate() {
        let Some((kind, json)) = frame.split_first() else {
            continue;
        };
        log.extend(frame_of(seq as u64, *kind, json));
    }
    log
}

/// One frame of a log.
pub(crate) fn frame_of(seq: u64, kind: u8, json: &[u8]) -> Vec<u8> {
    let mut deflate = DeflateEncoder::new(Vec::new(), Compression::fast());
    deflate.write_all(json).expect("in memory");
    let payload = deflate.finish().expect("in memory");
    let length = u32::try_from(payload.len()).expect("small");
    let mut behind = seq.to_le_bytes().to_vec();
    behind.push(kind);
    behind.extend(payload);
    let crc = crc32c::crc32c_append(crc32c::crc32c(&length.to_le_bytes()), &behind);
    let mut frame = length.to_le_bytes().to_vec();
    frame.extend(crc.to_le_bytes());
    frame.extend(behind);
    frame
}

fn baseline(bytes: &[u8]) {
    if let Ok(Some(acceptance)) = parse_entry(Path::new("entry"), bytes) {
        let written = serde_json::to_vec(&acceptance).expect("JSON");
        let again = parse_entry(Path::new("entry"), &written).expect("reads back");
        assert_eq!(again, Some(acceptance));
    }
}

fn scenario(bytes: &[u8]) {
    let file = source(bytes);
    let found = plimsoll::scenario::parse(&file, Path::new("/nowhere"), &|_| None);
    told(found.err());
    told(plimsoll::scenario::parse_project(&file).err());
    told(plimsoll::scenario::read_threshold(&file.text).err());
}

/// Problems can be shown.
fn told(problems: Option<Vec<Diagnostic>>) {
    if let Some(problems) = problems {
        assert!(!problems.is_empty(), "refused without a reason");
        let few = &problems[..problems.len().min(3)];
        assert!(!render(few, false).is_empty());
    }
}

fn source(bytes: &[u8]) -> SourceFile {
    SourceFile {
        name: "x".to_owned(),
        text: String::from_utf8_lossy(bytes).into(),
    }
}

/// The first byte says into pieces of which length the rest is cut: the answer is the same.
fn http_head(bytes: &[u8]) {
    let (pieces, answer) = match bytes.split_first() {
        Some((first, rest)) => (usize::from(*first).max(1), rest),
        None => (1, bytes),
    };
    let whole = fed(answer, answer.len().max(1));
    assert_eq!(fed(answer, pieces), whole);
    if let Ok(Some((_, body))) = whole {
        assert!(body.len() <= 1 << 20);
    }
}

/// Status and body of the first answer, where it is whole.
fn fed(bytes: &[u8], pieces: usize) -> Result<Option<(u16, Vec<u8>)>, ProtocolError> {
    let mut parser = ResponseParser::default();
    parser.begin(Look {
        bodiless: false,
        head: true,
        body: Keep::Some,
    });
    for piece in bytes.chunks(pieces) {
        if let Progress::Done(answer) = parser.feed(piece)? {
            assert!(parser.body().len() as u64 <= answer.body);
            return Ok(Some((answer.status, parser.body().to_vec())));
        }
    }
    Ok(None)
}

/// What is read is written as Prometheus writes it, and reads back.
fn prometheus_text(bytes: &[u8]) {
    let found = read_metrics(&String::from_utf8_lossy(bytes), 100);
    assert!(found.scraped.len() <= 100);
    for scraped in &found.scraped {
        assert!(scraped.value.is_finite());
        let line = format!("{} {}", scraped.series, scraped.value);
        let again = read_metrics(&line, 100);
        assert_eq!(again.scraped, std::slice::from_ref(scraped), "{line}");
    }
}

fn promql(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    match Expression::parse(&text) {
        Ok(expression) => {
            let answer = expression.at(&Table::default(), 10.0);
            assert!(answer.is_ok_and(|a| a.len() <= 1), "of nothing: {text}");
        }
        Err(fault) => {
            assert!(fault.span.end <= text.len(), "{text}: {:?}", fault.span);
            assert!(fault.span.start <= fault.span.end);
            told(Some(vec![fault.diagnostic()]));
        }
    }
}

fn rule_file(bytes: &[u8]) {
    match parse_rules(&source(bytes)) {
        Ok(alerts) => assert!(!alerts.is_empty()),
        Err(problems) => told(Some(problems)),
    }
}

/// By every tool, and as a file of values.
fn import(bytes: &[u8]) {
    let _ = Kind::of(bytes);
    for kind in Kind::ALL {
        if let Err(reason) = kind.parse(bytes, Nanos::from_millis(1)) {
            assert!(!reason.is_empty());
        }
    }
    match Sheet::read(source(bytes)) {
        Ok(sheet) => {
            let values = sheet.values();
            assert!(values.rows.iter().flatten().all(|v| v.is_finite()));
            assert!(values.rows.iter().all(|r| r.len() == values.metrics.len()));
        }
        Err(problems) => told(Some(problems)),
    }
}

/// What is accepted holds as many values as it says, between its least and its greatest.
fn histogram(bytes: &[u8]) {
    let Ok(found) = serde_json::from_slice::<Distribution>(bytes) else {
        return;
    };
    let held = found.buckets().map(|(_, _, n)| u128::from(n)).sum::<u128>();
    assert_eq!(held, u128::from(found.count()));
    for q in [0.0, 0.5, 0.99, 1.0] {
        let value = found.quantile(q);
        assert!(value.is_none_or(|v| found.min() <= v && v <= found.max()));
    }
    let written = serde_json::to_vec(&found).expect("JSON");
    let again: Distribution = serde_json::from_slice(&written).expect("reads back");
    assert_eq!(again, found);
}
