//! Threads that wait for the same, counted together, so that a deadlock names its waiters.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;

use crate::model::ThreadSeen;
use crate::untrusted::Untrusted;

/// Ids of threads that are listed of each group.
const LISTED: usize = 50;

/// Names of threads that its sentence has.
const NAMED: usize = 6;

/// Threads in the same place of the kernel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Waiting {
    pub threads: usize,
    /// The kernel's letter for their state.
    pub state: char,
    pub channel: Option<String>,
    pub syscall: Option<String>,
    /// Innermost first.
    pub stack: Vec<String>,
    /// How many there are of each name, most first.
    pub names: Vec<(Untrusted, usize)>,
    /// Of threads that wait for a lock: how many for each, by its address, most first.
    pub addresses: Vec<(String, usize)>,
    /// Some of them.
    pub ids: Vec<u32>,
}

/// All threads by where they are, the largest group first.
pub fn waiting(threads: &[ThreadSeen]) -> Vec<Waiting> {
    let mut groups: BTreeMap<_, Vec<&ThreadSeen>> = BTreeMap::new();
    for thread in threads {
        let place = (
            &thread.state,
            &thread.channel,
            &thread.syscall,
            &thread.stack,
        );
        groups.entry(place).or_default().push(thread);
    }
    let mut waiting: Vec<Waiting> = groups.into_values().filter_map(|g| group(&g)).collect();
    waiting.sort_by_key(|group| std::cmp::Reverse(group.threads));
    waiting
}

fn group(threads: &[&ThreadSeen]) -> Option<Waiting> {
    let first = threads.first()?;
    let pools = threads.iter().map(|thread| thread.pool.clone());
    let addresses = threads.iter().filter_map(|thread| thread.address.clone());
    Some(Waiting {
        threads: threads.len(),
        state: first.state,
        channel: first.channel.clone(),
        syscall: first.syscall.clone(),
        stack: first.stack.clone(),
        names: counted(pools),
        addresses: counted(addresses),
        ids: threads.iter().take(LISTED).map(|t| t.tid).collect(),
    })
}

/// How often there is each, most first.
fn counted<T: Ord>(all: impl Iterator<Item = T>) -> Vec<(T, usize)> {
    let mut counts = BTreeMap::new();
    for one in all {
        *counts.entry(one).or_insert(0) += 1;
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
    counts
}

impl Waiting {
    /// `37 threads wait in futex_do_wait (futex), for 2 locks: tokio-rt-worker 35, demo-transfer 2`
    pub fn sentence(&self) -> String {
        let one = self.threads == 1;
        let noun = if one { "thread" } else { "threads" };
        let (does, s) = match self.state {
            'R' => ("run", true),
            'T' | 't' => (if one { "is stopped" } else { "are stopped" }, false),
            'Z' | 'X' => (if one { "has ended" } else { "have ended" }, false),
            'D' => ("wait uninterruptibly", false),
            _ => ("wait", true),
        };
        let does = match (one && s, self.state) {
            (_, 'D') if one => "waits uninterruptibly".to_owned(),
            (true, _) => format!("{does}s"),
            (false, _) => does.to_owned(),
        };
        let asleep = !matches!(self.state, 'R' | 'T' | 't' | 'Z' | 'X');
        let place = match (&self.channel, &self.syscall) {
            _ if !asleep => String::new(),
            (Some(channel), Some(syscall)) => format!(" in {channel} ({syscall})"),
            (Some(channel), None) => format!(" in {channel}"),
            (None, Some(syscall)) => format!(" in the system call {syscall}"),
            (None, None) => ", the kernel does not say where".to_owned(),
        };
        let mut text = format!("{} {noun} {does}{place}", self.threads);
        if let [_, _, ..] = self.addresses[..] {
            let _ = write!(text, ", for {} locks", self.addresses.len());
        }
        let named = self.names.iter().take(NAMED);
        let mut names: Vec<_> = named
            .map(|(name, n)| format!("{} {n}", name.terminal()))
            .collect();
        if self.names.len() > NAMED {
            names.push(format!("{} others", self.names.len() - NAMED));
        }
        let _ = write!(text, ": {}", names.join(", "));
        text
    }
}
