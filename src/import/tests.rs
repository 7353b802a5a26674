//! The tools' own numbers must come back, and no bytes may do harm.

use std::path::PathBuf;

use proptest::prelude::*;

use super::measured::Measured;
use super::{Imported, Kind, Rounds, assemble, read};
use crate::diagnostic::render;
use crate::judge;
use crate::model::{Distribution, ErrorClass, Estimate, Metric, Round, Scope, Stat};
use crate::units::Nanos;

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data/import")
        .join(name)
}

/// The fixtures as the rounds of one run, and the kind they were taken for.
fn imported(names: &[&str]) -> (Kind, Imported) {
    let paths: Vec<PathBuf> = names.iter().map(|name| path(name)).collect();
    let Rounds { kind, rounds } = read(None, &paths, Nanos(1), &mut |_| ()).expect("reads");
    let imported = assemble(&rounds, "x", "2026-01-01T00:00:00Z").expect("fits together");
    (kind, imported)
}

/// The value of the first round.
fn value(run: &Imported, metric: Metric, step: Option<&str>) -> f64 {
    let scope = Scope {
        step: step.map(str::to_owned),
        ..Scope::default()
    };
    match judge::value(metric, &scope, &run.rounds[0], &run.outline) {
        Estimate::Exact(value) => value,
        other => panic!("{metric} is {other:?}"),
    }
}

/// Within one part in so many, or a nanosecond.
#[track_caller]
fn close(ours: f64, theirs: f64, parts: f64) {
    let allowed = (theirs.abs() / parts).max(1.0);
    assert!((ours - theirs).abs() <= allowed, "{ours} is not {theirs}");
}

fn time(stat: Stat) -> Metric {
    Metric::ServiceTime(stat)
}

fn due(round: &Round) -> u64 {
    round.cells.iter().map(|c| c.tally.due).sum()
}

fn failed(round: &Round, class: ErrorClass) -> u64 {
    let cells = round.cells.iter();
    cells.map(|c| c.tally.failures.count(class)).sum()
}

fn gates(run: &Imported) -> Vec<String> {
    let all = run.outline.thresholds.iter();
    all.map(|t| format!("{}{}", t.metric, t.scope)).collect()
}

fn text(name: &str) -> String {
    std::fs::read_to_string(path(name)).expect("a fixture")
}

#[test]
fn wrk_says_what_it_printed() {
    let (kind, run) = imported(&["wrk/wrk-1.txt", "wrk/wrk-2.txt", "wrk/wrk-3.txt"]);
    assert_eq!((kind, run.rounds.len()), (Kind::Wrk, 3));
    assert_eq!(run.outline.target.url, "http://127.0.0.1:18099/");
    assert_eq!(
        run.outline.phases[0].load,
        "1 threads and 2 connections for 1s"
    );
    for (stat, ns) in [
        (Stat::Mean, 199_010.0),
        (Stat::P50, 184_000.0),
        (Stat::P90, 238_000.0),
        (Stat::P99, 313_000.0),
        (Stat::Max, 1_890_000.0),
    ] {
        close(value(&run, time(stat), None), ns, 1e9);
    }
    assert!((value(&run, Metric::ThroughputOk, None) - 10_027.16).abs() < 1e-6);
    assert!(value(&run, Metric::ErrorsRate, None) < 1e-9);
    assert_eq!(due(&run.rounds[0]), 10_030);
    let expected = ["service-time.p50", "service-time.p99", "throughput.ok"];
    assert_eq!(gates(&run), expected);
}

#[test]
fn wrk_without_percentiles_and_with_failures() {
    let (_, run) = imported(&["wrk/wrk-errors.txt"]);
    close(value(&run, time(Stat::Mean), None), 316_860.0, 1e9);
    assert_eq!(failed(&run.rounds[0], ErrorClass::StatusOther), 29_159);
    assert!((value(&run, Metric::ErrorsRate, None) - 1.0).abs() < 1e-12);
    assert!(value(&run, Metric::ThroughputOk, None).abs() < 1e-12);
    assert_eq!(gates(&run), ["service-time.mean", "throughput.ok"]);
}

#[test]
fn oha_says_the_same_as_json_and_as_it_printed() {
    let (kind, run) = imported(&["oha/oha.json"]);
    assert_eq!(kind, Kind::Oha);
    for (stat, seconds) in [
        (Stat::Mean, 0.000_212_186_77),
        (Stat::P50, 0.000_185_989),
        (Stat::P90, 0.000_207_068),
        (Stat::P95, 0.000_236_864),
        (Stat::P99, 0.002_208_671),
        (Stat::Max, 0.004_198_753),
    ] {
        close(value(&run, time(stat), None), seconds * 1e9, 1e9);
    }
    assert!((value(&run, Metric::ThroughputOk, None) - 8_790.843).abs() < 1e-3);
    assert_eq!(due(&run.rounds[0]), 400);
    let (kind, run) = imported(&["oha/oha.txt"]);
    assert_eq!(kind, Kind::Oha);
    for (stat, ms) in [
        (Stat::Mean, 0.2324),
        (Stat::P50, 0.2222),
        (Stat::P90, 0.3206),
        (Stat::P95, 0.3300),
        (Stat::P99, 0.3750),
        (Stat::P999, 4.0237),
        (Stat::Max, 4.0237),
    ] {
        close(value(&run, time(stat), None), ms * 1e6, 1e9);
    }
    assert!((value(&run, Metric::ThroughputOk, None) - 8_202.452_4).abs() < 1e-6);
    assert_eq!(due(&run.rounds[0]), 400);
}

#[test]
fn statuses_that_failed_are_no_answers_of_oha() {
    for name in ["oha/oha-errors.json", "oha/oha-errors.txt"] {
        let (_, run) = imported(&[name]);
        assert_eq!(failed(&run.rounds[0], ErrorClass::Status4xx), 50, "{name}");
        assert!(value(&run, Metric::ThroughputOk, None).abs() < 1e-12);
    }
}

#[test]
fn k6_says_the_same_in_both_forms_of_its_summary() {
    let (kind, run) = imported(&["k6/k6-summary-export.json"]);
    assert_eq!(kind, Kind::K6);
    // As printed: avg=506.15µs med=363.18µs max=4.31ms p(90)=637.82µs p(95)=1.25ms p(99)=4.03ms
    for (stat, ms) in [
        (Stat::Mean, 0.506_157_774),
        (Stat::P50, 0.363_185_5),
        (Stat::P90, 0.637_826_3),
        (Stat::P95, 1.254_803_95),
        (Stat::P99, 4.033_133_37),
        (Stat::Max, 4.314_089),
    ] {
        close(value(&run, time(stat), None), ms * 1e6, 1e9);
    }
    assert_eq!(due(&run.rounds[0]), 62);
    assert_eq!(failed(&run.rounds[0], ErrorClass::StatusOther), 2);
    let ok = value(&run, Metric::ThroughputOk, None);
    assert!((ok - 3_234.148_097 * 60.0 / 62.0).abs() < 1e-4, "{ok}");
    assert!(text("k6/k6-summary-export.txt").contains("3.22%  2 out of 62"));
    let (kind, run) = imported(&["k6/k6-handle-summary.json"]);
    assert_eq!(kind, Kind::K6);
    let ok = value(&run, Metric::ThroughputOk, None);
    assert!((ok - 3_569.798_514 * 60.0 / 62.0).abs() < 1e-4, "{ok}");
    assert_eq!(run.outline.phases[0].duration, Nanos(17_367_927));
    assert_eq!(due(&run.rounds[0]), 62);
}

#[test]
fn hyperfine_keeps_every_execution() {
    let names = ["hyperfine/hyperfine-1.json", "hyperfine/hyperfine-2.json"];
    let (kind, run) = imported(&names);
    assert_eq!((kind, run.rounds.len()), (Kind::Hyperfine, 2));
    assert_eq!(run.outline.steps, ["sleep 0.005", "seq 20000"]);
    let of = |metric, step| value(&run, metric, Some(step));
    close(of(time(Stat::Mean), "sleep 0.005"), 6_186_341.96, 1e9);
    close(of(time(Stat::Mean), "seq 20000"), 1_144_694.92, 1e9);
    close(of(time(Stat::Max), "sleep 0.005"), 7_374_949.0, 1e9);
    close(of(time(Stat::P50), "sleep 0.005"), 6_136_005.0, 1e3);
    close(of(Metric::CpuPerRequest, "sleep 0.005"), 949_680.0, 1e9);
    let least = run.rounds[0].cells[0].service.min();
    assert_eq!(least, Nanos(5_988_249));
    assert_eq!(due(&run.rounds[0]), 50);
    let expected = [
        "service-time.mean [step sleep 0.005]",
        "service-time.mean [step seq 20000]",
    ];
    assert_eq!(gates(&run), expected);
}

#[test]
fn criterion_gives_the_middle_of_what_it_printed() {
    let names = [
        "criterion/round-1",
        "criterion/round-2",
        "criterion/round-3",
    ];
    let (kind, run) = imported(&names);
    assert_eq!((kind, run.rounds.len()), (Kind::Criterion, 3));
    assert_eq!(run.outline.steps, ["fib/10", "fib/15", "fib/flat 12"]);
    let slope = super::benchmarks::slope().expect("a name");
    // fib/10  time: [136.35 ns 137.76 ns 141.60 ns]
    assert!((value(&run, slope, Some("fib/10")) - 137.76).abs() < 0.005);
    // fib/15  time: [1.5422 µs 1.5446 µs 1.5478 µs]
    assert!((value(&run, slope, Some("fib/15")) - 1544.6).abs() < 0.05);
    // fib/flat 12  time: [358.13 ns 361.16 ns 364.71 ns], without a slope
    assert!((value(&run, time(Stat::Mean), Some("fib/flat 12")) - 361.16).abs() < 0.005);
    let expected = [
        "slope [step fib/10]",
        "slope [step fib/15]",
        "service-time.mean [step fib/flat 12]",
    ];
    assert_eq!(gates(&run), expected);
}

#[test]
fn jmeter_gives_what_its_summariser_printed() {
    // summary =    160 in   0.2s =  704.8/s Avg:     1 Min:     0 Max:    35 Err:    80 (50.00%)
    let (kind, run) = imported(&["jmeter/jmeter.jtl"]);
    let round = &run.rounds[0];
    assert_eq!(kind, Kind::Jmeter);
    assert_eq!(run.outline.steps, ["home, page", "nothing"]);
    assert_eq!(
        (due(round), failed(round, ErrorClass::Status4xx)),
        (160, 80)
    );
    // From the first sample to the end of the last: the summariser counts from the test's start.
    let lasted = run.outline.phases[0].duration.as_secs_f64();
    assert!((0.15..0.25).contains(&lasted), "{lasted}");
    close(value(&run, Metric::ThroughputOk, None), 80.0 / lasted, 1e9);
    let mut all = Distribution::default();
    round.cells.iter().for_each(|c| all.merge(&c.service));
    assert_eq!(
        (all.min(), all.max()),
        (Nanos::ZERO, Nanos::from_millis(35))
    );
    assert!((1e6..2e6).contains(&all.mean().expect("some")));
    assert!((value(&run, Metric::ErrorsRate, None) - 0.5).abs() < 1e-12);
}

/// `untagged count=2000 min=425984 mean=2324150.208 p50=2054143`
fn told<'t>(line: &'t str, what: &str) -> f64 {
    let fields: Vec<&'t str> = line.split_whitespace().collect();
    let field = fields
        .iter()
        .find_map(|f| f.strip_prefix(what)?.strip_prefix('='));
    field.and_then(|f| f.parse().ok()).expect(what)
}

#[test]
fn histograms_of_a_log_come_back_to_the_precision_they_were_recorded_in() {
    let (kind, run) = imported(&["hlog/java.hlog"]);
    assert_eq!(kind, Kind::Hlog);
    assert_eq!(run.started_at.as_deref(), Some("2025-11-25T12:00:00Z"));
    assert_eq!(run.outline.steps, ["all", "search"]);
    assert_eq!(run.outline.phases[0].duration, Nanos::from_secs(5));
    assert!((value(&run, Metric::ThroughputOk, None) - 800.0).abs() < 1e-6);
    for (line, cell) in text("hlog/java.hlog.txt").lines().zip(&run.rounds[0].cells) {
        let service = &cell.service;
        close(service.count() as f64, told(line, "count"), 1e9);
        close(service.mean().expect("some"), told(line, "mean"), 1e4);
        for (q, what) in [(0.5, "p50"), (0.9, "p90"), (0.95, "p95"), (0.99, "p99")] {
            let ours = service.quantile(q).expect("some");
            close(ours.0 as f64, told(line, what), 1e3);
        }
        close(service.max().0 as f64, told(line, "max"), 1e3);
        close(service.min().0 as f64, told(line, "min"), 1e3);
    }
    let (_, run) = imported(&["hlog/js.hlog"]);
    let line = text("hlog/js.hlog.txt");
    let service = &run.rounds[0].cells[0].service;
    close(service.count() as f64, told(&line, "count"), 1e9);
    // Two digits were recorded.
    close(service.mean().expect("some"), told(&line, "mean"), 1e3);
    for (q, what) in [(0.5, "p50"), (0.9, "p90"), (0.99, "p99")] {
        let ours = service.quantile(q).expect("some");
        close(ours.0 as f64, told(&line, what), 1e2);
    }
}

#[test]
fn values_of_a_log_are_in_the_unit_that_is_said() {
    let paths = [path("hlog/java.hlog")];
    let longest = |unit| -> f64 {
        let rounds = read(None, &paths, unit, &mut |_| ()).expect("reads").rounds;
        let imported = assemble(&rounds, "x", "").expect("one round");
        imported.rounds[0].cells[0].service.max().0 as f64
    };
    close(longest(Nanos(1000)), longest(Nanos(1)) * 1000.0, 1e3);
}

#[test]
fn what_fits_nothing_is_refused_in_words() {
    let refused = |kind, names: &[&str]| {
        let paths: Vec<PathBuf> = names.iter().map(|name| path(name)).collect();
        let found = match read(kind, &paths, Nanos(1), &mut |_| ()) {
            Err(found) => found,
            Ok(read) => vec![assemble(&read.rounds, "x", "").expect_err("mixed")],
        };
        render(&found, false)
    };
    assert!(refused(None, &["README.md"]).contains("PL0709"));
    assert!(refused(None, &["gone.txt"]).contains("PL0701"));
    let broken = refused(Some(Kind::Wrk), &["oha/oha.txt", "hlog/js.hlog"]);
    assert_eq!(broken.matches("PL0710").count(), 2, "{broken}");
    let mixed = refused(None, &["wrk/wrk-1.txt", "oha/oha.txt"]);
    assert!(
        mixed.contains("PL0711") && mixed.contains("another tool"),
        "{mixed}"
    );
    let mixed = refused(None, &["wrk/wrk-1.txt", "wrk/wrk-errors.txt"]);
    assert!(mixed.contains("another load"), "{mixed}");
    assert!(refused(None, &["hlog"]).contains("no new/estimates.json"));
}

/// A file of each kind.
const FILES: [(Kind, &str); 9] = [
    (Kind::Wrk, "wrk/wrk-1.txt"),
    (Kind::Oha, "oha/oha.txt"),
    (Kind::Oha, "oha/oha-errors.json"),
    (Kind::Hyperfine, "hyperfine/hyperfine-1.json"),
    (Kind::K6, "k6/k6-summary-export.json"),
    (Kind::K6, "k6/k6-handle-summary.json"),
    (Kind::Hlog, "hlog/java.hlog"),
    (Kind::Hlog, "hlog/js.hlog"),
    (Kind::Jmeter, "jmeter/jmeter.jtl"),
];

/// Whatever was read must be storable and judged without a panic.
fn harmless(kind: Kind, bytes: &[u8]) {
    let Ok(measured) = kind.parse(bytes, Nanos(1)) else {
        return;
    };
    let rounds: Vec<(String, Measured)> = vec![("x".into(), measured)];
    let run = assemble(&rounds, "x", "").expect("one round");
    for metric in Metric::all() {
        let _ = judge::value(metric, &Scope::default(), &run.rounds[0], &run.outline);
    }
    assert!(run.rounds[0].given.iter().all(|g| g.value.is_finite()));
    assert!(run.rounds[0].cells.iter().all(|c| c.tally.conserves()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_file_that_was_damaged_does_no_harm(
        which in 0..FILES.len(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        cut in any::<prop::sample::Index>(),
        whole in any::<bool>(),
    ) {
        let (kind, name) = FILES[which];
        let mut bytes = std::fs::read(path(name)).expect("a fixture");
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if !whole {
            bytes.truncate(cut.index(bytes.len()));
        }
        harmless(kind, &bytes);
    }

    #[test]
    fn any_bytes_do_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Kind::of(&bytes);
        for kind in Kind::ALL {
            harmless(kind, &bytes);
        }
    }

    #[test]
    fn any_histogram_does_no_harm(
        payload in prop::collection::vec(any::<u8>(), 0..120),
        digits in 0_u32..7,
        least in prop_oneof![0_u64..3, any::<u64>()],
    ) {
        use base64::Engine;
        use std::io::Write;
        let mut plain = 0x1c84_9313_u32.to_be_bytes().to_vec();
        plain.extend(u32::try_from(payload.len()).expect("short").to_be_bytes());
        plain.extend(0_u32.to_be_bytes());
        plain.extend(digits.to_be_bytes());
        plain.extend(least.to_be_bytes());
        plain.extend(u64::MAX.to_be_bytes());
        plain.extend(1.0_f64.to_be_bytes());
        plain.extend(payload);
        let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        zlib.write_all(&plain).expect("in memory");
        let packed = zlib.finish().expect("in memory");
        let mut bytes = 0x1c84_9314_u32.to_be_bytes().to_vec();
        bytes.extend(u32::try_from(packed.len()).expect("short").to_be_bytes());
        bytes.extend(packed);
        let encoded = base64::engine::general_purpose::STANDARD.encode(bytes);
        harmless(Kind::Hlog, format!("0.0,1.0,5.0,{encoded}\n").as_bytes());
    }
}
