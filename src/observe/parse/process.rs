//! One process or thread: the files of `/proc/PID` and `/proc/PID/task/TID`.

use crate::model::MemoryDetail;
use crate::units::{Bytes, Nanos};

/// The fields of `/proc/PID/stat` that are used. Times are in ticks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::observe) struct ProcessStat {
    /// One letter; `Z` is a zombie.
    pub(in crate::observe) state: char,
    pub(in crate::observe) parent: u32,
    pub(in crate::observe) group: u32,
    /// Page faults and time of all its threads, the ended ones included.
    pub(in crate::observe) minor_faults: u64,
    pub(in crate::observe) major_faults: u64,
    pub(in crate::observe) user: u64,
    pub(in crate::observe) system: u64,
    /// Time of all its children that it has waited for.
    pub(in crate::observe) children: u64,
    pub(in crate::observe) threads: u64,
    /// In ticks after boot; tells two processes of the same id apart.
    pub(in crate::observe) started: u64,
}

/// Reads `/proc/PID/stat`; the name in parentheses may hold spaces and parentheses itself.
pub(in crate::observe) fn process_stat(text: &str) -> Option<ProcessStat> {
    let after_name = &text[text.rfind(')')? + 1..];
    // proc(5) counts from 1; the state is field 3.
    let mut fields = [""; 22];
    for (place, field) in fields[3 - 1..]
        .iter_mut()
        .zip(after_name.split_ascii_whitespace())
    {
        *place = field;
    }
    let count = |number: usize| fields[number - 1].parse::<u64>().ok();
    let id = |number: usize| fields[number - 1].parse::<u32>().ok();
    Some(ProcessStat {
        state: fields[3 - 1].chars().next()?,
        parent: id(4)?,
        group: id(5)?,
        minor_faults: count(10)?,
        major_faults: count(12)?,
        user: count(14)?,
        system: count(15)?,
        children: count(16)?.saturating_add(count(17)?),
        threads: count(20)?,
        started: count(22)?,
    })
}

/// The name in `/proc/PID/stat`, which may hold anything.
pub(in crate::observe) fn name(stat: &str) -> Option<&str> {
    stat.get(stat.find('(')? + 1..stat.rfind(')')?)
}

/// Time on a CPU, from `/proc/PID/task/TID/schedstat`.
pub(in crate::observe) fn schedstat(text: &str) -> Option<Nanos> {
    text.split_ascii_whitespace()
        .next()?
        .parse()
        .ok()
        .map(Nanos)
}

/// Time that a thread was ready to run and had no core, from the same file.
pub(in crate::observe) fn run_delay(text: &str) -> Option<Nanos> {
    let waited = text.split_ascii_whitespace().nth(1)?;
    waited.parse().ok().map(Nanos)
}

/// Resident pages, from `/proc/PID/statm`.
pub(in crate::observe) fn resident_pages(text: &str) -> Option<u64> {
    text.split_ascii_whitespace().nth(1)?.parse().ok()
}

/// What `/proc/PID/task/TID/status` says of a thread, and of the memory of its process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::observe) struct ThreadStatus<'a> {
    pub(in crate::observe) name: &'a str,
    /// One letter.
    pub(in crate::observe) state: &'a str,
    pub(in crate::observe) voluntary: u64,
    pub(in crate::observe) involuntary: u64,
    /// None of a kernel thread, or of what is ending.
    pub(in crate::observe) memory: Option<MemoryDetail>,
}

pub(in crate::observe) fn thread_status(text: &str) -> Option<ThreadStatus<'_>> {
    let (mut name, mut state, mut voluntary, mut involuntary) = (None, None, None, None);
    let (mut anonymous, mut file, mut shared, mut swapped) = (None, None, None, None);
    for line in text.lines() {
        let Some((key, value)) = line.split_once(':') else {
            continue;
        };
        let value = value.trim();
        match key {
            "Name" => name = Some(value),
            "State" => state = value.get(..1),
            "voluntary_ctxt_switches" => voluntary = value.parse().ok(),
            "nonvoluntary_ctxt_switches" => involuntary = value.parse().ok(),
            "RssAnon" => anonymous = kibibytes(value),
            "RssFile" => file = kibibytes(value),
            "RssShmem" => shared = kibibytes(value),
            "VmSwap" => swapped = kibibytes(value),
            _ => {}
        }
    }
    let memory = anonymous.zip(file).zip(shared);
    Some(ThreadStatus {
        name: name?,
        state: state?,
        voluntary: voluntary?,
        involuntary: involuntary?,
        memory: memory.map(|((anonymous, file), shared)| MemoryDetail {
            anonymous,
            file,
            shared,
            swapped: swapped.unwrap_or_default(),
        }),
    })
}

fn kibibytes(value: &str) -> Option<Bytes> {
    let kib: u64 = value.strip_suffix("kB")?.trim().parse().ok()?;
    Some(Bytes(kib.saturating_mul(1024)))
}

/// The soft limit on open files, from `/proc/PID/limits`; None without one.
pub(in crate::observe) fn descriptor_limit(text: &str) -> Option<u64> {
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}

/// Bytes read and written by system calls, from `/proc/PID/io`.
pub(in crate::observe) fn transferred(text: &str) -> Option<[u64; 2]> {
    let value = |name: &str| {
        text.lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
            .and_then(|value| value.trim().parse().ok())
    };
    Some([value("rchar")?, value("wchar")?])
}

/// What a descriptor is, by the link in `/proc/PID/fd`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::observe) enum Descriptor {
    Socket { inode: u64 },
    File,
    Pipe,
    Event,
    Other,
}

impl Descriptor {
    pub(in crate::observe) const fn kind(self) -> &'static str {
        match self {
            Self::Socket { .. } => "socket",
            Self::File => "file",
            Self::Pipe => "pipe",
            Self::Event => "event",
            Self::Other => "other",
        }
    }
}

pub(in crate::observe) fn descriptor(link: &[u8]) -> Descriptor {
    let Ok(text) = std::str::from_utf8(link) else {
        // Only paths can be in any encoding.
        return Descriptor::File;
    };
    if let Some(inode) = text.strip_prefix("socket:[") {
        let inode = inode.trim_end_matches(']').parse();
        return inode.map_or(Descriptor::Other, |inode| Descriptor::Socket { inode });
    }
    if let Some(kind) = text.strip_prefix("anon_inode:") {
        return match kind.trim_matches(['[', ']']) {
            "eventpoll" | "eventfd" | "timerfd" | "signalfd" | "io_uring" | "inotify"
            | "fanotify" => Descriptor::Event,

            _ => Descriptor::Other,
        };
    }
    match text.as_bytes().first() {
        Some(b'/') => Descriptor::File,
        _ if text.starts_with("pipe:[") => Descriptor::Pipe,
        _ => Descriptor::Other,
    }
}

/// The name that threads of one purpose share: what follows the last letters is a number.
///
/// `worker-12` and `worker-7` are `worker-*`, so that a pool is one series and not fifty.
pub(in crate::observe) fn pool_name(thread: &str) -> String {
    let stem = thread.trim_end_matches(|c: char| c.is_ascii_digit());
    if stem.len() == thread.len() || stem.is_empty() {
        thread.to_owned()
    } else {
        format!("{stem}*")
    }
}

/// True when a process is called that: by the name the kernel keeps, 15 bytes of it, or by the last
/// part of what it was started as (`/proc/PID/cmdline`).
pub(in crate::observe) fn is_called(name: &str, comm: &str, cmdline: &str) -> bool {
    const KEPT: usize = 15;
    let kept = name.as_bytes().get(..KEPT).unwrap_or(name.as_bytes());
    let program = cmdline.split('\0').next().unwrap_or_default();
    let file = program.rsplit('/').next().unwrap_or_default();
    comm.trim_end_matches('\n').as_bytes() == kept || file == name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_name_may_hold_spaces_and_parentheses() {
        let text = "77 (my (odd) name) Z) S 1 70 70 0 -1 4194304 99 3 8 4 11 22 33 44 20 0 5 0 238648 3133440 379";
        assert_eq!(
            process_stat(text),
            Some(ProcessStat {
                state: 'S',
                parent: 1,
                group: 70,
                minor_faults: 99,
                major_faults: 8,
                user: 11,
                system: 22,
                children: 77,
                threads: 5,
                started: 238_648,
            })
        );
    }

    #[test]
    fn what_is_cut_off_is_no_number() {
        assert_eq!(process_stat("77 (sh) S 1 70"), None);
        assert_eq!(process_stat(""), None);
        assert_eq!(schedstat(""), None);
        assert_eq!(resident_pages("12"), None);
        assert_eq!(thread_status("Name:\tsh\nState:\n"), None);
        assert_eq!(transferred("rchar: 5\n"), None);
        assert_eq!(descriptor_limit("Max open"), None);
    }

    #[test]
    fn counters_of_a_thread_and_a_process() {
        assert_eq!(schedstat("64315 2000 1\n"), Some(Nanos(64_315)));
        assert_eq!(run_delay("64315 2000 1\n"), Some(Nanos(2_000)));
        assert_eq!(run_delay("64315"), None);
        assert_eq!(resident_pages("765 379 200 5 0 100 0\n"), Some(379));
    }

    #[test]
    fn a_thread_has_a_name_a_state_and_switches() {
        let text = "Name:\thttp worker\nUmask:\t0022\nState:\tS (sleeping)\nTgid:\t9\nVmRSS:\t    1600 kB\n\
                    RssAnon:\t     200 kB\nRssFile:\t    1300 kB\nRssShmem:\t     100 kB\nVmSwap:\t       4 kB\n\
                    Threads:\t3\nvoluntary_ctxt_switches:\t41\nnonvoluntary_ctxt_switches:\t2\n";
        let read = thread_status(text).unwrap();
        assert_eq!((read.name, read.state), ("http worker", "S"));
        assert_eq!((read.voluntary, read.involuntary), (41, 2));
        let memory = read.memory.unwrap();
        let parts = [memory.anonymous, memory.file, memory.shared, memory.swapped];
        assert_eq!(parts.map(|b| b.0 / 1024), [200, 1300, 100, 4]);
        let kernel = "Name:\tkthreadd\nState:\tS (sleeping)\nvoluntary_ctxt_switches:\t1\nnonvoluntary_ctxt_switches:\t0\n";
        assert_eq!(thread_status(kernel).unwrap().memory, None);
    }

    #[test]
    fn limits_and_bytes_are_read() {
        let limits = "Limit                     Soft Limit           Hard Limit           Units     \n\
                      Max processes             96215                96215                processes \n\
                      Max open files            1024                 524288               files     \n";
        assert_eq!(descriptor_limit(limits), Some(1024));
        assert_eq!(
            descriptor_limit("Max open files            unlimited            unlimited   files"),
            None
        );
        let io = "rchar: 323934931\nwchar: 323929600\nsyscr: 632687\nread_bytes: 0\n";
        assert_eq!(transferred(io), Some([323_934_931, 323_929_600]));
    }

    #[test]
    fn descriptors_are_told_apart_by_their_links() {
        let kinds = [
            ("socket:[12345]", "socket"),
            ("pipe:[77]", "pipe"),
            ("/var/log/shop.log", "file"),
            ("/memfd:x (deleted)", "file"),
            ("anon_inode:[eventpoll]", "event"),
            ("anon_inode:inotify", "event"),
            ("anon_inode:[pidfd]", "other"),
            ("net:[4026531840]", "other"),
            ("socket:[x]", "other"),
            ("", "other"),
        ];
        for (link, kind) in kinds {
            assert_eq!(descriptor(link.as_bytes()).kind(), kind, "{link}");
        }
        assert_eq!(
            descriptor(b"socket:[12345]"),
            Descriptor::Socket { inode: 12345 }
        );
        assert_eq!(descriptor(b"/\xff").kind(), "file");
    }

    #[test]
    fn threads_of_a_pool_share_a_name() {
        let pools = [
            ("worker-12", "worker-*"),
            ("tokio-runtime-w", "tokio-runtime-w"),
            ("nginx", "nginx"),
            ("7", "7"),
            ("h2", "h*"),
        ];
        for (thread, pool) in pools {
            assert_eq!(pool_name(thread), pool);
        }
    }

    #[test]
    fn a_process_is_called_by_either_name() {
        assert!(is_called("nginx", "nginx\n", "nginx: worker process\0"));
        assert!(is_called("shop", "python3\n", "/opt/shop\0--port\0"));
        assert!(is_called(
            "a-very-long-name-of-a-server",
            "a-very-long-nam\n",
            ""
        ));
        assert!(!is_called("ngin", "nginx\n", "nginx: master\0"));
        assert!(!is_called("python3", "java\n", "/usr/bin/java\0"));
    }
}
