//! Looks at all threads of a target many times a second, through `/proc` alone.
//!
//! The pauses between two looks are random, so that they do not step with what the target does by the
//! clock, and long enough that looking takes a twentieth of one core at most.

use std::collections::HashMap;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::{self, JoinHandle};

use super::super::members::{Members, Subject};
use super::super::parse::process;
use super::super::texts::{Texts, numbered};
use super::Taken;
use super::glimpse::Glimpse;
use crate::clock::{Clock, Monotonic, thread_cpu};
use crate::model::Stacks;
use crate::random::Uniform;
use crate::units::Nanos;

/// Mean pause between two looks.
const PAUSE: Nanos = Nanos::from_millis(19);
/// Times as long as a look took that nothing is looked at.
const REST: u64 = 20;
/// Looks after which new processes are looked for.
const LOOK_AGAIN: u64 = 25;

/// A thread that looks; dropped, it is stopped.
#[derive(Debug)]
pub(super) struct Sampling {
    stop: Option<mpsc::Sender<()>>,
    thread: Option<JoinHandle<Taken>>,
}

impl Sampling {
    /// Looks from `begin` on.
    pub(super) fn start(subject: Subject, begin: Nanos) -> Result<Self, String> {
        let (stop, stopped) = mpsc::channel();
        let thread = thread::Builder::new()
            .name("profiler".to_owned())
            .spawn(move || look(subject, begin, &stopped))
            .map_err(|e| format!("no thread can be started: {e}"))?;
        Ok(Self {
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    pub(super) fn finish(mut self) -> Result<Taken, String> {
        drop(self.stop.take());
        let thread = self.thread.take();
        thread
            .and_then(|thread| thread.join().ok())
            .ok_or_else(|| "the profiler ended too early".to_owned())
    }
}

impl Drop for Sampling {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // Its panic was reported on its own thread.
            let _ = thread.join();
        }
    }
}

fn look(subject: Subject, begin: Nanos, stopped: &mpsc::Receiver<()>) -> Taken {
    let mut looks = Looks::new(subject);
    let mut chance = Uniform::new(u64::from(std::process::id()), 0);
    let mut next = begin;
    loop {
        let rest = next - Monotonic.now();
        if stopped.recv_timeout(rest.into()) != Err(RecvTimeoutError::Timeout) {
            return Taken {
                stacks: looks.stacks,
                left_out: looks.left_out,
                looks: Some(looks.made),
            };
        }
        let before = thread_cpu();
        looks.look();
        let cost = thread_cpu() - before;
        let pause = PAUSE.max(Nanos(cost.0.saturating_mul(REST)));
        let spread = pause.as_secs_f64() * (0.5 + chance.draw());
        next = Monotonic.now() + Nanos::from_secs_f64(spread);
    }
}

/// All that was seen so far.
struct Looks {
    members: Members,
    pids: Vec<u32>,
    texts: Texts,
    /// Ticks of each thread when it was last seen.
    ticks: HashMap<u32, [u64; 2]>,
    stacks: Stacks,
    left_out: u64,
    made: u64,
}

impl Looks {
    fn new(subject: Subject) -> Self {
        Self {
            members: Members::new(subject),
            pids: Vec::new(),
            texts: Texts::default(),
            ticks: HashMap::new(),
            stacks: Stacks::default(),
            left_out: 0,
            made: 0,
        }
    }

    fn look(&mut self) {
        if self.made.is_multiple_of(LOOK_AGAIN) {
            self.pids = self.members.living().into_keys().collect();
        }
        self.made += 1;
        for pid in std::mem::take(&mut self.pids) {
            for tid in numbered(format!("/proc/{pid}/task")) {
                self.thread(pid, tid);
            }
            self.pids.push(pid);
        }
    }

    fn thread(&mut self, pid: u32, tid: u32) {
        let mut read = |file: &str| {
            let text = self
                .texts
                .read(format_args!("/proc/{pid}/task/{tid}/{file}"));
            text.map(std::borrow::Cow::into_owned)
        };
        let Some(stat) = read("stat") else { return };
        let (Some(name), Some(fields)) = (process::name(&stat), process::process_stat(&stat))
        else {
            return;
        };
        let asleep = fields.state != 'R';
        let [syscall, wchan, stack] =
            ["syscall", "wchan", "stack"].map(|file| asleep.then(|| read(file)).flatten());
        let now = [fields.user, fields.system];
        let last = self.ticks.insert(tid, now).unwrap_or(now);
        let glimpse = Glimpse {
            name,
            state: fields.state,
            ran: [0, 1].map(|i| now[i].saturating_sub(last[i])),
            syscall: syscall.as_deref(),
            wchan: wchan.as_deref(),
            stack: stack.as_deref(),
        };
        if let Some(frames) = glimpse.frames()
            && !self.stacks.add(frames, 1)
        {
            self.left_out += 1;
        }
    }
}
