//! Faults made of threads: a lock that everybody wants, and two that are taken in opposite order.

use std::sync::{Arc, Barrier, Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::task::spawn_blocking;

use super::fault::part;

/// Threads that requests are handed to at most.
pub(super) const MOST: usize = 64;
/// Sleeps under the lock at full strength, and how long each is.
const SLEEPS: u32 = 16;
const SLEEP: Duration = Duration::from_millis(1);

#[derive(Default)]
pub(super) struct Threads {
    contended: Arc<Mutex<()>>,
    deadlocked: OnceLock<Arc<Mutex<()>>>,
}

impl Threads {
    /// Goes through the one lock, on a thread that sleeps under it.
    pub(super) async fn contend(&self, strength: f64) {
        let lock = Arc::clone(&self.contended);
        let sleeps = 0..part(SLEEPS, strength).max(1);
        let through = spawn_blocking(move || {
            let _held = lock.lock().unwrap_or_else(PoisonError::into_inner);
            for _ in sleeps {
                thread::sleep(SLEEP);
            }
        });
        // It cannot panic, and at the end of the server nobody waits for it.
        let _ = through.await;
    }

    /// Waits for a lock of two threads that wait for each other. The first call starts them.
    pub(super) async fn get_stuck(&self) {
        let wanted = Arc::clone(self.deadlocked.get_or_init(deadlock));
        let stuck = spawn_blocking(move || {
            drop(wanted.lock());
        });
        let _ = stuck.await;
    }
}

/// Two threads, each of which holds one lock and waits for the other's; gives one of the locks.
fn deadlock() -> Arc<Mutex<()>> {
    let one = Arc::new(Mutex::new(()));
    let other = Arc::new(Mutex::new(()));
    let held = Arc::new(Barrier::new(3));
    let started = [(&one, &other), (&other, &one)].map(|(first, second)| {
        let (first, second) = (Arc::clone(first), Arc::clone(second));
        let held = Arc::clone(&held);
        thread::Builder::new()
            .name("demo-transfer".to_owned())
            .spawn(move || {
                let _first = first.lock();
                held.wait();
                drop(second.lock());
            })
    });
    // Without one of them the other waits here for ever, with its lock held: stuck as well.
    if started.iter().all(Result::is_ok) {
        held.wait();
    }
    one
}
