//! Ctrl-C and its kin: the first asks a run to drain and report, the second ends it at once.

use std::process;
use std::thread;
use std::time::Duration;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::diagnostic::{Diagnostic, environment};
use crate::mutant::{self, Mutant};
use crate::session::{Stop, keep_interrupts};

use super::exit::{Exit, Failure};
use super::terminal::Terminal;

/// What is given to a run that is ended at once, to write down what it has. Whatever it still does
/// then is left: its record is whole up to its last interval, and the target is watched by a process
/// of its own.
const LAST_WORDS: Duration = Duration::from_millis(100);

/// Listens until the process ends.
#[expect(
    clippy::exit,
    reason = "whoever asks twice does not wait for whatever has not heard the first"
)]
pub(super) fn listen(stop: &Stop, terminal: Terminal) -> Result<(), Failure> {
    keep_interrupts();
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP]).map_err(|e| {
        Diagnostic::error(
            &environment::NO_SIGNALS,
            format!("cannot listen for signals: {e}"),
        )
    })?;
    let stop = stop.clone();
    thread::spawn(move || {
        let mut asked = false;
        for _ in signals.forever() {
            if !asked {
                asked = true;
                if !mutant::is_on(Mutant::FirstSignalUnheard) {
                    stop.drain();
                }
                beside(move || {
                    terminal.say(
                        "stopping: waiting for open requests, at most 5 s; again to end at once",
                    );
                });
            } else if !mutant::is_on(Mutant::SecondSignalUnheard) {
                stop.abort();
                beside(move || terminal.clear_status());
                thread::sleep(LAST_WORDS);
                process::exit(Exit::Interrupted.code().into());
            }
        }
    });
    Ok(())
}

/// Writes to a terminal that may take nothing any more, which must not keep the next signal waiting.
fn beside(say: impl FnOnce() + Send + 'static) {
    drop(thread::spawn(say));
}
