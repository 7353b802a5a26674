//! The facts: what was planned, what happened, what was concluded.
//!
//! Plain data with a `schema` number where it is stored. Nothing here decides, measures or shows;
//! the layers above read and write these types and agree through them.

mod alert;
mod baseline;
mod bundle;
mod calibration;
mod capacity;
mod checkup;
mod contaminant;
mod custom;
mod detection;
mod diagnosis;
mod distribution;
mod error_class;
mod event;
mod fault;
mod foresight;
mod halt;
mod history;
mod instrument;
mod interval;
mod metric;
mod observed;
mod origin;
mod outline;
mod overview;
mod profile;
mod round;
mod run;
mod shard;
mod standing;
mod survey;
mod values;
mod verdict;

pub use alert::{AlertEvent, AlertGate, AlertState};
pub use baseline::{Acceptance, Baseline, BaselineId, Pruned, Pruning, SCHEMA as BASELINE_SCHEMA};
pub use bundle::{Author, BundleTaken, Exhibit, ProcessSeen, Snapshot, ThreadSeen, Unread};
pub use calibration::{Calibration, Detectable, NoiseFloor, Reliability, ReliabilityPoint};
pub use capacity::{
    Capacity, Censored, Knee, KneeInterval, Level, LevelRound, LevelVerdict, Outcome,
    ScalabilityLaw,
};
pub use checkup::{CHECKUP_SCHEMA, Checkup, Fitness, Readiness, Reading, Topic};
pub use contaminant::{Contaminant, Contamination, Disturbance};
pub use custom::Custom;
pub use detection::{Alarm, Detection, Judge};
pub use diagnosis::{Diagnosis, Evidence, Strength};
pub use distribution::{
    CEILING, Distribution, DistributionError, Estimate, Latencies, bucket_low, bucket_width, rank,
};
pub use error_class::{Category, ErrorClass};
pub use event::Event;
pub use fault::{FaultOutline, Impact, Stretch};
pub use foresight::{Foresight, Smallest};
pub use halt::{Breach, GuardChange, GuardState, Halt, HaltCause, Window};
pub use history::{
    AcceptedLevel, AgainstAccepted, Contribution, History, LEVEL_SCHEMA, LevelAcceptance, Measure,
    MetricRounds, OtherSeries, Point, PresentLevel, Series, Shift, StoredLevel, Trend,
};
pub use instrument::{INSTRUMENT_SCHEMA, InstrumentError};
pub use interval::{
    Cell, Failures, GeneratorSample, HostSample, Interval, Parts, Sample, Tally, TargetSample,
};
pub use metric::{Better, Metric, NoiseClass, Stat};
pub use observed::{CgroupDetail, Health, MemoryDetail, Scraped, SeriesName, TargetDetail};
pub use origin::Origin;
pub use outline::{
    Change, JourneyOutline, Outline, PhaseOutline, ResourceLimits, Scope, TargetOutline, Threshold,
};
pub use overview::{ListedRun, ListedState, Overview, ScenarioRuns};
pub use profile::{Profile, Profiler, Profiles, Seen, Stacks, UNKNOWN, Unprofiled};
pub use round::{Arm, PhaseHealth, PhaseUsage, Round, Trust};
pub use run::{Fingerprint, Manifest, Mode, Run, RunState, SCHEMA as RUN_SCHEMA, Seal};
pub use shard::{NoShard, Shard};
pub use standing::Standing;
pub use survey::{
    Activity, CpuQuota, DiskDelay, Frequency, Hardware, HugePages, LimitsFound, Survey, Turbo,
    TurboSwitch,
};
pub use values::{Given, Values};
pub use verdict::{
    Comparison, Decision, Design, Finding, MetricResult, Moved, Ranks, Side, Unevaluated, Verdict,
    label,
};
