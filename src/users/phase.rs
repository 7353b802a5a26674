//! One `users` phase: goose launches the users, and a bell calls them home.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use goose::client::GooseClientBuilder;
use goose::config::GooseConfiguration;
use goose::goose::{Scenario, Transaction, TransactionFunction};
use goose::{GooseAttack, GooseError};
use tokio::runtime::Builder;

use super::curfew::Bell;
use super::round::Round;
use super::user::User;
use super::{Order, UsersError};
use crate::clock::{Clock, Monotonic};
use crate::model::Shard;
use crate::scenario::plan::Users;
use crate::units::Nanos;

/// How long before the phase goose begins to launch, since it takes its time over each user.
const AHEAD: Nanos = Nanos::from_millis(200);

/// A `users` phase of the plan.
#[derive(Debug, Clone, Copy)]
pub(super) struct Phase {
    pub(super) index: usize,
    pub(super) users: Users,
    /// On `CLOCK_MONOTONIC`.
    pub(super) start: Nanos,
    pub(super) end: Nanos,
}

impl Phase {
    /// When user `number` of the phase begins: they come evenly over the ramp.
    fn start_of(&self, number: usize) -> Nanos {
        let part = number as f64 / self.users.count.max(1) as f64;
        self.start + Nanos::from_secs_f64(self.users.ramp.as_secs_f64() * part)
    }

    /// Runs the phase; returns when the last user is gone.
    ///
    /// # Errors
    /// When the users could not be launched.
    pub(super) fn run(self, order: &Order, round: &Arc<Round>) -> Result<(), UsersError> {
        let count = order.shard.share(self.users.count);
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let runtime = Builder::new_multi_thread()
            .worker_threads((cores / 2).max(1))
            .thread_name("users")
            .enable_all()
            .build()
            .map_err(UsersError::Start)?;
        let bell = Arc::new(Bell::new());
        let failure = Arc::new(Mutex::new(None));
        let outcome = runtime.block_on(async {
            let ahead = self.start - AHEAD;
            let wait = super::curfew::rest(ahead - Monotonic.now());
            tokio::pin!(wait);
            let over = bell.watch_over(self.end, &order.stop);
            tokio::pin!(over);
            tokio::select! {
                () = &mut wait => {}
                () = &mut over => return Ok(()),
            }
            if count == 0 {
                over.await;
                return Ok(());
            }
            let launch = Launch {
                phase: self,
                round: Arc::clone(round),
                shard: order.shard,
                bell: Arc::clone(&bell),
                failure: Arc::clone(&failure),
                launched: AtomicUsize::new(0),
            };
            let attack = attack(count, Arc::new(launch)).map_err(|e| refusal(&e))?;
            // Once everybody is gone there is nothing that goose could still tell.
            tokio::select! {
                ended = attack.execute() => match ended {
                    Err(error) => Err(refusal(&error)),
                    Ok(_) => Err(UsersError::Launch("it ended before its users".to_owned())),
                },
                () = over => Ok(()),
            }
        });
        runtime.shutdown_background();
        let failure = failure
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        failure.map_or(outcome, Err)
    }
}

/// What every user of a phase is launched with.
struct Launch {
    phase: Phase,
    round: Arc<Round>,
    shard: Shard,
    bell: Arc<Bell>,
    /// Why a user could not begin.
    failure: Arc<Mutex<Option<UsersError>>>,
    launched: AtomicUsize,
}

/// An attack that launches so many users as fast as it can, says nothing and counts nothing.
fn attack(count: usize, launch: Arc<Launch>) -> Result<GooseAttack, GooseError> {
    let mut configuration = GooseConfiguration::default();
    // It wants a host and sends nothing there: requests have their own addresses.
    configuration.host = Some("http://127.0.0.1".to_owned());
    configuration.users = Some(count);
    configuration.increase_rate = Some("1000000".to_owned());
    configuration.quiet = 1;
    configuration.no_telnet = true;
    configuration.no_metrics = true;
    configuration.no_print_metrics = true;
    configuration.no_error_summary = true;
    let live: TransactionFunction = Arc::new(move |goose| {
        let launch = Arc::clone(&launch);
        Box::pin(async move {
            let number = launch.launched.fetch_add(1, Ordering::SeqCst);
            live(&launch, number, goose).await;
            // goose would have it live again; it is dropped when the phase is over.
            std::future::pending().await
        })
    });
    let scenario = Scenario::new("users").register_transaction(Transaction::new(live));
    // One client for all, since each user is given another one.
    let attack = GooseAttack::initialize_with_config(configuration)?
        .set_client_builder_without_cookies(GooseClientBuilder::new().without_cookies())?;
    Ok(attack.register_scenario(scenario))
}

/// The life of a user in a phase.
async fn live(launch: &Launch, number: usize, goose: &mut goose::goose::GooseUser) {
    let curfew = launch.bell.admit();
    match launch.round.setup.client() {
        Ok(client) => goose.client = client,
        Err(error) => {
            *launch
                .failure
                .lock()
                .unwrap_or_else(PoisonError::into_inner) = Some(error);
            launch.round.stop.abort();
            return;
        }
    }
    let (shard, client) = (launch.shard, goose.client.clone());
    let number = shard.index() + shard.of() * number;
    let start = launch.phase.start_of(number);
    let user = User::new(&launch.round, launch.phase.index, client, curfew);
    user.live(number, start).await;
}

fn refusal(error: &GooseError) -> UsersError {
    UsersError::Launch(error.to_string())
}
