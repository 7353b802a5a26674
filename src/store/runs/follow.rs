//! Following a run while another process writes it: each frame once, as soon as it is whole.
//!
//! Nothing is locked against the writer and nothing is written. What is torn is still being written,
//! so it is waited for; whether a log is sound is told when it is read as a whole.

use std::fs::{File, TryLockError};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::LOG;
use super::frame::{self, Frame, Record};
use super::log::{self, HEADER};
use super::read::read_manifest;
use crate::model::Manifest;
use crate::store::StoreError;

/// Bytes that are read at a time.
const PIECE: u64 = 1 << 20;

/// True while some process writes the run in a folder: it holds a lock until it ends, however it ends.
pub fn is_running(dir: &Path) -> bool {
    let lock = File::open(dir.join(LOG)).map(|log| log.try_lock_shared());
    matches!(lock, Ok(Err(TryLockError::WouldBlock)))
}

/// A log that may still grow.
#[derive(Debug)]
pub struct Follow {
    manifest: Manifest,
    /// To be held against the header of the log.
    bytes: Vec<u8>,
    path: PathBuf,
    log: File,
    /// Read, and not yet a whole frame.
    rest: Vec<u8>,
    /// Where the first of them stands.
    at: u64,
    seq: u64,
}

impl Follow {
    /// Begins with the first frame of the run in a folder.
    ///
    /// # Errors
    /// When a file cannot be read, or the manifest is damaged or newer.
    pub fn open(dir: &Path) -> Result<Self, StoreError> {
        let (manifest, bytes) = read_manifest(dir)?;
        let path = dir.join(LOG);
        let log = File::open(&path).map_err(StoreError::io("read", &path))?;
        Ok(Self {
            manifest,
            bytes,
            path,
            log,
            rest: Vec::new(),
            at: 0,
            seq: 0,
        })
    }

    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Hands over the frames that have come since the last call, and says how many. What was concluded,
    /// and the seal, are none of them.
    ///
    /// # Errors
    /// When the log cannot be read, is newer, belongs to another manifest, or a whole frame holds what
    /// no frame can.
    pub fn catch_up(&mut self, take: &mut dyn FnMut(Frame)) -> Result<usize, StoreError> {
        let mut taken = 0;
        loop {
            let read = self.read_on()?;
            taken += self.split(take)?;
            if read == 0 {
                return Ok(taken);
            }
        }
    }

    /// Reads a piece, where there is more.
    fn read_on(&mut self) -> Result<u64, StoreError> {
        let end = self.at + self.rest.len() as u64;
        let before = self.rest.len();
        self.log
            .seek(SeekFrom::Start(end))
            .and_then(|_| (&self.log).take(PIECE).read_to_end(&mut self.rest))
            .map_err(StoreError::io("read", &self.path))?;
        Ok((self.rest.len() - before) as u64)
    }

    /// Takes the whole frames off the beginning of what was read.
    fn split(&mut self, take: &mut dyn FnMut(Frame)) -> Result<usize, StoreError> {
        let mut done = 0;
        if self.at == 0 {
            let Some(header) = self.rest.get(..HEADER) else {
                return Ok(0);
            };
            log::parse(&self.path, header, &self.bytes, &self.manifest.outline)?;
            done = HEADER;
        }
        let mut taken = 0;
        while let Ok(whole) = frame::split(&self.rest[done..]) {
            let place = usize::try_from(self.at).unwrap_or(usize::MAX);
            let damaged = |reason: String| {
                StoreError::damaged(&self.path, place.saturating_add(done), reason)
            };
            if whole.seq != self.seq {
                return Err(damaged(format!(
                    "frame {} stands where {} belongs",
                    whole.seq, self.seq
                )));
            }
            if let Record::Frame(frame) = whole.decode().map_err(&damaged)? {
                log::check(&frame, &self.manifest.outline).map_err(&damaged)?;
                take(*frame);
                taken += 1;
            }
            done += whole.length;
            self.seq += 1;
        }
        self.rest.drain(..done);
        self.at += done as u64;
        Ok(taken)
    }
}

#[cfg(test)]
mod tests {
    use std::fs::OpenOptions;
    use std::io::Write;

    use super::super::{MANIFEST, RunWriter};
    use super::*;
    use crate::model::Arm;
    use crate::store::sample;

    fn taken(follow: &mut Follow) -> Vec<Frame> {
        let mut frames = Vec::new();
        let count = follow.catch_up(&mut |frame| frames.push(frame));
        assert_eq!(count.expect("reads"), frames.len());
        frames
    }

    #[test]
    fn frames_come_once_each_while_the_log_grows() {
        let root = tempfile::tempdir().expect("a folder");
        let mut run = RunWriter::create(root.path(), &sample::manifest()).expect("creates");
        let dir = run.dir().to_owned();
        assert!(is_running(&dir));
        let mut follow = Follow::open(&dir).expect("opens");
        assert_eq!(follow.manifest(), &sample::manifest());
        assert!(taken(&mut follow).is_empty());
        let frames = sample::round_frames(0, Arm::Now);
        for frame in &frames {
            run.append(frame).expect("appends");
            assert_eq!(taken(&mut follow), std::slice::from_ref(frame));
        }
        run.write_comparison(&sample::comparison()).expect("writes");
        run.seal(false).expect("seals");
        assert!(taken(&mut follow).is_empty());
        assert!(!is_running(&dir));
        let mut late = Follow::open(&dir).expect("opens");
        assert_eq!(taken(&mut late), frames, "who comes late gets all of them");
    }

    #[test]
    fn what_is_torn_is_waited_for() {
        let root = tempfile::tempdir().expect("a folder");
        let mut run = RunWriter::create(root.path(), &sample::manifest()).expect("creates");
        let frames = sample::round_frames(0, Arm::Now);
        for frame in &frames {
            run.append(frame).expect("appends");
        }
        let dir = run.dir().to_owned();
        let path = dir.join(LOG);
        let whole = std::fs::read(&path).expect("reads");
        drop(run);
        assert!(!is_running(&dir), "whoever wrote it is gone");
        std::fs::write(&path, []).expect("empties");
        let mut log = OpenOptions::new().append(true).open(&path).expect("opens");
        let mut follow = Follow::open(&dir).expect("opens");
        let mut seen = Vec::new();
        for piece in whole.chunks(97) {
            log.write_all(piece).expect("writes");
            seen.extend(taken(&mut follow));
        }
        assert_eq!(seen, frames);
    }

    #[test]
    fn a_log_of_another_manifest_is_refused() {
        let root = tempfile::tempdir().expect("a folder");
        let run = RunWriter::create(root.path(), &sample::manifest()).expect("creates");
        let path = run.dir().join(MANIFEST);
        let other = std::fs::read_to_string(&path).expect("reads");
        std::fs::write(&path, other.replace("\"seed\": 42", "\"seed\": 43")).expect("writes");
        let mut follow = Follow::open(run.dir()).expect("opens");
        let error = follow.catch_up(&mut |_| {}).expect_err("another manifest");
        assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
    }

    #[test]
    fn a_folder_without_a_log_is_not_running() {
        let root = tempfile::tempdir().expect("a folder");
        assert!(!is_running(root.path()));
    }
}
