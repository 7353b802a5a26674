//! All load of a round: the engine, and virtual users beside it where the plan has any.

use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread;

use super::SessionError;
use crate::engine::{self, Ended, Order};
use crate::model::Interval;
use crate::recorder::Confluence;
use crate::stop::EndsAllOnPanic;
use crate::users::{self, UsersError};

const ENGINE: usize = 0;
const USERS: usize = 1;

/// Runs one round to its end; blocks, and calls `on_interval` for every second of it in order,
/// whoever has made the load.
///
/// # Errors
/// When one of them cannot make the load that the plan asks for; the other is ended then.
pub(super) fn run(
    order: &Order,
    on_interval: &mut dyn FnMut(Interval),
) -> Result<Ended, SessionError> {
    if !users::are_in(&order.plan) {
        return Ok(engine::run(order, on_interval)?);
    }
    let users_order = users::Order {
        plan: Arc::clone(&order.plan),
        dial: order.dial.clone(),
        url: order.url.clone(),
        epoch: order.epoch,
        stop: order.stop.clone(),
        round: order.round,
        governor: order.governor.clone(),
        shard: order.shard,
    };
    let (told, tales) = channel();
    thread::scope(|scope| {
        let _ends_all = EndsAllOnPanic(&order.stop);
        let engine_told = told.clone();
        let engine = scope.spawn(move || {
            // The receiver outlives both; a send can only fail while unwinding.
            let ended = engine::run(order, &mut |interval| {
                drop(engine_told.send((ENGINE, Some(interval))));
            });
            drop(engine_told.send((ENGINE, None)));
            if ended.is_err() {
                order.stop.abort();
            }
            ended
        });
        let users = scope.spawn(move || {
            let ended = users::run(&users_order, &mut |interval| {
                drop(told.send((USERS, Some(interval))));
            });
            drop(told.send((USERS, None)));
            if ended.is_err() {
                users_order.stop.abort();
            }
            ended
        });
        let mut both = Confluence::new(2);
        for (source, interval) in tales {
            let complete = match interval {
                Some(interval) => both.add(source, interval),
                None => both.end(source),
            };
            complete.into_iter().for_each(&mut *on_interval);
        }
        let engine = engine.join().map_err(|_| engine::EngineError::Panicked)?;
        let users = users.join().map_err(|_| UsersError::Panicked)?;
        let ended = engine?;
        users?;
        Ok(ended)
    })
}

#[cfg(all(test, feature = "users"))]
mod tests {
    use std::net::TcpListener;

    use super::*;
    use crate::clock::{Clock, Monotonic};
    use crate::engine::Governor;
    use crate::model::{ErrorClass, Shard};
    use crate::protocol::{Dial, Speech};
    use crate::scenario::plan::{Load, Phase, Users};
    use crate::schedule::sample;
    use crate::stop::Stop;
    use crate::units::Nanos;

    #[test]
    fn users_and_engine_make_one_stream_of_seconds() {
        let closed = {
            let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
            listener.local_addr().expect("an address")
        };
        let mut plan = sample::plan();
        plan.phases[0].duration = Nanos::from_millis(600);
        let users = Users {
            count: 2,
            ramp: Nanos::ZERO,
        };
        let people = Phase::new("people", Load::Users(users), Nanos::from_millis(600));
        plan.phases.push(people);
        let order = Order {
            url: plan.target.url.clone(),
            plan: Arc::new(plan),
            dial: Dial::to(closed),
            speech: Speech::CLEAR,
            governor: Governor::default(),
            shard: Shard::whole(),
            epoch: Monotonic.now() + Nanos::from_millis(5),
            workers: 1,
            stop: Stop::default(),
            round: 4,
        };
        let mut intervals = Vec::new();
        let ended = run(&order, &mut |interval| intervals.push(interval)).expect("it runs");
        assert!(!ended.interrupted);
        let refused = |phase| -> u64 {
            let cells = intervals.iter().flat_map(|i| &i.cells);
            cells
                .filter(|c| c.phase == phase)
                .map(|c| c.tally.failures.count(ErrorClass::Refused))
                .sum()
        };
        assert_eq!(refused(0), 60);
        assert!(refused(1) > 2, "a user goes on after a failure");
        for (i, interval) in intervals.iter().enumerate() {
            assert_eq!(interval.start, Nanos::from_secs(i as u64));
            assert_eq!(interval.round, 4);
        }
    }
}
