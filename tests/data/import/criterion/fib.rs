use criterion::{criterion_group, criterion_main, BenchmarkId, Criterion};
use std::hint::black_box;
use std::time::Duration;
fn fib(n: u64) -> u64 { if n < 2 { n } else { fib(n - 1) + fib(n - 2) } }
fn bench(c: &mut Criterion) {
    let mut g = c.benchmark_group("fib");
    g.sample_size(20).warm_up_time(Duration::from_millis(200)).measurement_time(Duration::from_millis(500));
    for n in [10u64, 15] { g.bench_with_input(BenchmarkId::from_parameter(n), &n, |b, n| b.iter(|| fib(black_box(*n)))); }
    g.sampling_mode(criterion::SamplingMode::Flat);
    g.bench_function("flat 12", |b| b.iter(|| fib(black_box(12))));
    g.finish();
}
criterion_group!(benches, bench);
criterion_main!(benches);
