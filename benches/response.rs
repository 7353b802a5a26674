//! What an answer costs a worker, from its bytes to `Done`.

use std::fmt::Write;
use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use plimsoll::protocol::{Look, ResponseParser};

const HEAD: &str = "HTTP/1.1 200 OK\r\nServer: nginx/1.26.3\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\n\
    Content-Type: text/html; charset=utf-8\r\nLast-Modified: Thu, 01 Jan 1970 00:00:00 GMT\r\n\
    Connection: keep-alive\r\nETag: \"5f2b1c2d-264\"\r\nVary: accept-encoding\r\n\
    Cache-Control: max-age=3600\r\nAccept-Ranges: bytes\r\n";

fn answers(c: &mut Criterion) {
    let mut chunked = format!("{HEAD}transfer-encoding: chunked\r\n\r\n");
    for _ in 0..8 {
        let _ = write!(chunked, "80\r\n{}\r\n", "x".repeat(128));
    }
    chunked.push_str("0\r\n\r\n");
    let short = format!("{HEAD}content-length: 2\r\n\r\nok");

    let mut group = c.benchmark_group("answer");
    for (name, text) in [("ten fields", &short), ("eight chunks", &chunked)] {
        let mut parser = ResponseParser::default();
        group.bench_function(name, |b| {
            b.iter(|| {
                parser.begin(Look::default());
                black_box(parser.feed(black_box(text.as_bytes())))
            });
        });
    }
    group.bench_function("torn head", |b| {
        let mut parser = ResponseParser::default();
        let (first, second) = short.as_bytes().split_at(100);
        b.iter(|| {
            parser.begin(Look::default());
            let _ = black_box(parser.feed(black_box(first)));
            black_box(parser.feed(black_box(second)))
        });
    });
    group.finish();
}

criterion_group!(benches, answers);
criterion_main!(benches);
