//! The machine as a whole: CPU time, pressure, memory, ports.

use crate::units::Nanos;

/// All CPUs together, in ticks since boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::observe) struct CpuTicks {
    pub(in crate::observe) cores: u64,
    /// Used by anyone, without steal.
    pub(in crate::observe) busy: u64,
    pub(in crate::observe) steal: u64,
}

/// Reads `/proc/stat`. Time of guests is in the user time already.
pub(in crate::observe) fn cpu_ticks(text: &str) -> Option<CpuTicks> {
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
pub(in crate::observe) fn some_pressure(text: &str) -> Option<Nanos> {
    let line = text.lines().find(|line| line.starts_with("some "))?;
    let total = line
        .split_ascii_whitespace()
        .find_map(|field| field.strip_prefix("total="))?;
    Some(Nanos(total.parse::<u64>().ok()?.saturating_mul(1_000)))
}

/// The model of the first CPU, from `/proc/cpuinfo`; on ARM, which has no names, its numbers.
pub(in crate::observe) fn cpu_model(text: &str) -> Option<String> {
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
pub(in crate::observe) fn memory(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        let kib: u64 = value.trim().strip_suffix("kB")?.trim().parse().ok()?;
        (key == name).then_some(kib * 1024)
    })
}

/// A line `name:  value` of a file such as `/proc/self/status`.
pub(in crate::observe) fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        (key == name).then(|| value.trim())
    })
}

/// The limits on open files in `/proc/self/limits`, the soft one and the hard one; `u64::MAX` without a limit.
pub(in crate::observe) fn open_files(text: &str) -> (Option<u64>, Option<u64>) {
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"));
    let mut fields = line.unwrap_or_default().split_ascii_whitespace();
    let mut next = || match fields.next()? {
        "unlimited" => Some(u64::MAX),
        number => number.parse().ok(),
    };
    (next(), next())
}

/// The word in brackets: `always [madvise] never`.
pub(in crate::observe) fn chosen(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once('[')?;
    rest.split_once(']').map(|(word, _)| word)
}

/// Number of ports in `ip_local_port_range`, both ends included.
pub(in crate::observe) fn port_range(text: &str) -> Option<u64> {
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
    fn limits_and_choices_are_read_from_their_lines() {
        let limits = "Limit            Soft Limit  Hard Limit  Units\n\
                      Max processes    100         200         processes\n\
                      Max open files   1024        1048576     files\n";
        assert_eq!(open_files(limits), (Some(1024), Some(1_048_576)));
        let none = "Max open files   unlimited   unlimited   files\n";
        assert_eq!(open_files(none), (Some(u64::MAX), Some(u64::MAX)));
        assert_eq!(open_files(""), (None, None));
        assert_eq!(chosen("always [madvise] never\n"), Some("madvise"));
        assert_eq!(chosen("always"), None);
        let status = "Name:\tx\nCpus_allowed_list:\t0-3\n";
        assert_eq!(field(status, "Cpus_allowed_list"), Some("0-3"));
        assert_eq!(field(status, "Cpus_allowed"), None);
    }

    #[test]
    fn what_is_cut_off_is_no_number() {
        assert_eq!(cpu_ticks("cpu  1 2 3\n"), None);
        assert_eq!(some_pressure("full avg10=0.00 total=7\n"), None);
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
}
