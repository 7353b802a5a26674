//! Between two rounds: who is at the keyboard may have the next one wait, or have none.
//!
//! A round itself never waits. Its schedule is made before it begins, and what is due would be due all
//! the same; between rounds no target is under load, so nothing that is measured can tell.

use std::time::Duration;

use super::round::Measurer;
use crate::model::{Event, Finding};

/// How soon a pause is over once that is wished.
const NAP: Duration = Duration::from_millis(20);

impl Measurer<'_, '_> {
    /// Waits while that is wished for, and tells whether another round may begin.
    ///
    /// The parts of a plan do not wait: they begin together with others elsewhere.
    pub(super) fn goes_on(&mut self) -> bool {
        if self.stopping() || self.in_step.is_some() {
            return !self.stopping();
        }
        let between = self.session.stop.between();
        if between.waits() && !between.ends() {
            (self.watcher)(&Event::Paused);
            while between.waits() && !between.ends() && !self.stopping() {
                std::thread::sleep(NAP);
            }
            (self.watcher)(&Event::Resumed);
        }
        if between.ends() {
            self.ended_after = Some(self.rounds.iter().filter(|r| r.complete).count());
            return false;
        }
        !self.stopping()
    }

    /// Says that more rounds were asked for than were measured, where somebody wanted it so.
    pub(super) fn cut_off(&self) -> Option<Finding> {
        let done = self.ended_after?;
        let s = if done == 1 { "" } else { "s" };
        Some(Finding {
            code: None,
            text: format!("stopped at the keyboard after {done} round{s}: more were asked for"),
            hint: None,
        })
    }
}
