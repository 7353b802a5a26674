//! Suspects the generator while a round runs: the rule of hygiene, asked second by second.
//!
//! What disturbs a second is told at its end, long before the round is summed up, and is kept in the
//! round: five bad seconds do not vanish in ten good minutes.

use super::hygiene::contamination;
use crate::model::{Disturbance, Trust};
use crate::units::Nanos;

/// What was suspected in one round so far.
#[derive(Debug, Clone, Default)]
pub struct Suspicion {
    idle_cpu_pressure: Option<f64>,
    seen: Vec<Disturbance>,
}

impl Suspicion {
    /// Begins a round on a machine whose CPU pressure was that before the load.
    pub fn new(idle_cpu_pressure: Option<f64>) -> Self {
        Self {
            idle_cpu_pressure,
            seen: Vec::new(),
        }
    }

    /// Takes in what a second that ended at `at` says of the generator; returns what was not seen before.
    pub fn second(&mut self, at: Nanos, trust: &Trust) -> Vec<Disturbance> {
        let trust = Trust {
            idle_cpu_pressure: self.idle_cpu_pressure,
            ..*trust
        };
        let mut new = Vec::new();
        for found in contamination(&trust) {
            if let Some(known) = self.seen.iter_mut().find(|d| d.worst.by == found.by) {
                known.seconds += 1;
                if found.value > known.worst.value {
                    known.worst = found;
                }
            } else {
                let disturbance = Disturbance {
                    worst: found,
                    first: at,
                    seconds: 1,
                };
                self.seen.push(disturbance);
                new.push(disturbance);
            }
        }
        new
    }

    /// All that was seen, in the order first seen.
    pub fn finish(self) -> Vec<Disturbance> {
        self.seen
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Contaminant;

    #[test]
    fn each_kind_is_told_once_and_kept_with_its_worst() {
        let still = |ms| Trust {
            standstill: Nanos::from_millis(ms),
            ..Trust::default()
        };
        let mut suspicion = Suspicion::new(None);
        let at = Nanos::from_secs;
        assert!(suspicion.second(at(1), &still(99)).is_empty());
        let told = suspicion.second(at(2), &still(150));
        assert_eq!(told.len(), 1);
        assert_eq!(told[0].worst.by, Contaminant::Standstill);
        assert!(suspicion.second(at(3), &still(400)).is_empty());
        let seen = suspicion.finish();
        insta::assert_snapshot!(seen[0], @"standstill 400 ms, from 2 s on in 2 seconds");
    }

    #[test]
    fn pressure_counts_from_what_the_machine_had_before() {
        let pressure = |share| Trust {
            cpu_pressure: Some(share),
            ..Trust::default()
        };
        let mut suspicion = Suspicion::new(Some(0.3));
        assert!(suspicion.second(Nanos::SECOND, &pressure(0.45)).is_empty());
        assert_eq!(suspicion.second(Nanos::SECOND, &pressure(0.55)).len(), 1);
    }
}
