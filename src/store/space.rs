//! Room on the disk: a run whose record would not fit is not begun.

use std::path::Path;

use rustix::fs::statvfs;

use super::StoreError;
use super::runs::REPORTS;
use crate::model::Outline;
use crate::mutant::{self, Mutant};
use crate::units::{Bytes, Nanos};

/// Manifest, conclusion, seal, summary and page of a run, of which the largest is the page.
const RUN: u64 = 1 << 20;
/// Begin and end of a round, beside what it holds for each step of each phase.
const ROUND: u64 = 1 << 10;
const STEP_OF_ROUND: u64 = 1 << 10;
/// Sample and interval of a second, beside what an interval holds for each step. Deflated, a step
/// takes 300 to 600 bytes of an interval and two samples take as much.
const SECOND: u64 = 1 << 10;
const STEP_OF_SECOND: u64 = 512;

/// Refuses a run of so many rounds that will not fit below the project root.
///
/// # Errors
/// [`StoreError::NoSpace`]; a disk that does not say how full it is, is no reason.
pub fn check(root: &Path, outline: &Outline, rounds: usize) -> Result<(), StoreError> {
    let reports = root.join(REPORTS);
    let there = reports.ancestors().find(|folder| folder.is_dir());
    let Some(free) = statvfs(there.unwrap_or(root))
        .ok()
        .map(|disk| disk.f_bavail.saturating_mul(disk.f_frsize))
    else {
        return Ok(());
    };
    let needed = needed(outline, rounds);
    if free < needed && !mutant::is_on(Mutant::FullDiskUnforeseen) {
        return Err(StoreError::NoSpace {
            path: reports,
            needed: Bytes(needed),
            free: Bytes(free),
        });
    }
    Ok(())
}

/// Bytes that a run of so many rounds takes, about.
fn needed(outline: &Outline, rounds: usize) -> u64 {
    let steps = outline.steps.len() as u64;
    let phases = outline.phases.len() as u64;
    let seconds = outline.duration().0.div_ceil(Nanos::SECOND.0);
    let in_seconds = seconds.saturating_mul(SECOND + steps * STEP_OF_SECOND);
    let in_round = in_seconds.saturating_add(ROUND + phases * steps * STEP_OF_ROUND);
    in_round.saturating_mul(rounds as u64).saturating_add(RUN)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::PhaseOutline;

    fn outline(seconds: u64, steps: usize) -> Outline {
        Outline {
            steps: (0..steps).map(|i| format!("s{i}")).collect(),
            phases: vec![PhaseOutline {
                name: "steady".into(),
                start: Nanos::ZERO,
                duration: Nanos::from_secs(seconds),
                warm_up: false,
                load: String::new(),
                asked: None,
            }],
            ..Outline::default()
        }
    }

    #[test]
    fn what_a_run_needs_grows_with_seconds_steps_and_rounds() {
        for (seconds, steps, rounds, mib) in [
            (1, 1, 1, 1),
            (60, 4, 10, 2),
            (3600, 4, 10, 106),
            (u64::MAX / 1_000_000_000, 1000, 1_000_000, u64::MAX >> 20),
        ] {
            let found = needed(&outline(seconds, steps), rounds) >> 20;
            assert_eq!(found, mib, "{seconds} s, {steps} steps, {rounds} rounds");
        }
    }

    #[test]
    fn what_fits_is_let_through_and_what_no_disk_holds_is_refused() {
        let root = tempfile::tempdir().expect("a folder");
        check(root.path(), &outline(1, 1), 1).expect("fits");
        let far = outline(u64::MAX / 1_000_000_000, 1000);
        let error = check(root.path(), &far, 1000).expect_err("too much");
        assert_eq!(error.diagnostic().code.id, "PL0218");
    }
}
