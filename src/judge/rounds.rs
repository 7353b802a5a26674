//! Which rounds count for a metric: all complete ones, or only those the machine left alone.

use std::collections::BTreeMap;

use super::hygiene;
use super::question::Question;
use super::values::Reading;
use crate::model::{Design, Metric, NoiseClass, Outline, Round, Scope};

/// The complete rounds of both sides; in the paired design aligned pair by pair.
#[derive(Debug)]
pub(super) struct Rounds<'a> {
    pub(super) before: Vec<&'a Round>,
    pub(super) now: Vec<&'a Round>,
    pub(super) design: Design,
    /// Session of each of `before`; empty where there is none to allow for.
    pub(super) sessions: Vec<usize>,
}

/// The rounds a metric is judged on.
#[derive(Debug, Default)]
pub(super) struct Selection {
    /// Indices into [`Rounds`].
    pub(super) before: Vec<usize>,
    pub(super) now: Vec<usize>,
    pub(super) spoiled_before: usize,
    pub(super) spoiled_now: usize,
    /// Why the rounds left over cannot carry a verdict: `steal 31 %`.
    pub(super) noise: Option<String>,
}

impl<'a> Rounds<'a> {
    pub(super) fn of(q: &Question<'a>) -> Self {
        let complete = |side: &'a [&'a Round]| side.iter().copied().filter(|r| r.complete);
        let (before, now) = match q.design {
            Design::Absolute => (Vec::new(), complete(q.now).collect()),
            Design::Unpaired => (complete(q.before).collect(), complete(q.now).collect()),
            Design::Paired | Design::Duet => {
                let partner: BTreeMap<usize, &Round> =
                    complete(q.before).map(|r| (r.pair, r)).collect();
                complete(q.now)
                    .filter_map(|r| Some((*partner.get(&r.pair)?, r)))
                    .unzip()
            }
        };
        let sessions = match q.design {
            Design::Unpaired => {
                let before = q.before.iter().zip(q.sessions);
                before
                    .filter(|(r, _)| r.complete)
                    .map(|(_, s)| *s)
                    .collect()
            }
            Design::Absolute | Design::Paired | Design::Duet => Vec::new(),
        };
        Self {
            before,
            now,
            design: q.design,
            sessions,
        }
    }

    /// True when of some round nothing is known but its values.
    pub(super) fn are_bare(&self) -> bool {
        self.before.iter().chain(&self.now).any(|r| r.is_bare())
    }

    /// Contamination is by metric class: a busy machine spoils time and leaves work alone.
    ///
    /// Where too few clean rounds are left all are selected, to be shown and not to be judged.
    pub(super) fn select(&self, metric: Metric) -> Selection {
        let all = Selection {
            before: (0..self.before.len()).collect(),
            now: (0..self.now.len()).collect(),
            ..Selection::default()
        };
        if metric.noise_class() == NoiseClass::Resource {
            return all;
        }
        let clean = |rounds: &[&Round], other: &[&Round]| -> Vec<usize> {
            (0..rounds.len())
                .filter(|&i| {
                    rounds[i].is_clean() && (!self.design.is_paired() || other[i].is_clean())
                })
                .collect()
        };
        let (before, now) = (
            clean(&self.before, &self.now),
            clean(&self.now, &self.before),
        );
        let spoiled_before = self.before.len() - before.len();
        let spoiled_now = self.now.len() - now.len();
        let too_few = |left: usize, of: usize| 2 * left < of || (left < 2 && of >= 2);
        let noisy = too_few(now.len(), self.now.len()) || too_few(before.len(), self.before.len());
        if noisy {
            Selection {
                spoiled_before,
                spoiled_now,
                noise: hygiene::worst(self.before.iter().chain(&self.now).copied()),
                ..all
            }
        } else {
            Selection {
                before,
                now,
                spoiled_before,
                spoiled_now,
                noise: None,
            }
        }
    }
}

/// Every round of both sides read once for each scope.
#[derive(Debug, Default)]
pub(super) struct Readings(BTreeMap<Scope, (Vec<Reading>, Vec<Reading>)>);

impl Readings {
    /// Reads a scope that was not read before.
    pub(super) fn read(&mut self, scope: &Scope, rounds: &Rounds, q: &Question) {
        if !self.0.contains_key(scope) {
            let side = |side: &[&Round], outline: &Outline| {
                side.iter()
                    .map(|r| Reading::of(scope, r, outline))
                    .collect()
            };
            let before = side(&rounds.before, q.before_outline);
            let now = side(&rounds.now, q.outline);
            self.0.insert(scope.clone(), (before, now));
        }
    }

    /// The readings of (before, now); empty for a scope never read.
    pub(super) fn of(&self, scope: &Scope) -> (&[Reading], &[Reading]) {
        self.0
            .get(scope)
            .map_or((&[], &[]), |(before, now)| (before, now))
    }
}
