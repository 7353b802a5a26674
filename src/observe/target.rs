//! The processes of the target's group, summed.
//!
//! CPU time is a lower bound that is tight and never goes back. For each process there are two
//! readings: the sum of its threads' `schedstat`, in nanoseconds but blind to threads that came and
//! went between two readings, and `stat`, which knows those but counts in ticks of 10 ms. Neither
//! exceeds the truth, so the greater is taken. The same holds for processes that ended: what they
//! had used when last seen, or what their parents were told when they waited for them.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use super::parse::{self, ProcessStat};
use crate::model::TargetSample;
use crate::units::Nanos;

/// Reads one process group; keeps what is needed to count the CPU time of what has gone.
#[derive(Debug)]
pub(super) struct Group {
    leader: u32,
    tick: Nanos,
    page: u64,
    members: BTreeMap<u32, Member>,
    /// Processes known not to belong, so that each is looked at once and not every second. A
    /// stranger does not join later: children inherit the group of their parent.
    strangers: HashSet<u32>,
    /// Of the members that have gone, as last seen.
    gone: Nanos,
    /// The greatest sum so far.
    cpu: Nanos,
}

#[derive(Debug, Default)]
struct Member {
    started: u64,
    threads: HashMap<u32, Nanos>,
    /// Of the threads that have gone, as last seen.
    gone: Nanos,
    cpu: Nanos,
}

impl Group {
    pub(super) fn new(leader: u32) -> Self {
        Self {
            leader,
            tick: super::host::tick(),
            page: rustix::param::page_size() as u64,
            members: BTreeMap::new(),
            strangers: HashSet::new(),
            gone: Nanos::ZERO,
            cpu: Nanos::ZERO,
        }
    }

    /// Reads all members; None when none is running.
    pub(super) fn read(&mut self) -> Option<TargetSample> {
        let mut sample = TargetSample::default();
        let mut children = Nanos::ZERO;
        let living = self.living();
        self.members.retain(|pid, member| {
            let lives = living
                .get(pid)
                .is_some_and(|stat| stat.started == member.started);
            if !lives {
                self.gone += member.cpu;
            }
            lives
        });
        for (&pid, stat) in &living {
            let member = self.members.entry(pid).or_insert_with(|| Member {
                started: stat.started,
                ..Member::default()
            });
            let directory = process(pid);
            member.read(&directory, Nanos(stat.ticks * self.tick.0));
            children += Nanos(stat.children_ticks * self.tick.0);
            // One that ended since it was listed has no memory to tell, not none.
            if stat.state != 'Z'
                && let Some(pages) = resident(&directory)
            {
                sample.processes += 1;
                sample.threads += stat.threads;
                sample.rss.0 += pages * self.page;
                sample.fds += descriptors(&directory).unwrap_or(0);
            }
        }
        let now = self.members.values().map(|member| member.cpu);
        let sum = now.fold(self.gone.max(children), |sum, cpu| sum + cpu);
        self.cpu = self.cpu.max(sum);
        sample.cpu = self.cpu;
        (sample.processes > 0).then_some(sample)
    }

    /// The members there are now, zombies included: they still know what they used.
    fn living(&mut self) -> BTreeMap<u32, ProcessStat> {
        let everyone = numbered(Path::new("/proc"));
        let present: HashSet<u32> = everyone.iter().copied().collect();
        self.strangers.retain(|pid| present.contains(pid));
        let mut living = BTreeMap::new();
        for pid in everyone {
            if self.strangers.contains(&pid) {
                continue;
            }
            let Some(stat) = read(&process(pid), "stat").and_then(|t| parse::process_stat(&t))
            else {
                continue;
            };
            if stat.group == self.leader {
                living.insert(pid, stat);
            } else {
                self.strangers.insert(pid);
            }
        }
        living
    }
}

impl Member {
    fn read(&mut self, directory: &Path, from_ticks: Nanos) {
        let tasks = directory.join("task");
        let now: HashMap<u32, Nanos> = numbered(&tasks)
            .into_iter()
            .filter_map(|tid| {
                let text = read(&tasks.join(tid.to_string()), "schedstat")?;
                Some((tid, parse::schedstat(&text)?))
            })
            .collect();
        self.count(now, from_ticks);
    }

    /// A thread whose time went back is another one under the same id.
    fn count(&mut self, now: HashMap<u32, Nanos>, from_ticks: Nanos) {
        for (tid, last) in &self.threads {
            if now.get(tid).is_none_or(|cpu| cpu < last) {
                self.gone += *last;
            }
        }
        let from_threads = now.values().fold(self.gone, |sum, cpu| sum + *cpu);
        self.threads = now;
        self.cpu = self.cpu.max(from_threads).max(from_ticks);
    }
}

fn process(pid: u32) -> PathBuf {
    Path::new("/proc").join(pid.to_string())
}

fn read(directory: &Path, name: &str) -> Option<String> {
    // A process name need not be UTF-8.
    let bytes = fs::read(directory.join(name)).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// The entries of a directory that are numbers: processes or threads.
fn numbered(directory: &Path) -> Vec<u32> {
    let Ok(entries) = fs::read_dir(directory) else {
        return Vec::new();
    };
    entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .collect()
}

fn resident(directory: &Path) -> Option<u64> {
    parse::resident_pages(&read(directory, "statm")?)
}

/// Open descriptors. Since Linux 6.2 the size of the directory is their number; before, it is zero.
fn descriptors(directory: &Path) -> Option<u64> {
    let directory = directory.join("fd");
    match fs::metadata(&directory).ok()?.len() {
        0 => Some(fs::read_dir(&directory).ok()?.count() as u64),
        n => Some(n),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::os::unix::process::CommandExt;
    use std::process::{Child, Command, Stdio};
    use std::time::{Duration, Instant};

    use super::*;

    struct Running(Child);

    impl Running {
        fn shell(script: &str) -> Self {
            let mut command = Command::new("/bin/sh");
            command
                .args(["-c", script])
                .process_group(0)
                .stdin(Stdio::null())
                .stdout(Stdio::piped());
            Self(command.spawn().unwrap())
        }
    }

    impl Drop for Running {
        fn drop(&mut self) {
            let group = rustix::process::Pid::from_child(&self.0);
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
            let _ = self.0.wait();
        }
    }

    /// Reads until the sample is as wished, for 20 s at most.
    fn read_until(group: &mut Group, wished: impl Fn(&TargetSample) -> bool) -> TargetSample {
        let start = Instant::now();
        loop {
            let sample = group.read().expect("it runs");
            if wished(&sample) || start.elapsed() > Duration::from_secs(20) {
                assert!(wished(&sample), "never so: {sample:?}");
                return sample;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    #[test]
    fn a_busy_process_uses_cpu_memory_and_descriptors() {
        let busy = Running::shell("while :; do :; done");
        let mut group = Group::new(busy.0.id());
        let first = group.read().unwrap();
        assert_eq!((first.processes, first.threads), (1, 1));
        assert!(first.fds >= 3);
        let later = read_until(&mut group, |s| s.cpu > first.cpu + Nanos::from_millis(20));
        assert!(later.rss.0 > 0);
    }

    #[test]
    fn the_cpu_of_a_child_that_ended_stays_in_the_sum() {
        let script = "sh -c 'i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done'; echo; sleep 100";
        let mut parent = Running::shell(script);
        let mut seen = Group::new(parent.0.id());
        let burning = read_until(&mut seen, |s| s.cpu >= Nanos::from_millis(10)).cpu;
        // The line comes when the child has ended and was waited for.
        let mut line = [0];
        parent
            .0
            .stdout
            .take()
            .unwrap()
            .read_exact(&mut line)
            .unwrap();
        assert!(seen.read().unwrap().cpu >= burning);
        let mut never_seen = Group::new(parent.0.id());
        assert!(never_seen.read().unwrap().cpu >= Nanos::from_millis(10));
    }

    #[test]
    fn a_group_with_nobody_in_it_has_no_sample() {
        let mut gone = Running::shell("exit 0");
        let mut group = Group::new(gone.0.id());
        gone.0.wait().unwrap();
        assert_eq!(group.read(), None);
    }

    #[test]
    fn a_descriptor_more_is_one_more() {
        let own = process(std::process::id());
        let files: Vec<_> = (0..64)
            .map(|_| fs::File::open("/dev/null").unwrap())
            .collect();
        // Other tests of this process open and close files, too.
        assert!(descriptors(&own).unwrap() >= files.len() as u64);
    }

    #[test]
    fn threads_that_ended_and_ids_used_again_are_kept_in_the_sum() {
        let ms = Nanos::from_millis;
        let mut member = Member::default();
        let mut count = |threads: &[(u32, u64)], ticks: u64| {
            let now = threads.iter().map(|&(tid, t)| (tid, ms(t))).collect();
            member.count(now, ms(ticks));
            member.cpu
        };
        assert_eq!(count(&[(1, 10), (2, 5)], 10), ms(15));
        assert_eq!(count(&[(1, 12)], 10), ms(17), "2 ended");
        assert_eq!(
            count(&[(1, 12), (2, 3)], 20),
            ms(20),
            "2 is new, 20 in ticks"
        );
        assert_eq!(count(&[(1, 1), (2, 9)], 20), ms(12 + 5 + 1 + 9), "1 is new");
    }
}
