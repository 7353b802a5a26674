//! Which journey a visit is: exact proportions, in an order that no worker or lane can favour.
//!
//! Visits come in blocks of Σ weights. A block visits every position of the weights once, by a
//! stride coprime to the length near the golden section, which spreads each journey evenly; where it
//! begins differs from block to block by a seeded hash.

use crate::random::mix;
use crate::scenario::plan::Plan;

/// A pure function from the number of a visit to its journey.
#[derive(Debug, Clone)]
pub struct Mix {
    /// Σ weights up to and including each journey.
    ends: Vec<u64>,
    block: u64,
    stride: u64,
    seed: u64,
}

impl Mix {
    pub fn new(plan: &Plan) -> Self {
        let common = plan
            .journeys
            .iter()
            .fold(0, |d, j| gcd(d, j.weight.into()))
            .max(1);
        let ends: Vec<u64> = plan
            .journeys
            .iter()
            .scan(0, |end, journey| {
                *end += u64::from(journey.weight) / common;
                Some(*end)
            })
            .collect();
        let block = ends.last().copied().unwrap_or(1).max(1);
        // 144/233 is the golden section to five digits, in integers.
        let mut stride = (block / 233 * 144 + block % 233 * 144 / 233).max(1);
        while gcd(stride, block) != 1 {
            stride += 1;
        }
        Self {
            ends,
            block,
            stride,
            seed: mix(plan.seed, u64::MAX - 1),
        }
    }

    /// Index of the journey of visit `number`.
    pub fn journey_of(&self, number: u64) -> usize {
        if self.ends.len() == 1 {
            return 0;
        }
        let (block, place) = (number / self.block, number % self.block);
        let offset = u128::from(mix(self.seed, block) % self.block);
        let visited = u128::from(place) * u128::from(self.stride) + offset;
        let position = visited % u128::from(self.block);
        self.ends
            .partition_point(|&end| u128::from(end) <= position)
    }
}

const fn gcd(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}
