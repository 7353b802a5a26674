//! Rounds that a rule ends or holds back, and parts that are merged, over real sockets.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use super::floor::calibrations;
use super::measure::manifest;
use super::{
    Against, ArmTarget, CalibrateOptions, CheckOptions, Excerpt, Outcome, Part, Rule, Session,
    SessionError, calibrate, check, history_watched, measure, measure_part, merge, reread,
};
use crate::clock::{Clock, Moment, Monotonic};
use crate::model::{
    Arm, ErrorClass, Event, GuardState, HaltCause, Metric, Mode, RunState, Stat, Threshold, Verdict,
};
use crate::scenario::plan::{Guard, GuardAction, Load, Plan};
use crate::schedule::sample;
use crate::stop::Stop;
use crate::units::{Nanos, Rate};

/// Answers each request with the status for its number, counted from 0.
struct Server {
    port: u16,
    received: Arc<AtomicU64>,
}

impl Server {
    fn start(status: fn(u64) -> u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let received = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&received);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let counter = Arc::clone(&counter);
                thread::spawn(move || drop(answer(&stream, &counter, status)));
            }
        });
        Self { port, received }
    }
}

fn answer(stream: &TcpStream, counter: &AtomicU64, status: fn(u64) -> u16) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut lines = BufReader::new(stream).lines();
    while let Some(line) = lines.next().transpose()? {
        if line.is_empty() {
            let status = status(counter.fetch_add(1, Ordering::SeqCst));
            let head = format!("HTTP/1.1 {status} X\r\ncontent-length: 2\r\n\r\nok");
            (&*stream).write_all(head.as_bytes())?;
        }
    }
    Ok(())
}

fn session(root: &Path) -> Session {
    Session {
        root: root.to_owned(),
        executable: None,
        stop: Stop::default(),
        workers: Some(2),
    }
}

/// 200 requests a second, Poisson, for so many seconds.
fn plan(server: &Server, seconds: u64) -> Plan {
    let mut plan = sample::plan();
    plan.target.url.port = server.port;
    plan.phases[0].duration = Nanos::from_secs(seconds);
    if let Load::Rate { profile, arrivals } = &mut plan.phases[0].load {
        *profile = crate::scenario::plan::Profile::Constant(Rate(200.0));
        *arrivals = crate::scenario::plan::Arrivals::Poisson;
    }
    plan
}

const GUARD: Guard = Guard {
    errors_over: 0.5,
    within: Nanos::from_secs(2),
    action: GuardAction::Stop,
    rest: Nanos::from_secs(2),
    openings: 1,
};

fn verdict(outcome: &Outcome) -> Verdict {
    let comparison = outcome.run.comparison.as_ref();
    comparison.expect("it is judged").decision.verdict
}

/// Rounds of 200 ms.
fn short(server: &Server) -> Plan {
    let mut plan = plan(server, 1);
    plan.phases[0].duration = Nanos::from_millis(200);
    plan
}

fn findings(outcome: &Outcome) -> Vec<&str> {
    let comparison = outcome.run.comparison.as_ref();
    let findings = &comparison.expect("it is judged").findings;
    findings.iter().map(|f| f.text.as_str()).collect()
}

#[test]
fn a_pause_comes_between_rounds_and_the_last_that_is_wished_is_the_last() {
    let root = tempfile::tempdir().expect("a folder");
    let server = Server::start(|_| 200);
    let session = session(root.path());
    let between = session.stop.between().clone();
    let mut heard = Vec::new();
    let outcome = measure(&session, short(&server), 5, &mut |event| match event {
        Event::RoundStarted { index: 0, .. } => between.toggle_wait(),
        Event::RoundStarted { index: 1, .. } => between.toggle_end(),
        Event::Paused => {
            heard.push("paused");
            between.toggle_wait();
        }
        Event::Resumed => heard.push("resumed"),
        Event::RoundEnded { complete, .. } => heard.push(if *complete { "whole" } else { "cut" }),
        _ => {}
    })
    .expect("it is measured");
    assert_eq!(heard, ["whole", "paused", "resumed", "whole"]);
    assert_eq!(outcome.run.state, RunState::Complete);
    assert_eq!(outcome.run.rounds.len(), 2);
    let told = "stopped at the keyboard after 2 rounds: more were asked for";
    assert!(
        findings(&outcome).contains(&told),
        "{:?}",
        findings(&outcome)
    );
}

#[test]
fn no_pair_is_torn_apart_at_the_keyboard() {
    let root = tempfile::tempdir().expect("a folder");
    let server = Server::start(|_| 200);
    let session = session(root.path());
    let between = session.stop.between().clone();
    let plan = short(&server);
    let options = CheckOptions {
        against: Against::Other {
            target: ArmTarget::of(&plan),
            named: "itself".to_owned(),
        },
        baselines: None,
        now: None,
        max_rounds: Some(5),
        budget: None,
        duet: false,
        rule: Rule::default(),
        allow_missing: false,
        allow_mismatch: false,
        profiler: None,
    };
    let outcome = check(&session, plan, &options, &mut |event| {
        if let Event::RoundStarted { index: 0, .. } = event {
            between.toggle_end();
        }
    })
    .expect("it is measured");
    let arms: Vec<Arm> = outcome.run.rounds.iter().map(|r| r.arm).collect();
    assert!(
        arms == [Arm::Before, Arm::Now] || arms == [Arm::Now, Arm::Before],
        "{arms:?}"
    );
    assert_eq!(outcome.run.state, RunState::Complete);
    assert_ne!(
        verdict(&outcome),
        Verdict::Unchanged,
        "one pair shows nothing"
    );
}

#[test]
fn a_wish_that_is_taken_back_leaves_no_trace() {
    let root = tempfile::tempdir().expect("a folder");
    let server = Server::start(|_| 200);
    let session = session(root.path());
    let between = session.stop.between().clone();
    let outcome = measure(&session, short(&server), 2, &mut |event| match event {
        Event::RoundStarted { index: 0, .. } => {
            between.toggle_end();
            between.toggle_end();
        }
        // Nothing comes after the last.
        Event::RoundStarted { index: 1, .. } => between.toggle_end(),
        _ => {}
    })
    .expect("it is measured");
    assert_eq!(outcome.run.rounds.len(), 2);
    let told = findings(&outcome);
    assert!(!told.iter().any(|t| t.contains("keyboard")), "{told:?}");
}

#[test]
fn a_history_tells_how_many_new_runs_are_read() {
    let root = tempfile::tempdir().expect("a folder");
    let server = Server::start(|_| 200);
    let session = session(root.path());
    let plan = short(&server);
    for _ in 0..2 {
        measure(&session, plan.clone(), 1, &mut |_| ()).expect("it is measured");
    }
    let read = || {
        let mut told = Vec::new();
        // Whether there is a history depends on what the machine did to the runs.
        drop(history_watched(
            &session,
            &plan.name,
            &Excerpt::default(),
            &mut |event| {
                if let Event::Analysed { what, done, of } = event {
                    told.push((*what, *done, *of));
                }
            },
        ));
        told
    };
    assert_eq!(read(), [("runs read", 0, 2), ("runs read", 1, 2)]);
    assert!(read().is_empty(), "they are known by now");
}

#[test]
fn a_target_that_fails_is_left_alone_within_a_second_of_the_opening() {
    let root = tempfile::tempdir().expect("a folder");
    let server = Server::start(|n| if n < 300 { 200 } else { 500 });
    let mut plan = plan(&server, 600);
    plan.guard = Some(GUARD);
    let session = session(root.path());
    let received = Arc::clone(&server.received);
    let mut at_opening = None;
    let started = Monotonic.now();
    let outcome = measure(&session, plan, 3, &mut |event| {
        if let Event::Guard(change) = event {
            at_opening = Some((change.at, received.load(Ordering::SeqCst)));
        }
    })
    .expect("it ends by itself");
    assert!(Monotonic.now() - started < Nanos::from_secs(60));
    let (_, before) = at_opening.expect("the guard opened");
    let after = server.received.load(Ordering::SeqCst) - before;
    assert!(after < 200, "{after} requests, a second's worth and more");
    assert_eq!(
        outcome.run.state,
        RunState::Complete,
        "nobody interrupted it"
    );
    assert_eq!(outcome.run.rounds.len(), 1, "later rounds are not measured");
    let round = &outcome.run.rounds[0];
    assert!(round.trust.conserved && !round.complete);
    assert_eq!(round.halt.as_ref().map(|h| &h.by), Some(&HaltCause::Guard));
    assert_eq!(verdict(&outcome), Verdict::Broken);
    // What was recorded says the same later.
    let again = reread(&session, "last").expect("it reads");
    assert_eq!(again.run, outcome.run);
}

#[test]
fn a_limit_that_is_broken_ends_the_run() {
    let root = tempfile::tempdir().expect("a folder");
    let server = Server::start(|_| 200);
    let mut plan = plan(&server, 600);
    plan.thresholds = vec![Threshold {
        max: Some(1.0),
        abort: true,
        ..Threshold::on(Metric::Latency(Stat::P50))
    }];
    let outcome = measure(&session(root.path()), plan, 1, &mut |_| {}).expect("it ends by itself");
    assert_eq!(verdict(&outcome), Verdict::Broken);
    let comparison = outcome.run.comparison.expect("it is judged");
    assert_eq!(comparison.findings[0].code.as_deref(), Some("PL0331"));
    assert_eq!(comparison.results[0].limit, Some(Verdict::Broken));
}

#[test]
fn limits_over_windows_are_judged_by_what_the_record_holds() {
    let root = tempfile::tempdir().expect("a folder");
    // A fifth of the first second fails, which is a hundredth of the whole.
    let server = Server::start(|n| if n < 200 && n % 5 == 0 { 500 } else { 200 });
    let mut plan = plan(&server, 4);
    let limit = |over| Threshold {
        max: Some(0.08),
        over,
        ..Threshold::on(Metric::ErrorsRate)
    };
    plan.thresholds = vec![limit(None), limit(Some(Nanos::SECOND))];
    let session = session(root.path());
    let outcome = measure(&session, plan, 1, &mut |_| {}).expect("it runs");
    let limits = |outcome: &Outcome| -> Vec<_> {
        let results = &outcome.run.comparison.as_ref().expect("judged").results;
        results[..2].iter().map(|r| r.limit).collect()
    };
    assert_eq!(
        limits(&outcome),
        [Some(Verdict::Kept), Some(Verdict::Broken)]
    );
    let again = super::compare(&session, "last", "last", false).expect("it compares");
    assert_eq!(limits(&again), limits(&outcome));
}

#[test]
fn load_is_held_back_while_the_guard_is_open_and_goes_on_when_the_target_recovers() {
    let root = tempfile::tempdir().expect("a folder");
    let server = Server::start(|n| if n < 180 { 500 } else { 200 });
    let mut plan = plan(&server, 8);
    plan.guard = Some(Guard {
        openings: 3,
        ..GUARD
    });
    let outcome = measure(&session(root.path()), plan, 1, &mut |_| {}).expect("it runs");
    let round = &outcome.run.rounds[0];
    assert!(round.complete && round.trust.conserved);
    let states: Vec<_> = round.guard.iter().map(|c| c.state).collect();
    let recovered = matches!(
        states[..],
        [GuardState::Open, GuardState::Probing(_), GuardState::Closed]
    );
    assert!(recovered, "{states:?}");
    let tally = &round.cells[0].tally;
    assert_eq!(tally.due, 1600, "what is withheld is due");
    let withheld = tally.failures.count(ErrorClass::Withheld);
    assert!(withheld > 300, "{withheld}");
    assert_eq!(verdict(&outcome), Verdict::Broken);
}

/// The parts of a plan at the same time, each by a session of its own.
fn parts(plan: &Plan, rounds: usize, roots: &[tempfile::TempDir]) -> Vec<Outcome> {
    let start_at = Moment::now().after(Nanos::from_secs(5));
    thread::scope(|scope| {
        let running: Vec<_> = (1..)
            .zip(roots)
            .map(|(number, root)| {
                let shard = format!("{number}/{}", roots.len());
                let shard = shard.parse().expect("a part");
                let part = Part { shard, start_at };
                scope.spawn(move || {
                    measure_part(
                        &session(root.path()),
                        plan.clone(),
                        rounds,
                        part,
                        &mut |_| {},
                    )
                    .expect("it runs")
                })
            })
            .collect();
        running
            .into_iter()
            .map(|thread| thread.join().expect("no panic"))
            .collect()
    })
}

fn folders(n: usize) -> Vec<tempfile::TempDir> {
    (0..n)
        .map(|_| tempfile::tempdir().expect("a folder"))
        .collect()
}

fn named(parts: &[Outcome]) -> Vec<String> {
    let name = |o: &Outcome| o.dir.to_str().expect("plain").to_owned();
    parts.iter().map(name).collect()
}

#[test]
fn three_parts_merge_to_what_one_machine_measures() {
    let server = Server::start(|_| 200);
    let mut plan = plan(&server, 2);
    let step = plan.steps[0].clone();
    let second = crate::scenario::plan::Step::new("other", step.request.clone());
    plan.set_steps(vec![(step, 2), (second, 1)]);
    let mut warm = plan.phases[0].clone();
    warm.name = "warm".to_owned();
    warm.duration = Nanos::SECOND;
    warm.warm_up = true;
    plan.phases.insert(0, warm);
    plan.target.timeouts.total = Nanos::SECOND;
    let root = tempfile::tempdir().expect("a folder");
    let whole = measure(&session(root.path()), plan.clone(), 2, &mut |_| {}).expect("it runs");
    let roots = folders(3);
    let parts = parts(&plan, 2, &roots);
    for part in &parts {
        assert_eq!(verdict(part), Verdict::Kept, "a part judges no limit");
    }
    let merged = merge(&session(root.path()), &named(&parts)).expect("it merges");
    assert!(merged.run.manifest.shard.is_none());
    assert_eq!(merged.run.manifest.parts.len(), 3);
    let tallies = |outcome: &Outcome| -> Vec<_> {
        let rounds = outcome.run.arm(Arm::Now);
        let cells = rounds.flat_map(|r| r.cells.iter().map(move |c| (r.index, c)));
        cells
            .map(|(round, c)| {
                let t = &c.tally;
                (round, c.phase, c.step, t.due, t.sent, t.answered)
            })
            .collect()
    };
    assert_eq!(tallies(&merged), tallies(&whole));
    let again = reread(&session(root.path()), "last").expect("it reads");
    assert_eq!(again.run, merged.run);
}

#[test]
fn only_all_parts_of_one_measurement_are_merged() {
    let server = Server::start(|_| 200);
    let mut plan = plan(&server, 1);
    plan.target.timeouts.total = Nanos::SECOND;
    let roots = folders(2);
    let parts = parts(&plan, 1, &roots);
    let here = session(roots[0].path());
    let names = named(&parts);
    let refused = |names: &[&str]| {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        merge(&here, &names).expect_err("refused").to_string()
    };
    let reason = refused(&[&names[0]]);
    assert!(reason.ends_with("missing: part 2/2"), "{reason}");
    let reason = refused(&[&names[0], &names[0], &names[1]]);
    assert!(reason.ends_with("part 1 of 2 is there twice"), "{reason}");

    let only_a_part = super::compare(&here, &names[0], &names[0], false).expect_err("refused");
    assert!(matches!(only_a_part, SessionError::OnlyAPart { .. }));

    let whole = measure(&here, plan, 1, &mut |_| {}).expect("it runs");
    let reason = refused(&[&names[0], whole.dir.to_str().expect("plain")]);
    assert!(reason.ends_with("it measured the whole plan"), "{reason}");

    let merged = merge(&here, &[names[1].clone(), names[0].clone()]).expect("it merges");
    let trust = merged.run.rounds[0].trust;
    assert!(trust.conserved);
}

#[test]
fn a_calibration_keeps_to_its_time_and_is_found_again_for_the_same_plan_only() {
    let root = tempfile::tempdir().expect("a folder");
    let server = Server::start(|_| 200);
    let session = session(root.path());
    let options = CalibrateOptions {
        rounds: None,
        time_budget: Nanos(1),
    };
    let watcher = &mut |_: &Event| {};
    let found = calibrate(&session, plan(&server, 1), options, watcher).expect("it ends by itself");
    let run = &found.outcome.run;
    assert_eq!(
        run.rounds.len(),
        6,
        "no fewer, however little time there is"
    );
    assert_eq!(
        (run.arm(Arm::Before).count(), run.arm(Arm::Now).count()),
        (3, 3)
    );
    assert_eq!(found.calibration.rounds, 6);
    let p50 = Metric::Latency(Stat::P50);
    let floor = found.calibration.floors.iter().find(|f| f.metric == p50);
    assert!(floor.is_some_and(|f| f.sd > 0.0), "{:?}", found.calibration);
    let mut later = manifest(&session, &plan(&server, 1), Mode::Check, None);
    assert_eq!(calibrations(&session, &later).len(), 1);
    later.plan_hash.push('0');
    assert!(calibrations(&session, &later).is_empty());
}
