//! Any bytes, and files of the repository with some of theirs changed: no parser panics, and what one
//! accepts is what it says. Seeded; a fuzzer goes on from here in `fuzz/`.

#![expect(
    clippy::print_stdout,
    reason = "the figures of a promise are told where it is tested"
)]

use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{Rng, SeedableRng};

use crate::entries::{ENTRIES, parse};

/// What each parser is fed to begin with: files of the repository, and small ones of their kind.
const CORPUS: &[(&str, &[&[u8]])] = &[
    (
        "run_log",
        &[
            include_bytes!("../data/store/v1/reports/checkout/20261122T090000Z-9f3c1a2b/run.plog"),
            b"\x00\x04{\"index\":0,\"arm\":\"now\",\"pair\":0,\"started_at\":\"x\"}\0\x01{\"round\":0,\"start\":0,\"length\":1000000000,\"cells\":[],\"in_flight\":0}\0\xff{}",
        ],
    ),
    (
        "baseline",
        &[include_bytes!(
            "../data/store/v1/baselines/checkout/95c7eda441ae1db7c644662d7c6a9a2a1cc1bae87c7098302e494d617c95c011.json"
        )],
    ),
    (
        "scenario",
        &[
            b"name = \"x\"\n[target]\nurl = \"http://127.0.0.1:1\"\n[[step]]\nname = \"a\"\nrequest = \"GET /\"\n[[phase]]\nname = \"p\"\nrate = \"10/s\"\nduration = \"1s\"\n",
            b"allow-hosts = [\"a.example\"]\n[check]\nmax-rounds = 7\ntime-budget = \"5m\"\n[report]\noutputs = [\"out/report.html\", \"md:x\"]\n[target]\ntimeouts = { total = \"3s\" }\n",
            b"latency.p99 step pay max-change +10% min-change 2 ms over 10s abort",
        ],
    ),
    (
        "http_head",
        &[
            b"\x07HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: keep-alive\r\n\r\nabcHTTP",
            b"\x03HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=\"y\"\r\nabc\r\n0\r\nA: b\r\n\r\n",
        ],
    ),
    (
        "prometheus_text",
        &[
            b"# TYPE a counter\na{b=\"c\\n\\\"\\\\\",d=\"e\"} 1 1395066363000\nb_bucket{le=\"+Inf\"} 2 # {t=\"u\"} 0.1\n# EOF\n",
        ],
    ),
    (
        "promql",
        &[
            b"sum by (job) (rate(http_requests_total{code=~\"5..\"}[1m:10s] offset 5s)) / on (job) group_left 2 > bool -1 and vector(1)",
            b"histogram_quantile(0.99, sum without (x) (rate(a_bucket[5m]))) ^ 2 unless absent(b @ end())",
        ],
    ),
    (
        "rule_file",
        &[
            b"groups:\n  - name: g\n    interval: 1s\n    rules:\n      - alert: A\n        expr: up == 0\n        for: 5s\n        labels: {severity: page}\n        annotations:\n          summary: \"{{ $labels.x }} is {{ $value }}\"\n",
        ],
    ),
    (
        "import",
        &[
            include_bytes!("../data/import/hlog/js.hlog"),
            include_bytes!("../data/import/hyperfine/hyperfine-1.json"),
            include_bytes!("../data/import/k6/k6-summary-export.json"),
            include_bytes!("../data/import/oha/oha.json"),
            include_bytes!("../data/import/oha/oha.txt"),
            include_bytes!("../data/import/wrk/wrk-errors.txt"),
            b"timeStamp,elapsed,label,responseCode,success,bytes\n1,2,a,200,true,3\n",
            b"latency.p99,build:higher\n1 ms,2\n3 ms,\"4\"\n",
        ],
    ),
    (
        "histogram",
        &[b"{\"n\":3,\"sum\":6004,\"min\":1,\"max\":6002,\"b\":[1,2,5999,1]}"],
    ),
];

/// Pieces of which files of the kinds here are made.
const PIECES: [&[u8]; 40] = [
    b"\r\n",
    b"\n",
    b" ",
    b"\t",
    b"\"",
    b"\\",
    b"{",
    b"}",
    b"[",
    b"]",
    b"(",
    b")",
    b",",
    b":",
    b"=",
    b"#",
    b"-",
    b"+",
    b".",
    b"0",
    b"1e308",
    b"-1",
    b"18446744073709551615",
    b"9223372036854775808",
    b"NaN",
    b"inf",
    b"null",
    b"\xff",
    b"\xef\xbb\xbf",
    b"\xe2\x80\xae",
    b"\0",
    b"{{",
    b"}}",
    b"[[",
    b"]]",
    b"'''",
    b"\"\"\"",
    b"*x",
    b"&x",
    b"%00",
];

fn below(rng: &mut Xoshiro256PlusPlus, most: usize) -> usize {
    usize::try_from(rng.next_u64() % most.max(1) as u64).expect("small")
}

/// One of the files with a few changes, or bytes out of nowhere.
fn input(corpus: &[&[u8]], rng: &mut Xoshiro256PlusPlus) -> Vec<u8> {
    let mut bytes = if rng.next_u64().is_multiple_of(8) {
        (0..below(rng, 200))
            .map(|_| rng.next_u64().to_le_bytes()[0])
            .collect()
    } else {
        corpus[below(rng, corpus.len())].to_vec()
    };
    for _ in 0..below(rng, 6) {
        let at = below(rng, bytes.len() + 1);
        let end = (at + below(rng, 12)).min(bytes.len());
        match below(rng, 6) {
            0 => bytes.truncate(at),
            1 => drop(bytes.drain(at..end)),
            2 => drop(bytes.splice(at..end, PIECES[below(rng, PIECES.len())].iter().copied())),
            3 => drop(bytes.splice(at..at, bytes[at..end].to_vec().repeat(1 + below(rng, 40)))),
            4 => {
                let piece = PIECES[below(rng, PIECES.len())];
                drop(bytes.splice(at..at, piece.repeat(1 + below(rng, 60))));
            }
            _ => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = rng.next_u64().to_le_bytes()[0];
                }
            }
        }
    }
    bytes
}

fn fuzz(each: usize) {
    for (seed, entry) in ENTRIES.iter().enumerate() {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(7 + seed as u64);
        let found = CORPUS.iter().find(|(name, _)| *name == entry.name);
        let (_, corpus) = found.expect("something to begin with");
        for file in *corpus {
            (entry.parse)(file);
        }
        for turn in 0..each {
            let bytes = input(corpus, &mut rng);
            let parsed = std::panic::catch_unwind(|| (entry.parse)(&bytes));
            assert!(
                parsed.is_ok(),
                "{} {turn}: {:?}",
                entry.name,
                String::from_utf8_lossy(&bytes)
            );
        }
    }
    println!(
        "A5: {each} inputs for each of {} parsers, 0 panics",
        ENTRIES.len()
    );
}

#[test]
fn no_parser_panics_and_what_one_accepts_holds() {
    fuzz(600);
}

#[test]
#[ignore = "minutes: just promises-long"]
fn no_parser_panics_and_what_one_accepts_holds_long() {
    fuzz(60_000);
}

/// What fuzzers found.
#[test]
fn what_was_found_stays_mended() {
    for (name, bytes) in FOUND {
        parse(name, bytes);
    }
}

const FOUND: &[(&str, &[u8])] = &[
    // More nanoseconds than there are.
    (
        "rule_file",
        b"groups:\n  - name: g\n    interval: 1111111111111111s\n    rules:\n      - alert: A\n        expr: up == 0\n",
    ),
];
