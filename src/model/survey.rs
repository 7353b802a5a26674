//! A machine as it was found, before anybody judges it. What it does not tell is None.

use super::InstrumentError;
use crate::units::{Bytes, Nanos};

/// Everything that `doctor` looks at.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Survey {
    pub hardware: Hardware,
    pub activity: Activity,
    pub limits: LimitsFound,
    /// Of the folder that holds the reports; None where nothing may be written.
    pub disk: Option<DiskDelay>,
    /// What was found here by measuring targets of known truth.
    pub instrument: Option<InstrumentError>,
}

/// What stays the same from day to day.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Hardware {
    pub model: Option<String>,
    /// Under which hypervisor it runs; None on bare metal, and where nothing says so.
    pub hypervisor: Option<String>,
    /// CPUs by number, ascending; empty where the machine does not say.
    pub cpus: Vec<u32>,
    /// Those that this process may run on.
    pub allowed: Vec<u32>,
    /// Those that the scheduler leaves alone.
    pub isolated: Vec<u32>,
    /// CPUs that are threads of one core, for each core of which more than one is online.
    pub siblings: Vec<Vec<u32>>,
    /// The distinct governors of all CPUs.
    pub governors: Vec<String>,
    pub frequency: Option<Frequency>,
    pub turbo: Option<Turbo>,
    pub clock_source: Option<String>,
    pub huge_pages: Option<HugePages>,
    pub quota: Option<CpuQuota>,
    /// The tightest limit of the control groups.
    pub memory_limit: Option<Bytes>,
}

/// How fast a CPU may run, in kHz.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frequency {
    pub least: u64,
    /// Without turbo.
    pub base: Option<u64>,
    pub most: u64,
}

/// Whether a CPU may run faster than its base while it stays cool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Turbo {
    pub on: bool,
    pub switch: TurboSwitch,
}

/// Where turbo is switched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TurboSwitch {
    IntelPstate,
    Boost,
}

/// Transparent huge pages, in the kernel's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HugePages {
    pub enabled: String,
    /// Who waits until memory is made contiguous.
    pub defrag: Option<String>,
}

/// A limit of CPU time of the control group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CpuQuota {
    /// CPU time in each period.
    pub time: Nanos,
    pub period: Nanos,
    /// Periods in which it was used up so far.
    pub throttled: Option<u64>,
}

/// What else happens on the machine, seen for half a second or so.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Activity {
    /// Share of the time of all CPUs that the hypervisor took.
    pub steal: Option<f64>,
    /// Share of the time of all CPUs that was used.
    pub busy: Option<f64>,
    /// Share of the time in which some task waited for a CPU, for memory, for a disk.
    pub cpu_pressure: Option<f64>,
    pub memory_pressure: Option<f64>,
    pub io_pressure: Option<f64>,
    /// Pages read back from swap each second.
    pub swapped_in: Option<f64>,
    /// 99th percentile of waking up too late.
    pub lateness: Option<Nanos>,
    /// Time that one reading of the clock takes.
    pub clock_reading: Option<Nanos>,
    /// Load average over a minute.
    pub load: Option<f64>,
    pub memory_available: Option<Bytes>,
}

/// What a heavy load may run into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LimitsFound {
    /// Most open files; `u64::MAX` without a limit.
    pub descriptors: Option<u64>,
    /// To what that may be raised.
    pub descriptors_at_most: Option<u64>,
    /// Local ports to connect from.
    pub ports: Option<u64>,
    /// Connections that may wait to be accepted.
    pub backlog: Option<u64>,
}

/// How long it takes until what is written is on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DiskDelay {
    pub median: Nanos,
    pub worst: Nanos,
    pub writes: usize,
}
