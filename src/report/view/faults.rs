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
        const MOST: usize = 8;
        let known = self.recoveries.iter().any(|r| *r != Estimate::Missing);
        if !known {
            return "time to recover not known: no steady state before it".to_owned();
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Arm, Run};
    use crate::report::{TextStyle, View, fixture, html, json, markdown, text};
    use crate::units::Nanos;

    fn stretch(seconds: u64, ms: u64, failed: u64) -> Stretch {
        let mut stretch = Stretch {
            length: Nanos::from_secs(seconds),
            due: 1000 * seconds,
            answered: 1000 * seconds - failed,
            failed,
            ..Stretch::default()
        };
        let latency = &mut stretch.latency;
        (0..stretch.answered).for_each(|_| latency.ok.record(Nanos::from_millis(ms)));
        latency.failed = failed;
        stretch
    }

    /// Rounds with a fault, of which the last has not recovered.
    fn run() -> Run {
        let mut run = fixture::run();
        run.manifest.outline.faults = vec![FaultOutline {
            at: Nanos::from_secs(20),
            duration: Nanos::from_secs(5),
            what: "200 ms latency".to_owned(),
        }];
        let last = run.rounds.len() - 1;
        for (i, round) in run.rounds.iter_mut().enumerate() {
            round.impacts = vec![Impact {
                fault: 0,
                before: stretch(10, 8, 0),
                during: stretch(5, 208, 50),
                after: stretch(20, 8, 0),
                recovery: if i >= last - 1 {
                    Estimate::AtLeast(12e9)
                } else {
                    Estimate::Exact(1.5e9)
                },
            }];
        }
        run
    }

    #[test]
    fn rounds_are_merged_and_their_times_to_recover_are_told_one_by_one() {
        let run = run();
        let rounds: Vec<&Round> = run.arm(Arm::Now).take(2).collect();
        let views = FaultView::all(&run.manifest.outline, &rounds);
        let rows: Vec<String> = views[0].rows().iter().map(|r| r.join(" | ")).collect();
        insta::assert_snapshot!(rows.join("\n"), @r"
        200 ms latency, at 20 s for 5 s | before | 8 ms | 8 ms | 0 % | 1000/s
         | during | 208 ms | 208 ms | 1 % | 990/s
         | after | 8 ms | 8 ms | 0 % | 1000/s
        ");
        assert_eq!(views[0].recovery(), "time to recover 1.5 s, 1.5 s");
        let all: Vec<&Round> = run.arm(Arm::Now).collect();
        let all = FaultView::all(&run.manifest.outline, &all);
        assert!(all[0].recovery().ends_with("≥ 12 s: not back by the end"));
        assert!(FaultView::all(&run.manifest.outline, &[]).is_empty());
    }

    #[test]
    fn every_format_compares_the_states_and_marks_the_time() {
        let view = View::new(&run(), None);
        for page in [
            text(&view, TextStyle::default()),
            markdown(&view),
            html(&view),
        ] {
            assert!(page.contains("200 ms latency, at 20 s for 5 s"), "{page}");
            assert!(page.contains("time to recover"), "{page}");
        }
        assert!(
            html(&view).contains("fault of the scenario"),
            "in the key of charts"
        );
        let machine: serde_json::Value = serde_json::from_str(&json(&view)).expect("JSON");
        let fault = &machine["faults"][0];
        assert_eq!(fault["during"]["errors.rate"], 0.01);
        assert_eq!(fault["recovery"][0]["kind"], "exact");
        assert_eq!(fault["at"], 20_000_000_000_u64);
        // Without faults nothing is said of them.
        let plain = View::new(&fixture::run(), None);
        assert!(!html(&plain).contains("id=\"faults\""));
    }
}
