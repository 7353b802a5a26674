//! What the next arrival costs a worker.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use plimsoll::scenario::plan::{
    Arrivals, Expect, Load, Phase, Plan, Profile, Ready, Request, Step, Target, Timeouts, Url,
};
use plimsoll::schedule::{Lanes, Schedule};
use plimsoll::units::{Nanos, Rate};

fn plan(profile: Profile, arrivals: Arrivals, weights: &[u32]) -> Plan {
    let step = |&weight| Step {
        name: "step".to_owned(),
        weight,
        request: Request {
            method: "GET".to_owned(),
            path: "/".to_owned(),
            headers: Vec::new(),
            body: Vec::new(),
        },
        expect: Expect {
            status: Vec::new(),
            body_contains: None,
            json: Vec::new(),
        },
    };
    Plan {
        name: "bench".to_owned(),
        description: String::new(),
        seed: 42,
        target: Target {
            url: Url {
                host: "127.0.0.1".to_owned(),
                port: 80,
                base: String::new(),
            },
            command: None,
            ready: Ready {
                get: None,
                within: Nanos::SECOND,
            },
            timeouts: Timeouts {
                connect: Nanos::SECOND,
                first_byte: Nanos::SECOND,
                total: Nanos::SECOND,
            },
            connections: 50,
        },
        steps: weights.iter().map(step).collect(),
        phases: vec![Phase {
            name: "steady".to_owned(),
            load: Load::Rate { profile, arrivals },
            duration: Nanos::from_secs(3600),
            warm_up: false,
        }],
        thresholds: Vec::new(),
        source: String::new(),
        file: None,
    }
}

fn next_arrival(c: &mut Criterion) {
    let constant = Profile::Constant(Rate(1e6));
    let ramp = Profile::Ramp {
        from: Rate(1e5),
        to: Rate(2e6),
    };
    let mut group = c.benchmark_group("next arrival");
    for (name, plan) in [
        ("poisson", plan(constant, Arrivals::Poisson, &[1])),
        (
            "poisson, four steps",
            plan(constant, Arrivals::Poisson, &[1, 2, 3, 4]),
        ),
        ("poisson ramp", plan(ramp, Arrivals::Poisson, &[1])),
        ("even", plan(constant, Arrivals::Constant, &[1])),
    ] {
        let mut schedule = Schedule::new(&plan, Lanes::all());
        group.bench_function(name, |b| b.iter(|| black_box(schedule.next())));
    }
    group.finish();
}

criterion_group!(benches, next_arrival);
criterion_main!(benches);
