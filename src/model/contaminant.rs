//! What can disturb a measurement from this side: each with its limit, what it costs and how to mend it.
//!
//! The limits are fixed and are about the generator and its machine alone. None of them is about a
//! measured time of the target, so a slow target cannot break any.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::units::{Nanos, Unit};

/// What disturbs a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Contaminant {
    Steal,
    CpuPressure,
    Lateness,
    OwnCpu,
    /// A load thread was ready to run and had no core.
    Starved,
    /// All threads stood still: stopped, or a machine that was away.
    Standstill,
    /// A CPU quota held the process back.
    Throttled,
    /// Somebody set the wall clock, or the machine slept.
    ClockStep,
    /// Pages of the process had been given away, and had to be fetched again.
    PageFaults,
    /// The record could not be written as fast as it came.
    RecordDelay,
    /// Descriptors or local ports ran out.
    Exhausted,
}

/// One row of the table.
struct Row {
    name: &'static str,
    unit: Unit,
    limit: f64,
    costs: &'static str,
    mend: &'static str,
}

impl Contaminant {
    pub const ALL: [Self; 11] = [
        Self::Steal,
        Self::CpuPressure,
        Self::Lateness,
        Self::OwnCpu,
        Self::Starved,
        Self::Standstill,
        Self::Throttled,
        Self::ClockStep,
        Self::PageFaults,
        Self::RecordDelay,
        Self::Exhausted,
    ];

    /// CPU pressure beyond this makes a machine busy, however busy it was before the load: of 360
    /// measured rounds those below it scattered by 4 %, those above by 33 %.
    pub const PRESSURE_AT_MOST: f64 = 0.90;

    const fn row(self) -> Row {
        match self {
            Self::Steal => Row {
                name: "steal",
                unit: Unit::Share,
                limit: 0.02,
                costs: "the hypervisor took the cores away: target and generator stood still alike",
                mend: "use a dedicated machine, or put the threshold on cpu.per-request",
            },
            Self::CpuPressure => Row {
                name: "CPU pressure",
                unit: Unit::Share,
                limit: 0.20,
                costs: "tasks waited for a core, of the target or of the generator",
                mend: "end what else runs, or measure later",
            },
            Self::Lateness => Row {
                name: "lateness",
                unit: Unit::Time,
                limit: 1e6,
                costs: "requests left later than planned, and their latency counts from the plan",
                mend: "quieten the machine, lower the rate, or give the generator a core of its own",
            },
            Self::OwnCpu => Row {
                name: "generator CPU",
                unit: Unit::Share,
                limit: 0.80,
                costs: "the generator was nearly out of breath, and answers waited to be read",
                mend: "lower the rate, or give it more workers (--workers) and cores",
            },
            Self::Starved => Row {
                name: "waiting for a core",
                unit: Unit::Share,
                limit: 0.15,
                costs: "a load thread was ready and had no core, so what it sent and read was late",
                mend: "end what runs on the same cores, or keep it off them (taskset)",
            },
            Self::Standstill => Row {
                name: "standstill",
                unit: Unit::Time,
                limit: 100e6,
                costs: "the generator did nothing for that long: what was due then left in a burst",
                mend: "see who stops it (SIGSTOP, a debugger, a suspended machine, a frozen container)",
            },
            Self::Throttled => Row {
                name: "CPU quota",
                unit: Unit::Share,
                limit: 0.01,
                costs: "the kernel halted all threads until the next period, which latency shows as pauses",
                mend: "lift the CPU limit of the container; requests and reservations do no harm",
            },
            Self::ClockStep => Row {
                name: "clock step",
                unit: Unit::Time,
                limit: 10e6,
                costs: "answers are stamped by the wall clock, so those around the step have wrong times",
                mend: "let time synchronisation slew the clock, and keep the machine from sleeping",
            },
            Self::PageFaults => Row {
                name: "page faults",
                unit: Unit::PerSecond,
                limit: 10.0,
                costs: "memory of the generator had been given away, and it waited for a disk to get it back",
                mend: "end what else uses memory, or raise the memory limit of the container",
            },
            Self::RecordDelay => Row {
                name: "delay of the record",
                unit: Unit::Time,
                limit: 1e9,
                costs: "the record fell behind by more than an interval, and with it guard, limits and alerts",
                mend: "keep reports/ on a faster disk (--root), or end what else writes to it",
            },
            Self::Exhausted => Row {
                name: "descriptors or ports",
                unit: Unit::Share,
                limit: 0.001,
                costs: "requests failed for want of something local: they say nothing of the target",
                mend: "raise `ulimit -n`, widen net.ipv4.ip_local_port_range, or use fewer connections",
            },
        }
    }

    /// In a few words, as in `steal 31 %`.
    pub const fn name(self) -> &'static str {
        self.row().name
    }

    /// What its values are: shares, nanoseconds, or a number per second.
    pub const fn unit(self) -> Unit {
        self.row().unit
    }

    /// A greater value disturbs. For CPU pressure it counts from that of the idle machine.
    pub const fn limit(self) -> f64 {
        self.row().limit
    }

    /// What numbers suffer, and how.
    pub const fn costs(self) -> &'static str {
        self.row().costs
    }

    /// What to do about it.
    pub const fn mend(self) -> &'static str {
        self.row().mend
    }
}

impl fmt::Display for Contaminant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A limit of hygiene that a round broke. The rule never looks at the measured values.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Contamination {
    pub by: Contaminant,
    /// In the unit of what disturbs.
    pub value: f64,
    pub limit: f64,
}

impl fmt::Display for Contamination {
    /// `steal 31 %`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.by, self.by.unit().format(self.value))
    }
}

/// What disturbed single seconds of a round, whether or not it spoiled the whole.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Disturbance {
    /// Its greatest value of any second.
    #[serde(flatten)]
    pub worst: Contamination,
    /// End of the first second in which it was seen, from the beginning of the round.
    pub first: Nanos,
    /// In how many seconds.
    pub seconds: u64,
}

impl fmt::Display for Disturbance {
    /// `steal 31 %, from 4 s on in 3 seconds`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let from = Unit::Time.format(self.first.0 as f64);
        match self.seconds {
            1 => write!(f, "{}, at {from}", self.worst),
            n => write!(f, "{}, from {from} on in {n} seconds", self.worst),
        }
    }
}
