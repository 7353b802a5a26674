//! How those who measure tell what happens, from any thread and without waiting for a terminal.

use std::sync::mpsc::{Receiver, Sender, channel};

use super::terminal::Terminal;
use crate::model::Event;
use crate::progress::Progress;
use crate::units::Nanos;

/// Tells events to whoever shows them; where nobody does, what they are worth is said at once.
#[derive(Debug, Clone)]
pub(super) struct Voice {
    told: Option<Sender<Told>>,
    pub(super) terminal: Terminal,
}

/// What is told.
#[derive(Debug)]
pub(super) enum Told {
    Event(Box<Event>),
    /// There is nothing more to show.
    End,
}

impl Voice {
    /// One that is heard as long as there is who receives.
    pub(super) fn heard(terminal: Terminal) -> (Self, Receiver<Told>) {
        let (told, heard) = channel();
        let voice = Self {
            told: Some(told),
            terminal,
        };
        (voice, heard)
    }

    /// One that nobody hears.
    pub(super) fn alone(terminal: Terminal) -> Self {
        Self {
            told: None,
            terminal,
        }
    }

    pub(super) fn tell(&self, event: &Event) {
        let is_heard = self.send(|| Told::Event(Box::new(event.clone())));
        if !is_heard && let Some(line) = Progress::new().line(event, Nanos::ZERO) {
            self.terminal.say(&line);
        }
    }

    pub(super) fn end(&self) {
        self.send(|| Told::End);
    }

    fn send(&self, told: impl FnOnce() -> Told) -> bool {
        self.told.as_ref().is_some_and(|to| to.send(told()).is_ok())
    }
}
