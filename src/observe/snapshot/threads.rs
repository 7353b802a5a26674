//! Where each thread of a process is.

use std::path::PathBuf;

use super::super::parse::process::{self, ProcessStat, pool_name};
use super::super::texts::numbered;
use super::patient::{self, Patient};
use super::syscalls;
use crate::model::{Snapshot, ThreadSeen, Unread};
use crate::untrusted::Untrusted;

/// Threads that are looked at, over all processes.
const MOST: usize = 4_000;

/// Bytes of a file of a thread: the longest is its stack.
const SMALL: usize = 16 << 10;

/// What one thread told; an error says why not all.
struct Told {
    thread: ThreadSeen,
    /// Of its system call, and of its stack.
    refused: [Option<String>; 2],
}

/// Reads the threads of a process.
pub(super) fn read(patient: &mut Patient, pid: u32, stat: &ProcessStat, snapshot: &mut Snapshot) {
    let room = MOST.saturating_sub(snapshot.threads.len());
    let found = patient.gather(move |tell| {
        for tid in numbered(format!("/proc/{pid}/task")).into_iter().take(room) {
            if let Some(told) = one(pid, tid)
                && tell.send(told).is_err()
            {
                return;
            }
        }
    });
    let seen = found.pieces.len() as u64;
    if stat.threads > seen && (found.end.is_err() || room as u64 <= seen) {
        let what = format!("{} threads of process {pid}", stat.threads - seen);
        let why = match found.end {
            Err(why) => why.to_string(),
            Ok(()) => format!("{MOST} are looked at, and there are more"),
        };
        snapshot.unread.push(Unread::new(what, why));
    }
    for (i, what) in ["system calls", "kernel stacks"].into_iter().enumerate() {
        // Whoever is refused once is refused for all threads.
        let refusal = found.pieces.iter().find_map(|told| told.refused[i].clone());
        if let Some(why) = refusal {
            let what = format!("{what} of process {pid}");
            snapshot.unread.push(Unread::new(what, why));
        }
    }
    let threads = || found.pieces.iter().map(|told| &told.thread);
    let asleep = threads().any(|t| matches!(t.state, 'S' | 'D'));
    if asleep && threads().all(|t| t.channel.is_none()) {
        let what = format!("wait channels of process {pid}");
        snapshot
            .unread
            .push(Unread::new(what, "the kernel does not tell them here"));
    }
    snapshot
        .threads
        .extend(found.pieces.into_iter().map(|told| told.thread));
}

fn one(pid: u32, tid: u32) -> Option<Told> {
    let folder = PathBuf::from(format!("/proc/{pid}/task/{tid}"));
    let of = |name: &str| patient::text(folder.join(name), SMALL);
    let status = of("status").ok()?;
    let status = process::thread_status(&status)?;
    let stat = of("stat")
        .ok()
        .and_then(|text| process::process_stat(&text));
    let syscall = of("syscall");
    let stack = of("stack");
    let refused = [&syscall, &stack].map(|read| read.as_ref().err().map(super::reason));
    let syscall = syscall.ok().and_then(|text| syscalls::current(&text));
    let channel = of("wchan").ok().map(|text| text.trim().to_owned());
    Some(Told {
        thread: ThreadSeen {
            pid,
            tid,
            name: Untrusted::from(status.name),
            pool: Untrusted::new(pool_name(status.name)),
            state: status.state.chars().next()?,
            ticks: stat.map_or(0, |s| s.user.saturating_add(s.system)),
            channel: channel.filter(|channel| !matches!(channel.as_str(), "0" | "")),
            address: syscall.as_ref().and_then(|call| call.address.clone()),
            syscall: syscall.map(|call| call.name),
            stack: stack.map(|text| functions(&text)).unwrap_or_default(),
        },
        refused,
    })
}

/// `[<0>] futex_wait_queue+0x60/0x90` is `futex_wait_queue`.
fn functions(stack: &str) -> Vec<String> {
    let names = stack.lines().filter_map(|line| {
        let (_, function) = line.split_once("] ")?;
        let name = function.split('+').next()?.trim();
        (!name.is_empty()).then(|| name.to_owned())
    });
    names.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stack_is_the_names_of_its_functions() {
        let text = "[<0>] futex_wait_queue+0x60/0x90\n[<0>] do_syscall_64+0x5d/0xc0\nodd\n";
        assert_eq!(functions(text), ["futex_wait_queue", "do_syscall_64"]);
    }
}
