//! The texts of `/proc` and `/sys`, as documented in proc(5) and the kernel's own documentation.

use crate::units::Nanos;

/// The fields of `/proc/PID/stat` that are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ProcessStat {
    /// One letter; `Z` is a zombie.
    pub(super) state: char,
    pub(super) group: u32,
    /// User and system time of all its threads, the ended ones included, in ticks.
    pub(super) ticks: u64,
    /// The same of all its children that it has waited for.
    pub(super) children_ticks: u64,
    pub(super) threads: u64,
    /// In ticks after boot; tells two processes of the same id apart.
    pub(super) started: u64,
}

/// Reads `/proc/PID/stat`; the name in parentheses may hold spaces and parentheses itself.
pub(super) fn process_stat(text: &str) -> Option<ProcessStat> {
    let after_name = &text[text.rfind(')')? + 1..];
    // proc(5) counts from 1; the state is field 3.
    let fields: Vec<&str> = after_name.split_ascii_whitespace().collect();
    let field = |number: usize| fields.get(number - 3).copied();
    let count = |number: usize| field(number)?.parse::<u64>().ok();
    Some(ProcessStat {
        state: field(3)?.chars().next()?,
        group: field(5)?.parse().ok()?,
        ticks: count(14)? + count(15)?,
        children_ticks: count(16)? + count(17)?,
        threads: count(20)?,
        started: count(22)?,
    })
}

/// Time on a CPU, from `/proc/PID/task/TID/schedstat`.
pub(super) fn schedstat(text: &str) -> Option<Nanos> {
    text.split_ascii_whitespace()
        .next()?
        .parse()
        .ok()
        .map(Nanos)
}

/// Resident pages, from `/proc/PID/statm`.
pub(super) fn resident_pages(text: &str) -> Option<u64> {
    text.split_ascii_whitespace().nth(1)?.parse().ok()
}

/// All CPUs together, in ticks since boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct CpuTicks {
    pub(super) cores: u64,
    /// Used by anyone, without steal.
    pub(super) busy: u64,
    pub(super) steal: u64,
}

/// Reads `/proc/stat`. Time of guests is in the user time already.
pub(super) fn cpu_ticks(text: &str) -> Option<CpuTicks> {
    let all = text.lines().find_map(|line| line.strip_prefix("cpu "))?;
    let ticks: Vec<u64> = all
        .split_ascii_whitespace()
        .map_while(|field| field.parse().ok())
        .collect();
    let &[
        user,
        nice,
        system,
        _idle,
        _iowait,
        irq,
        softirq,
        ref rest @ ..,
    ] = ticks.as_slice()
    else {
        return None;
    };
    let cores = text
        .lines()
        .filter(|line| {
            line.strip_prefix("cpu")
                .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
        })
        .count();
    Some(CpuTicks {
        cores: cores as u64,
        busy: user + nice + system + irq + softirq,
        steal: rest.first().copied().unwrap_or(0),
    })
}

/// Time in which some task waited for a CPU since boot, from `/proc/pressure/cpu`.
pub(super) fn some_pressure(text: &str) -> Option<Nanos> {
    let line = text.lines().find(|line| line.starts_with("some "))?;
    let total = line
        .split_ascii_whitespace()
        .find_map(|field| field.strip_prefix("total="))?;
    Some(Nanos(total.parse::<u64>().ok()?.saturating_mul(1_000)))
}

/// The model of the first CPU, from `/proc/cpuinfo`; on ARM, which has no names, its numbers.
pub(super) fn cpu_model(text: &str) -> Option<String> {
    let value = |name: &str| {
        text.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            (key.trim() == name).then(|| value.trim().to_owned())
        })
    };
    value("model name").or_else(|| {
        let part = value("CPU part")?;
        let implementer = value("CPU implementer")?;
        Some(format!("implementer {implementer} part {part}"))
    })
}

/// A line of `/proc/meminfo` in bytes.
pub(super) fn memory(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        let kib: u64 = value.trim().strip_suffix("kB")?.trim().parse().ok()?;
        (key == name).then_some(kib * 1024)
    })
}

/// The groups of `/proc/self/cgroup` that may limit CPU.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Cgroup {
    /// Path in the unified hierarchy.
    pub(super) unified: Option<String>,
    /// Path in the `cpu` hierarchy of version 1.
    pub(super) cpu: Option<String>,
}

pub(super) fn cgroup(text: &str) -> Cgroup {
    let mut found = Cgroup::default();
    for line in text.lines() {
        let mut parts = line.splitn(3, ':');
        let (Some(id), Some(controllers), Some(path)) = (parts.next(), parts.next(), parts.next())
        else {
            continue;
        };
        if id == "0" && controllers.is_empty() {
            found.unified = Some(path.to_owned());
        } else if controllers.split(',').any(|name| name == "cpu") {
            found.cpu = Some(path.to_owned());
        }
    }
    found
}

/// A limit of CPU time: microseconds of every period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Quota {
    pub(super) quota: u64,
    pub(super) period: u64,
}

impl Quota {
    pub(super) fn cores(self) -> f64 {
        self.quota as f64 / self.period.max(1) as f64
    }
}

/// Reads `cpu.max`; None for `max`, and for what is no limit.
pub(super) fn cpu_max(text: &str) -> Option<Quota> {
    let mut fields = text.split_ascii_whitespace();
    Some(Quota {
        quota: fields.next()?.parse().ok()?,
        period: fields.next()?.parse().ok()?,
    })
}

/// Number of ports in `ip_local_port_range`, both ends included.
pub(super) fn port_range(text: &str) -> Option<u64> {
    let mut ends = text.split_ascii_whitespace();
    let first: u64 = ends.next()?.parse().ok()?;
    let last: u64 = ends.next()?.parse().ok()?;
    Some((last + 1).saturating_sub(first))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ends_of_the_port_range_count() {
        assert_eq!(port_range("32768\t60999\n"), Some(28_232));
        assert_eq!(port_range("32768"), None);
    }

    #[test]
    fn a_process_name_may_hold_spaces_and_parentheses() {
        let text = "77 (my (odd) name) Z) S 1 70 70 0 -1 4194304 99 0 0 0 11 22 33 44 20 0 5 0 238648 3133440 379";
        assert_eq!(
            process_stat(text),
            Some(ProcessStat {
                state: 'S',
                group: 70,
                ticks: 33,
                children_ticks: 77,
                threads: 5,
                started: 238_648,
            })
        );
    }

    #[test]
    fn what_is_cut_off_is_no_number() {
        assert_eq!(process_stat("77 (sh) S 1 70"), None);
        assert_eq!(process_stat(""), None);
        assert_eq!(schedstat(""), None);
        assert_eq!(resident_pages("12"), None);
        assert_eq!(cpu_ticks("cpu  1 2 3\n"), None);
        assert_eq!(some_pressure("full avg10=0.00 total=7\n"), None);
        assert_eq!(cpu_max("max 100000\n"), None);
    }

    #[test]
    fn counters_of_a_thread_and_a_process() {
        assert_eq!(schedstat("64315 2000 1\n"), Some(Nanos(64_315)));
        assert_eq!(resident_pages("765 379 200 5 0 100 0\n"), Some(379));
    }

    #[test]
    fn steal_is_not_busy_and_guests_are_not_counted_twice() {
        let text = "cpu  100 10 20 5000 300 1 2 40 9 9\n\
                    cpu0 50 5 10 2500 150 0 1 20 0 0\n\
                    cpu1 50 5 10 2500 150 1 1 20 0 0\n\
                    intr 12345 0\nctxt 1\n";
        assert_eq!(
            cpu_ticks(text),
            Some(CpuTicks {
                cores: 2,
                busy: 133,
                steal: 40
            })
        );
    }

    #[test]
    fn pressure_is_in_microseconds() {
        let text = "some avg10=4.70 avg60=1.78 avg300=1.18 total=35740428\n\
                    full avg10=0.00 avg60=0.00 avg300=0.00 total=0\n";
        assert_eq!(some_pressure(text), Some(Nanos(35_740_428_000)));
    }

    #[test]
    fn a_cpu_is_named_or_numbered() {
        let x86 = "processor\t: 0\nvendor_id\t: AuthenticAMD\nmodel name\t: AMD EPYC\n";
        assert_eq!(cpu_model(x86).as_deref(), Some("AMD EPYC"));
        let arm = "processor\t: 0\nCPU implementer\t: 0x41\nCPU part\t: 0xd0c\n";
        assert_eq!(
            cpu_model(arm).as_deref(),
            Some("implementer 0x41 part 0xd0c")
        );
        assert_eq!(cpu_model(""), None);
    }

    #[test]
    fn memory_is_told_in_bytes() {
        let text =
            "MemTotal:       24684092 kB\nMemAvailable:        4 kB\nHugePages_Total:       0\n";
        assert_eq!(memory(text, "MemAvailable"), Some(4096));
        assert_eq!(memory(text, "HugePages_Total"), None);
    }

    #[test]
    fn the_cpu_group_is_found_in_both_versions() {
        let hybrid = "9:name=systemd:/\n2:cpuacct,cpu:/jobs/a\n0::/user.slice\n";
        assert_eq!(
            cgroup(hybrid),
            Cgroup {
                unified: Some("/user.slice".to_owned()),
                cpu: Some("/jobs/a".to_owned()),
            }
        );
        let apart = "3:cpuset:/x\n2:cpuacct:/y\n";
        assert_eq!(cgroup(apart), Cgroup::default());
    }

    #[test]
    fn a_quota_is_a_number_of_cores() {
        let quota = cpu_max("150000 100000\n").unwrap();
        assert!((quota.cores() - 1.5).abs() < 1e-9);
    }
}
