//! What faults did, in words: the steady state before, during and after each, and the time to recover.

use crate::model::{Estimate, FaultOutline, Impact, Outline, Round, Stretch};
use crate::report::words;
use crate::units::Unit;
use crate::untrusted::Untrusted;

/// One fault over all rounds that count.
#[derive(Debug, Clone)]
pub(in crate::report) struct FaultView {
    pub(in crate::report) outline: FaultOutline,
    /// `black hole, at 20 s for 5 s`
    pub(in crate::report) title: Untrusted,
    /// Before, during, after.
    pub(in crate::report) states: [(&'static str, Stretch); 3],
    /// Of each round.
    pub(in crate::report) recoveries: Vec<Estimate>,
}

/// Heads of the cells of a state.
pub(in crate::report) const STATE_COLUMNS: [&str; 6] =
    ["fault", "state", "p50", "p99", "errors", "answered"];

impl FaultView {
    pub(super) fn all(outline: &Outline, rounds: &[&Round]) -> Vec<Self> {
        let faults = outline.faults.iter().enumerate();
        faults
            .filter_map(|(i, fault)| {
                let impacts = rounds.iter().flat_map(|r| &r.impacts);
                let impacts: Vec<&Impact> = impacts.filter(|impact| impact.fault == i).collect();
                (!impacts.is_empty()).then(|| Self::new(fault, &impacts))
            })
            .collect()
    }

    fn new(fault: &FaultOutline, impacts: &[&Impact]) -> Self {
        let merged = |of: fn(&Impact) -> &Stretch| {
            impacts.iter().fold(Stretch::default(), |mut sum, impact| {
                sum.merge(of(impact));
                sum
            })
        };
        let title = format!("{}, at {} for {}", fault.what, fault.at, fault.duration);
        Self {
            outline: fault.clone(),
            title: Untrusted::new(title),
            states: [
                ("before", merged(|i| &i.before)),
                ("during", merged(|i| &i.during)),
                ("after", merged(|i| &i.after)),
            ],
            recoveries: impacts.iter().map(|i| i.recovery).collect(),
        }
    }

    /// `time to recover 4.9 s`; of several rounds each.
    pub(in crate::report) fn recovery(&self) -> String {
        let known = self.recoveries.iter().any(|r| *r != Estimate::Missing);
        if !known {
            return "time to recover not known: no steady state before it".to_owned();
        }
        const MOST: usize = 8;
        let each = self.recoveries.iter().take(MOST);
        let mut each: Vec<String> = each.map(|r| words::estimate(*r, Unit::Time)).collect();
        if self.recoveries.len() > MOST {
            each.push("…".to_owned());
        }
        let never = self
            .recoveries
            .iter()
            .any(|r| matches!(r, Estimate::AtLeast(_)));
        let never = if never { ": not back by the end" } else { "" };
        format!("time to recover {}{never}", each.join(", "))
    }

    /// The cells of its states, as [`STATE_COLUMNS`] says.
    pub(in crate::report) fn rows(&self) -> Vec<Vec<String>> {
        let states = self.states.iter().enumerate();
        states
            .map(|(i, (name, stretch))| {
                let fault = if i == 0 {
                    self.title.terminal()
                } else {
                    String::new()
                };
                let told = |value: Option<f64>, unit: Unit| {
                    value.map_or_else(|| "–".to_owned(), |v| unit.format(v))
                };
                let time = |q| words::short_estimate(stretch.latency.quantile(q), Unit::Time);
                vec![
                    fault,
                    (*name).to_owned(),
                    time(0.5),
                    time(0.99),
                    told(stretch.error_rate(), Unit::Share),
                    told(stretch.throughput(), Unit::PerSecond),
                ]
            })
            .collect()
    }
}
