//! How a running round is asked to end, by whoever may: a signal, a panic, a target that is gone; and
//! what somebody wishes for between two rounds.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

/// Asks a running round to end; clones share one state, which only becomes more urgent.
#[derive(Debug, Clone, Default)]
pub struct Stop {
    own: Arc<AtomicU8>,
    above: Option<Box<Self>>,
    between: Between,
}

/// What is wished for between two rounds; clones share one state. No running round is touched by it.
#[derive(Debug, Clone, Default)]
pub struct Between {
    waits: Arc<AtomicBool>,
    ends: Arc<AtomicBool>,
}

impl Between {
    /// True while the next round is to wait.
    pub fn waits(&self) -> bool {
        self.waits.load(Ordering::Relaxed)
    }

    /// Wishes that the next round waits, or takes the wish back.
    pub fn toggle_wait(&self) {
        self.waits.fetch_xor(true, Ordering::Relaxed);
    }

    /// True when no other round is to begin.
    pub fn ends(&self) -> bool {
        self.ends.load(Ordering::Relaxed)
    }

    /// Wishes that no other round begins, or takes the wish back.
    pub fn toggle_end(&self) {
        self.ends.fetch_xor(true, Ordering::Relaxed);
    }
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
            between: self.between.clone(),
        }
    }

    /// What is wished for between two rounds.
    pub fn between(&self) -> &Between {
        &self.between
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

    #[test]
    fn a_wish_for_between_rounds_is_shared_and_can_be_taken_back() {
        let all = Stop::default();
        let run = all.branch();
        all.between().toggle_wait();
        all.between().toggle_end();
        assert!(run.between().waits() && run.between().ends());
        all.clone().between().toggle_wait();
        assert!(!run.between().waits());
        assert_eq!(run.state(), StopState::Running, "the round goes on");
    }
}
