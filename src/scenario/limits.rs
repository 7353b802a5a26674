//! How much one run may ask for: beyond these a number is more likely a mistake than a wish.

use crate::units::Nanos;

/// Requests per second.
pub(super) const RATE: f64 = 1e6;
/// Connections open at once.
pub(super) const CONNECTIONS: usize = 10_000;
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
/// Bytes of a body.
pub(super) const BODY: u64 = 16 << 20;
/// Problems shown of one file.
pub(super) const PROBLEMS: usize = 100;
/// Bytes of a path with its query.
pub(super) const PATH: usize = 8192;
