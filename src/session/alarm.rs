//! When a critical symptom opens: decided each second from what is seen live, without looking ahead.
//!
//! Four things count: nothing is answered while requests wait, the guard opens, a critical alert fires,
//! the target's processes are gone. What a report diagnoses afterwards knows more and may say more.

use crate::model::{AlertGate, ErrorClass, Event, Interval, Sample};

/// Seconds without an answer, where there were answers before.
const SILENCE: u32 = 3;

/// Seconds without an answer, where there never was one.
const NEVER: u32 = 10;

/// Samples in a row that find nobody.
const GONE: u32 = 2;

/// Watches one round.
#[derive(Debug, Default)]
pub(super) struct Alarm {
    silent: u32,
    answered_before: bool,
    gone: u32,
    seen: bool,
}

impl Alarm {
    /// Takes a second in with what was made of it, and says what opened in it.
    pub(super) fn second(
        &mut self,
        interval: &Interval,
        samples: &[Sample],
        events: &[Event],
    ) -> Option<String> {
        // All of them are fed, whichever speaks first.
        let silence = self.silence(interval);
        let absence = samples.iter().filter_map(|s| self.absence(s)).last();
        let opened = events.iter().find_map(opened);
        opened.or(absence).or(silence)
    }

    fn silence(&mut self, interval: &Interval) -> Option<String> {
        let (mut answers, mut waiting) = (0, interval.in_flight);
        for cell in &interval.cells {
            let tally = &cell.tally;
            let failures = &tally.failures;
            let no_answer = failures.0.keys().filter(|class| !is_answer(**class));
            let no_answer: u64 = no_answer.map(|class| failures.count(*class)).sum();
            answers += tally.answered + failures.total() - no_answer;
            let withheld = failures.count(ErrorClass::Withheld);
            waiting += tally.due.saturating_sub(withheld);
        }
        self.answered_before |= answers > 0;
        self.silent = if answers == 0 && waiting > 0 {
            self.silent + 1
        } else {
            0
        };
        let patience = if self.answered_before { SILENCE } else { NEVER };
        (self.silent >= patience).then(|| {
            let seconds = self.silent;
            format!("nothing was answered for {seconds} s while requests waited")
        })
    }

    fn absence(&mut self, sample: &Sample) -> Option<String> {
        self.seen |= sample.target.is_some();
        self.gone = match sample.target {
            None if self.seen => self.gone + 1,
            _ => 0,
        };
        (self.gone >= GONE).then(|| "the target's processes are gone".to_owned())
    }
}

/// True for a failure that came as an answer.
const fn is_answer(class: ErrorClass) -> bool {
    matches!(
        class,
        ErrorClass::Status429
            | ErrorClass::Status4xx
            | ErrorClass::Status5xx
            | ErrorClass::StatusOther
            | ErrorClass::ExpectFailed
            | ErrorClass::CaptureFailed
            | ErrorClass::Redirect
    )
}

fn opened(event: &Event) -> Option<String> {
    match event {
        Event::Guard(change) if change.state.is_opening() => Some(change.to_string()),
        Event::Alert(event) if AlertGate::Critical.covers(event) => {
            let summary = event
                .summary()
                .map_or_else(String::new, |s| format!(": {}", s.raw()));
            Some(format!("alert {} fired{summary}", event.name()))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{AlertEvent, AlertState, Cell, GuardChange, GuardState, TargetSample};
    use crate::units::Nanos;

    fn second(answered: u64, in_flight: u64, failed: &[(ErrorClass, u64)]) -> Interval {
        let mut cell = Cell::default();
        cell.tally.answered = answered;
        cell.tally.due = answered;
        for (class, n) in failed {
            cell.tally.failures.add(*class, *n);
            cell.tally.due += n;
        }
        Interval {
            cells: vec![cell],
            in_flight,
            ..Interval::default()
        }
    }

    /// The second, from 1, in which it speaks.
    fn speaks(seconds: &[Interval]) -> Option<usize> {
        let mut alarm = Alarm::default();
        let spoken = seconds
            .iter()
            .position(|s| alarm.second(s, &[], &[]).is_some());
        spoken.map(|at| at + 1)
    }

    #[test]
    fn silence_while_requests_wait_is_critical() {
        let good = second(100, 3, &[]);
        let silent = second(0, 50, &[]);
        let given_up = second(0, 50, &[(ErrorClass::TimeoutTotal, 10)]);
        let refused = second(0, 0, &[(ErrorClass::Refused, 100)]);
        let sick = second(0, 5, &[(ErrorClass::Status5xx, 100)]);
        let withheld = second(0, 0, &[(ErrorClass::Withheld, 100)]);
        let idle = second(0, 0, &[]);
        let after = |then: &Interval, n: usize| {
            let mut all = vec![good.clone()];
            all.extend(vec![then.clone(); n]);
            speaks(&all)
        };
        assert_eq!(after(&silent, 2), None);
        assert_eq!(after(&silent, 3), Some(4));
        assert_eq!(after(&given_up, 3), Some(4));
        assert_eq!(after(&refused, 3), Some(4));
        for fine in [&good, &sick, &withheld, &idle] {
            assert_eq!(after(fine, 30), None);
        }
        assert_eq!(
            speaks(&vec![silent.clone(); 9]),
            None,
            "it may be slow to begin"
        );
        assert_eq!(speaks(&vec![silent; 10]), Some(10));
    }

    #[test]
    fn a_target_that_was_there_and_is_gone_is_critical() {
        let sample = |there: bool| Sample {
            target: there.then(TargetSample::default),
            ..Sample::default()
        };
        let quiet = second(1, 0, &[]);
        let spoken = |samples: &[bool]| {
            let samples: Vec<Sample> = samples.iter().map(|there| sample(*there)).collect();
            Alarm::default().second(&quiet, &samples, &[])
        };
        assert_eq!(spoken(&[true, false]), None);
        assert_eq!(spoken(&[false, false, false]), None, "it is not known");
        let why = spoken(&[true, false, false]).expect("gone");
        assert_eq!(why, "the target's processes are gone");
    }

    #[test]
    fn the_guard_and_critical_alerts_speak_for_themselves() {
        let quiet = second(1, 0, &[]);
        let change = |state| {
            Event::Guard(GuardChange {
                at: Nanos::SECOND,
                state,
                failed: 0,
                settled: 0,
                within: Nanos::ZERO,
            })
        };
        let alert = |severity: &str, state| {
            Event::Alert(Box::new(AlertEvent {
                at: Nanos::SECOND,
                alert: "Full".to_owned(),
                state,
                labels: [("severity".to_owned(), severity.to_owned())].into(),
                value: None,
                annotations: [("summary".to_owned(), "no room".into())].into(),
            }))
        };
        let spoken = |event| Alarm::default().second(&quiet, &[], &[event]);
        let why = spoken(change(GuardState::Open)).expect("critical");
        assert_eq!(why, "the guard opened after 1 s");
        let why = spoken(alert("critical", AlertState::Firing)).expect("critical");
        assert_eq!(why, "alert Full (critical) fired: no room");
        for other in [
            change(GuardState::Closed),
            alert("warning", AlertState::Firing),
            alert("critical", AlertState::Pending),
        ] {
            assert_eq!(spoken(other), None);
        }
    }
}
