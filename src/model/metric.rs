//! The metrics by name: unit, direction, default allowance, and what noise spoils them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{Change, Custom, ErrorClass};
use crate::units::Unit;

/// A statistic of a distribution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Stat {
    Mean,
    P50,
    P90,
    P95,
    P99,
    P999,
    Max,
}

impl Stat {
    pub const ALL: [Self; 7] = [
        Self::Mean,
        Self::P50,
        Self::P90,
        Self::P95,
        Self::P99,
        Self::P999,
        Self::Max,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Mean => "mean",
            Self::P50 => "p50",
            Self::P90 => "p90",
            Self::P95 => "p95",
            Self::P99 => "p99",
            Self::P999 => "p99.9",
            Self::Max => "max",
        }
    }

    /// The probability of a percentile; None for mean and max.
    pub const fn quantile(self) -> Option<f64> {
        match self {
            Self::Mean | Self::Max => None,
            Self::P50 => Some(0.50),
            Self::P90 => Some(0.90),
            Self::P95 => Some(0.95),
            Self::P99 => Some(0.99),
            Self::P999 => Some(0.999),
        }
    }
}

/// Which direction is an improvement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Better {
    Lower,
    Higher,
}

/// What a busy machine does to a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NoiseClass {
    /// Steal, pressure and lateness spoil it.
    Timing,
    /// Stays usable on a busy machine: CPU per request, memory, descriptors, error counts.
    Resource,
}

/// A number a round has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Metric {
    Latency(Stat),
    ServiceTime(Stat),
    Lateness(Stat),
    Wait(Stat),
    ThroughputAsked,
    ThroughputSent,
    ThroughputOk,
    ErrorsRate,
    Errors(ErrorClass),
    RetriesRate,
    BytesIn,
    BytesOut,
    CpuPerRequest,
    CpuUtilisation,
    RssPeak,
    RssEnd,
    RssSlope,
    FdsPeak,
    ThreadsPeak,
    /// From the end of a fault until the traffic is as before.
    RecoveryTime,
    HealthScore,
    /// Of a run, not of a round: what a search for capacity finds.
    CapacityKnee,
    /// A number that others measured and named.
    Custom(Custom),
}

impl Metric {
    /// Every metric that Plimsoll measures.
    pub fn all() -> impl Iterator<Item = Self> {
        let by_stat = [Self::Latency, Self::ServiceTime, Self::Lateness, Self::Wait]
            .into_iter()
            .flat_map(|family| Stat::ALL.into_iter().map(family));
        let plain = [
            Self::ThroughputAsked,
            Self::ThroughputSent,
            Self::ThroughputOk,
            Self::ErrorsRate,
            Self::RetriesRate,
            Self::BytesIn,
            Self::BytesOut,
            Self::CpuPerRequest,
            Self::CpuUtilisation,
            Self::RssPeak,
            Self::RssEnd,
            Self::RssSlope,
            Self::FdsPeak,
            Self::ThreadsPeak,
            Self::RecoveryTime,
            Self::HealthScore,
            Self::CapacityKnee,
        ];
        by_stat
            .chain(plain)
            .chain(ErrorClass::ALL.into_iter().map(Self::Errors))
    }

    pub fn name(self) -> String {
        match self {
            Self::Latency(s) => format!("latency.{}", s.name()),
            Self::ServiceTime(s) => format!("service-time.{}", s.name()),
            Self::Lateness(s) => format!("lateness.{}", s.name()),
            Self::Wait(s) => format!("wait.{}", s.name()),
            Self::Errors(class) => format!("errors.{}", class.name()),
            Self::ThroughputAsked => "throughput.asked".into(),
            Self::ThroughputSent => "throughput.sent".into(),
            Self::ThroughputOk => "throughput.ok".into(),
            Self::ErrorsRate => "errors.rate".into(),
            Self::RetriesRate => "retries.rate".into(),
            Self::BytesIn => "bytes.in".into(),
            Self::BytesOut => "bytes.out".into(),
            Self::CpuPerRequest => "cpu.per-request".into(),
            Self::CpuUtilisation => "cpu.utilisation".into(),
            Self::RssPeak => "memory.rss.peak".into(),
            Self::RssEnd => "memory.rss.end".into(),
            Self::RssSlope => "memory.rss.slope".into(),
            Self::FdsPeak => "fds.peak".into(),
            Self::ThreadsPeak => "threads.peak".into(),
            Self::RecoveryTime => "recovery.time".into(),
            Self::HealthScore => "health.score".into(),
            Self::CapacityKnee => "capacity.knee".into(),
            Self::Custom(custom) => custom.name().to_owned(),
        }
    }

    pub const fn unit(self) -> Unit {
        match self {
            Self::Latency(_)
            | Self::ServiceTime(_)
            | Self::Lateness(_)
            | Self::Wait(_)
            | Self::CpuPerRequest
            | Self::RecoveryTime => Unit::Time,
            Self::ThroughputAsked
            | Self::ThroughputSent
            | Self::ThroughputOk
            | Self::CapacityKnee => Unit::PerSecond,
            Self::ErrorsRate
            | Self::Errors(_)
            | Self::RetriesRate
            | Self::CpuUtilisation
            | Self::HealthScore => Unit::Share,
            Self::BytesIn | Self::BytesOut | Self::RssPeak | Self::RssEnd => Unit::Bytes,
            Self::RssSlope => Unit::BytesPerSecond,
            Self::FdsPeak | Self::ThreadsPeak => Unit::Count,
            Self::Custom(custom) => custom.unit(),
        }
    }

    pub const fn better(self) -> Better {
        match self {
            Self::ThroughputAsked
            | Self::ThroughputSent
            | Self::ThroughputOk
            | Self::HealthScore
            | Self::CapacityKnee => Better::Higher,
            Self::Custom(custom) => custom.better(),
            _ => Better::Lower,
        }
    }

    pub const fn noise_class(self) -> NoiseClass {
        match self {
            Self::Latency(_)
            | Self::ServiceTime(_)
            | Self::Lateness(_)
            | Self::Wait(_)
            | Self::ThroughputAsked
            | Self::ThroughputSent
            | Self::ThroughputOk
            | Self::CpuUtilisation
            | Self::RecoveryTime
            | Self::CapacityKnee => NoiseClass::Timing,
            _ => NoiseClass::Resource,
        }
    }

    /// The change that is tolerated when a threshold names none.
    pub const fn default_change(self) -> Change {
        match self {
            Self::ErrorsRate | Self::Errors(_) => Change::Points(0.001),
            Self::RetriesRate | Self::HealthScore => Change::Points(0.01),
            Self::ThroughputAsked
            | Self::ThroughputSent
            | Self::ThroughputOk
            | Self::CpuPerRequest
            | Self::CpuUtilisation => Change::Relative(0.03),
            Self::Latency(s) | Self::ServiceTime(s) | Self::Lateness(s) | Self::Wait(s) => {
                match s {
                    Stat::Mean | Stat::P50 | Stat::P90 | Stat::P95 => Change::Relative(0.05),
                    Stat::P99 => Change::Relative(0.10),
                    Stat::P999 | Stat::Max => Change::Relative(0.15),
                }
            }
            Self::RecoveryTime => Change::Relative(0.10),
            _ => Change::Relative(0.05),
        }
    }

    /// A smaller change than this is no news, whatever share it is: a descriptor or a thread more at
    /// the peak of a round is chance, and of a small process a tenth.
    pub const fn default_floor(self) -> Option<f64> {
        match self {
            Self::FdsPeak | Self::ThreadsPeak => Some(2.0),
            _ => None,
        }
    }

    /// True when the target's process must be observed for this metric.
    pub const fn needs_process(self) -> bool {
        matches!(
            self,
            Self::CpuPerRequest
                | Self::CpuUtilisation
                | Self::RssPeak
                | Self::RssEnd
                | Self::RssSlope
                | Self::FdsPeak
                | Self::ThreadsPeak
        )
    }

    /// True when it is a share of requests, often zero, whose changes are percentage points.
    pub const fn is_share_of_requests(self) -> bool {
        matches!(self, Self::ErrorsRate | Self::Errors(_) | Self::RetriesRate)
    }

    /// One sentence for `explain` and for reports.
    pub const fn describe(self) -> &'static str {
        match self {
            Self::Latency(_) => {
                "Time from the intended start of a request to the last byte of its body. Requests that timed out or were cut off are in it, as at least the time they took."
            }
            Self::ServiceTime(_) => {
                "Time from the actual send to the last byte of the body, of answered requests."
            }
            Self::Lateness(_) => {
                "Actual start minus intended start: delay caused by the load generator or its machine, never by the target."
            }
            Self::Wait(_) => {
                "Time a due request waited for a free connection because all were busy with unanswered requests."
            }
            Self::ThroughputAsked => "Requests per second the plan asked for.",
            Self::ThroughputSent => "Requests per second that left the generator.",
            Self::ThroughputOk => "Requests per second that were answered as expected.",
            Self::ErrorsRate => {
                "Share of due requests that were not answered as expected, whatever the reason."
            }
            Self::Errors(_) => "Share of due requests that failed in this way.",
            Self::RetriesRate => {
                "Attempts that failed and were made again by `retry`, divided by the requests that were due. More than 100 % when most requests take several."
            }
            Self::BytesIn => "Bytes received per answered request, heads included.",
            Self::BytesOut => "Bytes sent per request, heads included.",
            Self::CpuPerRequest => {
                "CPU time of all threads of the target divided by the requests it answered. Steady on busy machines."
            }
            Self::CpuUtilisation => "CPU time of the target divided by time: 100 % is one core.",
            Self::RssPeak => "Greatest resident memory of the target.",
            Self::RssEnd => "Resident memory of the target at the end of the round.",
            Self::RssSlope => {
                "Growth of resident memory over the measured phases (Theil–Sen slope)."
            }
            Self::FdsPeak => "Greatest number of open descriptors of the target.",
            Self::ThreadsPeak => "Greatest number of threads of the target.",
            Self::RecoveryTime => {
                "Time to recover: from the end of a `[[fault]]` until errors and latency are as before it, and stay so for 3 s; of several faults the longest. A lower bound when they never are within the round."
            }
            Self::HealthScore => {
                "Share of the answers to `[[health]]` probes that said that the component is well."
            }
            Self::CapacityKnee => {
                "The rate at which half of the rounds still hold: what a `search` phase finds, with its interval. A scenario without one has no such value."
            }
            Self::Custom(_) => "Measured and named by others.",
        }
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.name())
    }
}

/// The name is no metric.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown metric `{0}`")]
pub struct UnknownMetric(pub String);

impl FromStr for Metric {
    type Err = UnknownMetric;

    fn from_str(name: &str) -> Result<Self, UnknownMetric> {
        Self::all()
            .find(|m| m.name() == name)
            .ok_or_else(|| UnknownMetric(name.to_owned()))
    }
}

impl TryFrom<String> for Metric {
    type Error = UnknownMetric;

    fn try_from(name: String) -> Result<Self, UnknownMetric> {
        Custom::read(&name).map_or_else(|| name.parse(), |custom| Ok(Self::Custom(custom)))
    }
}

impl From<Metric> for String {
    fn from(metric: Metric) -> Self {
        match metric {
            Metric::Custom(custom) => custom.written(),
            known => known.name(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_reads_back() {
        for metric in Metric::all() {
            assert_eq!(metric.name().parse(), Ok(metric));
        }
        assert!("latency.p42".parse::<Metric>().is_err());
    }
}
