//! The control group of the target, where it is not our own: its limits, and what they have cost.

use std::fs;
use std::path::{Path, PathBuf};

use super::machine;
use super::parse::cgroup::{self, Cgroup, Quota};
use crate::model::CgroupDetail;
use crate::units::Bytes;

/// Where the kernel mounts control groups.
const ROOT: &str = "/sys/fs/cgroup";

/// A control group; its files are looked up once.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ControlGroup {
    groups: Cgroup,
    /// In version 2 one directory, in version 1 one for each controller.
    cpu: Option<PathBuf>,
    memory: Option<PathBuf>,
}

impl ControlGroup {
    /// The group of a process; None when it is our own, whose limits are ours as well.
    pub(super) fn of(pid: u32) -> Option<Self> {
        let theirs = fs::read_to_string(format!("/proc/{pid}/cgroup")).ok()?;
        let ours = fs::read_to_string("/proc/self/cgroup").ok()?;
        (theirs != ours).then(|| Self::at(Path::new(ROOT), cgroup::cgroup(&theirs)))
    }

    /// The group of that path, whoever is in it.
    pub(super) fn named(path: &str) -> Self {
        let path = Some(path.strip_prefix(ROOT).unwrap_or(path).to_owned());
        let groups = Cgroup {
            unified: path.clone(),
            cpu: path.clone(),
            memory: path,
        };
        Self::at(Path::new(ROOT), groups)
    }

    fn at(root: &Path, groups: Cgroup) -> Self {
        let below = |hierarchy: &str, path: &Option<String>| {
            let path = path.as_deref()?.trim_start_matches('/');
            Some(root.join(hierarchy).join(path))
        };
        let first = |version_1: &[Option<PathBuf>], file: &str| {
            let unified = ["", "unified"].map(|mount| below(mount, &groups.unified));
            let all = unified.iter().chain(version_1).flatten();
            all.into_iter().find(|d| d.join(file).is_file()).cloned()
        };
        let cpu = ["cpu", "cpu,cpuacct"].map(|mount| below(mount, &groups.cpu));
        let memory = [below("memory", &groups.memory)];
        Self {
            cpu: first(&cpu, "cpu.stat"),
            memory: first(&memory, "memory.events")
                .or_else(|| first(&memory, "memory.usage_in_bytes")),
            groups,
        }
    }

    /// None where the kernel tells nothing of it.
    pub(super) fn read(&self) -> Option<CgroupDetail> {
        let text = |directory: &Option<PathBuf>, file: &str| {
            fs::read_to_string(directory.as_ref()?.join(file)).ok()
        };
        let number = |file: &str| text(&self.memory, file)?.trim().parse().ok();
        let throttling = text(&self.cpu, "cpu.stat").and_then(|t| cgroup::throttling(&t));
        let quota = machine::tightest(Path::new("/"), &self.groups);
        let memory: Option<u64> =
            number("memory.current").or_else(|| number("memory.usage_in_bytes"));
        let limit = text(&self.memory, "memory.max")
            .or_else(|| text(&self.memory, "memory.limit_in_bytes"));
        let events = text(&self.memory, "memory.events")
            .or_else(|| text(&self.memory, "memory.oom_control"));
        if throttling.is_none() && quota.is_none() && memory.is_none() {
            return None;
        }
        let throttling = throttling.unwrap_or_default();
        Some(CgroupDetail {
            quota_millicores: quota.map(Quota::millicores),
            periods: throttling.periods,
            throttled_periods: throttling.throttled_periods,
            throttled: throttling.throttled,
            memory: memory.map(Bytes),
            memory_limit: limit.and_then(|t| cgroup::memory_limit(&t)).map(Bytes),
            oom_kills: events
                .and_then(|t| cgroup::value(&t, "oom_kill"))
                .unwrap_or(0),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Nanos;

    fn groups(path: &str) -> Cgroup {
        let path = Some(path.to_owned());
        Cgroup {
            unified: path.clone(),
            cpu: path.clone(),
            memory: path,
        }
    }

    fn write(root: &Path, files: &[(&str, &str)]) {
        for (file, text) in files {
            let path = root.join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
    }

    #[test]
    fn both_versions_tell_the_same() {
        let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        write(
            two.path(),
            &[
                (
                    "shop/cpu.stat",
                    "usage_usec 9\nnr_periods 40\nnr_throttled 7\nthrottled_usec 350000\n",
                ),
                ("shop/memory.current", "1048576\n"),
                ("shop/memory.max", "2097152\n"),
                ("shop/memory.events", "oom 2\noom_kill 1\n"),
            ],
        );
        write(
            one.path(),
            &[
                (
                    "cpu/shop/cpu.stat",
                    "nr_periods 40\nnr_throttled 7\nthrottled_time 350000000\n",
                ),
                ("memory/shop/memory.usage_in_bytes", "1048576\n"),
                ("memory/shop/memory.limit_in_bytes", "2097152\n"),
                (
                    "memory/shop/memory.oom_control",
                    "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n",
                ),
            ],
        );
        for root in [one, two] {
            let group = ControlGroup::at(root.path(), groups("/shop"));
            assert_eq!(
                group.read(),
                Some(CgroupDetail {
                    quota_millicores: None,
                    periods: 40,
                    throttled_periods: 7,
                    throttled: Nanos::from_millis(350),
                    memory: Some(Bytes(1 << 20)),
                    memory_limit: Some(Bytes(2 << 20)),
                    oom_kills: 1,
                })
            );
            let other = ControlGroup::at(root.path(), groups("/other"));
            assert_eq!(other.read(), None);
        }
    }

    #[test]
    fn our_own_group_is_not_the_targets() {
        assert_eq!(ControlGroup::of(std::process::id()), None);
        assert_eq!(ControlGroup::of(u32::MAX), None);
    }
}
