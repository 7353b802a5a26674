//! The processes of the target, summed.
//!
//! CPU time is a lower bound that is tight and never goes back. For each process there are two
//! readings: the sum of its threads' `schedstat`, in nanoseconds but blind to threads that came and
//! went between two readings, and `stat`, which knows those but counts in ticks of 10 ms. Neither
//! exceeds the truth, so the greater is taken. The same holds for processes that ended: what they
//! had used when last seen, or what their parents were told when they waited for them.

use std::collections::{BTreeMap, HashMap};
use std::fs;

use super::detail::Detail;
use super::members::{Members, Subject};
use super::parse::process::{self, ProcessStat};
use super::texts::{Texts, numbered};
use crate::model::{TargetDetail, TargetSample};
use crate::units::Nanos;

/// Reads the target; keeps what is needed to count the CPU time of what has gone.
#[derive(Debug)]
pub(super) struct Target {
    members: Members,
    texts: Texts,
    tick: Nanos,
    page: u64,
    /// As last read.
    living: BTreeMap<u32, ProcessStat>,
    accounts: BTreeMap<u32, Account>,
    /// Of the members that have gone, as last seen.
    gone: Nanos,
    /// The greatest sum so far.
    cpu: Nanos,
    /// The sum when nobody was left, and the target began anew.
    before: Nanos,
    detail: Detail,
}

/// The CPU time of one process.
#[derive(Debug, Default)]
struct Account {
    started: u64,
    threads: HashMap<u32, Nanos>,
    /// Of the threads that have gone, as last seen.
    gone: Nanos,
    cpu: Nanos,
}

impl Target {
    pub(super) fn new(subject: Subject) -> Self {
        Self {
            members: Members::new(subject),
            texts: Texts::default(),
            tick: super::host::tick(),
            page: rustix::param::page_size() as u64,
            living: BTreeMap::new(),
            accounts: BTreeMap::new(),
            gone: Nanos::ZERO,
            cpu: Nanos::ZERO,
            before: Nanos::ZERO,
            detail: Detail::default(),
        }
    }

    /// Reads all members; None when none is running.
    pub(super) fn read(&mut self) -> Option<TargetSample> {
        let mut sample = TargetSample::default();
        let mut children = Nanos::ZERO;
        self.living = self.members.living();
        self.settle();
        for (&pid, stat) in &self.living {
            let account = self.accounts.entry(pid).or_insert_with(|| Account {
                started: stat.started,
                ..Account::default()
            });
            let ticks = stat.user.saturating_add(stat.system);
            let threads = thread_times(&mut self.texts, pid);
            account.count(threads, Nanos(ticks.saturating_mul(self.tick.0)));
            children += Nanos(stat.children.saturating_mul(self.tick.0));
            // One that ended since it was listed has no memory to tell, not none.
            if stat.state != 'Z'
                && let Some(pages) = resident(&mut self.texts, pid)
            {
                sample.processes += 1;
                sample.threads += stat.threads;
                sample.rss.0 += pages * self.page;
                sample.fds += descriptors(pid).unwrap_or(0);
            }
        }
        let now = self.accounts.values().map(|account| account.cpu);
        let sum = now.fold(self.gone.max(children), |sum, cpu| sum + cpu);
        self.cpu = self.cpu.max(self.before + sum);
        sample.cpu = self.cpu;
        (sample.processes > 0).then_some(sample)
    }

    /// The members of the latest reading in detail.
    pub(super) fn detail(&mut self) -> Option<TargetDetail> {
        let named = self.members.named_group();
        self.detail.read(&self.living, named)
    }

    /// Takes those who have gone to the sum.
    fn settle(&mut self) {
        let (living, gone) = (&self.living, &mut self.gone);
        self.accounts.retain(|pid, account| {
            let lives = living
                .get(pid)
                .is_some_and(|stat| stat.started == account.started);
            if !lives {
                *gone += account.cpu;
            }
            lives
        });
        // What comes now, after a crash, was never told of those before it.
        if self.accounts.is_empty() && self.gone > Nanos::ZERO {
            self.gone = Nanos::ZERO;
            self.before = self.cpu;
        }
    }
}

impl Account {
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

fn thread_times(texts: &mut Texts, pid: u32) -> HashMap<u32, Nanos> {
    numbered(format!("/proc/{pid}/task"))
        .into_iter()
        .filter_map(|tid| {
            let text = texts.read(format_args!("/proc/{pid}/task/{tid}/schedstat"))?;
            Some((tid, process::schedstat(&text)?))
        })
        .collect()
}

fn resident(texts: &mut Texts, pid: u32) -> Option<u64> {
    process::resident_pages(&texts.read(format_args!("/proc/{pid}/statm"))?)
}

/// Open descriptors. Since Linux 6.2 the size of the directory is their number; before, it is zero.
fn descriptors(pid: u32) -> Option<u64> {
    let directory = format!("/proc/{pid}/fd");
    match fs::metadata(&directory).ok()?.len() {
        0 => Some(fs::read_dir(&directory).ok()?.count() as u64),
        n => Some(n),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::time::{Duration, Instant};

    use super::super::running::Running;
    use super::*;

    fn group(leader: u32) -> Target {
        Target::new(Subject::Group(leader))
    }

    /// Reads until the sample is as wished, for 20 s at most.
    fn read_until(group: &mut Target, wished: impl Fn(&TargetSample) -> bool) -> TargetSample {
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
        let mut target = group(busy.0.id());
        let first = target.read().unwrap();
        assert_eq!((first.processes, first.threads), (1, 1));
        assert!(first.fds >= 3);
        let later = read_until(&mut target, |s| s.cpu > first.cpu + Nanos::from_millis(20));
        assert!(later.rss.0 > 0);
    }

    #[test]
    fn the_cpu_of_a_child_that_ended_stays_in_the_sum() {
        let script = "sh -c 'i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done'; echo; sleep 100";
        let mut parent = Running::shell(script);
        let mut seen = group(parent.0.id());
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
        let mut never_seen = group(parent.0.id());
        assert!(never_seen.read().unwrap().cpu >= Nanos::from_millis(10));
    }

    #[test]
    fn a_group_with_nobody_in_it_has_no_sample() {
        let mut gone = Running::shell("exit 0");
        let mut target = group(gone.0.id());
        gone.0.wait().unwrap();
        assert_eq!(target.read(), None);
    }

    #[test]
    fn a_descriptor_more_is_one_more() {
        let files: Vec<_> = (0..64)
            .map(|_| fs::File::open("/dev/null").unwrap())
            .collect();
        // Other tests of this process open and close files, too.
        assert!(descriptors(std::process::id()).unwrap() >= files.len() as u64);
    }

    #[test]
    fn threads_that_ended_and_ids_used_again_are_kept_in_the_sum() {
        let ms = Nanos::from_millis;
        let mut member = Account::default();
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

    #[test]
    fn a_target_that_is_started_again_goes_on_counting() {
        use crate::scenario::plan::ProcessRule;

        let file = tempfile::NamedTempFile::new().unwrap();
        let rule = ProcessRule::PidFile(file.path().to_owned());
        let mut target = Target::new(Subject::Found(rule));
        assert_eq!(target.read(), None, "nobody yet");
        let mut last = Nanos::ZERO;
        for _ in 0..3 {
            let busy = Running::shell("while :; do :; done");
            fs::write(file.path(), busy.0.id().to_string()).unwrap();
            // Of this process, not of those before it.
            let more = last + Nanos::from_millis(15);
            last = read_until(&mut target, |s| s.cpu > more).cpu;
            drop(busy);
            assert_eq!(target.read(), None, "between two");
        }
    }
}
