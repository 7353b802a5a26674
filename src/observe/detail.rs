//! The target's processes in detail: where their time, memory, descriptors and sockets go.
//!
//! Everything is read from counters that the kernel keeps anyway. Memory is split by the counters of
//! `status` and not by `smaps_rollup`: that walks all pages under the lock which the target needs to
//! map memory, so reading it would disturb what is measured, and it tells the same.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::group::ControlGroup;
use super::members::descriptors;
use super::meter::Meter;
use super::parse::process::{self, Descriptor, ProcessStat, pool_name};
use super::parse::sockets::{self, LISTEN};
use super::texts::{Texts, numbered};
use super::thrift::Thrift;
use crate::clock::{Clock, Monotonic, thread_cpu};
use crate::model::{CgroupDetail, MemoryDetail, TargetDetail};
use crate::units::{Bytes, Nanos};

/// Names of threads whose CPU time is told, those with the most of it.
const THREADS_TOLD: usize = 8;

/// A process by its id and when it was started.
type Process = (u32, u64);

/// Reads it; keeps what makes counters only grow.
#[derive(Debug, Default)]
pub(super) struct Detail {
    texts: Texts,
    /// User and system ticks, minor and major faults.
    processes: Meter<Process, 4>,
    transferred: Meter<Process, 2>,
    /// CPU time, voluntary and involuntary switches.
    threads: Meter<(u32, u32), 3>,
    states: Counts,
    waiting: Counts,
    kinds: Counts,
    sockets: Counts,
    group: Option<(u32, Option<ControlGroup>)>,
    by_thread: Thrift,
    by_socket: Thrift,
}

impl Detail {
    /// Reads these processes; None when there are none, or when they are so many that reading them
    /// again would cost too much. `group` is a control group that is told of whoever is in it.
    pub(super) fn read(
        &mut self,
        living: &BTreeMap<u32, ProcessStat>,
        group: Option<&str>,
    ) -> Option<TargetDetail> {
        let mut detail = TargetDetail {
            cgroup: self.control_group(living, group),
            ..TargetDetail::default()
        };
        let alive: BTreeMap<u32, ProcessStat> = living
            .iter()
            .filter(|(_, stat)| stat.state != 'Z')
            .map(|(pid, stat)| (*pid, *stat))
            .collect();
        if alive.is_empty() {
            return detail.cgroup.is_some().then_some(detail);
        }
        let (now, before) = (Monotonic.now(), thread_cpu());
        if !self.by_thread.may(now) {
            return None;
        }
        self.count_processes(living, &mut detail);
        self.count_threads(&alive, &mut detail);
        self.by_thread.took(now, thread_cpu() - before);
        let before = thread_cpu();
        if self.by_socket.may(now) {
            self.count_descriptors(&alive, &mut detail);
            self.by_socket.took(now, thread_cpu() - before);
        }
        Some(detail)
    }

    fn control_group(
        &mut self,
        living: &BTreeMap<u32, ProcessStat>,
        named: Option<&str>,
    ) -> Option<CgroupDetail> {
        let first = match named {
            Some(_) => 0,
            None => *living.keys().next()?,
        };
        if self.group.as_ref().is_none_or(|(pid, _)| *pid != first) {
            let group = match named {
                Some(path) => Some(ControlGroup::named(path)),
                None => ControlGroup::of(first),
            };
            self.group = Some((first, group));
        }
        self.group.as_ref()?.1.as_ref()?.read()
    }

    /// Counters of whole processes; a zombie still knows its own.
    fn count_processes(&mut self, living: &BTreeMap<u32, ProcessStat>, detail: &mut TargetDetail) {
        let keys: HashSet<Process> = living.iter().map(|(pid, s)| (*pid, s.started)).collect();
        self.processes.keep(&keys);
        self.transferred.keep(&keys);
        let mut told = false;
        for (&pid, stat) in living {
            let key = (pid, stat.started);
            let counters = [stat.user, stat.system, stat.minor_faults, stat.major_faults];
            self.processes.count(key, "", counters);
            let io = self.texts.read(format_args!("/proc/{pid}/io"));
            if let Some(bytes) = io.and_then(|text| process::transferred(&text)) {
                self.transferred.count(key, "", bytes);
                told = true;
            }
            let limits = self.texts.read(format_args!("/proc/{pid}/limits"));
            let limit = limits.and_then(|text| process::descriptor_limit(&text));
            detail.descriptor_limit = [detail.descriptor_limit, limit].into_iter().flatten().min();
        }
        let tick = super::host::tick().0;
        let [user, system, minor, major] = self.processes.total();
        detail.user = Nanos(user.saturating_mul(tick));
        detail.system = Nanos(system.saturating_mul(tick));
        (detail.minor_faults, detail.major_faults) = (minor, major);
        if told {
            let [read, written] = self.transferred.total();
            (detail.read, detail.written) = (Some(Bytes(read)), Some(Bytes(written)));
        }
    }

    fn count_threads(&mut self, alive: &BTreeMap<u32, ProcessStat>, detail: &mut TargetDetail) {
        let (mut states, mut waiting) = (BTreeMap::new(), BTreeMap::new());
        let mut seen = HashSet::new();
        for &pid in alive.keys() {
            let mut memory = None;
            for tid in numbered(format!("/proc/{pid}/task")) {
                let cpu = self
                    .texts
                    .read(format_args!("/proc/{pid}/task/{tid}/schedstat"))
                    .and_then(|text| process::schedstat(&text));
                let status = self
                    .texts
                    .read(format_args!("/proc/{pid}/task/{tid}/status"));
                let Some(status) = status.as_deref().and_then(process::thread_status) else {
                    continue;
                };
                let Some(Nanos(cpu)) = cpu else { continue };
                let counters = [cpu, status.voluntary, status.involuntary];
                self.threads
                    .count((pid, tid), &pool_name(status.name), counters);
                seen.insert((pid, tid));
                one_more(&mut states, status.state);
                // All threads of a process have the same memory.
                memory = memory.or(status.memory);
                let asleep = !matches!(status.state, "R" | "Z" | "X");
                // What it waits for is not for everybody: then it is `0`, or empty.
                if asleep
                    && let Some(channel) = self
                        .texts
                        .read(format_args!("/proc/{pid}/task/{tid}/wchan"))
                    && !matches!(&*channel, "0" | "")
                {
                    one_more(&mut waiting, &channel);
                }
            }
            if let Some(memory) = memory {
                let sum = detail.memory.get_or_insert_default();
                add(sum, memory);
            }
        }
        self.threads.keep(&seen);
        let [_, voluntary, involuntary] = self.threads.total();
        (detail.voluntary_switches, detail.involuntary_switches) = (voluntary, involuntary);
        let times = self.threads.by_name();
        let mut times: Vec<_> = times.map(|(name, [cpu, ..])| (Nanos(cpu), name)).collect();
        times.sort_unstable_by(|a, b| b.cmp(a));
        times.truncate(THREADS_TOLD);
        detail.thread_cpu = times.into_iter().map(|(t, n)| (n.to_owned(), t)).collect();
        detail.thread_states = self.states.with_zeros(states);
        detail.waiting = self.waiting.with_zeros(waiting);
    }

    /// Descriptors by kind, and the sockets among them by state. A descriptor that several processes
    /// have inherited counts in each, a socket once.
    fn count_descriptors(&mut self, alive: &BTreeMap<u32, ProcessStat>, detail: &mut TargetDetail) {
        let (mut kinds, mut states) = (BTreeMap::new(), BTreeMap::new());
        let mut inodes = HashSet::new();
        // Who is asked for the table: all processes of a target are expected in one network.
        let mut asked = None;
        for &pid in alive.keys() {
            for descriptor in descriptors(pid) {
                one_more(&mut kinds, descriptor.kind());
                if let Descriptor::Socket { inode } = descriptor {
                    inodes.insert(inode);
                    asked = asked.or(Some(pid));
                }
            }
        }
        detail.descriptors = self.kinds.with_zeros(kinds);
        let mut queue = None;
        for table in ["tcp", "tcp6"] {
            let Some(pid) = asked else { break };
            let Some(text) = self.texts.read(format_args!("/proc/{pid}/net/{table}")) else {
                continue;
            };
            for socket in sockets::sockets(&text).filter(|s| inodes.contains(&s.inode)) {
                one_more(&mut states, sockets::state(socket.state));
                if socket.state == LISTEN {
                    *queue.get_or_insert(0) += socket.received;
                }
            }
        }
        detail.sockets = self.sockets.with_zeros(states);
        detail.accept_queue = queue;
    }
}

/// Counts by name; what there was once is told as none when it is no more, and is not left out.
#[derive(Debug, Default)]
struct Counts(BTreeSet<String>);

impl Counts {
    fn with_zeros(&mut self, mut counts: BTreeMap<String, u64>) -> BTreeMap<String, u64> {
        self.0.extend(counts.keys().cloned());
        for name in &self.0 {
            counts.entry(name.clone()).or_insert(0);
        }
        counts
    }
}

fn one_more(counts: &mut BTreeMap<String, u64>, name: &str) {
    match counts.get_mut(name) {
        Some(n) => *n += 1,
        None => drop(counts.insert(name.to_owned(), 1)),
    }
}

fn add(sum: &mut MemoryDetail, other: MemoryDetail) {
    sum.anonymous.0 += other.anonymous.0;
    sum.file.0 += other.file.0;
    sum.shared.0 += other.shared.0;
    sum.swapped.0 += other.swapped.0;
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader};
    use std::net::{TcpListener, TcpStream};

    use super::super::members::{Members, Subject};
    use super::super::running::Running;
    use super::*;

    fn read(detail: &mut Detail, running: &Running) -> TargetDetail {
        let living = Members::new(Subject::Group(running.0.id())).living();
        detail.by_thread = Thrift::default();
        detail.by_socket = Thrift::default();
        detail.read(&living, None).expect("it runs")
    }

    fn wait_for_line(running: &mut Running) {
        let mut line = String::new();
        let out = running.0.stdout.as_mut().unwrap();
        BufReader::new(out).read_line(&mut line).unwrap();
    }

    fn own(file: &str, running: &Running) -> String {
        std::fs::read_to_string(format!("/proc/{}/{file}", running.0.id())).unwrap()
    }

    #[test]
    fn descriptors_and_sockets_are_counted_exactly() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let script = "exec 5</dev/null 6</dev/null 7</dev/zero; echo; exec sleep 1000";
        let mut shell = Running::inheriting(&listener, script);
        wait_for_line(&mut shell);
        let mut detail = Detail::default();
        let first = read(&mut detail, &shell);
        assert_eq!(first.sockets, [("listen".to_owned(), 1)].into());
        assert_eq!(first.accept_queue, Some(0));
        assert!(first.descriptors["socket"] >= 1 && first.descriptors["file"] >= 3);
        // Nobody accepts: they wait in the queue.
        let waiting: Vec<_> = (0..3)
            .map(|_| TcpStream::connect(address).unwrap())
            .collect();
        let later = read(&mut detail, &shell);
        assert_eq!(later.accept_queue, Some(3));
        drop((waiting, listener));
    }

    #[test]
    fn what_is_read_is_what_proc_says() {
        let mut sleeper = Running::shell("exec 4</dev/null 5</dev/null; echo; exec sleep 1000");
        wait_for_line(&mut sleeper);
        let start = std::time::Instant::now();
        while own("comm", &sleeper) != "sleep\n" || !own("stat", &sleeper).contains(") S ") {
            assert!(start.elapsed().as_secs() < 20, "it never sleeps");
            std::thread::yield_now();
        }
        let mut detail = Detail::default();
        let told = read(&mut detail, &sleeper);
        assert_eq!(told.thread_states, [("S".to_owned(), 1)].into());
        let kinds = [("file", 3), ("pipe", 1)];
        let links = std::fs::read_dir(format!("/proc/{}/fd", sleeper.0.id())).unwrap();
        assert_eq!(told.descriptors.values().sum::<u64>(), links.count() as u64);
        for (kind, least) in kinds {
            assert!(told.descriptors[kind] >= least, "{kind}: {told:?}");
        }
        assert!(told.sockets.is_empty() && told.accept_queue.is_none());
        assert!(told.thread_cpu["sleep"] > Nanos::ZERO);
        let status = own("status", &sleeper);
        let status = process::thread_status(&status).unwrap();
        assert_eq!(told.voluntary_switches, status.voluntary);
        assert_eq!(told.involuntary_switches, status.involuntary);
        assert_eq!(told.memory, status.memory);
        let io = process::transferred(&own("io", &sleeper)).unwrap();
        assert_eq!(
            told.read.zip(told.written),
            Some((Bytes(io[0]), Bytes(io[1])))
        );
        let limit = process::descriptor_limit(&own("limits", &sleeper));
        assert_eq!(told.descriptor_limit, limit);
        let stat = process::process_stat(&own("stat", &sleeper)).unwrap();
        assert_eq!(
            (told.minor_faults, told.major_faults),
            (stat.minor_faults, stat.major_faults)
        );
        // The split adds up to what is resident.
        let pages = process::resident_pages(&own("statm", &sleeper)).unwrap();
        let memory = told.memory.unwrap();
        let sum = memory.anonymous.0 + memory.file.0 + memory.shared.0;
        assert_eq!(sum, pages * rustix::param::page_size() as u64);
        let channel = own("wchan", &sleeper);
        if channel != "0" {
            // A machine may be looked at while it moves the sleeper to another core.
            let expected = BTreeMap::from([(channel, 1)]);
            let told = (0..100).any(|_| read(&mut detail, &sleeper).waiting == expected);
            assert!(told, "never {expected:?}");
        }
    }

    #[test]
    fn what_was_there_and_is_no_more_is_none_and_not_left_out() {
        let mut counts = Counts::default();
        let one = |name: &str| BTreeMap::from([(name.to_owned(), 1)]);
        assert_eq!(counts.with_zeros(one("close-wait")), one("close-wait"));
        let then = counts.with_zeros(one("listen"));
        let expect = [("close-wait".to_owned(), 0), ("listen".to_owned(), 1)];
        assert_eq!(then, expect.into());
    }

    #[test]
    fn nobody_has_no_detail() {
        assert_eq!(Detail::default().read(&BTreeMap::new(), None), None);
    }

    /// `cargo test --lib a_reading_costs -- --nocapture` prints what a reading takes. How long is no
    /// matter of a test: [`Thrift`] bounds what readings take of a core, whatever they cost.
    #[test]
    fn a_reading_costs_little() {
        let files: Vec<_> = (0..200)
            .map(|_| std::fs::File::open("/dev/null").unwrap())
            .collect();
        let (stop, stopped) = std::sync::mpsc::channel::<()>();
        let stopped = std::sync::Arc::new(std::sync::Mutex::new(stopped));
        let threads: Vec<_> = (0..50)
            .map(|_| {
                let stopped = std::sync::Arc::clone(&stopped);
                std::thread::spawn(move || drop(stopped.lock().map(|s| s.recv())))
            })
            .collect();
        let ourselves = std::process::id();
        let text = std::fs::read_to_string("/proc/self/stat").unwrap();
        let living = BTreeMap::from([(ourselves, process::process_stat(&text).unwrap())]);
        let mut detail = Detail::default();
        let mut told = TargetDetail::default();
        let before = thread_cpu();
        for _ in 0..100 {
            detail.by_thread = Thrift::default();
            detail.by_socket = Thrift::default();
            told = detail.read(&living, None).unwrap();
        }
        let cost = (thread_cpu() - before).as_secs_f64() * 10.0;
        let (all, open) = (told.thread_states, told.descriptors);
        println!("{cost:.2} ms a reading of {all:?} and {open:?}");
        assert!(all.values().sum::<u64>() >= 50 && open["file"] >= 200);
        drop((stop, files));
        for thread in threads {
            thread.join().unwrap();
        }
    }
}
