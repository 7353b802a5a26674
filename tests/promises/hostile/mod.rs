//! A hostile target cannot hang, crash, bloat or mislead us.
//!
//! Each behaviour has a name and a server of raw sockets that does what the name says. The real
//! program is put against it with one connection and then, in the same run, with five hundred, while
//! healthy requests are made beside them: of another path of the same server or, where the behaviour
//! comes before any path is said, on other connections to it.

#![expect(
    clippy::print_stdout,
    reason = "figures, for whoever reads what the tests say"
)]

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use plimsoll::mutant::Mutant;
use plimsoll::units::Nanos;

use self::behaviour::{Behaviour, Beside, Speech, WELL};
use self::trial::{HANGING, Seen, Shape};

mod behaviour;
mod bodies;
mod doors;
mod follows;
mod frames;
mod heads;
mod leaks;
mod names;
mod policies;
mod secure;
mod server;
mod trial;

#[cfg_attr(
    not(feature = "mutants"),
    expect(dead_code, reason = "read by mutants")
)]
pub(crate) const KILLS: &[(Mutant, &str)] = &[
    (
        Mutant::TurnWithoutEnd,
        "hostile::policies::whoever_sends_without_end_has_one_turn",
    ),
    (
        Mutant::Http2ChatterWithoutEnd,
        "hostile::policies::over_http_2_what_is_no_body_has_an_end",
    ),
    (
        Mutant::HeadWithoutEnd,
        "hostile::policies::a_head_has_an_end",
    ),
    (
        Mutant::FieldsWithoutEnd,
        "hostile::policies::a_head_has_an_end",
    ),
    (
        Mutant::InterimWithoutEnd,
        "hostile::policies::a_head_has_an_end",
    ),
    (
        Mutant::BodyIsKeptWhole,
        "hostile::policies::a_body_is_kept_in_part",
    ),
    (
        Mutant::GzipWithoutEnd,
        "hostile::policies::gzip_is_unpacked_when_asked_for_and_to_so_much",
    ),
    (
        Mutant::GzipUnasked,
        "hostile::policies::gzip_is_unpacked_when_asked_for_and_to_so_much",
    ),
    (
        Mutant::RedirectAnywhere,
        "hostile::no_redirect_leads_elsewhere",
    ),
    (
        Mutant::SurplusIsForgiven,
        "hostile::a_connection_with_a_surplus_is_destroyed",
    ),
    (
        Mutant::ConnectWithoutEnd,
        "hostile::each_state_has_its_own_timeout",
    ),
    (
        Mutant::HandshakeWithoutEnd,
        "hostile::each_state_has_its_own_timeout",
    ),
    (
        Mutant::SilenceWithoutEnd,
        "hostile::each_state_has_its_own_timeout",
    ),
    (
        Mutant::AnswerWithoutEnd,
        "hostile::each_state_has_its_own_timeout",
    ),
];

/// What the memory of the program may grow by, in KiB.
const GROWTH: u64 = 64 * 1024;

/// Runs at once.
const AT_ONCE: usize = 4;

/// Patience of the runs that are made again, alone, before the program and not the machine is to blame.
const AGAIN: [u64; 2] = [2, 4];

/// Five hundred hostile requests in half a second, and a hundred others.
const SHORT: Shape = Shape {
    phase: Nanos::from_millis(500),
    rate: 1200,
    users: 0,
    service: Duration::ZERO,
    patience: 1,
    apart: false,
};

/// A tenth of it, for what does not depend on numbers.
const FEW: Shape = Shape {
    phase: Nanos::from_millis(500),
    rate: 120,
    users: 0,
    service: Duration::ZERO,
    patience: 1,
    apart: false,
};

/// Virtual users, who send through another client.
const USERS: Shape = Shape { users: 20, ..FEW };

/// The same as the first for longer, beside an endpoint that takes some time of its own. The senders of
/// a flood must not take from the program what the program is to be measured by.
const LONG: Shape = Shape {
    phase: Nanos::from_millis(2000),
    rate: 1200,
    users: 0,
    service: Duration::from_millis(20),
    patience: 1,
    apart: true,
};

/// What the healthy endpoint's 99th percentile may move by.
const MOVED: f64 = 0.05;

/// Pairs of runs from which that is known. All are made: to stop at the first below it would let pass two
/// times in three what costs just as much.
const PAIRS: usize = 3;

/// Held by what takes a machine for itself.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What was found of a behaviour.
type Outcome = Result<Seen, String>;

/// Runs a behaviour, and says what was wrong.
fn tried(behaviour: &Behaviour, shape: Shape) -> Outcome {
    let seen = trial::run(behaviour, shape)?;
    seen.judged(behaviour)?;
    Ok(seen)
}

/// Does something with all behaviours, a few at a time, and then alone and with more patience with those
/// that have failed: with as much going on as that, a machine may be too slow for a timeout.
fn at_once(
    behaviours: &[Behaviour],
    shape: Shape,
    work: impl Fn(&Behaviour, Shape) -> Outcome + Sync,
) -> Vec<(&Behaviour, Outcome)> {
    let (waiting, done) = (Mutex::new(behaviours.iter()), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let next = waiting.lock().expect("no panic").next();
                    let Some(behaviour) = next else { return };
                    let outcome = work(behaviour, shape);
                    done.lock().expect("no panic").push((behaviour, outcome));
                }
            });
        }
    });
    let mut done = done.into_inner().expect("no panic");
    for (behaviour, outcome) in &mut done {
        for patience in AGAIN {
            match outcome {
                Err(reason) if !reason.starts_with(HANGING) => {
                    println!("    again, alone: {}: {reason}", behaviour.name);
                    *outcome = work(behaviour, Shape { patience, ..shape });
                }
                _ => break,
            }
        }
    }
    done
}

/// Asserts that nothing was wrong, or says of all what was.
fn all_well(outcomes: Vec<(&Behaviour, Outcome)>) -> Vec<Seen> {
    let mut wrong = Vec::new();
    let mut seen = Vec::new();
    for (behaviour, outcome) in outcomes {
        match outcome {
            Ok(run) => seen.push(run),
            Err(reason) => wrong.push(format!(
                "`{}`, which {}: {reason}",
                behaviour.name, behaviour.does
            )),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    seen
}

/// The memory of runs against a target without a fault, by what is spoken, in KiB.
fn usual_memory(shape: Shape) -> BTreeMap<Speech, u64> {
    let seen = all_well(at_once(&WELL, shape, trial::run));
    WELL.iter()
        .map(|behaviour| behaviour.speech)
        .zip(seen.iter().map(|run| run.peak))
        .collect()
}

/// Runs a behaviour, and measures its memory against the usual.
fn measured(behaviour: &Behaviour, shape: Shape, usual: &BTreeMap<Speech, u64>) -> Outcome {
    let mut seen = trial::run(behaviour, shape)?;
    seen.grown = seen.peak.saturating_sub(usual[&behaviour.speech]);
    println!(
        "    {:<38} {:>6} KiB  {}",
        behaviour.name,
        seen.grown,
        seen.fates(behaviour)
    );
    seen.judged(behaviour)?;
    if seen.grown > GROWTH {
        return Err(format!("memory grew by {} KiB", seen.grown));
    }
    Ok(seen)
}

/// The line that sums runs up.
fn summed(name: &str, seen: &[Seen]) {
    let grown = seen.iter().map(|run| run.grown).max().unwrap_or(0);
    let overruns = seen.iter().filter_map(|run| run.overrun().ok());
    let overrun = overruns.max().unwrap_or_default();
    println!(
        "{name}: {} behaviours at one and at many connections, all in their class; at most {overrun} beyond \
         a timeout, {:.1} MiB of memory",
        seen.len(),
        grown as f64 / 1024.0
    );
}

#[test]
fn every_behaviour_has_its_class_its_time_and_its_memory() {
    let _alone = alone();
    let usual = usual_memory(SHORT);
    let all = behaviour::all();
    let seen = all_well(at_once(&all, SHORT, |behaviour, shape| {
        measured(behaviour, shape, &usual)
    }));
    summed("A6", &seen);
}

/// By how much the healthy endpoint's 99th percentile moves, from the least of some runs without the
/// hostile one to the least of as many with it: what else goes on only ever adds to either. `with` is
/// the first of those.
fn moved(behaviour: &Behaviour, with: &Seen) -> Result<f64, String> {
    let well = behaviour.without_fault();
    let mut with = vec![with.healthy_p99(behaviour)?];
    let mut without = vec![trial::run(&well, LONG)?.healthy_p99(behaviour)?];
    for _ in 1..PAIRS {
        with.push(trial::run(behaviour, LONG)?.healthy_p99(behaviour)?);
        without.push(trial::run(&well, LONG)?.healthy_p99(behaviour)?);
    }
    let least = |of: &[Nanos]| of.iter().min().expect("some").as_secs_f64();
    let moved = least(&with) / least(&without) - 1.0;
    println!(
        "    {:<38} p99 {:+.1} %: {with:?} beside it, {without:?} without",
        behaviour.name,
        100.0 * moved
    );
    Ok(moved)
}

#[test]
#[ignore = "a machine that is left alone: just promises-quiet"]
fn in_quiet_a_healthy_endpoint_does_not_feel_a_hostile_one() {
    let _alone = alone();
    let usual = usual_memory(LONG);
    let mut all = behaviour::all();
    // For whoever looks into a few of them.
    if let Ok(part) = std::env::var("BEHAVIOUR") {
        all.retain(|behaviour| behaviour.name.contains(&part));
    }
    let mut seen = Vec::new();
    let mut felt = Vec::new();
    for behaviour in &all {
        let outcome = measured(behaviour, LONG, &usual).or_else(|reason| {
            println!("    again: {}: {reason}", behaviour.name);
            measured(behaviour, LONG, &usual)
        });
        // Who waits at the same door feels it, whatever we do.
        if let (Ok(seen), true) = (&outcome, behaviour.beside != Beside::Door) {
            let moved = moved(behaviour, seen).expect("it runs");
            felt.push((moved, behaviour.name));
        }
        seen.push((behaviour, outcome));
    }
    summed("A6, long", &all_well(seen));
    felt.sort_by(|a, b| b.0.total_cmp(&a.0));
    let beyond: Vec<_> = felt.iter().filter(|(moved, _)| *moved >= MOVED).collect();
    println!(
        "A6, beside: the healthy endpoint's p99 moved by less than 5 % beside {} of {} behaviours; beyond: \
         {beyond:?}",
        felt.len() - beyond.len(),
        felt.len()
    );
    assert!(beyond.is_empty(), "it is felt: {beyond:?}");
}

#[test]
fn virtual_users_are_held_to_the_same() {
    let names = [
        "garbage",
        "one byte a second",
        "10,000 headers",
        "one 10 MiB header",
        "conflicting content-length",
        "an unasked 101",
        "never ends",
        "shorter than declared",
        "gzip bomb",
        "redirect loop",
        "redirect to another host",
    ];
    let _alone = alone();
    let usual = usual_memory(USERS);
    let behaviours = behaviour::named(&names);
    let seen = all_well(at_once(&behaviours, USERS, |behaviour, shape| {
        measured(behaviour, shape, &usual)
    }));
    summed("A6, virtual users", &seen);
}

/// Runs some behaviours with a few connections.
fn few(names: &[&str]) {
    let _alone = alone();
    let behaviours = behaviour::named(names);
    all_well(at_once(&behaviours, FEW, tried));
}

#[test]
fn no_redirect_leads_elsewhere() {
    few(&["redirect to another host"]);
}

#[test]
fn a_connection_with_a_surplus_is_destroyed() {
    few(&["longer than declared"]);
}

#[test]
fn each_state_has_its_own_timeout() {
    few(&[
        "black hole",
        "stalled handshake",
        "accept and silent",
        "one byte a second",
    ]);
}
