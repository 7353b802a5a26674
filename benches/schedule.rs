//! What the next arrival costs a worker.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use plimsoll::scenario::plan::{Arrivals, Load, Phase, Plan, Profile, Request, Step, Target, Url};
use plimsoll::schedule::{Lanes, Schedule};
use plimsoll::units::{Nanos, Rate};

fn plan(profile: Profile, arrivals: Arrivals, weights: &[u32]) -> Plan {
    let mut plan = Plan::new("bench", Target::at(Url::http("127.0.0.1", 80)));
    let step = Step::new("step", Request::new("GET", "/"));
    plan.set_steps(weights.iter().map(|w| (step.clone(), *w)).collect());
    let load = Load::Rate { profile, arrivals };
    plan.phases = vec![Phase::new("steady", load, Nanos::from_secs(3600))];
    plan
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
