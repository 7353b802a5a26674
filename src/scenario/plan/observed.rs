//! What is observed of a target beside its answers. None of it decides the load.

use std::fmt;
use std::path::PathBuf;

use crate::units::Nanos;

/// How the processes of a target are found that Plimsoll does not start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProcessRule {
    /// A file that holds the id of a process, which has children and may lead a group.
    PidFile(PathBuf),
    /// Whoever listens on this TCP port.
    Port(u16),
    /// All that are called so.
    Name(String),
    /// All of a control group, by its path below `/sys/fs/cgroup`, and of those below it.
    Cgroup(String),
}

impl fmt::Display for ProcessRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PidFile(path) => write!(f, "pid-file = \"{}\"", path.display()),
            Self::Port(port) => write!(f, "port = {port}"),
            Self::Name(name) => write!(f, "name = \"{name}\""),
            Self::Cgroup(group) => write!(f, "cgroup = \"{group}\""),
        }
    }
}

/// A component that is asked whether it is well, before each round and during it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HealthProbe {
    pub name: String,
    /// Path to GET, after the base of the target's URL.
    pub get: String,
    pub every: Nanos,
    /// What a healthy component answers; `None`: any 2xx.
    pub status: Option<u16>,
    pub timeout: Nanos,
    /// JSON pointers to numbers of the answer.
    pub read: Vec<String>,
}

impl HealthProbe {
    /// Pause between two probes, and the longest wait, when nothing is said.
    pub const EVERY: Nanos = Nanos::from_secs(5);
    pub const TIMEOUT: Nanos = Nanos::SECOND;
}
