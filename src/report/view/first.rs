//! Where each kind of failure was seen first.

use std::collections::BTreeMap;

use crate::model::{ErrorClass, Run};
use crate::units::Nanos;
use crate::untrusted::Untrusted;

/// The first failure of a class, to the second in which it became known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::report) struct First {
    /// From 1.
    round: usize,
    second: u64,
    step: Untrusted,
    phase: Untrusted,
}

impl First {
    /// `round 1, second 12: pay in steady`
    pub(in crate::report) fn place(&self) -> Untrusted {
        let Self {
            round,
            second,
            step,
            phase,
        } = self;
        let (step, phase) = (step.raw(), phase.raw());
        Untrusted::new(format!("round {round}, second {second}: {step} in {phase}"))
    }
}

/// By class, of the measured phases of those rounds.
pub(super) fn firsts(run: &Run, rounds: &[usize]) -> BTreeMap<ErrorClass, First> {
    let outline = &run.manifest.outline;
    let name = |of: Option<&String>| Untrusted::new(of.map_or("", String::as_str));
    let mut firsts = BTreeMap::new();
    for interval in run.intervals.iter().filter(|i| rounds.contains(&i.round)) {
        for cell in &interval.cells {
            let phase = outline.phases.get(cell.phase).filter(|p| !p.warm_up);
            for class in cell.tally.failures.0.keys().filter(|_| phase.is_some()) {
                firsts.entry(*class).or_insert_with(|| First {
                    round: interval.round + 1,
                    second: interval.start.0 / Nanos::SECOND.0 + 1,
                    step: name(outline.steps.get(cell.step)),
                    phase: name(phase.map(|p| &p.name)),
                });
            }
        }
    }
    firsts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    #[test]
    fn a_failure_in_the_warm_up_is_none_of_a_measured_phase() {
        let mut run = fixture::plain_run();
        let warm_up = run.intervals.iter_mut().find(|i| i.start == Nanos::ZERO);
        let cell = &mut warm_up.expect("an interval").cells[1];
        cell.tally.failures.add(ErrorClass::Reset, 1);
        let later = run
            .intervals
            .iter_mut()
            .find(|i| i.start == Nanos::from_secs(12));
        let cell = &mut later.expect("an interval").cells[1];
        cell.tally.failures.add(ErrorClass::Refused, 1);
        let firsts = firsts(&run, &[0]);
        let place = |class| {
            firsts
                .get(&class)
                .map(|f: &First| f.place().raw().to_owned())
        };
        assert_eq!(place(ErrorClass::Reset), None);
        assert_eq!(
            place(ErrorClass::Refused).as_deref(),
            Some("round 1, second 13: pay in steady")
        );
        assert!(super::firsts(&run, &[1]).is_empty(), "of another round");
    }
}
