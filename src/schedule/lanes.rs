//! Lanes: how one plan is divided among shards and workers without changing it.
//!
//! Arrival k belongs to lane k mod 840. 840 is divisible by every number up to 8, so few workers
//! get equal shares. Whoever owns a lane sends its arrivals; any deal of all lanes is the whole plan.
//! Lanes are dealt twice: shard i of n owns those with l mod n = i, and of these worker j of w owns
//! those with ⌊l/n⌋ mod w = j. As long as n·w ≤ 840 nobody is left without a lane.

use super::Shard;
use crate::mutant::{self, Mutant};

/// Number of lanes.
pub const LANES: u64 = 840;

/// Some of the lanes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lanes {
    shard: u64,
    shards: u64,
    worker: u64,
    workers: u64,
}

impl Lanes {
    pub const fn all() -> Self {
        Self::share(0, 1)
    }

    /// The lanes of worker `index` of `of`, of the whole plan.
    ///
    /// # Panics
    /// When `index` is not below `of`.
    pub const fn share(index: usize, of: usize) -> Self {
        Self::of_shard(Shard::whole(), index, of)
    }

    /// The lanes of worker `worker` of `workers` within a shard.
    ///
    /// # Panics
    /// When `worker` is not below `workers`.
    pub const fn of_shard(shard: Shard, worker: usize, workers: usize) -> Self {
        assert!(worker < workers, "a share is counted from 0");
        Self {
            shard: shard.index() as u64,
            shards: shard.of() as u64,
            worker: worker as u64,
            workers: workers as u64,
        }
    }

    /// True when arrival `number` belongs to these lanes.
    pub fn contains(self, number: u64) -> bool {
        let lane = number % LANES;
        // A worker that deals for itself takes what comes first, whoever else takes it as well.
        if mutant::is_on(Mutant::ShardsByCount) {
            return lane % self.shards.max(self.workers) == self.worker;
        }
        lane % self.shards == self.shard && (lane / self.shards) % self.workers == self.worker
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_lane_has_exactly_one_owner_and_every_owner_a_lane() {
        for shards in 1..=100_usize {
            // Every number of workers for few shards, and the most for all.
            let most = 840 / shards;
            for workers in (1..=most.min(9)).chain([most]) {
                let mut owners = vec![0_u32; 840];
                for shard in (0..shards).map(|i| Shard::new(i, shards).expect("a part")) {
                    for worker in 0..workers {
                        let lanes = Lanes::of_shard(shard, worker, workers);
                        let mine = (0..LANES).filter(|l| lanes.contains(*l));
                        let count = mine
                            .inspect(|l| owners[usize::try_from(*l).expect("small")] += 1)
                            .count();
                        assert!(count > 0, "{shard}, worker {worker} of {workers}");
                    }
                }
                assert!(owners.iter().all(|n| *n == 1), "{shards} × {workers}");
            }
        }
    }
}
