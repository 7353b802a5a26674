//! How a running round is asked to end, by whoever may: a signal, a panic, a target that is gone.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

/// Asks a running round to end; clones share one state, which only becomes more urgent.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<AtomicU8>);

/// How urgently a round is asked to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum StopState {
    Running,
    /// Send nothing new, wait at most five seconds for what is outstanding.
    Draining,
    /// End at once; what is outstanding counts as cut off.
    Aborted,
}

impl Stop {
    pub fn drain(&self) {
        self.0
            .fetch_max(StopState::Draining as u8, Ordering::Relaxed);
    }

    pub fn abort(&self) {
        self.0
            .fetch_max(StopState::Aborted as u8, Ordering::Relaxed);
    }

    pub fn state(&self) -> StopState {
        match self.0.load(Ordering::Relaxed) {
            0 => StopState::Running,
            1 => StopState::Draining,
            _ => StopState::Aborted,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stop_only_becomes_more_urgent() {
        let stop = Stop::default();
        assert_eq!(stop.state(), StopState::Running);
        stop.clone().abort();
        stop.drain();
        assert_eq!(stop.state(), StopState::Aborted);
    }
}
