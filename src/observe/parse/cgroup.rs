//! Control groups: which a process is in, and what a group says of itself, in both versions.

use crate::units::Nanos;

/// The groups of a process that limit it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(in crate::observe) struct Cgroup {
    /// Path in the unified hierarchy.
    pub(in crate::observe) unified: Option<String>,
    /// Path in the `cpu` hierarchy of version 1.
    pub(in crate::observe) cpu: Option<String>,
    /// Path in the `memory` hierarchy of version 1.
    pub(in crate::observe) memory: Option<String>,
}

/// Reads `/proc/PID/cgroup`.
pub(in crate::observe) fn cgroup(text: &str) -> Cgroup {
    let mut found = Cgroup::default();
    for line in text.lines() {
        let mut parts = line.splitn(3, ':');
        let (Some(id), Some(controllers), Some(path)) = (parts.next(), parts.next(), parts.next())
        else {
            continue;
        };
        if id == "0" && controllers.is_empty() {
            found.unified = Some(path.to_owned());
        }
        for controller in controllers.split(',') {
            match controller {
                "cpu" => found.cpu = Some(path.to_owned()),
                "memory" => found.memory = Some(path.to_owned()),
                _ => {}
            }
        }
    }
    found
}

/// A limit of CPU time: microseconds of every period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::observe) struct Quota {
    pub(in crate::observe) quota: u64,
    pub(in crate::observe) period: u64,
}

impl Quota {
    pub(in crate::observe) fn cores(self) -> f64 {
        self.quota as f64 / self.period.max(1) as f64
    }

    pub(in crate::observe) fn millicores(self) -> u64 {
        self.quota.saturating_mul(1000) / self.period.max(1)
    }
}

/// Reads `cpu.max`; None for `max`, and for what is no limit.
pub(in crate::observe) fn cpu_max(text: &str) -> Option<Quota> {
    let mut fields = text.split_ascii_whitespace();
    Some(Quota {
        quota: fields.next()?.parse().ok()?,
        period: fields.next()?.parse().ok()?,
    })
}

/// How a group was held back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::observe) struct Throttling {
    pub(in crate::observe) periods: u64,
    pub(in crate::observe) throttled_periods: u64,
    pub(in crate::observe) throttled: Nanos,
}

/// Reads `cpu.stat` of either version; None where the group has no quota to count for.
pub(in crate::observe) fn throttling(text: &str) -> Option<Throttling> {
    // Version 2 counts in microseconds, version 1 in nanoseconds.
    let throttled = value(text, "throttled_usec")
        .map(|us| us.saturating_mul(1_000))
        .or_else(|| value(text, "throttled_time"));
    Some(Throttling {
        periods: value(text, "nr_periods")?,
        throttled_periods: value(text, "nr_throttled")?,
        throttled: Nanos(throttled.unwrap_or(0)),
    })
}

/// The value of a key in a file of `key value` lines, such as `memory.events`.
pub(in crate::observe) fn value(text: &str, key: &str) -> Option<u64> {
    text.lines().find_map(|line| {
        let (name, value) = line.split_once(' ')?;
        (name == key).then(|| value.trim().parse().ok())?
    })
}

/// A limit on memory in bytes; None for `max`, and for the number that version 1 writes instead.
pub(in crate::observe) fn memory_limit(text: &str) -> Option<u64> {
    text.trim().parse().ok().filter(|n| *n < 1 << 62)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_groups_are_found_in_both_versions() {
        let hybrid = "9:name=systemd:/\n2:cpuacct,cpu:/jobs/a\n4:memory:/m\n0::/user.slice\n";
        assert_eq!(
            cgroup(hybrid),
            Cgroup {
                unified: Some("/user.slice".to_owned()),
                cpu: Some("/jobs/a".to_owned()),
                memory: Some("/m".to_owned()),
            }
        );
        let apart = "3:cpuset:/x\n2:cpuacct:/y\n";
        assert_eq!(cgroup(apart), Cgroup::default());
    }

    #[test]
    fn a_quota_is_a_number_of_cores() {
        let quota = cpu_max("150000 100000\n").unwrap();
        assert!((quota.cores() - 1.5).abs() < 1e-9);
        assert_eq!(quota.millicores(), 1500);
        assert_eq!(cpu_max("max 100000\n"), None);
    }

    #[test]
    fn throttling_is_told_in_both_versions() {
        let told = Throttling {
            periods: 40,
            throttled_periods: 7,
            throttled: Nanos::from_millis(350),
        };
        let two = "usage_usec 812345\nuser_usec 700000\nsystem_usec 112345\n\
                   nr_periods 40\nnr_throttled 7\nthrottled_usec 350000\nnr_bursts 0\n";
        assert_eq!(throttling(two), Some(told));
        let one = "nr_periods 40\nnr_throttled 7\nthrottled_time 350000000\n";
        assert_eq!(throttling(one), Some(told));
        assert_eq!(throttling("usage_usec 812345\nuser_usec 700000\n"), None);
    }

    #[test]
    fn memory_without_a_limit_has_none() {
        assert_eq!(memory_limit("268435456\n"), Some(268_435_456));
        assert_eq!(memory_limit("max\n"), None);
        assert_eq!(memory_limit("9223372036854771712\n"), None);
        let events = "low 0\nhigh 3\nmax 9\noom 2\noom_kill 1\noom_group_kill 0\n";
        assert_eq!(value(events, "oom_kill"), Some(1));
        assert_eq!(value(events, "oom_ki"), None);
    }
}
