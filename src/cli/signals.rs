//! Ctrl-C and its kin: the first asks a run to drain and report, the second ends it at once.

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::diagnostic::{Diagnostic, environment};
use crate::session::{Stop, keep_interrupts};

use super::exit::Failure;
use super::terminal::Terminal;

/// Listens until the process ends.
pub(super) fn listen(stop: &Stop, terminal: Terminal) -> Result<(), Failure> {
    keep_interrupts();
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP]).map_err(|e| {
        Diagnostic::error(
            &environment::NO_SIGNALS,
            format!("cannot listen for signals: {e}"),
        )
    })?;
    let stop = stop.clone();
    std::thread::spawn(move || {
        let mut asked = false;
        for _ in signals.forever() {
            if asked {
                stop.abort();
            } else {
                asked = true;
                stop.drain();
                terminal
                    .say("stopping: waiting for open requests, at most 5 s; again to end at once");
            }
        }
    });
    Ok(())
}
