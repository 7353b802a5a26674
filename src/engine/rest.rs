//! How long a worker rests, and whether its sockets may end the rest.
//!
//! To be woken costs more than to send a request, so a worker is woken as seldom as precision allows.
//! Where arrivals are dense, an answer need not wake it: the next arrival soon does, and the kernel
//! has stamped when the answer came. With `coalesce` in the plan even what is due waits for the next
//! of evenly spaced moments, and what was due since the last one leaves together.

use std::io;

use super::worker::Worker;
use crate::clock::{Clock, Monotonic, sleep_until};
use crate::protocol::Carrier;
use crate::schedule::Pace;
use crate::units::Nanos;

/// The longest sleep: a stop is noticed within it.
const LONGEST_SLEEP: Nanos = Nanos::from_millis(25);

/// What is due sooner is waited for awake.
const SHORTEST_SLEEP: Nanos = Nanos(8_000);

/// Where arrivals are closer than that, waiting awake would cost more than the target's work.
const SPARSE: Nanos = Nanos(200_000);

/// What a worker does until something is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rest {
    /// Waits for its sockets at most so long.
    Listening(Nanos),
    /// The same, and what it sleeps too long delays an arrival.
    Pacing(Nanos),
    /// Sleeps until then, whatever its sockets say.
    Deaf(Nanos),
}

impl<C: Carrier> Worker<C> {
    /// Waits until something is to be done, takes note of what its sockets say, and returns the time.
    pub(super) fn rest(&mut self, now: Nanos) -> io::Result<Nanos> {
        match self.plan_rest(now) {
            Rest::Listening(patience) => self.poller.wait(patience)?,
            Rest::Deaf(until) => {
                sleep_until(until);
                self.poller.wait(Nanos::ZERO)?;
            }
            Rest::Pacing(patience) => {
                self.poller.wait(patience)?;
                let woken = Monotonic.now();
                if self.poller.count() == 0 && patience > SHORTEST_SLEEP {
                    self.head_start.learn(woken - (now + patience));
                }
                return Ok(woken);
            }
        }
        Ok(Monotonic.now())
    }

    fn plan_rest(&self, now: Nanos) -> Rest {
        if !self.behind.is_empty() {
            return Rest::Listening(Nanos::ZERO);
        }
        let wake = self.wake(now);
        let Some(due) = self.upcoming.map(|arrival| self.epoch + arrival.at) else {
            return Rest::Listening(wake - now);
        };
        if let Some(step) = self.plan.target.http.coalesce {
            let moment = self.epoch + next_moment(due.max(now) - self.epoch, step);
            return if self.may_be_deaf() {
                Rest::Deaf(moment.min(wake))
            } else {
                Rest::Listening(moment.min(wake) - now)
            };
        }
        if self.gap < SPARSE {
            // A sleep of any use goes on to the arrival itself.
            return match due - now {
                left if left < SHORTEST_SLEEP => Rest::Listening(Nanos::ZERO),
                left if left < SPARSE && due <= wake && self.may_be_deaf() => Rest::Deaf(due),
                left => Rest::Listening(left.min(wake - now)),
            };
        }
        let asleep = due - now - self.head_start.at(self.gap);
        if asleep <= wake - now {
            Rest::Pacing(asleep)
        } else {
            Rest::Listening(wake - now)
        }
    }

    /// When something else than an arrival is to be done, at the latest.
    fn wake(&self, now: Nanos) -> Nanos {
        let longest = self.plan.target.timeouts.total;
        // A client that waits for its turn; whoever has it is at something else.
        let turn = self.pace.as_ref().map(Pace::next);
        let turn = turn.filter(|at| self.saturation.is_on() && *at > now);
        let reasons = [
            turn,
            self.visits.next(),
            self.connect.next(),
            self.tls.next(),
            self.first_byte.next(),
            self.total.next(),
            self.saturation.next(),
            self.queue.front().map(|r| r.intended + longest),
            Some(self.account.next_hand_over()),
            self.spans.get(self.begun).map(|s| s.start),
            Some(self.end()).filter(|end| *end > now),
        ];
        reasons
            .into_iter()
            .flatten()
            .fold(now + LONGEST_SLEEP, Nanos::min)
    }

    /// True when nothing depends on when an answer is read: it is stamped, no request waits for its
    /// connection, and no step for what it says.
    fn may_be_deaf(&self) -> bool {
        self.stamped
            && self.queue.is_empty()
            && self.visits.is_empty()
            && !self.saturation.is_on()
            && self.connect.next().is_none()
            && self.tls.next().is_none()
    }
}

/// The first multiple of `step` that is not before `at`.
fn next_moment(at: Nanos, step: Nanos) -> Nanos {
    Nanos(at.0.div_ceil(step.0.max(1)) * step.0.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_evenly_spaced_and_never_past() {
        let ms = Nanos::from_millis(1);
        for (at, expected) in [
            (0, 0),
            (1, 1_000_000),
            (1_000_000, 1_000_000),
            (1_000_001, 2_000_000),
        ] {
            assert_eq!(next_moment(Nanos(at), ms), Nanos(expected), "{at}");
        }
    }
}
