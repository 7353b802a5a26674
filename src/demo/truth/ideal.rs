//! What an ideal instrument would see of a target of known truth: every latency, to the nanosecond.
//!
//! Requests wait in line for a connection when all are busy, as those that are due in a stall do, so
//! the latency from the intended start follows the recursion of a queue with several servers
//! (Kiefer and Wolfowitz 1955): a request starts when it is due and the connection that is free
//! first is free.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::Behaviour;
use crate::units::Nanos;

/// Samples that must lie beyond a percentile before it is stated, as in a report.
const SAMPLES_BEYOND: f64 = 10.0;

/// The load that is offered to a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offered {
    pub connections: usize,
    /// From the send; then the request is given up and its connection replaced.
    pub timeout: Nanos,
}

/// A latency as far as it can be known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Bound {
    Exactly(Nanos),
    /// Nobody waited longer.
    AtLeast(Nanos),
}

/// The latencies of all requests, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ideal(Vec<Bound>);

impl Ideal {
    /// Of requests with the given intended starts, which ascend.
    pub fn of(
        behaviour: Behaviour,
        offered: Offered,
        intended: impl IntoIterator<Item = Nanos>,
    ) -> Self {
        let mut latencies = in_order(behaviour, offered, intended);
        latencies.sort_unstable();
        Self(latencies)
    }

    /// The q-quantile; `None` when fewer than ten requests lie beyond it.
    pub fn quantile(&self, q: f64) -> Option<Bound> {
        let n = self.0.len() as f64;
        if n * (1.0 - q) < SAMPLES_BEYOND - 1e-9 {
            return None;
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a share of a count"
        )]
        let rank = (q * n - 1e-9).ceil() as usize;
        self.0.get(rank.max(1) - 1).copied()
    }
}

/// The latency of each request, in the order of intended starts.
fn in_order(
    behaviour: Behaviour,
    offered: Offered,
    intended: impl IntoIterator<Item = Nanos>,
) -> Vec<Bound> {
    let mut free: BinaryHeap<_> = (0..offered.connections.max(1))
        .map(|_| Reverse(Nanos::ZERO))
        .collect();
    let mut first = None;
    let mut latencies = Vec::new();
    for (number, intended) in (1..).zip(intended) {
        let start = free.pop().map_or(intended, |Reverse(at)| at.max(intended));
        let first = *first.get_or_insert(start);
        let given_up = start + offered.timeout;
        let answered = behaviour
            .answered(number, start - first)
            .map(|after| first + after)
            .filter(|at| *at <= given_up);
        free.push(Reverse(answered.unwrap_or(given_up)));
        latencies.push(match answered {
            Some(at) => Bound::Exactly(at - intended),
            None => Bound::AtLeast(given_up - intended),
        });
    }
    latencies
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use proptest::prelude::*;

    use super::super::{Slow, Stalls};
    use super::*;

    fn even(n: u64, gap: Nanos) -> impl Iterator<Item = Nanos> {
        (0..n).map(move |i| Nanos(gap.0 * i + gap.0 / 2))
    }

    /// The same by brute force: time goes on tick by tick, and at each tick connections come free,
    /// requests join the line, and the line moves up.
    fn by_ticks(behaviour: Behaviour, offered: Offered, intended: &[Nanos]) -> Vec<Bound> {
        let mut latencies = vec![Bound::Exactly(Nanos::ZERO); intended.len()];
        let mut busy: Vec<Nanos> = Vec::new();
        let mut line = VecDeque::new();
        let (mut joined, mut started, mut first) = (0, 0, None);
        for now in (0..).map(Nanos) {
            busy.retain(|until| *until > now);
            while joined < intended.len() && intended[joined] <= now {
                line.push_back(joined);
                joined += 1;
            }
            while busy.len() < offered.connections
                && let Some(request) = line.pop_front()
            {
                started += 1;
                let first = *first.get_or_insert(now);
                let answered = behaviour.answered(started, now - first).map(|a| first + a);
                let given_up = now + offered.timeout;
                let (until, latency) = match answered {
                    Some(at) if at <= given_up => (at, Bound::Exactly(at - intended[request])),
                    _ => (given_up, Bound::AtLeast(given_up - intended[request])),
                };
                if until > now {
                    busy.push(until);
                }
                latencies[request] = latency;
            }
            if joined == intended.len() && line.is_empty() {
                break;
            }
        }
        latencies
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn the_recursion_agrees_with_brute_force(
            gaps in prop::collection::vec(0..20_u64, 1..150),
            base in 0..40_u64,
            slow in prop::option::of((1..9_u64, 0..200_u64)),
            stalls in prop::option::of((50..300_u64, 1..50_u64)),
            hang_every in prop::option::of(2..20_u64),
            connections in 1..9_usize,
            timeout in 50..300_u64,
        ) {
            let behaviour = Behaviour {
                base: Nanos(base),
                slow: slow.map(|(every, takes)| Slow { every, takes: Nanos(takes) }),
                stalls: stalls.map(|(every, lasts)| Stalls {
                    every: Nanos(every),
                    lasts: Nanos(lasts),
                }),
                hang_every,
            };
            let offered = Offered { connections, timeout: Nanos(timeout) };
            let intended: Vec<_> = gaps
                .iter()
                .scan(0, |at, gap| {
                    *at += gap;
                    Some(Nanos(*at))
                })
                .collect();
            prop_assert_eq!(
                in_order(behaviour, offered, intended.iter().copied()),
                by_ticks(behaviour, offered, &intended)
            );
        }
    }

    #[test]
    fn a_stall_is_waited_for_by_everyone_who_is_due_in_it() {
        let behaviour = "base=1ms,stalls=5s:400ms".parse().expect("valid");
        let offered = Offered {
            connections: 1000,
            timeout: Nanos::SECOND,
        };
        let ideal = Ideal::of(behaviour, offered, even(10_000, Nanos::from_millis(1)));
        let ms = |n| Some(Bound::Exactly(Nanos::from_millis(n)));
        // 8 % wait. The first that is due in the stall waits 401 ms, the last one of its 400 for 20 ms,
        // since catching up takes that long; each stall has one of each.
        let us = |n: u64| Some(Bound::Exactly(Nanos(n * 1_000)));
        assert_eq!(ideal.quantile(0.9), ms(1));
        assert_eq!(ideal.quantile(0.95), us(163_500));
        assert_eq!(ideal.quantile(0.99), us(353_500));
        assert_eq!(ideal.quantile(0.9999), None);
    }

    #[test]
    fn too_few_connections_make_the_line_longer_than_the_stall() {
        let behaviour: Behaviour = "base=1ms,stalls=5s:400ms".parse().expect("valid");
        let of = |connections| {
            let offered = Offered {
                connections,
                timeout: Nanos::SECOND,
            };
            let arrivals = even(5_000, Nanos::from_millis(1));
            Ideal::of(behaviour, offered, arrivals).quantile(0.99)
        };
        assert!(of(2) > of(1000));
    }

    #[test]
    fn what_is_never_answered_is_known_from_below() {
        let behaviour = "base=1ms,hang=50".parse().expect("valid");
        let offered = Offered {
            connections: 64,
            timeout: Nanos::SECOND,
        };
        let ideal = Ideal::of(behaviour, offered, even(10_000, Nanos::from_millis(1)));
        assert_eq!(
            ideal.quantile(0.95),
            Some(Bound::Exactly(Nanos::from_millis(1)))
        );
        assert_eq!(ideal.quantile(0.99), Some(Bound::AtLeast(Nanos::SECOND)));
    }
}
