//! When a request is answered, as a function of its number and the time it came.

use std::fmt;
use std::str::FromStr;

use crate::units::Nanos;

/// The rule by which a target of known truth answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Behaviour {
    /// From the request to the answer, when nothing else is said.
    pub base: Nanos,
    pub slow: Option<Slow>,
    pub stalls: Option<Stalls>,
    /// Every n-th request is never answered.
    pub hang_every: Option<u64>,
}

/// Every n-th request takes longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slow {
    pub every: u64,
    /// In place of the base.
    pub takes: Nanos,
}

/// Answers due in the last part of every period are held until it ends, and then leave one after
/// another, twenty times as fast as they came: no server can send them all at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stalls {
    /// Counted from the first request.
    pub every: Nanos,
    pub lasts: Nanos,
}

/// How much faster than time the answers that a stall has held are sent.
const CATCHING_UP: u64 = 20;

impl Behaviour {
    /// When request `number` (from 1), come `after` the first one, is answered, on the same clock;
    /// `None`: never.
    pub fn answered(&self, number: u64, after: Nanos) -> Option<Nanos> {
        let nth = |every: u64| number.is_multiple_of(every.max(1));
        if self.hang_every.is_some_and(nth) {
            return None;
        }
        let takes = match self.slow {
            Some(slow) if nth(slow.every) => slow.takes,
            _ => self.base,
        };
        let due = after + takes;
        let Some(Stalls { every, lasts }) = self.stalls.filter(|s| s.every > Nanos::ZERO) else {
            return Some(due);
        };
        let end = Nanos((due.0 / every.0 + 1).saturating_mul(every.0));
        let begin = end - lasts;
        Some(if due < begin {
            due
        } else {
            end + Nanos((due - begin).0 / CATCHING_UP)
        })
    }
}

/// As [`FromStr`] reads it: `base=1000000ns,slow=50:50000000ns,stalls=5000000000ns:400000000ns,hang=50`.
impl fmt::Display for Behaviour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "base={}ns", self.base.0)?;
        if let Some(Slow { every, takes }) = self.slow {
            write!(f, ",slow={every}:{}ns", takes.0)?;
        }
        if let Some(Stalls { every, lasts }) = self.stalls {
            write!(f, ",stalls={}ns:{}ns", every.0, lasts.0)?;
        }
        match self.hang_every {
            Some(every) => write!(f, ",hang={every}"),
            None => Ok(()),
        }
    }
}

impl FromStr for Behaviour {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut behaviour = Self::default();
        for part in text.split(',') {
            let wrong =
                || format!("`{part}` is none of base=1ms, slow=50:50ms, stalls=5s:400ms, hang=50");
            let time = |text: &str| text.parse::<Nanos>().map_err(|_| wrong());
            let count = |text: &str| match text.parse::<u64>() {
                Ok(n) if n > 0 => Ok(n),
                _ => Err(wrong()),
            };
            let (key, value) = part.split_once('=').ok_or_else(wrong)?;
            match (key, value.split_once(':')) {
                ("base", None) => behaviour.base = time(value)?,
                ("hang", None) => behaviour.hang_every = Some(count(value)?),
                ("slow", Some((every, takes))) => {
                    behaviour.slow = Some(Slow {
                        every: count(every)?,
                        takes: time(takes)?,
                    });
                }
                ("stalls", Some((every, lasts))) => {
                    behaviour.stalls = Some(Stalls {
                        every: time(every)?,
                        lasts: time(lasts)?,
                    });
                }
                _ => return Err(wrong()),
            }
        }
        Ok(behaviour)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(n: u64) -> Nanos {
        Nanos::from_millis(n)
    }

    #[test]
    fn each_part_of_a_behaviour_is_written_and_read_back() {
        for text in [
            "base=0ns",
            "base=1000000ns,slow=50:50000000ns",
            "base=1000000ns,stalls=5000000000ns:400000000ns,hang=50",
        ] {
            let behaviour: Behaviour = text.parse().expect("as written");
            assert_eq!(behaviour.to_string(), text);
        }
        for wrong in [
            "",
            "base",
            "base=1",
            "slow=0:1ms",
            "hang=0",
            "stalls=5s",
            "x=1",
        ] {
            assert!(wrong.parse::<Behaviour>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn answers_come_as_the_behaviour_says() {
        let behaviour: Behaviour = "base=1ms,slow=3:50ms,stalls=1s:100ms,hang=5"
            .parse()
            .expect("valid");
        let us = |n: u64| Nanos(n * 1_000);
        for (number, after, expected) in [
            (1, 0, Some(1_000)),
            (3, 0, Some(50_000)),
            (5, 0, None),
            (15, 0, None),
            // Due in the stall, at its edges and after it.
            (1, 898, Some(899_000)),
            (1, 899, Some(1_000_000)),
            (1, 998, Some(1_004_950)),
            (1, 999, Some(1_000_000)),
            (1, 1000, Some(1_001_000)),
            (3, 860, Some(1_000_500)),
            (1, 1950, Some(2_002_550)),
        ] {
            assert_eq!(
                behaviour.answered(number, ms(after)),
                expected.map(us),
                "request {number} after {after} ms"
            );
        }
    }
}
