//! What a search for capacity found, in words.

use crate::model::{Capacity, Knee, Level, LevelVerdict, Run};
use crate::report::words;
use crate::units::Unit;

/// The levels and the knee.
#[derive(Debug, Clone)]
pub(in crate::report) struct CapacityView {
    pub(in crate::report) found: Capacity,
    /// `404/s (95 % interval 396/s to 409/s)`
    pub(in crate::report) knee: String,
    /// What a level had to keep: `latency.p95 under 60 ms`.
    pub(in crate::report) limit: String,
    /// The scalability law in a sentence, or why there is none.
    pub(in crate::report) law: String,
    /// Which level all other numbers are of; None when no level can stand for the run.
    pub(in crate::report) shown: Option<String>,
}

/// Columns of the levels; the value is that of the limited metric.
pub(in crate::report) const LEVEL_COLUMNS: [&str; 7] = [
    "rate",
    "rounds",
    "value",
    "kept up",
    "answered",
    "in flight",
    "verdict",
];

impl CapacityView {
    pub(super) fn new(run: &Run) -> Option<Self> {
        let found = run.comparison.as_ref()?.capacity.as_deref()?;
        Some(Self {
            knee: found.knee.to_string(),
            limit: format!(
                "{} under {}",
                found.metric,
                found.metric.unit().format(found.under)
            ),
            law: law(found),
            shown: shown_rate(run).map(|rate| {
                let held = found.highest_held().is_some();
                format!(
                    "all other numbers are those at {}, {}",
                    Unit::PerSecond.format(rate),
                    if held {
                        "the highest level that held"
                    } else {
                        "the first level"
                    }
                )
            }),
            found: found.clone(),
        })
    }

    /// The levels, ascending by rate.
    pub(in crate::report) fn rows(&self) -> Vec<Vec<String>> {
        self.found.levels.iter().map(|l| self.row(l)).collect()
    }

    fn row(&self, level: &Level) -> Vec<String> {
        let share = |s: f64| Unit::Share.format(s.clamp(0.0, 1.0));
        let unknown = || "–".to_owned();
        vec![
            Unit::PerSecond.format(level.rate),
            level.rounds.len().to_string(),
            words::short_estimate(level.value, self.found.metric.unit()),
            level.answered.map_or_else(unknown, share),
            Unit::PerSecond.format(level.throughput),
            level
                .concurrency
                .map_or_else(unknown, |n| Unit::Count.format(n)),
            format!("{} {}", level.verdict.sign(), level.verdict),
        ]
    }

    /// The finding in a sentence, as the caption of a drawing.
    pub(in crate::report) fn finding(&self) -> String {
        match &self.found.knee {
            Knee::Found(_) => format!("Half of the rounds hold at {}.", self.knee),
            _ => format!("Capacity is {}.", self.knee),
        }
    }
}

/// The rate of the level that stands for the whole search: the highest that held. Rounds of other
/// levels are another population. None of a run that is no search.
pub(super) fn shown_rate(run: &Run) -> Option<f64> {
    let capacity = run.comparison.as_ref().and_then(|c| c.capacity.as_deref());
    match capacity {
        Some(found) => found
            .highest_held()
            .or(found.levels.first())
            .map(|l| l.rate),
        // It came to no end: the level it had reached.
        None => run.rounds.iter().rev().find_map(|r| r.level),
    }
}

fn law(found: &Capacity) -> String {
    let Some(law) = &found.law else {
        return "not identifiable from these levels".to_owned();
    };
    let peak = match law.peak {
        Some((n, x)) => format!(
            "predicted peak {} with {} in flight",
            Unit::PerSecond.format(x),
            Unit::Count.format(n)
        ),
        None => "throughput levels off and has no peak in reach".to_owned(),
    };
    let judged = found
        .levels
        .iter()
        .filter(|l| matches!(l.verdict, LevelVerdict::Holds | LevelVerdict::Fails));
    format!(
        "contention σ {}, coherency κ {}, {peak} (R² {:.3} over {})",
        small(law.sigma),
        small(law.kappa),
        law.r_squared,
        words::plural(judged.count(), "level")
    )
}

/// A coefficient with two digits that count.
fn small(v: f64) -> String {
    if v == 0.0 || !v.is_finite() {
        "0".to_owned()
    } else if v >= 0.001 {
        format!("{v:.4}")
    } else {
        format!("{v:.1e}")
    }
}
