//! What can be made wrong with the demo target.

use super::{Ailment, Endpoint, Span};
use crate::units::Nanos;

/// How the demo target behaves.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// On 127.0.0.1; 0 for any free port.
    pub port: u16,
    /// Workers that `GET /slot` is served by, at least one.
    pub workers: usize,
    /// Multiplies all work, CPU and waits, except the wait that a request asks for itself.
    pub scale: f64,
    /// Factor on the CPU work of an endpoint: 1.2 is 20 % more.
    pub slow: Vec<(Endpoint, f64)>,
    pub stall: Option<Stall>,
    /// Every n-th request other than probes is never answered.
    pub hang_every: Option<u64>,
    pub injected: Vec<Injection>,
    /// How much of the time line has gone by already, for a process that comes up again.
    pub elapsed: Option<Nanos>,
}

/// A stretch of time in which no answer leaves; all leave at its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stall {
    /// From the first request other than probes, so that the time line of the load decides.
    pub at: Nanos,
    pub lasts: Nanos,
}

/// A symptom, when the target has it, and how badly.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Injection {
    pub ailment: Ailment,
    pub span: Span,
    /// From 0 to 1.
    pub strength: f64,
}

/// One thing that is wrong.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Fault {
    Slow(Endpoint, f64),
    Stall(Stall),
    Hang(u64),
    Ailing(Injection),
}

impl Default for Options {
    fn default() -> Self {
        Self {
            port: 0,
            workers: 4,
            scale: 1.0,
            slow: Vec::new(),
            stall: None,
            hang_every: None,
            injected: Vec::new(),
            elapsed: None,
        }
    }
}

impl Options {
    /// Adds a fault; of two stalls or two hangs the later counts.
    pub fn with(mut self, fault: Fault) -> Self {
        match fault {
            Fault::Slow(endpoint, factor) => self.slow.push((endpoint, factor)),
            Fault::Stall(stall) => self.stall = Some(stall),
            Fault::Hang(every) => self.hang_every = Some(every),
            Fault::Ailing(injection) => self.injected.push(injection),
        }
        self
    }

    /// How badly the target has the symptom at this time, if it has; the worst where several faults
    /// say so.
    pub fn strength(&self, ailment: Ailment, time: Nanos) -> Option<f64> {
        self.injected
            .iter()
            .filter(|i| i.ailment == ailment && i.span.contains(time))
            .map(|i| i.strength)
            .reduce(f64::max)
    }
}

/// A share of so many, to the nearest whole.
pub(super) fn part(whole: u32, share: f64) -> u32 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share of a whole is within it, and the cast saturates"
    )]
    let part = (f64::from(whole) * share).round() as u32;
    part
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_add_up_to_options() {
        let options = Options::default()
            .with(Fault::Slow(Endpoint::Pay, 1.2))
            .with(Fault::Slow(Endpoint::Home, 2.0))
            .with(Fault::Hang(50));
        assert_eq!(options.slow.len(), 2);
        assert_eq!(options.hang_every, Some(50));
        assert_eq!(options.stall, None);
    }

    #[test]
    fn of_several_faults_of_a_name_the_worst_that_is_active_counts() {
        let leak = |at: u64, lasts: Option<u64>, strength| {
            Fault::Ailing(Injection {
                ailment: Ailment::Leak,
                span: Span {
                    at: Nanos::from_secs(at),
                    lasts: lasts.map(Nanos::from_secs),
                },
                strength,
            })
        };
        let options = Options::default()
            .with(leak(1, None, 0.2))
            .with(leak(2, Some(2), 0.8));
        let seen = [0, 1, 3, 4].map(|s| options.strength(Ailment::Leak, Nanos::from_secs(s)));
        assert_eq!(seen, [None, Some(0.2), Some(0.8), Some(0.2)]);
        assert_eq!(options.strength(Ailment::Pauses, Nanos::from_secs(3)), None);
    }
}
