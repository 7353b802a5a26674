//! How much one run may ask for: beyond these a number is more likely a mistake than a wish.

use crate::diagnostic::{Diagnostic, scenario as codes};
use crate::units::{Nanos, Rate};

/// Requests per second.
pub(super) const RATE: f64 = 1e6;
/// Connections open at once.
pub(super) const CONNECTIONS: usize = 10_000;
/// Virtual users at once.
pub(super) const USERS: usize = 10_000;
/// Requests outstanding at once on one HTTP/2 connection.
pub(super) const STREAMS: u64 = 1000;
/// Requests taken up and not yet settled.
pub(super) const IN_FLIGHT: u64 = 1_000_000;
/// Requests of one burst.
pub(super) const BURST: u64 = 10_000;
/// Rounds of one level of a search.
pub(super) const SEARCH_ROUNDS: u64 = 100;
/// Time over which requests are collected that leave together. Requests that leave later than 1 ms
/// are held against the generator; waking up late needs some of that.
pub(super) const COALESCE: Nanos = Nanos(900_000);
/// Bytes of a file with certificates or a key.
pub(super) const PEM: u64 = 1 << 20;
/// Bytes of the path of a socket: the kernel's field, less the NUL behind it.
pub(super) const SOCKET_PATH: usize = 107;
/// Connections of a rate phase when nothing is said.
pub const DEFAULT_CONNECTIONS: usize = 50;
/// Requests of one round.
pub(super) const REQUESTS: u64 = 1_000_000_000;
/// Length of one round.
pub(super) const DURATION: Nanos = Nanos::from_secs(7 * 24 * 3600);
/// Shortest stair: the rate is a number over a time, and a shorter one holds too few requests.
pub(super) const STAIR: Nanos = Nanos::from_millis(100);
/// Stairs of one phase.
pub(super) const STAIRS: f64 = 10_000.0;
/// Weight of a step.
pub(super) const WEIGHT: u64 = 10_000;
/// Steps, phases (each pair of them has its own histograms), and thresholds.
pub(super) const TABLES: usize = 200;
/// Headers of a request.
pub(super) const HEADERS: usize = 100;
/// Bytes of a scenario file.
pub(super) const FILE: u64 = 1 << 20;
/// Values within values of a scenario file.
pub(super) const DEPTH: usize = 32;
/// Bytes of a body.
pub(super) const BODY: u64 = 16 << 20;
/// Problems shown of one file.
pub(super) const PROBLEMS: usize = 100;
/// Bytes of a path with its query.
pub(super) const PATH: usize = 8192;
/// Redirects of one request.
pub(super) const REDIRECTS: u64 = 20;
/// Attempts after the first.
pub(super) const RETRIES: u64 = 20;
/// Bytes of a file with rows.
pub(super) const DATA: u64 = 64 << 20;
/// Bytes of a recording.
pub(super) const RECORDING: u64 = 256 << 20;
/// Rows of a file, and requests of a recording.
pub(super) const ROWS: usize = 1_000_000;
/// Paths of metrics, and health probes: each has a thread.
pub(super) const QUESTIONS: usize = 16;
/// Longest wait of a health probe.
pub(super) const PROBE: Nanos = Nanos::from_secs(10);
/// Bytes of a secret.
pub(super) const SECRET: u64 = 64 << 10;
/// Steps that a recording is divided into when it does not name its own.
pub(super) const GROUPS: usize = 40;

/// Refuses to let requests wait for others so long that the generator would count as late.
pub(super) fn coalesce(time: Nanos) -> Result<Nanos, Diagnostic> {
    if Nanos::ZERO < time && time <= COALESCE {
        return Ok(time);
    }
    Err(Diagnostic::error(
        &codes::BAD_VALUE,
        format!("requests cannot be coalesced over {time}"),
    )
    .because(
        "they leave late by up to that, and a generator that is later than 1 ms is not believed",
    )
    .help(format!(
        "write a time up to {COALESCE}: coalesce = \"500us\""
    )))
}

/// Refuses rates that no single machine sends.
pub(super) fn check_rate(rate: Rate) -> Result<(), Diagnostic> {
    if rate.0 <= RATE {
        return Ok(());
    }
    Err(Diagnostic::error(
        &codes::TOO_MUCH,
        "more than 1,000,000 requests a second".to_owned(),
    )
    .because("one machine does not send that many")
    .help("check the unit; \"600/m\" is 10/s"))
}

/// Refuses a round that lasts too long or sends too much.
pub(super) fn check_round(duration: Nanos, asked: u64) -> Result<(), Diagnostic> {
    if duration > DURATION {
        return Err(
            Diagnostic::error(&codes::TOO_MUCH, "one round lasts longer than seven days")
                .help("check the unit: \"m\" is minutes, \"ms\" milliseconds"),
        );
    }
    if asked > REQUESTS {
        return Err(Diagnostic::error(
            &codes::TOO_MUCH,
            "one round sends more than 1,000,000,000 requests",
        )
        .help("lower the rate or the duration"));
    }
    Ok(())
}
