//! Which processes are the target: the group that we started, or what a rule of the scenario finds.
//!
//! What a rule finds are roots: the process of a pid file, whoever listens on a port, all of a name.
//! A root and its descendants are the target. Roots are found again when one has gone, so a target
//! that crashes and is started again is followed. Nothing of ours is ever a member.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::{fmt, fs};

use super::parse::process::{self, Descriptor, ProcessStat};
use super::parse::sockets;
use super::texts::{Texts, numbered};
use crate::scenario::plan::ProcessRule;

/// Readings after which processes of a name are looked for anew: others may have come, or have taken
/// the name since they were first seen.
const LOOK_AGAIN: u32 = 10;

/// Whom to observe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// A process group, by its leader.
    Group(u32),
    /// A process and its descendants, by its id.
    Process(u32),
    /// Processes that we did not start.
    Found(ProcessRule),
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Group(leader) => write!(f, "process group {leader}"),
            Self::Process(pid) => write!(f, "pid = {pid}"),
            Self::Found(rule) => rule.fmt(f),
        }
    }
}

/// Finds the members, again at each reading.
#[derive(Debug)]
pub(super) struct Members {
    subject: Subject,
    ourselves: u32,
    texts: Texts,
    /// Processes known not to belong, so that each is looked at once and not every second. A
    /// stranger does not join later: children inherit the group of their parent, and their parent.
    strangers: HashSet<u32>,
    /// What was found, by when it was started.
    roots: HashMap<u32, u64>,
    /// As they were last seen, by when they were started.
    known: HashMap<u32, u64>,
    readings: u32,
}

/// Number of processes of a target that there are now.
pub fn found(subject: &Subject) -> usize {
    Members::new(subject.clone()).living().len()
}

/// The program that listens on a port here, by the name that the kernel keeps of it, of several the one with the
/// lowest id; None where nobody does, and where it is not ours to see.
pub fn program_on(port: u16) -> Option<String> {
    let subject = Subject::Found(ProcessRule::Port(port));
    let mut members = Members::new(subject.clone());
    let first = members.roots_of(&subject).into_iter().min()?;
    members.comm(first)
}

impl Members {
    pub(super) fn new(subject: Subject) -> Self {
        Self {
            subject,
            ourselves: std::process::id(),
            texts: Texts::default(),
            strangers: HashSet::new(),
            roots: HashMap::new(),
            known: HashMap::new(),
            readings: 0,
        }
    }

    /// The members there are now, zombies included: they still know what they used.
    pub(super) fn living(&mut self) -> BTreeMap<u32, ProcessStat> {
        match self.subject.clone() {
            Subject::Group(leader) => self.group(leader),
            Subject::Found(ProcessRule::Cgroup(group)) => self.control_group(&group),
            subject => self.families(&subject),
        }
    }

    /// The control group that the rule names.
    pub(super) fn named_group(&self) -> Option<&str> {
        match &self.subject {
            Subject::Found(ProcessRule::Cgroup(group)) => Some(group),
            _ => None,
        }
    }

    fn group(&mut self, leader: u32) -> BTreeMap<u32, ProcessStat> {
        let mut living = BTreeMap::new();
        for (pid, stat) in self.unknown() {
            if stat.group == leader {
                living.insert(pid, stat);
            } else {
                self.strangers.insert(pid);
            }
        }
        living
    }

    /// Members of a control group and of those below it.
    fn control_group(&mut self, group: &str) -> BTreeMap<u32, ProcessStat> {
        let mut left: Vec<PathBuf> = group_directories(group).into_iter().take(1).collect();
        let mut living = BTreeMap::new();
        while let Some(directory) = left.pop() {
            let procs = fs::read_to_string(directory.join("cgroup.procs")).unwrap_or_default();
            for pid in procs.lines().filter_map(|line| line.parse().ok()) {
                if let Some(stat) = self.stat(pid) {
                    living.insert(pid, stat);
                }
            }
            let below = fs::read_dir(&directory).into_iter().flatten();
            left.extend(below.filter_map(|entry| {
                let entry = entry.ok()?;
                entry.file_type().ok()?.is_dir().then(|| entry.path())
            }));
        }
        living.remove(&self.ourselves);
        living
    }

    /// Roots, their descendants, and of a pid file the group of its process.
    fn families(&mut self, subject: &Subject) -> BTreeMap<u32, ProcessStat> {
        let by_name = matches!(subject, Subject::Found(ProcessRule::Name(_)));
        let grows = by_name && self.readings.is_multiple_of(LOOK_AGAIN);
        self.readings = self.readings.wrapping_add(1);
        let complete = self
            .roots
            .clone()
            .into_iter()
            .all(|(pid, started)| self.stat(pid).is_some_and(|s| s.started == started));
        if grows || !complete || self.roots.is_empty() {
            self.roots = self
                .roots_of(subject)
                .into_iter()
                .filter(|pid| *pid != self.ourselves)
                .collect::<Vec<_>>()
                .into_iter()
                .filter_map(|pid| Some((pid, self.stat(pid)?.started)))
                .collect();
            self.strangers.clear();
        }
        let mut living = BTreeMap::new();
        let mut others = Vec::new();
        for (pid, stat) in self.unknown() {
            let started = Some(&stat.started);
            if self.roots.get(&pid) == started || self.known.get(&pid) == started {
                living.insert(pid, stat);
            } else {
                others.push((pid, stat));
            }
        }
        let with_group = matches!(subject, Subject::Found(ProcessRule::PidFile(_)));
        // A parent may itself be among those that are new.
        loop {
            let (joined, rest): (Vec<_>, Vec<_>) = others.into_iter().partition(|(_, stat)| {
                living.contains_key(&stat.parent)
                    || with_group && self.roots.contains_key(&stat.group)
            });
            others = rest;
            if joined.is_empty() {
                break;
            }
            living.extend(joined);
        }
        self.strangers.extend(others.iter().map(|(pid, _)| *pid));
        if self.roots.is_empty() {
            living.clear();
        }
        self.known = living.iter().map(|(pid, s)| (*pid, s.started)).collect();
        living
    }

    /// All processes that are not known to be strangers, and are not us.
    fn unknown(&mut self) -> Vec<(u32, ProcessStat)> {
        let everyone = numbered("/proc");
        let present: HashSet<u32> = everyone.iter().copied().collect();
        self.strangers.retain(|pid| present.contains(pid));
        let mut unknown = Vec::new();
        for pid in everyone {
            if pid != self.ourselves
                && !self.strangers.contains(&pid)
                && let Some(stat) = self.stat(pid)
            {
                unknown.push((pid, stat));
            }
        }
        unknown
    }

    fn stat(&mut self, pid: u32) -> Option<ProcessStat> {
        let text = self.texts.read(format_args!("/proc/{pid}/stat"))?;
        process::process_stat(&text)
    }

    fn roots_of(&mut self, subject: &Subject) -> Vec<u32> {
        let rule = match subject {
            Subject::Group(pid) | Subject::Process(pid) => return vec![*pid],
            Subject::Found(rule) => rule,
        };
        match rule {
            ProcessRule::PidFile(path) => {
                let text = fs::read_to_string(path).unwrap_or_default();
                let pid = text.split_ascii_whitespace().next();
                pid.and_then(|pid| pid.parse().ok()).into_iter().collect()
            }
            ProcessRule::Port(port) => self.listening_on(*port),
            ProcessRule::Name(name) => {
                let mut everyone = numbered("/proc");
                everyone.retain(|pid| self.is_called(*pid, name));
                everyone
            }
            ProcessRule::Cgroup(_) => Vec::new(),
        }
    }

    fn comm(&mut self, pid: u32) -> Option<String> {
        let comm = self.texts.read(format_args!("/proc/{pid}/comm"))?;
        Some(comm.trim_end_matches('\n').to_owned())
    }

    fn is_called(&mut self, pid: u32, name: &str) -> bool {
        let Some(comm) = self.comm(pid) else {
            return false;
        };
        let cmdline = self.texts.read(format_args!("/proc/{pid}/cmdline"));
        process::is_called(name, &comm, &cmdline.unwrap_or_default())
    }

    /// Those that have a socket open which listens on a port.
    fn listening_on(&mut self, port: u16) -> Vec<u32> {
        let mut listening = HashSet::new();
        for table in ["tcp", "tcp6"] {
            let Some(text) = self.texts.read(format_args!("/proc/net/{table}")) else {
                continue;
            };
            let all = sockets::sockets(&text);
            let ours = all.filter(|s| s.state == sockets::LISTEN && s.port == port);
            listening.extend(ours.map(|s| s.inode));
        }
        // Looking through everybody's descriptors is dear, and in vain when nobody listens.
        if listening.is_empty() {
            return Vec::new();
        }
        let holds = |pid: &u32| {
            descriptors(*pid).into_iter().any(|d| match d {
                Descriptor::Socket { inode } => listening.contains(&inode),
                _ => false,
            })
        };
        numbered("/proc").into_iter().filter(holds).collect()
    }
}

/// What a process has open; nothing when it is not ours to see.
pub(super) fn descriptors(pid: u32) -> Vec<Descriptor> {
    use std::os::unix::ffi::OsStrExt;
    let directory = PathBuf::from(format!("/proc/{pid}/fd"));
    let read = |fd: &u32| fs::read_link(directory.join(fd.to_string())).ok();
    let all = numbered(&directory);
    let links = all.iter().filter_map(read);
    links
        .map(|link| process::descriptor(link.as_os_str().as_bytes()))
        .collect()
}

/// Where a control group may be found, those that are there.
fn group_directories(group: &str) -> Vec<PathBuf> {
    let below = group
        .strip_prefix("/sys/fs/cgroup")
        .unwrap_or(group)
        .trim_start_matches('/');
    ["", "unified", "systemd", "cpu", "memory"]
        .iter()
        .map(|hierarchy| Path::new("/sys/fs/cgroup").join(hierarchy).join(below))
        .filter(|directory| directory.join("cgroup.procs").is_file())
        .collect()
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader};
    use std::net::TcpListener;

    use super::super::running::Running;
    use super::*;

    fn pids(rule: ProcessRule) -> Vec<u32> {
        let mut members = Members::new(Subject::Found(rule));
        members.living().into_keys().collect()
    }

    /// For 20 s at most.
    fn eventually(done: impl Fn() -> bool) {
        let start = std::time::Instant::now();
        while !done() {
            assert!(start.elapsed().as_secs() < 20, "never so");
            std::thread::yield_now();
        }
    }

    #[test]
    fn a_pid_file_names_a_process_its_children_and_its_group() {
        let mut shell = Running::shell("sleep 1000 & sh -c 'sleep 1000 & echo ready; wait'; true");
        let mut line = String::new();
        let out = shell.0.stdout.take().unwrap();
        BufReader::new(out).read_line(&mut line).unwrap();
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), format!("{}\n", shell.0.id())).unwrap();
        let rule = ProcessRule::PidFile(file.path().to_owned());
        assert_eq!(pids(rule.clone()).len(), 4);
        assert_eq!(found(&Subject::Found(rule.clone())), 4);
        // Another process takes its place: a restart.
        let mut members = Members::new(Subject::Found(rule));
        assert!(members.living().contains_key(&shell.0.id()));
        drop(shell);
        assert!(members.living().is_empty());
        let next = Running::shell("sleep 1000; true");
        fs::write(file.path(), next.0.id().to_string()).unwrap();
        assert!(members.living().contains_key(&next.0.id()));
    }

    #[test]
    fn a_process_is_followed_by_its_id_with_its_descendants() {
        let mut shell = Running::shell("sleep 1000 & echo ready; wait; true");
        let mut line = String::new();
        let out = shell.0.stdout.take().unwrap();
        BufReader::new(out).read_line(&mut line).unwrap();
        let mut members = Members::new(Subject::Process(shell.0.id()));
        assert_eq!(members.living().len(), 2);
        let mut nobody = Members::new(Subject::Process(u32::MAX));
        assert!(nobody.living().is_empty());
        // Whoever looks is never the one that is looked at.
        let mut ourselves = Members::new(Subject::Process(std::process::id()));
        assert!(ourselves.living().is_empty());
    }

    #[test]
    fn a_pid_file_of_nobody_finds_nobody() {
        let file = tempfile::NamedTempFile::new().unwrap();
        for text in ["", "no number", "0", "4294967295", "-3"] {
            fs::write(file.path(), text).unwrap();
            assert!(pids(ProcessRule::PidFile(file.path().to_owned())).is_empty());
        }
        assert!(pids(ProcessRule::PidFile("/nowhere/x.pid".into())).is_empty());
    }

    #[test]
    fn whoever_listens_on_a_port_is_found_and_never_ourselves() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        // A process that another test forks has our descriptors until it becomes a program.
        eventually(|| pids(ProcessRule::Port(port)).is_empty());
        // The child inherits the socket, and listens with us.
        let child = Running::inheriting(&listener, "sleep 1000; true");
        assert!(pids(ProcessRule::Port(port)).contains(&child.0.id()));
        drop(child);
        eventually(|| program_on(port).is_some());
        drop(listener);
        eventually(|| program_on(port).is_none());
    }

    #[test]
    fn processes_are_found_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("plimsoll-test-é-service");
        std::os::unix::fs::symlink("/bin/sleep", &program).unwrap();
        let running: Vec<_> = (0..2)
            .map(|_| Running::program(&program, &["1000"]))
            .collect();
        let mut expect: Vec<_> = running.iter().map(|r| r.0.id()).collect();
        expect.sort_unstable();
        let name = ProcessRule::Name("plimsoll-test-é-service".to_owned());
        // The name is there once the child has become the program.
        eventually(|| pids(name.clone()) == expect);
        assert!(pids(ProcessRule::Name("plimsoll-test-none".to_owned())).is_empty());
    }

    #[test]
    fn a_control_group_that_is_not_there_has_no_members() {
        let group = "no.slice/such.service".to_owned();
        assert!(pids(ProcessRule::Cgroup(group)).is_empty());
    }
}
