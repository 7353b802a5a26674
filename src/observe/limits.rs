//! What this process may have: descriptors, local ports, CPU time.

use std::fs::File;

use rustix::io::fcntl_dupfd_cloexec;
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

/// Makes room for so many descriptors now, as far as the limit allows it.
///
/// The kernel keeps them in a table that it doubles when it is full, and a process of several threads
/// waits meanwhile until every core is done with the old one (`expand_files` and `synchronize_rcu` of
/// Linux): 5 to 30 ms at the 256th, the 512th and the 1,024th, in which a load thread that opens a
/// connection sends nothing. The table never shrinks.
pub fn reserve_descriptors(descriptors: u64) {
    let limit = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let last = descriptors.min(limit).saturating_sub(1);
    // Where that cannot be had the table grows when it must.
    if let (Ok(file), Ok(last)) = (File::open("/dev/null"), i32::try_from(last)) {
        drop(fcntl_dupfd_cloexec(file, last));
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    #[test]
    fn descriptors_are_reserved_and_none_stays_open() {
        reserve_descriptors(700);
        let status = fs::read_to_string("/proc/self/status").unwrap();
        let room = status.lines().find_map(|line| line.strip_prefix("FDSize:"));
        assert!(
            room.unwrap().trim().parse::<u64>().unwrap() >= 700,
            "{room:?}"
        );
        let last = fs::read_link("/proc/self/fd/699");
        assert!(last.is_err() || last.unwrap() != Path::new("/dev/null"));
    }

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
