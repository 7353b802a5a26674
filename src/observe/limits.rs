//! What this process may have: descriptors, local ports, CPU time.

use rustix::process::{Resource, getrlimit};

use super::machine;
use super::parse::cgroup::Quota;
use super::parse::machine as parse;
use super::texts::numbered;

/// Limits as they are now; what the machine does not tell, or does not limit, is None.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Limits {
    /// Most open files (`ulimit -n`).
    pub descriptors: Option<u64>,
    /// To what it may be raised (`ulimit -Hn`).
    pub descriptors_at_most: Option<u64>,
    /// Files that are open now.
    pub open: u64,
    /// Local ports to connect from.
    pub ports: Option<u64>,
    /// CPU time of the control group, in cores.
    pub quota: Option<f64>,
    /// Cores it may run on.
    pub cores: Option<u64>,
}

impl Limits {
    /// Reads them.
    pub fn read() -> Self {
        let files = getrlimit(Resource::Nofile);
        Self {
            descriptors: files.current,
            descriptors_at_most: files.maximum,
            open: numbered("/proc/self/fd").len() as u64,
            ports: machine::line("/proc/sys/net/ipv4/ip_local_port_range")
                .and_then(|text| parse::port_range(&text)),
            quota: machine::quota().map(Quota::cores),
            cores: rustix::thread::sched_getaffinity(None)
                .ok()
                .map(|set| u64::from(set.count())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_files_open_and_cores_to_run_on() {
        let limits = Limits::read();
        assert!(limits.open > 2, "{limits:?}");
        assert!(
            limits.cores > Some(0) && limits.ports > Some(0),
            "{limits:?}"
        );
    }
}
