//! One second of a round: what the workers counted, and what the machine showed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Distribution, ErrorClass, Health, Latencies, Scraped, TargetDetail};
use crate::units::{Bytes, Nanos};

/// Failed requests by class.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Failures(pub BTreeMap<ErrorClass, u64>);

impl Failures {
    pub fn add(&mut self, class: ErrorClass, n: u64) {
        if n > 0 {
            *self.0.entry(class).or_default() += n;
        }
    }

    pub fn count(&self, class: ErrorClass) -> u64 {
        self.0.get(&class).copied().unwrap_or(0)
    }

    pub fn total(&self) -> u64 {
        self.0.values().sum()
    }

    /// Those of requests that were never sent.
    pub fn unsent(&self) -> u64 {
        let unsent = self.0.iter().filter(|(class, _)| class.is_unsent());
        unsent.map(|(_, n)| n).sum()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Where the requests of a cell went.
///
/// Conservation over a whole round: `due = sent + unsent` and
/// `sent = answered + failures of sent requests (in flight at the end included)`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Tally {
    /// Asked for by the plan.
    pub due: u64,
    /// Written, or begun to be written, to a connection.
    pub sent: u64,
    /// Given up before they were sent, for want of a connection or because they were held back.
    pub unsent: u64,
    /// Answered as expected.
    pub answered: u64,
    /// Everything that was due and was not answered as expected, the unsent included.
    pub failures: Failures,
    /// Attempts that failed and were tried again; the request is counted once, where it ends.
    #[serde(default, skip_serializing_if = "Failures::is_empty")]
    pub retried: Failures,
    pub bytes_in: Bytes,
    pub bytes_out: Bytes,
}

impl Tally {
    pub fn merge(&mut self, other: &Self) {
        self.due += other.due;
        self.sent += other.sent;
        self.unsent += other.unsent;
        self.answered += other.answered;
        for (&class, &n) in &other.failures.0 {
            self.failures.add(class, n);
        }
        for (&class, &n) in &other.retried.0 {
            self.retried.add(class, n);
        }
        self.bytes_in.0 += other.bytes_in.0;
        self.bytes_out.0 += other.bytes_out.0;
    }

    /// True when no request was lost, for a whole round.
    pub fn conserves(&self) -> bool {
        let failed = self.failures.total();
        let unsent = self.failures.unsent();
        self.unsent == unsent
            && self.due == self.sent + self.unsent
            && self.sent == self.answered + failed - unsent
    }
}

/// Where the time of answered requests went, summed over them.
///
/// The parts of a latency add up to it, and so do their means. Percentiles of parts do not, so none
/// are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Parts {
    /// The generator took the request up too late.
    pub lateness: Nanos,
    /// It waited for a free connection.
    pub wait: Nanos,
    /// It was tried before, or redirected: all that time, pauses included.
    pub earlier: Nanos,
    /// A connection was opened for it.
    pub connect: Nanos,
    /// TLS, and what HTTP/2 has to settle first.
    pub tls: Nanos,
    /// The socket did not take all of the request at once.
    pub write: Nanos,
    /// From the request written to the first bytes of the answer.
    pub first_byte: Nanos,
    /// From those to the last.
    pub body: Nanos,
}

impl Parts {
    /// With their names, in the order of time.
    pub const fn named(self) -> [(&'static str, Nanos); 8] {
        [
            ("lateness", self.lateness),
            ("wait", self.wait),
            ("earlier attempts", self.earlier),
            ("connect", self.connect),
            ("tls", self.tls),
            ("write", self.write),
            ("first byte", self.first_byte),
            ("body", self.body),
        ]
    }

    pub fn merge(&mut self, other: &Self) {
        self.lateness += other.lateness;
        self.wait += other.wait;
        self.earlier += other.earlier;
        self.connect += other.connect;
        self.tls += other.tls;
        self.write += other.write;
        self.first_byte += other.first_byte;
        self.body += other.body;
    }

    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The requests of one phase and step: of an interval, or of a whole round.
///
/// A request belongs to the phase of its intended start and to the interval in which its fate was
/// known.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Cell {
    /// Index into [`Outline::phases`](super::Outline::phases).
    pub phase: usize,
    /// Index into [`Outline::steps`](super::Outline::steps).
    pub step: usize,
    pub tally: Tally,
    /// From the intended start to the last body byte.
    pub latency: Latencies,
    /// From the actual send to the last body byte, of the answered.
    pub service: Distribution,
    /// From the intended start to the moment the generator took the request up, of all taken up.
    pub lateness: Distribution,
    /// From then to the moment a connection was free, of the sent.
    pub wait: Distribution,
    /// Of the answered.
    #[serde(default, skip_serializing_if = "Parts::is_empty")]
    pub parts: Parts,
}

impl Cell {
    pub fn merge(&mut self, other: &Self) {
        self.tally.merge(&other.tally);
        self.latency.merge(&other.latency);
        self.service.merge(&other.service);
        self.lateness.merge(&other.lateness);
        self.wait.merge(&other.wait);
        self.parts.merge(&other.parts);
    }
}

/// What all workers counted in one stretch of a round.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Interval {
    /// Round it belongs to, counted from 0 over the whole run.
    pub round: usize,
    /// Start, from the beginning of the round's first phase.
    pub start: Nanos,
    pub length: Nanos,
    pub cells: Vec<Cell>,
    /// Requests sent and not yet answered at the end of the interval.
    pub in_flight: u64,
    /// The longest time between two turns of a load thread, of those that ended in it.
    #[serde(default, skip_serializing_if = "Nanos::is_zero")]
    pub standstill: Nanos,
}

/// One reading of the machine, taken each second and at every phase boundary.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Sample {
    pub round: usize,
    /// From the beginning of the round's first phase.
    pub at: Nanos,
    /// None when the target's processes are not known, or are gone.
    pub target: Option<TargetSample>,
    /// The same in detail, at whole seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<Box<TargetDetail>>,
    /// What the target said of itself since the last sample.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scraped: Vec<Scraped>,
    /// Components that were probed since the last sample.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub health: Vec<Health>,
    pub host: HostSample,
    /// CPU time this process has used since the round began.
    pub own_cpu: Nanos,
    /// What happened to this process since the sample before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generator: Option<GeneratorSample>,
}

/// What happened to this process since it was read before. What the kernel does not tell is zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct GeneratorSample {
    /// Since then.
    pub wall: Nanos,
    /// Time that a load thread was ready to run and had no core, of the thread that waited longest.
    pub starved: Nanos,
    /// Time that a CPU quota of its control group, or of one above, held it back.
    pub throttled: Nanos,
    /// How far the wall clock, or the one that counts sleep, moved against the monotonic one.
    pub clock_step: Nanos,
    /// Pages that had to be fetched from a disk.
    pub major_faults: u64,
}

/// The target's processes, summed. CPU counts from their start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TargetSample {
    pub cpu: Nanos,
    pub rss: Bytes,
    pub fds: u64,
    pub threads: u64,
    pub processes: u64,
}

/// The machine. Times count from the beginning of the round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct HostSample {
    pub cores: u64,
    /// Time in which at least one runnable task waited for a CPU; None without pressure information.
    pub cpu_pressure: Option<Nanos>,
    /// CPU time taken by the hypervisor, over all cores.
    pub steal: Nanos,
    /// CPU time used by anyone, over all cores, without steal.
    pub busy: Nanos,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tally_conserves_only_if_every_request_is_somewhere() {
        let mut tally = Tally {
            due: 10,
            sent: 9,
            unsent: 1,
            answered: 6,
            ..Tally::default()
        };
        tally.failures.add(ErrorClass::TimeoutWait, 1);
        tally.failures.add(ErrorClass::Reset, 2);
        tally.failures.add(ErrorClass::InFlight, 1);
        assert!(tally.conserves());
        tally.answered -= 1;
        assert!(!tally.conserves());
    }
}
