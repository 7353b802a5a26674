//! Writing a run as it happens.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::super::plausible;
use super::super::whole::{check_name, make_folder, stays_below, sync_folder};
use super::frame::{self, Frame, Kind, Record};
use super::log::{self, Sums};
use super::profiles::PROFILES;
use super::{LOG, MANIFEST, REPORTS, SUMMARY};
use crate::model::{Comparison, Manifest, Outline, RUN_SCHEMA, Round, RunState};
use crate::mutant::{self, Mutant};
use crate::store::{StoreError, write_whole};

/// Name of the report in the folder of a run.
pub const REPORT: &str = "report.html";
/// Name of the list of all runs below `reports/`.
const INDEX: &str = "index.html";

/// Appends to the log of one run.
///
/// Every frame is handed to the kernel at once, so it survives the death of this process; after
/// [`RunWriter::sync`] it survives a power cut too.
#[derive(Debug)]
pub struct RunWriter {
    dir: PathBuf,
    path: PathBuf,
    log: File,
    outline: Outline,
    /// Bytes and frames written.
    length: u64,
    seq: u64,
    hash: Sha256,
    sums: Sums,
    rounds: Vec<Round>,
    comparison: Option<Comparison>,
    /// Set when the file may hold bytes that were not acknowledged.
    broken: bool,
}

/// `summary.json`.
#[derive(Serialize)]
struct Summary<'a> {
    schema: u32,
    id: &'a str,
    state: RunState,
    rounds: &'a [Round],
    comparison: Option<&'a Comparison>,
}

impl RunWriter {
    /// Makes `reports/<scenario>/<id>/` below the project root, with its manifest, durably.
    ///
    /// # Errors
    /// When a name is no folder name, the folder exists already, or it cannot be written.
    pub fn create(root: &Path, manifest: &Manifest) -> Result<Self, StoreError> {
        check_name("scenario", &manifest.outline.name)?;
        check_name("run", &manifest.id)?;
        let scenario = root.join(REPORTS).join(&manifest.outline.name);
        let dir = scenario.join(&manifest.id);
        stays_below(root, &scenario)?;
        make_folder_of_run(&scenario, &dir)?;
        Self::begin(&scenario, &dir, manifest).inspect_err(|_| remove_begun(&dir))
    }

    /// Writes manifest and header into the new folder of a run.
    fn begin(scenario: &Path, dir: &Path, manifest: &Manifest) -> Result<Self, StoreError> {
        sync_folder(scenario)?;
        let path = dir.join(MANIFEST);
        let mut bytes = serde_json::to_vec_pretty(manifest).map_err(|e| StoreError::Unfit {
            path: path.clone(),
            reason: e.to_string(),
        })?;
        bytes.push(b'\n');
        write_whole(&path, &bytes)?;

        let path = dir.join(LOG);
        let failed = || StoreError::io("write", &path);
        let mut log = OpenOptions::new()
            .append(true)
            .create_new(true)
            .open(&path)
            .map_err(failed())?;
        // Taken back by the kernel whenever we end: see `is_running`. Where there are no locks, nobody
        // is told that it is being written.
        let _ = log.try_lock();
        let header = log::header(&bytes);
        log.write_all(&header).map_err(failed())?;
        log.sync_all().map_err(failed())?;
        sync_folder(dir)?;
        Ok(Self {
            dir: dir.to_owned(),
            path,
            log,
            outline: manifest.outline.clone(),
            length: header.len() as u64,
            seq: 0,
            hash: Sha256::new_with_prefix(header),
            sums: Sums::default(),
            rounds: Vec::new(),
            comparison: None,
            broken: false,
        })
    }

    /// The folder of the run.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Appends one frame. It survives the end of this process once this returns.
    ///
    /// # Errors
    /// When it cannot be written, or no reader would accept it. The log then is as before.
    pub fn append(&mut self, frame: &Frame) -> Result<(), StoreError> {
        match frame {
            Frame::Begin(begin) => self.put(Kind::Begin, begin)?,
            Frame::Sample(sample) => self.put(Kind::Sample, sample)?,
            Frame::Interval(interval) => {
                plausible::interval(interval, &self.outline).map_err(|e| self.unfit(e))?;
                self.put(Kind::Interval, interval)?;
            }
            Frame::Round(round) => {
                plausible::round(round, &self.outline).map_err(|e| self.unfit(e))?;
                self.put(Kind::Round, round)?;
                self.rounds.push((**round).clone());
            }
        }
        self.sums.add(frame);
        Ok(())
    }

    /// Appends what was concluded; the last one written counts.
    ///
    /// # Errors
    /// As [`RunWriter::append`].
    pub fn write_comparison(&mut self, comparison: &Comparison) -> Result<(), StoreError> {
        self.put(Kind::Comparison, comparison)?;
        self.comparison = Some(comparison.clone());
        Ok(())
    }

    /// Makes everything appended so far durable.
    ///
    /// # Errors
    /// When the disk refuses; nothing more is written then, because the kernel may have dropped it.
    pub fn sync(&mut self) -> Result<(), StoreError> {
        if mutant::is_on(Mutant::LogWithoutSync) {
            return Ok(());
        }
        self.log.sync_data().map_err(|e| {
            self.broken = true;
            StoreError::io("sync", &self.path)(e)
        })
    }

    /// Closes the log durably and writes the summary.
    ///
    /// # Errors
    /// When either cannot be written; the run then is partial, or lacks only its summary.
    pub fn seal(mut self, interrupted: bool) -> Result<(), StoreError> {
        let hash = self.hash.clone().finalize();
        let seal = self.sums.seal_hashed(interrupted, self.seq, &hash);
        self.put(Kind::Seal, &seal)?;
        self.sync()?;
        let summary = Summary {
            schema: RUN_SCHEMA,
            id: self
                .dir
                .file_name()
                .and_then(|n| n.to_str())
                .unwrap_or_default(),
            state: if interrupted {
                RunState::Interrupted
            } else {
                RunState::Complete
            },
            rounds: &self.rounds,
            comparison: self.comparison.as_ref(),
        };
        let mut bytes = serde_json::to_vec(&summary).map_err(|e| self.unfit(e.to_string()))?;
        bytes.push(b'\n');
        write_whole(&self.dir.join(SUMMARY), &bytes)
    }

    /// Removes a run in which nothing happened, as far as the system lets us; a folder that holds
    /// anything else stays.
    pub fn discard(&self) {
        remove_begun(&self.dir);
    }

    fn put(&mut self, kind: Kind, content: &impl Serialize) -> Result<(), StoreError> {
        if self.broken {
            return Err(self.unfit("an earlier write failed, so nothing can follow it".to_owned()));
        }
        let bytes = frame::encode(self.seq, kind, content).map_err(|e| self.unfit(e))?;
        if matches!(kind, Kind::Round | Kind::Comparison) {
            self.check_readable(&bytes)?;
        }
        if let Err(e) = self.log.write_all(&bytes) {
            // Takes back a frame that was written in part, so that more can follow.
            self.broken = self.log.set_len(self.length).is_err();
            return Err(StoreError::io("write", &self.path)(e));
        }
        self.hash.update(&bytes);
        self.length += bytes.len() as u64;
        self.seq += 1;
        Ok(())
    }

    /// JSON has no infinity: a number that is not finite would be written and not be read back.
    fn check_readable(&self, bytes: &[u8]) -> Result<Record, StoreError> {
        frame::split(bytes)
            .map_err(|broken| broken.reason().to_owned())
            .and_then(|whole| whole.decode())
            .map_err(|e| self.unfit(e))
    }

    fn unfit(&self, reason: String) -> StoreError {
        StoreError::Unfit {
            path: self.path.clone(),
            reason,
        }
    }
}

/// Writes a rendered report into the folder of a run and returns its path.
///
/// # Errors
/// When the name is no file name or belongs to the record itself, or the file cannot be written.
pub fn write_report(dir: &Path, name: &str, bytes: &[u8]) -> Result<PathBuf, StoreError> {
    check_name("report", name)?;
    if [MANIFEST, LOG, SUMMARY, PROFILES].contains(&name) {
        return Err(StoreError::Name {
            what: "report",
            name: name.to_owned(),
        });
    }
    let path = dir.join(name);
    write_whole(&path, bytes)?;
    Ok(path)
}

/// Whether the folder of a run has its report.
pub fn has_report(dir: &Path) -> bool {
    dir.join(REPORT).is_file()
}

/// Writes the list of all runs, `reports/index.html`, and returns its path.
///
/// # Errors
/// When a link leads out of the project, or it cannot be written.
pub fn write_index(root: &Path, bytes: &[u8]) -> Result<PathBuf, StoreError> {
    let folder = root.join(REPORTS);
    stays_below(root, &folder)?;
    let path = folder.join(INDEX);
    write_whole(&path, bytes)?;
    Ok(path)
}

/// Takes back what was made of a run in which nothing happened. What cannot be removed stays, because
/// the error that led here matters more.
fn remove_begun(dir: &Path) {
    // Without its manifest it is no run any more, whenever we are killed from here on.
    for name in [MANIFEST, LOG] {
        let _ = fs::remove_file(dir.join(name));
    }
    // The folder of the run, its scenario's and that of all runs: the system refuses unless it was the
    // only one there.
    for folder in dir.ancestors().take(3) {
        let _ = fs::remove_dir(folder);
    }
}

/// Makes the folder of a run, and those above it, which a run that is discarded just now takes away
/// when it was the only one.
fn make_folder_of_run(scenario: &Path, dir: &Path) -> Result<(), StoreError> {
    const TRIES: usize = 10;
    let mut tries = 0;
    loop {
        make_folder(scenario)?;
        match fs::create_dir(dir) {
            Err(e) if e.kind() == io::ErrorKind::NotFound && tries < TRIES => tries += 1,
            made => return made.map_err(StoreError::io("make the folder", dir)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::sample;

    #[test]
    fn a_full_disk_is_said_once_and_nothing_follows_a_frame_that_may_be_torn() {
        let root = tempfile::tempdir().expect("a folder");
        let mut run = RunWriter::create(root.path(), &sample::manifest()).expect("creates");
        let frame = Frame::Interval(sample::interval(0, 0));
        run.append(&frame).expect("appends");
        // A device that is always full, and cannot be cut back either.
        run.log = OpenOptions::new()
            .append(true)
            .open("/dev/full")
            .expect("a device");
        let error = run.append(&frame).expect_err("full");
        let shown = error.diagnostic();
        assert_eq!(shown.code.id, "PL0203");
        assert_eq!(
            shown.help.as_deref(),
            Some("free some space; what was stored before is intact")
        );
        let error = run.append(&frame).expect_err("broken");
        assert!(matches!(error, StoreError::Unfit { .. }), "{error}");
        let dir = run.dir().to_owned();
        run.seal(false).expect_err("broken");
        let run = super::super::read(&dir).expect("what was written before reads");
        assert_eq!(run.state, RunState::Partial);
        assert_eq!(run.intervals, [sample::interval(0, 0)]);
    }
}
