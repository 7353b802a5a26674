//! What `/proc` tells of a thread at one moment, as a stack.

use super::super::parse::process::pool_name;
use super::script::KERNEL;

/// A thread that was looked at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Glimpse<'a> {
    pub(super) name: &'a str,
    /// The kernel's letter.
    pub(super) state: char,
    /// Ticks in its own code and in the kernel since it was looked at last.
    pub(super) ran: [u64; 2],
    /// `/proc/PID/task/TID/syscall`, `wchan` and `stack`, where we may read them.
    pub(super) syscall: Option<&'a str>,
    pub(super) wchan: Option<&'a str>,
    pub(super) stack: Option<&'a str>,
}

/// Every stack of a thread that was found running holds this.
pub(super) const RUNNING: &str = "running";

impl Glimpse<'_> {
    /// `thread;waiting;futex;do_futex_[k];futex_wait_queue_[k]`; None of a thread that has ended.
    pub(super) fn frames(&self) -> Option<Vec<String>> {
        let mut frames = vec![pool_name(self.name)];
        match self.state {
            'Z' | 'X' => return None,
            'R' => {
                frames.push(RUNNING.to_owned());
                frames.extend(self.mode().map(str::to_owned));
                return Some(frames);
            }
            'D' => frames.push("waiting, for a disk or the like".to_owned()),
            'T' | 't' => frames.push("stopped".to_owned()),
            _ => frames.push("waiting".to_owned()),
        }
        frames.extend(self.syscall.and_then(syscall));
        let stack: Vec<String> = self.stack.map(kernel_stack).unwrap_or_default();
        if stack.is_empty() {
            let channel = self
                .wchan
                .map(str::trim)
                .filter(|w| !matches!(*w, "" | "0"));
            frames.extend(channel.map(|w| format!("{w}{KERNEL}")));
        }
        frames.extend(stack);
        Some(frames)
    }

    /// Where a running thread spent its ticks, where it had any.
    fn mode(&self) -> Option<&'static str> {
        let [own, kernel] = self.ran;
        match own.cmp(&kernel) {
            std::cmp::Ordering::Greater => Some("in its own code"),
            std::cmp::Ordering::Less => Some("in the kernel"),
            std::cmp::Ordering::Equal => None,
        }
    }
}

/// The functions of `/proc/PID/task/TID/stack`, the outermost first, without those that all share.
fn kernel_stack(text: &str) -> Vec<String> {
    const SHARED: [&str; 4] = [
        "entry_SYSCALL_64_after_hwframe",
        "do_syscall_64",
        "el0t_64_sync",
        "el0_svc",
    ];
    let names = text.lines().rev().filter_map(|line| {
        let (_, function) = line.split_once("] ")?;
        let name = function.split('+').next()?.trim();
        (!name.is_empty() && !SHARED.contains(&name)).then(|| format!("{name}{KERNEL}"))
    });
    names.collect()
}

/// The system call that a thread is in; None when it is in none, or it is not for us to know.
fn syscall(text: &str) -> Option<String> {
    let number: u32 = text.split_ascii_whitespace().next()?.parse().ok()?;
    let named = SYSCALLS.iter().find(|(n, _)| *n == number);
    Some(named.map_or_else(
        || format!("system call {number}"),
        |(_, name)| (*name).to_owned(),
    ))
}

/// Those that threads wait in; from the kernel's `syscall_64.tbl` and `unistd.h`.
#[cfg(target_arch = "x86_64")]
const SYSCALLS: [(u32, &str); 31] = [
    (0, "read"),
    (1, "write"),
    (7, "poll"),
    (17, "pread64"),
    (18, "pwrite64"),
    (19, "readv"),
    (20, "writev"),
    (23, "select"),
    (34, "pause"),
    (35, "nanosleep"),
    (42, "connect"),
    (43, "accept"),
    (44, "sendto"),
    (45, "recvfrom"),
    (46, "sendmsg"),
    (47, "recvmsg"),
    (61, "wait4"),
    (73, "flock"),
    (74, "fsync"),
    (75, "fdatasync"),
    (128, "rt_sigtimedwait"),
    (202, "futex"),
    (219, "restart_syscall"),
    (230, "clock_nanosleep"),
    (232, "epoll_wait"),
    (247, "waitid"),
    (270, "pselect6"),
    (271, "ppoll"),
    (281, "epoll_pwait"),
    (288, "accept4"),
    (441, "epoll_pwait2"),
];

#[cfg(target_arch = "aarch64")]
const SYSCALLS: [(u32, &str); 24] = [
    (22, "epoll_pwait"),
    (32, "flock"),
    (63, "read"),
    (64, "write"),
    (65, "readv"),
    (66, "writev"),
    (67, "pread64"),
    (68, "pwrite64"),
    (72, "pselect6"),
    (73, "ppoll"),
    (82, "fsync"),
    (83, "fdatasync"),
    (95, "waitid"),
    (98, "futex"),
    (101, "nanosleep"),
    (115, "clock_nanosleep"),
    (128, "restart_syscall"),
    (202, "accept"),
    (203, "connect"),
    (206, "sendto"),
    (207, "recvfrom"),
    (242, "accept4"),
    (260, "wait4"),
    (441, "epoll_pwait2"),
];

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
const SYSCALLS: [(u32, &str); 0] = [];

#[cfg(test)]
mod tests {
    use super::*;

    const ASLEEP: Glimpse<'_> = Glimpse {
        name: "worker-12",
        state: 'S',
        ran: [0, 0],
        syscall: None,
        wchan: None,
        stack: None,
    };

    fn folded(glimpse: Glimpse<'_>) -> String {
        glimpse.frames().map(|f| f.join(";")).unwrap_or_default()
    }

    #[test]
    fn a_thread_that_waits_is_where_the_kernel_says() {
        let stack = "[<0>] futex_wait_queue+0x66/0x90\n[<0>] __futex_wait+0x143/0x1c0\n\
                     [<0>] do_futex+0x101/0x190\n[<0>] do_syscall_64+0x5d/0x90\n\
                     [<0>] entry_SYSCALL_64_after_hwframe+0x77/0xe1\n";
        let all = Glimpse {
            stack: Some(stack),
            wchan: Some("futex_wait_queue"),
            ..ASLEEP
        };
        assert_eq!(
            folded(all),
            "worker-*;waiting;do_futex_[k];__futex_wait_[k];futex_wait_queue_[k]"
        );
        let one = Glimpse {
            wchan: Some("pipe_read\n"),
            state: 'D',
            ..ASLEEP
        };
        assert_eq!(
            folded(one),
            "worker-*;waiting, for a disk or the like;pipe_read_[k]"
        );
        let none = Glimpse {
            wchan: Some("0"),
            stack: Some(""),
            ..ASLEEP
        };
        assert_eq!(folded(none), "worker-*;waiting");
    }

    #[test]
    fn a_thread_that_runs_is_told_by_its_ticks() {
        let running = |ran| {
            folded(Glimpse {
                state: 'R',
                ran,
                syscall: Some("running"),
                ..ASLEEP
            })
        };
        assert_eq!(running([2, 1]), "worker-*;running;in its own code");
        assert_eq!(running([0, 1]), "worker-*;running;in the kernel");
        assert_eq!(running([0, 0]), "worker-*;running");
        let ended = Glimpse {
            state: 'Z',
            ..ASLEEP
        };
        assert_eq!(ended.frames(), None);
    }

    #[cfg(target_arch = "x86_64")]
    #[test]
    fn system_calls_have_names() {
        assert_eq!(syscall("202 0x55 0x80 0x7ff").as_deref(), Some("futex"));
        assert_eq!(syscall("999 0x0").as_deref(), Some("system call 999"));
        assert_eq!(syscall("-1 0x7ff 0x55"), None);
        assert_eq!(syscall("running"), None);
    }
}
