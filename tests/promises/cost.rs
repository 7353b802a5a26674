//! What a piece of work costs its thread: the most memory it held at once, and its CPU time.

#![expect(
    unsafe_code,
    reason = "an allocator cannot be written without it; this one only counts and hands on"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

thread_local! {
    /// Bytes that this thread asked for and has not given back.
    static HELD: Cell<isize> = const { Cell::new(0) };
    static MOST: Cell<isize> = const { Cell::new(0) };
}

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn count(bytes: isize) {
    // A thread that is ending has nowhere to count.
    let _ = HELD.try_with(|held| {
        held.set(held.get() + bytes);
        let _ = MOST.try_with(|most| most.set(most.get().max(held.get())));
    });
}

// SAFETY: every call is handed on to the system's allocator as it is; counting allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size().cast_signed());
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size().cast_signed());
        // SAFETY: the caller keeps the contract of `alloc_zeroed`.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // Old and new may be there at the same time.
        count(size.cast_signed());
        count(-layout.size().cast_signed());
        // SAFETY: the caller keeps the contract of `realloc`.
        unsafe { System.realloc(memory, layout, size) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        count(-layout.size().cast_signed());
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(memory, layout) }
    }
}

/// What some work has taken.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Cost {
    /// Bytes on top of those that were held before.
    pub(crate) memory: usize,
    pub(crate) cpu: Duration,
}

impl Cost {
    pub(crate) fn max(self, other: Self) -> Self {
        Self {
            memory: self.memory.max(other.memory),
            cpu: self.cpu.max(other.cpu),
        }
    }
}

/// Does some work on this thread.
pub(crate) fn of<T>(work: impl FnOnce() -> T) -> (T, Cost) {
    let before = HELD.get();
    MOST.set(before);
    let began = cpu_time();
    let done = work();
    let cost = Cost {
        memory: (MOST.get() - before).max(0).unsigned_abs(),
        cpu: cpu_time().saturating_sub(began),
    };
    (done, cost)
}

/// The least CPU time of a few attempts where the first took longer than `most`: what else the machine
/// does is not the work's fault.
pub(crate) fn within<T>(most: Duration, work: impl Fn() -> T) -> (T, Cost) {
    let (mut done, mut cost) = of(&work);
    for _ in 0..4 {
        if cost.cpu <= most {
            break;
        }
        let (again, next) = of(&work);
        done = again;
        cost = Cost {
            memory: cost.memory.max(next.memory),
            cpu: cost.cpu.min(next.cpu),
        };
    }
    (done, cost)
}

fn cpu_time() -> Duration {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(
        now.tv_sec.unsigned_abs(),
        u32::try_from(now.tv_nsec).unwrap_or_default(),
    )
}

#[test]
fn memory_that_was_given_back_counts_as_long_as_it_was_held() {
    let (kept, cost) = of(|| {
        drop(std::hint::black_box(vec![1_u8; 3 << 20]));
        std::hint::black_box(vec![1_u8; 1 << 20])
    });
    assert_eq!(kept.len(), 1 << 20);
    assert!((3 << 20..4 << 20).contains(&cost.memory), "{cost:?}");
}
