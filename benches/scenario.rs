//! How long a scenario takes from text to plan.

use std::path::Path;

use criterion::{Criterion, criterion_group, criterion_main};
use plimsoll::diagnostic::SourceFile;
use plimsoll::scenario::parse;

fn parse_checkout(c: &mut Criterion) {
    let file = SourceFile {
        name: "checkout.toml".to_owned(),
        text: include_str!("../scenarios/checkout.toml").into(),
    };
    c.bench_function("scenario/parse checkout", |b| {
        b.iter(|| parse(&file, Path::new("scenarios"), &|_| None).expect("the scenario is valid"));
    });
}

criterion_group!(benches, parse_checkout);
criterion_main!(benches);
