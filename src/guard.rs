//! The guard: a circuit breaker on the load, so that a target that fails is not beaten on.
//!
//! Pure: it is fed intervals and says what is to be let through from then on. Failures are counted
//! among settled requests, those answered or given up; what the guard itself withheld is neither.
//! Closed, it opens when too many fail; open, it rests; then it probes with a trickle, and closes or
//! opens again by what became of the probes (Nygard 2007, "circuit breaker"). One that slows down
//! instead halves what is let through at each opening, for the rest of the round.

use std::collections::VecDeque;

use crate::model::{ErrorClass, GuardChange, GuardState, Interval};
use crate::scenario::plan::{Guard, GuardAction};
use crate::units::Nanos;

/// Settled requests without which nothing is concluded.
const LEAST_SETTLED: u64 = 20;

/// Probes without which nothing is concluded.
const LEAST_PROBES: u64 = 5;

/// How long it probes at least.
const PROBING: Nanos = Nanos::from_secs(3);

/// Probes a second, about.
const PROBES_PER_SECOND: f64 = 10.0;

/// What became of the requests of some stretch of time.
#[derive(Debug, Clone, Copy, Default)]
struct Fates {
    due: u64,
    settled: u64,
    failed: u64,
    length: Nanos,
    /// End of the stretch.
    end: Nanos,
}

impl Fates {
    fn of(interval: &Interval) -> Self {
        let mut fates = Self {
            length: interval.length,
            end: interval.start + interval.length,
            ..Self::default()
        };
        for cell in &interval.cells {
            let failures = &cell.tally.failures;
            let failed = failures.total() - failures.count(ErrorClass::Withheld);
            fates.due += cell.tally.due;
            fates.failed += failed;
            fates.settled += cell.tally.answered + failed;
        }
        fates
    }

    fn add(self, other: Self) -> Self {
        Self {
            due: self.due + other.due,
            settled: self.settled + other.settled,
            failed: self.failed + other.failed,
            length: self.length + other.length,
            end: self.end.max(other.end),
        }
    }

    fn share(self) -> f64 {
        self.failed as f64 / self.settled.max(1) as f64
    }
}

/// Watches one run.
#[derive(Debug, Clone)]
pub struct Breaker {
    guard: Guard,
    state: GuardState,
    /// When the present state began.
    since: Nanos,
    /// Since then, and no longer ago than the guard looks back.
    recent: VecDeque<Fates>,
    /// Arrivals a second before the first opening of the round.
    usual: f64,
    /// Over the whole run.
    openings: u32,
}

impl Breaker {
    pub fn new(guard: Guard) -> Self {
        Self {
            guard,
            state: GuardState::Closed,
            since: Nanos::ZERO,
            recent: VecDeque::new(),
            usual: 0.0,
            openings: 0,
        }
    }

    /// A new round begins, with everything let through; earlier openings still count.
    pub fn begin_round(&mut self) {
        *self = Self {
            openings: self.openings,
            ..Self::new(self.guard)
        };
    }

    /// Takes the next interval in, and says so when it changes what is let through.
    pub fn feed(&mut self, interval: &Interval) -> Option<GuardChange> {
        let now = Fates::of(interval);
        self.recent.push_back(now);
        let state = match self.state {
            GuardState::Closed | GuardState::Slowed(_) => {
                let within = self.guard.within;
                while self
                    .recent
                    .front()
                    .is_some_and(|f| f.end + within <= now.end)
                {
                    self.recent.pop_front();
                }
                let seen = self.seen();
                // What was under way before the load was slowed down still fails for a while.
                let slowed = matches!(self.state, GuardState::Slowed(_));
                let early = slowed && now.end < self.since + within;
                let fails = !early && seen.settled >= LEAST_SETTLED && self.is_over(seen);
                if self.state == GuardState::Closed {
                    self.usual = seen.due as f64 / seen.length.as_secs_f64().max(1e-3);
                }
                fails.then(|| self.open())?
            }
            GuardState::Open => {
                let rested = now.end >= self.since + self.guard.rest;
                rested.then(|| GuardState::Probing(self.trickle()))?
            }
            GuardState::Probing(_) => {
                let seen = self.seen();
                if now.end < self.since + PROBING || seen.settled < LEAST_PROBES {
                    return None;
                }
                if self.is_over(seen) {
                    self.open()
                } else {
                    GuardState::Closed
                }
            }
            GuardState::Ended => return None,
        };
        let seen = if state.is_opening() {
            self.seen()
        } else {
            Fates::default()
        };
        self.state = state;
        self.since = now.end;
        self.recent.clear();
        Some(GuardChange {
            at: now.end,
            state,
            failed: seen.failed,
            settled: seen.settled,
            within: seen.length,
        })
    }

    fn seen(&self) -> Fates {
        self.recent
            .iter()
            .fold(Fates::default(), |sum, f| sum.add(*f))
    }

    fn is_over(&self, seen: Fates) -> bool {
        seen.share() > self.guard.errors_over
    }

    fn open(&mut self) -> GuardState {
        self.openings += 1;
        if self.openings >= self.guard.openings {
            return GuardState::Ended;
        }
        match (self.guard.action, self.state) {
            (GuardAction::Stop, _) => GuardState::Open,
            (GuardAction::SlowDown, GuardState::Slowed(every)) => {
                GuardState::Slowed(every.saturating_mul(2))
            }
            (GuardAction::SlowDown, _) => GuardState::Slowed(2),
        }
    }

    /// Every how many-th arrival makes about [`PROBES_PER_SECOND`].
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped to what a u32 holds"
    )]
    fn trickle(&self) -> u32 {
        (self.usual / PROBES_PER_SECOND)
            .ceil()
            .clamp(1.0, f64::from(u32::MAX)) as u32
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;
    use crate::model::Cell;

    const GUARD: Guard = Guard {
        errors_over: 0.5,
        within: Nanos::from_secs(4),
        action: GuardAction::Stop,
        rest: Nanos::from_secs(5),
        openings: 3,
    };

    /// A second in which so many were answered and so many failed; while withheld, the rest of 100.
    fn second(start: u64, answered: u64, failed: u64, withheld: u64) -> Interval {
        let mut cell = Cell::default();
        cell.tally.due = answered + failed + withheld;
        cell.tally.answered = answered;
        cell.tally.failures.add(ErrorClass::Status5xx, failed);
        cell.tally.failures.add(ErrorClass::Withheld, withheld);
        Interval {
            start: Nanos::from_secs(start),
            length: Nanos::SECOND,
            cells: vec![cell],
            ..Interval::default()
        }
    }

    /// Feeds seconds of (answered, failed, withheld) and lists the changes.
    fn changes(breaker: &mut Breaker, seconds: &[(u64, u64, u64)]) -> String {
        let mut text = String::new();
        for (start, &(answered, failed, withheld)) in (0..).zip(seconds) {
            if let Some(c) = breaker.feed(&second(start, answered, failed, withheld)) {
                let _ = writeln!(text, "{}: {:?} {}/{}", c.at, c.state, c.failed, c.settled);
            }
        }
        text
    }

    fn repeated(n: usize, second: (u64, u64, u64)) -> Vec<(u64, u64, u64)> {
        vec![second; n]
    }

    #[test]
    fn it_opens_rests_probes_and_closes_on_a_target_that_recovers() {
        let mut breaker = Breaker::new(GUARD);
        let seconds = [
            repeated(3, (100, 0, 0)),
            repeated(3, (0, 100, 0)),
            repeated(5, (0, 0, 100)),
            repeated(3, (10, 0, 90)),
            repeated(5, (100, 0, 0)),
        ];
        // Of the last four seconds three failed: 300 of 400.
        insta::assert_snapshot!(changes(&mut breaker, &seconds.concat()), @r"
        6 s: Open 300/400
        11 s: Probing(10) 0/0
        14 s: Closed 0/0
        ");
    }

    #[test]
    fn it_opens_again_while_probes_fail_and_ends_the_run_at_last() {
        let mut breaker = Breaker::new(GUARD);
        let seconds = [
            repeated(1, (0, 100, 0)),
            repeated(5, (0, 0, 100)),
            repeated(3, (4, 6, 90)),
            repeated(5, (0, 0, 100)),
            repeated(3, (0, 10, 90)),
            repeated(5, (100, 0, 0)),
        ];
        insta::assert_snapshot!(changes(&mut breaker, &seconds.concat()), @r"
        1 s: Open 100/100
        6 s: Probing(10) 0/0
        9 s: Open 18/30
        14 s: Probing(10) 0/0
        17 s: Ended 30/30
        ");
    }

    #[test]
    fn one_that_slows_down_halves_the_load_each_time_and_never_speeds_up() {
        let mut breaker = Breaker::new(Guard {
            action: GuardAction::SlowDown,
            ..GUARD
        });
        let seconds = [
            repeated(1, (0, 100, 0)),
            repeated(2, (50, 0, 50)),
            repeated(4, (0, 50, 50)),
            repeated(9, (25, 0, 75)),
        ];
        insta::assert_snapshot!(changes(&mut breaker, &seconds.concat()), @r"
        1 s: Slowed(2) 100/100
        6 s: Slowed(4) 150/200
        ");
    }

    #[test]
    fn few_requests_and_what_it_withheld_itself_prove_nothing() {
        let mut breaker = Breaker::new(GUARD);
        assert_eq!(changes(&mut breaker, &repeated(9, (0, 4, 0))), "");
        let mut breaker = Breaker::new(GUARD);
        assert_eq!(changes(&mut breaker, &repeated(9, (60, 0, 900))), "");
        // Exactly the limit is not over it.
        let mut breaker = Breaker::new(GUARD);
        assert_eq!(changes(&mut breaker, &repeated(9, (50, 50, 0))), "");
    }

    #[test]
    fn a_slow_trickle_is_waited_for() {
        let mut breaker = Breaker::new(GUARD);
        let seconds = [
            repeated(1, (0, 20, 0)),
            repeated(5, (0, 0, 20)),
            repeated(5, (1, 0, 19)),
        ];
        insta::assert_snapshot!(changes(&mut breaker, &seconds.concat()), @r"
        1 s: Open 20/20
        6 s: Probing(2) 0/0
        11 s: Closed 0/0
        ");
    }

    #[test]
    fn openings_count_over_all_rounds_of_a_run() {
        let mut breaker = Breaker::new(Guard {
            openings: 2,
            ..GUARD
        });
        assert_eq!(changes(&mut breaker, &[(0, 100, 0)]), "1 s: Open 100/100\n");
        breaker.begin_round();
        assert_eq!(
            changes(&mut breaker, &[(0, 100, 0)]),
            "1 s: Ended 100/100\n"
        );
    }
}
