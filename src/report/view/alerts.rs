//! What alerts did, in words.

use crate::model::{AlertEvent, AlertState, Arm, Run};
use crate::untrusted::Untrusted;

/// An alert that fired, was resolved or could not be evaluated.
#[derive(Debug, Clone)]
pub(in crate::report) struct AlertView {
    /// `round 2, 42 s`
    pub(in crate::report) when: String,
    pub(in crate::report) state: AlertState,
    pub(in crate::report) name: Untrusted,
    /// Of the expression; empty where there is none.
    pub(in crate::report) value: String,
    /// The annotation that tells most.
    pub(in crate::report) summary: Option<Untrusted>,
    pub(in crate::report) round: usize,
    pub(in crate::report) arm: Arm,
    pub(in crate::report) event: AlertEvent,
}

impl AlertView {
    /// In the order of rounds and time.
    pub(in crate::report) fn all(run: &Run) -> Vec<Self> {
        let rounds = run.rounds.iter();
        rounds
            .flat_map(|round| {
                round.alerts.iter().map(|event| Self {
                    when: match round.arm {
                        Arm::Now => format!("round {}, {}", round.index + 1, event.at),
                        Arm::Before => {
                            format!("round {} (before), {}", round.index + 1, event.at)
                        }
                    },
                    state: event.state,
                    name: Untrusted::new(event.name()),
                    value: event.value.map_or_else(String::new, short),
                    summary: event.summary().cloned(),
                    round: round.index + 1,
                    arm: round.arm,
                    event: event.clone(),
                })
            })
            .collect()
    }

    /// True for what is shown to people: not for what was only near to firing.
    pub(in crate::report) fn tells(&self) -> bool {
        !matches!(self.state, AlertState::Pending | AlertState::Lapsed)
    }
}

/// With four digits that count.
fn short(value: f64) -> String {
    const DIGITS: i32 = 4;
    if value == 0.0 {
        return "0".to_owned();
    }
    #[expect(clippy::cast_possible_truncation, reason = "a few hundred at most")]
    let magnitude = value.abs().log10().floor() as i32;
    match usize::try_from(DIGITS - 1 - magnitude) {
        Ok(places) if places <= 9 => {
            let text = format!("{value:.places$}");
            if text.contains('.') {
                text.trim_end_matches('0').trim_end_matches('.').to_owned()
            } else {
                text
            }
        }
        Ok(_) => format!("{value:.3e}"),
        Err(_) => format!("{value:.0}"),
    }
}
