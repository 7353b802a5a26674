//! What is damaged, hostile, older or newer is refused by name and place, and never taken for a number.

#![expect(
    clippy::print_stdout,
    reason = "the figures of a promise are told where it is tested"
)]

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::{DeflateEncoder, ZlibEncoder};

use sha2::Digest;

use plimsoll::import::Kind;
use plimsoll::model::{Baseline, Manifest, Profiles, Run, RunState};
use plimsoll::mutant::Mutant;
use plimsoll::store::{Ledger, StoreError, instrument, levels, runs};
use plimsoll::units::Nanos;

use crate::cost::{self, Cost};
use crate::entries::frame_of;

#[cfg_attr(
    not(feature = "mutants"),
    expect(dead_code, reason = "read by mutants")
)]
pub(crate) const KILLS: &[(Mutant, &str)] = &[
    (
        Mutant::BrokenFramesBelieved,
        "decode::damage_to_a_log_without_its_seal_is_noticed",
    ),
    (
        Mutant::EntryByAnyName,
        "decode::damage_to_a_baseline_is_noticed",
    ),
    (
        Mutant::SealsUnchecked,
        "decode::damage_to_profiles_and_to_the_instruments_error_is_noticed",
    ),
    (
        Mutant::NumbersUnchecked,
        "decode::numbers_that_cannot_be_are_not_counted_with",
    ),
    (
        Mutant::BigFramesUnpacked,
        "decode::a_bomb_is_refused_before_it_takes_the_memory",
    ),
    (
        Mutant::UnpackedWithoutLimit,
        "decode::a_bomb_is_refused_before_it_takes_the_memory",
    ),
    (
        Mutant::NewerSchemasRead,
        "decode::a_schema_that_is_newer_or_never_was_is_refused",
    ),
];

const MOST_MEMORY: usize = 64 << 20;
const MOST_CPU: Duration = Duration::from_millis(50);

fn golden(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data/store")
        .join(path)
}

const RUN: &str = "reports/checkout/20261122T090000Z-9f3c1a2b";

/// A copy of a golden folder, to be damaged.
fn copy(of: &str) -> tempfile::TempDir {
    let root = tempfile::tempdir().expect("a folder");
    crate::common::copy(&golden(of), root.path());
    root
}

/// What became of the variants of some files.
#[derive(Debug, Clone, Copy, Default)]
struct Tried {
    variants: usize,
    refused: usize,
    cost: Cost,
}

impl Tried {
    /// Flips every so many bits of a file and cuts it at every so many lengths. `read` says whether what
    /// was read is what was written.
    fn damage(&mut self, path: &Path, every: usize, read: &dyn Fn() -> Result<bool, StoreError>) {
        let good = fs::read(path).expect("a file");
        assert!(matches!(read(), Ok(true)), "{} as it was", path.display());
        let flips = (0..good.len() * 8).step_by(every).map(|bit| {
            let mut bytes = good.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            (format!("bit {bit}"), bytes)
        });
        let cuts = (0..good.len()).step_by(every);
        let cuts = cuts.map(|length| (format!("cut at {length}"), good[..length].to_vec()));
        for (what, bytes) in flips.chain(cuts) {
            fs::write(path, &bytes).expect("writes");
            let (found, cost) = cost::within(MOST_CPU, read);
            let what = format!("{}: {what}", path.display());
            assert!(
                cost.memory <= MOST_MEMORY && cost.cpu <= MOST_CPU,
                "{what}: {cost:?}"
            );
            self.variants += 1;
            self.cost = self.cost.max(cost);
            match found {
                Ok(same) => assert!(same, "{what} is taken for something else"),
                Err(error) => {
                    named(&error, path, good.len(), &what);
                    self.refused += 1;
                }
            }
        }
        fs::write(path, good).expect("writes");
    }

    fn and(self, other: Self) -> Self {
        Self {
            variants: self.variants + other.variants,
            refused: self.refused + other.refused,
            cost: self.cost.max(other.cost),
        }
    }
}

/// A refusal names the file, or one that is held to it, and the place.
fn named(error: &StoreError, damaged: &Path, length: usize, what: &str) {
    let folder = damaged.parent().expect("a folder");
    match error {
        StoreError::Damaged { path, offset, .. } => {
            assert!(path.starts_with(folder), "{what}: {error}");
            let is_here = path == damaged;
            assert!(!is_here || *offset <= length as u64, "{what}: {error}");
        }
        StoreError::Newer { path, .. } => assert_eq!(path, damaged, "{what}: {error}"),
        StoreError::Missing { path, .. } => {
            assert_eq!(path.extension(), Some("json".as_ref()), "{what}: {error}");
        }
        other => panic!("{what}: {other}"),
    }
    assert!(error.diagnostic().help.is_some(), "{what}");
}

/// The whole run, or, of a log that ends early, what was written before, and said to be partial.
fn is_part(found: &Run, whole: &Run) -> bool {
    if found.state == RunState::Complete {
        return found == whole;
    }
    found.state == RunState::Partial
        && found.manifest == whole.manifest
        && whole.intervals.starts_with(&found.intervals)
        && whole.samples.starts_with(&found.samples)
        && found
            .rounds
            .iter()
            .all(|r| !r.complete || whole.rounds.contains(r))
        && (found.comparison.is_none() || found.comparison == whole.comparison)
}

fn run_variants(every: usize) -> Tried {
    let root = copy("v1");
    let dir = root.path().join(RUN);
    let whole = runs::read(&dir).expect("the golden run");
    let mut tried = Tried::default();
    let read = || runs::read(&dir).map(|run| is_part(&run, &whole));
    tried.damage(&dir.join("run.plog"), every, &read);
    tried.damage(&dir.join("manifest.json"), every, &read);
    let manifest = || Ok(runs::manifest(&dir)? == whole.manifest);
    tried.damage(&dir.join("manifest.json"), every, &manifest);
    tried
}

fn unsealed_variants(every: usize) -> Tried {
    let root = copy("v1");
    let dir = root.path().join(RUN);
    let log = dir.join("run.plog");
    let bytes = fs::read(&log).expect("a log");
    // The seal is the last frame.
    let mut at = 48;
    let mut last = at;
    while at < bytes.len() {
        last = at;
        let length: [u8; 4] = bytes[at..at + 4].try_into().expect("four bytes");
        at += 17 + u32::from_le_bytes(length) as usize;
    }
    fs::write(&log, &bytes[..last]).expect("writes");
    let whole = runs::read(&dir).expect("a partial run");
    assert_eq!((whole.state, whole.rounds.len()), (RunState::Partial, 2));
    let mut tried = Tried::default();
    tried.damage(&log, every, &|| {
        runs::read(&dir).map(|run| is_part(&run, &whole))
    });
    tried
}

fn baseline_variants(schema: &str, every: usize) -> Tried {
    let root = copy(schema);
    let ledger = Ledger::new(root.path(), "checkout").expect("a name");
    let folder = root.path().join("baselines/checkout");
    let whole = ledger.load().expect("reads").expect("is there");
    let mut files: Vec<PathBuf> = fs::read_dir(&folder)
        .expect("a ledger")
        .map(|e| e.expect("an entry").path())
        .filter(|p| p.extension().is_some_and(|e| e == "json"))
        .collect();
    files.sort();
    let mut tried = Tried::default();
    for file in files {
        // An entry that is not current is read for the history alone.
        let read = || {
            let history = ledger.history()?;
            let found = ledger.load()?.expect("is there");
            Ok(found == whole && history.len() >= whole.members.len())
        };
        tried.damage(&file, every, &read);
    }
    tried
}

fn other_variants(every: usize) -> Tried {
    let root = copy("v2");
    let dir = root.path().join("reports/bench/20261125T123056Z-638d5c7a");
    let mut tried = Tried::default();
    let profiles = runs::read_profiles(&dir).expect("reads");
    let same = || Ok(runs::read_profiles(&dir)? == profiles);
    tried.damage(&dir.join("profile.json"), every, &same);
    tried.damage(&dir.join("profile-now.folded"), every, &same);
    let accepted = levels::accepted(root.path(), "checkout").expect("reads");
    let folder = root.path().join("baselines/checkout/levels");
    let level = folder.join(format!("{}.json", accepted[0].0));
    tried.damage(&level, every, &|| {
        Ok(levels::accepted(root.path(), "checkout")? == accepted)
    });
    // What only informs is measured again when it cannot be read.
    let kept = instrument::kept(root.path(), "two cores");
    assert!(kept.is_some());
    tried.damage(
        &root.path().join("reports/.instrument.json"),
        every,
        &|| {
            let found = instrument::kept(root.path(), "two cores");
            Ok(found.is_none() || found == kept)
        },
    );
    tried
}

#[test]
fn damage_to_a_run_is_noticed() {
    told("run", &run_variants(1));
}

#[test]
fn damage_to_a_log_without_its_seal_is_noticed() {
    told("log without its seal", &unsealed_variants(5));
}

#[test]
fn damage_to_a_baseline_is_noticed() {
    told("baseline", &baseline_variants("v1", 3));
}

#[test]
fn damage_to_profiles_and_to_the_instruments_error_is_noticed() {
    told("profiles, levels, instrument", &other_variants(1));
}

#[test]
#[ignore = "minutes: just promises-long"]
fn every_bit_and_every_length_of_all_of_them() {
    let all = run_variants(1)
        .and(unsealed_variants(1))
        .and(baseline_variants("v1", 1))
        .and(baseline_variants("v2", 1))
        .and(other_variants(1));
    told("all of them", &all);
}

fn told(what: &str, tried: &Tried) {
    println!(
        "A5: {what}: {} variants, {} refused, 0 panics, 0 taken for something else, at most {} KiB and {} µs of CPU each",
        tried.variants,
        tried.refused,
        tried.cost.memory >> 10,
        tried.cost.cpu.as_micros()
    );
}

/// A frame that unpacks to so many blanks.
fn bomb(blanks: usize) -> Vec<u8> {
    packed(
        DeflateEncoder::new(Vec::new(), Compression::best()),
        blanks,
        DeflateEncoder::finish,
    )
}

fn packed<W: Write>(
    mut encoder: W,
    blanks: usize,
    finish: impl FnOnce(W) -> std::io::Result<Vec<u8>>,
) -> Vec<u8> {
    let some = vec![b' '; 1 << 20];
    for _ in 0..blanks >> 20 {
        encoder.write_all(&some).expect("in memory");
    }
    finish(encoder).expect("in memory")
}

fn log_with(frame: &[u8]) -> Result<Run, StoreError> {
    let dir = golden("v1").join(RUN);
    let manifest = fs::read(dir.join("manifest.json")).expect("a manifest");
    let mut log = fs::read(dir.join("run.plog")).expect("a log")[..48].to_vec();
    log.extend(frame);
    runs::parse_run(Path::new("x"), &manifest, &log)
}

/// A frame around a payload that is packed already.
fn raw_frame(kind: u8, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("small").to_le_bytes();
    let mut behind = 0_u64.to_le_bytes().to_vec();
    behind.push(kind);
    behind.extend(payload);
    let crc = crc32c::crc32c_append(crc32c::crc32c(&length), &behind);
    [&length[..], &crc.to_le_bytes(), &behind].concat()
}

#[test]
fn a_bomb_is_refused_before_it_takes_the_memory() {
    // A frame of 200 KiB that would be 200 MiB.
    let frame = raw_frame(2, &bomb(200 << 20));
    let (found, frame_cost) = cost::of(|| log_with(&frame));
    let error = found.expect_err("a bomb");
    assert!(
        matches!(error, StoreError::Damaged { offset: 48, .. }),
        "{error}"
    );
    assert!(
        error
            .to_string()
            .ends_with("unpacks to more than any frame holds")
    );
    assert!(frame_cost.memory < MOST_MEMORY / 8, "{frame_cost:?}");

    // A histogram log whose counts would be 200 MiB, and one that promises 2^60 values.
    let line = |packed: &[u8]| {
        let mut encoded = 0x1c84_9314_u32.to_be_bytes().to_vec();
        encoded.extend(u32::try_from(packed.len()).expect("small").to_be_bytes());
        encoded.extend(packed);
        format!("0.0,1.0,1.0,{}\n", STANDARD.encode(encoded))
    };
    let zlib = |plain: &[u8]| {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(plain).expect("in memory");
        encoder.finish().expect("in memory")
    };
    let encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    let large = line(&packed(encoder, 200 << 20, ZlibEncoder::finish));
    let head = |payload: u32, digits: u32, least: u64| {
        let words = [0x1c84_9313, payload, 0, digits].map(u32::to_be_bytes);
        let mut plain = words.concat();
        plain.extend(least.to_be_bytes());
        plain.extend(u64::MAX.to_be_bytes());
        plain.extend(1_f64.to_be_bytes());
        plain
    };
    // 2^60 in sevens of bits, twice that for its sign.
    let counts = [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x20];
    let many = |payload, digits, least| {
        let mut plain = head(payload, digits, least);
        plain.extend(counts);
        line(&zlib(&plain))
    };
    let cases = [
        (large, "unpacks to more than any can hold"),
        (many(9, 3, 1), "counts too many values"),
        (many(u32::MAX, 3, 1), "counts are cut off"),
        (many(9, u32::MAX, 1), "a scale that none has"),
        (many(9, 3, u64::MAX), "a scale that none has"),
    ];
    let mut worst = frame_cost;
    for (text, reason) in cases {
        let (found, cost) = cost::of(|| Kind::Hlog.parse(text.as_bytes(), Nanos(1)));
        let said = found.expect_err("hostile");
        assert!(said.contains(reason), "{said}");
        assert!(cost.memory <= MOST_MEMORY, "{reason}: {cost:?}");
        worst = worst.max(cost);
    }
    println!(
        "A5: 6 bombs refused, at most {} MiB each",
        worst.memory >> 20
    );
}

#[test]
fn numbers_that_cannot_be_are_not_counted_with() {
    let histogram =
        |n: &str, b: &str| format!("{{\"n\":{n},\"sum\":1,\"min\":1,\"max\":1,\"b\":{b}}}");
    let empty = "{\"n\":0,\"sum\":0,\"min\":0,\"max\":0,\"b\":[]}";
    let interval = |phase: &str, due: &str, service: &str| {
        format!(
            "{{\"round\":0,\"start\":0,\"length\":1000000000,\"in_flight\":0,\"cells\":[{{\"phase\":{phase},\"step\":0,\
             \"tally\":{{\"due\":{due},\"sent\":0,\"unsent\":0,\"answered\":0,\"failures\":{{}},\"bytes_in\":0,\"bytes_out\":0}},\
             \"latency\":{{\"ok\":{empty},\"failed\":0}},\"service\":{service},\"lateness\":{empty},\"wait\":{empty}}}]}}"
        )
    };
    let two_to_60 = (1_u64 << 60).to_string();
    let good = log_with(&frame_of(0, 1, interval("0", "1", empty).as_bytes()));
    assert_eq!(good.expect("a frame like ours").intervals.len(), 1);
    let cases = [
        (interval("9", "1", empty), "there is no phase 9"),
        (interval("0", &two_to_60, empty), "is not plausible"),
        (
            interval(
                "0",
                "1",
                &histogram(&two_to_60, &format!("[1,{two_to_60}]")),
            ),
            "is not plausible",
        ),
        (
            interval("0", "1", &histogram("18446744073709551616", "[1,1]")),
            "a frame",
        ),
        (
            interval("0", "1", &histogram("2", "[1,1]")),
            "claims 2 values and holds 1",
        ),
        (
            interval("0", "1", &histogram("1", "[3,1]")),
            "lies outside its buckets",
        ),
        (
            interval("0", "1", &histogram("1", "[18446744073709551615,1,1,1]")),
            "out of range",
        ),
        (
            interval(
                "0",
                "1",
                &histogram("1", &format!("[{}1]", "1,".repeat(200_000))),
            ),
            "at most",
        ),
    ];
    for (json, reason) in cases {
        let (found, cost) = cost::within(MOST_CPU, || log_with(&frame_of(0, 1, json.as_bytes())));
        let error = found.expect_err(reason);
        assert!(
            matches!(error, StoreError::Damaged { offset: 48, .. }),
            "{error}"
        );
        assert!(
            reason == "a frame" || error.to_string().contains(reason),
            "{error}"
        );
        assert!(cost.memory <= MOST_MEMORY, "{cost:?}");
    }
}

/// Says why a file is refused.
type Refusal = Box<dyn Fn() -> Option<StoreError>>;

/// A file of each kind, with what reads it.
fn kinds(root: &Path) -> Vec<(PathBuf, Refusal)> {
    let root = root.to_owned();
    let run = root.join("reports/bench/20261125T123056Z-638d5c7a");
    let ledger = Ledger::new(&root, "checkout").expect("a name");
    let profiled = run.clone();
    vec![
        (
            run.join("manifest.json"),
            Box::new(move || runs::read(&run).err()),
        ),
        (
            profiled.join("profile.json"),
            Box::new(move || runs::read_profiles(&profiled).err()),
        ),
        (
            root.join("baselines/checkout/HEAD.json"),
            Box::new(move || ledger.load().err()),
        ),
    ]
}

#[test]
fn a_schema_that_is_newer_or_never_was_is_refused() {
    let root = copy("v2");
    for (path, read) in kinds(root.path()) {
        let text = fs::read_to_string(&path).expect("a file");
        let with = |schema: &str| {
            let changed = text.replacen("\"schema\": 2", &format!("\"schema\": {schema}"), 1);
            assert_ne!(changed, text);
            fs::write(&path, changed).expect("writes");
            read()
        };
        for schema in ["3", "4294967296", "18446744073709551615"] {
            let error = with(schema).expect("refused");
            assert!(
                matches!(error, StoreError::Newer { known: 2, .. }),
                "{error}"
            );
            assert_eq!(error.diagnostic().code.id, "PL0205");
        }
        let is_derived = path.ends_with("HEAD.json");
        for schema in ["0", "-1", "\"2\"", "2.5", "null", "18446744073709551616"] {
            match with(schema) {
                Some(StoreError::Damaged { path: named, .. }) => assert_eq!(named, path),
                None if is_derived => {}
                other => panic!("{}: schema {schema}: {other:?}", path.display()),
            }
        }
        fs::write(&path, text).expect("writes");
        assert!(read().is_none());
    }
    // A level and an acceptance are named by their content.
    for kind in ["levels", ""] {
        let root = tempfile::tempdir().expect("a folder");
        let folder = root.path().join("baselines/checkout").join(kind);
        fs::create_dir_all(&folder).expect("a folder");
        let text = b"{\"schema\": 3}";
        let name = hex(&sha2::Sha256::digest(text));
        fs::write(folder.join(format!("{name}.json")), text).expect("writes");
        let found = if kind.is_empty() {
            let ledger = Ledger::new(root.path(), "checkout").expect("a name");
            ledger.load().err()
        } else {
            levels::accepted(root.path(), "checkout").err()
        };
        assert!(
            matches!(found, Some(StoreError::Newer { found: 3, .. })),
            "{found:?}"
        );
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// One of each schema that ever was, as it was written then.
#[test]
fn every_schema_that_was_ever_written_is_read() {
    let ledger = |schema: &str| {
        let ledger = Ledger::new(&golden(schema), "checkout").expect("a name");
        (ledger.load().expect("reads").expect("is there"), ledger)
    };
    let reasons = |baseline: &Baseline| -> Vec<String> {
        let members = baseline.members.iter();
        members.map(|(_, a)| a.reason.clone()).collect()
    };
    let (one, _) = ledger("v1");
    assert_eq!((one.revision, one.members.len()), (2, 1));
    assert_eq!(one.members[0].1.schema, 1);
    let (two, verified) = ledger("v2");
    assert_eq!(reasons(&two), ["begins anew", "confirmed and added"]);
    assert_eq!((two.revision, two.sessions()), (4, 2));
    let verified = verified.verify().expect("lists");
    assert!(verified.faults.is_empty(), "{:?}", verified.faults);
    assert_eq!((verified.acceptances, verified.pruned), (2, 1));

    let manifest = |dir: &str| -> Manifest { runs::manifest(&golden(dir)).expect("reads") };
    assert_eq!(manifest(&format!("v1/{RUN}")).schema, 1);
    let bench = "reports/bench/20261125T123056Z-638d5c7a";
    assert_eq!(manifest(&format!("v2/{bench}")).schema, 2);

    let profiles = |schema: &str| -> Profiles {
        runs::read_profiles(&golden(schema).join(bench)).expect("reads")
    };
    assert_eq!(profiles("v1"), profiles("v2"));
    assert_eq!(profiles("v1").taken[0].stacks.total(), 103);

    for schema in ["v1", "v2"] {
        let kept = instrument::kept(&golden(schema), "two cores").expect("reads");
        assert_eq!(kept.errors["p99"], Nanos(50_000), "{schema}");
        let accepted = levels::accepted(&golden("v1"), "checkout").expect("reads");
        assert_eq!(accepted[0].1.levels[0].values, [0.1 + 0.2]);
    }
}
