//! What is said while something is measured: a few lines redrawn in place where standard error is a
//! terminal, a line now and then elsewhere.
//!
//! It has a thread of its own, so that nobody who measures waits for a terminal that takes nothing.

use std::io::{Write, stderr};
use std::panic;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::thread::{self, JoinHandle};

use rustix::process::getpgrp;
use rustix::termios::{tcgetpgrp, tcgetwinsize};

use super::exit::Failure;
use super::keyboard::{self, Keyboard};
use super::terminal::Terminal;
use super::voice::{Told, Voice};
use super::{Context, signals};
use crate::clock::{Clock, Monotonic};
use crate::model::Event;
use crate::progress::{Hands, Next, Progress, Wants};
use crate::report::{TextStyle, Verbosity, width};
use crate::session::Stop;
use crate::units::Nanos;

/// From one drawing to the next.
const FRAME: Nanos = Nanos::from_millis(250);

/// So long a log may have no line.
const SILENCE: Nanos = Nanos::from_secs(10);

/// Lines wider than this are hard to read.
const WIDEST: usize = 120;

/// Set by a panic: its message stays where it is.
static HUSHED: AtomicBool = AtomicBool::new(false);

/// Shows what happens until it is dropped.
pub(super) struct Live {
    voice: Voice,
    thread: Option<JoinHandle<()>>,
}

impl Live {
    /// Shows a measurement, hears signals, and heeds those keys.
    ///
    /// # Errors
    /// When signals cannot be heard.
    pub(super) fn of_measurement(context: &Context, hands: Hands) -> Result<Self, Failure> {
        let (voice, heard) = Voice::heard(context.terminal);
        // Heard before the keyboard is taken, so that nothing ends us and leaves it so.
        let stop = &context.session.stop;
        signals::listen(stop, &voice)?;
        Ok(Self::begin(voice, heard, Some((stop.clone(), hands))))
    }

    /// Shows how far a long analysis is; Ctrl-C ends the process, as everywhere else.
    pub(super) fn of_analysis(context: &Context) -> Self {
        let (voice, heard) = Voice::heard(context.terminal);
        Self::begin(voice, heard, None)
    }

    fn begin(voice: Voice, heard: Receiver<Told>, keys: Option<(Stop, Hands)>) -> Self {
        let terminal = voice.terminal;
        let show = move || Show::new(terminal, keys).run(&heard);
        let thread = (terminal.style.verbosity != Verbosity::Quiet)
            // Without the thread little is shown along the way, and everything is measured.
            .then(|| thread::Builder::new().name("live".into()).spawn(show).ok())
            .flatten();
        Self { voice, thread }
    }

    pub(super) fn tell(&self, event: &Event) {
        self.voice.tell(event);
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.voice.end();
        if let Some(thread) = self.thread.take() {
            // Its panic was reported on its own thread.
            let _ = thread.join();
        }
    }
}

/// The thread that shows.
struct Show {
    terminal: Terminal,
    progress: Progress,
    wants: Wants,
    stop: Stop,
    keyboard: Option<Keyboard>,
    screen: Screen,
}

impl Show {
    fn new(terminal: Terminal, keys: Option<(Stop, Hands)>) -> Self {
        let (stop, hands) = keys.unwrap_or_default();
        let has_keys = terminal.live && hands != Hands::None;
        let keyboard = has_keys.then(Keyboard::take).flatten();
        if terminal.live {
            leave_panics_alone();
        }
        Self {
            terminal,
            progress: Progress::new(),
            wants: Wants {
                hands: if keyboard.is_some() {
                    hands
                } else {
                    Hands::None
                },
                ..Wants::default()
            },
            stop,
            keyboard,
            screen: Screen::default(),
        }
    }

    fn run(mut self, heard: &Receiver<Told>) {
        let every = if self.terminal.live { FRAME } else { SILENCE };
        let mut cadence = Cadence::begin(every, Monotonic.now());
        loop {
            match heard.recv_timeout(cadence.left(Monotonic.now()).into()) {
                Ok(Told::Event(event)) => {
                    let is_said = self.hear(&event);
                    // A frame is drawn whatever is said above it.
                    if is_said && !self.terminal.live {
                        cadence.shown(Monotonic.now());
                    }
                }
                Err(RecvTimeoutError::Timeout) => {
                    self.turn();
                    cadence.shown(Monotonic.now());
                }
                Ok(Told::End) | Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        self.screen.draw(Vec::new());
    }

    /// Takes an event in; true when it was worth a line.
    fn hear(&mut self, event: &Event) -> bool {
        let line = self.progress.line(event, Monotonic.now());
        if let Some(line) = &line {
            if self.terminal.live {
                self.screen.say(&self.terminal.style.letters(line));
            } else {
                self.terminal.say(line);
            }
        }
        line.is_some()
    }

    /// Heeds the keys and shows this moment.
    fn turn(&mut self) {
        if !self.terminal.live {
            self.terminal.say(&self.progress.status());
            return;
        }
        let keys = self.keyboard.as_ref().map(Keyboard::pressed);
        for key in keys.unwrap_or_default() {
            self.heed(key);
        }
        if is_behind() || HUSHED.load(Ordering::Relaxed) {
            return;
        }
        let (style, height) = size(self.terminal);
        let mut frame = self.progress.frame(style, Monotonic.now(), self.wants);
        // The line below it is where the next one begins.
        frame.truncate(height.saturating_sub(1));
        self.screen.draw(frame);
    }

    fn heed(&mut self, key: u8) {
        let between = self.stop.between();
        match key {
            b't' => self.wants.steps = !self.wants.steps,
            b'?' => self.wants.keys = !self.wants.keys,
            b'p' if self.wants.hands == Hands::Rounds => between.toggle_wait(),
            b's' if self.wants.hands == Hands::Rounds => between.toggle_end(),
            _ => {}
        }
        self.wants.next = match (between.ends(), between.waits()) {
            (true, _) => Next::Never,
            (false, true) => Next::Waits,
            (false, false) => Next::Begins,
        };
    }
}

/// When something is to be shown next.
#[derive(Debug)]
struct Cadence {
    every: Nanos,
    due: Nanos,
}

impl Cadence {
    fn begin(every: Nanos, now: Nanos) -> Self {
        let due = now + every;
        Self { every, due }
    }

    fn left(&self, now: Nanos) -> Nanos {
        self.due.saturating_sub(now)
    }

    /// Something was shown.
    fn shown(&mut self, now: Nanos) {
        self.due = now + self.every;
    }
}

/// The lines at the bottom of the terminal.
#[derive(Debug, Default)]
struct Screen {
    drawn: Vec<String>,
}

impl Screen {
    /// Draws these lines in the place of the last.
    fn draw(&mut self, frame: Vec<String>) {
        if self.drawn.is_empty() && frame.is_empty() {
            return;
        }
        self.write("", frame);
    }

    /// Says a line above them.
    fn say(&mut self, line: &str) {
        let frame = self.drawn.clone();
        self.write(&format!("{line}\u{1b}[K\n"), frame);
    }

    fn write(&mut self, said: &str, frame: Vec<String>) {
        if HUSHED.load(Ordering::Relaxed) {
            return;
        }
        let columns = tcgetwinsize(stderr()).map_or(0, |size| usize::from(size.ws_col));
        let up = match rows(&self.drawn, columns) {
            0 => String::new(),
            rows => format!("\u{1b}[{rows}A\r"),
        };
        let lines: String = frame.iter().map(|l| format!("{l}\u{1b}[K\n")).collect();
        self.drawn = frame;
        // All at once, so that nothing flickers; a terminal that is gone is no reason to end.
        drop(
            stderr()
                .lock()
                .write_all(format!("{up}{said}{lines}\u{1b}[J").as_bytes()),
        );
    }
}

/// Rows that lines take, more than one each where the terminal has become narrower.
fn rows(lines: &[String], columns: usize) -> usize {
    let of = |line: &String| {
        let bare = anstream::adapter::strip_str(line).to_string();
        if columns == 0 {
            1
        } else {
            width(&bare).div_ceil(columns).max(1)
        }
    };
    lines.iter().map(of).sum()
}

/// How to draw on the terminal, and its height; without end where it does not say.
fn size(terminal: Terminal) -> (TextStyle, usize) {
    let size = tcgetwinsize(stderr()).ok();
    let known = |n: u16| Some(usize::from(n)).filter(|n| *n > 0);
    let columns = size.and_then(|size| known(size.ws_col));
    let rows = size.and_then(|size| known(size.ws_row));
    // In its last column a terminal may begin a new line by itself.
    let columns = columns.map_or(terminal.style.width, |columns| columns - 1);
    let asked = terminal.asked_width.unwrap_or(WIDEST);
    let style = TextStyle {
        width: columns.min(asked).min(WIDEST),
        colour: terminal.colour_errors,
        ..terminal.style
    };
    (style, rows.unwrap_or(usize::MAX))
}

/// True when another job is in front of the terminal.
fn is_behind() -> bool {
    tcgetpgrp(stderr()).is_ok_and(|front| front != getpgrp())
}

/// Has a panic find the terminal as it was, and its message stay there.
fn leave_panics_alone() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let tell = panic::take_hook();
        panic::set_hook(Box::new(move |what| {
            HUSHED.store(true, Ordering::Relaxed);
            keyboard::set_aside();
            tell(what);
        }));
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Manual;

    #[test]
    fn nothing_is_silent_for_longer_than_its_cadence() {
        let clock = Manual::default();
        let mut cadence = Cadence::begin(SILENCE, clock.now());
        clock.advance(Nanos::from_secs(4));
        assert_eq!(cadence.left(clock.now()), Nanos::from_secs(6));
        cadence.shown(clock.now());
        assert_eq!(cadence.left(clock.now()), SILENCE);
        clock.advance(Nanos::from_secs(12));
        assert_eq!(cadence.left(clock.now()), Nanos::ZERO, "it is overdue");
    }

    #[test]
    fn a_line_that_the_terminal_has_wrapped_takes_several_rows() {
        let lines = ["", "short", "\u{1b}[2mabcdefghij\u{1b}[0mk"].map(str::to_owned);
        assert_eq!(rows(&lines, 0), 3);
        assert_eq!(rows(&lines, 80), 3);
        assert_eq!(rows(&lines, 10), 4);
        assert_eq!(rows(&[], 80), 0);
    }
}
