//! The keyboard: single keys, unseen while something is measured. On every way out the terminal is as
//! it was; what the terminal itself makes of keys, such as Ctrl-C, stays as it is.

use std::io::stdin;
use std::sync::{Mutex, PoisonError};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::getpgrp;
use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, isatty, tcgetattr, tcgetpgrp, tcsetattr,
};

/// How the terminal was, once it was changed. There is one keyboard of a process, and whoever ends the
/// process must find it.
static TERMINAL: Mutex<Changed> = Mutex::new(Changed {
    before: None,
    set_aside: false,
});

struct Changed {
    before: Option<Termios>,
    /// Nobody may change it now.
    set_aside: bool,
}

/// The keyboard is ours; given back when this is dropped.
#[derive(Debug)]
pub(super) struct Keyboard(());

impl Keyboard {
    /// Takes the keyboard; None where nobody sits at one, or others have it.
    pub(super) fn take() -> Option<Self> {
        (isatty(stdin()) && is_in_front()).then(|| {
            change();
            Self(())
        })
    }

    /// The keys that were pressed since the last time. Never waits.
    #[expect(
        clippy::unused_self,
        reason = "to read keys is a right of whoever has the keyboard"
    )]
    pub(super) fn pressed(&self) -> Vec<u8> {
        // Behind another job a read would stop us.
        if !is_in_front() {
            return Vec::new();
        }
        // A shell that had us stopped has changed the terminal since.
        change();
        let input = stdin();
        let mut ready = [PollFd::new(&input, PollFlags::IN)];
        let at_once = Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        if poll(&mut ready, Some(&at_once)) != Ok(1) {
            return Vec::new();
        }
        let mut keys = [0; 32];
        let read = rustix::io::read(&input, &mut keys).unwrap_or(0);
        keys[..read].to_vec()
    }
}

impl Drop for Keyboard {
    fn drop(&mut self) {
        give_back();
    }
}

/// Gives the terminal back, and leaves it so: for whoever ends the process, or stops it.
pub(super) fn set_aside() {
    give_back();
    terminal(|changed| changed.set_aside = true);
}

/// Allows the terminal to be taken again.
pub(super) fn take_up() {
    terminal(|changed| changed.set_aside = false);
}

/// Has keys come singly and unseen.
fn change() {
    terminal(|changed| {
        let Ok(now) = tcgetattr(stdin()) else { return };
        let shown = LocalModes::ICANON | LocalModes::ECHO;
        if changed.set_aside || !now.local_modes.intersects(shown) {
            return;
        }
        let mut unseen = now.clone();
        unseen.local_modes.remove(shown);
        unseen.special_codes[SpecialCodeIndex::VMIN] = 0;
        unseen.special_codes[SpecialCodeIndex::VTIME] = 0;
        // Where it cannot be changed there are no single keys, which is no reason not to measure.
        if tcsetattr(stdin(), OptionalActions::Now, &unseen).is_ok() {
            changed.before.get_or_insert(now);
        }
    });
}

fn give_back() {
    terminal(|changed| {
        // Behind another job it is not ours, and to change it would stop us.
        if let Some(before) = changed.before.take()
            && is_in_front()
        {
            // Nothing is left to do when even this cannot be done.
            let _ = tcsetattr(stdin(), OptionalActions::Now, &before);
        }
    });
}

fn terminal(work: impl FnOnce(&mut Changed)) {
    work(&mut TERMINAL.lock().unwrap_or_else(PoisonError::into_inner));
}

/// True when the job in front of the terminal is ours.
fn is_in_front() -> bool {
    tcgetpgrp(stdin()) == Ok(getpgrp())
}
