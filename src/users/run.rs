//! Runs the `users` phases of a round, and gives on what they count, second by second.

use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;

use super::phase::Phase;
use super::round::Round;
use super::{Order, UsersError};
use crate::clock::{Clock, Monotonic};
use crate::model::Interval;
use crate::scenario::plan::Load;
use crate::stop::EndsAllOnPanic;
use crate::units::Nanos;

/// Takes goose's place at Ctrl-C, which it would otherwise take from whoever listens: called once,
/// before the process listens for signals itself.
pub fn keep_interrupts() {
    // Whoever holds the place already keeps it.
    let _ = ctrlc::set_handler(|| {});
}

/// Runs all `users` phases to their end; blocks, and calls `on_interval` for every second until
/// then in order.
///
/// # Errors
/// When the users cannot do what the plan wants, or cannot be launched. Requests never make a round
/// fail.
pub fn run(order: &Order, on_interval: &mut dyn FnMut(Interval)) -> Result<(), UsersError> {
    // goose would install a logger that prints; one that is silent is already there then.
    let _ = log::set_logger(log::logger());
    let round = Arc::new(Round::new(order)?);
    // What the client refuses, it refuses now.
    round.setup.client()?;
    let starts = order.plan.starts();
    let phases = order.plan.phases.iter().zip(starts).enumerate();
    let (ended, ends) = channel::<()>();
    thread::scope(|scope| {
        let _ends_all = EndsAllOnPanic(&order.stop);
        let mut threads = Vec::new();
        for (index, (phase, start)) in phases {
            let Load::Users(users) = phase.load else {
                continue;
            };
            let start = order.epoch + start;
            let phase = Phase {
                index,
                users,
                start,
                end: start + phase.duration,
            };
            let (round, ended) = (&round, ended.clone());
            threads.push(
                thread::Builder::new()
                    .name(format!("users-{index}"))
                    .spawn_scoped(scope, move || {
                        let _ends_all = EndsAllOnPanic(&order.stop);
                        let outcome = phase.run(order, round);
                        if outcome.is_err() {
                            order.stop.abort();
                        }
                        drop(ended);
                        outcome
                    })
                    .map_err(|error| {
                        order.stop.abort();
                        UsersError::Start(error)
                    })?,
            );
        }
        drop(ended);
        let mut second = 0;
        loop {
            let start = Nanos::from_secs(second);
            let end = start + Nanos::SECOND;
            let wait = order.epoch + end - Monotonic.now();
            let over = ends.recv_timeout(wait.into()) == Err(RecvTimeoutError::Disconnected);
            let now = Monotonic.now() - order.epoch;
            let (cells, in_flight) = round.books.turn();
            let last = over && now < end;
            if !(last && cells.is_empty()) {
                on_interval(Interval {
                    round: order.round,
                    start,
                    length: if last { now - start } else { Nanos::SECOND },
                    cells,
                    in_flight,
                    // Its users are timed one by one; the workers beside them tell of standstills.
                    standstill: Nanos::ZERO,
                });
            }
            if last {
                break;
            }
            second += 1;
        }
        threads
            .into_iter()
            .try_for_each(|thread| thread.join().map_err(|_| UsersError::Panicked)?)
    })
}
