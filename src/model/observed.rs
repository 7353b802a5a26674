//! What a second showed of the target beyond requests: its processes, its own metrics, its health.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::units::{Bytes, Nanos};
use crate::untrusted::Untrusted;

/// The target's processes in detail, summed. Times, faults, switches and bytes count from their
/// start. What the kernel does not tell is `None` or empty, never zero.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct TargetDetail {
    /// CPU time by kind, counted in ticks of the kernel.
    pub user: Nanos,
    pub system: Nanos,
    /// CPU time by thread name, the greatest of them; of a name that ends in a number, by what is
    /// before it, as `worker-*`.
    pub thread_cpu: BTreeMap<String, Nanos>,
    pub memory: Option<MemoryDetail>,
    pub minor_faults: u64,
    pub major_faults: u64,
    pub voluntary_switches: u64,
    pub involuntary_switches: u64,
    /// Descriptors by kind: `socket`, `file`, `pipe`, `event`, `other`.
    pub descriptors: BTreeMap<String, u64>,
    /// The least soft limit on open files among the processes.
    pub descriptor_limit: Option<u64>,
    /// Threads by the kernel's letter for their state: `R`, `S`, `D`, `T`, `Z`.
    pub thread_states: BTreeMap<String, u64>,
    /// Threads that wait, by what they wait for in the kernel.
    pub waiting: BTreeMap<String, u64>,
    /// Sockets by state: `established`, `listen`, `close-wait`, …
    pub sockets: BTreeMap<String, u64>,
    /// Connections that wait in the queues of its listening sockets.
    pub accept_queue: Option<u64>,
    /// Through system calls, files and sockets alike.
    pub read: Option<Bytes>,
    pub written: Option<Bytes>,
    pub cgroup: Option<CgroupDetail>,
}

/// Resident memory by what it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct MemoryDetail {
    pub anonymous: Bytes,
    pub file: Bytes,
    pub shared: Bytes,
    pub swapped: Bytes,
}

/// The control group of the target, where it has limits of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct CgroupDetail {
    /// Cores' worth of CPU time it may use, in thousandths.
    pub quota_millicores: Option<u64>,
    pub periods: u64,
    pub throttled_periods: u64,
    pub throttled: Nanos,
    pub memory: Option<Bytes>,
    pub memory_limit: Option<Bytes>,
    pub oom_kills: u64,
}

/// Name of a series and what tells it from others of that name, as Prometheus writes them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct SeriesName {
    pub metric: String,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
}

/// One value that the target said of itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Scraped {
    #[serde(flatten)]
    pub series: SeriesName,
    /// Finite.
    pub value: f64,
}

/// One look at a component of the target.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Health {
    pub name: String,
    /// It answered, as it should, in time.
    pub up: bool,
    pub took: Nanos,
    /// Why it is not up: `answered 503`, `timed out after 1 s`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Numbers found in its answer, by JSON pointer.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub readings: BTreeMap<String, f64>,
}

impl SeriesName {
    pub fn new(metric: &str, labels: &[(&str, &str)]) -> Self {
        let owned = |(k, v): &(&str, &str)| ((*k).to_owned(), (*v).to_owned());
        Self {
            metric: metric.to_owned(),
            labels: labels.iter().map(owned).collect(),
        }
    }
}

impl std::fmt::Display for SeriesName {
    /// `name{label="value"}`, as Prometheus writes it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.metric)?;
        if self.labels.is_empty() {
            return Ok(());
        }
        let label = |value: &String| Untrusted::from(value.as_str()).label();
        let labels = self.labels.iter();
        let labels = labels.map(|(k, v)| format!("{k}=\"{}\"", label(v)));
        write!(f, "{{{}}}", labels.collect::<Vec<_>>().join(","))
    }
}
