//! Can this machine measure anything today? What `doctor` shows.
//!
//! Facts are read first and judged afterwards, so that the judgement can be tested on any machine.

use std::thread;

use super::host::Host;
use super::limits::Limits;
use super::machine::{self, UNKNOWN};
use super::parse::machine as parse;
use crate::clock::{Clock, Monotonic};
use crate::model::Contaminant;
use crate::units::{Bytes, Nanos, Unit};

/// How long the machine is watched.
const WINDOW: Nanos = Nanos::from_millis(500);
/// Length of the naps whose overshoot is the lateness of waking up.
const NAP: Nanos = Nanos::MILLISECOND;

/// Limits beyond which a reading is a warning, besides those that make a round contaminated.
const BUSY: f64 = 0.5;
const DESCRIPTORS: u64 = 4096;
const PORTS: u64 = 10_000;
const MEMORY: u64 = 512 << 20;

/// Whether a reading is fit for measuring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Soundness {
    Ok,
    Warn,
}

/// One property of the machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    pub name: &'static str,
    /// With its unit.
    pub value: String,
    pub verdict: Soundness,
    /// What a warning costs: which numbers suffer, and how.
    pub cost: Option<&'static str>,
    /// What to do about it.
    pub hint: Option<&'static str>,
}

/// Looks at the machine for half a second.
pub fn machine() -> Vec<Reading> {
    Facts::read().readings()
}

/// What is judged; None where the machine does not say.
#[derive(Debug, Clone, Default)]
struct Facts {
    model: String,
    cores: u64,
    /// Cores this process may run on.
    allowed: u64,
    /// In cores.
    quota: Option<f64>,
    governor: Option<String>,
    clock_source: Option<String>,
    steal: f64,
    busy: f64,
    pressure: Option<f64>,
    /// 99th percentile of waking up too late.
    lateness: Nanos,
    load: Option<f64>,
    /// Greatest number of open files; `u64::MAX` without a limit.
    descriptors: u64,
    ports: Option<u64>,
    memory: Option<u64>,
}

impl Facts {
    fn read() -> Self {
        let fingerprint = machine::fingerprint("");
        let limits = Limits::read();
        let host = Host::new();
        let start = Monotonic.now();
        let lateness = lateness();
        let wall = (Monotonic.now() - start).as_secs_f64();
        let sample = host.read();
        let all_cores = wall * sample.cores.max(1) as f64;
        Self {
            model: fingerprint.cpu_model,
            cores: fingerprint.cores,
            allowed: limits.cores.unwrap_or(fingerprint.cores),
            quota: limits.quota,
            governor: machine::governor(),
            clock_source: machine::line(
                "/sys/devices/system/clocksource/clocksource0/current_clocksource",
            ),
            steal: sample.steal.as_secs_f64() / all_cores,
            busy: sample.busy.as_secs_f64() / all_cores,
            pressure: sample
                .cpu_pressure
                .map(|pressure| (pressure.as_secs_f64() / wall).min(1.0)),
            lateness,
            load: machine::line("/proc/loadavg")
                .and_then(|text| text.split(' ').next()?.parse().ok()),
            descriptors: limits.descriptors.unwrap_or(u64::MAX),
            ports: limits.ports,
            memory: machine::text("/proc/meminfo")
                .and_then(|text| parse::memory(&text, "MemAvailable")),
        }
    }

    fn readings(&self) -> Vec<Reading> {
        self.hardware()
            .into_iter()
            .chain(self.disturbance())
            .chain(self.limits())
            .collect()
    }

    /// What stays the same from day to day.
    fn hardware(&self) -> [Reading; 5] {
        let quota = self.quota.map(|cores| format!("{cores:.1} cores"));
        [
            reading("CPU", format!("{} × {}", self.cores, self.model)),
            reading("cores allowed", self.allowed.to_string()).warn_if(
                self.allowed < 2,
                "generator and target share a core, and each slows the other",
                "use a machine with two cores or more, and lift taskset and cpuset limits",
            ),
            reading("cgroup limit", quota.unwrap_or_else(|| "none".to_owned())).warn_if(
                self.quota.is_some(),
                "all processes are halted when the quota of a period is used up, which latency \
                 shows as pauses",
                "lift the CPU limit of the container; requests and reservations do no harm",
            ),
            reading(
                "governor",
                self.governor
                    .clone()
                    .unwrap_or_else(|| "none (decided outside)".to_owned()),
            )
            .warn_if(
                self.governor.as_deref().is_some_and(|g| g != "performance"),
                "the clock frequency follows the load, so CPU time and latency do as well",
                "cpupower frequency-set -g performance",
            ),
            reading("clock source", known(self.clock_source.clone())).warn_if(
                matches!(
                    self.clock_source.as_deref(),
                    Some("hpet" | "acpi_pm" | "jiffies" | "refined-jiffies")
                ),
                "every reading of the clock is slow or coarse",
                "boot with clocksource=tsc where the hardware allows it",
            ),
        ]
    }

    /// What else happens on the machine now.
    fn disturbance(&self) -> [Reading; 5] {
        let share = |value| Unit::Share.format(value);
        [
            reading("steal now", share(self.steal)).warn_if(
                self.steal > Contaminant::Steal.limit(),
                "the hypervisor takes time away: latency is contaminated, CPU per request is not",
                "use a dedicated machine, or put the threshold on cpu.per-request",
            ),
            reading("CPU in use now", share(self.busy)).warn_if(
                self.busy > BUSY,
                "other processes compete with generator and target",
                "end what else runs, or measure later",
            ),
            match self.pressure {
                None => reading("CPU pressure now", "unknown".to_owned()).warn_if(
                    true,
                    "nobody would see tasks wait for a CPU and spoil the latencies",
                    "boot the kernel with psi=1, which brings /proc/pressure",
                ),
                Some(pressure) => reading("CPU pressure now", share(pressure)).warn_if(
                    pressure > Contaminant::CpuPressure.limit(),
                    "tasks wait for a CPU: latency cannot be trusted",
                    "end what else runs, or measure later",
                ),
            },
            reading("wake-up lateness", format!("{} at p99", self.lateness)).warn_if(
                self.lateness.0 as f64 > Contaminant::Lateness.limit(),
                "requests leave late, and rounds are contaminated by it",
                "quieten the machine, or give the generator a core of its own",
            ),
            reading(
                "load over a minute",
                known(self.load.map(|load| format!("{load:.2}"))),
            )
            .warn_if(
                self.load
                    .is_some_and(|load| load > BUSY * self.cores as f64),
                "the machine was busy just now and may become so again",
                "wait a minute and look again",
            ),
        ]
    }

    /// What a heavy load may run into.
    fn limits(&self) -> [Reading; 3] {
        let descriptors = match self.descriptors {
            u64::MAX => "none".to_owned(),
            n => n.to_string(),
        };
        [
            reading("open files limit", descriptors).warn_if(
                self.descriptors < DESCRIPTORS,
                "with many connections requests fail by the generator's fault",
                "ulimit -n 65536",
            ),
            reading("local ports", known(self.ports)).warn_if(
                self.ports.is_some_and(|n| n < PORTS),
                "a closed connection keeps its port for a minute, and they run out",
                "sysctl -w net.ipv4.ip_local_port_range='10000 65000'",
            ),
            reading("memory available", known(self.memory.map(Bytes))).warn_if(
                self.memory.is_some_and(|n| n < MEMORY),
                "generator or target may be swapped out or killed",
                "end what else uses memory",
            ),
        ]
    }
}

fn known(value: Option<impl ToString>) -> String {
    value.map_or_else(|| UNKNOWN.to_owned(), |value| value.to_string())
}

fn reading(name: &'static str, value: String) -> Reading {
    Reading {
        name,
        value,
        verdict: Soundness::Ok,
        cost: None,
        hint: None,
    }
}

impl Reading {
    fn warn_if(mut self, unsound: bool, cost: &'static str, hint: &'static str) -> Self {
        if unsound {
            self.verdict = Soundness::Warn;
            self.cost = Some(cost);
            self.hint = Some(hint);
        }
        self
    }
}

/// Naps through the window; the 99th percentile of waking up too late.
fn lateness() -> Nanos {
    let end = Monotonic.now() + WINDOW;
    let mut late = Vec::new();
    while Monotonic.now() < end {
        let due = Monotonic.now() + NAP;
        thread::sleep(NAP.into());
        late.push(Monotonic.now() - due);
    }
    late.sort_unstable();
    late.get(late.len() * 99 / 100)
        .copied()
        .unwrap_or(Nanos::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quiet() -> Facts {
        Facts {
            model: "Test CPU".to_owned(),
            cores: 4,
            allowed: 4,
            clock_source: Some("tsc".to_owned()),
            governor: Some("performance".to_owned()),
            pressure: Some(0.01),
            lateness: Nanos(60_000),
            load: Some(0.2),
            descriptors: 65_536,
            ports: Some(28_232),
            memory: Some(8 << 30),
            ..Facts::default()
        }
    }

    fn warnings(facts: &Facts) -> Vec<String> {
        facts
            .readings()
            .into_iter()
            .filter(|reading| reading.verdict == Soundness::Warn)
            .map(|reading| format!("{}: {}", reading.name, reading.value))
            .collect()
    }

    #[test]
    fn a_quiet_machine_has_no_warning() {
        assert_eq!(warnings(&quiet()), Vec::<String>::new());
    }

    #[test]
    fn each_disturbance_is_a_warning_of_its_own() {
        let noisy = Facts {
            allowed: 1,
            quota: Some(1.5),
            governor: Some("powersave".to_owned()),
            clock_source: Some("hpet".to_owned()),
            steal: 0.31,
            busy: 0.9,
            pressure: None,
            lateness: Nanos::from_millis(4),
            load: Some(7.5),
            descriptors: 1024,
            ports: Some(1000),
            memory: Some(100 << 20),
            ..quiet()
        };
        insta::assert_snapshot!(warnings(&noisy).join("\n"), @r"
        cores allowed: 1
        cgroup limit: 1.5 cores
        governor: powersave
        clock source: hpet
        steal now: 31 %
        CPU in use now: 90 %
        CPU pressure now: unknown
        wake-up lateness: 4 ms at p99
        load over a minute: 7.50
        open files limit: 1024
        local ports: 1000
        memory available: 100 MiB
        ");
        for reading in noisy.readings() {
            let warns = reading.verdict == Soundness::Warn;
            assert_eq!(reading.cost.is_some(), warns, "{}", reading.name);
            assert_eq!(reading.hint.is_some(), warns, "{}", reading.name);
        }
    }

    #[test]
    fn this_machine_can_be_looked_at() {
        let facts = Facts::read();
        assert!(facts.cores >= facts.allowed && facts.allowed > 0);
        assert!(facts.busy.is_finite() && facts.busy >= 0.0, "{facts:?}");
        assert!(facts.lateness < Nanos::MAX);
    }
}
