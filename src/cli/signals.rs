//! Ctrl-C and its kin: the first asks a run to drain and report, the second ends it at once.

use std::io;
use std::process;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGXFSZ};
use signal_hook::iterator::Signals;
use signal_hook::{flag, low_level};

use crate::diagnostic::{Diagnostic, environment};
use crate::model::Event;
use crate::mutant::{self, Mutant};
use crate::session::{Stop, keep_interrupts};

use super::exit::{Exit, Failure};
use super::keyboard;
use super::voice::Voice;

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
pub(super) fn listen(stop: &Stop, voice: &Voice) -> Result<(), Failure> {
    keep_interrupts();
    let heard = [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP];
    let mut signals = Signals::new(heard).map_err(|e| unheard(&e))?;
    let (stop, voice) = (stop.clone(), voice.clone());
    thread::spawn(move || {
        let mut asked = false;
        for signal in signals.forever() {
            if matches!(signal, SIGQUIT | SIGTSTP) {
                as_usual(signal);
            } else if !asked {
                asked = true;
                if !mutant::is_on(Mutant::FirstSignalUnheard) {
                    stop.drain();
                }
                let voice = voice.clone();
                beside(move || voice.tell(&Event::Stopping));
            } else if !mutant::is_on(Mutant::SecondSignalUnheard) {
                stop.abort();
                keyboard::set_aside();
                thread::sleep(LAST_WORDS);
                process::exit(Exit::Interrupted.code().into());
            }
        }
    });
    Ok(())
}

/// What the signal does to any process, with the terminal as it was: it ends us, or it stops us until
/// we are wanted again.
fn as_usual(signal: i32) {
    keyboard::set_aside();
    // Every signal that is listened to has a usual effect.
    let _ = low_level::emulate_default_handler(signal);
    keyboard::take_up();
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
