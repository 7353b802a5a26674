//! What this machine is: the environment a measurement belongs to.

use std::fs;
use std::path::{Path, PathBuf};

use super::parse::cgroup::{self, Cgroup, Quota};
use super::parse::machine as parse;
use crate::model::Fingerprint;

/// Stands for what the machine does not tell.
pub(super) const UNKNOWN: &str = "unknown";

/// Describes the machine; `version` is the program's own.
pub fn fingerprint(version: &str) -> Fingerprint {
    Fingerprint {
        cpu_model: text("/proc/cpuinfo")
            .and_then(|text| parse::cpu_model(&text))
            .unwrap_or_else(unknown),
        cores: text("/proc/stat")
            .and_then(|text| parse::cpu_ticks(&text))
            .map_or(0, |cpu| cpu.cores),
        architecture: std::env::consts::ARCH.to_owned(),
        cpu_quota: quota().map_or_else(
            || "max".to_owned(),
            |Quota { quota, period }| format!("{quota} {period}"),
        ),
        kernel: line("/proc/sys/kernel/osrelease").unwrap_or_else(unknown),
        governor: governor().unwrap_or_else(|| "none".to_owned()),
        memory_mib: text("/proc/meminfo")
            .and_then(|text| parse::memory(&text, "MemTotal"))
            .map_or(0, |bytes| bytes / (1 << 20)),
        boot_id: line("/proc/sys/kernel/random/boot_id").unwrap_or_else(unknown),
        tool_version: version.to_owned(),
    }
}

/// How the frequency of the first CPU is decided; None where the machine has no say, as in most
/// virtual machines.
fn governor() -> Option<String> {
    line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
}

/// The tightest limit of CPU time on this process, from its control group and all above it.
pub(super) fn quota() -> Option<Quota> {
    let groups = cgroup::cgroup(&text("/proc/self/cgroup")?);
    tightest(Path::new("/"), &groups)
}

/// Where the hierarchies are mounted that limit CPU time, below the root of the machine. The second is
/// where a hybrid machine mounts the unified one.
pub(super) const UNIFIED: [&str; 2] = ["sys/fs/cgroup", "sys/fs/cgroup/unified"];
pub(super) const CPU: [&str; 2] = ["sys/fs/cgroup/cpu", "sys/fs/cgroup/cpu,cpuacct"];
pub(super) const MEMORY: [&str; 1] = ["sys/fs/cgroup/memory"];

/// The tightest limit of CPU time on the members of control groups, from them and all above; `/proc` and
/// `/sys` are below `root`.
pub(super) fn tightest(root: &Path, groups: &Cgroup) -> Option<Quota> {
    let unified = directories(root, &UNIFIED, groups.unified.as_ref());
    let unified = unified.filter_map(|at| cgroup::cpu_max(&text(at.join("cpu.max"))?));
    let version_1 = directories(root, &CPU, groups.cpu.as_ref()).filter_map(|at| {
        // Without a limit the quota is -1, which is no unsigned number.
        let quota = line(at.join("cpu.cfs_quota_us"))?.parse().ok()?;
        let period = line(at.join("cpu.cfs_period_us"))?.parse().ok()?;
        Some(Quota { quota, period })
    });
    unified
        .chain(version_1)
        .min_by(|a, b| a.cores().total_cmp(&b.cores()))
}

/// The directories of a group, and of those above it, wherever its hierarchy may be mounted.
pub(super) fn directories<'a>(
    root: &'a Path,
    mounts: &'a [&'a str],
    group: Option<&'a String>,
) -> impl Iterator<Item = PathBuf> + 'a {
    let of = move |group: &String| {
        let each = mounts
            .iter()
            .flat_map(|mount| upwards(&root.join(mount), group));
        each.collect::<Vec<_>>()
    };
    group.into_iter().flat_map(of)
}

/// A group's directory and those above it, up to the root of its hierarchy.
pub(super) fn upwards(root: &Path, group: &str) -> Vec<PathBuf> {
    // In a container the path may lead out of what is mounted; then only the root is there.
    let relative = Path::new(group.trim_start_matches('/'));
    relative.ancestors().map(|part| root.join(part)).collect()
}

pub(super) fn text(path: impl AsRef<Path>) -> Option<String> {
    fs::read_to_string(path).ok()
}

/// A file of one value.
pub(super) fn line(path: impl AsRef<Path>) -> Option<String> {
    let text = text(path)?;
    let line = text.trim();
    (!line.is_empty()).then(|| line.to_owned())
}

fn unknown() -> String {
    UNKNOWN.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_is_the_same_twice() {
        let first = fingerprint("1.2.3");
        assert!(first.cores > 0);
        assert_eq!(first.tool_version, "1.2.3");
        assert_ne!(first.kernel, UNKNOWN);
        assert!(first.memory_mib > 0);
        assert!(!first.cpu_quota.is_empty());
        assert_eq!(first, fingerprint("1.2.3"));
    }

    #[test]
    fn limits_of_all_groups_above_count() {
        let all = upwards(Path::new("/sys/fs/cgroup"), "/jobs/a");
        let expect = [
            "/sys/fs/cgroup/jobs/a",
            "/sys/fs/cgroup/jobs",
            "/sys/fs/cgroup/",
        ];
        assert_eq!(all, expect.map(PathBuf::from));
        assert_eq!(upwards(Path::new("/r"), "/"), [PathBuf::from("/r/")]);
    }
}
