//! Reading a run back, also one that was never finished.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::super::whole::{check_schema, parse, read_whole};
use super::frame::{Begin, Frame};
use super::log::{self, Log};
use super::{LOG, MANIFEST};
use crate::model::{Arm, Manifest, RUN_SCHEMA, Run, RunState};
use crate::mutant::{self, Mutant};
use crate::recorder::{End, Recorder};
use crate::store::StoreError;
use crate::units::Nanos;

const MANIFEST_LIMIT: u64 = 16 << 20;
const LOG_LIMIT: u64 = 4 << 30;

/// Reads the run in a folder.
///
/// A round that never ended is put together from its intervals, as not complete.
///
/// # Errors
/// When a file cannot be read, is newer, or is damaged otherwise than by ending early.
pub fn read(dir: &Path) -> Result<Run, StoreError> {
    let (manifest, bytes) = read_manifest(dir)?;
    let path = dir.join(LOG);
    let log = match read_whole(&path, LOG_LIMIT)? {
        Some(log) => log::parse(&path, &log, &bytes, &manifest.outline)?,
        // Killed between the manifest and the log.
        None => Log::default(),
    };
    Ok(assemble(manifest, log))
}

/// A run from the bytes of its manifest and its log. `dir` is for messages only.
///
/// # Errors
/// As [`read`].
pub fn parse_run(dir: &Path, manifest: &[u8], log: &[u8]) -> Result<Run, StoreError> {
    let parsed = parse_manifest(&dir.join(MANIFEST), manifest)?;
    let log = log::parse(&dir.join(LOG), log, manifest, &parsed.outline)?;
    Ok(assemble(parsed, log))
}

/// What a run set out to do, without what it measured: of its log no more than the beginning is read,
/// which says whether the manifest is the one that it was begun with.
///
/// # Errors
/// As [`read`].
pub fn manifest(dir: &Path) -> Result<Manifest, StoreError> {
    let (manifest, bytes) = read_manifest(dir)?;
    let path = dir.join(LOG);
    let mut begin = Vec::new();
    match File::open(&path) {
        Ok(log) => log
            .take(log::HEADER as u64)
            .read_to_end(&mut begin)
            .map_err(StoreError::io("read", &path))?,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => 0,
        Err(e) => return Err(StoreError::io("read", &path)(e)),
    };
    log::parse(&path, &begin, &bytes, &manifest.outline)?;
    Ok(manifest)
}

/// The manifest with its bytes.
pub(super) fn read_manifest(dir: &Path) -> Result<(Manifest, Vec<u8>), StoreError> {
    let path = dir.join(MANIFEST);
    let bytes = read_whole(&path, MANIFEST_LIMIT)?
        .ok_or_else(|| StoreError::io("read", &path)(std::io::ErrorKind::NotFound.into()))?;
    Ok((parse_manifest(&path, &bytes)?, bytes))
}

fn parse_manifest(path: &Path, bytes: &[u8]) -> Result<Manifest, StoreError> {
    check_schema(path, bytes, RUN_SCHEMA)?;
    parse(path, bytes)
}

fn assemble(manifest: Manifest, log: Log) -> Run {
    let mut begins = BTreeMap::new();
    let mut run = Run {
        state: match &log.seal {
            None if mutant::is_on(Mutant::UnsealedIsComplete) => RunState::Complete,
            None => RunState::Partial,
            Some(seal) if seal.interrupted => RunState::Interrupted,
            Some(_) => RunState::Complete,
        },
        manifest,
        rounds: Vec::new(),
        intervals: Vec::new(),
        samples: Vec::new(),
        comparison: log.comparison,
    };
    for frame in log.frames {
        match frame {
            Frame::Begin(begin) => {
                begins.insert(begin.index, begin);
            }
            Frame::Interval(interval) => run.intervals.push(interval),
            Frame::Sample(sample) => run.samples.push(sample),
            Frame::Round(round) => run.rounds.push(*round),
        }
    }
    add_unfinished(&mut run, &begins);
    run.rounds.sort_by_key(|r| r.index);
    run
}

/// Adds the rounds that have intervals and no end.
fn add_unfinished(run: &mut Run, begins: &BTreeMap<usize, Begin>) {
    let mut unfinished: BTreeMap<usize, Recorder> = BTreeMap::new();
    for interval in &run.intervals {
        if run.rounds.iter().any(|r| r.index == interval.round) {
            continue;
        }
        unfinished
            .entry(interval.round)
            .or_insert_with_key(|&index| {
                let begin = begins.get(&index).cloned().unwrap_or_else(|| Begin {
                    index,
                    arm: Arm::Now,
                    pair: index,
                    started_at: run.manifest.started_at.clone(),
                    level: None,
                });
                let outline = &run.manifest.outline;
                Recorder::new(outline, index, begin.arm, begin.pair, begin.started_at)
            })
            .interval(interval);
    }
    for sample in &run.samples {
        if let Some(recorder) = unfinished.get_mut(&sample.round) {
            recorder.sample(sample);
        }
    }
    run.rounds.extend(unfinished.into_values().map(|recorder| {
        recorder.finish(End {
            worker_cpu: 0.0,
            idle_cpu_pressure: None,
            record_delay: Nanos::ZERO,
            complete: false,
        })
    }));
}
