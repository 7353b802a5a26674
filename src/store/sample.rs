//! Small records to write and damage in tests.

use crate::model::{
    Acceptance, Arm, Cell, Comparison, Decision, Design, ErrorClass, Fingerprint, HostSample,
    Interval, Judge, Manifest, Mode, Outline, PhaseOutline, Round, Sample, TargetOutline,
    TargetSample, Verdict,
};
use crate::recorder::{End, Recorder};
use crate::store::runs::{Begin, Frame};
use crate::units::{Bytes, Nanos};

pub(super) fn outline() -> Outline {
    Outline {
        name: "checkout".into(),
        description: "The path that takes money.".into(),
        target: TargetOutline {
            unverified: false,
            limits: crate::model::ResourceLimits::default(),
            url: "http://127.0.0.1:8080".into(),
            command: None,
        },
        steps: vec!["browse".into(), "pay".into()],
        journeys: Vec::new(),
        phases: vec![PhaseOutline {
            name: "steady".into(),
            start: Nanos::ZERO,
            duration: Nanos::from_secs(2),
            warm_up: false,
            load: "4/s even".into(),
            asked: Some(8),
        }],
        faults: Vec::new(),
        thresholds: Vec::new(),
    }
}

pub(super) fn manifest() -> Manifest {
    Manifest {
        schema: 1,
        id: "20261122T090000Z-9f3c1a2b".into(),
        mode: Mode::Interleaved,
        started_at: "2026-11-22T09:00:00Z".into(),
        version: "0.1.0".into(),
        seed: 42,
        plan_hash: "00ff".into(),
        outline: outline(),
        scenario: "name = \"checkout\"\n".into(),
        scenario_file: Some("scenarios/checkout.toml".into()),
        fingerprint: Fingerprint::default(),
        instrument: None,
        revision: None,
        reference: None,
        baseline: None,
        shard: None,
        start_at: None,
        parts: Vec::new(),
        origin: None,
    }
}

/// The second `second` of a round: four requests, one of which was refused.
pub(super) fn interval(round: usize, second: u64) -> Interval {
    let mut cell = Cell {
        step: 1,
        ..Cell::default()
    };
    for i in 0..3 {
        cell.latency.ok.record(Nanos::from_millis(5 + i + second));
        cell.service.record(Nanos::from_millis(5 + i));
        cell.lateness.record(Nanos(20_000));
        cell.wait.record(Nanos(100));
    }
    cell.latency.failed = 1;
    cell.tally.due = 4;
    cell.tally.sent = 4;
    cell.tally.answered = 3;
    cell.tally.failures.add(ErrorClass::Refused, 1);
    cell.tally.bytes_in = Bytes(1234);
    Interval {
        round,
        start: Nanos::from_secs(second),
        length: Nanos::SECOND,
        cells: vec![cell],
        in_flight: 0,
        standstill: Nanos::ZERO,
    }
}

pub(super) fn sample(round: usize, second: u64) -> Sample {
    Sample {
        round,
        at: Nanos::from_secs(second),
        target: Some(TargetSample {
            cpu: Nanos::from_millis(333 * second),
            rss: Bytes(10 << 20),
            fds: 7,
            threads: 3,
            processes: 1,
        }),
        host: HostSample {
            cores: 3,
            cpu_pressure: Some(Nanos::from_millis(10 * second)),
            steal: Nanos::from_millis(100 * second),
            busy: Nanos::from_millis(900 * second),
        },
        own_cpu: Nanos::from_millis(70 * second),
        ..Sample::default()
    }
}

/// A whole round as frames, the last of which is the round itself.
pub(super) fn round_frames(index: usize, arm: Arm) -> Vec<Frame> {
    let begin = Begin {
        index,
        arm,
        pair: index / 2,
        started_at: format!("2026-11-22T09:00:0{}Z", index * 3),
        level: None,
    };
    let mut recorder = Recorder::new(&outline(), index, arm, begin.pair, begin.started_at.clone());
    let mut frames = vec![Frame::Begin(begin)];
    for second in 0..=2 {
        recorder.sample(&sample(index, second));
        frames.push(Frame::Sample(sample(index, second)));
    }
    for second in 0..2 {
        recorder.interval(&interval(index, second));
        frames.push(Frame::Interval(interval(index, second)));
    }
    frames.push(Frame::Round(Box::new(recorder.finish(End {
        worker_cpu: 0.1,
        idle_cpu_pressure: Some(1.0 / 3.0),
        record_delay: Nanos::ZERO,
        complete: true,
    }))));
    frames
}

pub(super) fn round(index: usize) -> Round {
    match round_frames(index, Arm::Now).pop() {
        Some(Frame::Round(round)) => *round,
        _ => unreachable!("the last frame is the round"),
    }
}

pub(super) fn comparison() -> Comparison {
    Comparison {
        design: Design::Paired,
        reference: Some("./old --port {port}".into()),
        before_rounds: 1,
        now_rounds: 1,
        results: Vec::new(),
        moved: Vec::new(),
        findings: Vec::new(),
        decision: Decision {
            verdict: Verdict::Inconclusive,
            headline: "one round tells nothing".into(),
        },
        capacity: None,
        judge: Judge::default(),
        unevaluated: Vec::new(),
        foresight: None,
    }
}

pub(super) fn acceptance(reason: &str) -> Acceptance {
    Acceptance {
        schema: 1,
        scenario: "checkout".into(),
        label: Some("v1.8.0".into()),
        reason: reason.into(),
        accepted_by: "a tester".into(),
        accepted_at: "2026-11-22T09:00:00Z".into(),
        run: manifest().id,
        plan_hash: "00ff".into(),
        revision: None,
        fingerprint: Fingerprint::default(),
        outline: outline(),
        rounds: vec![round(0)],
        capacity: None,
        parents: Vec::new(),
        keeps: Vec::new(),
        confirmed_by: None,
    }
}
