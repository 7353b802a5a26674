//! The system call that a thread is in, by name: those that threads are found waiting in.

use nix::libc;

/// Names by number on this architecture; what is not here is told by its number.
const NAMES: &[(libc::c_long, &str)] = &[
    (libc::SYS_futex, "futex"),
    (libc::SYS_epoll_pwait, "epoll_pwait"),
    (libc::SYS_epoll_pwait2, "epoll_pwait2"),
    (libc::SYS_ppoll, "ppoll"),
    (libc::SYS_pselect6, "pselect6"),
    (libc::SYS_read, "read"),
    (libc::SYS_readv, "readv"),
    (libc::SYS_pread64, "pread64"),
    (libc::SYS_write, "write"),
    (libc::SYS_writev, "writev"),
    (libc::SYS_pwrite64, "pwrite64"),
    (libc::SYS_recvfrom, "recvfrom"),
    (libc::SYS_recvmsg, "recvmsg"),
    (libc::SYS_sendto, "sendto"),
    (libc::SYS_sendmsg, "sendmsg"),
    (libc::SYS_accept, "accept"),
    (libc::SYS_accept4, "accept4"),
    (libc::SYS_connect, "connect"),
    (libc::SYS_nanosleep, "nanosleep"),
    (libc::SYS_clock_nanosleep, "clock_nanosleep"),
    (libc::SYS_wait4, "wait4"),
    (libc::SYS_waitid, "waitid"),
    (libc::SYS_rt_sigtimedwait, "rt_sigtimedwait"),
    (libc::SYS_rt_sigsuspend, "rt_sigsuspend"),
    (libc::SYS_restart_syscall, "restart_syscall"),
    (libc::SYS_io_uring_enter, "io_uring_enter"),
    (libc::SYS_io_getevents, "io_getevents"),
    (libc::SYS_flock, "flock"),
    (libc::SYS_fcntl, "fcntl"),
    (libc::SYS_fsync, "fsync"),
    (libc::SYS_fdatasync, "fdatasync"),
    (libc::SYS_openat, "openat"),
    (libc::SYS_ioctl, "ioctl"),
    (libc::SYS_mmap, "mmap"),
    (libc::SYS_munmap, "munmap"),
    (libc::SYS_semtimedop, "semtimedop"),
    (libc::SYS_msgrcv, "msgrcv"),
];

/// Those that only this architecture has.
#[cfg(target_arch = "x86_64")]
const OWN: &[(libc::c_long, &str)] = &[
    (libc::SYS_epoll_wait, "epoll_wait"),
    (libc::SYS_poll, "poll"),
    (libc::SYS_select, "select"),
    (libc::SYS_pause, "pause"),
];
#[cfg(not(target_arch = "x86_64"))]
const OWN: &[(libc::c_long, &str)] = &[];

/// A system call under way.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Call {
    pub(super) name: String,
    /// What a futex call waits for.
    pub(super) address: Option<String>,
}

/// Reads `/proc/PID/task/TID/syscall`; None of a thread that runs, or waits outside of one.
pub(super) fn current(text: &str) -> Option<Call> {
    let mut words = text.split_ascii_whitespace();
    let number: libc::c_long = words.next()?.parse().ok().filter(|n| *n >= 0)?;
    let mut names = NAMES.iter().chain(OWN);
    let name = names.find(|(known, _)| *known == number);
    let first = words.next().map(str::to_owned);
    Some(Call {
        name: name.map_or_else(
            || format!("number {number}"),
            |(_, name)| (*name).to_owned(),
        ),
        address: first.filter(|_| number == libc::SYS_futex),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_has_a_name_and_a_futex_its_address() {
        let text = format!(
            "{} 0x7f00 0x80 0x2 0x0 0x0 0x0 0x7ffd 0x7f01\n",
            libc::SYS_futex
        );
        let call = current(&text).unwrap();
        assert_eq!(
            (call.name.as_str(), call.address.as_deref()),
            ("futex", Some("0x7f00"))
        );
        let text = format!("{} 0x3 0x7f00\n", libc::SYS_read);
        let call = current(&text).unwrap();
        assert_eq!((call.name.as_str(), call.address), ("read", None));
        assert_eq!(current("99999 0x0").unwrap().name, "number 99999");
        for none in ["running\n", "-1 0x7ffd 0x7f01\n", ""] {
            assert_eq!(current(none), None);
        }
    }
}
