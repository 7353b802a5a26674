//! Synthetic runs, written by the project's own writer: real folders, small on purpose.

#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test file uses its own part"
)]

use std::path::{Path, PathBuf};

use plimsoll::model::{
    Arm, Cell, Contaminant, Contamination, Fingerprint, Manifest, Mode, Outline, PhaseOutline,
    PhaseUsage, RUN_SCHEMA, Round, Threshold,
};
use plimsoll::store::runs::{Frame, RunWriter};
use plimsoll::units::{Bytes, Nanos};

/// Requests of a round: enough for a p99.
const REQUESTS: u64 = 1000;

/// Which run to write; [`Made::of`] is an ordinary one.
#[derive(Debug, Clone)]
pub struct Made {
    pub scenario: String,
    /// Decides id, date and commit; runs are a quarter of an hour apart.
    pub number: u64,
    /// Median latency in nanoseconds.
    pub latency: f64,
    /// CPU of a request in nanoseconds.
    pub cpu: f64,
    pub rounds: usize,
    pub plan_hash: String,
    pub cores: u64,
    pub mode: Mode,
    /// Interrupted, or never sealed.
    pub ending: Ending,
    /// The machine was busy, and latency ten times as long.
    pub spoiled: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    Sealed,
    Interrupted,
    Killed,
}

impl Made {
    pub fn of(scenario: &str, number: u64, latency: f64) -> Self {
        Self {
            scenario: scenario.to_owned(),
            number,
            latency,
            cpu: latency / 10.0,
            rounds: 1,
            plan_hash: "00ff".into(),
            cores: 4,
            mode: Mode::Measure,
            ending: Ending::Sealed,
            spoiled: false,
        }
    }

    /// When it began.
    fn moment(&self) -> jiff::Timestamp {
        let begin: jiff::Timestamp = "2026-01-01T00:00:00Z".parse().expect("a time");
        let after = jiff::SignedDuration::from_secs(900 * self.number.cast_signed());
        begin.checked_add(after).expect("a time")
    }

    pub fn id(&self) -> String {
        format!(
            "{}-{:08x}",
            self.moment().strftime("%Y%m%dT%H%M%SZ"),
            self.number
        )
    }

    pub fn folder(&self, root: &Path) -> PathBuf {
        root.join("reports").join(&self.scenario).join(self.id())
    }

    pub fn commit(&self) -> String {
        format!("{:040x}", self.number.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    pub fn manifest(&self) -> Manifest {
        Manifest {
            schema: RUN_SCHEMA,
            id: self.id(),
            mode: self.mode,
            started_at: self.moment().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            version: "0.1.0".into(),
            seed: self.number,
            plan_hash: self.plan_hash.clone(),
            outline: outline(&self.scenario),
            scenario: String::new(),
            scenario_file: None,
            fingerprint: Fingerprint {
                cpu_model: "a synthetic machine".into(),
                cores: self.cores,
                architecture: "x86_64".into(),
                cpu_quota: "max".into(),
                ..Fingerprint::default()
            },
            instrument: None,
            revision: Some(self.commit()),
            reference: (self.mode == Mode::Interleaved).then(|| "./old".to_owned()),
            baseline: None,
            shard: None,
            origin: None,
            start_at: None,
            parts: Vec::new(),
        }
    }

    /// Writes the run below `root`.
    pub fn write(&self, root: &Path) {
        let manifest = self.manifest();
        let mut run = RunWriter::create(root, &manifest).expect("a new run");
        let arms: &[Arm] = match self.mode {
            Mode::Interleaved => &[Arm::Before, Arm::Now],
            _ => &[Arm::Now],
        };
        for pair in 0..self.rounds {
            for (i, arm) in arms.iter().enumerate() {
                let index = pair * arms.len() + i;
                let round = self.round(index, pair, *arm, &manifest.started_at);
                run.append(&Frame::Round(Box::new(round))).expect("appends");
            }
        }
        match self.ending {
            Ending::Killed => run.sync().expect("syncs"),
            ending => run.seal(ending == Ending::Interrupted).expect("seals"),
        }
    }

    fn round(&self, index: usize, pair: usize, arm: Arm, started_at: &str) -> Round {
        // What is compared with in an interleaved run is another target.
        let slower = if arm == Arm::Before { 5.0 } else { 1.0 };
        let spoiled = if self.spoiled { 10.0 } else { 1.0 };
        let latency = self.latency * slower * spoiled * (1.0 + 0.001 * pair as f64);
        let mut cell = Cell::default();
        for i in 0..REQUESTS {
            let nanos = latency * (0.9 + 0.2 * (i as f64 / REQUESTS as f64));
            cell.latency.ok.record(nanos_of(nanos));
            cell.service.record(nanos_of(nanos));
        }
        cell.tally.due = REQUESTS;
        cell.tally.sent = REQUESTS;
        cell.tally.answered = REQUESTS;
        Round {
            cells: vec![cell],
            usage: vec![PhaseUsage {
                phase: 0,
                wall: Nanos::from_secs(10),
                cpu: nanos_of(self.cpu * slower * REQUESTS as f64),
                rss_peak: Bytes(64 << 20),
                rss_end: Bytes(64 << 20),
                rss_slope: Some(0.0),
                fds_peak: 20,
                threads_peak: 4,
            }],
            contamination: if self.spoiled {
                vec![Contamination {
                    by: Contaminant::Steal,
                    value: 0.31,
                    limit: 0.02,
                }]
            } else {
                Vec::new()
            },
            ..Round::new(index, arm, pair, started_at.to_owned())
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "synthetic times are small and positive"
)]
fn nanos_of(value: f64) -> Nanos {
    Nanos(value as u64)
}

fn outline(name: &str) -> Outline {
    Outline {
        name: name.to_owned(),
        steps: vec!["pay".into()],
        phases: vec![PhaseOutline {
            name: "steady".into(),
            start: Nanos::ZERO,
            duration: Nanos::from_secs(10),
            warm_up: false,
            load: "100/s even".into(),
            asked: Some(REQUESTS),
        }],
        thresholds: vec![Threshold::on("latency.p95".parse().expect("a metric"))],
        ..Outline::default()
    }
}

/// A repeatable scatter of about one percent around one.
pub fn scatter(number: u64) -> f64 {
    let mixed = (number + 1)
        .wrapping_mul(0x9e37_79b9_7f4a_7c15)
        .rotate_left(29);
    let mixed = mixed.wrapping_mul(0xbf58_476d_1ce4_e5b9) ^ (mixed >> 31);
    let unit = (mixed >> 11) as f64 / (1_u64 << 53) as f64;
    1.0 + 0.03 * (unit - 0.5)
}

/// Writes `count` runs, whose latency is 10 % longer from the middle on.
pub fn write_many(root: &Path, scenario: &str, count: u64) {
    for number in 0..count {
        let level = if number < count / 2 { 8e6 } else { 8.8e6 };
        Made::of(scenario, number, level * scatter(number)).write(root);
    }
}
