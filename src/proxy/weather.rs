//! What acts on the traffic now: which fault, on which connections, and when a piece may leave.

use crate::random::{Uniform, mix};
use crate::scenario::plan::{Effect, Fault, Impairment};
use crate::units::Nanos;

/// The faults of a round over its time; times are `CLOCK_MONOTONIC`.
#[derive(Debug)]
pub(super) struct Weather {
    faults: Vec<Fault>,
    epoch: Nanos,
    seed: u64,
    /// The fault that acts, by its index.
    current: Option<usize>,
    /// When the line of limited bandwidth is free again.
    line_free: Nanos,
    chance: Uniform,
}

/// What a fault has in store for a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Passes,
    /// Nothing passes.
    Stalls,
    /// It is reset as soon as something passes.
    Resets,
}

/// What a connection remembers of the pieces that were let go.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Pace {
    /// When the latest piece leaves.
    latest: Nanos,
    /// When the next slice may.
    next_slice: Nanos,
}

impl Weather {
    /// `faults` are in the order of their time, and apart.
    pub(super) fn new(faults: Vec<Fault>, epoch: Nanos, seed: u64) -> Self {
        Self {
            faults,
            epoch,
            seed,
            current: None,
            line_free: Nanos::ZERO,
            chance: Uniform::new(seed, 0),
        }
    }

    /// Moves on to a time; true when a fault has begun or ended.
    pub(super) fn turn(&mut self, now: Nanos) -> bool {
        let acts = |fault: &Fault| self.epoch + fault.at <= now && now < self.epoch + fault.end();
        let current = self.faults.iter().position(acts);
        let turned = current != self.current;
        if turned {
            self.current = current;
            self.line_free = Nanos::ZERO;
            if let Some(index) = current {
                self.chance = Uniform::new(self.seed, index as u64);
            }
        }
        turned
    }

    /// When the next fault begins or ends.
    pub(super) fn next_turn(&self, now: Nanos) -> Option<Nanos> {
        let turns = self.faults.iter().flat_map(|f| [f.at, f.end()]);
        turns.map(|at| self.epoch + at).filter(|at| *at > now).min()
    }

    /// What happens to the connection that was the `ordinal`-th to be opened.
    pub(super) fn fate(&self, ordinal: u64) -> Fate {
        let Some(index) = self.current else {
            return Fate::Passes;
        };
        let Impairment { drop, reset, .. } = match self.faults[index].effect {
            Effect::BlackHole => return Fate::Stalls,
            Effect::Impaired(impairment) => impairment,
        };
        if drop + reset <= 0.0 {
            return Fate::Passes;
        }
        let drawn = Uniform::new(mix(self.seed, index as u64), ordinal).draw();
        if drawn <= drop {
            Fate::Stalls
        } else if drawn <= drop + reset {
            Fate::Resets
        } else {
            Fate::Passes
        }
    }

    /// Says of `n` bytes of an answer that have come now, in which pieces they leave, and when.
    pub(super) fn let_go(
        &mut self,
        pace: &mut Pace,
        now: Nanos,
        n: usize,
        mut piece: impl FnMut(usize, Nanos),
    ) {
        let mut leave = |pace: &mut Pace, n: usize, at: Nanos| {
            pace.latest = pace.latest.max(at);
            piece(n, pace.latest);
        };
        let acting = self.current.map(|index| self.faults[index]);
        let Some((fault, Effect::Impaired(impairment))) = acting.map(|f| (f, f.effect)) else {
            leave(pace, n, now);
            return;
        };
        let end = self.epoch + fault.end();
        let delay = self.delay(&impairment);
        let mut passed = now;
        if let Some(bandwidth) = impairment.bandwidth {
            let begins = now.max(self.line_free);
            self.line_free = begins + Nanos::from_secs_f64(n as f64 / bandwidth);
            // What the line still holds at the end passes then.
            passed = self.line_free.min(end).max(now);
        }
        let first = passed + delay;
        let Some(slice) = impairment.slice else {
            leave(pace, n, first);
            return;
        };
        let most = usize::try_from(slice.bytes).unwrap_or(usize::MAX);
        let latest = first.max(end + delay);
        let mut left = n;
        while left > 0 {
            let size = left.min(most);
            let at = first.max(pace.next_slice).min(latest);
            leave(pace, size, at);
            pace.next_slice = at + slice.pause;
            left -= size;
        }
    }

    fn delay(&mut self, impairment: &Impairment) -> Nanos {
        if impairment.jitter == Nanos::ZERO {
            return impairment.latency;
        }
        let spread = 2.0 * impairment.jitter.as_secs_f64() * self.chance.draw();
        impairment.latency - impairment.jitter + Nanos::from_secs_f64(spread)
    }
}

#[cfg(test)]
mod tests {
    use super::Fate::{Passes, Stalls};
    use super::*;
    use crate::scenario::plan::Slice;

    const EPOCH: Nanos = Nanos::from_secs(100);

    fn ms(ms: u64) -> Nanos {
        EPOCH + Nanos::from_millis(ms)
    }

    /// One fault from 1 s to 3 s after the epoch, and the time at 2 s.
    fn in_the_midst(impairment: Impairment) -> Weather {
        let fault = Fault {
            at: Nanos::SECOND,
            length: Nanos::from_secs(2),
            effect: Effect::Impaired(impairment),
        };
        let mut weather = Weather::new(vec![fault], EPOCH, 7);
        assert!(weather.turn(ms(2000)));
        weather
    }

    /// Pieces with the milliseconds after the epoch at which they leave.
    fn pieces(weather: &mut Weather, pace: &mut Pace, at: u64, n: usize) -> Vec<(usize, f64)> {
        let mut all = Vec::new();
        weather.let_go(pace, ms(at), n, |size, at| {
            all.push((size, (at - EPOCH).as_millis_f64()));
        });
        all
    }

    #[test]
    fn a_fault_acts_from_its_beginning_to_its_end() {
        let black = |at, length| Fault {
            at: Nanos::from_secs(at),
            length: Nanos::from_secs(length),
            effect: Effect::BlackHole,
        };
        let mut weather = Weather::new(vec![black(1, 2), black(3, 1)], EPOCH, 1);
        let mut seen = Vec::new();
        for at in [0, 999, 1000, 2999, 3000, 3999, 4000] {
            let turned = weather.turn(ms(at));
            seen.push((at, turned, weather.fate(0)));
        }
        assert_eq!(
            seen,
            [
                (0, false, Passes),
                (999, false, Passes),
                (1000, true, Stalls),
                (2999, false, Stalls),
                (3000, true, Stalls),
                (3999, false, Stalls),
                (4000, true, Passes),
            ]
        );
        assert_eq!(weather.next_turn(ms(1000)), Some(ms(3000)));
        assert_eq!(weather.next_turn(ms(4000)), None);
    }

    #[test]
    fn latency_is_added_to_each_piece_and_keeps_the_order_beyond_its_end() {
        let latency = Nanos::from_millis(200);
        let mut weather = in_the_midst(Impairment {
            latency,
            ..Impairment::default()
        });
        let mut pace = Pace::default();
        assert_eq!(pieces(&mut weather, &mut pace, 2000, 9), [(9, 2200.0)]);
        assert_eq!(pieces(&mut weather, &mut pace, 2950, 9), [(9, 3150.0)]);
        assert!(weather.turn(ms(3000)));
        // It may not overtake the one before.
        assert_eq!(pieces(&mut weather, &mut pace, 3100, 9), [(9, 3150.0)]);
        assert_eq!(pieces(&mut weather, &mut pace, 3160, 9), [(9, 3160.0)]);
    }

    #[test]
    fn jitter_stays_within_its_bounds_and_comes_from_the_seed() {
        let impairment = Impairment {
            latency: Nanos::from_millis(200),
            jitter: Nanos::from_millis(50),
            ..Impairment::default()
        };
        let drawn = || -> Vec<f64> {
            let mut weather = in_the_midst(impairment);
            // A connection for each, so that order holds nothing back.
            let one = |_| pieces(&mut weather, &mut Pace::default(), 2000, 1)[0].1 - 2000.0;
            (0..1000).map(one).collect()
        };
        let delays = drawn();
        assert!(delays.iter().all(|d| (150.0..=250.0).contains(d)));
        let mean = delays.iter().sum::<f64>() / 1000.0;
        assert!((mean - 200.0).abs() < 5.0, "{mean}");
        let spread = delays.iter().filter(|d| (*d - 200.0).abs() > 25.0).count();
        assert!((400..600).contains(&spread), "{spread}");
        assert_eq!(delays, drawn());
    }

    #[test]
    fn bandwidth_is_shared_by_all_connections_until_the_end() {
        let mut weather = in_the_midst(Impairment {
            bandwidth: Some(1000.0),
            ..Impairment::default()
        });
        let (mut a, mut b) = (Pace::default(), Pace::default());
        assert_eq!(pieces(&mut weather, &mut a, 2000, 100), [(100, 2100.0)]);
        assert_eq!(pieces(&mut weather, &mut b, 2000, 100), [(100, 2200.0)]);
        // The line was idle since.
        assert_eq!(pieces(&mut weather, &mut a, 2500, 100), [(100, 2600.0)]);
        assert_eq!(pieces(&mut weather, &mut a, 2600, 9000), [(9000, 3000.0)]);
    }

    #[test]
    fn slices_leave_one_after_the_other_and_the_rest_at_the_end() {
        let mut weather = in_the_midst(Impairment {
            slice: Some(Slice {
                bytes: 4,
                pause: Nanos::from_millis(10),
            }),
            ..Impairment::default()
        });
        let mut pace = Pace::default();
        let expected = [(4, 2000.0), (4, 2010.0), (2, 2020.0)];
        assert_eq!(pieces(&mut weather, &mut pace, 2000, 10), expected);
        assert_eq!(pieces(&mut weather, &mut pace, 2001, 4), [(4, 2030.0)]);
        let late = pieces(&mut weather, &mut pace, 2990, 12);
        assert_eq!(late, [(4, 2990.0), (4, 3000.0), (4, 3000.0)]);
    }

    #[test]
    fn shares_of_connections_are_drawn_by_the_seed() {
        let impairment = Impairment {
            drop: 0.2,
            reset: 0.3,
            ..Impairment::default()
        };
        let weather = in_the_midst(impairment);
        let fates: Vec<Fate> = (0..10_000).map(|i| weather.fate(i)).collect();
        let count = |fate| fates.iter().filter(|f| **f == fate).count();
        assert!((1800..2200).contains(&count(Fate::Stalls)));
        assert!((2800..3200).contains(&count(Fate::Resets)));
        let again = in_the_midst(impairment);
        assert!((0..10_000).all(|i| again.fate(i) == fates[usize::try_from(i).unwrap()]));
    }
}
