//! Reading with an end: on a thread of its own, which is left behind when a read does not return.

use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

use crate::clock::{Clock, Monotonic};
use crate::units::Nanos;

/// Bytes kept of a file.
pub(super) const USUAL: usize = 256 << 10;

/// The longest wait for the next piece.
const EACH: Nanos = Nanos::from_millis(1500);

/// Threads that may be left behind; then nothing more is read.
const LOST: usize = 3;

/// What came of a piece of work.
#[derive(Debug)]
pub(super) struct Gathered<T> {
    /// All that came in time.
    pub(super) pieces: Vec<T>,
    pub(super) end: Result<(), Impatience>,
}

/// Why the rest did not come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Impatience {
    Hung(Nanos),
    TooLate,
    TooOften,
    NoThread,
}

impl fmt::Display for Impatience {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hung(after) => write!(f, "reading it hung for {after}"),
            Self::TooLate => f.write_str("the time for the bundle was over"),
            Self::TooOften => f.write_str("reading hung too often before"),
            Self::NoThread => f.write_str("no thread could be started"),
        }
    }
}

type Job = Box<dyn FnOnce() + Send>;

/// Reads until a moment and not beyond it.
#[derive(Debug)]
pub(super) struct Patient {
    until: Nanos,
    each: Nanos,
    jobs: Option<Sender<Job>>,
    lost: usize,
}

impl Patient {
    pub(super) fn until(within: Nanos) -> Self {
        Self {
            until: Monotonic.now() + within,
            each: EACH,
            jobs: None,
            lost: 0,
        }
    }

    /// Less patient with each piece.
    #[cfg(test)]
    pub(super) fn each(self, each: Nanos) -> Self {
        Self { each, ..self }
    }

    /// Does this elsewhere, and takes the pieces that it sends in time.
    pub(super) fn gather<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&Sender<T>) + Send + 'static,
    ) -> Gathered<T> {
        let mut gathered = Gathered {
            pieces: Vec::new(),
            end: Ok(()),
        };
        let (tell, told) = mpsc::channel();
        if let Err(why) = self.hand_over(Box::new(move || work(&tell))) {
            gathered.end = Err(why);
            return gathered;
        }
        loop {
            let left = self.until - Monotonic.now();
            match told.recv_timeout(Duration::from(self.each.min(left))) {
                Ok(piece) => gathered.pieces.push(piece),
                Err(RecvTimeoutError::Disconnected) => return gathered,
                Err(RecvTimeoutError::Timeout) => {
                    // The thread has a job that may never end: another one does those to come.
                    self.jobs = None;
                    self.lost += 1;
                    gathered.end = Err(if left <= self.each {
                        Impatience::TooLate
                    } else {
                        Impatience::Hung(self.each)
                    });
                    return gathered;
                }
            }
        }
    }

    fn hand_over(&mut self, job: Job) -> Result<(), Impatience> {
        if Monotonic.now() >= self.until {
            return Err(Impatience::TooLate);
        }
        if self.lost >= LOST {
            return Err(Impatience::TooOften);
        }
        if self.jobs.is_none() {
            let (jobs, waiting) = mpsc::channel::<Job>();
            thread::Builder::new()
                .name("bundle-reader".to_owned())
                .spawn(move || {
                    for job in waiting {
                        job();
                    }
                })
                .map_err(|_| Impatience::NoThread)?;
            self.jobs = Some(jobs);
        }
        let jobs = self.jobs.as_ref().ok_or(Impatience::NoThread)?;
        jobs.send(job).map_err(|_| Impatience::NoThread)
    }
}

/// The bytes of a file, as far as they are kept.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) bytes: Vec<u8>,
    /// True when there are more.
    pub(super) cut: bool,
}

/// Reads a file, this much of it at most.
///
/// # Errors
/// When it cannot be opened or read.
pub(super) fn file(path: &Path, most: usize) -> io::Result<Read> {
    let mut bytes = Vec::new();
    File::open(path)?
        .take(most as u64 + 1)
        .read_to_end(&mut bytes)?;
    let cut = bytes.len() > most;
    bytes.truncate(most);
    Ok(Read { bytes, cut })
}

/// The same as text; what is no UTF-8 is replaced.
pub(super) fn text(path: impl AsRef<Path>, most: usize) -> io::Result<String> {
    let read = file(path.as_ref(), most)?;
    Ok(String::from_utf8_lossy(&read.bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Opening it for reading waits for somebody who writes.
    fn fifo(folder: &Path) -> std::path::PathBuf {
        let path = folder.join("hangs");
        let made = std::process::Command::new("mkfifo").arg(&path).status();
        assert!(made.expect("mkfifo is there").success());
        path
    }

    #[test]
    fn a_read_that_hangs_is_left_behind_and_the_next_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = fifo(folder.path());
        let mut patient = Patient::until(Nanos::from_secs(60)).each(Nanos::from_millis(50));
        let hanging = path.clone();
        let gathered = patient.gather(move |tell| {
            let _ = tell.send("before".to_owned());
            let read = text(&hanging, USUAL);
            let _ = tell.send(read.unwrap_or_default());
        });
        assert_eq!(gathered.pieces, ["before"], "what came in time is kept");
        let why = gathered.end.unwrap_err();
        assert_eq!(why.to_string(), "reading it hung for 50 ms");
        let next = patient.gather(|tell| {
            let _ = tell.send(1);
        });
        assert_eq!(next.pieces, [1]);
        // Lets the thread end.
        drop(std::fs::OpenOptions::new().write(true).open(&path));
    }

    #[test]
    fn after_too_many_that_hang_nothing_more_is_read() {
        let mut patient = Patient::until(Nanos::from_secs(60)).each(Nanos::from_millis(1));
        let (ends, waits) = mpsc::channel::<()>();
        let waits = std::sync::Arc::new(std::sync::Mutex::new(waits));
        for _ in 0..LOST {
            let waits = std::sync::Arc::clone(&waits);
            let gathered = patient.gather(move |tell| {
                let _ = waits.lock().map(|w| w.recv());
                let _ = tell.send(());
            });
            assert!(gathered.end.is_err());
        }
        let gathered = patient.gather(|tell| {
            let _ = tell.send(());
        });
        assert_eq!(gathered.end, Err(Impatience::TooOften));
        drop(ends);
    }

    #[test]
    fn when_the_time_is_over_nothing_is_begun() {
        let mut patient = Patient::until(Nanos::ZERO);
        let gathered = patient.gather(|tell| {
            let _ = tell.send(());
        });
        assert_eq!(gathered.end, Err(Impatience::TooLate));
        assert!(gathered.pieces.is_empty());
    }

    #[test]
    fn a_file_is_read_as_far_as_it_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        std::fs::write(&path, "abcdef").unwrap();
        let read = |most| file(&path, most).map(|r| (r.bytes, r.cut)).unwrap();
        assert_eq!(read(6), (b"abcdef".to_vec(), false));
        assert_eq!(read(5), (b"abcde".to_vec(), true));
    }
}
