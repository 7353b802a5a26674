//! How much of the time a core is somewhere else.

use std::thread;

use crate::clock::{Clock, Monotonic};
use crate::units::Nanos;

/// What is shorter is no absence: interrupts of the kernel's own clock take about half of it.
const NOTICED: Nanos = Nanos(50_000);

/// What cores that do nothing but read the clock have missed: taken by the hypervisor, by interrupts
/// and by other processes. No instrument on the machine can be more exact than that.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Absence {
    /// Of the time watched, in absences of more than 50 µs.
    pub share: f64,
    pub longest: Nanos,
}

impl Absence {
    /// Watches on as many threads as there are cores for this process. Blocks for that time.
    pub fn watch(during: Nanos) -> Self {
        let cores = thread::available_parallelism().map_or(1, Into::into);
        thread::scope(|scope| {
            let watchers: Vec<_> = (0..cores)
                .map(|_| scope.spawn(|| Self::seen_until(&Monotonic, Monotonic.now() + during)))
                .collect();
            // A watcher does nothing that could panic.
            let seen = watchers.into_iter().filter_map(|w| w.join().ok());
            seen.fold(Self::default(), |all, one| Self {
                share: all.share + one.share / cores as f64,
                longest: all.longest.max(one.longest),
            })
        })
    }

    fn seen_until(clock: &impl Clock, end: Nanos) -> Self {
        let begin = clock.now();
        let (mut last, mut away, mut longest) = (begin, Nanos::ZERO, Nanos::ZERO);
        while last < end {
            let now = clock.now();
            let gap = now - last;
            if gap > NOTICED {
                away += gap;
                longest = longest.max(gap);
            }
            last = now;
        }
        Self {
            share: away.as_secs_f64() / (last - begin).as_secs_f64().max(1e-9),
            longest,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    /// Goes on by these steps, one at each reading.
    struct Steps(RefCell<std::vec::IntoIter<u64>>, std::cell::Cell<u64>);

    impl Clock for Steps {
        fn now(&self) -> Nanos {
            let step = self.0.borrow_mut().next().unwrap_or(1_000_000);
            self.1.set(self.1.get() + step);
            Nanos(self.1.get())
        }
    }

    #[test]
    fn what_lies_between_two_readings_counts_when_it_is_long() {
        let steps = vec![0, 50_000, 150_000, 30_000, 200_000, 70_000];
        let clock = Steps(RefCell::new(steps.into_iter()), 0.into());
        let seen = Absence::seen_until(&clock, Nanos(500_000));
        assert_eq!(seen.longest, Nanos(200_000));
        assert!((seen.share - 420.0 / 500.0).abs() < 1e-12, "{seen:?}");
    }
}
