//! Starts the workers, merges what they hand over, and gives intervals on in order.

use std::collections::BTreeMap;
use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use super::account::{Account, Filled, Slice};
use super::order::{Ended, EngineError, Order};
use super::worker::{Report, Worker};
use crate::model::{Cell, Interval};
use crate::protocol::{Carrier, Http1, Http2, Http2Setup, Plain, Speech, Stamping, TlsTransport};
use crate::scenario::plan::{Load, Phase, Plan};
use crate::schedule::LANES;
use crate::stop::EndsAllOnPanic;
use crate::units::Nanos;

/// Runs one round to its end; blocks, and calls `on_interval` for every second of it in order.
///
/// # Errors
/// When a worker cannot be started or fails. Requests never make a round fail.
pub fn run(order: &Order, on_interval: &mut dyn FnMut(Interval)) -> Result<Ended, EngineError> {
    let lanes = usize::try_from(LANES).unwrap_or(usize::MAX);
    let most = order.plan.target.http.connections.clamp(1, lanes);
    let workers = order.workers.clamp(1, most);
    let (filled, arriving) = channel();
    thread::scope(|scope| {
        let _ends_all = EndsAllOnPanic(&order.stop);
        let mut threads = Vec::with_capacity(workers);
        let mut empties = Vec::with_capacity(workers);
        for worker in 0..workers {
            let (account, empty) = open_account(order, worker, filled.clone());
            empties.push(empty);
            let started = thread::Builder::new()
                .name(format!("load-{worker}"))
                .spawn_scoped(scope, move || speak(order, workers, account));
            match started {
                Ok(thread) => threads.push(thread),
                Err(error) => {
                    order.stop.abort();
                    return Err(EngineError::Start(error));
                }
            }
        }
        drop(filled);
        collect(order, &arriving, &empties, on_interval);

        let mut overflowed = false;
        let mut ended = Ended {
            worker_cpu: 0.0,
            interrupted: false,
        };
        for thread in threads {
            let report = thread.join().map_err(|_| EngineError::Panicked)??;
            ended.worker_cpu = ended.worker_cpu.max(report.cpu);
            ended.interrupted |= report.interrupted;
            overflowed |= report.overflowed;
        }
        if overflowed {
            let most = order.plan.target.http.max_in_flight.unwrap_or(usize::MAX);
            return Err(EngineError::Overflow { most });
        }
        Ok(ended)
    })
}

fn open_account(order: &Order, worker: usize, filled: Sender<Filled>) -> (Account, Sender<Slice>) {
    let (give_back, empty) = channel();
    let account = Account {
        worker,
        epoch: order.epoch,
        steps: order.plan.steps.len(),
        second: 0,
        in_flight: 0,
        turned: Nanos::ZERO,
        standstill: Nanos::ZERO,
        slice: Slice::default(),
        filled,
        empty,
    };
    (account, give_back)
}

/// Works with the carrier that the order's speech needs.
fn speak(order: &Order, workers: usize, account: Account) -> Result<Report, EngineError> {
    fn http2<S>(streams: usize, transport: S) -> Http2Setup<S> {
        Http2Setup { transport, streams }
    }
    let Speech {
        http2: is_http2,
        streams,
        tls,
    } = &order.speech;
    let stamping = stamping(&order.plan);
    // Workers share nothing, so neither do they resume each other's sessions.
    let tls = tls.as_ref().map(|tls| tls.apart(stamping));
    match (is_http2, tls) {
        (false, None) => work::<Http1<Plain>>(order, workers, account, stamping),
        (false, Some(tls)) => work::<Http1<TlsTransport>>(order, workers, account, tls),
        (true, None) => work::<Http2<Plain>>(order, workers, account, http2(*streams, stamping)),
        (true, Some(tls)) => {
            work::<Http2<TlsTransport>>(order, workers, account, http2(*streams, tls))
        }
    }
}

/// Where a load is open, when an answer came is what is asked, and the kernel knows it best. A closed
/// load asks how much can be done, and a stamp costs some of that.
fn stamping(plan: &Plan) -> Stamping {
    let is_open = |phase: &Phase| !matches!(phase.load, Load::Connections(_));
    if plan.phases.iter().any(is_open) {
        Stamping::On
    } else {
        Stamping::Off
    }
}

fn work<C: Carrier>(
    order: &Order,
    workers: usize,
    account: Account,
    setup: C::Setup,
) -> Result<Report, EngineError> {
    let _ends_all = EndsAllOnPanic(&order.stop);
    let end_all = |error: io::Error| {
        order.stop.abort();
        error
    };
    let worker = Worker::<C>::new(order, workers, account, setup)
        .map_err(end_all)
        .map_err(EngineError::Start)?;
    worker.run().map_err(end_all).map_err(EngineError::Poll)
}

/// The workers' slices of one second, so far.
#[derive(Debug, Default)]
struct Merged {
    cells: BTreeMap<(usize, usize), Cell>,
    end: Nanos,
    in_flight: u64,
    standstill: Nanos,
}

impl Merged {
    fn add(&mut self, cells: Vec<Cell>, filled: &Filled) {
        self.end = self.end.max(filled.end);
        self.in_flight += filled.in_flight;
        self.standstill = self.standstill.max(filled.standstill);
        for cell in cells {
            self.cells
                .entry((cell.phase, cell.step))
                .and_modify(|sum| sum.merge(&cell))
                .or_insert(cell);
        }
    }
}

fn collect(
    order: &Order,
    arriving: &Receiver<Filled>,
    empties: &[Sender<Slice>],
    on_interval: &mut dyn FnMut(Interval),
) {
    let steps = order.plan.steps.len();
    let mut seconds: BTreeMap<u64, Merged> = BTreeMap::new();
    let mut reached = vec![0; empties.len()];
    let mut given = 0;
    while let Ok(mut filled) = arriving.recv() {
        let cells = filled.slice.drain(steps);
        // A worker that has ended needs no slice back.
        let _ = empties[filled.worker].send(std::mem::take(&mut filled.slice));
        let last = filled.next == u64::MAX;
        if !(last && cells.is_empty()) {
            seconds
                .entry(filled.second)
                .or_default()
                .add(cells, &filled);
        }
        reached[filled.worker] = filled.next;
        let complete = reached.iter().copied().min().unwrap_or(0);
        while given < complete && !seconds.is_empty() {
            // A second in which no worker woke is still a second of the round.
            let start = Nanos::from_secs(given);
            let merged = seconds.remove(&given).unwrap_or_else(|| Merged {
                end: start + Nanos::SECOND,
                ..Merged::default()
            });
            on_interval(Interval {
                round: order.round,
                start,
                length: merged.end - start,
                cells: merged.cells.into_values().collect(),
                in_flight: merged.in_flight,
                standstill: merged.standstill,
            });
            given += 1;
        }
    }
}
