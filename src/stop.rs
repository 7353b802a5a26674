//! How a running round is asked to end, by whoever may: a signal, a panic, a target that is gone.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

/// Asks a running round to end; clones share one state, which only becomes more urgent.
#[derive(Debug, Clone, Default)]
pub struct Stop {
    own: Arc<AtomicU8>,
    above: Option<Box<Self>>,
}

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
    /// One that also obeys this one, and whose own calls leave this one as it is.
    #[must_use]
    pub fn branch(&self) -> Self {
        Self {
            own: Arc::default(),
            above: Some(Box::new(self.clone())),
        }
    }

    pub fn drain(&self) {
        self.own
            .fetch_max(StopState::Draining as u8, Ordering::Relaxed);
    }

    pub fn abort(&self) {
        self.own
            .fetch_max(StopState::Aborted as u8, Ordering::Relaxed);
    }

    pub fn state(&self) -> StopState {
        let own = match self.own.load(Ordering::Relaxed) {
            0 => StopState::Running,
            1 => StopState::Draining,
            _ => StopState::Aborted,
        };
        self.above.as_ref().map_or(own, |s| s.state().max(own))
    }
}

/// Whoever panics takes the round along: nobody loads a target for hours when the result is lost.
#[derive(Debug)]
pub struct EndsAllOnPanic<'a>(pub &'a Stop);

impl Drop for EndsAllOnPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.abort();
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

    #[test]
    fn a_branch_obeys_and_does_not_command() {
        let all = Stop::default();
        let run = all.branch();
        run.drain();
        assert_eq!(all.state(), StopState::Running);
        assert_eq!(run.clone().state(), StopState::Draining);
        all.abort();
        assert_eq!(run.state(), StopState::Aborted);
        assert_eq!(all.branch().state(), StopState::Aborted);
    }
}
