//! Ctrl-C and its kin: the first asks a run to drain and report, the second ends it at once.

use std::io;
use std::sync::Arc;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ};
use signal_hook::flag;
use signal_hook::iterator::Signals;

use crate::diagnostic::{Diagnostic, environment};
use crate::mutant::{self, Mutant};
use crate::session::{Stop, keep_interrupts};

use super::exit::Failure;
use super::terminal::Terminal;

/// Has a write beyond the limit on the size of files (`ulimit -f`) fail, where the signal would end the
/// process without a word. A handler, and not to ignore it: what we start gets the default back.
pub(super) fn outlive_size_limit() -> Result<(), Failure> {
    if mutant::is_on(Mutant::FileSizeLimitKills) {
        return Ok(());
    }
    flag::register(SIGXFSZ, Arc::default())
        .map(drop)
        .map_err(|e| unheard(&e))
}

/// Listens until the process ends.
pub(super) fn listen(stop: &Stop, terminal: Terminal) -> Result<(), Failure> {
    keep_interrupts();
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP]).map_err(|e| unheard(&e))?;
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

fn unheard(error: &io::Error) -> Failure {
    Diagnostic::error(
        &environment::NO_SIGNALS,
        format!("cannot listen for signals: {error}"),
    )
    .into()
}
