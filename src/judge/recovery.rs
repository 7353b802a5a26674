//! How traffic came back after a fault: the steady state before, during and after it, and the time to
//! recover.
//!
//! Fed interval by interval, as [`Live`](super::Live) is. A request is *as before* when it is answered
//! within [`SLOWER`] times the 99th percentile of the steady state (a lower one where that has too few
//! requests). A second is *back* when no greater share of its requests is beyond that than before the
//! fault, [`BEYOND`] more being allowed; the traffic has recovered with the first second from which on
//! it is back for [`HOLD`]. Within the last second that is not back, the recovery is placed by the share
//! of its requests that were beyond. Warm-ups and pauses are not looked at.

use crate::model::{Estimate, FaultOutline, Impact, Interval, Latencies, Outline, Stretch};
use crate::units::Nanos;

/// How much slower than the 99th percentile before is still as before.
const SLOWER: f64 = 1.5;

/// Added to it: what a busy machine does to short times.
const SLACK: Nanos = Nanos::MILLISECOND;

/// Share of the requests of a second that may be slower or fail, beyond the share before.
const BEYOND: f64 = 0.05;

/// So long the traffic must be back.
const HOLD: Nanos = Nanos::from_secs(3);

/// Requests a second without which a second without any says nothing.
const DENSE: f64 = 5.0;

/// So many requests of a second allow for one that is beyond.
const FEW: f64 = 10.0;

/// Follows one round through its faults.
#[derive(Debug)]
pub struct Aftermath {
    measured: Vec<(Nanos, Nanos)>,
    /// Before the first fault.
    calm: Stretch,
    faults: Vec<Watched>,
}

#[derive(Debug)]
struct Watched {
    at: Nanos,
    end: Nanos,
    /// Where the next fault begins, or the load ends.
    until: Nanos,
    /// None until it begins.
    before: Option<Stretch>,
    during: Stretch,
    since_end: Stretch,
    band: Option<Band>,
    /// Up to when the traffic was not as before, as far as seen.
    disturbed_until: Nanos,
    /// Since when it is, and what was settled from then on.
    back: Option<(Nanos, Stretch)>,
    seen_until: Nanos,
    recovered: bool,
}

/// What counts as before.
#[derive(Debug, Clone, Copy)]
struct Band {
    within: Nanos,
    /// Share beyond that is allowed.
    allowed: f64,
    /// A second without requests is not as before.
    dense: bool,
}

impl Aftermath {
    pub fn new(outline: &Outline) -> Self {
        let phases = outline.phases.iter().filter(|p| !p.warm_up);
        let measured: Vec<_> = phases.map(|p| (p.start, p.start + p.duration)).collect();
        let end = measured.iter().map(|m| m.1).max().unwrap_or_default();
        let next = outline.faults.iter().skip(1).map(|f| f.at).chain([end]);
        let faults = outline.faults.iter().zip(next);
        Self {
            measured,
            calm: Stretch::default(),
            faults: faults
                .map(|(fault, until)| Watched::new(fault, until))
                .collect(),
        }
    }

    /// Takes the next interval in.
    pub fn feed(&mut self, interval: &Interval) {
        let (from, to) = (interval.start, interval.start + interval.length);
        let counts = self.measured.iter().any(|m| m.0 <= from && from < m.1);
        let Some(first) = self.faults.first() else {
            return;
        };
        if !counts {
            return;
        }
        if to <= first.at {
            self.calm.add(interval);
            return;
        }
        for i in 0..self.faults.len() {
            let (earlier, rest) = self.faults.split_at_mut(i);
            let fault = &mut rest[0];
            if to <= fault.at || from >= fault.until {
                continue;
            }
            if fault.before.is_none() {
                let before = earlier
                    .last()
                    .map_or_else(|| self.calm.clone(), Watched::steady);
                fault.begin(before);
            }
            fault.feed(interval);
        }
    }

    /// What each fault did.
    pub fn finish(self) -> Vec<Impact> {
        let faults = self.faults.into_iter().enumerate();
        faults.map(|(i, fault)| fault.finish(i)).collect()
    }
}

impl Watched {
    fn new(fault: &FaultOutline, until: Nanos) -> Self {
        Self {
            at: fault.at,
            end: fault.end(),
            until,
            before: None,
            during: Stretch::default(),
            since_end: Stretch::default(),
            band: None,
            disturbed_until: fault.end(),
            back: None,
            seen_until: fault.end(),
            recovered: false,
        }
    }

    fn begin(&mut self, before: Stretch) {
        self.band = Band::around(&before);
        self.before = Some(before);
    }

    /// What the next fault disturbs: the state after this one, or before it where it did not recover.
    fn steady(&self) -> Stretch {
        let after = self.back.as_ref().filter(|_| self.recovered);
        let after = after.map(|(_, stretch)| stretch.clone());
        after.or_else(|| self.before.clone()).unwrap_or_default()
    }

    fn feed(&mut self, interval: &Interval) {
        let (from, to) = (interval.start, interval.start + interval.length);
        if from < self.end {
            self.during.add(interval);
        } else {
            self.since_end.add(interval);
        }
        if to <= self.end {
            return;
        }
        self.seen_until = self.seen_until.max(to);
        let Some(band) = self.band else { return };
        if self.recovered {
            if let Some((_, after)) = &mut self.back {
                after.add(interval);
            }
            return;
        }
        if let Some(share) = band.disturbed(interval) {
            self.back = None;
            let part = Nanos::from_secs_f64(interval.length.as_secs_f64() * share);
            self.disturbed_until = self.disturbed_until.max(from + part);
        } else {
            let (since, after) = self.back.get_or_insert_with(|| (from, Stretch::default()));
            after.add(interval);
            self.recovered = to - *since >= HOLD;
        }
    }

    fn finish(self, fault: usize) -> Impact {
        let after = self.end;
        let recovery = match (self.band, self.recovered) {
            (None, _) => Estimate::Missing,
            (_, true) => Estimate::Exact((self.disturbed_until - after).0 as f64),
            _ if self.seen_until <= after => Estimate::Missing,
            // A calm that was too short to hold may have been the beginning of it.
            (_, false) => {
                let until = self
                    .back
                    .as_ref()
                    .map_or(self.seen_until, |(since, _)| *since);
                Estimate::AtLeast((until - after).0 as f64)
            }
        };
        let back = self.back.filter(|_| self.recovered);
        Impact {
            fault,
            before: self.before.unwrap_or_default(),
            during: self.during,
            after: back.map_or(self.since_end, |(_, stretch)| stretch),
            recovery,
        }
    }
}

impl Band {
    /// None where the state before is too short, or was not measured.
    fn around(before: &Stretch) -> Option<Self> {
        if before.length < FaultOutline::STEADY || before.latency.ok.is_empty() {
            return None;
        }
        let told = [0.99, 0.95, 0.9]
            .into_iter()
            .find_map(|q| before.latency.quantile(q).exact());
        let slowest = told.unwrap_or(before.latency.ok.max().0 as f64);
        let within = Nanos::from_secs_f64(slowest * SLOWER / 1e9) + SLACK;
        let (beyond, of) = beyond(&before.latency, within);
        Some(Self {
            within,
            allowed: beyond / of as f64 + BEYOND,
            dense: of as f64 / before.length.as_secs_f64() >= DENSE,
        })
    }

    /// The share of the requests of an interval that are not as before, where those are too many.
    fn disturbed(&self, interval: &Interval) -> Option<f64> {
        let mut latency = Latencies::default();
        for cell in &interval.cells {
            latency.merge(&cell.latency);
        }
        let (beyond, of) = beyond(&latency, self.within);
        if of == 0 {
            return self.dense.then_some(1.0);
        }
        let of = of as f64;
        let allowed = self.allowed * of;
        let allowed = if of >= FEW { allowed.max(1.0) } else { allowed };
        // A share that is read back from a count is only almost the number it stands for.
        (beyond > allowed + 1e-6).then_some(beyond / of)
    }
}

/// How many requests failed or took longer, and of how many.
fn beyond(latency: &Latencies, within: Nanos) -> (f64, u64) {
    let all = latency.population();
    let good = if latency.ok.is_empty() {
        0.0
    } else {
        latency.ok.share_up_to(within) * latency.ok.count() as f64
    };
    (all as f64 - good, all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Cell, ErrorClass, PhaseOutline};

    /// Requests of a second that were quick, slow, and failed.
    type Second = (u64, u64, u64);

    /// A second of warm-up, then `seconds` that count, with faults.
    fn outline(seconds: u64, faults: &[(u64, u64)]) -> Outline {
        let phase = |name: &str, start, seconds, warm_up| PhaseOutline {
            name: name.into(),
            start: Nanos::from_secs(start),
            duration: Nanos::from_secs(seconds),
            warm_up,
            load: String::new(),
            asked: None,
        };
        Outline {
            phases: vec![
                phase("warm-up", 0, 1, true),
                phase("steady", 1, seconds, false),
            ],
            faults: faults
                .iter()
                .map(|&(at, length)| FaultOutline {
                    at: Nanos::from_secs(at),
                    duration: Nanos::from_secs(length),
                    what: "black hole".into(),
                })
                .collect(),
            ..Outline::default()
        }
    }

    /// What a second was like: requests answered after 10 ms, after a second, and failed.
    fn second(start: u64, (quick, slow, failed): Second) -> Interval {
        let mut cell = Cell {
            phase: 1,
            ..Cell::default()
        };
        (0..quick).for_each(|_| cell.latency.ok.record(Nanos::from_millis(10)));
        (0..slow).for_each(|_| cell.latency.ok.record(Nanos::from_secs(1)));
        cell.latency.failed = failed;
        cell.tally.due = quick + slow + failed;
        cell.tally.answered = quick + slow;
        cell.tally.failures.add(ErrorClass::Reset, failed);
        Interval {
            start: Nanos::from_secs(start),
            length: Nanos::SECOND,
            cells: vec![cell],
            ..Interval::default()
        }
    }

    const GOOD: Second = (100, 0, 0);
    const SLOW: Second = (0, 100, 0);
    const FAILED: Second = (0, 0, 100);
    const NOTHING: Second = (0, 0, 0);

    fn impacts(outline: &Outline, seconds: &[Second]) -> Vec<Impact> {
        let mut aftermath = Aftermath::new(outline);
        for (start, what) in seconds.iter().enumerate() {
            aftermath.feed(&second(start as u64, *what));
        }
        aftermath.finish()
    }

    /// Four seconds before a fault of two, and what comes then.
    fn recovery(then: &[Second]) -> Estimate {
        let before = [FAILED, GOOD, GOOD, GOOD, GOOD, NOTHING, NOTHING];
        let seconds: Vec<_> = before.iter().chain(then).copied().collect();
        let found = impacts(&outline(6 + then.len() as u64, &[(5, 2)]), &seconds);
        found[0].recovery
    }

    #[test]
    fn the_time_to_recover_ends_with_the_last_request_that_is_not_as_before() {
        let s = |s: f64| Estimate::Exact(s * 1e9);
        let cases: [(&[Second], Estimate); 8] = [
            (&[GOOD, GOOD, GOOD], s(0.0)),
            (&[SLOW, SLOW, GOOD, GOOD, GOOD], s(2.0)),
            (&[FAILED, GOOD, GOOD, GOOD], s(1.0)),
            (&[NOTHING, GOOD, GOOD, GOOD], s(1.0)),
            // Half of its requests: half of the second.
            (&[SLOW, (50, 30, 20), GOOD, GOOD, GOOD], s(1.5)),
            // One in twenty more than before is still as before.
            (&[SLOW, (95, 5, 0), GOOD, GOOD], s(1.0)),
            // A relapse within three seconds belongs to it, and a later one does not.
            (&[SLOW, GOOD, GOOD, FAILED, GOOD, GOOD, GOOD], s(4.0)),
            (&[SLOW, GOOD, GOOD, GOOD, FAILED, GOOD], s(1.0)),
        ];
        for (then, expected) in cases {
            assert_eq!(recovery(then), expected, "{then:?}");
        }
    }

    #[test]
    fn what_never_came_back_is_a_lower_bound() {
        assert_eq!(recovery(&[SLOW; 6]), Estimate::AtLeast(6e9));
        // Two good seconds are too few to tell, and might have been the beginning.
        assert_eq!(recovery(&[SLOW, SLOW, GOOD, GOOD]), Estimate::AtLeast(2e9));
    }

    #[test]
    fn without_a_steady_state_there_is_nothing_to_come_back_to() {
        let short = impacts(&outline(20, &[(3, 2)]), &[GOOD; 21]);
        assert_eq!(short[0].recovery, Estimate::Missing);
        let failing = impacts(&outline(20, &[(5, 2)]), &[FAILED; 21]);
        assert_eq!(failing[0].recovery, Estimate::Missing);
    }

    #[test]
    fn before_during_and_after_are_told_apart() {
        let seconds = [
            FAILED,
            GOOD,
            GOOD,
            GOOD,
            GOOD,
            FAILED,
            (10, 0, 0),
            SLOW,
            GOOD,
            GOOD,
            GOOD,
            GOOD,
        ];
        let found = impacts(&outline(11, &[(5, 2)]), &seconds);
        let told = |s: &Stretch| (s.length, s.due, s.failed);
        assert_eq!(told(&found[0].before), (Nanos::from_secs(4), 400, 0));
        assert_eq!(told(&found[0].during), (Nanos::from_secs(2), 110, 100));
        // Not the second of the recovery itself.
        assert_eq!(told(&found[0].after), (Nanos::from_secs(4), 400, 0));
        assert_eq!(found[0].recovery, Estimate::Exact(1e9));
    }

    #[test]
    fn a_second_fault_is_held_to_the_state_between_both() {
        let slower = |n: u64| (0, n, 0);
        let mut seconds = vec![GOOD; 5];
        seconds.extend([FAILED, FAILED]);
        seconds.extend([GOOD; 4]);
        seconds.extend([FAILED, FAILED, slower(100), GOOD, GOOD, GOOD]);
        let found = impacts(&outline(16, &[(5, 2), (11, 2)]), &seconds);
        assert_eq!(found[0].recovery, Estimate::Exact(0.0));
        assert_eq!(found[1].before.length, Nanos::from_secs(4));
        assert_eq!(found[1].recovery, Estimate::Exact(1e9));
    }

    #[test]
    fn a_fault_that_begins_before_the_recovery_cuts_it_off() {
        let mut seconds = vec![GOOD; 5];
        seconds.extend([FAILED; 5]);
        seconds.extend([GOOD; 6]);
        let found = impacts(&outline(15, &[(5, 2), (8, 2)]), &seconds);
        assert_eq!(found[0].recovery, Estimate::AtLeast(1e9));
        assert_eq!(found[1].before, found[0].before);
        assert_eq!(found[1].recovery, Estimate::Exact(0.0));
    }
}
