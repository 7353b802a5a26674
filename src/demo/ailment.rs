//! The symptoms that the demo target can be given: their names, and what their strength means.

/// A symptom that the demo target really has while a fault of this name is active.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ailment {
    PoolExhausted,
    Deadlock,
    Leak,
    Throttle,
    SlowDependency,
    ColdCache,
    RateLimit,
    RetryStorm,
    LockContention,
    Pauses,
    DescriptorExhaustion,
    CrashLoop,
    ConsumerLag,
    CpuSaturation,
}

/// What is said of an ailment, and what its fault may say.
#[derive(Debug, Clone, Copy)]
pub struct Traits {
    pub name: &'static str,
    pub does: &'static str,
    /// What a strength of 1 is.
    pub full: &'static str,
    /// The strength where none is given.
    pub strength: f64,
    /// Whether it can be over; a deadlock cannot.
    pub ends: bool,
}

impl Ailment {
    pub const ALL: [Self; 14] = [
        Self::PoolExhausted,
        Self::Deadlock,
        Self::Leak,
        Self::Throttle,
        Self::SlowDependency,
        Self::ColdCache,
        Self::RateLimit,
        Self::RetryStorm,
        Self::LockContention,
        Self::Pauses,
        Self::DescriptorExhaustion,
        Self::CrashLoop,
        Self::ConsumerLag,
        Self::CpuSaturation,
    ];

    pub const fn traits(self) -> Traits {
        let (name, does, full, strength) = match self {
            Self::PoolExhausted => (
                "pool-exhausted",
                "connections get lost, the rest come back late; waits end after 1 s, 503",
                "all but one of the 64 are lost",
                1.0,
            ),
            Self::Deadlock => (
                "deadlock",
                "two threads take two locks in opposite order; no later request is answered",
                "the only one; it takes no `for`",
                1.0,
            ),
            Self::Leak => (
                "leak",
                "each request keeps memory, up to 2 GiB in all",
                "256 KiB a request",
                0.5,
            ),
            Self::Throttle => (
                "throttle",
                "in every 100 ms with work the process stops before their end",
                "95 ms of them stopped",
                0.7,
            ),
            Self::SlowDependency => (
                "slow-dependency",
                "each call of the database takes longer",
                "300 ms longer",
                0.5,
            ),
            Self::ColdCache => (
                "cold-cache",
                "the cache is emptied and too small; a miss costs a call of 20 ms",
                "nothing warms again; at 0 all of it does",
                0.8,
            ),
            Self::RateLimit => (
                "rate-limit",
                "a share of the requests gets 429 with Retry-After: 1",
                "all requests",
                0.5,
            ),
            Self::RetryStorm => (
                "retry-storm",
                "calls of the database fail and are made up to 5 times; 503 in the end",
                "every call fails",
                0.7,
            ),
            Self::LockContention => (
                "lock-contention",
                "each request goes through one lock, held by threads that sleep under it",
                "held for 16 ms",
                0.5,
            ),
            Self::Pauses => (
                "pauses",
                "every 2 s nothing is answered for a while",
                "for 400 ms",
                0.5,
            ),
            Self::DescriptorExhaustion => (
                "descriptor-exhaustion",
                "descriptors run out at a limit of 256; no new connection is accepted",
                "all of them",
                1.0,
            ),
            Self::CrashLoop => (
                "crash-loop",
                "the process exits with 1 and comes up again, after each second of load",
                "down for 1 s each time",
                0.5,
            ),
            Self::ConsumerLag => (
                "consumer-lag",
                "the consumer takes at most 20 messages a second; each request makes one",
                "it takes none",
                0.5,
            ),
            Self::CpuSaturation => (
                "cpu-saturation",
                "each request needs more CPU, one after the other",
                "60 ms more",
                0.5,
            ),
        };
        Traits {
            name,
            does,
            full,
            strength,
            ends: !matches!(self, Self::Deadlock),
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|a| a.traits().name == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_ailment_is_found_by_its_name_and_documented() {
        let page = include_str!("../../docs/diagnosis.md");
        for ailment in Ailment::ALL {
            let traits = ailment.traits();
            assert_eq!(Ailment::named(traits.name), Some(ailment));
            assert!((0.0..=1.0).contains(&traits.strength));
            let row = format!(
                "| `{}` | {} | {} | {} |",
                traits.name, traits.does, traits.full, traits.strength
            );
            assert!(page.contains(&row), "{row}");
        }
    }
}
