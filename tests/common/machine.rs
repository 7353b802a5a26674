//! What can be taken away from a process: local ports, CPU time.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// In a network of its own, which has so many ports to connect from.
pub const OWN_NETWORK: [&str; 4] = ["unshare", "-rn", "sh", "-c"];

/// Makes that network, and leaves it 20 ports.
const FEW_PORTS: &str =
    "ip link set lo up && echo '50000 50019' > /proc/sys/net/ipv4/ip_local_port_range";

/// A script for [`OWN_NETWORK`] that becomes its arguments; None where no such network can be made.
pub fn few_ports() -> Option<String> {
    let tried = Command::new(OWN_NETWORK[0])
        .args(&OWN_NETWORK[1..])
        .arg(FEW_PORTS)
        .output();
    let able = tried.is_ok_and(|output| output.status.success());
    able.then(|| format!("{FEW_PORTS} && exec \"$@\""))
}

/// A control group of this kind of CPU limit, removed when dropped.
pub struct CpuQuota {
    folder: PathBuf,
}

impl CpuQuota {
    /// A group with so much CPU time of each 100 ms; None where none can be made.
    pub fn new(name: &str, quota_us: u32) -> Option<Self> {
        let name = format!("plimsoll-{name}-{}", std::process::id());
        let (one, two) = (Path::new("/sys/fs/cgroup/cpu"), Path::new("/sys/fs/cgroup"));
        let (root, file, text) = if one.join("cpu.cfs_quota_us").exists() {
            (one, "cpu.cfs_quota_us", quota_us.to_string())
        } else {
            (two, "cpu.max", format!("{quota_us} 100000"))
        };
        let folder = root.join(name);
        std::fs::create_dir(&folder).ok()?;
        let group = Self { folder };
        std::fs::write(group.folder.join(file), text).ok()?;
        Some(group)
    }

    /// A script that enters the group and becomes its arguments.
    pub fn script(&self) -> String {
        let procs = self.folder.join("cgroup.procs");
        format!("echo $$ > {} && exec \"$@\"", procs.display())
    }
}

impl Drop for CpuQuota {
    fn drop(&mut self) {
        remove(&self.folder);
    }
}

/// Removes a control group: whoever was in it has ended; a moment later so has its account.
pub fn remove(group: &Path) {
    for _ in 0..100 {
        if std::fs::remove_dir(group).is_ok() {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}
