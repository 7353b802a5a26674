//! The record of a run, held against what the process that wrote it was seen to do.

use std::path::{Path, PathBuf};

use plimsoll::model::{Run, RunState};
use plimsoll::store::runs;

use super::strace::Call;
use crate::common::{Ended, Server, Workplace};

/// The scenario that a quick run of a URL has.
pub(super) const QUICK: &str = "quick";

/// Whether a run came to its end: on a machine that is busy with other things it may be invalid.
pub(super) fn is_measured(ended: &Ended) -> bool {
    matches!(ended.code, Some(0 | 4))
}

/// Frames of a log, by what they hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Counts {
    pub(super) intervals: usize,
    pub(super) samples: usize,
    /// Of complete rounds.
    pub(super) rounds: usize,
    pub(super) seals: usize,
}

impl Counts {
    fn add(&mut self, kind: u8) {
        match kind {
            1 => self.intervals += 1,
            2 => self.samples += 1,
            3 => self.rounds += 1,
            255 => self.seals += 1,
            _ => {}
        }
    }

    fn of(run: &Run) -> Self {
        Self {
            intervals: run.intervals.len(),
            samples: run.samples.len(),
            rounds: run.rounds.iter().filter(|r| r.complete).count(),
            seals: usize::from(run.state != RunState::Partial),
        }
    }
}

/// What a process did to its log.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Logged {
    /// Written, as far as the kernel has said so.
    pub(super) written: Counts,
    /// Written and then synced: acknowledged.
    pub(super) synced: Counts,
}

impl Logged {
    pub(super) fn of(calls: &[Call]) -> Self {
        let mut logged = Self::default();
        let on_log = |c: &&Call| c.path().is_some_and(|p| p.ends_with("run.plog"));
        for call in calls.iter().filter(on_log).filter(|c| c.succeeded()) {
            match call.name.as_str() {
                "write" => {
                    if let Some(kind) = kind_of(call) {
                        logged.written.add(kind);
                    }
                }
                "fdatasync" => logged.synced = logged.written,
                _ => {}
            }
        }
        logged
    }
}

/// The type of the frame that a call writes; None of the header.
pub(super) fn kind_of(call: &Call) -> Option<u8> {
    let bytes = call.bytes();
    if bytes.starts_with(b"\x89PLOG") {
        return None;
    }
    bytes.get(16).copied()
}

/// What became of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// There is none.
    None,
    Partial,
    Complete,
}

/// Requires that the only run of a place, if it has one, is what was written: every acknowledged frame
/// is there, nothing is that was not written, and nothing is counted that was not sent. Returns what
/// became of it, and how many intervals are there.
#[track_caller]
pub(super) fn is_what_was_written(
    place: &Workplace,
    logged: &Logged,
    server: &Server,
    what: &str,
) -> (Fate, usize) {
    let Some(dir) = only_run(place) else {
        assert_eq!(logged.written.intervals, 0, "{what}: the run is gone");
        return (Fate::None, 0);
    };
    let run = runs::read(&dir).unwrap_or_else(|error| panic!("{what}: {error}"));
    let found = Counts::of(&run);
    // A call that never returned may have been carried out.
    let most = found.intervals + found.samples + found.rounds + found.seals;
    let least = logged.written;
    let written = least.intervals + least.samples + least.rounds + least.seals;
    assert!(
        most == written || most == written + 1,
        "{what}: {found:?} was read of {logged:?}"
    );
    assert!(
        found.intervals >= logged.synced.intervals && found.rounds >= logged.synced.rounds,
        "{what}: acknowledged and lost: {found:?} of {logged:?}"
    );
    let cells = run.intervals.iter().flat_map(|i| &i.cells);
    let sent: u64 = cells.map(|c| c.tally.sent).sum();
    assert!(sent <= server.requests(), "{what}: more than was sent");
    match run.state {
        RunState::Complete => (Fate::Complete, found.intervals),
        RunState::Partial => (Fate::Partial, found.intervals),
        RunState::Interrupted => panic!("{what}: nobody has interrupted it"),
    }
}

/// The folder of the only run of a place, if it has one.
pub(super) fn only_run(place: &Workplace) -> Option<PathBuf> {
    let runs = runs::list(place.path(), None).expect("lists");
    assert!(runs.len() < 2, "{runs:?}");
    runs.into_iter().next().map(|entry| entry.dir)
}

/// Requires that a partial run is shown and accepted by nothing that judges.
#[track_caller]
pub(super) fn is_shown_and_never_passes(place: &Workplace, what: &str) {
    let says = |ended: &Ended| {
        let said = format!("{}{}", ended.stdout, ended.stderr).to_lowercase();
        assert!(said.contains("partial"), "{what}: {said}");
        assert!(!said.contains("panicked"), "{what}: {said}");
    };
    let shown = place.run(&["report", "last"]);
    assert_eq!(shown.code, Some(0), "{what}: {}", shown.stderr);
    says(&shown);
    let gates: [&[&str]; 2] = [
        &["compare", "last", "last"],
        &[
            "baseline", "save", QUICK, "--run", "last", "--reason", "green",
        ],
    ];
    for gate in gates {
        let ended = place.run(gate);
        assert!(
            matches!(ended.code, Some(3 | 4)),
            "{what}: {gate:?} ends with {:?}: {}",
            ended.code,
            ended.stderr
        );
        says(&ended);
    }
    let baselines = place.path().join("baselines");
    assert!(!Path::exists(&baselines), "{what}: it became a baseline");
}
