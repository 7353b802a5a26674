//! Which rounds stand for each side of a run.

use crate::model::{Arm, Baseline, Design, Interval, Mode, Round, Run, Scope};

use super::Summary;
use super::capacity::shown_rate;
use super::summary::seconds_until;

/// The rounds that stand for each side.
pub(super) struct Sides<'a> {
    pub(super) before: Vec<&'a Round>,
    pub(super) now: Vec<&'a Round>,
    pub(super) before_is_measured_now: bool,
    /// The session of each round before, where they are stored.
    pub(super) sessions: Vec<usize>,
    /// How both sides were judged.
    pub(super) design: Option<Design>,
}

impl<'a> Sides<'a> {
    pub(super) fn of(run: &'a Run, baseline: Option<&'a Baseline>) -> Self {
        let interleaved: Vec<_> = run.arm(Arm::Before).collect();
        let before_is_measured_now = !interleaved.is_empty();
        let (before, sessions) = if before_is_measured_now {
            (interleaved, Vec::new())
        } else {
            baseline.map(stored).unwrap_or_default()
        };
        let mut now: Vec<_> = run.arm(Arm::Now).collect();
        if now.is_empty() {
            now = run.rounds.iter().filter(|r| r.arm == Arm::Now).collect();
        }
        let shown = shown_rate(run);
        if let Some(rate) = shown {
            now.retain(|r| r.level.is_some_and(|l| (l - rate).abs() <= 1e-9 * rate));
        }
        Self {
            before,
            now,
            before_is_measured_now,
            sessions,
            design: run.comparison.as_ref().map(|c| c.design),
        }
    }

    pub(super) fn has_before(&self) -> bool {
        !self.before.is_empty()
    }

    /// Where no round was finished, the intervals are all there is.
    pub(super) fn now_summary(&self, run: &Run, scope: &Scope) -> Summary {
        let outline = &run.manifest.outline;
        if !self.now.is_empty() || run.manifest.mode == Mode::Interleaved {
            let mut summary = Summary::new(&self.now, outline, scope);
            if self.now.iter().any(|r| !r.complete) {
                // A round that was cut short lasted as long as it lasted, not as long as planned.
                let lasted = self.now.iter().map(|r| {
                    let until = if r.complete {
                        f64::INFINITY
                    } else {
                        end(run.intervals.iter().filter(|i| i.round == r.index))
                    };
                    seconds_until(outline, scope, until)
                });
                summary.seconds = lasted.sum();
            }
            return summary;
        }
        let lasted = seconds_until(outline, scope, end(run.intervals.iter()));
        let cells = run.intervals.iter().flat_map(|i| &i.cells);
        Summary::of_cells(cells, lasted, outline, scope)
    }

    pub(super) fn now_indices(&self, run: &Run) -> Vec<usize> {
        if self.now.is_empty() {
            return self.all_indices(run);
        }
        timed(&self.now).iter().map(|r| r.index).collect()
    }

    /// Spoiled rounds among them.
    pub(super) fn all_indices(&self, run: &Run) -> Vec<usize> {
        if !self.now.is_empty() {
            return self.now.iter().map(|r| r.index).collect();
        }
        let mut rounds: Vec<_> = run.intervals.iter().map(|i| i.round).collect();
        rounds.dedup();
        rounds
    }
}

/// The clean rounds, or all when none is.
pub(super) fn timed<'a>(rounds: &[&'a Round]) -> Vec<&'a Round> {
    let clean: Vec<_> = rounds.iter().copied().filter(|r| r.is_clean()).collect();
    if clean.is_empty() {
        rounds.to_vec()
    } else {
        clean
    }
}

/// The rounds of a baseline with their sessions. Levels of an earlier search were other rates: only the
/// knees compare.
fn stored(baseline: &Baseline) -> (Vec<&Round>, Vec<usize>) {
    let rounds = baseline.rounds().zip(baseline.session_of_rounds());
    rounds
        .filter(|(r, _)| r.complete && r.level.is_none())
        .unzip()
}

/// When the last of some intervals of one round ended, in seconds from the round's beginning.
fn end<'i>(intervals: impl Iterator<Item = &'i Interval>) -> f64 {
    intervals
        .map(|i| (i.start + i.length).as_secs_f64())
        .fold(0.0, f64::max)
}
