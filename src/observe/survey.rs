//! The machine as `doctor` finds it: looked at here, judged elsewhere.
//!
//! Everything is read below a root in which `/proc` and `/sys` lie, so that any machine can be made up for
//! a test. A file that is missing, not for us, or says something else than expected is a fact that the
//! machine does not tell.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::thread;

use super::machine;
use super::parse::cgroup::{self, Cgroup};
use super::parse::cpus;
use super::parse::machine::{self as parse, CpuTicks};
use crate::clock::{Clock, Monotonic};
use crate::model::{
    Activity, CpuQuota, Frequency, Hardware, HugePages, LimitsFound, Turbo, TurboSwitch,
};
use crate::units::{Bytes, Nanos};

/// How long the machine is watched.
const WINDOW: Nanos = Nanos::from_millis(500);
/// Length of the naps whose overshoot is the lateness of waking up.
const NAP: Nanos = Nanos::MILLISECOND;
/// Readings of the clock that are timed together.
const CLOCK_READINGS: u64 = 10_000;

/// A machine that is looked at.
#[derive(Debug, Clone)]
pub struct Machine {
    root: PathBuf,
}

impl Machine {
    /// This one.
    pub fn here() -> Self {
        Self::below("/")
    }

    /// One whose `proc` and `sys` lie below a folder.
    pub fn below(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// How it is built and set up.
    pub fn hardware(&self) -> Hardware {
        let cpuinfo = self.text("proc/cpuinfo").unwrap_or_default();
        let cpus = self.cpus();
        let status = self.text("proc/self/status");
        let allowed = status.and_then(|text| cpus::list(parse::field(&text, "Cpus_allowed_list")?));
        Hardware {
            model: parse::cpu_model(&cpuinfo),
            hypervisor: self.hypervisor(&cpuinfo),
            allowed: allowed.unwrap_or_default(),
            isolated: self.cpu_list("sys/devices/system/cpu/isolated"),
            siblings: self.siblings(&cpus),
            governors: self.governors(&cpus),
            frequency: self.frequency(),
            turbo: self.turbo(),
            clock_source: self
                .line("sys/devices/system/clocksource/clocksource0/current_clocksource"),
            huge_pages: self.huge_pages(),
            quota: self.quota(),
            memory_limit: self.memory_limit(),
            cpus,
        }
    }

    /// What a heavy load may run into.
    pub fn limits(&self) -> LimitsFound {
        let limits = self.text("proc/self/limits").unwrap_or_default();
        let (descriptors, descriptors_at_most) = parse::open_files(&limits);
        let ports = self.line("proc/sys/net/ipv4/ip_local_port_range");
        LimitsFound {
            descriptors,
            descriptors_at_most,
            ports: ports.and_then(|text| parse::port_range(&text)),
            backlog: self.number("proc/sys/net/core/somaxconn"),
        }
    }

    /// What happens on it now, and how well this process is served: watched for half a second.
    pub fn activity(&self) -> Activity {
        let first = Counters::read(self);
        let began = Monotonic.now();
        let lateness = lateness();
        let wall = Monotonic.now() - began;
        Activity {
            lateness,
            clock_reading: Some(clock_reading()),
            ..Counters::read(self).since(&first, wall)
        }
    }

    fn text(&self, path: &str) -> Option<String> {
        machine::text(self.root.join(path))
    }

    fn line(&self, path: &str) -> Option<String> {
        machine::line(self.root.join(path))
    }

    fn number(&self, path: &str) -> Option<u64> {
        self.line(path)?.parse().ok()
    }

    fn cpu_list(&self, path: &str) -> Vec<u32> {
        let text = self.line(path);
        text.and_then(|text| cpus::list(&text)).unwrap_or_default()
    }

    /// Those that are online; where `/sys` is missing, those that `/proc/stat` counts.
    fn cpus(&self) -> Vec<u32> {
        let online = self.cpu_list("sys/devices/system/cpu/online");
        if !online.is_empty() {
            return online;
        }
        let counted = self.text("proc/stat").and_then(|t| parse::cpu_ticks(&t));
        let counted = counted.and_then(|ticks| u32::try_from(ticks.cores).ok());
        (0..counted.unwrap_or(0)).collect()
    }

    /// x86 says by a flag that it is virtual, and every machine may say by its name.
    fn hypervisor(&self, cpuinfo: &str) -> Option<String> {
        let flags = cpuinfo.lines().find(|line| line.starts_with("flags"));
        let flagged =
            flags.is_some_and(|line| line.split_ascii_whitespace().any(|f| f == "hypervisor"));
        let xen = self.line("sys/hypervisor/type");
        let product = self.line("sys/class/dmi/id/product_name").filter(|name| {
            let name = name.to_ascii_lowercase();
            ["virtual", "kvm", "vmware", "qemu", "compute engine"]
                .iter()
                .any(|known| name.contains(known))
        });
        xen.or(product)
            .or(flagged.then(|| "a hypervisor".to_owned()))
    }

    fn of_cpu(&self, cpu: u32, file: &str) -> Option<String> {
        self.line(&format!("sys/devices/system/cpu/cpu{cpu}/{file}"))
    }

    fn siblings(&self, all: &[u32]) -> Vec<Vec<u32>> {
        let of = |cpu: &u32| cpus::list(&self.of_cpu(*cpu, "topology/thread_siblings_list")?);
        let cores: BTreeSet<Vec<u32>> = all.iter().filter_map(of).collect();
        cores.into_iter().filter(|core| core.len() > 1).collect()
    }

    fn governors(&self, all: &[u32]) -> Vec<String> {
        let of = |cpu: &u32| self.of_cpu(*cpu, "cpufreq/scaling_governor");
        let distinct: BTreeSet<String> = all.iter().filter_map(of).collect();
        distinct.into_iter().collect()
    }

    fn frequency(&self) -> Option<Frequency> {
        let of = |file: &str| self.of_cpu(0, file)?.parse().ok();
        Some(Frequency {
            least: of("cpufreq/cpuinfo_min_freq")?,
            base: of("cpufreq/base_frequency"),
            most: of("cpufreq/cpuinfo_max_freq")?,
        })
    }

    fn turbo(&self) -> Option<Turbo> {
        let intel = self.number("sys/devices/system/cpu/intel_pstate/no_turbo");
        let boost = self.number("sys/devices/system/cpu/cpufreq/boost");
        let intel = intel.map(|no| Turbo {
            on: no == 0,
            switch: TurboSwitch::IntelPstate,
        });
        intel.or(boost.map(|on| Turbo {
            on: on != 0,
            switch: TurboSwitch::Boost,
        }))
    }

    fn huge_pages(&self) -> Option<HugePages> {
        let chosen = |file: &str| {
            let path = format!("sys/kernel/mm/transparent_hugepage/{file}");
            parse::chosen(&self.line(&path)?).map(str::to_owned)
        };
        Some(HugePages {
            enabled: chosen("enabled")?,
            defrag: chosen("defrag"),
        })
    }

    fn groups(&self) -> Cgroup {
        let text = self.text("proc/self/cgroup");
        text.map_or_else(Cgroup::default, |text| cgroup::cgroup(&text))
    }

    fn quota(&self) -> Option<CpuQuota> {
        let groups = self.groups();
        let quota = machine::tightest(&self.root, &groups)?;
        let unified = machine::directories(&self.root, &machine::UNIFIED, groups.unified.as_ref());
        let version_1 = machine::directories(&self.root, &machine::CPU, groups.cpu.as_ref());
        let stats = unified.chain(version_1);
        let throttled = stats
            .filter_map(|at| cgroup::throttling(&machine::text(at.join("cpu.stat"))?))
            .map(|throttling| throttling.throttled_periods)
            .max();
        let micros = |us: u64| Nanos(us.saturating_mul(1_000));
        Some(CpuQuota {
            time: micros(quota.quota),
            period: micros(quota.period),
            throttled,
        })
    }

    fn memory_limit(&self) -> Option<Bytes> {
        let groups = self.groups();
        let read = |at: &Path, file: &str| cgroup::memory_limit(&machine::text(at.join(file))?);
        let unified = machine::directories(&self.root, &machine::UNIFIED, groups.unified.as_ref());
        let unified = unified.filter_map(|at| read(&at, "memory.max"));
        let memory = groups.memory.as_ref();
        let version_1 = machine::directories(&self.root, &machine::MEMORY, memory);
        let version_1 = version_1.filter_map(|at| read(&at, "memory.limit_in_bytes"));
        unified.chain(version_1).min().map(Bytes)
    }
}

/// What only grows, and what is true at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Counters {
    ticks: Option<CpuTicks>,
    cpu: Option<Nanos>,
    memory: Option<Nanos>,
    io: Option<Nanos>,
    swapped_in: Option<u64>,
    load: Option<f64>,
    available: Option<Bytes>,
}

impl Counters {
    /// Reads those of a machine.
    pub fn read(machine: &Machine) -> Self {
        let pressure = |of: &str| {
            let text = machine.text(&format!("proc/pressure/{of}"))?;
            parse::some_pressure(&text)
        };
        let load = machine.line("proc/loadavg");
        let memory = machine.text("proc/meminfo");
        Self {
            ticks: machine.text("proc/stat").and_then(|t| parse::cpu_ticks(&t)),
            cpu: pressure("cpu"),
            memory: pressure("memory"),
            io: pressure("io"),
            swapped_in: machine
                .text("proc/vmstat")
                .and_then(|text| cgroup::value(&text, "pswpin")),
            load: load.and_then(|text| text.split(' ').next()?.parse().ok()),
            available: memory
                .and_then(|text| parse::memory(&text, "MemAvailable"))
                .map(Bytes),
        }
    }

    /// What happened from `first` to these, which were read so much later.
    pub fn since(&self, first: &Self, wall: Nanos) -> Activity {
        let seconds = wall.as_secs_f64().max(1e-9);
        let tick = super::host::tick().as_secs_f64();
        let of_cpus = |of: fn(&CpuTicks) -> u64| {
            let (first, now) = (first.ticks?, self.ticks?);
            let grown = of(&now).saturating_sub(of(&first)) as f64 * tick;
            Some(grown / (seconds * now.cores.max(1) as f64))
        };
        let waited = |first: Option<Nanos>, now: Option<Nanos>| {
            let grown = now?.saturating_sub(first?);
            Some((grown.as_secs_f64() / seconds).min(1.0))
        };
        let swapped = self.swapped_in.zip(first.swapped_in);
        Activity {
            steal: of_cpus(|ticks| ticks.steal),
            busy: of_cpus(|ticks| ticks.busy),
            cpu_pressure: waited(first.cpu, self.cpu),
            memory_pressure: waited(first.memory, self.memory),
            io_pressure: waited(first.io, self.io),
            swapped_in: swapped.map(|(now, first)| now.saturating_sub(first) as f64 / seconds),
            lateness: None,
            clock_reading: None,
            load: self.load,
            memory_available: self.available,
        }
    }
}

/// Naps through the window; the 99th percentile of waking up too late.
fn lateness() -> Option<Nanos> {
    let end = Monotonic.now() + WINDOW;
    let mut late = Vec::new();
    while Monotonic.now() < end {
        let due = Monotonic.now() + NAP;
        thread::sleep(NAP.into());
        late.push(Monotonic.now() - due);
    }
    late.sort_unstable();
    late.get(late.len() * 99 / 100).copied()
}

/// The mean time of one reading.
fn clock_reading() -> Nanos {
    let began = Monotonic.now();
    let mut last = began;
    for _ in 0..CLOCK_READINGS {
        last = Monotonic.now();
    }
    Nanos((last - began).0 / CLOCK_READINGS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_can_be_looked_at() {
        let hardware = Machine::here().hardware();
        assert!(!hardware.cpus.is_empty(), "{hardware:?}");
        assert!(!hardware.allowed.is_empty(), "{hardware:?}");
        let limits = Machine::here().limits();
        assert!(limits.ports.is_some_and(|n| n > 0), "{limits:?}");
        let activity = Machine::here().activity();
        assert!(
            activity.busy.is_some_and(|b| b >= 0.0 && b.is_finite()),
            "{activity:?}"
        );
        assert!(activity.lateness.is_some() && activity.clock_reading.is_some());
    }

    #[test]
    fn a_machine_without_files_tells_nothing() {
        let empty = tempfile::tempdir().unwrap();
        let machine = Machine::below(empty.path());
        assert_eq!(machine.hardware(), Hardware::default());
        assert_eq!(machine.limits(), LimitsFound::default());
        let counters = Counters::read(&machine);
        let activity = counters.since(&counters, Nanos::SECOND);
        assert_eq!(activity, Activity::default());
    }

    #[test]
    fn what_grew_counts_by_time_and_cpu() {
        let counters = |busy, steal, pressure, swapped| Counters {
            ticks: Some(CpuTicks {
                cores: 2,
                busy,
                steal,
            }),
            cpu: Some(Nanos::from_millis(pressure)),
            swapped_in: Some(swapped),
            ..Counters::default()
        };
        let per_second = Nanos::SECOND.0 / super::super::host::tick().0;
        let (first, now) = (
            counters(1000, 10, 100, 7),
            counters(1000 + per_second, 10 + per_second / 2, 350, 27),
        );
        let seen = now.since(&first, Nanos::SECOND);
        assert_eq!(seen.busy, Some(0.5));
        assert_eq!(seen.steal, Some(0.25));
        assert_eq!(seen.cpu_pressure, Some(0.25));
        assert_eq!(seen.swapped_in, Some(20.0));
        assert_eq!(seen.memory_pressure, None);
    }
}
