//! One repetition of all phases against a fresh target: the unit of replication of every statistic.

use serde::{Deserialize, Serialize};

use super::{
    AlertEvent, Cell, Contamination, Disturbance, Estimate, Given, GuardChange, Halt, Impact,
    Window,
};
use crate::units::{Bytes, Nanos};

/// Which of two targets a round measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Arm {
    /// The reference of an interleaved check.
    Before,
    /// The target under test.
    Now,
}

impl Arm {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Before => "before",
            Self::Now => "now",
        }
    }
}

/// A whole round, summed up.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Round {
    /// From 0 over the whole run, in the order measured.
    pub index: usize,
    pub arm: Arm,
    /// Number of the (before, now) pair in an interleaved check; the round's own number otherwise.
    pub pair: usize,
    pub started_at: String,
    /// Rate this round offered, in a search for capacity: rounds of different levels are no
    /// repetitions of each other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<f64>,
    /// One cell for every phase and step that had requests.
    pub cells: Vec<Cell>,
    /// Values that were not measured here but taken over, before anything the cells say.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub given: Vec<Given>,
    /// Resource use by phase, where the target's process was observed.
    pub usage: Vec<PhaseUsage>,
    /// What components answered by phase, where they were asked how they are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub health: Vec<PhaseHealth>,
    pub trust: Trust,
    /// What spoiled timing metrics of this round; empty when it is clean.
    pub contamination: Vec<Contamination>,
    /// What disturbed single seconds of it, each kind once, in the order first seen.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub disturbed: Vec<Disturbance>,
    /// The worst stretch by each threshold that is held to a window of time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub windows: Vec<Window>,
    /// What the guard did to the load, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub guard: Vec<GuardChange>,
    /// The rule of the scenario that ended it early.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub halt: Option<Box<Halt>>,
    /// What alerts did, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alerts: Vec<AlertEvent>,
    /// What each fault did, in the order of the plan.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub impacts: Vec<Impact>,
    /// False when a signal, an error or a rule ended it early: its values are never judged.
    pub complete: bool,
}

impl Round {
    /// A complete round in which nothing was measured yet: of the generator and the machine nothing is
    /// known, and nothing speaks against them.
    pub fn new(index: usize, arm: Arm, pair: usize, started_at: String) -> Self {
        Self {
            index,
            arm,
            pair,
            started_at,
            level: None,
            cells: Vec::new(),
            given: Vec::new(),
            usage: Vec::new(),
            health: Vec::new(),
            trust: Trust {
                conserved: true,
                ..Trust::default()
            },
            contamination: Vec::new(),
            disturbed: Vec::new(),
            windows: Vec::new(),
            guard: Vec::new(),
            alerts: Vec::new(),
            impacts: Vec::new(),
            halt: None,
            complete: true,
        }
    }

    /// The longest time to recover of all faults, in nanoseconds; missing without any.
    pub fn recovery(&self) -> Estimate {
        let times = || self.impacts.iter().map(|impact| impact.recovery);
        if times().any(|time| time == Estimate::Missing) {
            return Estimate::Missing;
        }
        let Some(longest) = times().filter_map(Estimate::lower_bound).reduce(f64::max) else {
            return Estimate::Missing;
        };
        if times().all(|time| time.exact().is_some()) {
            Estimate::Exact(longest)
        } else {
            Estimate::AtLeast(longest)
        }
    }

    /// True when there are values and no requests behind them.
    pub fn is_bare(&self) -> bool {
        self.cells.is_empty() && !self.given.is_empty()
    }

    pub fn is_clean(&self) -> bool {
        self.complete && self.contamination.is_empty()
    }

    /// True when the guard held load back or a limit ended it: such a round passes no gate.
    pub fn is_stopped(&self) -> bool {
        self.halt.is_some() || self.guard.iter().any(|c| c.state.is_opening())
    }
}

/// The target's resources over one phase.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PhaseUsage {
    pub phase: usize,
    /// Wall time between the readings at both ends.
    pub wall: Nanos,
    /// CPU time used between them.
    pub cpu: Nanos,
    pub rss_peak: Bytes,
    pub rss_end: Bytes,
    /// Bytes per second, Theil–Sen over the readings; None with fewer than three.
    pub rss_slope: Option<f64>,
    pub fds_peak: u64,
    pub threads_peak: u64,
}

/// How often the target's components were asked how they are in one phase, and were well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PhaseHealth {
    pub phase: usize,
    pub asked: u64,
    pub well: u64,
}

/// How far the numbers of a round describe the target and not the generator or the machine.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Trust {
    /// 99th percentile over all measured requests whose time the plan decides.
    pub lateness_p99: Nanos,
    pub lateness_max: Nanos,
    /// Share of requests later than one millisecond.
    pub late_share: f64,
    /// Share of all cores' time taken by the hypervisor.
    pub steal: f64,
    /// Share of time in which a runnable task waited for a CPU; None when the kernel does not say.
    pub cpu_pressure: Option<f64>,
    /// The same just before the load began.
    pub idle_cpu_pressure: Option<f64>,
    /// CPU this process used, in cores.
    pub own_cpu: f64,
    /// The greatest share of one core that any one worker thread used.
    pub worker_cpu: f64,
    /// False when requests were lost from the account: the run is invalid.
    pub conserved: bool,
    /// Requests that failed for want of local descriptors or ports.
    pub generator_errors: u64,
    /// The greatest share of the measured requests of one second that failed for that.
    #[serde(default)]
    pub exhausted: f64,
    /// The greatest share of one second that any one load thread waited for a core, ready to run.
    #[serde(default)]
    pub starved: f64,
    /// The longest time between two turns of a load thread, which rests for 25 ms at most.
    #[serde(default)]
    pub standstill: Nanos,
    /// The greatest share of one second that a CPU quota held this process back.
    #[serde(default)]
    pub throttled: f64,
    /// The farthest that the wall clock was set, or the machine slept, between two readings.
    #[serde(default)]
    pub clock_step: Nanos,
    /// The most pages of this process that had to be fetched from a disk in one second.
    #[serde(default)]
    pub page_faults: f64,
    /// The longest time that an interval took to be stored.
    #[serde(default)]
    pub record_delay: Nanos,
}
