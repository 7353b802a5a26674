//! What happens to this process while it makes load: cores it waits for, a quota, the clock, its memory.
//!
//! Everything is told as a difference from the reading before, and read from files that cost some
//! microseconds; no reading asks the target or anybody else.

use std::collections::HashMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use super::host::again;
use super::machine;
use super::parse::{cgroup, process};
use super::texts::{Texts, numbered};
use crate::clock::{self, Clock, Monotonic};
use crate::model::GeneratorSample;
use crate::units::Nanos;

/// Name of the threads of the load engine, without their number.
const LOAD: &str = "load-";

/// Readings of the two clocks that lie further apart were interrupted; the best of a few counts.
const CLOCK_TRIES: usize = 5;

/// Reads this process again and again.
#[derive(Debug)]
pub(super) struct Generator {
    texts: Texts,
    stat: Option<File>,
    /// `cpu.stat` of our control group and of those above, where the kernel counts throttling.
    groups: Vec<File>,
    last: Counters,
    /// Threads of the load engine, by what they had waited for a core.
    waited: HashMap<u32, Nanos>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Counters {
    at: Nanos,
    throttled: Nanos,
    major_faults: u64,
    clocks: Ahead,
}

/// How far other clocks are ahead of the monotonic one.
#[derive(Debug, Clone, Copy, Default)]
struct Ahead {
    wall: Nanos,
    /// Counts on while the machine sleeps.
    boot: Nanos,
}

impl Ahead {
    fn now() -> Self {
        let tries = (0..CLOCK_TRIES).map(|_| {
            let before = Monotonic.now();
            let (wall, boot) = (clock::system_time(), clock::boot_time());
            let after = Monotonic.now();
            let middle = Nanos(u64::midpoint(before.0, after.0));
            let ahead = Self {
                wall: wall - middle,
                boot: boot - middle,
            };
            (after - before, ahead)
        });
        let best = tries.min_by_key(|(took, _)| *took);
        best.map(|(_, ahead)| ahead).unwrap_or_default()
    }

    /// How far the one that moved farthest has moved.
    fn moved_since(self, earlier: Self) -> Nanos {
        let wall = self.wall.0.abs_diff(earlier.wall.0);
        let boot = self.boot.0.abs_diff(earlier.boot.0);
        Nanos(wall.max(boot))
    }
}

impl Generator {
    /// Counts from now.
    pub(super) fn new() -> Self {
        let mut generator = Self {
            texts: Texts::default(),
            stat: File::open("/proc/self/stat").ok(),
            groups: own_groups(),
            last: Counters::default(),
            waited: HashMap::new(),
        };
        generator.read();
        generator
    }

    /// What happened since it was last asked.
    pub(super) fn read(&mut self) -> GeneratorSample {
        let now = self.counters();
        let last = std::mem::replace(&mut self.last, now);
        GeneratorSample {
            wall: now.at - last.at,
            starved: self.longest_wait(),
            throttled: now.throttled - last.throttled,
            clock_step: now.clocks.moved_since(last.clocks),
            major_faults: now.major_faults.saturating_sub(last.major_faults),
        }
    }

    fn counters(&self) -> Counters {
        let throttled = self.groups.iter().filter_map(|file| {
            let throttling = cgroup::throttling(&again(file)?)?;
            Some(throttling.throttled)
        });
        let stat = self.stat.as_ref().and_then(again);
        Counters {
            at: Monotonic.now(),
            throttled: throttled.max().unwrap_or_default(),
            major_faults: stat
                .and_then(|text| process::process_stat(&text))
                .map_or(0, |stat| stat.major_faults),
            clocks: Ahead::now(),
        }
    }

    /// Of the load thread that waited longest for a core since the last reading.
    fn longest_wait(&mut self) -> Nanos {
        let mut waited = HashMap::new();
        let mut longest = Nanos::ZERO;
        for tid in numbered("/proc/self/task") {
            let known = self.waited.get(&tid).copied();
            if known.is_none() && !self.is_load(tid) {
                continue;
            }
            let schedstat = self
                .texts
                .read(format_args!("/proc/self/task/{tid}/schedstat"));
            let Some(now) = schedstat.and_then(|text| process::run_delay(&text)) else {
                continue;
            };
            longest = longest.max(now - known.unwrap_or(now));
            waited.insert(tid, now);
        }
        self.waited = waited;
        longest
    }

    fn is_load(&mut self, tid: u32) -> bool {
        let comm = self.texts.read(format_args!("/proc/self/task/{tid}/comm"));
        comm.is_some_and(|name| name.starts_with(LOAD))
    }
}

/// The files in which the kernel counts how our control group, and those above, were throttled.
fn own_groups() -> Vec<File> {
    let groups = machine::text("/proc/self/cgroup").map(|text| cgroup::cgroup(&text));
    let groups = groups.unwrap_or_default();
    let unified = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"].map(|root| (root, &groups.unified));
    let version_1 =
        ["/sys/fs/cgroup/cpu", "/sys/fs/cgroup/cpu,cpuacct"].map(|root| (root, &groups.cpu));
    let folders = unified.into_iter().chain(version_1);
    let folders = folders.flat_map(|(root, group)| -> Vec<PathBuf> {
        let group = group.as_deref();
        group.map_or_else(Vec::new, |group| machine::upwards(Path::new(root), group))
    });
    folders
        .filter_map(|folder| File::open(folder.join("cpu.stat")).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread;

    use super::*;

    #[test]
    fn a_clock_that_is_set_has_moved_and_one_that_ticks_has_not() {
        let ahead = |wall, boot| Ahead {
            wall: Nanos(wall),
            boot: Nanos(boot),
        };
        assert_eq!(ahead(5, 7).moved_since(ahead(5, 7)), Nanos::ZERO);
        assert_eq!(ahead(2, 7).moved_since(ahead(5, 7)), Nanos(3));
        assert_eq!(ahead(6, 17).moved_since(ahead(5, 7)), Nanos(10));
    }

    #[test]
    fn waiting_for_a_core_is_told_of_load_threads_alone() {
        let mut generator = Generator::new();
        let seen = |generator: &mut Generator, name: &str| {
            let (end, ended) = mpsc::channel::<()>();
            let (tell, told) = mpsc::channel();
            let run = move || {
                tell.send(rustix::thread::gettid().as_raw_pid())?;
                ended.recv().or(Ok::<_, mpsc::SendError<i32>>(()))
            };
            let thread = thread::Builder::new().name(name.to_owned());
            let thread = thread.spawn(run).expect("a thread");
            let tid = told.recv().expect("its id").unsigned_abs();
            generator.read();
            let known = generator.waited.contains_key(&tid);
            drop(end);
            thread.join().expect("ends").expect("was heard");
            generator.read();
            assert!(!generator.waited.contains_key(&tid), "it has gone");
            known
        };
        assert!(seen(&mut generator, "load-7"));
        assert!(!seen(&mut generator, "sampler"));
    }
}
