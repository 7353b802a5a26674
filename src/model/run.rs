//! Everything one invocation measured, as stored under `reports/` and read back.

use serde::{Deserialize, Serialize};

use super::{
    Arm, BaselineId, Comparison, InstrumentError, Interval, Origin, Outline, Round, Sample, Shard,
};

/// Version of the run record on disk. 2 has runs of other tools: their origin, given values and
/// custom metrics.
pub const SCHEMA: u32 = 2;

/// What a run was for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// `run`: measure one target.
    Measure,
    /// `check --against @baseline`.
    Check,
    /// `check --against-command` or `--against-url`: both arms measured now, interleaved.
    Interleaved,
    /// `calibrate`: the same target on both arms, interleaved.
    Calibrate,
    /// `import`: measured by another tool.
    Imported,
}

/// Written before the first request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    pub schema: u32,
    /// Sortable and unique: time and random suffix.
    pub id: String,
    pub mode: Mode,
    /// RFC 3339, UTC.
    pub started_at: String,
    /// Of Plimsoll.
    pub version: String,
    pub seed: u64,
    /// SHA-256 over everything that decides the load: equal hashes are comparable.
    pub plan_hash: String,
    pub outline: Outline,
    /// The scenario file as read; empty for a quick run.
    pub scenario: String,
    /// Name of the scenario file, for annotations.
    pub scenario_file: Option<String>,
    pub fingerprint: Fingerprint,
    /// How far the latencies measured here are from the truth; None: nobody has measured it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instrument: Option<InstrumentError>,
    /// `git rev-parse HEAD` of the working directory, where there is one.
    pub revision: Option<String>,
    /// What `--against…` named.
    pub reference: Option<String>,
    /// The state of the ledger that was compared with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline: Option<BaselineId>,
    /// The part of the plan that was measured; None: all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard: Option<Shard>,
    /// RFC 3339: when the first round of every part begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_at: Option<String>,
    /// Ids of the parts that this run was merged from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<String>,
    /// Who measured it; None: Plimsoll did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
}

/// The environment a measurement belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Fingerprint {
    /// Differences here make two measurements incomparable.
    pub cpu_model: String,
    pub cores: u64,
    pub architecture: String,
    /// `cpu.max` of the cgroup, `max` without a limit.
    pub cpu_quota: String,
    /// Differences here are warned of.
    pub kernel: String,
    pub governor: String,
    pub memory_mib: u64,
    pub boot_id: String,
    pub tool_version: String,
}

impl Fingerprint {
    /// The kind of machine in one line: equal lines have no hard difference.
    pub fn machine(&self) -> String {
        format!(
            "{}, {} cores, {}, cpu.max {}",
            self.cpu_model, self.cores, self.architecture, self.cpu_quota
        )
    }

    /// Differences that make two measurements incomparable, as `what: theirs → ours`.
    pub fn hard_differences(&self, other: &Self) -> Vec<String> {
        differences(&[
            ("CPU model", &self.cpu_model, &other.cpu_model),
            ("cores", &self.cores.to_string(), &other.cores.to_string()),
            ("architecture", &self.architecture, &other.architecture),
            ("cgroup cpu.max", &self.cpu_quota, &other.cpu_quota),
        ])
    }

    /// Differences worth a warning.
    pub fn soft_differences(&self, other: &Self) -> Vec<String> {
        differences(&[
            ("kernel", &self.kernel, &other.kernel),
            ("governor", &self.governor, &other.governor),
            (
                "memory (MiB)",
                &self.memory_mib.to_string(),
                &other.memory_mib.to_string(),
            ),
            ("boot", &self.boot_id, &other.boot_id),
            ("tool", &self.tool_version, &other.tool_version),
        ])
    }
}

fn differences(pairs: &[(&str, &String, &String)]) -> Vec<String> {
    pairs
        .iter()
        .filter(|(_, a, b)| a != b)
        .map(|(what, a, b)| format!("{what}: {a} → {b}"))
        .collect()
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunState {
    /// Sealed after its last round.
    Complete,
    /// Sealed after a signal: shown, never passes a gate.
    Interrupted,
    /// Never sealed: the process was killed. Shown as far as it got, never passes a gate.
    Partial,
}

/// The last frame of a run log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seal {
    pub interrupted: bool,
    /// Frames before this one.
    pub frames: u64,
    /// SHA-256 over the bytes before this frame.
    pub sha256: String,
    /// Sums over all rounds, to be checked on reading.
    pub due: u64,
    pub answered: u64,
}

/// A run, read back or just measured.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    pub manifest: Manifest,
    pub state: RunState,
    pub rounds: Vec<Round>,
    pub intervals: Vec<Interval>,
    pub samples: Vec<Sample>,
    /// What was concluded when it was measured.
    pub comparison: Option<Comparison>,
}

impl Run {
    /// The complete rounds of one arm.
    pub fn arm(&self, arm: Arm) -> impl Iterator<Item = &Round> {
        self.rounds
            .iter()
            .filter(move |r| r.arm == arm && r.complete)
    }
}
