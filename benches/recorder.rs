//! Cost of recording a value, of handing an interval over, and of merging it into the round.

use std::hint::black_box;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use plimsoll::model::Distribution;
use plimsoll::recorder::Dense;
use plimsoll::units::Nanos;

/// Latencies around a millisecond with a long tail, the same each time (a Weyl sequence).
fn latencies() -> impl Iterator<Item = Nanos> {
    (1_u64..).map(|i| {
        let spread = i.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 44;
        Nanos(800_000 + spread * if i % 100 == 0 { 50 } else { 1 })
    })
}

fn filled(n: usize) -> Dense {
    let mut dense = Dense::new();
    latencies().take(n).for_each(|v| dense.record(v));
    dense
}

fn recorder(c: &mut Criterion) {
    let mut dense = Dense::new();
    let mut values = latencies();
    c.bench_function("recorder/record", |b| {
        b.iter(|| dense.record(values.next().expect("endless")));
    });
    let full = filled(10_000);
    c.bench_function("recorder/drain 10,000 values", |b| {
        b.iter_batched_ref(|| full.clone(), Dense::drain, BatchSize::SmallInput);
    });
    let interval = filled(10_000).drain();
    let round = filled(1_000_000).drain();
    c.bench_function("recorder/merge an interval into a round", |b| {
        b.iter_batched_ref(
            || round.clone(),
            |sum: &mut Distribution| sum.merge(black_box(&interval)),
            BatchSize::SmallInput,
        );
    });
}

criterion_group!(benches, recorder);
criterion_main!(benches);
