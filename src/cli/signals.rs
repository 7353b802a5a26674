//! Ctrl-C and its kin: the first asks a run to drain and report, the second ends it at once.

use std::io;
use std::process;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ};
use signal_hook::flag;
use signal_hook::iterator::Signals;

use crate::diagnostic::{Diagnostic, environment};
use crate::mutant::{self, Mutant};
use crate::session::{Stop, keep_interrupts};

use super::exit::{Exit, Failure};
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
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP]).map_err(|e| unheard(&e))?;
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

/// Has the first signal end what only shows something: there is nothing to wait for.
pub(super) fn end_on_first(stop: &Stop) -> Result<(), Failure> {
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP]).map_err(|e| unheard(&e))?;
    let stop = stop.clone();
    thread::spawn(move || {
        for _ in signals.forever() {
            stop.abort();
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

/// Writes to a terminal that may take nothing any more, which must not keep the next signal waiting.
fn beside(say: impl FnOnce() + Send + 'static) {
    drop(thread::spawn(say));
}
