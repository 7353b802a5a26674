//! The rules: each makes out one symptom, or says nothing.

mod counted;
mod machine;
mod resources;
mod rhythm;
mod waiting;

use super::case::Case;
use super::found::Found;

/// Makes out a symptom.
pub(super) type Rule = fn(&Case<'_>) -> Option<Found>;

/// By the name of the symptom.
pub(super) const RULES: [(&str, Rule); 17] = [
    ("pool-exhausted", waiting::pool_exhausted),
    ("deadlock", waiting::deadlock),
    ("memory-leak", resources::memory_leak),
    ("crash-loop", resources::crash_loop),
    ("cpu-saturation", resources::cpu_saturation),
    ("throttled", rhythm::throttled),
    ("slow-dependency", waiting::slow_dependency),
    ("cold-cache", counted::cold_cache),
    ("rate-limited", counted::rate_limited),
    ("retry-storm", counted::retry_storm),
    ("consumer-lag", counted::consumer_lag),
    ("lock-contention", waiting::lock_contention),
    ("pauses", rhythm::pauses),
    ("descriptor-exhaustion", resources::descriptor_exhaustion),
    ("noisy-machine", machine::noisy_machine),
    ("generator-overloaded", machine::generator_overloaded),
    ("generator-disturbed", machine::generator_disturbed),
];
