//! Earlier calibrations of the same plan on the same machine.

use crate::judge;
use crate::model::{Comparison, Design, Manifest, Mode, Round, Run, RunState};
use crate::store::runs;

use super::Session;

/// The latest runs among which a calibration is looked for.
const SEARCHED: usize = 200;

/// Calibrations older than so many say little about the machine of today.
const KEPT: usize = 10;

/// Complete calibrations that hold for a run, the newest first. One that cannot be read is passed
/// over: it would only have added a remark.
pub(super) fn calibrations(session: &Session, manifest: &Manifest) -> Vec<Run> {
    let holds = |theirs: &Manifest| {
        theirs.mode == Mode::Calibrate
            && theirs.id != manifest.id
            && theirs.plan_hash == manifest.plan_hash
            && theirs
                .fingerprint
                .hard_differences(&manifest.fingerprint)
                .is_empty()
    };
    let runs = runs::list(&session.root, Some(&manifest.outline.name));
    runs.unwrap_or_default()
        .into_iter()
        .take(SEARCHED)
        .filter(|entry| runs::manifest(&entry.dir).is_ok_and(|m| holds(&m)))
        .filter_map(|entry| runs::read(&entry.dir).ok())
        .filter(|run| run.state == RunState::Complete && !run.rounds.iter().any(Round::is_stopped))
        .take(KEPT)
        .collect()
}

/// Remarks on changes within the noise that the newest calibration found.
pub(super) fn remark(session: &Session, manifest: &Manifest, comparison: &mut Comparison) {
    if comparison.design == Design::Absolute || manifest.mode == Mode::Calibrate {
        return;
    }
    if let Some(run) = calibrations(session, manifest).first() {
        let (outline, at) = (&run.manifest.outline, &run.manifest.started_at);
        let calibration = judge::calibrate(outline, at, &run.rounds, &[]);
        judge::note_floor(comparison, &calibration);
    }
}
